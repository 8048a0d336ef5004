#include "registry/transfer.h"

#include "os/clock.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <strings.h>

enum {
    CONNECT_MS = 15000,
    STALL_BYTES_PER_S = 128,
    POLL_MS = 1000,
    MEMORY_MS = 300000,
    MEMORY_BYTES = 1 << 20
};

/* ---- What libcurl calls ---------------------------------------------------------------------- */

static sw_str trim(sw_str s)
{
    while (s.len != 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s = sw_str_slice(s, 1, s.len - 1);
    }
    while (s.len != 0 && strchr(" \t\r\n", s.ptr[s.len - 1]) != NULL) {
        s.len--;
    }
    return s;
}

static const char *const FIELD_NAMES[SW_ANSWER_FIELDS] = {
    [SW_ANSWER_AUTHENTICATE] = "www-authenticate",
    [SW_ANSWER_LOCATION] = "location",
    [SW_ANSWER_DIGEST] = "docker-content-digest",
    [SW_ANSWER_TYPE] = "content-type",
    [SW_ANSWER_RETRY_AFTER] = "retry-after",
    [SW_ANSWER_CONTENT_RANGE] = "content-range",
    [SW_ANSWER_RANGE] = "range",
};

static void read_field(sw_transfer *t, sw_str line)
{
    size_t colon = sw_str_find(line, ':');
    if (colon == line.len) {
        return;
    }
    sw_str value = trim(sw_str_slice(line, colon + 1, line.len - colon - 1));
    for (unsigned i = 0; i < SW_ANSWER_FIELDS; i++) {
        sw_str *to = &t->fields[i];
        if (strlen(FIELD_NAMES[i]) != colon || strncasecmp(FIELD_NAMES[i], line.ptr, colon) != 0) {
            continue;
        }
        bool joins = i == SW_ANSWER_AUTHENTICATE && to->len != 0;
        *to = joins ? sw_arena_printf(&t->arena, "%.*s, %.*s", SW_STR_ARG(*to), SW_STR_ARG(value))
                    : sw_arena_str(&t->arena, value);
    }
}

/* Each answer begins anew: an interim one, or that of a proxy, is forgotten. */
static size_t on_head(char *p, size_t size, size_t count, void *env)
{
    sw_transfer *t = env;
    sw_str line = {p, size * count};
    t->head_bytes += line.len;
    if (t->head_bytes > SW_TRANSFER_HEAD_MAX) {
        t->st = sw_fail(&t->diag, SW_LIMIT, SW_NO_OFFSET, "the head of the answer is too large");
        return 0;
    }
    if (sw_str_starts(line, SW_STR("HTTP/"))) {
        size_t space = sw_str_find(line, ' ');
        t->status = 0;
        for (size_t i = space + 1; i < line.len && i < space + 4; i++) {
            t->status = 10 * t->status + (unsigned)(line.ptr[i] - '0') % 10;
        }
        memset(t->fields, 0, sizeof t->fields);
    } else {
        read_field(t, line);
    }
    return line.len;
}

/* "bytes 100-199/200" must begin where we stopped. */
static bool continues(const sw_transfer *t)
{
    char wanted[48];
    int len = snprintf(wanted, sizeof wanted, "bytes %llu-", (unsigned long long)t->sink->bytes);
    return sw_str_starts(t->fields[SW_ANSWER_CONTENT_RANGE], (sw_str){wanted, (size_t)len});
}

static sw_status to_sink(sw_transfer *t, sw_bytes bytes)
{
    bool is_first = t->reported_bytes == 0;
    if (is_first && t->status == 200 && t->sink->bytes != 0) {
        SW_TRY(sw_partial_reset(t->sink, &t->diag)); /* it does not do ranges */
    }
    if (is_first && t->status == 206 && !continues(t)) {
        return sw_fail(&t->diag, SW_INVALID, SW_NO_OFFSET,
                       "the registry sends another part than was asked for");
    }
    t->reported_bytes += bytes.len;
    return sw_partial_write(t->sink, bytes, &t->diag);
}

static void report(sw_transfer *t, uint64_t done_bytes)
{
    const sw_transfer_options *o = &t->all->options;
    if (o->progress != NULL && t->tag != NULL) {
        o->progress(o->progress_env, t->tag, done_bytes);
    }
}

