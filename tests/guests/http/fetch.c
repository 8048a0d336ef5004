/*
 * A command: fetch [-m METHOD] [-b BODY] [-c MS] [-f MS] [-g MS] [-n TIMES] [-q] URL
 *
 * Prints "STATUS", the fields that begin with "x-", and the body; or "error: CODE". -c, -f and -g
 * are the connect, first-byte and between-bytes time-outs; -n repeats the request; -q prints no
 * body, only its length.
 */
#include "outgoing.h"

typedef struct order {
    text method, body, url;
    uint32_t connect_ms, first_ms, between_ms, times;
    bool is_quiet;
} order;

static order order_of(const text *args, uint32_t count)
{
    order o = {.method = TEXT("GET"), .times = 1};
    for (uint32_t i = 1; i < count; i++) {
        text value = i + 1 < count ? args[i + 1] : (text){};
        char letter = args[i].len == 2 && args[i].ptr[0] == '-' ? args[i].ptr[1] : 0;
        i += letter != 0 && letter != 'q';
        switch (letter) {
        case 'm': o.method = value; break;
        case 'b': o.body = value; break;
        case 'c': o.connect_ms = text_number(value); break;
        case 'f': o.first_ms = text_number(value); break;
        case 'g': o.between_ms = text_number(value); break;
        case 'n': o.times = text_number(value); break;
        case 'q': o.is_quiet = true; break;
        default: o.url = args[i]; break;
        }
    }
    return o;
}

static handle options_of(const order *o)
{
    handle options = options_new();
    (void)options_set_connect(options, o->connect_ms != 0, (int64_t)o->connect_ms * 1000000);
    (void)options_set_first_byte(options, o->first_ms != 0, (int64_t)o->first_ms * 1000000);
    (void)options_set_between(options, o->between_ms != 0, (int64_t)o->between_ms * 1000000);
    return options;
}

static void set_method(handle request, text method)
{
    static const text METHODS[] = {TEXT("GET"),     TEXT("HEAD"),   TEXT("POST"),
                                   TEXT("PUT"),     TEXT("DELETE"), TEXT("CONNECT"),
                                   TEXT("OPTIONS"), TEXT("TRACE"),  TEXT("PATCH")};
    int32_t tag = 0;
    while (tag < 9 && !text_is(method, METHODS[tag])) {
        tag++;
    }
    (void)outgoing_set_method(request, tag, method.ptr, method.len);
}

static handle send(const order *o, text *ret_error)
{
    uint32_t ret[2] = {};
    uint64_t result[7] = {};
    handle fields = fields_new();
    add_field(fields, TEXT("user-agent"), TEXT("fetch"));
    if (o->body.len != 0) {
        add_field(fields, TEXT("content-length"), number_text(o->body.len));
    }
    handle request = outgoing_new(fields);
    aim(request, target_of(o->url));
    set_method(request, o->method);
    outgoing_body(request, ret);
    outgoing_handle(request, 1, options_of(o), result);
    if ((result[0] & 0xff) != 0) {
        outgoing_drop((handle)ret[1]);
        *ret_error = error_name(result[1]);
        return 0;
    }
    handle out = stream_of((handle)ret[1]);
    (void)write_text(out, o->body);
    output_drop(out);
    finish_body((handle)ret[1]);
    return await_reply((handle)(uint32_t)result[1], ret_error);
}

typedef struct field {
    text name, value;
} field;

static void print_head(handle out, handle reply)
{
    uint32_t ret[2] = {};
    (void)write_text(out, joined(number_text((uint64_t)reply_status(reply)), TEXT("\n")));
    handle headers = reply_headers(reply);
    fields_entries(headers, ret);
    const field *entries = (const field *)ret[0];
    for (uint32_t i = 0; i < ret[1]; i++) {
        if (text_starts(entries[i].name, TEXT("x-"))) {
            (void)write_text(out, joined(joined(entries[i].name, TEXT(": ")),
                                         joined(entries[i].value, TEXT("\n"))));
        }
    }
    fields_drop(headers);
}

static bool print_body(handle out, handle reply, bool is_quiet)
{
    uint32_t ret[3] = {};
    uint64_t total = 0;
    reply_consume(reply, ret);
    handle body = (handle)ret[1];
    incoming_stream(body, ret);
    handle in = (handle)ret[1];
    uintptr_t mark = heap_next;
    text failure = {};
    for (;;) {
        heap_next = mark;
        input_blocking_read(in, 65536, ret);
        if ((ret[0] & 0xff) != 0) {
            break;
        }
        total += ret[2];
        if (!is_quiet) {
            (void)write_text(out, (text){(const char *)ret[1], ret[2]});
        }
    }
    if ((ret[1] & 0xff) == 0) { /* last-operation-failed */
        uint64_t code[7] = {};
        http_error_code((handle)ret[2], code);
        error_drop((handle)ret[2]);
        failure = (code[0] & 0xff) != 0 ? error_name(code[1]) : TEXT("not of HTTP");
    }
    input_drop(in);
    incoming_drop(body);
    if (is_quiet) {
        (void)write_text(out, joined(number_text(total), TEXT(" bytes\n")));
    }
    if (failure.len != 0) {
        (void)write_text(out, joined(joined(TEXT("body: "), failure), TEXT("\n")));
    }
    return failure.len == 0;
}

__attribute__((export_name("wasi:cli/run@0.2.12#run"))) int32_t run(void)
{
    uint32_t ret[2] = {};
    get_arguments(ret);
    order o = order_of((const text *)ret[0], ret[1]);
    handle out = get_stdout();
    bool is_good = true;
    for (uint32_t i = 0; i < o.times && is_good; i++) {
        text error = {};
        handle reply = send(&o, &error);
        if (reply == 0) {
            (void)write_text(out, joined(joined(TEXT("error: "), error), TEXT("\n")));
            is_good = false;
        } else {
            print_head(out, reply);
            is_good = print_body(out, reply, o.is_quiet);
            reply_drop(reply);
        }
    }
    output_drop(out);
    return !is_good;
}
