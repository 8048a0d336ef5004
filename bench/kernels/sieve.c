/* Byte stores and short loops: the sieve of Eratosthenes. */
#include "kernel.h"

#include <string.h>

enum { LIMIT = 1 << 20, ROUNDS = 40 };

static unsigned char composite[LIMIT];

static uint64_t kernel(void)
{
    uint64_t count = 0;
    for (int round = 0; round < ROUNDS; round++) {
        memset(composite, 0, sizeof composite);
        for (unsigned i = 2; i < LIMIT; i++) {
            if (composite[i]) {
                continue;
            }
            count += i;
            for (unsigned j = i * 2; j < LIMIT; j += i) {
                composite[j] = 1;
            }
        }
    }
    return count;
}
