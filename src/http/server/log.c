#include "http/server/log.h"

#include "base/json.h"
#include "base/utf8.h"
#include "http/server/internal.h"
#include "os/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* More than this in one turn is dropped. */
enum { LOG_MAX_BYTES = 4 << 20, LINE_MAX_BYTES = 8 * 1024 };

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

/* ---- Accesses -------------------------------------------------------------------------------- */

static void access_text(sw_buf *b, const sw_request *r, const struct tm *tm)
{
    const sw_exchange *x = r->exchange;
    char when[40];
    (void)strftime(when, sizeof when, "%d/%b/%Y:%H:%M:%S +0000", tm);
    write_peer(b, r);
    sw_buf_printf(b, " - - [%s] \"", when);
    sw_buf_str(b, sw_http_head_method(&x->request));
    sw_buf_u8(b, ' ');
    write_escaped(b, sw_http_head_part(&x->request, SW_HTTP_PATH));
    sw_buf_printf(b, " HTTP/%u.%u\" %u %" PRIu64 " %.6f%s%s\n", x->request.version / 10u,
                  x->request.version % 10u, status_of(x), x->out_bytes, (double)r->time_ns / 1e9,
                  x->error == SW_HTTP_E_NONE ? "" : " ",
                  x->error == SW_HTTP_E_NONE ? "" : sw_http_error_name(x->error).ptr);
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

static void access_json(sw_buf *b, const sw_request *r, const struct tm *tm, uint64_t now_ns)
{
    const sw_exchange *x = r->exchange;
    char when[40], peer[SW_LISTEN_TEXT_BYTES] = "", id[48];
    size_t len = strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", tm);
    (void)snprintf(when + len, sizeof when - len, ".%03uZ", (unsigned)(now_ns / 1000000 % 1000));
    (void)snprintf(id, sizeof id, "%u-%" PRIu64, r->worker->number, r->number);
    if (x->peer != NULL) {
        sw_address_write(&((const sw_peer *)x->peer)->address, peer);
    }
    sw_json j = sw_json_make(b, false);
    sw_json_object_begin(&j);
    json_text(&j, "time", sw_str_of(when));
    json_text(&j, "request", sw_str_of(id));
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
    sw_buf_u8(b, '\n');
}

void sw_log_access(const sw_request *r)
{
    sw_worker *w = r->worker;
    sw_access_log form = w->server->config.access;
    if (form == SW_ACCESS_OFF || w->server->config.log == NULL) {
        return;
    }
    struct tm tm;
    uint64_t now_ns = sw_clock_realtime_ns();
    time_t now = (time_t)(now_ns / SW_NS_PER_S);
    if (gmtime_r(&now, &tm) == NULL) {
        return;
    }
    if (form == SW_ACCESS_TEXT) {
        access_text(&w->log, r, &tm);
    } else {
        access_json(&w->log, r, &tm, now_ns);
    }
    sw_loop_defer(w->loop, &w->flush_log);
}

/* ---- Guests ---------------------------------------------------------------------------------- */

static bool begin_line(const sw_request *r, const char *what)
{
    sw_worker *w = r->worker;
    if (w->server->config.log == NULL) {
        return false;
    }
    sw_buf_printf(&w->log, "%s[%u-%" PRIu64 "] %s: ", w->server->config.name, w->number, r->number,
                  what);
    return true;
}

static void end_line(const sw_request *r)
{
    sw_buf_u8(&r->worker->log, '\n');
    sw_loop_defer(r->worker->loop, &r->worker->flush_log);
}

void sw_log_failure(const sw_request *r)
{
    if (!begin_line(r, "error")) {
        return;
    }
    const char *text = r->diag.text[0] != '\0' ? r->diag.text : sw_status_text(r->status);
    if (r->status == SW_OK || r->status == SW_EXIT) {
        text = "the program returned without an answer";
    } else if (r->seat != NULL && r->status == SW_TRAP) {
        text = sw_store_trap_text(r->seat->store);
        sw_buf_str(&r->worker->log, SW_STR("trap: "));
    }
    write_escaped(&r->worker->log, sw_str_of(text));
    end_line(r);
}

void sw_log_denial(const sw_request *r, const char *asked, const char *option)
{
    if (begin_line(r, "denied")) {
        write_escaped(&r->worker->log, sw_str_of(asked));
        sw_buf_str(&r->worker->log, SW_STR("; grant it with: "));
        write_escaped(&r->worker->log, sw_str_of(option));
        end_line(r);
    }
}

void sw_log_guest(const sw_request *r, const char *stream, sw_str line)
{
    if (begin_line(r, stream)) {
        write_escaped(&r->worker->log, line);
        end_line(r);
    }
}

/* ---- Handing on ------------------------------------------------------------------------------ */

void sw_log_flush(sw_worker *w)
{
    if (w->log.len != 0) {
        sw_server_log(w->server, (sw_str){(const char *)w->log.ptr, w->log.len});
    }
    w->log.len = 0;
    w->log.status = SW_OK;
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
