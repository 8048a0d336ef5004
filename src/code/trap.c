/* The names of traps. */
#include "code/abi.h"

const char *sw_trap_text(sw_trap t)
{
    static const char *const texts[SW_TRAP_COUNT] = {
#define X(name, text) text,
        SW_TRAP_MAP(X)
#undef X
    };
    return (unsigned)t < SW_TRAP_COUNT ? texts[t] : "unknown trap";
}
