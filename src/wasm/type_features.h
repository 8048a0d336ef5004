/* Which language feature a type needs, for messages that name it. */
#pragma once

#include "wasm/module.h"

/* The name of the feature that t needs and features lacks, or NULL. */
const char *sw_valtype_missing_feature(sw_valtype t, const sw_features *features);