static size_t on_body(char *p, size_t size, size_t count, void *env)
{
    sw_transfer *t = env;
    sw_bytes bytes = {(const uint8_t *)p, size * count};
    bool is_good = t->status == 200 || t->status == 206;
    if (t->sink != NULL && is_good) {
        t->st = to_sink(t, bytes);
        report(t, t->sink->bytes);
        return t->st == SW_OK ? bytes.len : 0;
    }
    size_t max = is_good ? t->max_bytes : (size_t)SW_TRANSFER_ERROR_MAX;
    if (bytes.len > max - SW_MIN(t->answer.len, max)) {
        t->st =
            sw_fail(&t->diag, SW_LIMIT, SW_NO_OFFSET, "the answer is larger than %zu bytes", max);
        return 0;
    }
    sw_buf_write(&t->answer, bytes.ptr, bytes.len);
    t->st = sw_buf_status(&t->answer);
    return t->st == SW_OK ? bytes.len : 0;
}

static size_t on_read(char *p, size_t size, size_t count, void *env)
{
    sw_transfer *t = env;
    size_t n = SW_MIN(size * count, t->body.len - t->sent_bytes);
    memcpy(p, t->body.ptr + t->sent_bytes, n);
    t->sent_bytes += n;
    report(t, t->sent_bytes);
    return n;
}

static int on_seek(void *env, curl_off_t offset, int origin)
{
    sw_transfer *t = env;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > t->body.len) {
        return CURL_SEEKFUNC_FAIL;
    }
    t->sent_bytes = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

/* ---- One exchange ---------------------------------------------------------------------------- */

static bool add_field(sw_transfer *t, const char *name, const char *value)
{
    if (value == NULL) {
        return true;
    }
    sw_str line = sw_arena_printf(&t->arena, "%s: %s", name, value);
    struct curl_slist *more = NULL;
    if (line.ptr != NULL) {
        more = t->all->curl->slist_append(t->head, line.ptr);
    }
    t->head = more == NULL ? t->head : more;
    return more != NULL;
}

static bool add_head(sw_transfer *t)
{
    struct curl_slist *more = t->all->curl->slist_append(NULL, "Expect:");
    t->head = more;
    return more != NULL && add_field(t, "Authorization", t->authorization) &&
           add_field(t, "Accept", t->accept) && add_field(t, "Content-Type", t->content_type) &&
           add_field(t, "Content-Range", t->content_range);
}

#define SET(option, value) (void)c->easy_setopt(t->easy, option, value)

static void set_method(const sw_curl *c, sw_transfer *t)
{
    bool is_head = strcmp(t->method, "HEAD") == 0;
    if (is_head) {
        SET(CURLOPT_NOBODY, 1L);
    } else if (strcmp(t->method, "GET") == 0) {
        SET(CURLOPT_HTTPGET, 1L);
    } else {
        SET(CURLOPT_UPLOAD, 1L);
        SET(CURLOPT_CUSTOMREQUEST, t->method);
        SET(CURLOPT_READFUNCTION, on_read);
        SET(CURLOPT_READDATA, t);
        SET(CURLOPT_SEEKFUNCTION, on_seek);
        SET(CURLOPT_SEEKDATA, t);
        SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->body.len);
    }
}

