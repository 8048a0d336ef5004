/*
 * What this processor can do.
 *
 * On x86-64 the answer comes from the dynamic linker, which has already asked the processor: the
 * cpuid instruction leaves the virtual machine and costs 4 us, a noticeable part of a start.
 */
#pragma once

#include "base/base.h"

/* Bits of sw_cpu_features(). Stored in images: values stay. */
enum {
    SW_CPU_SSE41 = 1u << 0,
    SW_CPU_SSE42 = 1u << 1,
    SW_CPU_POPCNT = 1u << 2,
    SW_CPU_AVX = 1u << 3,
    SW_CPU_AVX2 = 1u << 4,
    SW_CPU_BMI1 = 1u << 5,
    SW_CPU_BMI2 = 1u << 6,
    SW_CPU_LZCNT = 1u << 7,
    SW_CPU_FMA = 1u << 8,
    SW_CPU_SHA = 1u << 9, /* host code only; compiled guests never use it */
};

/* The features that both the processor has and the system lets programs use. 0 on processors for
 * which no bit is defined. */
uint32_t sw_cpu_features(void);

/* Room for the names of all features. */
enum { SW_CPU_NAMES_BYTES = 128 };

/* The features' names as the makers write them: "AVX, BMI2". A bit without a name is a number. */
const char *sw_cpu_names(uint32_t features, char text[SW_CPU_NAMES_BYTES]);
