/* One trap of every kind that C can reach, by name. The functions are kept apart and named, so that
 * a test can look for them in the backtrace. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define APART __attribute__((noinline, optnone))

/* Volatile, so that the compiler cannot know the operands. */
static volatile int32_t zero;
static volatile int32_t minus_one = -1;
static volatile int32_t lowest = INT32_MIN;
static volatile int64_t zero_long;
static volatile int64_t minus_one_long = -1;
static volatile int64_t lowest_long = INT64_MIN;
static volatile double huge = 1e300;
static volatile float not_a_number = __builtin_nanf("");
static volatile uintptr_t far_away = 0xfffffff0u;
static volatile intptr_t table_index = 0;

typedef struct trap_kind {
    const char *name;
    void (*spring)(void);
} trap_kind;

static APART void spring_unreachable(void)
{
    __builtin_trap();
}

static APART void spring_load(void)
{
    printf("%d\n", *(volatile int *)far_away);
}

static APART void spring_store(void)
{
    *(volatile int64_t *)far_away = 1;
}

static APART void spring_divide(void)
{
    printf("%d\n", 1 / zero);
}

static APART void spring_divide_long(void)
{
    printf("%lld\n", 1 / (long long)zero_long);
}

static APART void spring_remainder(void)
{
    printf("%d\n", 1 % zero);
}

static APART void spring_overflow(void)
{
    printf("%d\n", lowest / minus_one);
}

static APART void spring_overflow_long(void)
{
    printf("%lld\n", (long long)(lowest_long / minus_one_long));
}

static APART void spring_convert(void)
{
    printf("%d\n", __builtin_wasm_trunc_s_i32_f64(huge));
}

static APART void spring_convert_nan(void)
{
    printf("%lld\n", __builtin_wasm_trunc_u_i64_f32(not_a_number));
}

static APART void spring_null_call(void)
{
    ((void (*)(void))table_index)();
}

static APART void spring_table_bounds(void)
{
    table_index = 1000000;
    ((void (*)(void))table_index)();
}

static APART void spring_wrong_type(void)
{
    volatile intptr_t other = (intptr_t)spring_load;
    printf("%f\n", ((double (*)(double, int))other)(1.0, 2));
}

static APART int recurse(int depth)
{
    volatile char frame[64];
    frame[depth & 63] = (char)depth;
    return recurse(depth + 1) + frame[depth & 63];
}

static APART void spring_recursion(void)
{
    printf("%d\n", recurse(0));
}

/* Recursion that uses no guest memory, so only the host's stack is spent. Work is left after the
 * call, so that it cannot become a loop. */
static __attribute__((noinline)) int recurse_lightly(int depth)
{
    return depth == lowest ? 0 : recurse_lightly(depth + 1) / 3 + minus_one;
}

static APART void spring_light_recursion(void)
{
    printf("%d\n", recurse_lightly(0));
}

/* The same with a call of the host at each depth, of those that take most of its stack. */
static __attribute__((noinline)) int recurse_with_host(int depth)
{
    static char link[16];
    static struct stat status;
    if (depth == lowest || readlink("/no/where", link, sizeof link) >= 0 ||
        stat("/no/where", &status) == 0 || symlink("/no/where", "/no/where") == 0) {
        return 0;
    }
    return recurse_with_host(depth + 1) / 3 + minus_one;
}

static APART void spring_host_recursion(void)
{
    printf("%d\n", recurse_with_host(0));
}

static const trap_kind kinds[] = {
    {"unreachable",     spring_unreachable    },
    {"load",            spring_load           },
    {"store",           spring_store          },
    {"divide",          spring_divide         },
    {"divide-long",     spring_divide_long    },
    {"remainder",       spring_remainder      },
    {"overflow",        spring_overflow       },
    {"overflow-long",   spring_overflow_long  },
    {"convert",         spring_convert        },
    {"convert-nan",     spring_convert_nan    },
    {"null-call",       spring_null_call      },
    {"table-bounds",    spring_table_bounds   },
    {"wrong-type",      spring_wrong_type     },
    {"recursion",       spring_recursion      },
    {"light-recursion", spring_light_recursion},
    {"host-recursion",  spring_host_recursion },
};

static APART void spring_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            kinds[i].spring();
        }
    }
}

int main(int argc, char **argv)
{
    puts("before");
    fflush(stdout);
    spring_by_name(argc > 1 ? argv[1] : "unreachable");
    puts("after");
    return 0;
}
