#include "random.h"

#include <errno.h>
#include <sys/random.h>

sw_status sw_random_fill(void *p, size_t size_bytes)
{
    uint8_t *at = p;
    while (size_bytes != 0) {
        ssize_t n = getrandom(at, size_bytes, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return SW_IO;
        }
        at += n;
        size_bytes -= (size_t)n;
    }
    return SW_OK;
}
