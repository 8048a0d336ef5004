/*
 * A handler for everything that a server has to bear, by path:
 *
 *     /hello           "hello, world"
 *     /echo            the request's body, as it comes; its trailers become the response's
 *     /splice          the same by splice, without trailers
 *     /dump            method, scheme, authority, path and fields of the request as lines
 *     /count           reads the body, answers with how many bytes it was and how it ended
 *     /ignore          answers without reading the body
 *     /big/N           N bytes, by non-blocking writes
 *     /drip/N/MS       N lines, MS milliseconds between them, each flushed
 *     /wait/MS         answers after so long
 *     /trailers        a body and the trailer x-sum
 *     /length/N        promises N bytes, sends 5
 *     /status/N        an empty response with that status
 *     /log             lines on standard output and error
 *     /say/N/LEN       N lines of LEN bytes on standard output
 *     /bytes           lines on standard error that are no plain text
 *     /early           answers, and works on for a while
 *     /cut             half a body, dropped without being finished
 *     /silent          returns without an answer
 *     /refuse          answers with the error code HTTP-request-denied
 *     /refuse/TAG      with the error code of that number
 *     /spin            never returns
 *     /compute/N       answers after N million steps of nothing
 *     /trap            traps before it answers; /trap/late: after the head and some of the body
 *     /recurse         calls itself until the stack is full
 *     /hoard           makes lists of fields until the host gives no more
 *     /grow/MIB        grows its memory, answers with how far it came
 *     /canary          plants a pattern; says whether it found one of an earlier request
 *     /canary/END      plants it and ends by trap, spin, wait, cut or silent
 *     /canary/ask      plants nothing; what it found, and what its instance is like
 *     /fields          what the operations of fields answer, as lines
 */
#include "http.h"

/* ---- Bodies ---------------------------------------------------------------------------------- */

static handle body_of(handle request)
{
    uint32_t ret[2] = {};
    request_consume(request, ret);
    return (handle)ret[1];
}

static handle stream_in(handle body)
{
    uint32_t ret[2] = {};
    incoming_stream(body, ret);
    return (handle)ret[1];
}

/* The trailers of a body whose stream is gone: a copy that may be given on, or 0. */
static handle trailers_of(handle body, bool *ret_failed)
{
    uint64_t ret[9] = {};
    handle future = incoming_finish(body);
    handle ready = trailers_subscribe(future);
    pollable_block(ready);
    pollable_drop(ready);
    trailers_get(future, ret);
    *ret_failed = (ret[2] & 0xff) != 0;
    bool some = !*ret_failed && (ret[3] & 0xff) != 0;
    handle copy = 0;
    if (some) {
        handle got = (handle)(ret[3] >> 32);
        copy = fields_clone(got);
        fields_drop(got);
    }
    trailers_drop(future);
    return copy;
}

static void finish_with(handle body, handle trailers)
{
    uint64_t ret[7] = {};
    outgoing_finish(body, trailers != 0, trailers, ret);
}

static void echo(handle request, handle outparam)
{
    handle body = respond_with(outparam, 200, fields_new());
    handle out = stream_of(body);
    handle in_body = body_of(request);
    handle in = stream_in(in_body);
    bool failed = false;
    uintptr_t mark = heap_next;
    for (;;) {
        text piece = read_some(in, 65536, &failed);
        if (piece.len == 0 || !write_text(out, piece)) {
            break;
        }
        heap_next = mark;
    }
    input_drop(in);
    handle trailers = trailers_of(in_body, &failed);
    output_drop(out);
    if (failed) {
        outgoing_drop(body);
    } else {
        finish_with(body, trailers);
    }
}

static void splice(handle request, handle outparam)
{
    handle body = respond_with(outparam, 200, fields_new());
    handle out = stream_of(body);
    handle in_body = body_of(request);
    handle in = stream_in(in_body);
    uint64_t ret[2] = {};
    do {
        output_blocking_splice(out, in, 65536, ret);
    } while ((ret[0] & 0xff) == 0);
    input_drop(in);
    incoming_drop(in_body);
    output_drop(out);
    finish_body(body);
}

