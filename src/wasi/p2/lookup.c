/*
 * WASI 0.2: wasi:sockets/ip-name-lookup.
 *
 * What a name resolves to is told as it is; whether a socket may be connected there is decided by
 * the address (egress.h). Literals and localhost are asked of nobody and so need no grant.
 */
#include "wasi/p2/net.h"

#include "wasi/core/names.h"
#include "wasi_sockets_ip_name_lookup.h"

#include <poll.h>

typedef struct net_lookup {
    sw_p2_io io; /* first */
    sw_source source;
    sw_name_query query;
    sw_p2 *p2;
    bool is_done; /* answer is there, or nobody wants it */
    bool is_counted;
    uint32_t next; /* address to be told */
    sw_resolve_answer answer;
    sw_str name; /* owned; empty when it is not needed */
} net_lookup;

static net_lookup *of_io(sw_p2_io *io)
{
    return SW_CONTAINER_OF(io, net_lookup, io);
}

static bool is_ready(const sw_source *source, short events)
{
    (void)events;
    return SW_CONTAINER_OF(source, net_lookup, source)->is_done;
}

static void settle(net_lookup *l)
{
    l->p2->lookups_count -= l->is_counted;
    l->is_counted = false;
    l->is_done = true;
    sw_source_notify(&l->source);
}

static void free_lookup(sw_p2 *p, sw_p2_io *io)
{
    net_lookup *l = of_io(io);
    sw_free(p->budget, (void *)(uintptr_t)l->name.ptr, l->name.len);
    sw_free(p->budget, l, sizeof *l);
}

/* Pollables may stay behind. */
static void drop_lookup(sw_p2 *p, void *body)
{
    net_lookup *l = body;
    sw_names_leave(&l->query);
    settle(l);
    sw_p2_io_unref(p, &l->io);
}

static const sw_p2_io_ops OPS = {.free = free_lookup};
static const sw_p2_type LOOKUP = {"resolve-address-stream", drop_lookup};

void sw_wasi_sockets_ip_name_lookup_resolve_address_stream_drop(void *env, uint32_t rep)
{
    sw_p2_drop_other(env, rep, &LOOKUP);
}

/* ---- What names in grants stand for ---------------------------------------------------------- */

static bool is_known(const sw_p2 *p, const sw_net_known *k)
{
    for (size_t i = 0; i < p->known.count; i++) {
        if (p->known.at[i].grant == k->grant &&
            memcmp(&p->known.at[i].ip, &k->ip, sizeof k->ip) == 0) {
            return true;
        }
    }
    return false;
}

/* In the place of the oldest when there are many. Without memory it is not known, and refused. */
static void add_known(sw_p2 *p, sw_net_known k)
{
    if (is_known(p, &k)) {
        return;
    }
    if (p->known.count < P2_MAX_KNOWN) {
        (void)sw_vec_push(&p->known, k);
        return;
    }
    p->known.at[p->next_known] = k;
    p->next_known = (p->next_known + 1) % P2_MAX_KNOWN;
}

static void learn(sw_p2 *p, sw_str name, const sw_resolve_answer *answer)
{
    size_t count;
    const sw_grant_net *grants = sw_wasi_net_grants(p->wasi, &count);
    for (uint32_t i = 0; i < answer->count; i++) {
        for (size_t g = 0; g < count; g++) {
            if (sw_grant_net_stands_for(&grants[g], name, &answer->ips[i])) {
                add_known(p, (sw_net_known){answer->ips[i], (uint32_t)g});
            }
        }
    }
}

/* ---- Asking ---------------------------------------------------------------------------------- */

/* Addresses of version 4 are told as such. */
static void unmap(sw_ip *ip)
{
    static const uint8_t MAPPED[12] = {[10] = 0xff, [11] = 0xff};
    if (ip->is_v6 && memcmp(ip->bytes, MAPPED, sizeof MAPPED) == 0) {
        sw_ip v4 = {};
        memcpy(v4.bytes, ip->bytes + 12, 4);
        *ip = v4;
    }
}

static void take_answer(net_lookup *l, const sw_resolve_answer *answer)
{
    l->answer = *answer;
    for (uint32_t i = 0; i < l->answer.count; i++) {
        unmap(&l->answer.ips[i]);
    }
    learn(l->p2, l->name, &l->answer);
    settle(l);
}

static void on_answer(sw_name_query *q, const sw_resolve_answer *answer)
{
    take_answer(SW_CONTAINER_OF(q, net_lookup, query), answer);
}

