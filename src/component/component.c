/* Loaded components: a plan, its modules' code, and the canonical ABI's plans made from it. */
#include "component/runtime.h"

static _Atomic uint64_t next_serial = 1;

/* Function types that a lift or a lowered function uses. */
static const bool *used_types(sw_component *c)
{
    const sw_plan *p = &c->plan;
    bool *used = SW_NEW_ARRAY(&c->arena, bool, p->types.funcs_count);
    if (used == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < p->lifts_count; i++) {
        used[p->lifts[i].func_type] = true;
    }
    for (uint32_t i = 0; i < p->trampolines_count; i++) {
        if (p->trampolines[i].kind <= SW_TRAMPOLINE_LOWER_LIFT) {
            used[p->trampolines[i].func_type] = true;
        }
    }
    return used;
}

/* Looked up once, not for every instance. */
static bool find_type_ids(sw_component *c)
{
    c->type_ids = SW_NEW_ARRAY(&c->arena, uint32_t, c->plan.trampolines_count);
    for (uint32_t i = 0; c->type_ids != NULL && i < c->plan.trampolines_count; i++) {
        c->type_ids[i] = sw_engine_functype_id(c->engine, sw_trampoline_type(c, i));
        if (c->type_ids[i] == 0) {
            return false;
        }
    }
    return c->type_ids != NULL;
}

static sw_status load(sw_component *c, sw_bytes plan_block, sw_diag *diag)
{
    SW_TRY(sw_plan_map(plan_block, diag, &c->plan));
    const bool *used = used_types(c);
    c->codes = SW_NEW_ARRAY(&c->arena, sw_code *, c->plan.modules_count);
    if (used == NULL || c->codes == NULL) {
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "no memory for a component");
    }
    SW_TRY(sw_canon_make(&c->arena, &c->plan.types, used, diag, &c->canon));
    return find_type_ids(c)
               ? SW_OK
               : sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "no memory for a component");
}

sw_status sw_component_new(sw_engine *e, sw_bytes plan_block, sw_code *const *codes, sw_diag *diag,
                           sw_component **ret_component)
{
    sw_component *c = sw_alloc(NULL, sizeof *c);
    if (c == NULL) {
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "no memory for a component");
    }
    c->refs = 1;
    c->serial = next_serial++;
    c->engine = e;
    sw_arena_init(&c->arena, NULL, SIZE_MAX);
    sw_status st = load(c, plan_block, diag);
    if (st != SW_OK) {
        sw_arena_clear(&c->arena);
        sw_free(NULL, c, sizeof *c);
        return st;
    }
    for (uint32_t i = 0; i < c->plan.modules_count; i++) {
        c->codes[i] = codes[i];
    }
    *ret_component = c;
    return SW_OK;
}

sw_component *sw_component_ref(sw_component *c)
{
    c->refs++;
    return c;
}

void sw_component_unref(sw_component *c)
{
    if (c == NULL || --c->refs != 0) {
        return;
    }
    for (uint32_t i = 0; i < c->plan.modules_count; i++) {
        sw_code_unref(c->codes[i]);
    }
    sw_arena_clear(&c->arena);
    sw_free(NULL, c, sizeof *c);
}

const sw_plan *sw_component_plan(const sw_component *c)
{
    return &c->plan;
}

const sw_canon_layouts *sw_component_layouts(const sw_component *c)
{
    return &c->canon.layouts;
}
