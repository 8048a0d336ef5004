/* swell serve: configuration from the options, then waiting for signals while the server works. */
#include "cli/serve.h"
#include "cli/wall.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { ADDRESSES_MAX = 16, CERTS_MAX = 64, FIRST_PASSED_FD = 3 };

typedef struct service {
    const cli_args *args;
    const char *file;
    cli_source source; /* where it is: on disk already when the sandbox is entered */
    const char *about; /* what an error is about, unless it says so itself */
    swell_engine *engine;
    swell_server *server;
    swell_server_config config;
    const char *listen[ADDRESSES_MAX];
    int fds[ADDRESSES_MAX];
    swell_tls_cert certs[CERTS_MAX];
    sigset_t waiting; /* signals blocked while it waits for one */
    cli_wall wall;
} service;

/* ---- Options --------------------------------------------------------------------------------- */

typedef enum number_kind { COUNT, SIZE, DURATION } number_kind;

typedef struct number_option {
    const char *name;
    number_kind kind;
    size_t offset; /* in the configuration */
    size_t bytes;
} number_option;

#define NUMBER(name, kind, member)                      \
    {name, kind, offsetof(swell_server_config, member), \
     sizeof(((swell_server_config *)NULL)->member)}

static const number_option NUMBERS[] = {
    NUMBER("workers", COUNT, workers),
    NUMBER("timeout", DURATION, timeout_ns),
    NUMBER("max-memory", SIZE, max_memory_bytes),
    NUMBER("max-stack", SIZE, stack_bytes),
    NUMBER("max-host-memory", SIZE, max_host_bytes),
    NUMBER("reuse", COUNT, reuse),
    NUMBER("max-requests", COUNT, max_requests),
    NUMBER("max-queue", COUNT, max_queue),
    NUMBER("queue-timeout", DURATION, queue_timeout_ns),
    NUMBER("max-connections", COUNT, max_connections),
    NUMBER("max-head", SIZE, max_head_bytes),
    NUMBER("max-fields", COUNT, max_fields),
    NUMBER("max-streams", COUNT, max_streams),
    NUMBER("max-body", SIZE, max_body_bytes),
    NUMBER("max-buffers", SIZE, max_buffers_bytes),
    NUMBER("head-timeout", DURATION, head_timeout_ns),
    NUMBER("body-timeout", DURATION, body_timeout_ns),
    NUMBER("idle-timeout", DURATION, idle_timeout_ns),
    NUMBER("write-timeout", DURATION, write_timeout_ns),
    NUMBER("drain-timeout", DURATION, drain_timeout_ns),
    NUMBER("max-descriptors", COUNT, max_descriptors),
    NUMBER("max-outgoing", COUNT, max_outgoing),
    NUMBER("max-outgoing-queue", COUNT, max_outgoing_queue),
    NUMBER("outgoing-connect-timeout", DURATION, outgoing_connect_timeout_ns),
    NUMBER("outgoing-response-timeout", DURATION, outgoing_response_timeout_ns),
    NUMBER("outgoing-body-timeout", DURATION, outgoing_body_timeout_ns),
    NUMBER("outgoing-idle-timeout", DURATION, outgoing_idle_timeout_ns),
    NUMBER("max-log", SIZE, max_log_bytes),
    NUMBER("trace-one-in", COUNT, trace_one_in),
};

static int bad_number(const number_option *o, const char *value)
{
    static const char *const HINTS[] = {
        [COUNT] = "a number of at least 1",
        [SIZE] = "a size is a number and KiB, MiB or GiB: 64MiB",
        [DURATION] = "a duration is a number and ms, s, m or h: 250ms, 10s",
    };
    return cli_usage_error(HINTS[o->kind], "--%s: '%s' is not one, or out of range", o->name,
                           value);
}

static int read_number(const number_option *o, const char *text, swell_server_config *config)
{
    uint64_t value = 0;
    bool ok = o->kind == COUNT  ? cli_parse_count(text, &value)
              : o->kind == SIZE ? cli_parse_size(text, &value)
                                : cli_parse_duration(text, &value);
    /* 0 would stand for the default. */
    if (!ok || value == 0 || (o->bytes == sizeof(uint32_t) && value > UINT32_MAX)) {
        return bad_number(o, text);
    }
    uint32_t small = (uint32_t)value;
    memcpy((char *)config + o->offset,
           o->bytes == sizeof small ? (const void *)&small : (const void *)&value, o->bytes);
    return CLI_OK;
}

