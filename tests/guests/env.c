/* Prints the whole environment as it comes; with names as arguments, only those. */
#include <stdio.h>
#include <stdlib.h>

extern char **environ;

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = getenv(argv[i]);
        printf("%s %s\n", argv[i], value ? value : "is not set");
    }
    for (char **entry = environ; argc == 1 && entry && *entry; entry++) {
        puts(*entry);
    }
    return 0;
}
