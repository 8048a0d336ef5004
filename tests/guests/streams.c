/* The three standard streams: lines from stdin are numbered onto stdout and their lengths go to
 * stderr, both unbuffered, in turns. */
#include <stdio.h>
#include <string.h>

int main(void)
{
    char line[256];
    setvbuf(stdout, NULL, _IONBF, 0);
    for (int number = 1; fgets(line, sizeof line, stdin); number++) {
        line[strcspn(line, "\n")] = 0;
        printf("%d: %s\n", number, line);
        fprintf(stderr, "%d has %zu\n", number, strlen(line));
    }
    return ferror(stdin) ? 1 : 0;
}
