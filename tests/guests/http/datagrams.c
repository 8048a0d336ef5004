/*
 * A command over UDP and names, on loopback:
 *
 *     datagrams send PORT TEXT...     sends each text to the port, prints as many answers
 *     datagrams connect PORT TEXT...  the same with a remote address
 *     datagrams to A.B.C.D PORT TEXT  sends one text there, waits for nothing
 *     datagrams serve PORT COUNT      prints the port, answers so many datagrams with what they are
 *     datagrams states                what is done in the wrong order, a line each
 *     datagrams again PORT TEXT       streams with a remote address, then without, then with
 *     datagrams many COUNT            makes so many sockets, prints how many there are
 *     datagrams trap                  sends without asking
 *     datagrams flood                 sends the same bytes a hundred thousand times in one call
 *     datagrams buffers               prints sizes of buffers
 *     datagrams resolve NAME...       prints the addresses of each
 *     datagrams lookups COUNT         begins to look so many names up at once
 *
 * Prints "WHAT: CODE" for an error, and ends with 1.
 */
#include "net.h"

#define UDP(item)    IMPORT("wasi:sockets/udp@0.2.12", item)
#define LOOKUP(item) IMPORT("wasi:sockets/ip-name-lookup@0.2.12", item)
#define NO_ADDRESS   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0

IMPORT("wasi:sockets/udp-create-socket@0.2.12", "create-udp-socket")
void udp_create(int32_t family, uint32_t *ret /* 0: ok, 4 */);
UDP("[method]udp-socket.start-bind")
void udp_start_bind(handle self, handle network, ADDRESS_PARAMS, uint8_t *ret);
UDP("[method]udp-socket.finish-bind") void udp_finish_bind(handle self, uint8_t *ret);
UDP("[method]udp-socket.stream")
void udp_stream(handle self, int32_t some, ADDRESS_PARAMS,
                uint32_t *ret /* 0: ok, 4: in, 8: out */);
UDP("[method]udp-socket.local-address")
void udp_local(handle self, uint16_t *ret /* 0: ok, 8: port */);
UDP("[method]udp-socket.remote-address") void udp_remote(handle self, uint16_t *ret);
UDP("[method]udp-socket.address-family") int32_t udp_family(handle self);
UDP("[method]udp-socket.unicast-hop-limit") void udp_hops(handle self, uint8_t *ret);
UDP("[method]udp-socket.set-unicast-hop-limit")
void udp_set_hops(handle self, int32_t value, uint8_t *ret);
UDP("[method]udp-socket.receive-buffer-size")
void udp_receive_buffer(handle self, uint64_t *ret /* 0: ok, 8 */);
UDP("[method]udp-socket.set-receive-buffer-size")
void udp_set_receive_buffer(handle self, int64_t value, uint8_t *ret);
UDP("[method]udp-socket.send-buffer-size") void udp_send_buffer(handle self, uint64_t *ret);
UDP("[method]udp-socket.set-send-buffer-size")
void udp_set_send_buffer(handle self, int64_t value, uint8_t *ret);
UDP("[method]udp-socket.subscribe") handle udp_subscribe(handle self);
UDP("[resource-drop]udp-socket") void udp_drop(handle self);
UDP("[method]incoming-datagram-stream.receive")
void udp_receive(handle self, int64_t most, uint32_t *ret /* 0: ok, 4: list */);
UDP("[method]incoming-datagram-stream.subscribe") handle udp_in_subscribe(handle self);
UDP("[resource-drop]incoming-datagram-stream") void udp_in_drop(handle self);
UDP("[method]outgoing-datagram-stream.check-send")
void udp_check_send(handle self, uint64_t *ret /* 0: ok, 8 */);
UDP("[method]outgoing-datagram-stream.send")
void udp_send(handle self, const void *list, uint32_t len, uint64_t *ret /* 0: ok, 8 */);
UDP("[method]outgoing-datagram-stream.subscribe") handle udp_out_subscribe(handle self);
UDP("[resource-drop]outgoing-datagram-stream") void udp_out_drop(handle self);

