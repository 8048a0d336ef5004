/* wasi:http 0.2: fields. */
#include "http/p2/types.h"

enum { INVALID = SW_WASI_HTTP_TYPES_HEADER_ERROR_INVALID_SYNTAX };

static http_fields *new_fields(sw_p2 *p)
{
    http_fields *f = sw_alloc(p->budget, sizeof *f);
    if (f != NULL) {
        sw_http_fields_init(&f->own, p->budget, HTTP_FIELDS_MAX, HTTP_FIELDS_MAX_BYTES);
        f->list = &f->own;
    }
    return f;
}

static void drop_fields(sw_p2 *p, void *body)
{
    http_fields *f = body;
    sw_http_fields_clear(&f->own);
    http_incoming_unref(f->in);
    if (f->out != NULL) {
        http_outgoing_unref(f->out);
    }
    sw_free(p->budget, f, sizeof *f);
}

const sw_p2_type HTTP_FIELDS = {"fields", drop_fields};
HTTP_DROP(fields, HTTP_FIELDS)

static sw_trap get_fields(sw_host_call *call, uint32_t rep, http_fields **ret)
{
    void *body;
    P2_TRY(sw_p2_get_other(call, rep, &HTTP_FIELDS, &body));
    *ret = body;
    return SW_TRAP_NONE;
}

/* A copy without the parts of a head; the list may be longer than a guest could make it. */
static sw_status copy_list(sw_http_fields *to, const sw_http_fields *from)
{
    to->max_count = SW_MAX(to->max_count, from->max_count);
    to->max_bytes = SW_MAX(to->max_bytes, from->max_bytes);
    sw_status st = sw_http_fields_copy(to, from);
    memset(to->parts, 0, sizeof to->parts);
    return st;
}

sw_trap http_fields_view(sw_p2 *p, sw_http_fields *list, http_incoming *in, http_outgoing *out,
                         uint32_t *ret_rep)
{
    http_fields *f = new_fields(p);
    if (f == NULL) {
        return SW_TRAP_OUT_OF_HOST_MEMORY;
    }
    f->list = list;
    f->is_immutable = true;
    f->in = in == NULL ? NULL : http_incoming_ref(in);
    f->out = out == NULL ? NULL : http_outgoing_ref(out);
    return sw_p2_add_other(p, &HTTP_FIELDS, f, ret_rep);
}

sw_trap http_fields_take(sw_host_call *call, uint32_t rep, sw_http_fields *to)
{
    void *body;
    sw_p2 *p;
    P2_TRY(sw_p2_of(call->env, &p));
    P2_TRY(sw_p2_take_other(call, rep, &HTTP_FIELDS, &body));
    http_fields *f = body;
    sw_status st = SW_OK;
    if (f->list == &f->own) {
        sw_http_fields empty = *to;
        *to = f->own;
        f->own = empty;
    } else {
        st = copy_list(to, f->list);
    }
    drop_fields(p, f);
    return st == SW_OK ? SW_TRAP_NONE : http_no_memory(call);
}

static sw_str str_of(sw_wit_list_u8 bytes)
{
    return (sw_str){(const char *)bytes.ptr, bytes.len};
}

/* Adds a field to a list: a trap where the list would become too large. ret_error: -1 or a case of
 * header-error. */
static sw_trap append(sw_host_call *call, sw_http_fields *list, sw_str name, sw_str value,
                      int *ret_error)
{
    *ret_error = -1;
    if (sw_http_is_forbidden(name)) {
        *ret_error = SW_WASI_HTTP_TYPES_HEADER_ERROR_FORBIDDEN;
        return SW_TRAP_NONE;
    }
    sw_status st = sw_http_fields_append(list, name, value);
    if (st == SW_ARGUMENT) {
        *ret_error = INVALID;
        return SW_TRAP_NONE;
    }
    if (st == SW_LIMIT) {
        sw_store_explain_trap(call->store, "fields of more than %d bytes, or more than %d of them",
                              HTTP_FIELDS_MAX_BYTES, HTTP_FIELDS_MAX);
        return SW_TRAP_HOST;
    }
    return st == SW_OK ? SW_TRAP_NONE : http_no_memory(call);
}

sw_trap sw_wasi_http_types_fields_new(sw_host_call *call, sw_wasi_http_types_fields_new_result *ret)
{
    sw_p2 *p;
    P2_TRY(sw_p2_of(call->env, &p));
    http_fields *f = new_fields(p);
    return f == NULL ? http_no_memory(call) : sw_p2_add_other(p, &HTTP_FIELDS, f, ret);
}

