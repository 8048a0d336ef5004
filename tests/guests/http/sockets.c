/*
 * A command over wasi:sockets, on loopback:
 *
 *     sockets connect PORT TEXT...    sends each text, ends its side, prints what comes back
 *     sockets bulk PORT KIB           sends so many KiB while it reads them back; prints how many
 *     sockets serve PORT COUNT        prints the port, answers so many connections with what they
 * send sockets states                  what is done in the wrong order, a line each
 *
 * Prints "WHAT: CODE" for an error, and ends with 1.
 */
#include "net.h"

#define TCP(item) IMPORT("wasi:sockets/tcp@0.2.12", item)

IMPORT("wasi:sockets/tcp-create-socket@0.2.12", "create-tcp-socket")
void tcp_create(int32_t family, uint32_t *ret /* 0: ok, 4 */);
TCP("[method]tcp-socket.start-bind")
void tcp_start_bind(handle self, handle network, ADDRESS_PARAMS, uint8_t *ret);
TCP("[method]tcp-socket.finish-bind") void tcp_finish_bind(handle self, uint8_t *ret);
TCP("[method]tcp-socket.start-connect")
void tcp_start_connect(handle self, handle network, ADDRESS_PARAMS, uint8_t *ret);
TCP("[method]tcp-socket.finish-connect")
void tcp_finish_connect(handle self, uint32_t *ret /* 0: ok, 4: in, 8: out */);
TCP("[method]tcp-socket.start-listen") void tcp_start_listen(handle self, uint8_t *ret);
TCP("[method]tcp-socket.finish-listen") void tcp_finish_listen(handle self, uint8_t *ret);
TCP("[method]tcp-socket.accept")
void tcp_accept(handle self, uint32_t *ret /* 0: ok, 4: socket, 8: in, 12: out */);
TCP("[method]tcp-socket.local-address")
void tcp_local(handle self, uint16_t *ret /* 0: ok, 8: port */);
TCP("[method]tcp-socket.remote-address") void tcp_remote(handle self, uint16_t *ret);
TCP("[method]tcp-socket.is-listening") int32_t tcp_is_listening(handle self);
TCP("[method]tcp-socket.set-listen-backlog-size")
void tcp_set_backlog(handle self, int64_t value, uint8_t *ret);
TCP("[method]tcp-socket.set-hop-limit")
void tcp_set_hops(handle self, int32_t value, uint8_t *ret);
TCP("[method]tcp-socket.subscribe") handle tcp_subscribe(handle self);
TCP("[method]tcp-socket.shutdown") void tcp_shutdown(handle self, int32_t how, uint8_t *ret);
TCP("[resource-drop]tcp-socket") void tcp_drop(handle self);

enum { SEND = 1 };

static void wait_for(handle socket)
{
    handle pollable = tcp_subscribe(socket);
    pollable_block(pollable);
    pollable_drop(pollable);
}

static handle new_socket(void)
{
    uint32_t ret[2] = {};
    tcp_create(0, ret);
    (void)told(TEXT("create"), (ret[0] & 0xff) != 0, ret[1]);
    return (handle)ret[1];
}

/* ret: 4: in, 8: out. */
static bool connect(handle socket, uint32_t port, uint32_t ret[3])
{
    uint8_t started[2];
    tcp_start_connect(socket, network(), LOOPBACK(port), started);
    if (!is_fine(TEXT("connect"), started)) {
        return false;
    }
    do {
        wait_for(socket);
        tcp_finish_connect(socket, ret);
    } while ((ret[0] & 0xff) != 0 && (ret[1] & 0xff) == WOULD_BLOCK);
    return told(TEXT("finish-connect"), (ret[0] & 0xff) != 0, ret[1]);
}

static bool run_connect(const text *args, uint32_t count)
{
    uint32_t ret[3] = {};
    uint8_t done[2];
    handle socket = new_socket();
    if (!connect(socket, text_number(args[0]), ret)) {
        return false;
    }
    for (uint32_t i = 1; i < count; i++) {
        (void)write_text((handle)ret[2], args[i]);
    }
    tcp_shutdown(socket, SEND, done);
    (void)is_fine(TEXT("shutdown"), done);
    bool has_failed = false;
    for (text t; (t = read_some((handle)ret[1], 65536, &has_failed)).len != 0;) {
        (void)write_text(out, t);
    }
    (void)write_text(out, has_failed ? TEXT(" failed\n") : TEXT("\n"));
    input_drop((handle)ret[1]);
    output_drop((handle)ret[2]);
    tcp_drop(socket);
    return !has_failed;
}

/* Writes what is permitted, as long as something is to be written; how much. */
static uint32_t write_permitted(handle to, uint32_t left)
{
    static const char zeroes[16384];
    uint64_t permit[2] = {};
    uint32_t ret[3] = {};
    output_check_write(to, permit);
    uint32_t piece = permit[1] < left ? (uint32_t)permit[1] : left;
    piece = piece < sizeof zeroes ? piece : sizeof zeroes;
    if (piece != 0) {
        output_write(to, zeroes, piece, ret);
    }
    return piece;
}

