#include "cpu.h"

#if defined(__x86_64__)
#    include <sys/platform/x86.h>

typedef struct feature {
    uint32_t bit;
    unsigned index; /* glibc's: leaf, register and bit */
} feature;

static const feature FEATURES[] = {
    {SW_CPU_SSE41,  x86_cpu_SSE4_1},
    {SW_CPU_SSE42,  x86_cpu_SSE4_2},
    {SW_CPU_POPCNT, x86_cpu_POPCNT},
    {SW_CPU_AVX,    x86_cpu_AVX   },
    {SW_CPU_AVX2,   x86_cpu_AVX2  },
    {SW_CPU_BMI1,   x86_cpu_BMI1  },
    {SW_CPU_BMI2,   x86_cpu_BMI2  },
    {SW_CPU_LZCNT,  x86_cpu_LZCNT },
    {SW_CPU_FMA,    x86_cpu_FMA   },
    {SW_CPU_SHA,    x86_cpu_SHA   },
};

uint32_t sw_cpu_features(void)
{
    uint32_t features = 0;
    for (size_t i = 0; i < SW_COUNTOF(FEATURES); i++) {
        features |= x86_cpu_active(FEATURES[i].index) ? FEATURES[i].bit : 0;
    }
    return features;
}
#else
uint32_t sw_cpu_features(void)
{
    return 0;
}
#endif
