/*
 * Bytes to and from one peer, without waiting: a plain socket here, TLS elsewhere.
 *
 * Whoever drives an io watches `fd` edge-triggered for both directions and, at any event, tries
 * again whatever said -EAGAIN: so a layer that must write in order to read needs no word for it.
 * Results are counts, or -errno; -EAGAIN: not now. Interrupted calls are repeated inside.
 * One thread at a time.
 */
#pragma once

#include "base/span.h"

#include <sys/types.h>
#include <sys/uio.h>

typedef struct sw_io sw_io;

typedef struct sw_io_ops {
    /* 0: the layers below are ready and `alpn` is known. Plain sockets always are. read and writev
     * do this too; calling it first is only needed to choose a protocol. */
    int (*handshake)(sw_io *io);
    /* At least one byte, 0 at the peer's end of stream. Truncation of an encrypted stream is
     * -ECONNRESET. */
    ssize_t (*read)(sw_io *io, void *p, size_t size_bytes);
    /* Takes some of the bytes, at least one. After -EAGAIN the next call must begin with the same
     * bytes (at any address; more may follow them). */
    ssize_t (*writev)(sw_io *io, const struct iovec *parts, int count);
    /* Bytes that read would give without the socket becoming readable. */
    size_t (*pending)(const sw_io *io);
    /* Says to the peer that no more bytes follow. */
    int (*shutdown)(sw_io *io);
    /* Closes the socket and gives back the io itself, which is dead then. */
    void (*close)(sw_io *io);
} sw_io_ops;

struct sw_io {
    const sw_io_ops *ops;
    int fd;         /* owned */
    bool is_secure; /* scheme https */
    sw_str alpn;    /* chosen protocol: "h2", "http/1.1"; empty: none. Static or owned by the io */
};

/* Over a connected, non-blocking socket. The io lies in memory of the caller's, who may hear of its
 * close by `on_close` (may be NULL). */
typedef struct sw_io_plain {
    sw_io io; /* first */
    void (*on_close)(struct sw_io_plain *p, void *arg);
    void *arg;
} sw_io_plain;

void sw_io_plain_init(sw_io_plain *p, int fd, void (*on_close)(sw_io_plain *p, void *arg),
                      void *arg);

static inline ssize_t sw_io_read(sw_io *io, void *p, size_t size_bytes)
{
    return io->ops->read(io, p, size_bytes);
}

static inline ssize_t sw_io_writev(sw_io *io, const struct iovec *parts, int count)
{
    return io->ops->writev(io, parts, count);
}
