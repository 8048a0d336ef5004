/* Takes memory in steps of one MiB, touching all of it, until there is none or until as many MiB
 * are taken as the argument says; then prints the whole MiB it got. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every block is stored here, so that the compiler cannot leave it out. */
static char *volatile last;

int main(int argc, char **argv)
{
    size_t wanted = argc > 1 ? (size_t)atol(argv[1]) : 16;
    size_t got = 0;
    while (got < wanted) {
        char *block = malloc((size_t)1 << 20);
        if (!block) {
            break;
        }
        memset(block, (int)got | 1, (size_t)1 << 20);
        last = block;
        got++;
    }
    printf("%s\n", got == wanted ? "all" : "refused");
    fprintf(stderr, "%zu MiB\n", got);
    return got == wanted ? 0 : 3;
}
