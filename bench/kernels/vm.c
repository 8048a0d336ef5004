/* A switch in a loop: an interpreter of a small register code that counts steps of the Collatz
 * sequence. */
#include "kernel.h"

typedef enum opcode {
    OP_MOVE,
    OP_LOAD,
    OP_ADD,
    OP_ADD_ONE,
    OP_TRIPLE_AND_ONE,
    OP_HALVE,
    OP_XOR,
    OP_SHIFT,
    OP_JUMP,
    OP_JUMP_IF_ODD,
    OP_JUMP_IF_ONE,
    OP_JUMP_IF_BELOW,
    OP_STOP,
} opcode;

typedef struct instruction {
    uint8_t op, target, source;
    int32_t value;
} instruction;

enum { NUMBER, N, STEPS, LIMIT, SUM, REGISTERS };

static const instruction program[] = {
    {OP_LOAD,           NUMBER, 0,      1     },
    {OP_LOAD,           LIMIT,  0,      130000},
    {OP_LOAD,           SUM,    0,      0     },
    {OP_MOVE,           N,      NUMBER, 0     }, /* 3: the next number */
    {OP_LOAD,           STEPS,  0,      0     },
    {OP_JUMP_IF_ONE,    N,      0,      12    }, /* 5: the next step */
    {OP_ADD_ONE,        STEPS,  0,      0     },
    {OP_JUMP_IF_ODD,    N,      0,      10    },
    {OP_HALVE,          N,      0,      0     },
    {OP_JUMP,           0,      0,      5     },
    {OP_TRIPLE_AND_ONE, N,      0,      0     },
    {OP_JUMP,           0,      0,      5     },
    {OP_SHIFT,          SUM,    0,      1     }, /* 12: the number is done */
    {OP_XOR,            SUM,    STEPS,  0     },
    {OP_ADD,            SUM,    STEPS,  0     },
    {OP_ADD_ONE,        NUMBER, 0,      0     },
    {OP_JUMP_IF_BELOW,  NUMBER, LIMIT,  3     },
    {OP_STOP,           SUM,    0,      0     },
};

static uint64_t interpret(const instruction *code)
{
    uint64_t r[REGISTERS] = {0};
    for (const instruction *at = code;; at++) {
        switch ((opcode)at->op) {
        case OP_MOVE: r[at->target] = r[at->source]; break;
        case OP_LOAD: r[at->target] = (uint64_t)at->value; break;
        case OP_ADD: r[at->target] += r[at->source]; break;
        case OP_ADD_ONE: r[at->target]++; break;
        case OP_TRIPLE_AND_ONE: r[at->target] = r[at->target] * 3 + 1; break;
        case OP_HALVE: r[at->target] >>= 1; break;
        case OP_XOR: r[at->target] ^= r[at->source]; break;
        case OP_SHIFT:
            r[at->target] = r[at->target] << at->value | r[at->target] >> (64 - at->value);
            break;
        case OP_JUMP: at = code + at->value - 1; break;
        case OP_JUMP_IF_ODD:
            if (r[at->target] & 1) {
                at = code + at->value - 1;
            }
            break;
        case OP_JUMP_IF_ONE:
            if (r[at->target] == 1) {
                at = code + at->value - 1;
            }
            break;
        case OP_JUMP_IF_BELOW:
            if (r[at->target] < r[at->source]) {
                at = code + at->value - 1;
            }
            break;
        case OP_STOP: return r[at->target];
        }
    }
}

static const instruction *volatile start = program;

static uint64_t kernel(void)
{
    return interpret(start);
}