HTTP_FN(fields_from_list)
{
    sw_p2 *p;
    P2_TRY(sw_p2_of(call->env, &p));
    http_fields *f = new_fields(p);
    if (f == NULL) {
        return http_no_memory(call);
    }
    int error = -1;
    sw_trap trap = SW_TRAP_NONE;
    for (size_t i = 0; i < params->entries.len && error < 0 && trap == SW_TRAP_NONE; i++) {
        trap = append(call, f->list, params->entries.ptr[i].f0, str_of(params->entries.ptr[i].f1),
                      &error);
    }
    ret->is_err = error >= 0;
    if (ret->is_err || trap != SW_TRAP_NONE) {
        ret->err.tag = (uint8_t)error;
        drop_fields(p, f);
        return trap;
    }
    return sw_p2_add_other(p, &HTTP_FIELDS, f, &ret->ok);
}

HTTP_FN(fields_get)
{
    http_fields *f;
    P2_TRY(get_fields(call, params->self, &f));
    uint32_t count = 0;
    for (uint32_t i = sw_http_fields_find(f->list, params->name, 0); i < f->list->count;
         i = sw_http_fields_find(f->list, params->name, i + 1)) {
        count++;
    }
    ret->ptr = SW_NEW_ARRAY(call->arena, sw_wit_list_u8, count);
    if (ret->ptr == NULL) {
        return http_no_memory(call);
    }
    for (uint32_t i = 0, at = 0; at < count; i++) {
        i = sw_http_fields_find(f->list, params->name, i);
        sw_str value = sw_http_field_value(f->list, i);
        ret->ptr[at++] = (sw_wit_list_u8){(uint8_t *)(uintptr_t)value.ptr, value.len};
    }
    ret->len = count;
    return SW_TRAP_NONE;
}

HTTP_FN(fields_has)
{
    http_fields *f;
    P2_TRY(get_fields(call, params->self, &f));
    *ret = sw_http_fields_find(f->list, params->name, 0) < f->list->count;
    return SW_TRAP_NONE;
}

/* Why a name may not be changed; -1 if it may. */
static int refusal(const http_fields *f, sw_str name)
{
    if (f->is_immutable) {
        return SW_WASI_HTTP_TYPES_HEADER_ERROR_IMMUTABLE;
    }
    if (!sw_http_is_name(name)) {
        return INVALID;
    }
    return sw_http_is_forbidden(name) ? SW_WASI_HTTP_TYPES_HEADER_ERROR_FORBIDDEN : -1;
}

/* The error, if there is one, as the result. */
#define FINISH(error, ret)                     \
    do {                                       \
        (ret)->is_err = (error) >= 0;          \
        if ((ret)->is_err) {                   \
            (ret)->err.tag = (uint8_t)(error); \
            return SW_TRAP_NONE;               \
        }                                      \
    } while (0)

HTTP_FN(fields_set)
{
    http_fields *f;
    P2_TRY(get_fields(call, params->self, &f));
    int error = refusal(f, params->name);
    for (size_t i = 0; i < params->value.len && error < 0; i++) {
        error = sw_http_is_value(str_of(params->value.ptr[i])) ? -1 : INVALID;
    }
    FINISH(error, ret);
    (void)sw_http_fields_remove(f->list, params->name);
    for (size_t i = 0; i < params->value.len; i++) {
        P2_TRY(append(call, f->list, params->name, str_of(params->value.ptr[i]), &error));
    }
    return SW_TRAP_NONE;
}

HTTP_FN(fields_delete)
{
    http_fields *f;
    P2_TRY(get_fields(call, params->self, &f));
    FINISH(refusal(f, params->name), ret);
    (void)sw_http_fields_remove(f->list, params->name);
    return SW_TRAP_NONE;
}

HTTP_FN(fields_append)
{
    http_fields *f;
    P2_TRY(get_fields(call, params->self, &f));
    int error = refusal(f, params->name);
    FINISH(error, ret);
    P2_TRY(append(call, f->list, params->name, str_of(params->value), &error));
    FINISH(error, ret);
    return SW_TRAP_NONE;
}

HTTP_FN(fields_entries)
{
    http_fields *f;
    P2_TRY(get_fields(call, params->self, &f));
    ret->ptr = SW_NEW_ARRAY(call->arena, sw_wit_tuple2_string_list_u8, f->list->count);
    if (ret->ptr == NULL) {
        return http_no_memory(call);
    }
    ret->len = f->list->count;
    for (uint32_t i = 0; i < f->list->count; i++) {
        sw_str value = sw_http_field_value(f->list, i);
        ret->ptr[i].f0 = sw_http_field_name(f->list, i);
        ret->ptr[i].f1 = (sw_wit_list_u8){(uint8_t *)(uintptr_t)value.ptr, value.len};
    }
    return SW_TRAP_NONE;
}

HTTP_FN(fields_clone)
{
    http_fields *f;
    sw_p2 *p;
    P2_TRY(get_fields(call, params->self, &f));
    P2_TRY(sw_p2_of(call->env, &p));
    http_fields *copy = new_fields(p);
    if (copy == NULL) {
        return http_no_memory(call);
    }
    if (copy_list(&copy->own, f->list) != SW_OK) {
        drop_fields(p, copy);
        return http_no_memory(call);
    }
    return sw_p2_add_other(p, &HTTP_FIELDS, copy, ret);
}
