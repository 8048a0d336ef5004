#include "http/server/span.h"

static const uint16_t MAX_BYTES[] = {
#define X(name, bytes) bytes,
    SW_SPAN_TEXTS(X)
#undef X
};

#define X(name, bytes) +bytes
static_assert(SW_SPAN_TEXTS(X) <= SW_SPAN_TEXT_BYTES, "all of them have room");
#undef X

void sw_span_add(sw_span *s, sw_span_text_kind kind, sw_str text)
{
    size_t at = 0, len = SW_MIN(text.len, (size_t)MAX_BYTES[kind]);
    for (unsigned i = 0; i < (unsigned)kind; i++) {
        at += s->lens[i];
    }
    if (len != 0) {
        memcpy(s->text + at, text.ptr, len);
    }
    s->lens[kind] = (uint16_t)len;
}

sw_str sw_span_text(const sw_span *s, sw_span_text_kind kind)
{
    size_t at = 0;
    for (unsigned i = 0; i < (unsigned)kind; i++) {
        at += s->lens[i];
    }
    return (sw_str){s->text + at, s->lens[kind]};
}

/* ---- The ring -------------------------------------------------------------------------------- */

sw_status sw_span_ring_init(sw_span_ring *r)
{
    r->spans = sw_alloc_array(NULL, SW_SPAN_RING_COUNT, sizeof *r->spans);
    return r->spans == NULL ? SW_NO_MEMORY : SW_OK;
}

void sw_span_ring_clear(sw_span_ring *r)
{
    sw_free(NULL, r->spans, r->spans == NULL ? 0 : SW_SPAN_RING_COUNT * sizeof *r->spans);
    r->spans = NULL;
}

static uint32_t used(const sw_span_ring *r)
{
    return atomic_load_explicit(&r->written, memory_order_acquire) -
           atomic_load_explicit(&r->read, memory_order_acquire);
}

sw_span *sw_span_ring_place(sw_span_ring *r)
{
    if (r->spans == NULL) {
        return NULL;
    }
    if (used(r) == SW_SPAN_RING_COUNT) {
        sw_count(&r->dropped, 1);
        return NULL;
    }
    sw_span *s =
        &r->spans[atomic_load_explicit(&r->written, memory_order_relaxed) % SW_SPAN_RING_COUNT];
    memset(s, 0, offsetof(sw_span, text));
    return s;
}

bool sw_span_ring_push(sw_span_ring *r)
{
    (void)atomic_fetch_add_explicit(&r->written, 1, memory_order_release);
    return used(r) == SW_SPAN_RING_FULL_ENOUGH;
}

const sw_span *sw_span_ring_oldest(const sw_span_ring *r)
{
    return used(r) == 0 ? NULL
                        : &r->spans[atomic_load_explicit(&r->read, memory_order_relaxed) %
                                    SW_SPAN_RING_COUNT];
}

void sw_span_ring_pop(sw_span_ring *r)
{
    (void)atomic_fetch_add_explicit(&r->read, 1, memory_order_release);
}