LOOKUP("resolve-addresses")
void resolve(handle network, const char *name, uint32_t len, uint32_t *ret /* 0: ok, 4 */);
LOOKUP("[method]resolve-address-stream.resolve-next-address")
void resolve_next(handle self, uint8_t *ret /* 0: ok, 2: some, 4: family, 6 */);
LOOKUP("[method]resolve-address-stream.subscribe") handle resolve_subscribe(handle self);
LOOKUP("[resource-drop]resolve-address-stream") void resolve_drop(handle self);

/* As the canonical ABI lays them out. */
typedef struct address {
    uint8_t family;
    struct {
        uint16_t port;
        uint8_t bytes[4];
        uint8_t rest[22];
    } v4 __attribute__((aligned(4)));
} address;

typedef struct incoming {
    text data;
    address from;
} incoming;

typedef struct outgoing {
    text data;
    uint8_t has_to;
    address to __attribute__((aligned(4)));
} outgoing;

_Static_assert(sizeof(incoming) == 40 && sizeof(outgoing) == 44, "layouts");

static void wait_for(handle pollable)
{
    pollable_block(pollable);
    pollable_drop(pollable);
}

static handle new_socket(void)
{
    uint32_t ret[2] = {};
    udp_create(0, ret);
    return told(TEXT("create"), (ret[0] & 0xff) != 0, ret[1]) ? (handle)ret[1] : 0;
}

static bool bind_anywhere(handle socket)
{
    uint8_t ret[2];
    udp_start_bind(socket, network(), NO_ADDRESS, ret);
    if (!is_fine(TEXT("bind"), ret)) {
        return false;
    }
    udp_finish_bind(socket, ret);
    return is_fine(TEXT("finish-bind"), ret);
}

/* ret: 4: in, 8: out. */
static bool open_streams(handle socket, uint32_t port, uint32_t ret[3])
{
    udp_stream(socket, port != 0, LOOPBACK(port), ret);
    return told(TEXT("stream"), (ret[0] & 0xff) != 0, ret[1]);
}

static outgoing datagram(text data, const address *to)
{
    outgoing d = {.data = data, .has_to = to != NULL};
    if (to != NULL) {
        d.to = *to;
    }
    return d;
}

static bool send(handle out_stream, text data, const address *to)
{
    uint64_t ret[2] = {};
    do {
        wait_for(udp_out_subscribe(out_stream));
        udp_check_send(out_stream, ret);
        if (!told(TEXT("check-send"), (ret[0] & 0xff) != 0, (uint32_t)ret[1])) {
            return false;
        }
    } while (ret[1] == 0);
    outgoing d = datagram(data, to);
    udp_send(out_stream, &d, 1, ret);
    return told(TEXT("send"), (ret[0] & 0xff) != 0, (uint32_t)ret[1]);
}

/* At least one; false for an error. */
static bool receive(handle in, const incoming **ret_list, uint32_t *ret_count)
{
    uint32_t ret[3] = {};
    do {
        wait_for(udp_in_subscribe(in));
        udp_receive(in, 1000, ret);
        if (!told(TEXT("receive"), (ret[0] & 0xff) != 0, ret[1])) {
            return false;
        }
    } while (ret[2] == 0);
    *ret_list = (const incoming *)ret[1];
    *ret_count = ret[2];
    return true;
}

static address loopback(uint32_t port)
{
    return (address){
        .v4 = {(uint16_t)port, {127, 0, 0, 1}}
    };
}

