/*
 * Grants: all that a guest may see of the world, as a value.
 *
 * One grammar for the command line, manifests and the API. What is not added here does not exist
 * for the guest, except standard streams, clocks, randomness and exit.
 *
 *     directory    HOST[::GUEST][:ro]     "." "./data::/data" "/srv/site::/www:ro"
 *     environment  NAME[=VALUE]           without a value: the host's own, if it has one
 *     http         [SCHEME://]HOST[:PORT][/PATH]     egress.h says what these mean
 *     tcp, udp     HOST:PORT
 *     listen       ADDRESS:PORT
 *     dns          NAME
 *
 * A grants object belongs to one thread; a WASI context copies what it needs when it is made.
 */
#pragma once

#include "base/arena.h"
#include "base/status.h"
#include "base/vec.h"
#include "wasi/egress.h"

typedef struct sw_grant_dir {
    sw_str host, guest; /* followed by a NUL */
    bool is_read_only;
} sw_grant_dir;

typedef struct sw_grants {
    sw_arena arena; /* holds every string */
    SW_VEC(sw_grant_dir) dirs;
    SW_VEC(sw_str) env;  /* "NAME=VALUE" */
    SW_VEC(sw_str) args; /* args.at[0] is the program's name */
    SW_VEC(sw_grant_http) http;
    SW_VEC(sw_grant_net) net;
    int stdio[3];        /* descriptors the guest's streams stand for; borrowed; -1: closed */
    bool raises_sigpipe; /* by writing to one of these that nobody reads; else the guest is told */
} sw_grants;

void sw_grants_init(sw_grants *g, sw_budget *budget); /* stdio: 0, 1, 2 */
void sw_grants_clear(sw_grants *g);

/* SW_ARGUMENT for a malformed spec. Whether the directory exists is seen when a context is made. */
SW_NODISCARD sw_status sw_grants_add_dir(sw_grants *g, sw_str spec, sw_diag *diag);
SW_NODISCARD sw_status sw_grants_add_env(sw_grants *g, sw_str spec, sw_diag *diag);
SW_NODISCARD sw_status sw_grants_add_arg(sw_grants *g, sw_str arg);
SW_NODISCARD sw_status sw_grants_add_http(sw_grants *g, sw_str pattern, sw_diag *diag);
SW_NODISCARD sw_status sw_grants_add_net(sw_grants *g, sw_net_use use, sw_str pattern,
                                         sw_diag *diag);
