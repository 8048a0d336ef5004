/* The clocks: running, in order, of a known resolution, and of this century. */
#include "guest.h"

#include <time.h>
#include <unistd.h>

static long long now(clockid_t clock)
{
    struct timespec time;
    if (clock_gettime(clock, &time)) {
        guest_fail("clock_gettime");
    }
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(void)
{
    struct timespec resolution;
    long long last = now(CLOCK_MONOTONIC);
    int backwards = 0;

    for (int i = 0; i < 1000; i++) {
        long long next = now(CLOCK_MONOTONIC);
        backwards += next < last;
        last = next;
    }
    printf("monotonic: %d steps back\n", backwards);
    printf("realtime: %s\n",
           now(CLOCK_REALTIME) > 1577836800LL * 1000000000 ? "after 2020" : "wrong");
    clock_getres(CLOCK_MONOTONIC, &resolution);
    printf("resolution: %s\n",
           resolution.tv_sec == 0 && resolution.tv_nsec > 0 ? "below a second" : "wrong");

    long long before = now(CLOCK_MONOTONIC);
    usleep(20000);
    long long slept = now(CLOCK_MONOTONIC) - before;
    printf("slept: %s\n", slept >= 20000000 ? "long enough" : "too short");
    return 0;
}
