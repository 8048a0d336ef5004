/* The HTTP server's public face: its configuration, and what an app owns. */
#include <swell/server.h>

#include "api/api.h"

#include "http/p2/p2.h"
#include "http/server.h"
#include "http/tls.h"

/* The public function with its public string. */
typedef struct log_target {
    swell_server_log_fn *log;
    void *env;
} log_target;

struct swell_server {
    swell_engine *engine; /* borrowed */
    sw_server *server;    /* owned */
    log_target target;
    sw_tls_server_options tls_options; /* with certs owned; no certificates: cleartext */
    sw_tls *tls;                       /* a reference; the last one that was made */
    bool has_program;
};

/* ---- Apps: a program with its linker and grants -----------------------------------------------
 */

typedef struct app_things {
    swell_program *program; /* a reference */
    swell_linker *linker;   /* owned */
    swell_grants *grants;   /* owned */
    sw_tls *tls;            /* a reference, or NULL */
    sw_tls *client_tls;     /* a reference, or NULL */
} app_things;

static void free_things(void *arg)
{
    app_things *t = arg;
    swell_linker_free(t->linker);
    swell_grants_free(t->grants);
    swell_program_free(t->program);
    sw_tls_unref(t->tls);
    sw_tls_unref(t->client_tls);
    sw_free(NULL, t, sizeof *t);
}

static sw_status check_program(const swell_program *program, sw_diag *diag)
{
    if (program->component == NULL) {
        return sw_fail(diag, SW_UNSUPPORTED, SW_NO_OFFSET,
                       "a core module: only components can answer HTTP requests");
    }
    const sw_plan *p = sw_component_plan(program->component);
    for (uint32_t i = 0; i < p->exports_top_count; i++) {
        if (sw_str_starts(sw_types_str(&p->types, p->exports[i].name),
                          SW_STR("wasi:http/incoming-handler@0.2."))) {
            return SW_OK;
        }
    }
    return sw_fail(diag, SW_NOT_FOUND, SW_NO_OFFSET,
                   "not an HTTP handler: the component exports no 'wasi:http/incoming-handler'");
}

static sw_status link_things(swell_engine *e, app_things *t, sw_diag *diag)
{
    swell_error error = {};
    SW_TRY(check_program(t->program, diag));
    swell_status st = swell_linker_new(e, &t->linker);
    st = st != SWELL_OK ? st : swell_linker_define_wasi(t->linker, &error);
    if (st != SWELL_OK) {
        return sw_fail(diag, (sw_status)st, SW_NO_OFFSET, "%s", error.text);
    }
    SW_TRY(sw_http_define_p2(t->linker->linker, diag));
    SW_TRY(sw_wasi_define_sockets(t->linker->linker, diag));
    return sw_linker_check(t->linker->linker, t->program->component, diag);
}

/* What is granted must be there now, and not when the first request comes. */
static sw_status check_grants(swell_engine *e, const sw_grants *grants, sw_diag *diag)
{
    sw_store *store;
    sw_wasi *wasi;
    SW_TRY(sw_store_new(e->engine, &SW_STORE_LIMITS_DEFAULT, diag, &store));
    sw_status st = sw_wasi_new(store, grants, NULL, NULL, diag, &wasi);
    if (st == SW_OK) {
        sw_wasi_free(wasi);
    }
    sw_store_free(store);
    return st;
}

/* Certificates of authorities are read here, and not in the middle of serving, if requests to https
 * servers are granted. Without them such requests fail, and say why. */
static void make_client_tls(app_things *t)
{
    const sw_grants *g = &t->grants->grants;
    const sw_tls_client_options options = {.offers_h2 = true};
    bool is_needed = false;
    for (size_t i = 0; i < g->http.count; i++) {
        is_needed = is_needed || g->http.at[i].has_https;
    }
    if (is_needed && sw_tls_client_new(&options, &t->client_tls, NULL) != SW_OK) {
        t->client_tls = NULL;
    }
}

static sw_status make_app(swell_engine *e, swell_program *program, swell_grants *grants,
                          sw_tls *tls, sw_diag *diag, sw_app **ret_app)
{
    app_things *t = sw_alloc(NULL, sizeof *t);
    if (t == NULL) {
        swell_grants_free(grants);
        return SW_NO_MEMORY;
    }
    t->program = sw_api_program_ref(program);
    t->grants = grants;
    t->tls = tls == NULL ? NULL : sw_tls_ref(tls);
    sw_status st = link_things(e, t, diag);
    st = st != SW_OK ? st : check_grants(e, &grants->grants, diag);
    if (st == SW_OK) {
        make_client_tls(t);
        sw_app_parts parts = {.component = sw_component_ref(program->component),
                              .linker = t->linker->linker,
                              .grants = &grants->grants,
                              .tls = tls,
                              .client_tls = t->client_tls,
                              .reports_denials = grants->denial != NULL,
                              .on_free = free_things,
                              .arg = t};
        st = sw_app_new(&parts, ret_app);
        if (st != SW_OK) {
            sw_component_unref(parts.component);
        }
    }
    if (st != SW_OK) {
        free_things(t);
    }
    return st;
}

