/* The client: which connection a request goes to, and what happens to connections afterwards. */
#include "http/client/internal.h"

#include "os/clock.h"

enum { ORIGINS_KEPT = 64, RETURNS_MAX = 3 };

const sw_http_client_limits sw_http_client_limits_default = {
    .connections = 64,
    .host_connections = 16,
    .waiting = 256,
    .head_bytes = 64 * 1024,
    .head_fields = 256,
    .pipe_bytes = 64 * 1024,
    .connect_ns = 10 * SW_NS_PER_S,
    .first_byte_ns = 60 * SW_NS_PER_S,
    .between_bytes_ns = 60 * SW_NS_PER_S,
    .idle_ns = 30 * SW_NS_PER_S,
};

/* ---- Origins --------------------------------------------------------------------------------- */

static void free_origin(sw_http_client *c, client_origin *o)
{
    client_origin **at = &c->origins;
    while (*at != o) {
        at = &(*at)->next;
    }
    *at = o->next;
    c->origins_count--;
    sw_free(c->budget, (void *)(uintptr_t)o->host.ptr, o->host.len);
    sw_free(c->budget, o, sizeof *o);
}

/* Forgets the oldest origin that nothing uses, when there are many. */
static void tidy_origins(sw_http_client *c)
{
    client_origin *unused = NULL;
    for (client_origin *o = c->origins; o != NULL; o = o->next) {
        unused = o->conns == NULL && o->first_waiting == NULL ? o : unused;
    }
    if (unused != NULL && c->origins_count >= ORIGINS_KEPT) {
        free_origin(c, unused);
    }
}

static bool is_origin(const client_origin *o, const sw_http_target *t)
{
    if (o->is_secure != t->is_secure || o->port != t->port || o->host.len != t->host.len) {
        return false;
    }
    for (size_t i = 0; i < t->host.len; i++) {
        if ((uint8_t)o->host.ptr[i] != sw_http_lower[(uint8_t)t->host.ptr[i]]) {
            return false;
        }
    }
    return true;
}

static client_origin *new_origin(sw_http_client *c, const sw_http_target *t)
{
    client_origin *o = sw_alloc(c->budget, sizeof *o);
    char *host = sw_alloc(c->budget, t->host.len);
    if (o == NULL || host == NULL) {
        sw_free(c->budget, o, sizeof *o);
        sw_free(c->budget, host, t->host.len);
        return NULL;
    }
    for (size_t i = 0; i < t->host.len; i++) {
        host[i] = (char)sw_http_lower[(uint8_t)t->host.ptr[i]];
    }
    *o = (client_origin){
        .next = c->origins,
        .is_secure = t->is_secure,
        .port = t->port,
        .host = {host, t->host.len}
    };
    c->origins = o;
    c->origins_count++;
    return o;
}

