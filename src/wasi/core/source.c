#include "wasi/core/source.h"

void sw_source_init(sw_source *source, bool (*is_ready)(const sw_source *source, short events))
{
    *source = (sw_source){.is_ready = is_ready};
}

void sw_source_notify(sw_source *source)
{
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
