/* Constructors before main, handlers after it, and a byte written last by each. */
#include <stdio.h>
#include <stdlib.h>

static int order = 1;

static __attribute__((constructor)) void construct(void)
{
    printf("constructor %d\n", order++);
}

static void at_exit(void)
{
    printf("at exit %d\n", order++);
}

static __attribute__((destructor)) void destruct(void)
{
    printf("destructor %d\n", order++);
}

int main(void)
{
    atexit(at_exit);
    printf("main %d\n", order++);
    return 0;
}
