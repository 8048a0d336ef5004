/*
 * Names: what is asked of the resolver and how often, what is kept, what names in grants stand for.
 * The resolver is this file: getaddrinfo is wrapped by the linker.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "os/clock.h"
#include "wasi/core/names.h"
#include "wasi/p2/net.h"
#include "wasi_sockets_instance_network.h"
#include "wasi_sockets_ip_name_lookup.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>

/* ---- The resolver ---------------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_shut; /* nobody gets an answer */
    unsigned calls, inside, most;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void set_gate(bool is_shut)
{
    (void)pthread_mutex_lock(&gate.lock);
    gate.is_shut = is_shut;
    gate.calls = gate.most = 0;
    (void)pthread_cond_broadcast(&gate.changed);
    (void)pthread_mutex_unlock(&gate.lock);
}

static void pass_gate(void)
{
    (void)pthread_mutex_lock(&gate.lock);
    gate.calls++;
    gate.inside++;
    gate.most = SW_MAX(gate.most, gate.inside);
    (void)pthread_cond_broadcast(&gate.changed);
    while (gate.is_shut) {
        (void)pthread_cond_wait(&gate.changed, &gate.lock);
    }
    gate.inside--;
    (void)pthread_mutex_unlock(&gate.lock);
}

static void await_calls(unsigned count)
{
    (void)pthread_mutex_lock(&gate.lock);
    while (gate.calls < count) {
        (void)pthread_cond_wait(&gate.changed, &gate.lock);
    }
    (void)pthread_mutex_unlock(&gate.lock);
}

static const struct {
    const char *name, *address;
    int error;
} NAMES[] = {
    {"open.example",   "93.184.216.34",    0         },
    {"inside.example", "10.0.0.1",         0         },
    {"loop.example",   "127.0.0.1",        0         },
    {"meta.example",   "169.254.169.254",  0         },
    {"mapped.example", "::ffff:127.0.0.1", 0         },
    {"again.example",  NULL,               EAI_AGAIN },
    {"failed.example", NULL,               EAI_FAIL  },
    {"none.example",   NULL,               EAI_NODATA},
};

enum { ANSWER_BYTES = sizeof(struct addrinfo) + sizeof(struct sockaddr_in6) };

/* One address. */
static int give(const char *text, struct addrinfo **ret)
{
    struct addrinfo *info = sw_alloc(NULL, ANSWER_BYTES);
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(info + 1);
    struct sockaddr_in *in = (struct sockaddr_in *)(info + 1);
    assert_non_null(info);
    bool is_v6 = inet_pton(AF_INET6, text, &in6->sin6_addr) == 1;
    if (!is_v6) {
        assert_int_equal(inet_pton(AF_INET, text, &in->sin_addr), 1);
    }
    info->ai_family = is_v6 ? AF_INET6 : AF_INET;
    info->ai_addr = (struct sockaddr *)in;
    info->ai_addr->sa_family = (sa_family_t)info->ai_family;
    *ret = info;
    return 0;
}

int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **ret);
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **ret)
{
    (void)service;
    (void)hints;
    pass_gate();
    for (size_t i = 0; i < SW_COUNTOF(NAMES); i++) {
        if (strcmp(NAMES[i].name, node) == 0) {
            return NAMES[i].error != 0 ? NAMES[i].error : give(NAMES[i].address, ret);
        }
    }
    return EAI_NONAME;
}

void __wrap_freeaddrinfo(struct addrinfo *list);
void __wrap_freeaddrinfo(struct addrinfo *list)
{
    sw_free(NULL, list, ANSWER_BYTES);
}

/* ---- The cache ------------------------------------------------------------------------------- */

typedef struct question {
    sw_name_query query;
    unsigned answers;
    sw_resolve_answer answer;
} question;

static void on_answer(sw_name_query *q, const sw_resolve_answer *answer)
{
    question *a = SW_CONTAINER_OF(q, question, query);
    a->answers++;
    a->answer = *answer;
}

static sw_loop *new_loop(void)
{
    sw_loop *loop;
    sw_diag diag = {};
    assert_int_equal(sw_loop_new(&loop, &diag), SW_OK);
    return loop;
}

static void turn_until(sw_loop *loop, const question *q)
{
    while (q->answers == 0) {
        sw_loop_turn(loop, SW_NEVER);
    }
}

