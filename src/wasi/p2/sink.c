/* Output streams of the standard kind that end in a function of the owner's (sw_wasi_set_sink). */
#include "wasi/p2/p2.h"

/* What a guest may write before it asks again: it never has to wait. */
enum { SINK_ROOM_BYTES = 64 * 1024 };

typedef struct p2_sink {
    sw_p2_io io; /* first */
    sw_source source;
    sw_wasi *wasi;
    unsigned stream;
} p2_sink;

static bool is_ready(const sw_source *source, short events)
{
    (void)source;
    (void)events;
    return true;
}

static int room(sw_p2_io *io, size_t *ret_len)
{
    (void)io;
    *ret_len = SINK_ROOM_BYTES;
    return SW_P2_DONE;
}

static int write(sw_p2_io *io, const uint8_t *from, size_t len, size_t *ret_len)
{
    const p2_sink *s = SW_CONTAINER_OF(io, p2_sink, io);
    sw_wasi_sink(s->wasi, s->stream, (sw_bytes){from, len});
    *ret_len = len;
    return SW_P2_DONE;
}

static void sink_free(sw_p2 *p, sw_p2_io *io)
{
    sw_free(p->budget, SW_CONTAINER_OF(io, p2_sink, io), sizeof(p2_sink));
}

sw_trap sw_p2_sink_io(sw_p2 *p, sw_wasi *w, unsigned stream, sw_p2_io **ret_io)
{
    static const sw_p2_io_ops OPS = {.room = room, .write = write, .free = sink_free};
    p2_sink *s = sw_alloc(p->budget, sizeof *s);
    if (s == NULL) {
        sw_store_explain_trap(sw_wasi_store(w), "no memory for a stream");
        return SW_TRAP_OUT_OF_HOST_MEMORY;
    }
    sw_source_init(&s->source, is_ready);
    s->io = (sw_p2_io){.ops = &OPS, .source = &s->source, .references = 1};
    s->wasi = w;
    s->stream = stream;
    *ret_io = &s->io;
    return SW_TRAP_NONE;
}
