/* Inside of sw_app, for seats and workers. */
#pragma once

#include "http/server.h"

struct sw_app {
    atomic_uint refs;
    sw_app_parts parts;
};
