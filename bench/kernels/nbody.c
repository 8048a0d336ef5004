/* Long chains of double arithmetic with square roots: bodies that pull at each other. */
#include "kernel.h"

#include <math.h>
#include <string.h>

enum { BODIES = 5, STEPS = 500000 };

typedef struct body {
    double place[3], speed[3], mass;
} body;

static body bodies[BODIES];

static void place_bodies(void)
{
    uint32_t state = 12345;
    for (int i = 0; i < BODIES; i++) {
        for (int axis = 0; axis < 3; axis++) {
            bodies[i].place[axis] = next_random(&state) / 4294967296.0 * 20 - 10;
            bodies[i].speed[axis] = next_random(&state) / 4294967296.0 - 0.5;
        }
        bodies[i].mass = i ? 0.01 * i : 40;
    }
}

static void pull(body *a, body *b, double step)
{
    double dx = a->place[0] - b->place[0];
    double dy = a->place[1] - b->place[1];
    double dz = a->place[2] - b->place[2];
    double square = dx * dx + dy * dy + dz * dz + 0.01;
    double force = step / (square * sqrt(square));

    a->speed[0] -= dx * b->mass * force;
    a->speed[1] -= dy * b->mass * force;
    a->speed[2] -= dz * b->mass * force;
    b->speed[0] += dx * a->mass * force;
    b->speed[1] += dy * a->mass * force;
    b->speed[2] += dz * a->mass * force;
}

static void advance(double step)
{
    for (int i = 0; i < BODIES; i++) {
        for (int j = i + 1; j < BODIES; j++) {
            pull(&bodies[i], &bodies[j], step);
        }
    }
    for (int i = 0; i < BODIES; i++) {
        for (int axis = 0; axis < 3; axis++) {
            bodies[i].place[axis] += step * bodies[i].speed[axis];
        }
    }
}

static uint64_t kernel(void)
{
    uint64_t sum = 0;
    place_bodies();
    for (int i = 0; i < STEPS; i++) {
        advance(0.001);
    }
    for (int i = 0; i < BODIES; i++) {
        uint64_t bits;
        memcpy(&bits, &bodies[i].place[0], sizeof bits);
        sum = sum * 31 + bits;
    }
    return sum;
}