static int begin(sw_host_call *call, net_lookup *l)
{
    sw_names *names;
    sw_resolve_answer answer;
    if (sw_resolve_locally(l->name, &answer)) {
        take_answer(l, &answer);
        return NET_OK;
    }
    if (!sw_host_is_name(l->name)) {
        return NET(INVALID_ARGUMENT);
    }
    if (!sw_egress_allows_name(call->env, l->name)) {
        return NET(ACCESS_DENIED);
    }
    if (sw_names_of(call->env, &names) != SW_OK) {
        return NET(OUT_OF_MEMORY);
    }
    if (sw_names_find(names, l->name, &answer)) {
        take_answer(l, &answer);
        return NET_OK;
    }
    if (l->p2->lookups_count >= P2_MAX_LOOKUPS) {
        return NET(TEMPORARY_RESOLVER_FAILURE);
    }
    sw_status st = sw_names_ask(names, l->name, &l->query, on_answer);
    if (st != SW_OK) {
        return st == SW_NO_MEMORY  ? NET(OUT_OF_MEMORY)
               : st == SW_ARGUMENT ? NET(INVALID_ARGUMENT)
                                   : NET(TEMPORARY_RESOLVER_FAILURE);
    }
    l->is_counted = true;
    l->p2->lookups_count++;
    return NET_OK;
}

/* *ret: NULL without memory. */
static net_lookup *new_lookup(sw_p2 *p, sw_str name)
{
    net_lookup *l = sw_alloc(p->budget, sizeof *l);
    char *copy = sw_alloc(p->budget, name.len);
    if (l == NULL || copy == NULL) {
        sw_free(p->budget, l, sizeof *l);
        sw_free(p->budget, copy, name.len);
        return NULL;
    }
    if (name.len != 0) {
        memcpy(copy, name.ptr, name.len);
    }
    *l = (net_lookup){
        .io = {.ops = &OPS, .source = &l->source, .references = 1},
        .p2 = p,
        .name = {copy, name.len}
    };
    sw_source_init(&l->source, is_ready);
    return l;
}

sw_trap sw_wasi_sockets_ip_name_lookup_resolve_addresses(
    sw_host_call *call, const sw_wasi_sockets_ip_name_lookup_resolve_addresses_params *params,
    sw_wasi_sockets_ip_name_lookup_resolve_addresses_result *ret)
{
    sw_p2 *p;
    P2_TRY(sw_p2_of(call->env, &p));
    net_lookup *l = new_lookup(p, params->name);
    if (l == NULL) {
        return sw_p2_no_memory(call);
    }
    int code = begin(call, l);
    if (code != NET_OK) {
        sw_p2_io_unref(p, &l->io);
    }
    NET_FINISH(code, ret);
    return sw_p2_add_other(p, &LOOKUP, l, &ret->ok);
}

/* ---- Answers --------------------------------------------------------------------------------- */

static sw_trap get(sw_host_call *call, uint32_t rep, net_lookup **ret)
{
    void *body;
    P2_TRY(sw_p2_get_other(call, rep, &LOOKUP, &body));
    *ret = body;
    return SW_TRAP_NONE;
}

static int code_of(sw_resolve_result result)
{
    static const int CODES[] = {
        [SW_RESOLVED] = NET_OK,
        [SW_RESOLVE_NOT_FOUND] = NET(NAME_UNRESOLVABLE),
        [SW_RESOLVE_AGAIN] = NET(TEMPORARY_RESOLVER_FAILURE),
        [SW_RESOLVE_FAILED] = NET(PERMANENT_RESOLVER_FAILURE),
    };
    return CODES[result];
}

sw_trap sw_wasi_sockets_ip_name_lookup_resolve_address_stream_resolve_next_address(
    sw_host_call *call,
    const sw_wasi_sockets_ip_name_lookup_resolve_address_stream_resolve_next_address_params *params,
    sw_wasi_sockets_ip_name_lookup_resolve_address_stream_resolve_next_address_result *ret)
{
    net_lookup *l;
    P2_TRY(get(call, params->self, &l));
    NET_FINISH(l->is_done ? code_of(l->answer.result) : NET(WOULD_BLOCK), ret);
    ret->ok.is_some = l->next < l->answer.count;
    if (ret->ok.is_some) {
        net_write_ip(&l->answer.ips[l->next++], &ret->ok.value);
    }
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_sockets_ip_name_lookup_resolve_address_stream_subscribe(
    sw_host_call *call,
    const sw_wasi_sockets_ip_name_lookup_resolve_address_stream_subscribe_params *params,
    sw_wasi_sockets_ip_name_lookup_resolve_address_stream_subscribe_result *ret)
{
    net_lookup *l;
    P2_TRY(get(call, params->self, &l));
    return sw_p2_pollable(call, &(p2_object){.io = &l->io}, POLLIN, UINT64_MAX, ret);
}
