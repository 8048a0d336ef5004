/* What `swell serve` says beside the log, composed as a whole and written at once. */
#include "cli/serve.h"

#include "base/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 16 * 1024 };

static void write_line(sw_buf *b)
{
    sw_buf_u8(b, '\n');
    size_t done = 0;
    while (sw_buf_status(b) == SW_OK && done < b->len) {
        ssize_t n = write(STDERR_FILENO, b->ptr + done, b->len - done);
        if (n < 0 && errno != EINTR) {
            break;
        }
        done += n < 0 ? 0 : (size_t)n;
    }
    sw_buf_clear(b);
}

static void json_text(sw_json *j, const char *key, const char *value)
{
    sw_json_key(j, sw_str_of(key));
    sw_json_str(j, sw_str_of(value));
}

static sw_json begin(sw_buf *b, const char *event)
{
    char when[40] = "", text[48];
    struct timespec now;
    struct tm tm;
    sw_buf_init(b, NULL, LINE_MAX_BYTES);
    sw_json j = sw_json_make(b, false);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (gmtime_r(&now.tv_sec, &tm) != NULL) {
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    }
    (void)snprintf(text, sizeof text, "%s.%03dZ", when, (int)(now.tv_nsec / 1000000));
    sw_json_object_begin(&j);
    json_text(&j, "time", text);
    json_text(&j, "event", event);
    return j;
}

static void end(sw_json *j)
{
    sw_json_object_end(j);
    write_line(j->out);
}

/* ---- Ready ----------------------------------------------------------------------------------- */

static void ready_as_json(const swell_server *server, const cli_wall *wall)
{
    sw_buf b;
    const char *url, *admin = swell_server_admin_url(server);
    sw_json j = begin(&b, "ready");
    sw_json_key(&j, SW_STR("urls"));
    sw_json_array_begin(&j);
    for (size_t i = 0; (url = swell_server_url(server, i)) != NULL; i++) {
        sw_json_str(&j, sw_str_of(url));
    }
    sw_json_array_end(&j);
    sw_json_key(&j, SW_STR("admin"));
    if (admin == NULL) {
        sw_json_null(&j);
    } else {
        sw_json_str(&j, sw_str_of(admin));
    }
    sw_json_key(&j, SW_STR("sandbox"));
    cli_wall_write_json(wall, &j);
    end(&j);
}

void serve_say_ready(const swell_server *server, const cli_wall *wall, bool is_json)
{
    sw_buf b;
    const char *url, *admin = swell_server_admin_url(server);
    if (is_json) {
        ready_as_json(server, wall);
        return;
    }
    sw_buf_init(&b, NULL, LINE_MAX_BYTES);
    sw_buf_str(&b, SW_STR("serving"));
    for (size_t i = 0; (url = swell_server_url(server, i)) != NULL; i++) {
        sw_buf_printf(&b, " %s", url);
    }
    if (admin != NULL) {
        sw_buf_printf(&b, "\nadmin %s", admin);
    }
    sw_buf_str(&b, SW_STR("\nsandbox "));
    cli_wall_write(wall, &b);
    write_line(&b);
}

/* ---- Reloads and errors ---------------------------------------------------------------------- */

void serve_say_reloaded(const char *file, bool is_json)
{
    sw_buf b;
    if (is_json) {
        sw_json j = begin(&b, "reloaded");
        json_text(&j, "file", file);
        end(&j);
        return;
    }
    sw_buf_init(&b, NULL, LINE_MAX_BYTES);
    sw_buf_printf(&b, "reloaded %s", file);
    write_line(&b);
}

/* Errors of the server that are not about the file say so by how they begin. */
static const char *subject_of(const char *about, const swell_error *error)
{
    static const struct {
        const char *begin, *subject;
    } SUBJECTS[] = {
        {"address:",          "address"},
        {"OTLP:",             "OTLP"   },
        {"TLS:",              "TLS"    },
        {"granted directory", "grants" },
    };
    for (size_t i = 0; i < sizeof SUBJECTS / sizeof SUBJECTS[0]; i++) {
        if (strncmp(error->text, SUBJECTS[i].begin, strlen(SUBJECTS[i].begin)) == 0) {
            return SUBJECTS[i].subject;
        }
    }
    return about;
}

int serve_report(const char *about, const swell_error *error, bool reloads, bool is_json)
{
    sw_buf b;
    const char *subject = subject_of(about, error);
    if (!is_json) {
        int code = cli_report(subject, error);
        if (reloads) {
            (void)fprintf(stderr, "hint: the program from before is still served\n");
        }
        return code;
    }
    sw_json j = begin(&b, reloads ? "reload failed" : "error");
    json_text(&j, "about", subject);
    json_text(&j, "text", error->text[0] != '\0' ? error->text : swell_status_text(error->status));
    if (error->offset != SWELL_NO_OFFSET) {
        sw_json_key(&j, SW_STR("offset"));
        sw_json_u64(&j, error->offset);
    }
    end(&j);
    return cli_exit_code(error);
}
