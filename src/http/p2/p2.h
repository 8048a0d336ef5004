/*
 * wasi:http 0.2 for components: requests and responses as resources, over exchanges.
 *
 * All patch versions of the package share one resource type each (the linker matches by track). The
 * functions' env is the sw_wasi, as of the rest of WASI 0.2.
 *
 * What a guest holds of an exchange keeps it: the exchange is released when the last of the handles
 * for it is gone, at the latest with the context. A message that a guest drops half-made is cut in
 * a way that the peer notices.
 */
#pragma once

#include "component/component.h"
#include "http/exchange.h"
#include "wasi/egress.h"
#include "wasi/wasi.h"

typedef struct sw_http_client sw_http_client;

/* wasi:http/types and wasi:http/outgoing-handler. */
SW_NODISCARD sw_status sw_http_define_p2(sw_linker *l, sw_diag *diag);

/* The function to call for requests: SW_NOT_FOUND if the component does not export
 * wasi:http/incoming-handler. */
SW_NODISCARD sw_status sw_http_p2_find_handler(sw_component_instance *i, sw_diag *diag,
                                               sw_component_func *ret_handle);

/*
 * Has the guest answer one request, on a server, from inside of a task of the context's store. The
 * exchange's request is there and nothing has been answered. The guest side takes the exchange over
 * and releases it, on failure too; until it does, on_end and arg are the caller's.
 *
 * SW_OK when handle has returned, whether it has answered or not: an exchange without an answer
 * gets its fallback_status when it is released. SW_TRAP and SW_EXIT as sw_component_call.
 */
SW_NODISCARD sw_status sw_http_p2_handle(sw_wasi *w, const sw_component_func *handle,
                                         sw_exchange *x, sw_diag *diag);

/* Shown each request of the guest's that is allowed, whole, before it is sent: may add fields and
 * leave a note. */
typedef struct sw_http_p2_watcher {
    void (*on_outgoing)(void *env, sw_exchange *x, const sw_http_target *target);
    void *env;
} sw_http_p2_watcher;

/* NULL: nobody; borrowed. */
void sw_http_p2_set_watcher(sw_wasi *w, const sw_http_p2_watcher *watcher);

/* The client that the context's outgoing requests go through; borrowed. Without one the context
 * makes its own when it is first needed, over the loop of its store. */
void sw_http_p2_set_client(sw_wasi *w, sw_http_client *client);
