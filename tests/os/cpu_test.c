/* The processor's features agree with what the kernel lists. */
#include "os/cpu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct flag_case {
    uint32_t feature;
    const char *flag; /* as in /proc/cpuinfo, with spaces around */
} flag_case;

static const flag_case FLAG_CASES[] = {
    {SW_CPU_SSE41,  " sse4_1 "},
    {SW_CPU_SSE42,  " sse4_2 "},
    {SW_CPU_POPCNT, " popcnt "},
    {SW_CPU_AVX,    " avx "   },
    {SW_CPU_AVX2,   " avx2 "  },
    {SW_CPU_BMI1,   " bmi1 "  },
    {SW_CPU_BMI2,   " bmi2 "  },
    {SW_CPU_LZCNT,  " abm "   },
    {SW_CPU_FMA,    " fma "   },
    {SW_CPU_SHA,    " sha_ni "},
};

static bool kernel_flags(char *line, int size)
{
    FILE *f = fopen("/proc/cpuinfo", "r");
    bool found = false;
    while (f != NULL && !found && fgets(line, size, f) != NULL) {
        found = strncmp(line, "flags", 5) == 0;
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return found;
}

static void features_are_the_kernels(void **state)
{
    (void)state;
    static char line[16384];
    if (!kernel_flags(line, sizeof line)) {
        skip();
    }
    line[strcspn(line, "\n")] = ' ';
    uint32_t features = sw_cpu_features();
    for (size_t i = 0; i < SW_COUNTOF(FLAG_CASES); i++) {
        bool has = (features & FLAG_CASES[i].feature) != 0;
        assert_int_equal(has, strstr(line, FLAG_CASES[i].flag) != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(features_are_the_kernels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
