/* Never ends, in the way the argument names: a "loop" without calls, a "call" loop, a chain of
 * "recursion" that goes up and down, a "sleep" of an hour, a "read" from a silent stdin. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile unsigned counter;

static __attribute__((noinline)) unsigned count(unsigned by)
{
    return counter += by;
}

static __attribute__((noinline)) unsigned climb(unsigned depth)
{
    return depth ? climb(depth - 1) + climb(depth - 1) : count(1);
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "loop";
    char byte;

    puts("spinning");
    fflush(stdout);
    if (strcmp(way, "sleep") == 0) {
        sleep(3600);
    } else if (strcmp(way, "read") == 0) {
        (void)!read(STDIN_FILENO, &byte, 1);
    } else if (strcmp(way, "recursion") == 0) {
        climb(60);
    } else if (strcmp(way, "call") == 0) {
        while (count(1) != 0xffffffff || count(3)) {
        }
    } else {
        for (;;) {
            counter++;
        }
    }
    puts("ended");
    return 0;
}