static void count(handle request, handle outparam)
{
    handle in_body = body_of(request);
    handle in = stream_in(in_body);
    uint64_t total = 0;
    bool failed = false;
    uintptr_t mark = heap_next;
    for (;;) {
        text piece = read_some(in, 65536, &failed);
        if (piece.len == 0) {
            break;
        }
        total += piece.len;
        heap_next = mark;
    }
    input_drop(in);
    incoming_drop(in_body);
    answer(outparam, 200,
           joined(number_text(total), failed ? TEXT(" bytes, cut off\n") : TEXT(" bytes\n")));
}

/* Writes as a guest does that waits for room by itself. */
static bool write_unblocked(handle out, uint64_t len, const char *from, uint32_t from_len)
{
    handle room = output_subscribe(out);
    bool is_open = true;
    while (len > 0 && is_open) {
        uint64_t ret[2] = {};
        uint32_t done[3] = {};
        output_check_write(out, ret);
        if ((ret[0] & 0xff) != 0) {
            is_open = false;
        } else if (ret[1] == 0) {
            pollable_block(room);
        } else {
            uint64_t most = ret[1] < from_len ? ret[1] : from_len;
            uint32_t piece = (uint32_t)(len < most ? len : most);
            output_write(out, from, piece, done);
            is_open = (done[0] & 0xff) == 0;
            len -= piece;
        }
    }
    pollable_drop(room);
    return is_open;
}

static void big(handle outparam, uint64_t len)
{
    static char pattern[16384];
    for (uint32_t i = 0; i < sizeof pattern; i++) {
        pattern[i] = (char)('a' + i % 26);
    }
    handle fields = fields_new();
    add_field(fields, TEXT("content-length"), number_text(len));
    handle body = respond_with(outparam, 200, fields);
    handle out = stream_of(body);
    (void)write_unblocked(out, len, pattern, sizeof pattern / 26 * 26);
    output_drop(out);
    finish_body(body);
}

/* ---- Time ------------------------------------------------------------------------------------ */

static void sleep_ms(uint32_t ms)
{
    handle timer = clock_after((int64_t)ms * 1000000);
    pollable_block(timer);
    pollable_drop(timer);
}

static void drip(handle outparam, uint32_t lines, uint32_t ms)
{
    handle body = respond_with(outparam, 200, fields_new());
    handle out = stream_of(body);
    for (uint32_t i = 0; i < lines; i++) {
        if (i > 0) {
            sleep_ms(ms);
        }
        if (!write_text(out, joined(number_text(i), TEXT("\n")))) {
            break;
        }
    }
    output_drop(out);
    finish_body(body);
}

/* ---- Messages -------------------------------------------------------------------------------- */

typedef struct field {
    text name, value;
} field;

static text dump_of(handle request)
{
    static const text METHODS[] = {TEXT("GET"),     TEXT("HEAD"),   TEXT("POST"),
                                   TEXT("PUT"),     TEXT("DELETE"), TEXT("CONNECT"),
                                   TEXT("OPTIONS"), TEXT("TRACE"),  TEXT("PATCH")};
    static const text SCHEMES[] = {TEXT("http"), TEXT("https")};
    uint32_t ret[4] = {};
    request_method(request, ret);
    uint32_t tag = ret[0] & 0xff;
    text lines =
        joined(TEXT("method "), tag < 9 ? METHODS[tag] : (text){(const char *)ret[1], ret[2]});
    request_scheme(request, ret);
    tag = ret[1] & 0xff;
    lines = joined(lines, TEXT("\nscheme "));
    lines = joined(lines, (ret[0] & 0xff) == 0 ? TEXT("-")
                          : tag < 2            ? SCHEMES[tag]
                                               : (text){(const char *)ret[2], ret[3]});
    request_authority(request, ret);
    lines = joined(lines, TEXT("\nauthority "));
    lines = joined(lines, (ret[0] & 0xff) == 0 ? TEXT("-") : (text){(const char *)ret[1], ret[2]});
    lines = joined(joined(lines, TEXT("\npath ")), path_of(request));
    handle headers = request_headers(request);
    fields_entries(headers, ret);
    const field *entries = (const field *)ret[0];
    for (uint32_t i = 0; i < ret[1]; i++) {
        lines = joined(joined(lines, TEXT("\n")), entries[i].name);
        lines = joined(joined(lines, TEXT(": ")), entries[i].value);
    }
    fields_drop(headers);
    return joined(lines, TEXT("\n"));
}

