/*
 * Waiting: for descriptors and points in time, never past the store's deadline.
 */
#pragma once

#include "run/run.h"

typedef struct sw_poll_item {
    int fd;               /* -1: no descriptor, time only */
    short events;         /* POLLIN, POLLOUT */
    short ret_events;     /* what poll(2) found */
    uint64_t deadline_ns; /* monotonic; UINT64_MAX: no time */
    bool is_ready;
} sw_poll_item;

/*
 * Waits until at least one item is ready and marks all that are. Regular files are always ready.
 * Returns SW_TRAP_NONE, or SW_TRAP_DEADLINE / SW_TRAP_INTERRUPTED when the store's time is up, or
 * SW_TRAP_OUT_OF_HOST_MEMORY. The items' array is the caller's.
 */
SW_NODISCARD sw_trap sw_poll_wait(sw_store *s, sw_poll_item *items, size_t count);

/* Before a read or write that may block: waits for the one descriptor, if the store has a deadline;
 * returns at once if it has none. */
SW_NODISCARD sw_trap sw_poll_wait_fd(sw_store *s, int fd, short events);