static bool talk(const text *args, uint32_t count, bool is_connected)
{
    uint32_t ret[3] = {}, port = text_number(args[0]), got = 0, n;
    const incoming *list;
    address to = loopback(port);
    handle socket = new_socket();
    if (!bind_anywhere(socket) || !open_streams(socket, is_connected ? port : 0, ret)) {
        return false;
    }
    for (uint32_t i = 1; i < count; i++) {
        if (!send((handle)ret[2], args[i], is_connected ? NULL : &to)) {
            return false;
        }
    }
    while (got + 1 < count) {
        if (!receive((handle)ret[1], &list, &n)) {
            return false;
        }
        for (uint32_t i = 0; i < n; i++) {
            (void)write_text(out, joined(list[i].data, TEXT("\n")));
        }
        got += n;
    }
    udp_in_drop((handle)ret[1]);
    udp_drop(socket);
    udp_out_drop((handle)ret[2]);
    return true;
}

static bool run_to(const text *args)
{
    uint32_t ret[3] = {};
    address to = {.v4.port = (uint16_t)text_number(args[1])};
    text rest = args[0];
    for (uint32_t i = 0; i < 4; i++) {
        to.v4.bytes[i] = (uint8_t)text_number(rest);
        rest = text_from(rest, text_find(rest, '.') + 1);
    }
    handle socket = new_socket();
    return bind_anywhere(socket) && open_streams(socket, 0, ret) &&
           send((handle)ret[2], args[2], &to);
}

static bool run_serve(const text *args)
{
    uint8_t ret[2];
    uint16_t local[20] = {};
    uint32_t streams[3] = {}, count;
    const incoming *list;
    handle socket = new_socket();
    udp_start_bind(socket, network(), LOOPBACK(text_number(args[0])), ret);
    if (!is_fine(TEXT("bind"), ret)) {
        return false;
    }
    udp_finish_bind(socket, ret);
    udp_local(socket, local);
    (void)write_text(out, joined(number_text(local[4]), TEXT("\n")));
    if (!open_streams(socket, 0, streams)) {
        return false;
    }
    uintptr_t mark = heap_next;
    for (uint32_t left = text_number(args[1]); left != 0;) {
        heap_next = mark;
        if (!receive((handle)streams[1], &list, &count)) {
            return false;
        }
        for (uint32_t i = 0; i < count; i++, left -= left != 0) {
            if (!send((handle)streams[2], list[i].data, &list[i].from)) {
                return false;
            }
        }
    }
    return true;
}

static void states_unbound(handle s, handle net)
{
    uint8_t ret[2];
    uint16_t local[20] = {};
    uint32_t streams[3] = {};
    udp_finish_bind(s, ret);
    (void)is_fine(TEXT("finish-bind"), ret);
    (void)open_streams(s, 0, streams);
    udp_local(s, local);
    (void)told(TEXT("local-address"), (local[0] & 0xff) != 0, local[2]);
    udp_remote(s, local);
    (void)told(TEXT("remote-address"), (local[0] & 0xff) != 0, local[2]);
    udp_set_hops(s, 0, ret);
    (void)is_fine(TEXT("hop limit 0"), ret);
    udp_set_receive_buffer(s, 0, ret);
    (void)is_fine(TEXT("receive buffer 0"), ret);
    udp_set_send_buffer(s, 0, ret);
    (void)is_fine(TEXT("send buffer 0"), ret);
    udp_start_bind(s, net, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ret);
    (void)is_fine(TEXT("bind to the other family"), ret);
    udp_start_bind(s, net, NO_ADDRESS, ret);
    udp_start_bind(s, net, NO_ADDRESS, ret);
    (void)is_fine(TEXT("bind while binding"), ret);
    udp_finish_bind(s, ret);
    udp_start_bind(s, net, NO_ADDRESS, ret);
    (void)is_fine(TEXT("bind twice"), ret);
}

