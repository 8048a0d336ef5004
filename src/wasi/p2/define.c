/* WASI 0.2: what a linker gets. */
#include "wasi/wasi.h"

#define INTERFACES(X)         \
    X(io_error)               \
    X(io_poll)                \
    X(io_streams)             \
    X(clocks_monotonic_clock) \
    X(clocks_wall_clock)      \
    X(random_random)          \
    X(random_insecure)        \
    X(random_insecure_seed)   \
    X(cli_environment)        \
    X(cli_exit)               \
    X(cli_stdin)              \
    X(cli_stdout)             \
    X(cli_stderr)             \
    X(cli_terminal_input)     \
    X(cli_terminal_output)    \
    X(cli_terminal_stdin)     \
    X(cli_terminal_stdout)    \
    X(cli_terminal_stderr)    \
    X(filesystem_types)       \
    X(filesystem_preopens)

#define X(name) extern const sw_host_iface sw_wasi_##name##_iface;
INTERFACES(X)
#undef X

sw_status sw_wasi_define_p2(sw_linker *l, sw_diag *diag)
{
    static const sw_host_iface *const all[] = {
#define X(name) &sw_wasi_##name##_iface,
        INTERFACES(X)
#undef X
    };
    for (size_t i = 0; i < SW_COUNTOF(all); i++) {
        SW_TRY(sw_linker_define(l, all[i], diag));
    }
    return SW_OK;
}
