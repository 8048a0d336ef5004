/*
 * A handler that uses sockets:
 *
 *     /tcp/PORT/TEXT     sends the text to the port of loopback, answers with what comes back
 *     /hold/COUNT        makes so many sockets; answers with how many there are, after a moment
 *     /lookup/NAME       answers 200 when the name has an address
 *
 * Errors are answered with 502 and the name of the code.
 */
#include "net.h"

#define TCP(item)    IMPORT("wasi:sockets/tcp@0.2.12", item)
#define LOOKUP(item) IMPORT("wasi:sockets/ip-name-lookup@0.2.12", item)

IMPORT("wasi:sockets/tcp-create-socket@0.2.12", "create-tcp-socket")
void tcp_create(int32_t family, uint32_t *ret /* 0: ok, 4 */);
TCP("[method]tcp-socket.start-connect")
void tcp_start_connect(handle self, handle network, ADDRESS_PARAMS, uint8_t *ret);
TCP("[method]tcp-socket.finish-connect")
void tcp_finish_connect(handle self, uint32_t *ret /* 0: ok, 4: in, 8: out */);
TCP("[method]tcp-socket.subscribe") handle tcp_subscribe(handle self);
TCP("[method]tcp-socket.shutdown") void tcp_shutdown(handle self, int32_t how, uint8_t *ret);
LOOKUP("resolve-addresses")
void resolve(handle network, const char *name, uint32_t len, uint32_t *ret /* 0: ok, 4 */);
LOOKUP("[method]resolve-address-stream.resolve-next-address")
void resolve_next(handle self, uint8_t *ret /* 0: ok, 2: some */);
LOOKUP("[method]resolve-address-stream.subscribe") handle resolve_subscribe(handle self);

enum { SEND = 1 };

static void wait_for(handle pollable)
{
    pollable_block(pollable);
    pollable_drop(pollable);
}

/* What comes back, or *ret_code. */
static text exchange(uint32_t port, text what, uint32_t *ret_code)
{
    uint32_t ret[3] = {};
    uint8_t done[2] = {};
    bool has_failed;
    text all = {};
    tcp_create(0, ret);
    handle socket = (handle)ret[1];
    tcp_start_connect(socket, network(), LOOPBACK(port), done);
    ret[0] = done[0];
    ret[1] = done[0] != 0 ? done[1] : WOULD_BLOCK;
    while (done[0] == 0 && (ret[1] & 0xff) == WOULD_BLOCK) {
        wait_for(tcp_subscribe(socket));
        tcp_finish_connect(socket, ret);
        if ((ret[0] & 0xff) == 0) {
            break;
        }
    }
    if ((ret[0] & 0xff) != 0) {
        *ret_code = ret[1] & 0xff;
        return all;
    }
    (void)write_text((handle)ret[2], what);
    tcp_shutdown(socket, SEND, done);
    for (text t; (t = read_some((handle)ret[1], 65536, &has_failed)).len != 0;) {
        all = joined(all, t);
    }
    return all;
}

static text hold(uint32_t count)
{
    uint32_t ret[2] = {}, made = 0;
    for (; made < count; made++) {
        tcp_create(0, ret);
        if ((ret[0] & 0xff) != 0) {
            break;
        }
    }
    return joined(number_text(made), TEXT(" sockets\n"));
}

static void look_up(text name, uint32_t *ret_code)
{
    uint32_t ret[2] = {};
    uint8_t next[24] __attribute__((aligned(4))) = {};
    resolve(network(), name.ptr, name.len, ret);
    if ((ret[0] & 0xff) != 0) {
        *ret_code = ret[1] & 0xff;
        return;
    }
    do {
        wait_for(resolve_subscribe((handle)ret[1]));
        resolve_next((handle)ret[1], next);
    } while (next[0] != 0 && next[2] == WOULD_BLOCK);
    *ret_code = next[0] != 0 ? next[2] : *ret_code;
}

EXPORT_HANDLE void handle_request(handle request, handle outparam)
{
    text path = path_of(request), body = TEXT("ok\n");
    uint32_t code = UINT32_MAX;
    text rest = text_from(path, text_find(text_from(path, 1), '/') + 2);
    if (text_starts(path, TEXT("/tcp/"))) {
        body = exchange(text_number(rest), text_from(rest, text_find(rest, '/') + 1), &code);
    } else if (text_starts(path, TEXT("/hold/"))) {
        body = hold(text_number(rest));
    } else {
        look_up(rest, &code);
    }
    answer(outparam, code == UINT32_MAX ? 200 : 502,
           code == UINT32_MAX ? body : joined(CODES[code], TEXT("\n")));
}
