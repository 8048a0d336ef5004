/* Double arithmetic and addressing: a product of matrices in the plain order of loops. */
#include "kernel.h"

#include <string.h>

enum { SIZE = 320, ROUNDS = 3 };

static double a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE];

static void fill(void)
{
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
            a[i][j] = (i * j % 17) / 16.0;
            b[i][j] = (i + j * 3 % 13) / 8.0;
        }
    }
}

static void multiply(void)
{
    for (int i = 0; i < SIZE; i++) {
        for (int k = 0; k < SIZE; k++) {
            double factor = a[i][k];
            for (int j = 0; j < SIZE; j++) {
                c[i][j] += factor * b[k][j];
            }
        }
    }
}

static uint64_t kernel(void)
{
    uint64_t sum = 0;
    fill();
    for (int round = 0; round < ROUNDS; round++) {
        multiply();
    }
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
            uint64_t bits;
            memcpy(&bits, &c[i][j], sizeof bits);
            sum = sum * 31 + bits;
        }
    }
    return sum;
}
