/*
 * What swell-tls.so gives to the rest: one table, the only symbol it exports. The module has its
 * own copy of what it needs from base (statuses, memory); budgets and diags are plain structures
 * and pass through. The table begins with a number that changes with any of these layouts, so that
 * a module of another build is refused rather than called.
 */
#pragma once

#include "http/tls.h"

#define SW_TLS_MODULE_SYMBOL "sw_tls_module"
#define SW_TLS_MODULE_ABI    UINT32_C(2)

typedef struct sw_tls_module_table {
    uint32_t abi; /* SW_TLS_MODULE_ABI */
    uint32_t size_bytes;
    sw_status (*server_new)(const sw_tls_server_options *options, const sw_tls *old,
                            sw_tls **ret_tls, sw_diag *diag);
    sw_status (*client_new)(const sw_tls_client_options *options, sw_tls **ret_tls, sw_diag *diag);
    sw_tls *(*ref)(sw_tls *t);
    void (*unref)(sw_tls *t);
    sw_status (*accept)(sw_tls *t, int fd, sw_budget *budget, sw_io **ret_io);
    sw_status (*connect)(sw_tls *t, int fd, sw_str host, sw_budget *budget, sw_io **ret_io);
    void (*info)(const sw_io *io, sw_tls_info *ret_info);
} sw_tls_module_table;
