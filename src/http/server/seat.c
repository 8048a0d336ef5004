#include "http/server/seat.h"

/* ---- What guests write ----------------------------------------------------------------------- */

static void end_line(sw_seat *seat, unsigned stream)
{
    sw_seat_line *l = &seat->lines[stream - 1];
    seat->on_line(seat, stream, (sw_str){l->text, l->len});
    l->len = 0;
}

static void on_output(void *env, unsigned stream, sw_bytes bytes)
{
    sw_seat *seat = env;
    sw_seat_line *l = &seat->lines[stream - 1];
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.ptr[i] == '\n') {
            end_line(seat, stream);
            continue;
        }
        if (l->len == sizeof l->text) {
            end_line(seat, stream);
        }
        l->text[l->len++] = (char)bytes.ptr[i];
    }
}

static void end_lines(sw_seat *seat)
{
    for (unsigned stream = 1; stream <= 2; stream++) {
        if (seat->lines[stream - 1].len != 0) {
            end_line(seat, stream);
        }
    }
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void use_outlet(const sw_seat *seat)
{
    if (seat->outlet != NULL) {
        sw_http_p2_set_client(seat->wasi, seat->outlet->client);
        sw_wasi_set_names(seat->wasi, seat->outlet->names, NULL);
    }
}

sw_status sw_seat_new(const sw_seat_need *need, sw_diag *diag, sw_seat **ret_seat)
{
    sw_seat *seat = sw_alloc(NULL, sizeof *seat);
    if (seat == NULL) {
        return SW_NO_MEMORY;
    }
    seat->app = sw_app_ref(need->app);
    seat->outlet = sw_outlet_ref(need->outlet);
    seat->on_line = need->on_line;
    sw_status st = sw_store_new(need->engine, need->limits, diag, &seat->store);
    if (st == SW_OK) {
        sw_store_set_loop(seat->store, need->loop);
        st = sw_wasi_new(seat->store, seat->app->parts.grants, need->denial, seat, diag,
                         &seat->wasi);
    }
    if (st == SW_OK) {
        sw_wasi_set_sink(seat->wasi, on_output, seat);
        use_outlet(seat);
        sw_wasi_share_descriptors(seat->wasi, need->descriptors);
        seat->watcher = (sw_http_p2_watcher){need->on_outgoing, seat};
        sw_http_p2_set_watcher(seat->wasi, &seat->watcher);
    }
    if (st != SW_OK) {
        sw_seat_free(seat);
        return st;
    }
    *ret_seat = seat;
    return SW_OK;
}

void sw_seat_free(sw_seat *seat)
{
    if (seat == NULL) {
        return;
    }
    sw_component_instance_free(seat->instance);
    sw_wasi_free(seat->wasi);
    sw_store_free(seat->store);
    sw_outlet_unref(seat->outlet);
    sw_app_unref(seat->app);
    sw_free(NULL, seat, sizeof *seat);
}

sw_status sw_seat_start(sw_seat *seat, sw_diag *diag)
{
    const sw_app_parts *p = &seat->app->parts;
    if (seat->instance != NULL) {
        return SW_OK;
    }
    SW_TRY(sw_component_instance_new(seat->store, p->component, p->linker, seat->wasi, diag,
                                     &seat->instance));
    (void)sw_store_mark(seat->store);
    if (seat->handle.instance == NULL) {
        return sw_http_p2_find_handler(seat->instance, diag, &seat->handle);
    }
    seat->handle.instance = seat->instance;
    return SW_OK;
}

sw_status sw_seat_serve(sw_seat *seat, sw_exchange *x, sw_diag *diag)
{
    return sw_http_p2_handle(seat->wasi, &seat->handle, x, diag);
}

size_t sw_seat_held_bytes(const sw_seat *seat)
{
    return sw_store_held_bytes(seat->store);
}

void sw_seat_reset(sw_seat *seat, bool succeeded, uint32_t reuse, bool holds)
{
    seat->served++;
    end_lines(seat);
    if (succeeded && seat->served < reuse) {
        return;
    }
    seat->served = 0;
    bool renewed = succeeded && holds && sw_component_instance_renew(seat->instance);
    if (!renewed) {
        sw_component_instance_free(seat->instance);
        seat->instance = NULL;
    }
    sw_wasi_reset(seat->wasi);
    if (renewed && sw_store_rewind(seat->store)) {
        return;
    }
    sw_component_instance_free(seat->instance);
    seat->instance = NULL;
    sw_store_recycle(seat->store);
}