static void with_trailers(handle outparam)
{
    handle fields = fields_new();
    add_field(fields, TEXT("trailer"), TEXT("x-sum"));
    handle body = respond_with(outparam, 200, fields);
    handle out = stream_of(body);
    (void)write_text(out, TEXT("summed\n"));
    output_drop(out);
    handle trailers = fields_new();
    add_field(trailers, TEXT("x-sum"), TEXT("42"));
    finish_with(body, trailers);
}

static void promise(handle outparam, uint32_t len)
{
    handle fields = fields_new();
    add_field(fields, TEXT("content-length"), number_text(len));
    handle body = respond_with(outparam, 200, fields);
    handle out = stream_of(body);
    (void)write_text(out, TEXT("12345"));
    output_drop(out);
    finish_body(body);
}

static void empty(handle outparam, uint32_t status)
{
    finish_body(respond_with(outparam, (int32_t)status, fields_new()));
}

static void logs(handle outparam)
{
    handle out = get_stdout();
    handle err = get_stderr();
    (void)write_text(out, TEXT("first line on stdout\nsecond "));
    (void)write_text(err, TEXT("a line on stderr\n"));
    (void)write_text(out, TEXT("line on stdout\nno newline at the end"));
    output_drop(out);
    output_drop(err);
    answer(outparam, 200, TEXT("logged\n"));
}

static void say(handle outparam, uint32_t lines, uint32_t len)
{
    handle out = get_stdout();
    char *line = cabi_realloc(NULL, 0, 1, len + 1);
    memset(line, 'x', len);
    line[len] = '\n';
    for (uint32_t i = 0; i < lines && write_text(out, (text){line, len + 1}); i++) {
    }
    output_drop(out);
    answer(outparam, 200, TEXT("said\n"));
}

static void say_bytes(handle outparam)
{
    handle err = get_stderr();
    (void)write_text(err,
                     TEXT("red \x1b[31m return \r null \0 tab \t quote \" slash \\ end\n"
                          "bad \xff\xc0\xaf\xed\xa0\x80 end\n"
                          "umlaut \xc3\xa4 separator \xe2\x80\xa8 reversed \xe2\x80\xae end\n"));
    output_drop(err);
    answer(outparam, 200, TEXT("said\n"));
}

static void early(handle outparam)
{
    answer(outparam, 200, TEXT("early\n"));
    sleep_ms(50);
    handle out = get_stdout();
    (void)write_text(out, TEXT("worked on after the answer\n"));
    output_drop(out);
}

static void cut(handle outparam)
{
    handle body = respond_with(outparam, 200, fields_new());
    handle out = stream_of(body);
    (void)write_text(out, TEXT("half of\n"));
    output_drop(out);
    outgoing_drop(body);
}

