#include "registry/call.h"

#include "base/vec.h"
#include "os/clock.h"
#include "os/random.h"
#include "registry/url.h"

#include <jansson.h>
#include <stdio.h>

enum { REDIRECTS_MAX = 5, CHALLENGES_MAX = 2, PAUSE_MAX_S = 60 };

#define FIRST_PAUSE_NS (SW_NS_PER_S / 4)

sw_status sw_call_init(sw_call *call, sw_client *c, const sw_endpoint *at, const char *repository,
                       const char *actions, const char *method, const char *path, sw_diag *diag)
{
    *call = (sw_call){.client = c, .at = at, .repository = repository, .actions = actions};
    sw_transfer_init(&call->transfer);
    call->transfer.method = method;
    call->transfer.max_bytes = SW_TRANSFER_ERROR_MAX;
    call->attempts_max = c->options.attempts;
    int len = repository == NULL
                  ? snprintf(call->url, sizeof call->url, "%s/v2/%s", at->origin, path)
                  : snprintf(call->url, sizeof call->url, "%s/v2/%s%s/%s", at->origin, at->prefix,
                             repository, path);
    if (len < 0 || (size_t)len >= sizeof call->url) {
        return sw_fail(diag, SW_LIMIT, SW_NO_OFFSET, "the URL is too long");
    }
    memcpy(call->transfer.url, call->url, sizeof call->url);
    return SW_OK;
}

void sw_call_clear(sw_call *call)
{
    sw_transfer_clear(&call->transfer);
}

/* ---- What the registry says ------------------------------------------------------------------ */

static const char *first_error(const json_t *root, const char *key)
{
    return json_string_value(
        json_object_get(json_array_get(json_object_get(root, "errors"), 0), key));
}

static const char *status_text(unsigned status)
{
    switch (status) {
    case 400: return "bad request";
    case 401: return "unauthorized";
    case 403: return "forbidden";
    case 404: return "not found";
    case 405: return "method not allowed";
    case 413: return "too large";
    case 415: return "unsupported media type";
    case 429: return "too many requests";
    case 500: return "internal error";
    case 503: return "unavailable";
    default: return "unexpected answer";
    }
}

static sw_status status_of(unsigned status)
{
    return status == 404 || status == 410   ? SW_NOT_FOUND
           : status == 401 || status == 403 ? SW_DENIED
                                            : SW_IO;
}

sw_status sw_call_refused(sw_call *call, sw_diag *diag)
{
    sw_transfer *t = &call->transfer;
    json_error_t error;
    json_t *root = json_loadb((const char *)t->answer.ptr, t->answer.len, 0, &error);
    const char *code = first_error(root, "code"), *message = first_error(root, "message");
    (void)snprintf(call->error_code, sizeof call->error_code, "%s", code == NULL ? "" : code);
    sw_status st = sw_fail(diag, status_of(t->status), SW_NO_OFFSET, "%s: %u %s%s%.40s%s%.200s",
                           call->at->host, t->status, status_text(t->status),
                           code == NULL ? "" : ": ", code == NULL ? "" : code,
                           message == NULL ? "" : ": ", message == NULL ? "" : message);
    json_decref(root);
    return st;
}

/* ---- Attempts -------------------------------------------------------------------------------- */

static sw_transfer_verdict give_up(sw_call *call, sw_status st)
{
    call->st = st;
    return SW_TRANSFER_STOP;
}

static uint64_t jitter(uint64_t pause_ns)
{
    uint64_t random = 0;
    (void)!sw_random_fill(&random, sizeof random);
    return pause_ns / 2 + random % (pause_ns / 2 + 1);
}

/* Seconds; a date is as good as nothing. */
static uint64_t retry_after_s(const sw_transfer *t)
{
    sw_str s = t->fields[SW_ANSWER_RETRY_AFTER];
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9' || i == 9) {
            return 0;
        }
        value = 10 * value + (uint64_t)(s.ptr[i] - '0');
    }
    return value;
}

/* From the beginning: an address that a redirect led to may not live any more. */
static void begin_again(sw_call *call)
{
    memcpy(call->transfer.url, call->url, sizeof call->url);
    call->redirects = 0;
    call->has_left = false;
    sw_call_use_token(call);
}

static sw_transfer_verdict later(sw_call *call, sw_status st)
{
    sw_transfer *t = &call->transfer;
    uint64_t wanted_s = t->status == 0 ? 0 : retry_after_s(t);
    if (++call->attempts >= call->attempts_max) {
        return give_up(call, st);
    }
    if (wanted_s > PAUSE_MAX_S) {
        return give_up(call, sw_fail_context(&t->diag, st, "it asks to come back in %llu s",
                                             (unsigned long long)wanted_s));
    }
    uint64_t pause = jitter(FIRST_PAUSE_NS << SW_MIN(call->attempts - 1, 6u));
    t->not_before_ns = sw_clock_deadline(SW_MAX(pause, wanted_s * SW_NS_PER_S));
    begin_again(call);
    return SW_TRANSFER_AGAIN;
}

