/* Starts a program many times, one after another, and prints what one start costs:
 *
 *     spawn COUNT PROGRAM [ARGUMENTS...]   ->   median_ns p99_ns lowest_ns peak_kib
 *
 * The time is from before the start until the process has been waited for; stdout goes to
 * /dev/null. peak_kib is the highest resident set of any of them. Exit code 1 when one did not end
 * with 0. */
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { WARM_UP = 10, COUNT_MAX = 100000 };

static int64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* One start; returns its nanoseconds, or -1. */
static int64_t start_once(char **command, posix_spawn_file_actions_t *actions, long *peak_kib)
{
    pid_t child;
    int status;
    struct rusage usage;
    int64_t before = nanoseconds();

    if (posix_spawn(&child, command[0], actions, NULL, command, environ) != 0 ||
        wait4(child, &status, 0, &usage) != child) {
        return -1;
    }
    int64_t spent = nanoseconds() - before;
    if (usage.ru_maxrss > *peak_kib) {
        *peak_kib = usage.ru_maxrss;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? spent : -1;
}

int main(int argc, char **argv)
{
    static int64_t spent[COUNT_MAX];
    posix_spawn_file_actions_t actions;
    long peak_kib = 0;
    int count = argc > 2 ? atoi(argv[1]) : 0;

    if (count < 1 || count > COUNT_MAX) {
        fputs("usage: spawn COUNT PROGRAM [ARGUMENTS...]\n", stderr);
        return 2;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    for (int i = -WARM_UP; i < count; i++) {
        int64_t time = start_once(argv + 2, &actions, &peak_kib);
        if (time < 0) {
            fprintf(stderr, "spawn: %s failed\n", argv[2]);
            return 1;
        }
        if (i >= 0) {
            spent[i] = time;
        }
    }
    qsort(spent, (size_t)count, sizeof spent[0], ascending);
    printf("%lld %lld %lld %ld\n", (long long)spent[count / 2], (long long)spent[count * 99L / 100],
           (long long)spent[0], peak_kib);
    return 0;
}
