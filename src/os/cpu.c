#include "cpu.h"

#include <stdio.h>

/* X(bit, the makers' name, glibc's) */
#define FEATURE_MAP(X)          \
    X(SSE41, "SSE4.1", SSE4_1)  \
    X(SSE42, "SSE4.2", SSE4_2)  \
    X(POPCNT, "POPCNT", POPCNT) \
    X(AVX, "AVX", AVX)          \
    X(AVX2, "AVX2", AVX2)       \
    X(BMI1, "BMI1", BMI1)       \
    X(BMI2, "BMI2", BMI2)       \
    X(LZCNT, "LZCNT", LZCNT)    \
    X(FMA, "FMA", FMA)          \
    X(SHA, "SHA", SHA)

typedef struct feature {
    uint32_t bit;
    const char *name;
} feature;

static const feature FEATURES[] = {
#define X(bit, name, glibc) {SW_CPU_##bit, (name)},
    FEATURE_MAP(X)
#undef X
};

static void add_name(char text[SW_CPU_NAMES_BYTES], size_t *used, const char *name)
{
    const char *comma = *used == 0 ? "" : ", ";
    int n = snprintf(text + *used, SW_CPU_NAMES_BYTES - *used, "%s%s", comma, name);
    *used = SW_MIN(*used + (size_t)SW_MAX(n, 0), (size_t)SW_CPU_NAMES_BYTES - 1);
}

const char *sw_cpu_names(uint32_t features, char text[SW_CPU_NAMES_BYTES])
{
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < SW_COUNTOF(FEATURES); i++) {
        if ((features & FEATURES[i].bit) != 0) {
            add_name(text, &used, FEATURES[i].name);
            features &= ~FEATURES[i].bit;
        }
    }
    if (features != 0) {
        char number[16];
        (void)snprintf(number, sizeof(number), "%#x", features);
        add_name(text, &used, number);
    }
    return text;
}

#if defined(__x86_64__)
#    include <sys/platform/x86.h>

uint32_t sw_cpu_features(void)
{
    uint32_t features = 0;
#    define X(bit, name, glibc) features |= x86_cpu_active(x86_cpu_##glibc) ? SW_CPU_##bit : 0;
    FEATURE_MAP(X)
#    undef X
    return features;
}
#else
uint32_t sw_cpu_features(void)
{
    return 0;
}
#endif