static sw_transfer_verdict redirect(sw_call *call)
{
    sw_transfer *t = &call->transfer;
    char to[SW_TRANSFER_URL_MAX];
    sw_str location = t->fields[SW_ANSWER_LOCATION], at = sw_str_of(t->url);
    if (++call->redirects > REDIRECTS_MAX) {
        return give_up(call, sw_fail(&t->diag, SW_INVALID, SW_NO_OFFSET, "%s: too many redirects",
                                     call->at->host));
    }
    if (!sw_url_resolve(at, location, to, sizeof to)) {
        return give_up(call, sw_fail(&t->diag, SW_INVALID, SW_NO_OFFSET,
                                     "%s: it redirects to what is no HTTP URL", call->at->host));
    }
    if (!sw_url_same_scheme(at, sw_str_of(to))) {
        return give_up(call,
                       sw_fail(&t->diag, SW_DENIED, SW_NO_OFFSET,
                               "%s: it redirects to another scheme: %.200s", call->at->host, to));
    }
    call->has_left = call->has_left || !sw_url_same_origin(at, sw_str_of(to));
    if (call->has_left) {
        t->authorization = NULL;
    }
    memcpy(t->url, to, sizeof to);
    return SW_TRANSFER_AGAIN;
}

static sw_transfer_verdict challenged(sw_call *call)
{
    sw_transfer *t = &call->transfer;
    if (call->has_left || ++call->challenges > CHALLENGES_MAX) {
        return give_up(call, sw_call_refused(call, &t->diag));
    }
    sw_status st = sw_call_authorize(call, &t->diag);
    return st == SW_OK ? SW_TRANSFER_AGAIN : give_up(call, st);
}

static sw_transfer_verdict on_answer(void *env, sw_transfer *t)
{
    sw_call *call = SW_CONTAINER_OF(t, sw_call, transfer);
    (void)env;
    if (t->st != SW_OK) {
        sw_fail_context(&t->diag, t->st, "%s", call->at->host);
        return t->is_network_failure ? later(call, t->st) : give_up(call, t->st);
    }
    switch (t->status) {
    case 401: return challenged(call);
    case 301:
    case 302:
    case 303:
    case 307:
    case 308: return redirect(call);
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504: return later(call, sw_call_refused(call, &t->diag));
    default: return call->finish == NULL ? SW_TRANSFER_DONE : call->finish(call);
    }
}

/* ---- Running --------------------------------------------------------------------------------- */

static void on_progress(void *env, void *tag, uint64_t done_bytes)
{
    const sw_client *c = env;
    c->options.progress(c->options.progress_env, tag, done_bytes);
}

static sw_status open_transfers(sw_client *c, sw_diag *diag)
{
    sw_transfer_options o = {
        .ca_file = c->options.ca_file,
        .insecure = c->options.insecure,
        .stall_ns = c->options.stall_ns,
        .progress = c->options.progress == NULL ? NULL : on_progress,
        .progress_env = c,
    };
    if (c->is_open) {
        return SW_OK;
    }
    SW_TRY(sw_transfers_init(&c->transfers, &o, diag));
    sw_status st = sw_transfers_init(&c->tokens, &o, diag);
    if (st != SW_OK) {
        sw_transfers_clear(&c->transfers);
    }
    c->is_open = st == SW_OK;
    return st;
}

sw_status sw_calls_run(sw_client *c, sw_call *const *calls, size_t count, sw_diag *diag)
{
    SW_VEC(sw_transfer *) all = {};
    SW_TRY(open_transfers(c, diag));
    sw_status st = SW_OK;
    for (size_t i = 0; i < count && st == SW_OK; i++) {
        sw_call_use_token(calls[i]);
        st = sw_vec_push(&all, &calls[i]->transfer);
    }
    st = st != SW_OK ? st
                     : sw_transfers_run(&c->transfers, all.at, count, c->options.parallel,
                                        on_answer, NULL, diag);
    for (size_t i = 0; i < count && st == SW_OK; i++) {
        st = calls[i]->st;
        if (st != SW_OK && diag != NULL && diag->text[0] == '\0') {
            *diag = calls[i]->transfer.diag;
        }
    }
    sw_vec_clear(&all);
    return st;
}

sw_status sw_call_run(sw_call *call, sw_diag *diag)
{
    return sw_calls_run(call->client, &call, 1, diag);
}
