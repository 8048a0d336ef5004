/* Grants: the public face of wasi/grants.h. */
#include "api/api.h"

swell_status swell_grants_new(swell_grants **ret_grants)
{
    swell_grants *g = sw_alloc(NULL, sizeof *g);
    if (g == NULL) {
        return SWELL_NO_MEMORY;
    }
    sw_grants_init(&g->grants, NULL);
    for (unsigned i = 0; i < SW_COUNTOF(g->grants.stdio); i++) {
        g->grants.stdio[i] = -1;
    }
    *ret_grants = g;
    return SWELL_OK;
}

void swell_grants_free(swell_grants *grants)
{
    if (grants != NULL) {
        sw_grants_clear(&grants->grants);
        sw_free(NULL, grants, sizeof *grants);
    }
}

swell_status swell_grants_add_dir(swell_grants *grants, swell_str spec, swell_error *error)
{
    sw_diag diag = {};
    return sw_api_result(sw_grants_add_dir(&grants->grants, sw_api_str(spec), &diag), &diag, error);
}

swell_status swell_grants_add_env(swell_grants *grants, swell_str spec, swell_error *error)
{
    sw_diag diag = {};
    return sw_api_result(sw_grants_add_env(&grants->grants, sw_api_str(spec), &diag), &diag, error);
}

swell_status swell_grants_add_http(swell_grants *grants, swell_str pattern, swell_error *error)
{
    sw_diag diag = {};
    return sw_api_result(sw_grants_add_http(&grants->grants, sw_api_str(pattern), &diag), &diag,
                         error);
}

static swell_status add_net(swell_grants *grants, sw_net_use use, swell_str spec,
                            swell_error *error)
{
    sw_diag diag = {};
    return sw_api_result(sw_grants_add_net(&grants->grants, use, sw_api_str(spec), &diag), &diag,
                         error);
}

swell_status swell_grants_add_tcp(swell_grants *grants, swell_str spec, swell_error *error)
{
    return add_net(grants, SW_NET_TCP, spec, error);
}

swell_status swell_grants_add_udp(swell_grants *grants, swell_str spec, swell_error *error)
{
    return add_net(grants, SW_NET_UDP, spec, error);
}

swell_status swell_grants_add_listen(swell_grants *grants, swell_str spec, swell_error *error)
{
    return add_net(grants, SW_NET_LISTEN, spec, error);
}

swell_status swell_grants_add_dns(swell_grants *grants, swell_str name, swell_error *error)
{
    return add_net(grants, SW_NET_DNS, name, error);
}

swell_status swell_grants_add_arg(swell_grants *grants, swell_str arg)
{
    return (swell_status)sw_grants_add_arg(&grants->grants, sw_api_str(arg));
}

void swell_grants_set_stdio(swell_grants *grants, unsigned stream, int fd)
{
    if (stream < SW_COUNTOF(grants->grants.stdio)) {
        grants->grants.stdio[stream] = fd;
    }
}

void swell_grants_raise_sigpipe(swell_grants *grants)
{
    grants->grants.raises_sigpipe = true;
}

void swell_grants_on_denial(swell_grants *grants, swell_denial_fn *fn, void *env)
{
    grants->denial = fn;
    grants->denial_env = env;
}
