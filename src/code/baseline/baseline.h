/* What the baseline compiler tells besides code/emit.h. */
#pragma once

#include "code/emit.h"

/* The bits of os/cpu.h that all code of this compiler needs. */
uint64_t sw_baseline_cpu_features(void);
