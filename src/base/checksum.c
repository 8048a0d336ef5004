/*
 * Two lanes take 16 bytes each per step: the halves, mixed with a constant and with the lane, are
 * multiplied to 128 bits, whose halves are folded together. The multiplications of the two lanes
 * overlap, which is where the speed comes from. The lane is added again after the fold, so that a
 * product of zero does not forget what came before.
 */
#include "checksum.h"

static const uint64_t ODD[4] = {UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xc2b2ae3d27d4eb4f),
                                UINT64_C(0xff51afd7ed558ccd), UINT64_C(0x94d049bb133111eb)};

static uint64_t fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 u128;
    u128 product = (u128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load(const uint8_t *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

static void step(uint64_t lane[2], const uint8_t *p)
{
    lane[0] += fold(load(p) ^ ODD[0], load(p + 8) ^ lane[0]);
    lane[1] += fold(load(p + 16) ^ ODD[1], load(p + 24) ^ lane[1]);
}

uint64_t sw_checksum(sw_bytes bytes)
{
    uint64_t lane[2] = {ODD[2], ODD[3]};
    const uint8_t *p = bytes.ptr;
    size_t left = bytes.len;
    for (; left >= 32; left -= 32, p += 32) {
        step(lane, p);
    }
    uint8_t tail[32] = {};
    if (left != 0) {
        memcpy(tail, p, left);
    }
    step(lane, tail);
    uint64_t sum = fold(lane[0] ^ ODD[2], lane[1] ^ bytes.len);
    return fold(sum ^ ODD[3], ODD[0]) ^ sum;
}
