#include "wasi/core/names.h"

#include "os/clock.h"
#include "wasi/wasi.h"

enum { NAME_MAX_BYTES = 255 };

struct sw_name {
    sw_names *names;
    sw_name *next, *prev; /* the last used first */
    sw_resolve *resolve;  /* on the way */
    sw_name_query *queries;
    bool is_known, is_telling;
    uint64_t until_ns; /* of what is known */
    sw_resolve_answer answer;
    size_t len;
    char text[]; /* lower case */
};

struct sw_names {
    sw_loop *loop;
    sw_budget *budget;
    sw_name *first, *last;
    uint32_t count, asked;
};

/* ---- The list -------------------------------------------------------------------------------- */

static void unlink_name(sw_name *e)
{
    sw_names *n = e->names;
    *(e->prev == NULL ? &n->first : &e->prev->next) = e->next;
    *(e->next == NULL ? &n->last : &e->next->prev) = e->prev;
    e->next = e->prev = NULL;
}

static void put_first(sw_name *e)
{
    sw_names *n = e->names;
    e->next = n->first;
    *(n->first == NULL ? &n->last : &n->first->prev) = e;
    n->first = e;
}

static void forget(sw_name *e)
{
    sw_names *n = e->names;
    unlink_name(e);
    n->count--;
    sw_free(n->budget, e, sizeof *e + e->len);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool is_host(const sw_name *e, sw_str host)
{
    if (e->len != host.len) {
        return false;
    }
    for (size_t i = 0; i < host.len; i++) {
        if (e->text[i] != lower(host.ptr[i])) {
            return false;
        }
    }
    return true;
}

static sw_name *find(const sw_names *n, sw_str host)
{
    sw_name *e = n->first;
    while (e != NULL && !is_host(e, host)) {
        e = e->next;
    }
    return e;
}

static bool is_busy(const sw_name *e)
{
    return e->queries != NULL || e->resolve != NULL || e->is_telling;
}

/* Room for one more, if need be in the place of the one that was not used for longest. */
static bool has_room(const sw_names *n)
{
    sw_name *e = n->last;
    while (n->count >= SW_NAMES_MAX && e != NULL) {
        sw_name *prev = e->prev;
        if (!is_busy(e)) {
            forget(e);
        }
        e = prev;
    }
    return n->count < SW_NAMES_MAX;
}

static sw_status add(sw_names *n, sw_str host, sw_name **ret)
{
    if (host.len == 0 || host.len > NAME_MAX_BYTES || memchr(host.ptr, '\0', host.len) != NULL) {
        return SW_ARGUMENT;
    }
    if (!has_room(n)) {
        return SW_LIMIT;
    }
    sw_name *e = sw_alloc(n->budget, sizeof *e + host.len);
    if (e == NULL) {
        return SW_NO_MEMORY;
    }
    e->names = n;
    e->len = host.len;
    for (size_t i = 0; i < host.len; i++) {
        e->text[i] = lower(host.ptr[i]);
    }
    n->count++;
    put_first(e);
    *ret = e;
    return SW_OK;
}

/* ---- Questions ------------------------------------------------------------------------------- */

static void on_answer(void *arg, const sw_resolve_answer *answer);

static sw_status start(sw_name *e)
{
    sw_names *n = e->names;
    SW_TRY(sw_resolve_start(n->loop, (sw_str){e->text, e->len}, on_answer, e, &e->resolve));
    n->asked++;
    return SW_OK;
}

static uint64_t kept_s(sw_resolve_result result)
{
    static const uint8_t SECONDS[] = {
        [SW_RESOLVED] = SW_NAMES_FOUND_S,
        [SW_RESOLVE_NOT_FOUND] = SW_NAMES_NOT_FOUND_S,
        [SW_RESOLVE_AGAIN] = SW_NAMES_FAILED_S,
        [SW_RESOLVE_FAILED] = SW_NAMES_FAILED_S,
    };
    return SECONDS[result];
}

/* A query's function may ask again, or leave others. */
static void tell(sw_name *e, const sw_resolve_answer *answer)
{
    sw_name_query *q;
    e->is_telling = true;
    while ((q = e->queries) != NULL) {
        sw_names_leave(q);
        q->fn(q, answer);
    }
    e->is_telling = false;
}

static void settle(sw_name *e, const sw_resolve_answer *answer)
{
    e->is_known = true;
    e->answer = *answer;
    e->until_ns = sw_clock_monotonic_ns() + kept_s(answer->result) * SW_NS_PER_S;
    tell(e, answer);
}

static bool is_waiting(const sw_name *e)
{
    return e->queries != NULL && e->resolve == NULL && !e->is_telling;
}

/* The next of those that wait for a place: the one that was asked for first. What it calls may
 * change the list. */
static void start_waiting(sw_names *n)
{
    sw_name *e = n->last;
    while (n->asked < SW_NAMES_ASKED_MAX && e != NULL) {
        if (!is_waiting(e)) {
            e = e->prev;
            continue;
        }
        if (start(e) != SW_OK) {
            settle(e, &(sw_resolve_answer){.result = SW_RESOLVE_AGAIN});
        }
        e = n->last;
    }
}

static void on_answer(void *arg, const sw_resolve_answer *answer)
{
    sw_name *e = arg;
    sw_names *n = e->names;
    e->resolve = NULL;
    n->asked--;
    settle(e, answer);
    start_waiting(n);
}

static void join(sw_name *e, sw_name_query *q, sw_name_fn *fn)
{
    *q = (sw_name_query){.fn = fn, .name = e};
    sw_name_query **at = &e->queries;
    while (*at != NULL) {
        q->prev = *at;
        at = &(*at)->next;
    }
    *at = q;
}

sw_status sw_names_ask(sw_names *n, sw_str host, sw_name_query *q, sw_name_fn *fn)
{
    sw_name *e = find(n, host);
    if (e == NULL) {
        SW_TRY(add(n, host, &e));
    }
    if (!is_busy(e) && n->asked < SW_NAMES_ASKED_MAX) {
        sw_status st = start(e);
        if (st != SW_OK) {
            forget(e);
            return st;
        }
    }
    join(e, q, fn);
    return SW_OK;
}

/* What is on the way goes on: its thread is busy, and counted, until there is an answer. */
void sw_names_leave(sw_name_query *q)
{
    if (q->name == NULL) {
        return;
    }
    *(q->prev == NULL ? &q->name->queries : &q->prev->next) = q->next;
    if (q->next != NULL) {
        q->next->prev = q->prev;
    }
    q->name = NULL;
    q->next = q->prev = NULL;
}

bool sw_names_find(sw_names *n, sw_str host, sw_resolve_answer *ret_answer)
{
    if (sw_resolve_locally(host, ret_answer)) {
        return true;
    }
    sw_name *e = find(n, host);
    if (e == NULL || !e->is_known || sw_clock_monotonic_ns() >= e->until_ns) {
        return false;
    }
    unlink_name(e);
    put_first(e);
    *ret_answer = e->answer;
    return true;
}

/* ---- A context's ----------------------------------------------------------------------------- */

static void free_own(void *names)
{
    sw_names_free(names);
}

sw_status sw_names_of(sw_wasi *w, sw_names **ret_names)
{
    sw_loop *loop;
    sw_store *store = sw_wasi_store(w);
    *ret_names = sw_wasi_names(w);
    if (*ret_names != NULL) {
        return SW_OK;
    }
    SW_TRY(sw_store_need_loop(store, &loop));
    SW_TRY(sw_names_new(loop, sw_store_budget(store), ret_names));
    sw_wasi_set_names(w, *ret_names, free_own);
    return SW_OK;
}

/* ---- Life ------------------------------------------------------------------------------------ */

sw_status sw_names_new(sw_loop *loop, sw_budget *budget, sw_names **ret_names)
{
    sw_names *n = sw_alloc(budget, sizeof *n);
    if (n == NULL) {
        return SW_NO_MEMORY;
    }
    n->loop = loop;
    n->budget = budget;
    *ret_names = n;
    return SW_OK;
}

void sw_names_free(sw_names *n)
{
    if (n == NULL) {
        return;
    }
    while (n->first != NULL) {
        assert(n->first->queries == NULL);
        if (n->first->resolve != NULL) {
            sw_resolve_cancel(n->first->resolve);
        }
        forget(n->first);
    }
    sw_free(n->budget, n, sizeof *n);
}
