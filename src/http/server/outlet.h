/*
 * Outlets: what the seats of one app on one worker share towards other servers, that is names that
 * were looked up and connections that are kept. Counted, by seats and the worker; one thread.
 */
#pragma once

#include "http/client.h"

typedef struct sw_outlet {
    uint32_t references;
    sw_names *names;        /* owned */
    sw_http_client *client; /* owned */
} sw_outlet;

/* As sw_http_client_new. */
SW_NODISCARD sw_status sw_outlet_new(const sw_http_client_options *options, sw_outlet **ret_outlet);
sw_outlet *sw_outlet_ref(sw_outlet *o); /* o may be NULL */
void sw_outlet_unref(sw_outlet *o);     /* o may be NULL */
