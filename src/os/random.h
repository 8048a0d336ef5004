/* The system's secure random numbers. */
#pragma once

#include "base/status.h"

/* Fills the whole buffer; waits for the system's pool at boot only. IO if the system has none. */
SW_NODISCARD sw_status sw_random_fill(void *p, size_t size_bytes);
