#include "io.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static int plain_handshake(sw_io *io)
{
    (void)io;
    return 0;
}

static ssize_t plain_read(sw_io *io, void *p, size_t size_bytes)
{
    ssize_t n;
    do {
        n = recv(io->fd, p, size_bytes, 0);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* sendmsg rather than writev: a peer that has gone must not raise SIGPIPE. */
static ssize_t plain_writev(sw_io *io, const struct iovec *parts, int count)
{
    const struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts,
                                   .msg_iovlen = (size_t)count};
    ssize_t n;
    do {
        n = count == 1 ? send(io->fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL)
                       : sendmsg(io->fd, &message, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static size_t plain_pending(const sw_io *io)
{
    (void)io;
    return 0;
}

static int plain_shutdown(sw_io *io)
{
    return shutdown(io->fd, SHUT_WR) == 0 ? 0 : -errno;
}

static void plain_close(sw_io *io)
{
    sw_io_plain *p = (sw_io_plain *)io;
    close(io->fd);
    io->fd = -1;
    if (p->on_close != NULL) {
        p->on_close(p, p->arg);
    }
}

static const sw_io_ops PLAIN_OPS = {
    .handshake = plain_handshake,
    .read = plain_read,
    .writev = plain_writev,
    .pending = plain_pending,
    .shutdown = plain_shutdown,
    .close = plain_close,
};

void sw_io_plain_init(sw_io_plain *p, int fd, void (*on_close)(sw_io_plain *p, void *arg),
                      void *arg)
{
    *p = (sw_io_plain){
        .io = {.ops = &PLAIN_OPS, .fd = fd},
          .on_close = on_close, .arg = arg
    };
}