static client_origin *need_origin(sw_http_client *c, const sw_http_target *t)
{
    for (client_origin *o = c->origins; o != NULL; o = o->next) {
        if (is_origin(o, t)) {
            return o;
        }
    }
    tidy_origins(c);
    return new_origin(c, t);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

static void leave_queue(client_call *call)
{
    client_origin *o = call->origin;
    *(call->prev == NULL ? &o->first_waiting : &call->prev->next) = call->next;
    *(call->next == NULL ? &o->last_waiting : &call->next->prev) = call->prev;
    call->next = call->prev = NULL;
    call->client->waiting_count--;
}

static void enter_queue(client_call *call)
{
    client_origin *o = call->origin;
    call->state = CALL_WAITING;
    call->prev = o->last_waiting;
    *(o->last_waiting == NULL ? &o->first_waiting : &o->last_waiting->next) = call;
    o->last_waiting = call;
    call->client->waiting_count++;
}

static void free_call(client_call *call)
{
    sw_http_client *c = call->client;
    sw_loop_timer_stop(c->loop, &call->timer);
    sw_free(c->budget, call->text, call->text_bytes);
    sw_free(c->budget, call, sizeof *call);
}

/* Off whatever the call is on, before it ends. */
static void detach(client_call *call)
{
    if (call->state == CALL_WAITING) {
        leave_queue(call);
    } else if (call->conn != NULL) {
        sw_client_conn_free(call->conn);
    }
}

/* Ends a call that is on no connection. */
static void fail(client_call *call, sw_http_error why)
{
    sw_http_client *c = call->client;
    sw_exchange *x = call->x;
    free_call(call);
    sw_exchange_end(x, why, sw_loop_now(c->loop));
}

/* ---- The exchange while it is on no connection ----------------------------------------------- */

static void op_none(sw_exchange *x)
{
    (void)x;
}

static void op_informational(sw_exchange *x, uint16_t status, const sw_http_fields *fields)
{
    (void)x;
    (void)status;
    (void)fields;
}

static void op_abort(sw_exchange *x, sw_http_error why)
{
    client_call *call = x->connection;
    detach(call);
    fail(call, why);
}

static void op_release(sw_exchange *x)
{
    op_abort(x, SW_HTTP_E_INTERNAL_ERROR);
}

static const sw_exchange_ops OPS = {.respond = op_none,
                                    .informational = op_informational,
                                    .want_body = op_none,
                                    .abort = op_abort,
                                    .release = op_release};

/* Before it is sent at all. */
static void op_abort_unsent(sw_exchange *x, sw_http_error why)
{
    sw_exchange_end(x, why, 0);
}

static void op_release_unsent(sw_exchange *x)
{
    sw_exchange_end(x, SW_HTTP_E_INTERNAL_ERROR, 0);
}

static const sw_exchange_ops UNSENT_OPS = {.respond = op_none,
                                           .informational = op_informational,
                                           .want_body = op_none,
                                           .abort = op_abort_unsent,
                                           .release = op_release_unsent};

/* The exchange is the call's until it is on a connection. */
static void hold(client_call *call, sw_exchange *x)
{
    call->x = x;
    call->conn = NULL;
    call->state = CALL_WAITING;
    x->ops = &OPS;
    x->connection = call;
}

/* ---- Choosing a connection ------------------------------------------------------------------- */

static void on_timer(sw_loop_timer *t)
{
    client_call *call = SW_CONTAINER_OF(t, client_call, timer);
    const client_conn *conn = call->state == CALL_CONNECTING ? call->conn : NULL;
    sw_http_error why = conn == NULL                    ? SW_HTTP_E_CONNECTION_LIMIT_REACHED
                        : conn->state == CONN_RESOLVING ? SW_HTTP_E_DNS_TIMEOUT
                                                        : SW_HTTP_E_CONNECTION_TIMEOUT;
    detach(call);
    fail(call, why);
}

static uint64_t at_most(uint64_t wanted, uint64_t limit)
{
    return wanted == 0 ? limit : SW_MIN(wanted, limit);
}

static void start_timer(client_call *call)
{
    sw_http_client *c = call->client;
    uint64_t wait = at_most(call->how.connect_ns, c->limits.connect_ns);
    sw_loop_timer_start(c->loop, &call->timer, sw_loop_now(c->loop) + wait, on_timer);
}

/* A connection has become free, or a place for one. */
static void serve_waiting(sw_http_client *c)
{
    if (c->waiting_count != 0) {
        sw_loop_defer(c->loop, &c->job);
    }
}

static void join_conn(client_conn *conn, client_call *call)
{
    call->prev = NULL;
    call->next = conn->calls;
    if (conn->calls != NULL) {
        conn->calls->prev = call;
    }
    conn->calls = call;
}

static void leave_conn(client_call *call)
{
    *(call->prev == NULL ? &call->conn->calls : &call->prev->next) = call->next;
    if (call->next != NULL) {
        call->next->prev = call->prev;
    }
    call->next = call->prev = NULL;
}

static void rest(client_conn *conn);

static void send_h2(client_conn *conn, client_call *call, uint64_t first_ns, uint64_t between_ns)
{
    const sw_h2_client_times times = {first_ns, between_ns};
    conn->call = NULL;
    join_conn(conn, call);
    if (sw_h2_client_send(&conn->h2, call->x, &times, call) != SW_OK) {
        leave_conn(call);
        fail(call, SW_HTTP_E_INTERNAL_ERROR);
        rest(conn);
    }
}

static void send_h1(client_conn *conn, client_call *call, uint64_t first_ns, uint64_t between_ns)
{
    const sw_h1_client_times times = {first_ns, between_ns};
    conn->call = call;
    sw_h1_client_send(&conn->h1, call->x, &times);
}

static void send_on(client_conn *conn, client_call *call)
{
    const sw_http_client_limits *l = &conn->client->limits;
    sw_loop_timer_stop(conn->client->loop, &call->timer);
    sw_loop_timer_stop(conn->client->loop, &conn->timer);
    conn->state = CONN_BUSY;
    call->conn = conn;
    call->state = CALL_SENT;
    (conn->is_h2 ? send_h2 : send_h1)(conn, call,
                                      at_most(call->how.first_byte_ns, l->first_byte_ns),
                                      at_most(call->how.between_bytes_ns, l->between_bytes_ns));
}

void sw_client_connected(client_conn *conn)
{
    sw_http_client *c = conn->client;
    send_on(conn, conn->call);
    serve_waiting(c);
}

static bool has_room(const client_conn *conn)
{
    if (conn->is_h2 && (conn->state == CONN_BUSY || conn->state == CONN_IDLE)) {
        return sw_h2_client_has_room(&conn->h2);
    }
    return conn->state == CONN_IDLE && sw_h1_client_is_idle(&conn->h1);
}

/* One connection of HTTP/2 is enough for many calls: while it is made, others wait for it. */
static bool is_making_h2(const client_origin *o)
{
    bool is_making = false;
    for (const client_conn *conn = o->conns; conn != NULL && o->has_h2; conn = conn->next) {
        is_making = is_making || (conn->state != CONN_BUSY && conn->state != CONN_IDLE);
    }
    return is_making;
}

/* A kept connection whose address this request may use, too. */
static client_conn *find_idle(const client_call *call)
{
    const sw_http_send *how = &call->how;
    for (client_conn *conn = call->origin->conns; conn != NULL; conn = conn->next) {
        if (has_room(conn) &&
            (how->allows == NULL ||
             how->allows(how->env, &how->target, &conn->addresses.ips[conn->address], false))) {
            return conn;
        }
    }
    return NULL;
}

/* Room for one more connection, if need be by giving up one that is kept for somebody else. */
static bool make_room(sw_http_client *c, const client_origin *for_origin)
{
    if (for_origin->conns_count >= c->limits.host_connections) {
        return false;
    }
    for (client_origin *o = c->origins; o != NULL && c->conns_count >= c->limits.connections;
         o = o->next) {
        for (client_conn *conn = o->conns; conn != NULL; conn = conn->next) {
            if (conn->state == CONN_IDLE) {
                sw_client_conn_free(conn);
                break;
            }
        }
    }
    return c->conns_count < c->limits.connections;
}

static void assign(client_call *call)
{
    sw_http_client *c = call->client;
    client_conn *idle = find_idle(call);
    bool may_make = idle == NULL && !is_making_h2(call->origin);
    if (idle != NULL) {
        sw_count(&c->counters->reused, 1);
        send_on(idle, call);
    } else if (may_make && make_room(c, call->origin)) {
        call->state = CALL_CONNECTING;
        sw_client_connect(c, call);
    } else if (c->waiting_count >= c->limits.waiting) {
        sw_count(&c->counters->refused, 1);
        fail(call, SW_HTTP_E_CONNECTION_LIMIT_REACHED);
    } else {
        enter_queue(call);
    }
}

/* The first call that waits and need not any more. */
static client_call *find_servable(sw_http_client *c)
{
    for (client_origin *o = c->origins; o != NULL; o = o->next) {
        client_call *call = o->first_waiting;
        if (call != NULL && (find_idle(call) != NULL || (!is_making_h2(o) && make_room(c, o)))) {
            return call;
        }
    }
    return NULL;
}

static void on_job(sw_loop_job *job)
{
    sw_http_client *c = SW_CONTAINER_OF(job, sw_http_client, job);
    client_call *call;
    while ((call = find_servable(c)) != NULL) {
        leave_queue(call);
        assign(call);
    }
}

/* ---- Connections afterwards ------------------------------------------------------------------ */

static void on_idle_timer(sw_loop_timer *t)
{
    sw_client_conn_free(SW_CONTAINER_OF(t, client_conn, timer));
}

static client_conn *of_h1(sw_h1_client *h1)
{
    return SW_CONTAINER_OF(h1, client_conn, h1);
}

/* Kept for a while if nothing is on it any more. */
static void rest(client_conn *conn)
{
    sw_http_client *c = conn->client;
    if (conn->calls == NULL) {
        conn->state = CONN_IDLE;
        sw_loop_timer_start(c->loop, &conn->timer, sw_loop_now(c->loop) + c->limits.idle_ns,
                            on_idle_timer);
    }
    serve_waiting(c);
}

static void on_idle(sw_h1_client *h1)
{
    client_conn *conn = of_h1(h1);
    free_call(conn->call);
    conn->call = NULL;
    rest(conn);
}

/* x: to be sent on another connection. */
static void on_closed(sw_h1_client *h1, sw_exchange *x)
{
    client_conn *conn = of_h1(h1);
    sw_http_client *c = conn->client;
    client_call *call = conn->call;
    sw_client_conn_free(conn);
    if (x != NULL) {
        hold(call, x);
        start_timer(call);
        assign(call);
    } else if (call != NULL) {
        free_call(call);
    }
    serve_waiting(c);
}

const sw_h1_client_events sw_client_h1_events = {.on_idle = on_idle, .on_closed = on_closed};

static void on_done(sw_h2_client *h2, void *tag)
{
    client_call *call = tag;
    leave_conn(call);
    free_call(call);
    rest(SW_CONTAINER_OF(h2, client_conn, h2));
}

/* Later: the connection is in the middle of something. */
static void on_unsent(sw_h2_client *h2, sw_exchange *x, void *tag)
{
    client_call *call = tag;
    leave_conn(call);
    hold(call, x);
    if (++call->returns > RETURNS_MAX) {
        fail(call, SW_HTTP_E_CONNECTION_TERMINATED);
    } else {
        start_timer(call);
        enter_queue(call);
    }
    rest(SW_CONTAINER_OF(h2, client_conn, h2));
}

static void on_h2_closed(sw_h2_client *h2)
{
    client_conn *conn = SW_CONTAINER_OF(h2, client_conn, h2);
    sw_http_client *c = conn->client;
    sw_client_conn_free(conn);
    serve_waiting(c);
}

const sw_h2_client_events sw_client_h2_events = {
    .on_done = on_done, .on_unsent = on_unsent, .on_closed = on_h2_closed};

void sw_client_not_connected(client_conn *conn, sw_http_error why)
{
    sw_http_client *c = conn->client;
    client_call *call = conn->call;
    sw_client_conn_free(conn);
    fail(call, why);
    serve_waiting(c);
}

/* ---- The client ------------------------------------------------------------------------------ */

sw_status sw_http_client_new(const sw_http_client_options *options, sw_http_client **ret_client)
{
    sw_http_client *c = sw_alloc(options->budget, sizeof *c);
    if (c == NULL) {
        return SW_NO_MEMORY;
    }
    c->loop = options->loop;
    c->budget = options->budget;
    c->limits = *options->limits;
    c->job.fn = on_job;
    c->names = options->names;
    c->tls = options->tls == NULL ? NULL : sw_tls_ref(options->tls);
    c->counters = options->counters == NULL ? &c->own_counters : options->counters;
    *ret_client = c;
    return SW_OK;
}

static void cut_conn(client_conn *conn)
{
    client_call *call = conn->call;
    conn->call = NULL;
    if (conn->is_h2) {
        sw_h2_client_clear(&conn->h2, SW_HTTP_E_CONNECTION_TERMINATED);
        while (conn->calls != NULL) {
            client_call *sent = conn->calls;
            leave_conn(sent);
            free_call(sent);
        }
    }
    if (call != NULL && call->state == CALL_SENT) {
        sw_h1_client_clear(&conn->h1, SW_HTTP_E_CONNECTION_TERMINATED);
        free_call(call);
    } else if (call != NULL) {
        fail(call, SW_HTTP_E_CONNECTION_TERMINATED);
    }
    sw_client_conn_free(conn);
}

void sw_http_client_free(sw_http_client *c)
{
    if (c == NULL) {
        return;
    }
    while (c->origins != NULL) {
        client_origin *o = c->origins;
        while (o->first_waiting != NULL) {
            client_call *call = o->first_waiting;
            leave_queue(call);
            fail(call, SW_HTTP_E_CONNECTION_TERMINATED);
        }
        while (o->conns != NULL) {
            cut_conn(o->conns);
        }
        free_origin(c, o);
    }
    sw_loop_cancel(c->loop, &c->job);
    sw_tls_unref(c->tls);
    sw_free(c->budget, c->scratch, SW_H2_SCRATCH_BYTES);
    sw_free(c->budget, c, sizeof *c);
}

sw_exchange *sw_http_client_take(sw_http_client *c, sw_budget *budget)
{
    const sw_exchange_limits limits = {c->limits.head_fields, c->limits.head_bytes,
                                       c->limits.pipe_bytes};
    sw_exchange *x = sw_exchange_new(budget, &limits);
    if (x != NULL) {
        x->ops = &UNSENT_OPS;
    }
    return x;
}

/* A call with the target's text in one block. NULL: no memory. */
static client_call *new_call(sw_http_client *c, sw_exchange *x, const sw_http_send *how)
{
    client_call *call = sw_alloc(c->budget, sizeof *call);
    size_t bytes = how->target.host.len + how->target.path.len;
    char *text = sw_alloc(c->budget, bytes);
    if (call == NULL || text == NULL) {
        sw_free(c->budget, call, sizeof *call);
        sw_free(c->budget, text, bytes);
        return NULL;
    }
    *call = (client_call){.client = c, .how = *how, .text = text, .text_bytes = bytes};
    sw_str *host = &call->how.target.host, *path = &call->how.target.path;
    memcpy(text, host->ptr, host->len);
    if (path->len != 0) {
        memcpy(text + host->len, path->ptr, path->len);
    }
    host->ptr = text;
    path->ptr = text + host->len;
    hold(call, x);
    return call;
}

void sw_http_client_send(sw_http_client *c, sw_exchange *x, const sw_http_send *how)
{
    sw_count(&c->counters->requests, 1);
    x->start_ns = sw_loop_now(c->loop);
    client_call *call = new_call(c, x, how);
    client_origin *origin = call == NULL ? NULL : need_origin(c, &how->target);
    if (origin == NULL) {
        if (call != NULL) {
            free_call(call);
        }
        sw_exchange_end(x, SW_HTTP_E_INTERNAL_ERROR, x->start_ns);
        return;
    }
    call->origin = origin;
    start_timer(call);
    assign(call);
}

void sw_http_client_failed(sw_http_client *c)
{
    sw_count(&c->counters->failures, 1);
}

const sw_http_client_counters *sw_http_client_counts(const sw_http_client *c)
{
    return c->counters;
}
