/* What the baseline compiler tells besides code/emit.h. */
#pragma once

#include "code/emit.h"

/* The bits of os/cpu.h that all code of this compiler needs: whatever it may emit, used or not, so
 * that what an image needs does not depend on the program in it. */
uint32_t sw_baseline_cpu_features(void);
