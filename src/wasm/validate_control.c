/* Validation of bodies: blocks, branches, calls. */
#include "wasm/types_read.h"
#include "wasm/validate_body.h"

enum { WEIGHT_PER_LOOP = 8, MAX_WEIGHT = 4096 };

/* ---- Types of blocks ------------------------------------------------------------------------- */

static sw_types block_params(const sw_body *b, const sw_blocktype *t)
{
    if (t->type == SW_NO_INDEX) {
        return (sw_types){};
    }
    const sw_functype *f = &b->m->types[t->type].func;
    return (sw_types){f->params, f->params_count};
}

static sw_types block_results(const sw_body *b, const sw_blocktype *t)
{
    if (t->type == SW_NO_INDEX) {
        return (sw_types){&t->result, t->result != SW_TYPE_BOTTOM};
    }
    const sw_functype *f = &b->m->types[t->type].func;
    return (sw_types){f->results, f->results_count};
}

static sw_label *label_at(const sw_body *b, uint32_t depth)
{
    return &b->scratch->labels.at[b->labels_count - 1 - depth];
}

/* What a branch to the label must bring. */
static sw_types label_types(const sw_body *b, const sw_label *l)
{
    return l->code == SW_OP_LOOP ? block_params(b, &l->type) : block_results(b, &l->type);
}

/* Reads a relative depth; NULL when there is no such label. */
static sw_label *read_label(sw_body *b)
{
    uint32_t depth = sw_body_u32(b);
    if (SW_UNLIKELY(depth >= b->labels_count)) {
        SW_BODY_FAIL(b, "unknown label %u", depth);
        return NULL;
    }
    return label_at(b, depth);
}

/* ---- Opening and closing --------------------------------------------------------------------- */

static void enter(sw_body *b, const sw_label *l)
{
    b->floor = b->scratch->stack.at + l->floor;
    b->weight = l->weight;
    b->is_unreachable = l->is_unreachable;
}

void sw_body_push_label(sw_body *b, uint32_t code, sw_blocktype type)
{
    sw_validate_scratch *s = b->scratch;
    uint32_t weight = b->weight;
    if (code == SW_OP_LOOP) {
        b->facts.has_loop = true;
        weight = SW_MIN(weight * WEIGHT_PER_LOOP, (uint32_t)MAX_WEIGHT);
    }
    const sw_label l = {
        .code = code,
        .floor = (uint32_t)(b->top - s->stack.at),
        .weight = weight,
        .type = type,
    };
    s->labels.count = b->labels_count;
    if (sw_vec_push(&s->labels, l) != SW_OK) {
        (void)sw_reader_fail_at(&b->r, SW_NO_MEMORY, sw_body_at(b), "out of memory for blocks");
        return;
    }
    b->labels_count++;
    b->facts.max_labels = SW_MAX(b->facts.max_labels, b->labels_count);
    enter(b, &l);
}

static void check_block_type(sw_body *b, sw_blocktype *t)
{
    if (t->type == SW_NO_INDEX) {
        if (t->result != SW_TYPE_BOTTOM) {
            sw_body_check_type(b, t->result);
        }
    } else if (t->type >= b->m->types_count ||
               b->m->types[t->type].composite != SW_COMPOSITE_FUNC) {
        SW_BODY_FAIL(b, "unknown type %u", t->type);
        *t = (sw_blocktype){SW_NO_INDEX, SW_TYPE_BOTTOM};
    }
}

void sw_step_block(sw_body *b)
{
    sw_blocktype type = sw_blocktype_read(&b->r);
    check_block_type(b, &type);
    if (b->code == SW_OP_IF) {
        sw_body_pop(b, SW_TYPE_I32);
    }
    sw_body_pop_types(b, block_params(b, &type));
    sw_body_push_label(b, b->code, type);
    sw_body_push_types(b, block_params(b, &type));
}

/* Takes the results of the innermost block, which must be all that is left in it. */
static void close_block(sw_body *b, const sw_label *l)
{
    sw_body_pop_types(b, block_results(b, &l->type));
    if (b->top != b->floor) {
        SW_BODY_FAIL(b, "type mismatch: %td values too many at the end of the block",
                     b->top - b->floor);
        b->top = b->floor;
    }
}

void sw_step_else(sw_body *b)
{
    sw_label *l = label_at(b, 0);
    if (l->code != SW_OP_IF) {
        (void)sw_reader_fail_at(&b->r, SW_MALFORMED, sw_body_at(b), "else without if");
        return;
    }
    close_block(b, l);
    l->code = SW_OP_ELSE;
    l->is_unreachable = false;
    b->is_unreachable = false;
    sw_body_push_types(b, block_params(b, &l->type));
}