static int read_access_log(const char *value, bool is_json, swell_server_config *config)
{
    static const char *const NAMES[] = {"off", "text", "json"};
    if (value == NULL) {
        config->access_log = is_json ? SWELL_ACCESS_JSON : SWELL_ACCESS_OFF;
        return CLI_OK;
    }
    for (unsigned i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (strcmp(value, NAMES[i]) == 0) {
            config->access_log = (swell_access_log)i;
            return CLI_OK;
        }
    }
    return cli_usage_error("the formats are text, json and off", "--access-log: no format '%s'",
                           value);
}

static int read_telemetry(service *s)
{
    swell_server_config *c = &s->config;
    c->otlp_url = cli_value(s->args, "otlp");
    if (c->otlp_url != NULL && strcmp(c->otlp_url, "env") == 0) {
        c->otlp_url = getenv("OTEL_EXPORTER_OTLP_ENDPOINT");
        c->otlp_service = getenv("OTEL_SERVICE_NAME");
        c->otlp_attributes = getenv("OTEL_RESOURCE_ATTRIBUTES");
        c->otlp_headers = getenv("OTEL_EXPORTER_OTLP_HEADERS");
        if (c->otlp_url == NULL) {
            return cli_usage_error("set it, or give the URL itself",
                                   "--otlp env: OTEL_EXPORTER_OTLP_ENDPOINT is not set");
        }
    }
    if (cli_value(s->args, "service") != NULL) {
        c->otlp_service = cli_value(s->args, "service");
    }
    c->log_json = cli_has(s->args, "json");
    return CLI_OK;
}

static int add_fd(service *s, uint64_t fd)
{
    if (s->config.listen_fds_count == ADDRESSES_MAX || fd > INT32_MAX) {
        return cli_usage_error(NULL, "--listen-fd: too many, or too large");
    }
    s->fds[s->config.listen_fds_count++] = (int)fd;
    return CLI_OK;
}

/* What the service manager says it passes, from descriptor 3 on. */
static int add_passed_fds(service *s)
{
    uint64_t count = 0, pid = 0;
    const char *fds = getenv("LISTEN_FDS"), *for_pid = getenv("LISTEN_PID");
    if (fds == NULL || for_pid == NULL || !cli_parse_count(fds, &count) || count == 0 ||
        !cli_parse_count(for_pid, &pid) || pid != (uint64_t)getpid()) {
        return cli_usage_error("LISTEN_FDS and LISTEN_PID are set by the service manager",
                               "--listen-fd systemd: nothing was passed to this process");
    }
    int code = CLI_OK;
    for (uint64_t i = 0; i < count && code == CLI_OK; i++) {
        code = add_fd(s, FIRST_PASSED_FD + i);
    }
    return code;
}

static int add_listener(service *s, const cli_given *g)
{
    uint64_t fd;
    if (strcmp(g->option->name, "listen") == 0) {
        if (s->config.listen_count == ADDRESSES_MAX) {
            return cli_usage_error(NULL, "--listen: too many addresses");
        }
        s->listen[s->config.listen_count++] = g->value;
        return CLI_OK;
    }
    if (strcmp(g->value, "systemd") == 0) {
        return add_passed_fds(s);
    }
    if (!cli_parse_count(g->value, &fd)) {
        return cli_usage_error("a number, or 'systemd'", "--listen-fd: malformed '%s'", g->value);
    }
    return add_fd(s, fd);
}

static int read_certs(service *s)
{
    const cli_args *args = s->args;
    size_t certs = 0, keys = 0;
    for (size_t i = 0; i < args->given_count; i++) {
        const cli_given *g = &args->given[i];
        bool is_cert = strcmp(g->option->name, "tls-cert") == 0;
        if (!is_cert && strcmp(g->option->name, "tls-key") != 0) {
            continue;
        }
        if (certs == CERTS_MAX || keys == CERTS_MAX) {
            return cli_usage_error(NULL, "--%s: too many", g->option->name);
        }
        *(is_cert ? &s->certs[certs++].cert_file : &s->certs[keys++].key_file) = g->value;
    }
    for (size_t i = keys; i < certs; i++) {
        s->certs[i].key_file = s->certs[i].cert_file;
    }
    if (keys > certs) {
        return cli_usage_error(NULL, "--tls-key: more keys than certificates");
    }
    s->config.tls_certs = s->certs;
    s->config.tls_certs_count = certs;
    return CLI_OK;
}

