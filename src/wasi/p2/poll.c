/* WASI 0.2: wasi:io/error and poll, and the clocks, which make pollables. */
#include "wasi/core/poll.h"
#include "os/clock.h"
#include "wasi/p2/p2.h"
#include "wasi_clocks_monotonic_clock.h"
#include "wasi_clocks_wall_clock.h"
#include "wasi_io_error.h"
#include "wasi_io_poll.h"

#include <string.h>

/* ---- wasi:io/error --------------------------------------------------------------------------- */

sw_trap sw_wasi_io_error_error_to_debug_string(
    sw_host_call *call, const sw_wasi_io_error_error_to_debug_string_params *params,
    sw_wasi_io_error_error_to_debug_string_result *ret)
{
    const sw_p2_error *e;
    P2_TRY(sw_p2_get_error(call, params->self, &e));
    const char *name = e->describe != NULL ? e->describe(e->code) : strerrordesc_np(e->err);
    *ret = sw_arena_str(call->arena, sw_str_of(name == NULL ? "unknown error" : name));
    return ret->ptr == NULL ? sw_p2_no_memory(call) : SW_TRAP_NONE;
}

sw_trap sw_p2_get_error(sw_host_call *call, uint32_t rep, const sw_p2_error **ret)
{
    p2_object *o;
    P2_TRY(sw_p2_get(call, rep, P2_ERROR, &o));
    *ret = &o->error;
    return SW_TRAP_NONE;
}

void sw_wasi_io_error_error_drop(void *env, uint32_t rep)
{
    sw_p2_drop(env, rep, P2_ERROR);
}

/* ---- wasi:io/poll ---------------------------------------------------------------------------- */

sw_trap sw_p2_pollable(sw_host_call *call, const p2_object *stream, short events,
                       uint64_t deadline_ns, uint32_t *ret_rep)
{
    sw_p2 *p;
    P2_TRY(sw_p2_of(call->env, &p));
    p2_object o = {
        .kind = P2_POLLABLE, .pollable = {events, deadline_ns}
    };
    if (stream != NULL) {
        o.file = sw_p2_file_ref(stream->file);
        o.io = sw_p2_io_ref(stream->io);
    }
    return sw_p2_add(p, &o, ret_rep);
}

/* A closed stream is always ready: with its end. */
static sw_poll_item item_of(const p2_object *o)
{
    if (o->file != NULL && o->file->fd < 0) {
        return (sw_poll_item){.fd = -1};
    }
    short events = o->pollable.events;
    if (o->file != NULL && events == 0) {
        events = o->file->awaited;
        if (events == 0) {
            return (sw_poll_item){.fd = -1};
        }
    }
    return (sw_poll_item){.fd = o->file == NULL ? -1 : o->file->fd,
                          .source = o->io == NULL ? NULL : o->io->source,
                          .events = events,
                          .deadline_ns = o->pollable.deadline_ns};
}

sw_trap sw_wasi_io_poll_pollable_ready(sw_host_call *call,
                                       const sw_wasi_io_poll_pollable_ready_params *params,
                                       sw_wasi_io_poll_pollable_ready_result *ret)
{
    p2_object *o;
    P2_TRY(sw_p2_get(call, params->self, P2_POLLABLE, &o));
    sw_poll_item item = item_of(o);
    P2_TRY(sw_poll_look(call->store, &item, 1));
    *ret = item.is_ready;
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_io_poll_pollable_block(sw_host_call *call,
                                       const sw_wasi_io_poll_pollable_block_params *params)
{
    p2_object *o;
    P2_TRY(sw_p2_get(call, params->self, P2_POLLABLE, &o));
    sw_poll_item item = item_of(o);
    return sw_poll_wait(call->store, &item, 1);
}

sw_trap sw_wasi_io_poll_poll(sw_host_call *call, const sw_wasi_io_poll_poll_params *params,
                             sw_wasi_io_poll_poll_result *ret)
{
    size_t count = params->in.len;
    if (count == 0) {
        sw_store_explain_trap(call->store, "poll of an empty list");
        return SW_TRAP_HOST;
    }
    sw_poll_item *items = SW_NEW_ARRAY(call->arena, sw_poll_item, count);
    ret->ptr = SW_NEW_ARRAY(call->arena, uint32_t, count);
    ret->len = 0;
    if (items == NULL || ret->ptr == NULL) {
        return sw_p2_no_memory(call);
    }
    for (size_t i = 0; i < count; i++) {
        p2_object *o;
        P2_TRY(sw_p2_get(call, params->in.ptr[i], P2_POLLABLE, &o));
        items[i] = item_of(o);
    }
    P2_TRY(sw_poll_wait(call->store, items, count));
    for (size_t i = 0; i < count; i++) {
        if (items[i].is_ready) {
            ret->ptr[ret->len++] = (uint32_t)i;
        }
    }
    return SW_TRAP_NONE;
}

void sw_wasi_io_poll_pollable_drop(void *env, uint32_t rep)
{
    sw_p2_drop(env, rep, P2_POLLABLE);
}

/* ---- wasi:clocks ----------------------------------------------------------------------------- */

sw_trap sw_wasi_clocks_monotonic_clock_now(sw_host_call *call,
                                           sw_wasi_clocks_monotonic_clock_now_result *ret)
{
    (void)call;
    *ret = sw_clock_monotonic_ns();
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_clocks_monotonic_clock_resolution(
    sw_host_call *call, sw_wasi_clocks_monotonic_clock_resolution_result *ret)
{
    (void)call;
    *ret = sw_clock_monotonic_resolution_ns();
    return SW_TRAP_NONE;
}

/* SW_NEVER means "no time" to the poll; the moment before it is as good. */
sw_trap sw_wasi_clocks_monotonic_clock_subscribe_instant(
    sw_host_call *call, const sw_wasi_clocks_monotonic_clock_subscribe_instant_params *params,
    sw_wasi_clocks_monotonic_clock_subscribe_instant_result *ret)
{
    return sw_p2_pollable(call, NULL, 0, SW_MIN(params->when, SW_NEVER - 1), ret);
}

sw_trap sw_wasi_clocks_monotonic_clock_subscribe_duration(
    sw_host_call *call, const sw_wasi_clocks_monotonic_clock_subscribe_duration_params *params,
    sw_wasi_clocks_monotonic_clock_subscribe_duration_result *ret)
{
    uint64_t when = sw_clock_deadline(params->when);
    return sw_p2_pollable(call, NULL, 0, SW_MIN(when, SW_NEVER - 1), ret);
}

static sw_wasi_clocks_wall_clock_datetime_t datetime_of(uint64_t ns)
{
    return (sw_wasi_clocks_wall_clock_datetime_t){.seconds = ns / SW_NS_PER_S,
                                                  .nanoseconds = (uint32_t)(ns % SW_NS_PER_S)};
}

sw_trap sw_wasi_clocks_wall_clock_now(sw_host_call *call, sw_wasi_clocks_wall_clock_now_result *ret)
{
    (void)call;
    *ret = datetime_of(sw_clock_realtime_ns());
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_clocks_wall_clock_resolution(sw_host_call *call,
                                             sw_wasi_clocks_wall_clock_resolution_result *ret)
{
    (void)call;
    *ret = datetime_of(sw_clock_realtime_resolution_ns());
    return SW_TRAP_NONE;
}