static void set_limits(const sw_curl *c, sw_transfer *t)
{
    const sw_transfer_options *o = &t->all->options;
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    SET(CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES_PER_S);
    SET(CURLOPT_LOW_SPEED_TIME, (long)SW_MAX(o->stall_ns / SW_NS_PER_S, UINT64_C(1)));
    if (t->sink == NULL && t->body.len < MEMORY_BYTES) {
        SET(CURLOPT_TIMEOUT_MS, (long)MEMORY_MS);
    }
    SET(CURLOPT_PROTOCOLS_STR,
        sw_str_starts(sw_str_of(t->url), SW_STR("https:")) ? "https" : "http");
    SET(CURLOPT_SSL_VERIFYPEER, o->insecure ? 0L : 1L);
    SET(CURLOPT_SSL_VERIFYHOST, o->insecure ? 0L : 2L);
    if (o->ca_file != NULL) {
        SET(CURLOPT_CAINFO, o->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
}

static void set_up(const sw_curl *c, sw_transfer *t)
{
    SET(CURLOPT_URL, t->url);
    SET(CURLOPT_PRIVATE, t);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_HTTPHEADER, t->head);
    SET(CURLOPT_USERAGENT, "swell");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_ERRORBUFFER, t->error);
    SET(CURLOPT_HEADERFUNCTION, on_head);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, t);
    set_method(c, t);
    set_limits(c, t);
    if (t->sink != NULL && t->sink->bytes != 0) {
        char range[32];
        (void)snprintf(range, sizeof range, "%llu-", (unsigned long long)t->sink->bytes);
        SET(CURLOPT_RANGE, range);
    }
}

static void reset_answer(sw_transfer *t)
{
    t->status = 0;
    memset(t->fields, 0, sizeof t->fields);
    t->answer.len = 0;
    t->is_network_failure = false;
    t->st = SW_OK;
    t->diag = (sw_diag){};
    t->head_bytes = 0;
    t->sent_bytes = 0;
    t->reported_bytes = 0;
    t->error[0] = '\0';
}

static sw_status start(sw_transfers *all, sw_transfer *t)
{
    const sw_curl *c = all->curl;
    t->all = all;
    reset_answer(t);
    t->easy = c->easy_init();
    if (t->easy == NULL || !add_head(t)) {
        return SW_NO_MEMORY;
    }
    set_up(c, t);
    t->is_active = c->multi_add_handle(all->multi, t->easy) == CURLM_OK;
    return t->is_active ? SW_OK : SW_NO_MEMORY;
}

static void end(sw_transfer *t)
{
    if (t->all == NULL) {
        return;
    }
    const sw_curl *c = t->all->curl;
    if (t->is_active) {
        (void)c->multi_remove_handle(t->all->multi, t->easy);
    }
    if (t->easy != NULL) {
        c->easy_cleanup(t->easy);
    }
    c->slist_free_all(t->head);
    t->easy = NULL;
    t->head = NULL;
    t->is_active = false;
}

static bool is_worth_retrying(CURLcode code)
{
    switch ((int)code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return true;
    default: return false;
    }
}

/* An answer that we broke off has said why already. */
static void judge(sw_transfer *t, CURLcode code)
{
    if (code == CURLE_OK || t->st != SW_OK) {
        return;
    }
    t->is_network_failure = is_worth_retrying(code);
    const char *text = t->error[0] != '\0' ? t->error : t->all->curl->easy_strerror(code);
    t->st = sw_fail(&t->diag, SW_IO, SW_NO_OFFSET, "%s", text);
}

void sw_transfer_init(sw_transfer *t)
{
    *t = (sw_transfer){};
    sw_arena_init(&t->arena, NULL, (size_t)1 << 20);
    sw_buf_init(&t->answer, NULL, SIZE_MAX);
}

void sw_transfer_clear(sw_transfer *t)
{
    end(t);
    sw_arena_clear(&t->arena);
    sw_buf_clear(&t->answer);
}

/* ---- Many ------------------------------------------------------------------------------------ */

sw_status sw_transfers_init(sw_transfers *t, const sw_transfer_options *options, sw_diag *diag)
{
    sw_transfers all = {.options = *options};
    SW_TRY(sw_curl_load(diag, &all.curl));
    all.multi = all.curl->multi_init();
    if (all.multi == NULL) {
        return SW_NO_MEMORY;
    }
    *t = all;
    return SW_OK;
}

void sw_transfers_clear(sw_transfers *t)
{
    if (t->multi != NULL) {
        (void)t->curl->multi_cleanup(t->multi);
        t->multi = NULL;
    }
}

typedef struct running {
    sw_transfers *all;
    sw_transfer *const *at;
    size_t count;
    CURLM *multi;
    sw_transfer_fn *fn;
    void *env;
    unsigned parallel;
    bool is_stopped;
} running;

static size_t count_active(const running *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->count; i++) {
        n += r->at[i]->is_active;
    }
    return n;
}

