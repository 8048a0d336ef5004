/* Calls: the naive Fibonacci numbers. */
#include "kernel.h"

static volatile unsigned size = 36;

static __attribute__((noinline)) unsigned fib(unsigned n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static uint64_t kernel(void)
{
    return fib(size);
}