static void cache(void **state)
{
    (void)state;
    question a = {}, b = {};
    sw_resolve_answer answer;
    sw_budget budget;
    sw_loop *loop = new_loop();
    sw_names *n;
    set_gate(false);
    sw_budget_init(&budget, SIZE_MAX);
    assert_int_equal(sw_names_new(loop, &budget, &n), SW_OK);
    assert_false(sw_names_find(n, SW_STR("open.example"), &answer));
    assert_int_equal(sw_names_ask(n, SW_STR("Open.Example"), &a.query, on_answer), SW_OK);
    assert_int_equal(sw_names_ask(n, SW_STR("open.example"), &b.query, on_answer), SW_OK);
    turn_until(loop, &b);
    assert_int_equal(a.answers, 1);
    assert_int_equal(a.answer.result, SW_RESOLVED);
    assert_int_equal(a.answer.count, 1);
    assert_int_equal(gate.calls, 1);
    assert_true(sw_names_find(n, SW_STR("OPEN.example"), &answer));
    assert_memory_equal(answer.ips, a.answer.ips, sizeof answer.ips[0]);
    assert_true(sw_names_find(n, SW_STR("localhost"), &answer));
    assert_int_equal(answer.count, 2);
    assert_int_equal(sw_names_ask(n, SW_STR(""), &a.query, on_answer), SW_ARGUMENT);
    sw_names_free(n);
    assert_int_equal(budget.used_bytes, 0);
    sw_loop_free(loop);
}

static void outcomes(void **state)
{
    static const struct {
        const char *name;
        sw_resolve_result result;
    } ROWS[] = {
        {"open.example",   SW_RESOLVED         },
        {"none.example",   SW_RESOLVE_NOT_FOUND},
        {"other.example",  SW_RESOLVE_NOT_FOUND},
        {"again.example",  SW_RESOLVE_AGAIN    },
        {"failed.example", SW_RESOLVE_FAILED   },
    };
    (void)state;
    sw_loop *loop = new_loop();
    sw_names *n;
    set_gate(false);
    assert_int_equal(sw_names_new(loop, NULL, &n), SW_OK);
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        question q = {};
        assert_int_equal(sw_names_ask(n, sw_str_of(ROWS[i].name), &q.query, on_answer), SW_OK);
        turn_until(loop, &q);
        assert_int_equal(q.answer.result, ROWS[i].result);
    }
    sw_names_free(n);
    sw_loop_free(loop);
}

/* However many names nobody answers for, four threads wait for them; no more are kept than allowed;
 * a question that was left is not answered; what is on the way may end after its owner. */
static void bounds(void **state)
{
    (void)state;
    static question all[SW_NAMES_MAX + 1];
    char name[32];
    sw_budget budget;
    sw_loop *loop = new_loop();
    sw_names *n;
    memset(all, 0, sizeof all);
    set_gate(true);
    sw_budget_init(&budget, SIZE_MAX);
    assert_int_equal(sw_names_new(loop, &budget, &n), SW_OK);
    for (size_t i = 0; i < SW_NAMES_MAX; i++) {
        (void)snprintf(name, sizeof name, "%zu.example", i);
        assert_int_equal(sw_names_ask(n, sw_str_of(name), &all[i].query, on_answer), SW_OK);
    }
    question *more = &all[SW_NAMES_MAX];
    assert_int_equal(sw_names_ask(n, SW_STR("more"), &more->query, on_answer), SW_LIMIT);
    await_calls(SW_NAMES_ASKED_MAX);
    sw_names_leave(&all[7].query);
    sw_names_leave(&all[7].query);
    assert_int_equal(sw_names_ask(n, SW_STR("more"), &more->query, on_answer), SW_OK);
    set_gate(false);
    turn_until(loop, more);
    assert_int_equal(all[7].answers, 0);
    assert_int_equal(all[SW_NAMES_MAX - 1].answers, 1);
    assert_true(gate.most <= SW_NAMES_ASKED_MAX);
    set_gate(true);
    assert_int_equal(sw_names_ask(n, SW_STR("late"), &more->query, on_answer), SW_OK);
    await_calls(1);
    sw_names_leave(&more->query);
    sw_names_free(n);
    set_gate(false);
    assert_int_equal(budget.used_bytes, 0);
    sw_loop_free(loop);
}

/* A function that is told asks at once for more than there is room for. */
typedef struct greedy {
    question first;
    sw_names *names;
    question more[2 * SW_NAMES_MAX];
    size_t asked;
} greedy;

