/*
 * Trace contexts in the fields of a request, a line of input a field: what is read can be written
 * and is then read the same; what has been put in is all that is there; and a state that is kept
 * is one that was well formed beside a parent that was.
 */
#include "http/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(condition) ((condition) ? (void)0 : __builtin_trap())

/* Lines that begin with a space are states, others parents. */
static void fill(sw_http_fields *f, sw_str rest)
{
    while (rest.len != 0) {
        size_t end = sw_str_find(rest, '\n');
        sw_str line = sw_str_slice(rest, 0, end);
        size_t used = SW_MIN(end + 1, rest.len);
        bool is_state = line.len != 0 && line.ptr[0] == ' ';
        rest = sw_str_slice(rest, used, rest.len - used);
        if (sw_http_fields_append(f, is_state ? SW_STR("tracestate") : SW_STR("traceparent"),
                                  line) != SW_OK) {
            continue; /* no value of HTTP, or too many */
        }
    }
}

static void check_written(const sw_trace *t)
{
    char text[SW_TRACE_TEXT_BYTES];
    sw_trace again;
    HOLDS(sw_trace_is_set(t) && (t->flags & ~(SW_TRACE_SAMPLED | SW_TRACE_RANDOM)) == 0);
    sw_trace_write(t, text);
    HOLDS(sw_trace_read((sw_str){text, sizeof text}, &again));
    HOLDS(memcmp(&again, t, sizeof again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const sw_trace mine = {.id = {1}, .span = {2}, .flags = SW_TRACE_SAMPLED};
    sw_http_fields f;
    sw_trace got;
    sw_http_fields_init(&f, NULL, 64, 64 * 1024);
    fill(&f, (sw_str){(const char *)data, size});
    bool is_valid = sw_trace_get(&f, &got);
    bool keeps_state = is_valid && sw_trace_state_is_valid(&f);
    if (is_valid) {
        check_written(&got);
    }
    HOLDS(sw_trace_set(&f, &mine) == SW_OK);
    HOLDS(sw_trace_get(&f, &got) && memcmp(&got, &mine, sizeof got) == 0);
    HOLDS(keeps_state || f.count == 1);
    HOLDS(f.max_count == 64 && f.max_bytes == 64 * 1024);
    sw_http_fields_clear(&f);
    return 0;
}
