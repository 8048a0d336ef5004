/* Canonical definitions: options and core signatures. */
#include "component/check.h"

static const sw_valtype I32S[] = {SW_TYPE_I32, SW_TYPE_I32, SW_TYPE_I32, SW_TYPE_I32};

static sw_status core_func(sw_checker *c, const sw_cscope *s, uint32_t index,
                           const sw_functype **ret_type)
{
    if (index >= s->core_items[SW_SORT_CORE_FUNC].count) {
        return sw_check_fail(c, "unknown core function %u: function index out of bounds", index);
    }
    *ret_type = s->core_items[SW_SORT_CORE_FUNC].at[index].func;
    return SW_OK;
}

static sw_status check_memory(sw_checker *c, const sw_cscope *s, uint32_t index)
{
    if (index >= s->core_items[SW_SORT_CORE_MEMORY].count) {
        return sw_check_fail(c, "unknown memory %u: memory index out of bounds", index);
    }
    const sw_limits *l = &s->core_items[SW_SORT_CORE_MEMORY].at[index].memory.limits;
    if (l->is_64) {
        return sw_fail(c->diag, SW_UNSUPPORTED, c->offset,
                       "64-bit memories in canonical options are not supported yet");
    }
    if (l->is_shared) {
        return sw_check_fail(c, "canonical option `memory` cannot be a shared memory");
    }
    return SW_OK;
}

static sw_status bad_signature(sw_checker *c, const char *option)
{
    return sw_check_fail(
        c, "canonical option `%s` uses a core function with an incorrect signature", option);
}

/* What the options say by themselves, and what the function's types need of them. */
static sw_status check_options(sw_checker *c, const sw_cscope *s, const sw_ast_canon *o,
                               bool needs_memory, bool needs_realloc)
{
    const sw_functype *f;
    if (o->memory != SW_NO_INDEX) {
        SW_TRY(check_memory(c, s, o->memory));
    }
    if (o->realloc != SW_NO_INDEX) {
        if (o->memory == SW_NO_INDEX) {
            return sw_check_fail(
                c, "canonical option `realloc` requires `memory` to also be specified");
        }
        SW_TRY(core_func(c, s, o->realloc, &f));
        if (!sw_core_functype_is(f, I32S, 4, I32S, 1)) {
            return bad_signature(c, "realloc");
        }
    }
    if (needs_memory && o->memory == SW_NO_INDEX) {
        return sw_check_fail(c, "canonical option `memory` is required");
    }
    if (needs_realloc && o->realloc == SW_NO_INDEX) {
        return sw_check_fail(c, "canonical option `realloc` is required");
    }
    return SW_OK;
}

static sw_status push_core_func(sw_checker *c, sw_cscope *s, const sw_functype *type)
{
    sw_core_item item = {.kind = SW_EXTERN_FUNC, .func = type, .origin = c};
    return sw_avec_push(c->arena, &s->core_items[SW_SORT_CORE_FUNC], item) == SW_OK
               ? SW_OK
               : sw_check_no_memory(c);
}

static sw_status check_lift(sw_checker *c, sw_cscope *s, const sw_ast_canon *o)
{
    const sw_functype *core, *post;
    sw_flat_func flat;
    SW_TRY(core_func(c, s, o->func, &core));
    if (o->type >= s->types.count) {
        return sw_check_fail(c, "unknown type %u: type index out of bounds", o->type);
    }
    if (s->types.at[o->type].kind != SW_ENT_TYPE_FUNC) {
        return sw_check_fail(c, "type index %u is not a function type", o->type);
    }
    uint32_t func = s->types.at[o->type].index;
    sw_types t = sw_checker_types(c);
    sw_flatten_func(&t, c->facts.at, func, false, &flat);
    bool allocates = flat.params_in_memory || flat.params_have_pointers;
    SW_TRY(check_options(c, s, o, allocates || flat.results_in_memory || flat.results_have_pointers,
                         allocates));
    if (!sw_core_functype_is(core, flat.params, flat.params_count, core->results,
                             core->results_count)) {
        return sw_check_fail(
            c, "lowered parameter types do not match parameter types of core function %u", o->func);
    }
    if (!sw_core_functype_is(core, flat.params, flat.params_count, flat.results,
                             flat.results_count)) {
        return sw_check_fail(
            c, "lowered result types do not match result types of core function %u", o->func);
    }
    if (o->post_return != SW_NO_INDEX) {
        SW_TRY(core_func(c, s, o->post_return, &post));
        if (!sw_core_functype_is(post, flat.results, flat.results_count, NULL, 0)) {
            return bad_signature(c, "post-return");
        }
    }
    return sw_avec_push(c->arena, &s->funcs, func) == SW_OK ? SW_OK : sw_check_no_memory(c);
}

static const sw_functype *new_functype(sw_checker *c, const sw_flat_func *flat)
{
    sw_functype *t = SW_NEW(c->arena, sw_functype);
    sw_valtype *types =
        SW_NEW_ARRAY(c->arena, sw_valtype, flat->params_count + flat->results_count);
    if (t == NULL || types == NULL) {
        return NULL;
    }
    memcpy(types, flat->params, flat->params_count * sizeof *types);
    memcpy(types + flat->params_count, flat->results, flat->results_count * sizeof *types);
    *t = (sw_functype){.params = types,
                       .results = types + flat->params_count,
                       .params_count = flat->params_count,
                       .results_count = flat->results_count};
    return t;
}

static sw_status check_lower(sw_checker *c, sw_cscope *s, const sw_ast_canon *o)
{
    sw_flat_func flat;
    if (o->func >= s->funcs.count) {
        return sw_check_fail(c, "unknown function %u: function index out of bounds", o->func);
    }
    if (o->post_return != SW_NO_INDEX) {
        return sw_check_fail(c, "canonical option `post-return` cannot be specified for lowerings");
    }
    sw_types t = sw_checker_types(c);
    sw_flatten_func(&t, c->facts.at, s->funcs.at[o->func], true, &flat);
    SW_TRY(check_options(c, s, o,
                         flat.params_in_memory || flat.params_have_pointers ||
                             flat.results_in_memory || flat.results_have_pointers,
                         flat.results_have_pointers));
    const sw_functype *type = new_functype(c, &flat);
    return type == NULL ? sw_check_no_memory(c) : push_core_func(c, s, type);
}

static sw_status check_resource_op(sw_checker *c, sw_cscope *s, const sw_ast_canon *o)
{
    static const sw_functype I32_TO_I32 = {I32S, I32S, 1, 1}, I32_TO_NONE = {I32S, I32S, 1, 0};
    if (o->type >= s->types.count) {
        return sw_check_fail(c, "unknown type %u: type index out of bounds", o->type);
    }
    if (s->types.at[o->type].kind != SW_ENT_TYPE_RESOURCE) {
        return sw_check_fail(c, "type index %u is not a resource type", o->type);
    }
    uint32_t resource = c->rrefs.at[s->types.at[o->type].index];
    if (o->op != SW_CANON_RESOURCE_DROP && c->resources.at[resource].owner != s) {
        return sw_check_fail(c, "type index %u is not a local resource", o->type);
    }
    return push_core_func(c, s, o->op == SW_CANON_RESOURCE_DROP ? &I32_TO_NONE : &I32_TO_I32);
}

sw_status sw_check_canon(sw_checker *c, sw_cscope *s, const sw_ast_canon *canon)
{
    switch (canon->op) {
    case SW_CANON_LIFT: return check_lift(c, s, canon);
    case SW_CANON_LOWER: return check_lower(c, s, canon);
    default: return check_resource_op(c, s, canon);
    }
}
