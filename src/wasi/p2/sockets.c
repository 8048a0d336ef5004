/* WASI 0.2: what a linker gets of wasi:sockets. */
#include "wasi/wasi.h"

#define INTERFACES(X)            \
    X(sockets_network)           \
    X(sockets_instance_network)  \
    X(sockets_tcp)               \
    X(sockets_tcp_create_socket) \
    X(sockets_udp)               \
    X(sockets_udp_create_socket) \
    X(sockets_ip_name_lookup)

#define X(name) extern const sw_host_iface sw_wasi_##name##_iface;
INTERFACES(X)
#undef X

sw_status sw_wasi_define_sockets(sw_linker *l, sw_diag *diag)
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
