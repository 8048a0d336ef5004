#include "http/server/log.h"

#include "base/json.h"
#include "base/utf8.h"
#include "http/server/internal.h"
#include "http/server/tracing.h"
#include "os/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* Lines beyond this in one turn are dropped. */
enum { LOG_MAX_BYTES = 4 << 20, LINE_MAX_BYTES = 8 * 1024, ID_BYTES = 48, TRACE_BYTES = 32 };

/* ---- Pieces ---------------------------------------------------------------------------------- */

static void write_escaped(sw_buf *b, sw_str s)
{
    sw_str rest = sw_str_slice(s, 0, SW_MIN(s.len, (size_t)LINE_MAX_BYTES));
    while (rest.len != 0) {
        uint32_t scalar = 0;
        size_t used = sw_utf8_decode(sw_str_bytes(rest), &scalar);
        if (used != 0 && sw_utf8_is_plain(scalar) && scalar != '"' && scalar != '\\') {
            sw_buf_write(b, rest.ptr, used);
        } else {
            used = SW_MAX(used, (size_t)1);
            for (size_t i = 0; i < used; i++) {
                sw_buf_printf(b, "\\x%02x", (uint8_t)rest.ptr[i]);
            }
        }
        rest = sw_str_slice(rest, used, rest.len - used);
    }
}

static void write_peer(sw_buf *b, const sw_request *r)
{
    char text[SW_LISTEN_TEXT_BYTES] = "-";
    const sw_peer *peer = r->exchange->peer;
    if (peer != NULL) {
        sw_address_write(&peer->address, text);
    }
    char *colon = strrchr(text, ':');
    if (colon != NULL) {
        *colon = '\0';
    }
    sw_buf_str(b, sw_str_of(text));
}

static unsigned status_of(const sw_exchange *x)
{
    return x->has_responded ? x->response.status : 0;
}

