/*
 * wasi:http 0.2: what components import and export of it, over exchanges.
 */
#pragma once

#include "component/component.h"
#include "http/exchange.h"
#include "wasi/wasi.h"

/* Offers wasi:http/types and outgoing-handler. */
SW_NODISCARD sw_status sw_http_p2_define(sw_linker *l, sw_diag *diag);

/* Whether the component exports an incoming-handler of the right type: SW_NOT_FOUND. */
SW_NODISCARD sw_status sw_http_p2_check(const sw_component *c, sw_diag *diag);

/* Lets an instance answer one exchange: on the store's stack, where it may wait. Returns when the
 * guest has returned; an exchange that it left without an answer stays so. */
SW_NODISCARD sw_status sw_http_p2_handle(sw_wasi *w, sw_component_instance *i, sw_exchange *x,
                                         sw_diag *diag);
