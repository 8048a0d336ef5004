/*
 * An HTTP/2 connection below its streams, the same for both sides: nghttp2's state, the io, the
 * loop. What comes is fed to nghttp2, which calls the owner's callbacks; what goes is collected at
 * the end of the loop's turn, a buffer full of frames for each system call.
 *
 * Nothing is sent from inside of nghttp2's callbacks, and nothing is freed there: sw_h2_wire_kick
 * and sw_h2_wire_end may be called anywhere.
 *
 * nghttp2's memory is charged to the budget. The buffer that is read into and collected in is one
 * for all connections of a thread; a connection has one of its own only while its socket takes no
 * more bytes.
 */
#pragma once

#include "http/io.h"
#include "os/loop.h"

#include <nghttp2/nghttp2.h>

#include "base/memory.h"

typedef struct sw_h2_wire sw_h2_wire;

enum { SW_H2_SCRATCH_BYTES = 64 * 1024 };

typedef struct sw_h2_wire_events {
    /* The turn ends: submit what is due. */
    void (*before_send)(sw_h2_wire *w);
    /* After frames were read or written. May be NULL. */
    void (*after)(sw_h2_wire *w);
    /* The connection is over: by the peer (why is a negative errno, or 0 for its end of stream), by
     * both sides' agreement (0), or by sw_h2_wire_end. The owner clears the wire, and may free it.
     * Once. */
    void (*on_end)(sw_h2_wire *w, int why);
} sw_h2_wire_events;

struct sw_h2_wire {
    const sw_h2_wire_events *events;
    nghttp2_session *ng; /* owned; its user data is the wire */
    sw_io *io;           /* owned after sw_h2_wire_start */
    sw_loop *loop;       /* borrowed */
    sw_budget *budget;   /* borrowed */
    uint8_t *scratch;    /* borrowed: SW_H2_SCRATCH_BYTES */
    size_t scratch_len;  /* collected in it */
    uint8_t *rest;       /* owned: what the socket did not take yet */
    size_t rest_at, rest_len;
    sw_watch watch;
    sw_loop_job job;
    uint64_t written_ns; /* when the socket last took a byte, or was first given one */
    int end_why;
    bool is_busy;  /* inside of nghttp2, or of a loop over it */
    bool is_ended; /* on_end is due or has been called */
    bool reads_on; /* the socket may have more */
};

/* nghttp2's options and callbacks with what both sides want set; to be deleted by the caller. */
SW_NODISCARD sw_status sw_h2_wire_setup(nghttp2_option **ret_option,
                                        nghttp2_session_callbacks **ret_callbacks);

/* Events, io, loop, budget and scratch are set. SW_NO_MEMORY: as it was; clear may be called. */
SW_NODISCARD sw_status sw_h2_wire_init(sw_h2_wire *w, bool is_server,
                                       const nghttp2_session_callbacks *callbacks,
                                       const nghttp2_option *option);

/* Begins to watch the socket; it is read at the next event. On failure the io is still the
 * caller's. */
SW_NODISCARD sw_status sw_h2_wire_start(sw_h2_wire *w);

/* Bytes that were read already. */
void sw_h2_wire_feed(sw_h2_wire *w, sw_bytes bytes);

/* There is something to send: at the end of this turn. */
static inline void sw_h2_wire_kick(sw_h2_wire *w)
{
    sw_loop_defer(w->loop, &w->job);
}

/* Calls on_end, at once where that is possible. */
void sw_h2_wire_end(sw_h2_wire *w, int why);

/* Closes the socket if it was started. */
void sw_h2_wire_clear(sw_h2_wire *w);

/* For the callback that sends a DATA frame without a copy in between: the frame's header, and room
 * for its body, or NULL: NGHTTP2_ERR_WOULDBLOCK is to be returned. */
uint8_t *sw_h2_wire_data(sw_h2_wire *w, const uint8_t *header, size_t length);