static void ask_more(sw_name_query *q, const sw_resolve_answer *answer)
{
    greedy *g = SW_CONTAINER_OF(q, greedy, first.query);
    char name[32];
    on_answer(q, answer);
    sw_status st = SW_OK;
    for (; st == SW_OK && g->asked < SW_COUNTOF(g->more); g->asked += st == SW_OK) {
        (void)snprintf(name, sizeof name, "%zu.example", g->asked);
        st = sw_names_ask(g->names, sw_str_of(name), &g->more[g->asked].query, on_answer);
    }
    assert_int_equal(st, SW_LIMIT);
}

static void greed(void **state)
{
    (void)state;
    static greedy g;
    sw_loop *loop = new_loop();
    set_gate(false);
    assert_int_equal(sw_names_new(loop, NULL, &g.names), SW_OK);
    assert_int_equal(sw_names_ask(g.names, SW_STR("open.example"), &g.first.query, ask_more),
                     SW_OK);
    turn_until(loop, &g.first);
    for (size_t i = 0; i < g.asked; i++) {
        turn_until(loop, &g.more[i]);
    }
    assert_int_equal(g.asked, SW_NAMES_MAX - 1);
    sw_names_free(g.names);
    sw_loop_free(loop);
}

/* ---- Guests ---------------------------------------------------------------------------------- */

typedef struct world {
    sw_engine *engine;
    sw_store *store;
    sw_wasi *wasi;
    sw_arena arena;
    sw_host_call call;
    size_t used_before;
    uint32_t network;
} world;

static void start(world *w, const char *const *tcp, size_t count)
{
    sw_grants g;
    sw_diag diag = {};
    *w = (world){};
    assert_int_equal(sw_engine_new(&diag, &w->engine), SW_OK);
    assert_int_equal(sw_store_new(w->engine, &SW_STORE_LIMITS_DEFAULT, &diag, &w->store), SW_OK);
    sw_grants_init(&g, NULL);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(sw_grants_add_net(&g, SW_NET_TCP, sw_str_of(tcp[i]), &diag), SW_OK);
    }
    w->used_before = sw_store_budget(w->store)->used_bytes;
    assert_int_equal(sw_wasi_new(w->store, &g, NULL, NULL, &diag, &w->wasi), SW_OK);
    sw_grants_clear(&g);
    sw_arena_init(&w->arena, NULL, (size_t)1 << 20);
    w->call = (sw_host_call){.env = w->wasi, .store = w->store, .arena = &w->arena};
    assert_int_equal(sw_wasi_sockets_instance_network_instance_network(&w->call, &w->network),
                     SW_TRAP_NONE);
}

static void end(world *w)
{
    sw_wasi_free(w->wasi);
    assert_int_equal(sw_store_budget(w->store)->used_bytes, w->used_before);
    sw_arena_clear(&w->arena);
    sw_store_free(w->store);
    sw_engine_free(w->engine);
}

static sw_wasi_sockets_ip_name_lookup_resolve_addresses_result resolve(world *w, const char *name)
{
    sw_wasi_sockets_ip_name_lookup_resolve_addresses_result ret = {};
    sw_trap trap = sw_wasi_sockets_ip_name_lookup_resolve_addresses(
        &w->call,
        &(sw_wasi_sockets_ip_name_lookup_resolve_addresses_params){w->network, sw_str_of(name)},
        &ret);
    assert_int_equal(trap, SW_TRAP_NONE);
    return ret;
}

typedef sw_wasi_sockets_ip_name_lookup_resolve_address_stream_resolve_next_address_params
    next_params;
typedef sw_wasi_sockets_ip_name_lookup_resolve_address_stream_resolve_next_address_result
    next_result;

static next_result next(world *w, uint32_t stream)
{
    next_result ret = {};
    sw_loop *loop;
    assert_int_equal(sw_store_need_loop(w->store, &loop), SW_OK);
    do {
        assert_int_equal(sw_wasi_sockets_ip_name_lookup_resolve_address_stream_resolve_next_address(
                             &w->call, &(next_params){stream}, &ret),
                         SW_TRAP_NONE);
        if (ret.is_err && ret.err == NET(WOULD_BLOCK)) {
            sw_loop_turn(loop, SW_NEVER);
        }
    } while (ret.is_err && ret.err == NET(WOULD_BLOCK));
    return ret;
}

