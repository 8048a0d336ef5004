/* Random bytes: there, of any length, and not the same twice. */
#include "guest.h"

#include <unistd.h>

int main(void)
{
    static unsigned char first[65536], second[65536];
    for (size_t done = 0; done < sizeof first; done += 256) {
        if (getentropy(first + done, 256) || getentropy(second + done, 256)) {
            guest_fail("getentropy");
        }
    }
    size_t ones = 0;
    for (size_t i = 0; i < sizeof first; i++) {
        ones += (size_t)__builtin_popcount(first[i]);
    }
    printf("different: %s\n", memcmp(first, second, sizeof first) ? "yes" : "no");
    printf("balanced: %s\n", ones > 250000 && ones < 274288 ? "yes" : "no");
    return 0;
}