/* Some are granted a port of loopback, 9. */
static void states_bound(handle s)
{
    uint16_t remote[20] = {};
    uint32_t first[3] = {}, second[3] = {};
    uint64_t ret[2] = {};
    address nowhere = loopback(0), elsewhere = loopback(10);
    udp_stream(s, 1, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, first);
    (void)told(TEXT("stream to port 0"), (first[0] & 0xff) != 0, first[1]);
    udp_stream(s, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, first);
    (void)told(TEXT("stream to nowhere"), (first[0] & 0xff) != 0, first[1]);
    udp_stream(s, 1, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, first);
    (void)told(TEXT("stream to the other family"), (first[0] & 0xff) != 0, first[1]);
    udp_stream(s, 1, LOOPBACK(10), first);
    (void)told(TEXT("stream to what is not granted"), (first[0] & 0xff) != 0, first[1]);
    (void)open_streams(s, 0, first);
    udp_receive((handle)first[1], 0, second);
    (void)told(TEXT("receive none"), (second[0] & 0xff) != 0, second[1]);
    (void)send((handle)first[2], TEXT("x"), NULL);
    (void)send((handle)first[2], TEXT("x"), &nowhere);
    udp_send((handle)first[2], NULL, 0, ret);
    (void)told(TEXT("send none"), (ret[0] & 0xff) != 0, (uint32_t)ret[1]);
    if (!open_streams(s, 9, second)) {
        return;
    }
    udp_remote(s, remote);
    (void)write_text(out, joined(joined(TEXT("remote port "), number_text(remote[4])), TEXT("\n")));
    (void)send((handle)second[2], TEXT("x"), &elsewhere);
    (void)write_text(out, TEXT("of old streams\n"));
    (void)send((handle)first[2], TEXT("x"), NULL);
    udp_receive((handle)first[1], 1, first);
    (void)told(TEXT("receive"), (first[0] & 0xff) != 0, first[1]);
}

static bool run_states(void)
{
    handle s = new_socket();
    states_unbound(s, network());
    states_bound(s);
    return true;
}

/* The port must stay the same. */
static bool run_again(const text *args)
{
    static const bool HAS_REMOTE[] = {true, false, true, true};
    uint16_t first[20] = {}, now[20] = {};
    uint32_t ret[3] = {}, port = text_number(args[0]), count;
    const incoming *list;
    address to = loopback(port);
    handle socket = new_socket();
    if (!bind_anywhere(socket)) {
        return false;
    }
    udp_local(socket, first);
    for (uint32_t i = 0; i < 4; i++) {
        if (!open_streams(socket, HAS_REMOTE[i] ? port : 0, ret) ||
            !send((handle)ret[2], args[1], HAS_REMOTE[i] ? NULL : &to) ||
            !receive((handle)ret[1], &list, &count)) {
            return false;
        }
        udp_local(socket, now);
        (void)write_text(out, list[0].data);
        (void)write_text(out, now[4] == first[4] ? TEXT(" from the same port\n")
                                                 : TEXT(" from another port\n"));
    }
    return true;
}

static bool run_many(const text *args)
{
    uint32_t ret[2] = {}, made = 0;
    for (uint32_t left = text_number(args[0]); left != 0; left--) {
        udp_create(0, ret);
        if ((ret[0] & 0xff) != 0) {
            break;
        }
        made++;
    }
    (void)write_text(out, joined(number_text(made), TEXT(" sockets\n")));
    return told(TEXT("create"), (ret[0] & 0xff) != 0, ret[1]);
}

static bool run_trap(void)
{
    uint32_t ret[3] = {};
    uint64_t sent[2];
    address to = loopback(9);
    outgoing d = datagram(TEXT("x"), &to);
    handle socket = new_socket();
    if (bind_anywhere(socket) && open_streams(socket, 0, ret)) {
        udp_send((handle)ret[2], &d, 1, sent);
    }
    return true;
}

static bool run_flood(void)
{
    static outgoing list[100000];
    static const char bytes[60000];
    uint32_t ret[3] = {};
    uint64_t sent[2];
    handle socket = new_socket();
    for (uint32_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        list[i] = datagram((text){bytes, sizeof bytes}, NULL);
    }
    if (bind_anywhere(socket) && open_streams(socket, 0, ret)) {
        udp_send((handle)ret[2], list, sizeof list / sizeof list[0], sent);
    }
    return true;
}