/* Begins what may; returns when the next one may, SW_NEVER if none waits for its time. */
static sw_status begin_due(running *r, uint64_t *ret_next_ns)
{
    uint64_t now = sw_clock_monotonic_ns();
    size_t active = count_active(r);
    *ret_next_ns = SW_NEVER;
    for (size_t i = 0; i < r->count && active < r->parallel; i++) {
        sw_transfer *t = r->at[i];
        if (t->is_active || t->is_over) {
            continue;
        }
        if (t->not_before_ns > now) {
            *ret_next_ns = SW_MIN(*ret_next_ns, t->not_before_ns);
            continue;
        }
        SW_TRY(start(r->all, t));
        active++;
    }
    return SW_OK;
}

static sw_transfer *find(const running *r, const CURL *easy)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->at[i]->easy == easy) {
            return r->at[i];
        }
    }
    return NULL;
}

static void take_answers(running *r)
{
    int left = 0;
    CURLMsg *m;
    while ((m = r->all->curl->multi_info_read(r->multi, &left)) != NULL && !r->is_stopped) {
        sw_transfer *t = m->msg == CURLMSG_DONE ? find(r, m->easy_handle) : NULL;
        if (t == NULL) {
            continue;
        }
        judge(t, m->data.result);
        end(t);
        t->not_before_ns = 0;
        sw_transfer_verdict v = r->fn(r->env, t);
        t->is_over = v != SW_TRANSFER_AGAIN;
        r->is_stopped = v == SW_TRANSFER_STOP;
    }
}

static bool is_over(const running *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (!r->at[i]->is_over) {
            return r->is_stopped;
        }
    }
    return true;
}

static sw_status turn(running *r, sw_diag *diag)
{
    const sw_curl *c = r->all->curl;
    uint64_t next_ns;
    int active = 0;
    SW_TRY(begin_due(r, &next_ns));
    uint64_t now = sw_clock_monotonic_ns();
    uint64_t wait_ms = next_ns == SW_NEVER ? POLL_MS
                       : next_ns <= now    ? 0
                                           : (next_ns - now) / SW_NS_PER_MS + 1;
    CURLMcode code = c->multi_perform(r->multi, &active);
    if (code == CURLM_OK && (size_t)active == count_active(r)) {
        code = c->multi_poll(r->multi, NULL, 0, (int)SW_MIN(wait_ms, (uint64_t)POLL_MS), NULL);
    }
    if (code != CURLM_OK) {
        return sw_fail(diag, SW_IO, SW_NO_OFFSET, "libcurl: %s", c->multi_strerror(code));
    }
    take_answers(r);
    return SW_OK;
}

/* A TLS library writes to sockets that have gone; the signal is kept from the process. */
typedef struct silence {
    sigset_t old;
    bool was_pending;
} silence;

static silence keep_signal(void)
{
    silence s = {};
    sigset_t pipe, pending;
    (void)sigemptyset(&pipe);
    (void)sigaddset(&pipe, SIGPIPE);
    s.was_pending = sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
    (void)pthread_sigmask(SIG_BLOCK, &pipe, &s.old);
    return s;
}

static void give_signal_back(const silence *s)
{
    sigset_t pipe;
    struct timespec none = {};
    (void)sigemptyset(&pipe);
    (void)sigaddset(&pipe, SIGPIPE);
    while (!s->was_pending && sigtimedwait(&pipe, NULL, &none) < 0 && errno == EINTR) {
    }
    (void)pthread_sigmask(SIG_SETMASK, &s->old, NULL);
}

sw_status sw_transfers_run(sw_transfers *t, sw_transfer *const *all, size_t count,
                           unsigned parallel, sw_transfer_fn *fn, void *env, sw_diag *diag)
{
    running r = {t, all, count, t->multi, fn, env, parallel, false};
    sw_status st = SW_OK;
    silence s = keep_signal();
    for (size_t i = 0; i < count; i++) {
        all[i]->is_over = false;
    }
    while (st == SW_OK && !is_over(&r)) {
        st = turn(&r, diag);
    }
    for (size_t i = 0; i < count; i++) {
        end(all[i]);
    }
    give_signal_back(&s);
    return st;
}