/* ---- Configuration --------------------------------------------------------------------------- */

#define TAKE(to, from) ((to) = (from) != 0 ? (from) : (to))

static void take_http(const swell_server_config *c, sw_http_limits *l)
{
    TAKE(l->head_bytes, c->max_head_bytes);
    TAKE(l->head_fields, c->max_fields);
    TAKE(l->streams, c->max_streams);
    TAKE(l->body_bytes, c->max_body_bytes);
    TAKE(l->head_ns, c->head_timeout_ns);
    TAKE(l->body_idle_ns, c->body_timeout_ns);
    TAKE(l->keep_alive_ns, c->idle_timeout_ns);
    TAKE(l->write_stall_ns, c->write_timeout_ns);
    TAKE(l->requests, c->connection_requests);
}

static sw_server_config config_of(const swell_server_config *c)
{
    static const char *const DEFAULT[] = {"127.0.0.1:8080"};
    sw_server_config s = SW_SERVER_CONFIG_DEFAULT;
    s.http = sw_http_limits_default;
    s.listen = c->listen;
    s.listen_count = c->listen_count;
    s.listen_fds = c->listen_fds;
    s.listen_fds_count = c->listen_fds_count;
    if (s.listen_count == 0 && s.listen_fds_count == 0) {
        s.listen = DEFAULT;
        s.listen_count = 1;
    }
    s.name = c->name == NULL ? "guest" : c->name;
    s.admin = c->admin;
    s.workers = c->workers;
    take_http(c, &s.http);
    TAKE(s.store.memory_bytes, c->max_memory_bytes);
    TAKE(s.store.host_bytes, c->max_host_bytes);
    TAKE(s.store.stack_bytes, c->stack_bytes);
    TAKE(s.timeout_ns, c->timeout_ns);
    TAKE(s.reuse, c->reuse);
    TAKE(s.connections, c->max_connections);
    TAKE(s.requests, c->max_requests);
    TAKE(s.queue, c->max_queue);
    TAKE(s.queue_ns, c->queue_timeout_ns);
    TAKE(s.buffers_bytes, c->max_buffers_bytes);
    TAKE(s.drain_ns, c->drain_timeout_ns);
    TAKE(s.descriptors, c->max_descriptors);
    TAKE(s.outgoing.connections, c->max_outgoing);
    TAKE(s.outgoing.waiting, c->max_outgoing_queue);
    TAKE(s.outgoing.connect_ns, c->outgoing_connect_timeout_ns);
    TAKE(s.outgoing.first_byte_ns, c->outgoing_response_timeout_ns);
    TAKE(s.outgoing.between_bytes_ns, c->outgoing_body_timeout_ns);
    TAKE(s.outgoing.idle_ns, c->outgoing_idle_timeout_ns);
    s.access = (sw_access_log)c->access_log;
    s.log_env = c->log_env;
    s.logs_json = c->log_json;
    TAKE(s.log_bytes, c->max_log_bytes);
    s.otlp = (sw_otlp_config){.url = c->otlp_url,
                              .service = c->otlp_service,
                              .name = s.name,
                              .attributes = c->otlp_attributes,
                              .headers = c->otlp_headers};
    TAKE(s.trace_one_in, c->trace_one_in);
    return s;
}

/* ---- Certificates -----------------------------------------------------------------------------
 */

static sw_status take_tls(swell_server *s, const swell_server_config *c)
{
    static const sw_tls_client_auth AUTH[] = {
        [SWELL_TLS_CLIENTS_ANY] = SW_TLS_CLIENT_NONE,
        [SWELL_TLS_CLIENTS_MAY] = SW_TLS_CLIENT_OPTIONAL,
        [SWELL_TLS_CLIENTS_MUST] = SW_TLS_CLIENT_REQUIRED,
    };
    sw_tls_cert *certs = sw_alloc_array(NULL, c->tls_certs_count, sizeof *certs);
    if (certs == NULL) {
        return SW_NO_MEMORY;
    }
    for (size_t i = 0; i < c->tls_certs_count; i++) {
        certs[i] = (sw_tls_cert){c->tls_certs[i].cert_file, c->tls_certs[i].key_file};
    }
    s->tls_options = (sw_tls_server_options){
        .certs = certs,
        .cert_count = c->tls_certs_count,
        .client_ca_file = c->tls_client_ca_file,
        .client_auth = AUTH[c->tls_clients],
        .opener = {c->open_file, c->open_file_env},
        .offers_h2 = true
    };
    return SW_OK;
}