/* A name that is granted stands for what it resolves to, and only if that is public. */
static void granted_names(void **state)
{
    static const struct {
        const char *name, *address;
        uint16_t port;
        bool is_allowed;
    } ROWS[] = {
        {"open.example",   "93.184.216.34",   443, true },
        {"open.example",   "93.184.216.34",   444, false},
        {"open.example",   "93.184.216.35",   443, false},
        {"inside.example", "10.0.0.1",        443, false},
        {"loop.example",   "127.0.0.1",       443, false},
        {"mapped.example", "127.0.0.1",       443, false},
        {"meta.example",   "169.254.169.254", 443, false},
        {"localhost",      "127.0.0.1",       443, false},
    };
    static const char *const TCP[] = {"*.example:443"};
    (void)state;
    set_gate(false);
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        world w;
        sw_ip ip;
        start(&w, TCP, SW_COUNTOF(TCP));
        assert_true(sw_ip_parse(sw_str_of(ROWS[i].address), &ip));
        const sw_p2 *p = *sw_wasi_p2(w.wasi);
        assert_false(sw_egress_allows_net(w.wasi, SW_NET_TCP, &ip, ROWS[i].port, NULL, 0));
        sw_wasi_sockets_ip_name_lookup_resolve_addresses_result r = resolve(&w, ROWS[i].name);
        assert_false(r.is_err);
        next_result first = next(&w, r.ok);
        assert_false(first.is_err);
        assert_true(first.ok.is_some);
        assert_int_equal(first.ok.value.tag, SW_WASI_SOCKETS_NETWORK_IP_ADDRESS_IPV4);
        if (sw_egress_allows_net(w.wasi, SW_NET_TCP, &ip, ROWS[i].port, p->known.at,
                                 p->known.count) != ROWS[i].is_allowed) {
            fail_msg("%s, %s:%u", ROWS[i].name, ROWS[i].address, ROWS[i].port);
        }
        end(&w);
    }
}

/* Dropped, or left to the end of the context, while nobody answers. */
static void pending(void **state)
{
    static const char *const TCP[] = {"*.example:443"};
    (void)state;
    world w;
    start(&w, TCP, SW_COUNTOF(TCP));
    set_gate(true);
    sw_wasi_sockets_ip_name_lookup_resolve_addresses_result a = resolve(&w, "open.example");
    sw_wasi_sockets_ip_name_lookup_resolve_addresses_result b = resolve(&w, "loop.example");
    assert_false(a.is_err || b.is_err);
    uint32_t pollable;
    assert_int_equal(
        sw_wasi_sockets_ip_name_lookup_resolve_address_stream_subscribe(
            &w.call,
            &(sw_wasi_sockets_ip_name_lookup_resolve_address_stream_subscribe_params){a.ok},
            &pollable),
        SW_TRAP_NONE);
    assert_int_equal((*sw_wasi_p2(w.wasi))->lookups_count, 2);
    sw_wasi_sockets_ip_name_lookup_resolve_address_stream_drop(w.wasi, a.ok);
    assert_int_equal((*sw_wasi_p2(w.wasi))->lookups_count, 1);
    end(&w);
    set_gate(false);
}

/* Without memory at any point: an error or a trap, and nothing is left behind. */
static void no_memory(void **state)
{
    static const char *const TCP[] = {"*.example:443"};
    (void)state;
    bool has_failed = true;
    set_gate(false);
    for (uint64_t nth = 1; has_failed; nth++) {
        world w;
        start(&w, TCP, SW_COUNTOF(TCP));
        sw_wasi_sockets_ip_name_lookup_resolve_addresses_result ret = {};
        sw_memory_fail_at(nth);
        sw_trap trap = sw_wasi_sockets_ip_name_lookup_resolve_addresses(
            &w.call,
            &(sw_wasi_sockets_ip_name_lookup_resolve_addresses_params){w.network,
                                                                       SW_STR("open.example")},
            &ret);
        has_failed = sw_memory_failed();
        sw_memory_fail_at(0);
        assert_true(has_failed || (trap == SW_TRAP_NONE && !ret.is_err));
        end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cache),     cmocka_unit_test(outcomes), cmocka_unit_test(bounds),
        cmocka_unit_test(greed),     cmocka_unit_test(pending),  cmocka_unit_test(granted_names),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