static void late_trap(handle outparam)
{
    handle body = respond_with(outparam, 200, fields_new());
    (void)write_text(stream_of(body), TEXT("so far\n"));
    __builtin_trap();
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static void grow(handle outparam, uint32_t mib)
{
    uint32_t done = 0;
    while (done < mib && __builtin_wasm_memory_grow(0, 16) != SIZE_MAX) {
        done++;
    }
    answer(outparam, 200, joined(number_text(done), TEXT(" MiB\n")));
}

static volatile uint32_t recursion_ends;

/* Without anything on the stack that is in memory, which is small. */
__attribute__((noinline)) static uint32_t recurse(uint32_t depth)
{
    if (recursion_ends != 0) {
        return depth;
    }
    uint32_t below = recurse(depth + 1);
    __asm__ volatile("" : "+r"(below));
    return below + depth;
}

static void hoard(void)
{
    for (;;) {
        handle fields = fields_new();
        add_field(fields, TEXT("x-hoard"), TEXT("some text that takes room"));
    }
}

enum { CANARY_PAGES = 8, CANARY = 0x5ec2e7a1 };

static uint32_t in_data[4096];

static bool is_planted(void)
{
    const uint32_t *end = (const uint32_t *)(__builtin_wasm_memory_size(0) << 16);
    for (const uint32_t *at = (const uint32_t *)256; at < end; at++) {
        if (*(const volatile uint32_t *)at == (uint32_t)CANARY) {
            return true;
        }
    }
    return false;
}

/* In data, in fresh pages, on the stack, and as things that the host keeps for the guest. */
static void plant(void)
{
    for (uint32_t i = 0; i < 4096; i++) {
        ((volatile uint32_t *)in_data)[i] = CANARY;
    }
    size_t first = __builtin_wasm_memory_grow(0, CANARY_PAGES);
    volatile uint32_t *pages = (volatile uint32_t *)(first << 16);
    for (uint32_t i = 0; i < CANARY_PAGES << 14; i += 256) {
        pages[i] = CANARY;
    }
    volatile uint32_t on_stack[1024];
    for (uint32_t i = 0; i < 1024; i++) {
        on_stack[i] = CANARY;
    }
    for (uint32_t i = 0; i < 5; i++) {
        (void)fields_new();
    }
}

/* All that a guest can tell an instance by: where its memory ends, where its stack is, a global of
 * the machine's, and which number the host gives to the next thing. */
static text instance_report(bool was_planted)
{
    volatile uint32_t here = 0;
    text pages = number_text(__builtin_wasm_memory_size(0));
    text stack = number_text((uintptr_t)&here);
    text report = joined(was_planted ? TEXT("found, ") : TEXT("clean, "), pages);
    report = joined(joined(report, TEXT(" pages, stack at ")), stack);
    report = joined(joined(report, TEXT(", handle ")), number_text((uint32_t)fields_new()));
    return joined(report, TEXT("\n"));
}

static void canary(handle outparam, text ending)
{
    bool was_planted = is_planted();
    if (text_is(ending, TEXT("/ask"))) {
        answer(outparam, 200, instance_report(was_planted));
        return;
    }
    plant();
    if (text_is(ending, TEXT("/trap"))) {
        __builtin_trap();
    } else if (text_is(ending, TEXT("/spin"))) {
        for (volatile uint32_t i = 0;; i++) {
        }
    } else if (text_is(ending, TEXT("/wait"))) {
        sleep_ms(30000);
    } else if (text_is(ending, TEXT("/cut"))) {
        cut(outparam);
    } else if (!text_is(ending, TEXT("/silent"))) {
        answer(outparam, 200, was_planted ? TEXT("found\n") : TEXT("clean\n"));
    }
}

/* ---- Fields ---------------------------------------------------------------------------------- */

static text line_of(text what, const uint8_t ret[2])
{
    static const text ERRORS[] = {TEXT("invalid-syntax"), TEXT("forbidden"), TEXT("immutable")};
    return joined(joined(what, TEXT(": ")),
                  joined(ret[0] == 0 ? TEXT("ok") : ERRORS[ret[1] % 3], TEXT("\n")));
}

static text appended(handle fields, text what, text name, text value)
{
    uint8_t ret[2] = {};
    fields_append(fields, name.ptr, name.len, value.ptr, value.len, ret);
    return line_of(what, ret);
}

static void fields_report(handle request, handle outparam)
{
    uint8_t ret[2] = {};
    uint32_t list[2] = {};
    handle mine = fields_new();
    text lines = appended(mine, TEXT("append"), TEXT("X-Name"), TEXT("one"));
    lines = joined(lines, appended(mine, TEXT("append again"), TEXT("x-name"), TEXT("two")));
    lines = joined(lines, appended(mine, TEXT("bad name"), TEXT("x name"), TEXT("v")));
    lines = joined(lines, appended(mine, TEXT("bad value"), TEXT("x"), TEXT("a\r\nb: c")));
    lines = joined(lines, appended(mine, TEXT("hop by hop"), TEXT("Connection"), TEXT("close")));
    fields_get(mine, "X-NAME", 6, list);
    lines = joined(joined(lines, TEXT("get: ")), number_text(list[1]));
    field entry = {TEXT("y"), TEXT("1")};
    fields_set(mine, "x-name", 6, &entry.value, 1, ret);
    lines = joined(joined(lines, TEXT("\n")), line_of(TEXT("set"), ret));
    fields_delete(mine, "x-name", 6, ret);
    lines = joined(lines, line_of(TEXT("delete"), ret));
    lines = joined(lines, fields_has(mine, "x-name", 6) ? TEXT("has\n") : TEXT("has not\n"));
    handle theirs = request_headers(request);
    lines = joined(lines, appended(theirs, TEXT("request's"), TEXT("x"), TEXT("1")));
    handle copy = fields_clone(theirs);
    lines = joined(lines, appended(copy, TEXT("clone's"), TEXT("x"), TEXT("1")));
    handle response = response_new(mine);
    handle sent = response_headers(response);
    lines = joined(lines, appended(sent, TEXT("response's"), TEXT("x"), TEXT("1")));
    fields_drop(sent);
    fields_drop(copy);
    fields_drop(theirs);
    response_drop(response);
    answer(outparam, 200, lines);
}

/* ---- Routes ---------------------------------------------------------------------------------- */

static bool route_body(handle request, handle outparam, text path)
{
    if (text_is(path, TEXT("/echo"))) {
        echo(request, outparam);
    } else if (text_is(path, TEXT("/splice"))) {
        splice(request, outparam);
    } else if (text_is(path, TEXT("/count"))) {
        count(request, outparam);
    } else if (text_starts(path, TEXT("/big/"))) {
        big(outparam, text_number(text_from(path, 5)));
    } else if (text_starts(path, TEXT("/drip/"))) {
        text rest = text_from(path, 6);
        drip(outparam, text_number(rest), text_number(text_from(rest, text_find(rest, '/') + 1)));
    } else if (text_is(path, TEXT("/trailers"))) {
        with_trailers(outparam);
    } else if (text_starts(path, TEXT("/length/"))) {
        promise(outparam, text_number(text_from(path, 8)));
    } else {
        return false;
    }
    return true;
}

static bool route_odd(handle outparam, text path)
{
    if (text_is(path, TEXT("/silent"))) {
    } else if (text_is(path, TEXT("/cut"))) {
        cut(outparam);
    } else if (text_is(path, TEXT("/spin"))) {
        for (volatile uint32_t i = 0;; i++) {
        }
    } else if (text_starts(path, TEXT("/compute/"))) {
        uint64_t steps = (uint64_t)text_number(text_from(path, 9)) * 1000000;
        for (volatile uint64_t i = 0; i < steps; i++) {
        }
        answer(outparam, 200, TEXT("computed\n"));
    } else if (text_is(path, TEXT("/trap"))) {
        __builtin_trap();
    } else if (text_is(path, TEXT("/trap/late"))) {
        late_trap(outparam);
    } else if (text_starts(path, TEXT("/refuse/"))) {
        outparam_set(outparam, 1, (int32_t)text_number(text_from(path, 8)), 0, 0, 0, 0, 0, 0);
    } else if (text_is(path, TEXT("/refuse"))) {
        outparam_set(outparam, 1, 15, 0, 0, 0, 0, 0, 0);
    } else if (text_starts(path, TEXT("/grow/"))) {
        grow(outparam, text_number(text_from(path, 6)));
    } else if (text_starts(path, TEXT("/canary"))) {
        canary(outparam, text_from(path, 7));
    } else if (text_is(path, TEXT("/recurse"))) {
        (void)recurse(0);
    } else if (text_is(path, TEXT("/hoard"))) {
        hoard();
    } else {
        return false;
    }
    return true;
}

EXPORT_HANDLE void handle_request(handle request, handle outparam)
{
    text whole = path_of(request);
    text path = {whole.ptr, text_find(whole, '?')};
    if (route_body(request, outparam, path) || route_odd(outparam, path)) {
        return;
    }
    if (text_is(path, TEXT("/hello"))) {
        answer(outparam, 200, TEXT("hello, world\n"));
    } else if (text_is(path, TEXT("/dump"))) {
        answer(outparam, 200, dump_of(request));
    } else if (text_is(path, TEXT("/fields"))) {
        fields_report(request, outparam);
    } else if (text_is(path, TEXT("/ignore"))) {
        answer(outparam, 200, TEXT("ignored\n"));
    } else if (text_starts(path, TEXT("/wait/"))) {
        sleep_ms(text_number(text_from(path, 6)));
        answer(outparam, 200, TEXT("waited\n"));
    } else if (text_starts(path, TEXT("/status/"))) {
        empty(outparam, text_number(text_from(path, 8)));
    } else if (text_is(path, TEXT("/log"))) {
        logs(outparam);
    } else if (text_starts(path, TEXT("/say/"))) {
        text rest = text_from(path, 5);
        say(outparam, text_number(rest), text_number(text_from(rest, text_find(rest, '/') + 1)));
    } else if (text_is(path, TEXT("/bytes"))) {
        say_bytes(outparam);
    } else if (text_is(path, TEXT("/early"))) {
        early(outparam);
    } else {
        answer(outparam, 404, TEXT("no such path\n"));
    }
}