static int read_tls(service *s)
{
    const char *which = cli_value(s->args, "tls-client");
    const char *ca = cli_value(s->args, "tls-client-ca");
    int code = read_certs(s);
    if (code != CLI_OK) {
        return code;
    }
    if (ca != NULL && s->config.tls_certs_count == 0) {
        return cli_usage_error(NULL, "--tls-client-ca: without --tls-cert there is no TLS");
    }
    if (which != NULL && strcmp(which, "may") != 0 && strcmp(which, "must") != 0) {
        return cli_usage_error("must, or may", "--tls-client: '%s' is neither", which);
    }
    if (which != NULL && ca == NULL) {
        return cli_usage_error(NULL, "--tls-client: needs --tls-client-ca");
    }
    s->config.tls_client_ca_file = ca;
    s->config.tls_clients = ca == NULL                                   ? SWELL_TLS_CLIENTS_ANY
                            : which != NULL && strcmp(which, "may") == 0 ? SWELL_TLS_CLIENTS_MAY
                                                                         : SWELL_TLS_CLIENTS_MUST;
    return CLI_OK;
}

static int read_options(service *s)
{
    const cli_args *args = s->args;
    int code = CLI_OK;
    for (size_t i = 0; i < args->given_count && code == CLI_OK; i++) {
        const cli_given *g = &args->given[i];
        if (strncmp(g->option->name, "listen", 6) == 0) {
            code = add_listener(s, g);
        }
        for (size_t k = 0; k < sizeof NUMBERS / sizeof NUMBERS[0] && code == CLI_OK; k++) {
            if (strcmp(g->option->name, NUMBERS[k].name) == 0) {
                code = read_number(&NUMBERS[k], g->value, &s->config);
            }
        }
    }
    s->config.listen = s->listen;
    s->config.listen_fds = s->fds;
    s->config.admin = cli_value(args, "admin");
    code = code != CLI_OK ? code : read_tls(s);
    code = code != CLI_OK ? code : read_telemetry(s);
    return code != CLI_OK
               ? code
               : read_access_log(cli_value(args, "access-log"), cli_has(args, "json"), &s->config);
}

/* ---- What is served -------------------------------------------------------------------------- */

static void write_log(void *env, swell_str lines)
{
    (void)env;
    while (lines.len != 0) {
        ssize_t n = write(STDERR_FILENO, lines.ptr, lines.len);
        if (n <= 0 && errno != EINTR) {
            return;
        }
        lines.ptr += n > 0 ? n : 0;
        lines.len -= n > 0 ? (size_t)n : 0;
    }
}

/* Denials are the server's to log; a function here only says that they are wanted. */
static void want_denials(void *env, const char *asked, const char *option)
{
    (void)env;
    (void)asked;
    (void)option;
}

static swell_status make_grants(service *s, swell_error *error, swell_grants **ret_grants)
{
    swell_grants *grants;
    s->about = "grants";
    swell_status st = swell_grants_new(&grants);
    if (st != SWELL_OK) {
        return st;
    }
    st = cli_add_grants(s->args, grants, error);
    for (unsigned i = 0; i < 3; i++) {
        swell_grants_set_stdio(grants, i, -1);
    }
    if (!cli_has(s->args, "quiet-denials")) {
        swell_grants_on_denial(grants, want_denials, NULL);
    }
    if (st == SWELL_OK) {
        s->about = s->file;
        *ret_grants = grants;
    } else {
        swell_grants_free(grants);
    }
    return st;
}

static int report(const service *s, swell_status st, swell_error *error, bool reloads)
{
    if (error->status == SWELL_OK) {
        error->status = st;
        error->offset = SWELL_NO_OFFSET;
    }
    return serve_report(s->about, error, reloads, s->config.log_json);
}

