#include "http/server/listen.h"

#include "base/span.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 4096, FIRST_FREE_PORT = 1024, HOST_BYTES = INET6_ADDRSTRLEN + 1 };

/* ---- Addresses as text ----------------------------------------------------------------------- */

static bool read_port(const char *text, uint16_t *ret_port)
{
    uint32_t port = 0;
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || len > 5) {
            return false;
        }
        port = 10 * port + (uint32_t)(text[i] - '0');
    }
    *ret_port = (uint16_t)port;
    return len != 0 && port <= UINT16_MAX;
}

static bool set_ipv4(const char *host, uint16_t port, sw_address *out)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&out->storage;
    const char *text = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    out->len = sizeof *in;
    return strcmp(host, "*") == 0 || inet_pton(AF_INET, text, &in->sin_addr) == 1;
}

static bool set_ipv6(const char *host, uint16_t port, sw_address *out)
{
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)&out->storage;
    in->sin6_family = AF_INET6;
    in->sin6_port = htons(port);
    out->len = sizeof *in;
    return inet_pton(AF_INET6, host, &in->sin6_addr) == 1;
}

sw_status sw_address_read(const char *text, sw_diag *diag, sw_address *ret_address)
{
    char host[HOST_BYTES];
    uint16_t port;
    sw_address a = {};
    const char *colon = strrchr(text, ':');
    bool is_ipv6 = text[0] == '[';
    const char *end = is_ipv6 && colon != NULL && colon != text ? colon - 1 : colon;
    const char *begin = is_ipv6 ? text + 1 : text;
    if (colon == NULL || end < begin || (is_ipv6 && *end != ']') ||
        (size_t)(end - begin) >= sizeof host || !read_port(colon + 1, &port)) {
        return sw_fail(
            diag, SW_ARGUMENT, SW_NO_OFFSET,
            "address: '%s' is not an address and port, like 127.0.0.1:8080 or [::1]:8080", text);
    }
    memcpy(host, begin, (size_t)(end - begin));
    host[end - begin] = '\0';
    if (!(is_ipv6 ? set_ipv6(host, port, &a) : set_ipv4(host, port, &a))) {
        return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET,
                       "address: '%s' is not an address: names are not looked up", text);
    }
    *ret_address = a;
    return SW_OK;
}

uint16_t sw_address_port(const sw_address *a)
{
    return ntohs(a->storage.ss_family == AF_INET6
                     ? ((const struct sockaddr_in6 *)&a->storage)->sin6_port
                     : ((const struct sockaddr_in *)&a->storage)->sin_port);
}

void sw_address_write(const sw_address *a, char out[SW_LISTEN_TEXT_BYTES])
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (a->storage.ss_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)&a->storage)->sin6_addr, host,
                        sizeof host);
        (void)snprintf(out, SW_LISTEN_TEXT_BYTES, "[%s]:%u", host, sw_address_port(a));
    } else if (a->storage.ss_family == AF_INET) {
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)&a->storage)->sin_addr, host,
                        sizeof host);
        (void)snprintf(out, SW_LISTEN_TEXT_BYTES, "%s:%u", host, sw_address_port(a));
    } else {
        (void)snprintf(out, SW_LISTEN_TEXT_BYTES, "local");
    }
}

/* ---- Sockets --------------------------------------------------------------------------------- */

static sw_status refuse(const sw_address *a, sw_diag *diag)
{
    char text[SW_LISTEN_TEXT_BYTES];
    int error = errno;
    sw_address_write(a, text);
    bool is_reserved = error == EACCES && sw_address_port(a) < FIRST_FREE_PORT;
    return sw_fail(diag, SW_IO, SW_NO_OFFSET, "address: cannot listen on %s: %s%s", text,
                   strerror(error),
                   is_reserved ? "; ports below 1024 need root, CAP_NET_BIND_SERVICE, or a socket "
                                 "that is passed"
                               : "");
}

/* A bound socket, or -1 and errno. TCP_NODELAY is inherited by what is accepted. */
static int bound(const sw_address *a, bool shares)
{
    static const int ON = 1;
    int fd = socket(a->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &ON, sizeof ON);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &ON, sizeof ON);
    if ((shares && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &ON, sizeof ON) != 0) ||
        bind(fd, (const struct sockaddr *)&a->storage, a->len) != 0) {
        int error = errno;
        (void)close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* Who else shares the address of the same user would silently take half of the connections: a
 * socket that does not share finds him out. */
static sw_status probe(sw_address *a, sw_diag *diag)
{
    int fd = bound(a, false);
    if (fd < 0 || listen(fd, 1) != 0 ||
        getsockname(fd, (struct sockaddr *)&a->storage, &a->len) != 0) {
        sw_status st = refuse(a, diag);
        if (fd >= 0) {
            (void)close(fd);
        }
        return st;
    }
    (void)close(fd);
    return SW_OK;
}

sw_status sw_listen(sw_address *a, unsigned count, sw_diag *diag, int *ret_fds)
{
    SW_TRY(probe(a, diag));
    for (unsigned i = 0; i < count; i++) {
        ret_fds[i] = bound(a, true);
        if (ret_fds[i] < 0 || listen(ret_fds[i], BACKLOG) != 0) {
            sw_status st = refuse(a, diag);
            for (unsigned k = 0; k <= i; k++) {
                if (ret_fds[k] >= 0) {
                    (void)close(ret_fds[k]);
                }
            }
            return st;
        }
    }
    return SW_OK;
}

sw_status sw_listen_adopt(int fd, sw_diag *diag, sw_address *ret_address)
{
    int listens = 0;
    socklen_t len = sizeof listens;
    sw_address a = {.len = sizeof a.storage};
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) != 0 ||
        listens == 0 || getsockname(fd, (struct sockaddr *)&a.storage, &a.len) != 0) {
        return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET,
                       "address: descriptor %d is not a listening socket", fd);
    }
    if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        return sw_fail(diag, SW_IO, SW_NO_OFFSET, "address: descriptor %d: %s", fd,
                       strerror(errno));
    }
    *ret_address = a;
    return SW_OK;
}
