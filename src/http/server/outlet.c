#include "http/server/outlet.h"

#include "wasi/core/names.h"

sw_status sw_outlet_new(const sw_http_client_options *options, sw_outlet **ret_outlet)
{
    sw_http_client_options with_names = *options;
    sw_outlet *o = sw_alloc(NULL, sizeof *o);
    if (o == NULL) {
        return SW_NO_MEMORY;
    }
    o->references = 1;
    sw_status st = sw_names_new(options->loop, options->budget, &o->names);
    if (st == SW_OK) {
        with_names.names = o->names;
        st = sw_http_client_new(&with_names, &o->client);
    }
    if (st != SW_OK) {
        sw_outlet_unref(o);
        return st;
    }
    *ret_outlet = o;
    return SW_OK;
}

sw_outlet *sw_outlet_ref(sw_outlet *o)
{
    if (o != NULL) {
        o->references++;
    }
    return o;
}

void sw_outlet_unref(sw_outlet *o)
{
    if (o == NULL || --o->references != 0) {
        return;
    }
    sw_http_client_free(o->client);
    sw_names_free(o->names);
    sw_free(NULL, o, sizeof *o);
}