/* Reads the files, again if it has done so before. What was read for the first program is taken by
 * the first one that comes. */
static sw_status read_tls(const swell_server *s, sw_diag *diag, sw_tls **ret_tls)
{
    *ret_tls = NULL;
    if (s->tls_options.cert_count == 0) {
        return SW_OK;
    }
    if (s->tls != NULL && !s->has_program) {
        *ret_tls = sw_tls_ref(s->tls);
        return SW_OK;
    }
    return sw_tls_server_new(&s->tls_options, s->tls, ret_tls, diag);
}

/* ---- Servers --------------------------------------------------------------------------------- */

static void pass_log(void *env, sw_str lines)
{
    const log_target *t = env;
    t->log(t->env, sw_api_public_str(lines));
}

static sw_status make_server(swell_server *s, swell_program *program, swell_grants *grants,
                             const swell_server_config *config, sw_diag *diag)
{
    sw_app *app = NULL;
    sw_server_config c = config_of(config);
    if (config->log != NULL) {
        s->target = (log_target){config->log, config->log_env};
        c.log = pass_log;
        c.log_env = &s->target;
    }
    sw_status st = take_tls(s, config);
    st = st != SW_OK ? st : read_tls(s, diag, &s->tls);
    c.has_tls = s->tls != NULL;
    if (st != SW_OK || program == NULL) {
        swell_grants_free(grants);
    } else {
        st = make_app(s->engine, program, grants, s->tls, diag, &app);
    }
    if (st != SW_OK) {
        return st;
    }
    s->has_program = program != NULL;
    return sw_server_new(s->engine->engine, &c, app, diag, &s->server);
}

swell_status swell_server_new(swell_engine *engine, swell_program *program, swell_grants *grants,
                              const swell_server_config *config, swell_error *error,
                              swell_server **ret_server)
{
    static const swell_server_config DEFAULT = {};
    sw_diag diag = {};
    swell_server *s = sw_alloc(NULL, sizeof *s);
    if (s == NULL) {
        swell_grants_free(grants);
        return sw_api_result(SW_NO_MEMORY, &diag, error);
    }
    s->engine = engine;
    sw_status st = make_server(s, program, grants, config == NULL ? &DEFAULT : config, &diag);
    if (st == SW_OK) {
        *ret_server = s;
    } else {
        swell_server_free(s);
    }
    return sw_api_result(st, &diag, error);
}

const char *swell_server_url(const swell_server *server, size_t index)
{
    return sw_server_url(server->server, index);
}

const char *swell_server_admin_url(const swell_server *server)
{
    return sw_server_admin_url(server->server);
}

swell_status swell_server_start(swell_server *server, swell_error *error)
{
    sw_diag diag = {};
    return sw_api_result(sw_server_start(server->server, &diag), &diag, error);
}

void swell_server_stop(swell_server *server)
{
    sw_server_stop(server->server);
}

int swell_server_ended_fd(const swell_server *server)
{
    return sw_server_ended_fd(server->server);
}

swell_status swell_server_reload(swell_server *server, swell_program *program, swell_grants *grants,
                                 swell_error *error)
{
    sw_diag diag = {};
    sw_app *app;
    sw_tls *tls;
    sw_status st = read_tls(server, &diag, &tls);
    if (st != SW_OK) {
        swell_grants_free(grants);
        return sw_api_result(st, &diag, error);
    }
    st = make_app(server->engine, program, grants, tls, &diag, &app);
    if (st == SW_OK) {
        sw_server_reload(server->server, app);
        sw_tls_unref(server->tls);
        server->tls = tls;
        server->has_program = true;
    } else {
        sw_tls_unref(tls);
    }
    return sw_api_result(st, &diag, error);
}

void swell_server_free(swell_server *server)
{
    if (server != NULL) {
        sw_server_free(server->server);
        sw_tls_unref(server->tls);
        sw_free(NULL, (void *)(uintptr_t)server->tls_options.certs,
                server->tls_options.cert_count * sizeof *server->tls_options.certs);
        sw_free(NULL, server, sizeof *server);
    }
}
