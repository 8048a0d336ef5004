/* Ends in the way the first argument names: "return N", "exit N", "_exit N", "abort". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "return";
    int code = argc > 2 ? atoi(argv[2]) : 0;

    printf("%s %d", way, code); /* No line end: only a proper exit flushes it. */
    if (strcmp(way, "exit") == 0) {
        exit(code);
    }
    if (strcmp(way, "_exit") == 0) {
        _exit(code);
    }
    if (strcmp(way, "abort") == 0) {
        abort();
    }
    return code;
}
