/* Validation of bodies: the locals, the loop over the instructions, the facts. */
#include "wasm/types_read.h"
#include "wasm/validate_body.h"

sw_validate_scratch *sw_validate_scratch_new(sw_budget *budget)
{
    sw_validate_scratch *s = sw_alloc(budget, sizeof *s);
    if (s != NULL) {
        s->stack.budget = budget;
        s->labels.budget = budget;
        s->locals.budget = budget;
        s->weights.budget = budget;
    }
    return s;
}

void sw_validate_scratch_free(sw_validate_scratch *s)
{
    if (s == NULL) {
        return;
    }
    sw_budget *budget = s->stack.budget;
    sw_vec_clear(&s->stack);
    sw_vec_clear(&s->labels);
    sw_vec_clear(&s->locals);
    sw_vec_clear(&s->weights);
    sw_free(budget, s, sizeof *s);
}

/* Adds count locals of one type; what exceeds the limit is reported when all are counted. */
static void add_locals(sw_body *b, uint32_t count, sw_valtype t)
{
    sw_validate_scratch *s = b->scratch;
    size_t total = SW_MIN(s->locals.count + (size_t)count, (size_t)SW_MAX_LOCALS);
    if (sw_vec_reserve(&s->locals, total) != SW_OK) {
        (void)sw_reader_fail_at(&b->r, SW_NO_MEMORY, b->at, "out of memory for locals");
        return;
    }
    for (; s->locals.count < total; s->locals.count++) {
        s->locals.at[s->locals.count] = t;
    }
}

static void check_local_type(sw_body *b, sw_valtype t)
{
    sw_body_check_type(b, t);
    if (sw_valtype_kind(t) == SW_TYPE_REF) {
        (void)sw_reader_fail_at(&b->r, SW_UNSUPPORTED, b->at,
                                "locals without a default value are not supported");
    }
}

static void read_local_groups(sw_body *b)
{
    uint32_t groups = sw_reader_count(&b->r, UINT32_MAX, "groups of locals");
    uint64_t total = b->type->params_count;
    for (uint32_t i = 0; i < groups && sw_reader_ok(&b->r); i++) {
        b->at = sw_reader_offset(&b->r);
        uint32_t count = sw_reader_leb_u32(&b->r);
        sw_valtype t = sw_valtype_read(&b->r);
        total += count;
        if (total > UINT32_MAX) {
            (void)sw_reader_fail_at(&b->r, SW_MALFORMED, b->at, "too many locals");
        }
        check_local_type(b, t);
        if (sw_reader_ok(&b->r)) {
            add_locals(b, count, t);
        }
    }
    if (total > SW_MAX_LOCALS) {
        (void)sw_reader_fail_at(&b->r, SW_LIMIT, b->at, "%llu locals: at most %d",
                                (unsigned long long)total, SW_MAX_LOCALS);
    }
}

static void read_locals(sw_body *b)
{
    sw_validate_scratch *s = b->scratch;
    s->locals.count = 0;
    for (uint32_t i = 0; i < b->type->params_count && sw_reader_ok(&b->r); i++) {
        add_locals(b, 1, b->type->params[i]);
    }
    read_local_groups(b);
    size_t count = s->locals.count;
    if (sw_vec_reserve(&s->weights, count) != SW_OK) {
        (void)sw_reader_fail_at(&b->r, SW_NO_MEMORY, b->at, "out of memory for locals");
        return;
    }
    if (count != 0) {
        memset(s->weights.at, 0, count * sizeof *s->weights.at);
    }
    b->locals = s->locals.at;
    b->weights = s->weights.at;
    b->locals_count = (uint32_t)count;
}

