/* WASI 0.2: streams and pollables over things inside of the process. */
#include "wasi/p2/p2.h"

#include <errno.h>

sw_p2_io *sw_p2_io_ref(sw_p2_io *io)
{
    if (io != NULL) {
        io->references++;
    }
    return io;
}

void sw_p2_io_unref(sw_p2 *p, sw_p2_io *io)
{
    if (io != NULL && --io->references == 0) {
        io->ops->free(p, io);
    }
}

sw_trap sw_p2_add_input(sw_p2 *p, sw_p2_io *io, uint32_t *ret_rep)
{
    return sw_p2_add(p, &(p2_object){.kind = P2_INPUT_STREAM, .io = io}, ret_rep);
}

sw_trap sw_p2_add_output(sw_p2 *p, sw_p2_io *io, uint32_t *ret_rep)
{
    return sw_p2_add(p, &(p2_object){.kind = P2_OUTPUT_STREAM, .io = io}, ret_rep);
}

sw_trap sw_p2_add_pollable(sw_p2 *p, sw_p2_io *io, short events, uint32_t *ret_rep)
{
    p2_object o = {
        .kind = P2_POLLABLE, .io = io, .pollable = {events, UINT64_MAX}
    };
    return sw_p2_add(p, &o, ret_rep);
}

/* ---- Pipes ----------------------------------------------------------------------------------- */

typedef struct pipe_io {
    sw_p2_io io;
    sw_pipe *pipe; /* a reference */
} pipe_io;

static sw_pipe *pipe_of(const sw_p2_io *io)
{
    return SW_CONTAINER_OF(io, pipe_io, io)->pipe;
}

/* What a pipe that is no longer of use says. */
static int end_of(sw_p2_io *io)
{
    const sw_pipe *pipe = pipe_of(io);
    if (pipe->state != SW_PIPE_FAILED) {
        return SW_P2_CLOSED;
    }
    io->error.code = pipe->code;
    return SW_P2_FAILED;
}

static int read_pipe(sw_p2_io *io, uint8_t *to, size_t len, size_t *ret_len)
{
    if (sw_pipe_is_drained(pipe_of(io))) {
        return end_of(io);
    }
    *ret_len = sw_pipe_read(pipe_of(io), to, len);
    return SW_P2_DONE;
}

static size_t available_in_pipe(sw_p2_io *io)
{
    return pipe_of(io)->used;
}

static int room_in_pipe(sw_p2_io *io, size_t *ret_len)
{
    if (pipe_of(io)->state != SW_PIPE_OPEN) {
        return end_of(io);
    }
    *ret_len = sw_pipe_room(pipe_of(io));
    return SW_P2_DONE;
}

static int write_pipe(sw_p2_io *io, const uint8_t *from, size_t len, size_t *ret_len)
{
    if (pipe_of(io)->state != SW_PIPE_OPEN) {
        return end_of(io);
    }
    sw_status st = sw_pipe_write(pipe_of(io), (sw_bytes){from, len}, ret_len);
    return st == SW_OK ? SW_P2_DONE : ENOMEM;
}

static void free_pipe(sw_p2 *p, sw_p2_io *io)
{
    pipe_io *pio = SW_CONTAINER_OF(io, pipe_io, io);
    sw_pipe_unref(pio->pipe);
    sw_free(p->budget, pio, sizeof *pio);
}

static const sw_p2_io_ops READER = {
    .read = read_pipe, .available = available_in_pipe, .free = free_pipe};
static const sw_p2_io_ops WRITER = {.room = room_in_pipe, .write = write_pipe, .free = free_pipe};

sw_trap sw_p2_pipe_io(sw_p2 *p, sw_pipe *pipe, bool writes, sw_p2_describe_fn *describe,
                      sw_p2_io **ret_io)
{
    pipe_io *pio = sw_alloc(p->budget, sizeof *pio);
    if (pio == NULL) {
        return SW_TRAP_OUT_OF_HOST_MEMORY;
    }
    pio->pipe = sw_pipe_ref(pipe);
    pio->io = (sw_p2_io){.ops = writes ? &WRITER : &READER,
                         .source = writes ? &pipe->writable : &pipe->readable,
                         .references = 1,
                         .error.describe = describe};
    *ret_io = &pio->io;
    return SW_TRAP_NONE;
}
