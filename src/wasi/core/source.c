/* A guest may wait for one source any number of times at once: that they have been woken is known,
 * so that the next notice does not go through them again. */
#include "wasi/core/source.h"

void sw_source_init(sw_source *source, bool (*is_ready)(const sw_source *source, short events))
{
    *source = (sw_source){.is_ready = is_ready};
}

void sw_source_notify(sw_source *source)
{
    if (source->are_awake) {
        return;
    }
    source->are_awake = source->waiters != NULL;
    for (sw_waiter *w = source->waiters; w != NULL; w = w->next) {
        sw_store_wake(w->store);
    }
}

void sw_source_wait(sw_source *source, sw_waiter *w, sw_store *store)
{
    *w = (sw_waiter){.store = store, .source = source, .next = source->waiters};
    if (source->waiters != NULL) {
        source->waiters->prev = w;
    }
    source->waiters = w;
    source->are_awake = false;
}

void sw_source_wait_on(sw_source *source)
{
    source->are_awake = false;
}

void sw_source_leave(sw_waiter *w)
{
    if (w->source == NULL) {
        return;
    }
    if (w->prev != NULL) {
        w->prev->next = w->next;
    } else {
        w->source->waiters = w->next;
    }
    if (w->next != NULL) {
        w->next->prev = w->prev;
    }
    *w = (sw_waiter){0};
}
