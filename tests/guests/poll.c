/* Waiting: for a time, for stdin to have data, for the earlier of both. The test gives "x" on stdin
 * and keeps the pipe open, or closes it when the argument is "closed". */
#include "guest.h"

#include <poll.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

int main(void)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    char byte = 0;

    int ready = poll(&out, 1, 1000);
    printf("stdout: %d%s\n", ready, out.revents & POLLOUT ? " writable" : "");
    ready = poll(&in, 1, 10000);
    printf("stdin: %d%s\n", ready, in.revents & POLLIN ? " readable" : "");
    printf("read: %zd %c\n", read(STDIN_FILENO, &byte, 1), byte);

    long long before = now();
    struct timespec pause = {.tv_nsec = 30000000};
    nanosleep(&pause, NULL);
    printf("slept: %s\n", now() - before >= 29 ? "long enough" : "too short");
    return 0;
}
