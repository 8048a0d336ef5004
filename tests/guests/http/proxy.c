/*
 * A handler that asks another server: the header x-target names the URL. Method, body and trailers
 * go there, status, body and trailers come back, both bodies at the same time. An error becomes a
 * 502 whose body is the name of the error code.
 */
#include "outgoing.h"

enum { PIECE_BYTES = 32768 };

/* Moves what can be moved at once from one stream to another; false at the end of `in`. */
static bool move(handle in, handle out, bool *ret_moved)
{
    uint64_t room[2] = {};
    uint32_t ret[3] = {};
    *ret_moved = false;
    output_check_write(out, room);
    if ((room[0] & 0xff) != 0) {
        return false;
    }
    if (room[1] == 0) {
        return true;
    }
    uintptr_t mark = heap_next;
    input_read(in, room[1] < PIECE_BYTES ? (int64_t)room[1] : PIECE_BYTES, ret);
    bool is_open = (ret[0] & 0xff) == 0;
    if (is_open && ret[2] > 0) {
        uint32_t done[3] = {};
        output_write(out, (const char *)ret[1], ret[2], done);
        *ret_moved = true;
        is_open = (done[0] & 0xff) == 0;
    }
    heap_next = mark;
    return is_open;
}

static void move_all(handle in, handle out)
{
    handle ready[2] = {input_subscribe(in), output_subscribe(out)};
    bool moved;
    while (move(in, out, &moved)) {
        if (!moved) {
            pollable_block(ready[0]);
            pollable_block(ready[1]);
        }
    }
    pollable_drop(ready[0]);
    pollable_drop(ready[1]);
}

static handle trailers_after(handle body)
{
    uint64_t ret[9] = {};
    handle future = incoming_finish(body);
    handle ready = trailers_subscribe(future);
    pollable_block(ready);
    pollable_drop(ready);
    trailers_get(future, ret);
    handle copy = 0;
    if ((ret[2] & 0xff) == 0 && (ret[3] & 0xff) != 0) {
        handle got = (handle)(ret[3] >> 32);
        copy = fields_clone(got);
        fields_drop(got);
    }
    trailers_drop(future);
    return copy;
}

/* From a body that arrives to one that leaves, both finished afterwards. */
static void pass_body(handle from, handle to)
{
    uint32_t ret[2] = {};
    incoming_stream(from, ret);
    handle in = (handle)ret[1];
    handle out = stream_of(to);
    move_all(in, out);
    input_drop(in);
    output_drop(out);
    handle trailers = trailers_after(from);
    uint64_t result[7] = {};
    outgoing_finish(to, trailers != 0, trailers, result);
}

static text header_of(handle request, text name)
{
    uint32_t ret[2] = {};
    handle headers = request_headers(request);
    fields_get(headers, name.ptr, name.len, ret);
    fields_drop(headers);
    const text *values = (const text *)ret[0];
    return ret[1] == 0 ? (text){} : values[0];
}

static handle forward(handle request, text *ret_error)
{
    uint32_t ret[3] = {};
    uint64_t result[7] = {};
    handle fields = fields_new();
    add_field(fields, TEXT("x-proxied"), TEXT("yes"));
    handle out = outgoing_new(fields);
    aim(out, target_of(header_of(request, TEXT("x-target"))));
    request_method(request, ret);
    (void)outgoing_set_method(out, (int32_t)(ret[0] & 0xff), (const char *)ret[1], ret[2]);
    uint32_t method = ret[0] & 0xff;
    outgoing_body(out, ret);
    handle body = (handle)ret[1];
    outgoing_handle(out, 0, 0, result);
    if ((result[0] & 0xff) != 0) {
        *ret_error = error_name(result[1]);
        return 0;
    }
    request_consume(request, ret);
    if (method == 2 || method == 3) { /* post, put */
        pass_body((handle)ret[1], body);
    } else {
        incoming_drop((handle)ret[1]);
        finish_body(body);
    }
    return await_reply((handle)(uint32_t)result[1], ret_error);
}

EXPORT_HANDLE void handle_request(handle request, handle outparam)
{
    text error = {};
    handle reply = forward(request, &error);
    if (reply == 0) {
        answer(outparam, 502, joined(error, TEXT("\n")));
        return;
    }
    uint32_t ret[2] = {};
    handle fields = fields_new();
    add_field(fields, TEXT("x-proxied"), TEXT("yes"));
    handle body = respond_with(outparam, reply_status(reply), fields);
    reply_consume(reply, ret);
    pass_body((handle)ret[1], body);
    reply_drop(reply);
}
