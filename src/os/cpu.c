#include "cpu.h"

#if defined(__x86_64__)
#    include <sys/platform/x86.h>

uint32_t sw_cpu_features(void)
{
    return (CPU_FEATURE_ACTIVE(SSE4_1) ? SW_CPU_SSE41 : 0u) |
           (CPU_FEATURE_ACTIVE(SSE4_2) ? SW_CPU_SSE42 : 0u) |
           (CPU_FEATURE_ACTIVE(POPCNT) ? SW_CPU_POPCNT : 0u) |
           (CPU_FEATURE_ACTIVE(AVX) ? SW_CPU_AVX : 0u) |
           (CPU_FEATURE_ACTIVE(AVX2) ? SW_CPU_AVX2 : 0u) |
           (CPU_FEATURE_ACTIVE(BMI1) ? SW_CPU_BMI1 : 0u) |
           (CPU_FEATURE_ACTIVE(BMI2) ? SW_CPU_BMI2 : 0u) |
           (CPU_FEATURE_ACTIVE(LZCNT) ? SW_CPU_LZCNT : 0u) |
           (CPU_FEATURE_ACTIVE(FMA) ? SW_CPU_FMA : 0u) |
           (CPU_FEATURE_ACTIVE(SHA) ? SW_CPU_SHA : 0u);
}
#else
uint32_t sw_cpu_features(void)
{
    return 0;
}
#endif