/* Opcodes that the fast path does not know: prefixed ones and failures. */
static uint32_t read_prefixed(sw_body *b, uint8_t prefix)
{
    uint32_t code = prefix;
    if (prefix >= 0xfb && prefix != 0xff) {
        uint32_t number = sw_reader_leb_u32(&b->r);
        code = SW_OP_PREFIXED(prefix, SW_MIN(number, 0xfffu));
    }
    if (sw_reader_ok(&b->r) && sw_body_steps[sw_opcode_slot(code)] == NULL) {
        const char *feature = sw_opcode_feature(code);
        if (feature == NULL) {
            (void)sw_reader_fail_at(&b->r, SW_MALFORMED, b->at, "illegal opcode 0x%02x", code);
        } else {
            (void)sw_reader_fail_at(&b->r, SW_UNSUPPORTED, b->at, "opcode 0x%02x needs %s", code,
                                    feature);
        }
    }
    return sw_reader_ok(&b->r) ? code : (uint32_t)SW_OP_NOP;
}

static void run_steps(sw_body *b)
{
    const uint8_t *base = b->r.base;
    while (b->labels_count != 0 && SW_LIKELY(b->r.pos < b->r.end)) {
        b->at = b->r.origin + (uint32_t)(b->r.pos - base);
        uint8_t byte = *b->r.pos++;
        sw_step_fn *step = sw_body_steps[byte];
        b->code = byte;
        if (SW_UNLIKELY(step == NULL)) {
            b->code = read_prefixed(b, byte);
            step = sw_body_steps[sw_opcode_slot(b->code)];
        }
        step(b);
    }
    if (sw_reader_ok(&b->r) && b->labels_count != 0) {
        (void)sw_reader_fail(&b->r, SW_MALFORMED, "unexpected end of the body");
    }
    if (sw_reader_ok(&b->r) && b->r.pos != b->r.end) {
        (void)sw_reader_fail(&b->r, SW_MALFORMED, "the body goes on after its end");
    }
}

static void finish_facts(sw_body *b)
{
    b->facts.local_types = b->locals;
    b->facts.local_weights = b->weights;
    b->facts.locals_count = b->locals_count;
    b->facts.params_count = b->type->params_count;
    b->facts.max_stack = (uint32_t)(b->high - b->scratch->stack.at);
}

sw_status sw_func_validate(const sw_module *m, const sw_features *features, uint32_t func,
                           sw_validate_scratch *scratch, sw_diag *diag, sw_func_facts *ret_facts)
{
    sw_range range = m->funcs[func].body;
    sw_body b;
    memset(&b, 0, sizeof b);
    b.m = m;
    b.features = features;
    b.scratch = scratch;
    b.type = sw_module_functype(m, func);
    b.weight = 1;
    b.facts.is_leaf = true;
    b.r = sw_reader_make(sw_bytes_slice(m->bytes, range.start, range.len), m->origin + range.start,
                         diag);
    b.at = b.r.origin;
    if (sw_vec_reserve(&scratch->stack, 64) != SW_OK) {
        return sw_fail(diag, SW_NO_MEMORY, b.at, "out of memory for operands");
    }
    b.top = b.floor = b.high = scratch->stack.at;
    read_locals(&b);
    b.facts.code_start = range.start + (uint32_t)(b.r.pos - b.r.base);
    if (sw_reader_ok(&b.r)) {
        sw_blocktype whole = {m->funcs[func].type, SW_TYPE_BOTTOM};
        sw_body_push_label(&b, SW_OP_BLOCK, whole);
        run_steps(&b);
    }
    if (!sw_reader_ok(&b.r)) {
        return sw_fail_context(diag, b.r.status, "function %u", func);
    }
    finish_facts(&b);
    *ret_facts = b.facts;
    return SW_OK;
}

sw_status sw_module_validate_bodies(const sw_module *m, const sw_features *features, sw_diag *diag)
{
    sw_validate_scratch *s = sw_validate_scratch_new(m->arena->budget);
    if (s == NULL) {
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "out of memory for validation");
    }
    sw_status st = SW_OK;
    for (uint32_t i = m->imported_funcs; i < m->funcs_count && st == SW_OK; i++) {
        sw_func_facts facts;
        st = sw_func_validate(m, features, i, s, diag, &facts);
    }
    sw_validate_scratch_free(s);
    return st;
}