static int open_file(service *s, swell_error *error)
{
    int fd = strcmp(s->file, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                       : cli_wall_open(&s->wall, s->source.path);
    if (fd < 0) {
        *error = (swell_error){.status = errno == ENOENT ? SWELL_NOT_FOUND : SWELL_IO,
                               .offset = SWELL_NO_OFFSET};
        (void)snprintf(error->text, sizeof error->text, "%s", strerror(errno));
    }
    return fd;
}

/* Reads and compiles what is in the descriptor, which it closes, and serves it from now on. The
 * grants are taken over. */
static swell_status bring_program(const service *s, int fd, swell_grants *grants,
                                  swell_error *error)
{
    swell_program_options options = {.allow_compiled = cli_has(s->args, "allow-compiled")};
    swell_program *program;
    swell_status st = swell_program_open_fd(s->engine, fd, s->file, &options, error, &program);
    (void)close(fd);
    if (st != SWELL_OK) {
        swell_grants_free(grants);
        return st;
    }
    st = swell_server_reload(s->server, program, grants, error);
    swell_program_free(program);
    return st;
}

/* With all rights: sockets and certificates. Without: whatever looks into the program. */
static int bring_first(service *s, int fd, swell_grants *grants)
{
    swell_error error = {};
    swell_status st = swell_server_new(s->engine, NULL, NULL, &s->config, &error, &s->server);
    int code = st == SWELL_OK ? cli_wall_enter(&s->wall, s->args, grants, s->config.otlp_url)
                              : report(s, st, &error, false);
    if (code != CLI_OK) {
        swell_grants_free(grants);
        (void)close(fd);
        return code;
    }
    st = bring_program(s, fd, grants, &error);
    return st == SWELL_OK ? CLI_OK : report(s, st, &error, false);
}

static swell_status begin_bringing(service *s, swell_error *error, swell_grants **ret_grants,
                                   int *ret_fd)
{
    swell_status st = make_grants(s, error, ret_grants);
    if (st != SWELL_OK) {
        return st;
    }
    *ret_fd = open_file(s, error);
    if (*ret_fd < 0) {
        swell_grants_free(*ret_grants);
        return error->status;
    }
    return SWELL_OK;
}

static int make_server(service *s)
{
    int fd;
    swell_grants *grants;
    swell_error error = {};
    swell_status st = begin_bringing(s, &error, &grants, &fd);
    return st == SWELL_OK ? bring_first(s, fd, grants) : report(s, st, &error, false);
}

static void reload(service *s)
{
    int fd;
    swell_grants *grants;
    swell_error error = {};
    swell_status st = begin_bringing(s, &error, &grants, &fd);
    if (st == SWELL_OK) {
        st = bring_program(s, fd, grants, &error);
    }
    if (st == SWELL_OK) {
        serve_say_reloaded(s->file, s->config.log_json);
    } else {
        (void)report(s, st, &error, true);
    }
}

/* ---- Running --------------------------------------------------------------------------------- */

/* What was asked for since the last look. No signalfd: one wakes its reader for every signal of the
 * process, and workers get thousands. */
static volatile sig_atomic_t stops_asked, reloads_asked;

static void on_signal(int number)
{
    if (number == SIGHUP) {
        reloads_asked = 1;
    } else {
        stops_asked = stops_asked + 1;
    }
}

/* Signals come only while it waits. */
static int wait_for_end(service *s)
{
    struct pollfd ended = {swell_server_ended_fd(s->server), POLLIN, 0};
    for (;;) {
        if (ppoll(&ended, 1, NULL, &s->waiting) < 0 && errno != EINTR) {
            return CLI_FAILURE;
        }
        if ((ended.revents & POLLIN) != 0) {
            return CLI_OK;
        }
        for (; stops_asked > 0; stops_asked = stops_asked - 1) {
            swell_server_stop(s->server);
        }
        if (reloads_asked != 0) {
            reloads_asked = 0;
            reload(s);
        }
    }
}

/* All threads are made with these blocked. */
static int take_signals(service *s)
{
    static const int TAKEN[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t set;
    (void)sigemptyset(&set);
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof TAKEN / sizeof TAKEN[0]; i++) {
        (void)sigaddset(&set, TAKEN[i]);
        (void)sigaction(TAKEN[i], &action, NULL);
    }
    if (sigprocmask(SIG_BLOCK, &set, &s->waiting) != 0) {
        return CLI_FAILURE;
    }
    for (size_t i = 0; i < sizeof TAKEN / sizeof TAKEN[0]; i++) {
        (void)sigdelset(&s->waiting, TAKEN[i]);
    }
    return CLI_OK;
}

/* Connections need descriptors: as many as may be had. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int serve(service *s)
{
    swell_error error = {};
    int code = make_server(s);
    if (code != CLI_OK) {
        return code;
    }
    swell_status st = swell_server_start(s->server, &error);
    if (st != SWELL_OK) {
        return report(s, st, &error, false);
    }
    serve_say_ready(s->server, &s->wall, s->config.log_json);
    return wait_for_end(s);
}

int cli_serve(const cli_args *args)
{
    service s = {.args = args, .file = args->operands[0]};
    const char *slash = strrchr(s.file, '/');
    s.config.name = slash == NULL ? s.file : slash + 1;
    s.config.log = write_log;
    s.config.open_file = cli_wall_open;
    s.config.open_file_env = &s.wall;
    int code = read_options(&s);
    code = code != CLI_OK ? code : cli_source_open(args, s.file, &s.source);
    if (code == CLI_OK) {
        cli_source_close(&s.source);
    }
    code = code != CLI_OK ? code : take_signals(&s);
    code = code != CLI_OK ? code : cli_wall_begin(&s.wall, args);
    code = code != CLI_OK ? code : cli_open_engine(cli_wall_cache(&s.wall), &s.engine);
    if (code == CLI_OK) {
        raise_descriptors();
        code = serve(&s);
    }
    swell_server_free(s.server);
    swell_engine_free(s.engine);
    cli_wall_end(&s.wall);
    return code;
}
