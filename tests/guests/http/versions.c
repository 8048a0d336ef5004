/*
 * A component that uses several patch versions of wasi:http and wasi:io at once, and hands what one
 * has made to another: they must have the same resources.
 *
 *     as a handler        answers GET with its path, made by one version and sent by another
 *     versions URL        as a command: sends a request, prints the status and the body
 */
#include "outgoing.h"

#define TYPES_0(item) IMPORT("wasi:http/types@0.2.0", item)
#define TYPES_3(item) IMPORT("wasi:http/types@0.2.3", item)

TYPES_0("[constructor]fields") handle fields_new_0(void);
TYPES_3("[method]fields.append")
void fields_append_3(handle self, const char *name, uint32_t len, const char *value,
                     uint32_t value_len, uint8_t *ret);
TYPES_0("[constructor]outgoing-response") handle response_new_0(handle headers);
TYPES_3("[method]outgoing-response.body") void response_body_3(handle self, uint32_t *ret);
TYPES_0("[static]response-outparam.set")
void outparam_set_0(handle self, int32_t is_err, int32_t ok_or_tag, int32_t a, int64_t b, int32_t c,
                    int32_t d, int32_t e, int32_t f);
TYPES_0("[method]outgoing-body.write") void outgoing_write_0(handle self, uint32_t *ret);
TYPES_3("[constructor]outgoing-request") handle outgoing_new_3(handle headers);
IMPORT("wasi:http/outgoing-handler@0.2.3", "handle")
void outgoing_handle_3(handle request, int32_t has_options, handle options, uint64_t *ret);
TYPES_0("[method]future-incoming-response.subscribe") handle future_subscribe_0(handle self);
TYPES_3("[method]future-incoming-response.get") void future_get_3(handle self, uint64_t *ret);
TYPES_0("[method]incoming-response.consume") void reply_consume_0(handle self, uint32_t *ret);
TYPES_3("[method]incoming-body.stream") void incoming_stream_3(handle self, uint32_t *ret);
IMPORT("wasi:io/poll@0.2.0", "[method]pollable.block") void pollable_block_0(handle self);
IMPORT("wasi:io/streams@0.2.0", "[method]output-stream.blocking-write-and-flush")
void output_blocking_write_0(handle self, const char *ptr, uint32_t len, uint32_t *ret);
IMPORT("wasi:cli/stdout@0.2.0", "get-stdout") handle get_stdout_0(void);

static handle new_fields(text name, text value)
{
    uint8_t ret[2];
    handle fields = fields_new_0();
    fields_append_3(fields, name.ptr, name.len, value.ptr, value.len, ret);
    return fields;
}

__attribute__((export_name("wasi:http/incoming-handler@0.2.0#handle"))) void handle_request(
    handle request, handle outparam)
{
    uint32_t ret[2] = {};
    text path = path_of(request);
    handle response = response_new_0(new_fields(TEXT("x-from"), TEXT("0.2.0 and 0.2.3")));
    (void)response_set_status(response, 202);
    response_body_3(response, ret);
    handle body = (handle)ret[1];
    outparam_set_0(outparam, 0, response, 0, 0, 0, 0, 0, 0);
    outgoing_write_0(body, ret);
    (void)write_text((handle)ret[1], path);
    output_drop((handle)ret[1]);
    finish_body(body);
}

/* The response, or 0. */
static handle fetch(text url)
{
    uint64_t ret[9] = {};
    handle request = outgoing_new_3(new_fields(TEXT("x-request"), TEXT("1")));
    aim(request, target_of(url));
    outgoing_handle_3(request, 0, 0, ret);
    if ((ret[0] & 0xff) != 0) {
        return 0;
    }
    handle future = (handle)ret[1];
    pollable_block_0(future_subscribe_0(future));
    future_get_3(future, ret);
    return (ret[2] & 0xff) == 0 ? (handle)ret[3] : 0;
}

__attribute__((export_name("wasi:cli/run@0.2.12#run"))) int32_t run(void)
{
    uint32_t ret[2] = {}, written[3] = {};
    bool has_failed = false;
    get_arguments(ret);
    handle out = get_stdout_0(), reply = ret[1] < 2 ? 0 : fetch(((const text *)ret[0])[1]);
    if (reply == 0) {
        return 1;
    }
    text status = number_text((uint64_t)reply_status(reply));
    output_blocking_write_0(out, status.ptr, status.len, written);
    (void)write_text(out, TEXT("\n"));
    reply_consume_0(reply, ret);
    incoming_stream_3((handle)ret[1], ret);
    for (text t; (t = read_some((handle)ret[1], 65536, &has_failed)).len != 0;) {
        (void)write_text(out, t);
    }
    return has_failed;
}