/* The id of the request's trace; empty if it belongs to none. */
static sw_str trace_of(sw_request *r, char text[TRACE_BYTES])
{
    const sw_trace *t = sw_tracing_of(r);
    if (t == NULL) {
        return (sw_str){};
    }
    sw_trace_write_hex(t->id, sizeof t->id, text);
    return (sw_str){text, TRACE_BYTES};
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* Where a line begins, so that one that has no room goes as a whole. */
static size_t begin(sw_worker *w)
{
    return w->log.len;
}

static void end(sw_worker *w, size_t from)
{
    sw_buf_u8(&w->log, '\n');
    if (sw_buf_status(&w->log) != SW_OK) {
        w->log.len = from;
        w->log.status = SW_OK;
        sw_count(&w->metrics.log_dropped, 1);
    }
    sw_loop_defer(w->loop, &w->flush_log);
}

static void json_text(sw_json *j, const char *key, sw_str value)
{
    sw_json_key(j, sw_str_of(key));
    sw_json_str(j, value);
}

static void json_number(sw_json *j, const char *key, uint64_t value)
{
    sw_json_key(j, sw_str_of(key));
    sw_json_u64(j, value);
}

static void json_begin(sw_json *j, const char *event)
{
    char when[40];
    struct tm tm;
    uint64_t now_ns = sw_clock_realtime_ns();
    time_t now = (time_t)(now_ns / SW_NS_PER_S);
    size_t len =
        gmtime_r(&now, &tm) == NULL ? 0 : strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(when + len, sizeof when - len, ".%03uZ", (unsigned)(now_ns / 1000000 % 1000));
    sw_json_object_begin(j);
    json_text(j, "time", sw_str_of(when));
    json_text(j, "event", sw_str_of(event));
}

static void json_request(sw_json *j, sw_request *r)
{
    char id[ID_BYTES], trace[TRACE_BYTES];
    (void)snprintf(id, sizeof id, "%u-%" PRIu64, r->worker->number, r->number);
    json_text(j, "program", sw_str_of(r->worker->server->config.name));
    json_text(j, "request", sw_str_of(id));
    sw_str hex = trace_of(r, trace);
    if (hex.len != 0) {
        json_text(j, "trace", hex);
    }
}

/* ---- Accesses -------------------------------------------------------------------------------- */

static void access_text(sw_buf *b, sw_request *r)
{
    const sw_exchange *x = r->exchange;
    char when[40] = "-", trace[TRACE_BYTES];
    struct tm tm;
    time_t now = (time_t)(sw_clock_realtime_ns() / SW_NS_PER_S);
    if (gmtime_r(&now, &tm) != NULL) {
        (void)strftime(when, sizeof when, "%d/%b/%Y:%H:%M:%S +0000", &tm);
    }
    write_peer(b, r);
    sw_buf_printf(b, " - - [%s] \"", when);
    sw_buf_str(b, sw_http_head_method(&x->request));
    sw_buf_u8(b, ' ');
    write_escaped(b, sw_http_head_part(&x->request, SW_HTTP_PATH));
    sw_buf_printf(b, " HTTP/%u.%u\" %u %" PRIu64 " %.6f%s%s", x->request.version / 10u,
                  x->request.version % 10u, status_of(x), x->out_bytes, (double)r->time_ns / 1e9,
                  x->error == SW_HTTP_E_NONE ? "" : " ",
                  x->error == SW_HTTP_E_NONE ? "" : sw_http_error_name(x->error).ptr);
    sw_str hex = trace_of(r, trace);
    if (hex.len != 0) {
        sw_buf_printf(b, " trace=%.*s", SW_STR_ARG(hex));
    }
}

static void access_json(sw_buf *b, sw_request *r)
{
    const sw_exchange *x = r->exchange;
    char peer[SW_LISTEN_TEXT_BYTES] = "";
    if (x->peer != NULL) {
        sw_address_write(&((const sw_peer *)x->peer)->address, peer);
    }
    sw_json j = sw_json_make(b, false);
    json_begin(&j, "access");
    json_request(&j, r);
    json_text(&j, "peer", sw_str_of(peer));
    json_text(&j, "method", sw_http_head_method(&x->request));
    json_text(&j, "authority", sw_http_head_part(&x->request, SW_HTTP_AUTHORITY));
    json_text(&j, "path", sw_http_head_part(&x->request, SW_HTTP_PATH));
    json_number(&j, "status", status_of(x));
    json_number(&j, "bytes_in", x->in_bytes);
    json_number(&j, "bytes_out", x->out_bytes);
    json_number(&j, "time_us", r->time_ns / 1000);
    if (x->error != SW_HTTP_E_NONE) {
        json_text(&j, "error", sw_http_error_name(x->error));
    }
    sw_json_object_end(&j);
}

void sw_log_access(sw_request *r)
{
    sw_worker *w = r->worker;
    sw_access_log form = w->server->config.access;
    if (form == SW_ACCESS_OFF || w->server->config.log == NULL) {
        return;
    }
    size_t from = begin(w);
    (form == SW_ACCESS_TEXT ? access_text : access_json)(&w->log, r);
    end(w, from);
}

/* ---- Guests ---------------------------------------------------------------------------------- */

/* One line: what it is about, a text, and what may be behind it by another name. */
typedef struct line {
    const char *event;
    const char *prefix; /* of the text */
    sw_str text;
    const char *more_name; /* NULL: no more */
    sw_str more;
} line;

static void line_text(sw_request *r, const line *l)
{
    char trace[TRACE_BYTES];
    sw_buf *b = &r->worker->log;
    sw_str hex = trace_of(r, trace);
    sw_buf_printf(b, "%s[%u-%" PRIu64 "%s%.*s] %s: %s", r->worker->server->config.name,
                  r->worker->number, r->number, hex.len == 0 ? "" : " trace=", SW_STR_ARG(hex),
                  l->event, l->prefix);
    write_escaped(b, l->text);
    if (l->more_name != NULL) {
        sw_buf_printf(b, "; %s: ", l->more_name);
        write_escaped(b, l->more);
    }
}

static void line_json(sw_request *r, const line *l)
{
    char text[LINE_MAX_BYTES];
    sw_json j = sw_json_make(&r->worker->log, false);
    int len = snprintf(text, sizeof text, "%s", l->prefix);
    size_t rest = SW_MIN(l->text.len, sizeof text - (size_t)len);
    if (rest != 0) {
        memcpy(text + len, l->text.ptr, rest);
    }
    json_begin(&j, l->event);
    json_request(&j, r);
    json_text(&j, "text", (sw_str){text, (size_t)len + rest});
    if (l->more_name != NULL) {
        json_text(&j, l->more_name, l->more);
    }
    sw_json_object_end(&j);
}

static void write_line(sw_request *r, const line *l)
{
    sw_worker *w = r->worker;
    if (w->server->config.log == NULL) {
        return;
    }
    size_t from = begin(w);
    (w->server->config.logs_json ? line_json : line_text)(r, l);
    end(w, from);
}

void sw_log_failure(sw_request *r)
{
    const char *text = r->diag.text[0] != '\0' ? r->diag.text : sw_status_text(r->status);
    bool is_trap = r->seat != NULL && r->status == SW_TRAP;
    if (r->status == SW_OK || r->status == SW_EXIT) {
        text = "the program returned without an answer";
    } else if (is_trap) {
        text = sw_store_trap_text(r->seat->store);
    }
    write_line(
        r, &(line){.event = "error", .prefix = is_trap ? "trap: " : "", .text = sw_str_of(text)});
}

void sw_log_denial(sw_request *r, const char *asked, const char *option)
{
    write_line(r, &(line){.event = "denied",
                          .prefix = "",
                          .text = sw_str_of(asked),
                          .more_name = "grant it with",
                          .more = sw_str_of(option)});
}

/* What a line costs beside its text. */
enum { LINE_COST_BYTES = 64 };

void sw_log_guest(sw_request *r, const char *stream, sw_str text)
{
    r->logged_bytes += text.len + LINE_COST_BYTES;
    if (r->logged_bytes > r->worker->server->config.log_bytes) {
        r->lines_dropped++;
        sw_count(&r->worker->metrics.log_dropped, 1);
        return;
    }
    write_line(r, &(line){.event = stream, .prefix = "", .text = text});
}

void sw_log_guest_end(sw_request *r)
{
    char text[80];
    if (r->lines_dropped != 0) {
        (void)snprintf(text, sizeof text, "%" PRIu64 " more lines of this request were dropped",
                       r->lines_dropped);
        write_line(r, &(line){.event = "log", .prefix = "", .text = sw_str_of(text)});
    }
}

/* ---- The server ------------------------------------------------------------------------------ */

void sw_log_notice(sw_server *s, const char *event, sw_str text)
{
    sw_buf b;
    sw_buf_init(&b, NULL, LINE_MAX_BYTES);
    if (s->config.logs_json) {
        sw_json j = sw_json_make(&b, false);
        json_begin(&j, event);
        json_text(&j, "text", text);
        sw_json_object_end(&j);
    } else {
        sw_buf_printf(&b, "%s: ", event);
        write_escaped(&b, text);
    }
    sw_buf_u8(&b, '\n');
    if (sw_buf_status(&b) == SW_OK) {
        sw_server_log(s, (sw_str){(const char *)b.ptr, b.len});
    }
    sw_buf_clear(&b);
}

/* ---- Handing on ------------------------------------------------------------------------------ */

void sw_log_flush(sw_worker *w)
{
    if (w->log.len != 0) {
        sw_server_log(w->server, (sw_str){(const char *)w->log.ptr, w->log.len});
    }
    w->log.len = 0;
}

static void on_flush(sw_loop_job *job)
{
    sw_log_flush(SW_CONTAINER_OF(job, sw_worker, flush_log));
}

void sw_log_init(sw_worker *w)
{
    sw_buf_init(&w->log, NULL, LOG_MAX_BYTES);
    w->flush_log.fn = on_flush;
}
