/*
 * Waiting: for descriptors, sources and points in time, never past the store's deadline.
 *
 * A store that has to wait is suspended (run.h): in a task the thread goes on with others
 * meanwhile, else it turns the store's loop.
 */
#pragma once

#include "run/run.h"
#include "wasi/core/source.h"

typedef struct sw_poll_item {
    int fd;               /* -1: no descriptor */
    short events;         /* POLLIN, POLLOUT: of the descriptor or the source */
    short ret_events;     /* what poll(2) found; of a source, what was asked for */
    uint64_t deadline_ns; /* monotonic; UINT64_MAX: no time */
    sw_source *source;    /* NULL: none; then fd is -1 */
    bool is_ready;
} sw_poll_item;

/*
 * Waits until at least one item is ready and marks all that are. Regular files are always ready.
 * Returns SW_TRAP_NONE, or SW_TRAP_DEADLINE / SW_TRAP_INTERRUPTED when the store's time is up, or
 * SW_TRAP_OUT_OF_HOST_MEMORY. The items' array is the caller's.
 */
SW_NODISCARD sw_trap sw_poll_wait(sw_store *s, sw_poll_item *items, size_t count);

/* Looks without waiting and marks those that are ready; nothing may be. */
SW_NODISCARD sw_trap sw_poll_look(sw_store *s, sw_poll_item *items, size_t count);

/* Before a read or write that may block: waits for the one descriptor, unless the store may block
 * the thread; then it returns at once. */
SW_NODISCARD sw_trap sw_poll_wait_fd(sw_store *s, int fd, short events);