static bool run_buffers(void)
{
    uint8_t ret[2];
    uint64_t size[2] = {};
    handle socket = new_socket();
    udp_set_receive_buffer(socket, 20000, ret);
    udp_receive_buffer(socket, size);
    (void)write_text(out, joined(number_text(size[1]), TEXT("\n")));
    udp_set_send_buffer(socket, INT64_MAX, ret);
    (void)is_fine(TEXT("a large one"), ret);
    udp_send_buffer(socket, size);
    (void)write_text(out, size[1] >= 20000 ? TEXT("large\n") : TEXT("small\n"));
    udp_set_hops(socket, 7, ret);
    udp_hops(socket, ret);
    (void)write_text(out, joined(number_text(ret[1]), TEXT("\n")));
    return true;
}

static void print_address(const uint8_t ret[24])
{
    text line = {};
    for (uint32_t i = 0; i < 4; i++) {
        line = joined(joined(line, number_text(ret[6 + i])), i < 3 ? TEXT(".") : TEXT(" "));
    }
    (void)write_text(out, ret[4] == 0 ? line : TEXT("version 6 "));
}

static bool print_addresses(handle stream)
{
    uint8_t ret[24] __attribute__((aligned(4))) = {};
    for (;;) {
        resolve_next(stream, ret);
        if (ret[0] != 0 && ret[2] == WOULD_BLOCK) {
            wait_for(resolve_subscribe(stream));
        } else if (!told(TEXT("next"), ret[0] != 0, ret[2])) {
            return false;
        } else if (ret[2] == 0) {
            return write_text(out, TEXT("\n"));
        } else {
            print_address(ret);
        }
    }
}

static bool run_resolve(const text *names, uint32_t count)
{
    bool is_fine_all = true;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t ret[2] = {};
        resolve(network(), names[i].ptr, names[i].len, ret);
        bool ok =
            told(TEXT("resolve"), (ret[0] & 0xff) != 0, ret[1]) && print_addresses((handle)ret[1]);
        is_fine_all = is_fine_all && ok;
    }
    return is_fine_all;
}

static bool run_lookups(const text *args)
{
    uint32_t ret[2] = {}, begun = 0;
    for (uint32_t left = text_number(args[0]); left != 0; left--) {
        text name = joined(number_text(left), TEXT(".slow.invalid"));
        resolve(network(), name.ptr, name.len, ret);
        if ((ret[0] & 0xff) != 0) {
            break;
        }
        begun++;
    }
    (void)write_text(out, joined(number_text(begun), TEXT(" lookups\n")));
    return told(TEXT("resolve"), (ret[0] & 0xff) != 0, ret[1]);
}

static bool run_verb(text verb, const text *args, uint32_t count)
{
    if (text_is(verb, TEXT("send")) || text_is(verb, TEXT("connect"))) {
        return talk(args, count, text_is(verb, TEXT("connect")));
    }
    return text_is(verb, TEXT("states"))    ? run_states()
           : text_is(verb, TEXT("serve"))   ? run_serve(args)
           : text_is(verb, TEXT("to"))      ? run_to(args)
           : text_is(verb, TEXT("again"))   ? run_again(args)
           : text_is(verb, TEXT("many"))    ? run_many(args)
           : text_is(verb, TEXT("trap"))    ? run_trap()
           : text_is(verb, TEXT("flood"))   ? run_flood()
           : text_is(verb, TEXT("buffers")) ? run_buffers()
           : text_is(verb, TEXT("resolve")) ? run_resolve(args, count)
                                            : run_lookups(args);
}

__attribute__((export_name("wasi:cli/run@0.2.12#run"))) int32_t run(void)
{
    uint32_t ret[2] = {};
    get_arguments(ret);
    const text *args = (const text *)ret[0];
    out = get_stdout();
    return ret[1] < 2 || !run_verb(args[1], args + 2, ret[1] - 2);
}