static bool run_bulk(const text *args)
{
    uint32_t ret[3] = {}, read[3] = {}, list[2] = {}, total = 0, left = text_number(args[1]) * 1024;
    uint8_t done[2];
    handle socket = new_socket();
    if (!connect(socket, text_number(args[0]), ret)) {
        return false;
    }
    handle waits[2] = {input_subscribe((handle)ret[1]), output_subscribe((handle)ret[2])};
    uintptr_t mark = heap_next;
    for (bool is_open = true; is_open;) {
        heap_next = mark;
        poll_list(waits, left == 0 ? 1 : 2, list);
        input_read((handle)ret[1], 65536, read);
        is_open = (read[0] & 0xff) == 0;
        total += is_open ? read[2] : 0;
        if (left != 0) {
            left -= write_permitted((handle)ret[2], left);
            if (left == 0) {
                tcp_shutdown(socket, SEND, done);
            }
        }
    }
    (void)write_text(out, joined(number_text(total), TEXT(" bytes\n")));
    return true;
}

static bool listen(handle socket, uint32_t port)
{
    uint8_t ret[2];
    uint16_t address[20] = {};
    tcp_start_bind(socket, network(), LOOPBACK(port), ret);
    if (!is_fine(TEXT("bind"), ret)) {
        return false;
    }
    tcp_finish_bind(socket, ret);
    tcp_start_listen(socket, ret);
    if (!is_fine(TEXT("listen"), ret)) {
        return false;
    }
    tcp_finish_listen(socket, ret);
    tcp_local(socket, address);
    (void)write_text(out, joined(number_text(address[4]), TEXT("\n")));
    return is_fine(TEXT("finish-listen"), ret);
}

static void echo(const uint32_t ret[4])
{
    bool has_failed = false;
    for (text t; (t = read_some((handle)ret[2], 65536, &has_failed)).len != 0;) {
        (void)write_text((handle)ret[3], t);
    }
    input_drop((handle)ret[2]);
    output_drop((handle)ret[3]);
    tcp_drop((handle)ret[1]);
}

static bool run_serve(const text *args)
{
    handle socket = new_socket();
    if (!listen(socket, text_number(args[0]))) {
        return false;
    }
    uintptr_t mark = heap_next;
    for (uint32_t left = text_number(args[1]); left != 0; left--) {
        uint32_t ret[4] = {};
        do {
            wait_for(socket);
            tcp_accept(socket, ret);
        } while ((ret[0] & 0xff) != 0 && (ret[1] & 0xff) == WOULD_BLOCK);
        if (!told(TEXT("accept"), (ret[0] & 0xff) != 0, ret[1])) {
            return false;
        }
        echo(ret);
        heap_next = mark;
    }
    tcp_drop(socket);
    return true;
}

static bool run_states(void)
{
    uint8_t ret[2];
    uint16_t address[20] = {};
    uint32_t connected[4] = {};
    handle s = new_socket(), net = network();
    tcp_finish_bind(s, ret);
    (void)is_fine(TEXT("finish-bind"), ret);
    tcp_finish_listen(s, ret);
    (void)is_fine(TEXT("finish-listen"), ret);
    tcp_finish_connect(s, connected);
    (void)told(TEXT("finish-connect"), (connected[0] & 0xff) != 0, connected[1]);
    tcp_start_listen(s, ret);
    (void)is_fine(TEXT("listen unbound"), ret);
    tcp_accept(s, connected);
    (void)told(TEXT("accept"), (connected[0] & 0xff) != 0, connected[1]);
    tcp_local(s, address);
    (void)told(TEXT("local-address"), (address[0] & 0xff) != 0, address[2]);
    tcp_remote(s, address);
    (void)told(TEXT("remote-address"), (address[0] & 0xff) != 0, address[2]);
    tcp_shutdown(s, SEND, ret);
    (void)is_fine(TEXT("shutdown"), ret);
    tcp_set_backlog(s, 0, ret);
    (void)is_fine(TEXT("backlog 0"), ret);
    tcp_set_hops(s, 0, ret);
    (void)is_fine(TEXT("hop limit 0"), ret);
    tcp_start_bind(s, net, 0, 0, 224, 0, 0, 1, 0, 0, 0, 0, 0, 0, ret);
    (void)is_fine(TEXT("bind to multicast"), ret);
    tcp_start_bind(s, net, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ret);
    (void)is_fine(TEXT("bind to the other family"), ret);
    tcp_start_connect(s, net, LOOPBACK(0), ret);
    (void)is_fine(TEXT("connect to port 0"), ret);
    tcp_start_connect(s, net, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ret);
    (void)is_fine(TEXT("connect to nowhere"), ret);
    tcp_start_bind(s, net, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ret);
    tcp_start_bind(s, net, LOOPBACK(0), ret);
    (void)is_fine(TEXT("bind while binding"), ret);
    tcp_start_connect(s, net, LOOPBACK(1), ret);
    (void)is_fine(TEXT("connect while binding"), ret);
    tcp_finish_bind(s, ret);
    tcp_start_bind(s, net, LOOPBACK(0), ret);
    (void)is_fine(TEXT("bind twice"), ret);
    tcp_start_listen(s, ret);
    (void)is_fine(TEXT("listen anywhere"), ret);
    return true;
}

__attribute__((export_name("wasi:cli/run@0.2.12#run"))) int32_t run(void)
{
    uint32_t ret[2] = {};
    get_arguments(ret);
    const text *args = (const text *)ret[0];
    out = get_stdout();
    text verb = ret[1] > 1 ? args[1] : (text){};
    if (text_is(verb, TEXT("states"))) {
        return !run_states();
    }
    if (ret[1] < 4) {
        (void)write_text(out, TEXT("usage\n"));
        return 1;
    }
    if (text_is(verb, TEXT("connect"))) {
        return !run_connect(args + 2, ret[1] - 2);
    }
    return text_is(verb, TEXT("bulk")) ? !run_bulk(args + 2) : !run_serve(args + 2);
}