/* An if without an else gives its parameters as results. */
static void check_missing_else(sw_body *b, const sw_label *l)
{
    sw_types params = block_params(b, &l->type);
    sw_types results = block_results(b, &l->type);
    bool same = params.count == results.count;
    for (uint32_t i = 0; i < params.count && same; i++) {
        same = sw_valtype_matches(b->m, params.at[i], results.at[i]);
    }
    if (!same) {
        SW_BODY_FAIL(b, "type mismatch: if without else changes the types");
    }
}

void sw_step_end(sw_body *b)
{
    const sw_label l = *label_at(b, 0);
    close_block(b, &l);
    if (l.code == SW_OP_IF) {
        check_missing_else(b, &l);
    }
    b->labels_count--;
    if (b->labels_count != 0) {
        enter(b, label_at(b, 0));
        sw_body_push_types(b, block_results(b, &l.type));
    }
}

/* What follows is never reached: the stack gives whatever is asked for. */
static void leave(sw_body *b)
{
    b->top = b->floor;
    b->is_unreachable = true;
    label_at(b, 0)->is_unreachable = true;
}

void sw_step_unreachable(sw_body *b)
{
    leave(b);
}

/* ---- Branches -------------------------------------------------------------------------------- */

void sw_step_br(sw_body *b)
{
    const sw_label *l = read_label(b);
    if (l != NULL) {
        sw_body_pop_types(b, label_types(b, l));
        leave(b);
    }
}

void sw_step_br_if(sw_body *b)
{
    const sw_label *l = read_label(b);
    sw_body_pop(b, SW_TYPE_I32);
    if (l != NULL) {
        sw_types types = label_types(b, l);
        sw_body_pop_types(b, types);
        sw_body_push_types(b, types);
    }
}

/* The topmost operands fit the types; nothing is popped. */
static void check_top(sw_body *b, sw_types types)
{
    size_t height = (size_t)(b->top - b->floor);
    sw_body_note_moved(b, types.count);
    if (height < types.count && !b->is_unreachable) {
        SW_BODY_FAIL(b, "type mismatch: the branch needs %u values", types.count);
        return;
    }
    for (uint32_t i = 0; i < SW_MIN(types.count, height); i++) {
        sw_valtype want = types.at[types.count - 1 - i];
        if (!sw_valtype_matches(b->m, b->top[-1 - (ptrdiff_t)i], want)) {
            SW_BODY_FAIL(b, "type mismatch in the values of a branch");
            return;
        }
    }
}

void sw_step_br_table(sw_body *b)
{
    uint32_t count = sw_reader_count(&b->r, UINT32_MAX, "branch targets");
    sw_body_pop(b, SW_TYPE_I32);
    uint32_t arity = UINT32_MAX;
    for (uint32_t i = 0; i <= count && sw_reader_ok(&b->r); i++) {
        sw_label *l = read_label(b);
        if (l == NULL) {
            return;
        }
        if (l->table == sw_body_at(b)) {
            continue; /* a large table of few labels with many values costs no more than them */
        }
        l->table = sw_body_at(b);
        sw_types types = label_types(b, l);
        if (arity != UINT32_MAX && types.count != arity) {
            SW_BODY_FAIL(b, "type mismatch: branch targets of %u and %u values", arity,
                         types.count);
        }
        arity = types.count;
        check_top(b, types);
    }
    leave(b);
}

void sw_step_return(sw_body *b)
{
    sw_body_pop_types(b, (sw_types){b->type->results, b->type->results_count});
    leave(b);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

static void call(sw_body *b, const sw_functype *t)
{
    sw_body_pop_types(b, (sw_types){t->params, t->params_count});
    sw_body_push_types(b, (sw_types){t->results, t->results_count});
    sw_body_note_call(b);
}

void sw_step_call(sw_body *b)
{
    uint32_t func = sw_body_u32(b);
    if (SW_UNLIKELY(func >= b->m->funcs_count)) {
        SW_BODY_FAIL(b, "unknown function %u", func);
        return;
    }
    call(b, sw_module_functype(b->m, func));
}

void sw_step_call_indirect(sw_body *b)
{
    const sw_module *m = b->m;
    uint32_t type = sw_body_u32(b);
    uint32_t table = sw_body_u32(b);
    if (type >= m->types_count || m->types[type].composite != SW_COMPOSITE_FUNC) {
        SW_BODY_FAIL(b, "unknown type %u", type);
        return;
    }
    if (table >= m->tables_count) {
        SW_BODY_FAIL(b, "unknown table %u", table);
        return;
    }
    const sw_tabletype *t = &m->tables[table].type;
    if (!sw_valtype_matches(m, t->element, SW_TYPE_FUNCREF)) {
        SW_BODY_FAIL(b, "type mismatch: table %u holds no functions", table);
    }
    sw_body_pop(b, t->limits.is_64 ? SW_TYPE_I64 : SW_TYPE_I32);
    b->facts.uses_indirect_call = true;
    call(b, &m->types[type].func);
}
