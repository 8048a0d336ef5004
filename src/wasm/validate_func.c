/* Validation of bodies: the locals, the loop over the instructions, the facts. */
#include "wasm/types_read.h"
#include "wasm/validate_body.h"

sw_validate_scratch *sw_validate_scratch_new(sw_budget *budget)
{
    sw_validate_scratch *s = sw_alloc(budget, sizeof *s);
    if (s != NULL) {
        s->stack.budget = budget;
        s->labels.budget = budget;
        s->groups.budget = budget;
        s->locals.budget = budget;
        s->weights.budget = budget;
        s->used.budget = budget;
        s->used_list.budget = budget;
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
    sw_vec_clear(&s->groups);
    sw_vec_clear(&s->locals);
    sw_vec_clear(&s->weights);
    sw_vec_clear(&s->used);
    sw_vec_clear(&s->used_list);
    sw_free(budget, s, sizeof *s);
}

static void check_local_type(sw_body *b, sw_valtype t)
{
    sw_body_check_type(b, t);
    if (sw_valtype_kind(t) == SW_TYPE_REF) {
        (void)sw_reader_fail_at(&b->r, SW_UNSUPPORTED, sw_body_at(b),
                                "locals without a default value are not supported");
    }
}

/* Adds the locals of one group; total counts them all. */
static void add_group(sw_body *b, uint64_t total, sw_valtype t)
{
    sw_local_group group = {(uint32_t)SW_MIN(total, (uint64_t)SW_MAX_LOCALS), t};
    if (sw_reader_ok(&b->r) && sw_vec_push(&b->scratch->groups, group) != SW_OK) {
        (void)sw_reader_fail_at(&b->r, SW_NO_MEMORY, sw_body_at(b), "out of memory for locals");
    }
}

/* Reads the declarations; gives the number of locals, parameters included. */
static uint32_t read_local_groups(sw_body *b)
{
    uint32_t groups = sw_reader_count(&b->r, UINT32_MAX, "groups of locals");
    uint64_t total = b->type->params_count;
    b->scratch->groups.count = 0;
    for (uint32_t i = 0; i < groups && sw_reader_ok(&b->r); i++) {
        b->instruction = b->r.pos;
        uint32_t count = sw_reader_leb_u32(&b->r);
        sw_valtype t = sw_valtype_read(&b->r);
        total += count;
        if (total > UINT32_MAX) {
            (void)sw_reader_fail_at(&b->r, SW_MALFORMED, sw_body_at(b), "too many locals");
        }
        check_local_type(b, t);
        add_group(b, total, t);
    }
    if (total > SW_MAX_LOCALS) {
        (void)sw_reader_fail_at(&b->r, SW_LIMIT, sw_body_at(b), "%llu locals: at most %d",
                                (unsigned long long)total, SW_MAX_LOCALS);
    }
    return (uint32_t)total;
}

/* Undoes what the body before has left. */
static void forget_uses(sw_validate_scratch *s)
{
    for (size_t i = 0; i < s->used.count; i++) {
        for (uint64_t bits = s->used.at[i]; bits != 0; bits &= bits - 1) {
            s->weights.at[64 * i + (unsigned)__builtin_ctzll(bits)] = 0;
        }
        s->used.at[i] = 0;
    }
    s->used.count = 0;
}

static void read_locals(sw_body *b)
{
    sw_validate_scratch *s = b->scratch;
    forget_uses(s);
    uint32_t count = read_local_groups(b);
    if (!sw_reader_ok(&b->r)) {
        return;
    }
    size_t words = ((size_t)count + 63) / 64;
    if (sw_vec_reserve(&s->weights, count) != SW_OK || sw_vec_reserve(&s->locals, count) != SW_OK ||
        sw_vec_reserve(&s->used, words) != SW_OK) {
        (void)sw_reader_fail_at(&b->r, SW_NO_MEMORY, sw_body_at(b), "out of memory for locals");
        return;
    }
    s->used.count = words;
    b->locals = s->locals.at;
    b->weights = s->weights.at;
    b->locals_count = count;
    sw_body_note_moved(b, b->type->params_count);
}

/* The type of a declared local, by bisection. */
static sw_valtype find_local_type(const sw_validate_scratch *s, uint32_t local)
{
    size_t low = 0, high = s->groups.count - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (local < s->groups.at[middle].end) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return s->groups.at[low].type;
}

void sw_body_first_use(sw_body *b, uint32_t local)
{
    sw_validate_scratch *s = b->scratch;
    s->used.at[local / 64] |= UINT64_C(1) << local % 64;
    s->locals.at[local] =
        local < b->type->params_count ? b->type->params[local] : find_local_type(s, local);
    b->used_count++;
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
            (void)sw_reader_fail_at(&b->r, SW_MALFORMED, sw_body_at(b), "illegal opcode 0x%02x",
                                    code);
        } else {
            (void)sw_reader_fail_at(&b->r, SW_UNSUPPORTED, sw_body_at(b), "opcode 0x%02x needs %s",
                                    code, feature);
        }
    }
    return sw_reader_ok(&b->r) ? code : (uint32_t)SW_OP_NOP;
}

static void run_steps(sw_body *b)
{
    while (b->labels_count != 0 && SW_LIKELY(b->r.pos < b->r.end)) {
        b->instruction = b->r.pos;
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

/* Writes down which locals are used, in ascending order. */
static sw_status list_used(const sw_body *b)
{
    sw_validate_scratch *s = b->scratch;
    s->used_list.count = 0;
    SW_TRY(sw_vec_reserve(&s->used_list, b->used_count));
    for (size_t i = 0; i < s->used.count; i++) {
        for (uint64_t bits = s->used.at[i]; bits != 0; bits &= bits - 1) {
            s->used_list.at[s->used_list.count++] =
                (uint32_t)(64 * i + (unsigned)__builtin_ctzll(bits));
        }
    }
    return SW_OK;
}

static uint32_t own_allowance(const sw_body *b)
{
    return SW_MOVED_PER_BYTE * (uint32_t)(b->r.end - b->r.base);
}

static void finish_facts(sw_body *b)
{
    uint32_t own = own_allowance(b);
    if (list_used(b) != SW_OK) {
        (void)sw_reader_fail(&b->r, SW_NO_MEMORY, "out of memory for locals");
        return;
    }
    b->facts.local_types = b->locals;
    b->facts.local_weights = b->weights;
    b->facts.used_locals = b->scratch->used_list.at;
    b->facts.used_count = b->used_count;
    b->facts.locals_count = b->locals_count;
    b->facts.params_count = b->type->params_count;
    b->facts.max_stack = (uint32_t)(b->high - b->scratch->stack.at);
    b->facts.moved_excess = b->moved > own ? b->moved - own : 0;
}

/* How the first memory is addressed. */
static sw_valtype memory0_address(const sw_module *m)
{
    if (m->memories_count == 0) {
        return SW_TYPE_BOTTOM;
    }
    return m->memories[0].limits.is_64 ? SW_TYPE_I64 : SW_TYPE_I32;
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
    b.instruction = b.r.base;
    b.memory0 = memory0_address(m);
    b.moved_limit = own_allowance(&b) + SW_MOVED_EXCESS;
    if (sw_vec_reserve(&scratch->stack, 64) != SW_OK) {
        return sw_fail(diag, SW_NO_MEMORY, b.r.origin, "out of memory for operands");
    }
    b.top = b.floor = b.high = scratch->stack.at;
    read_locals(&b);
    b.facts.code_start = range.start + (uint32_t)(b.r.pos - b.r.base);
    if (sw_reader_ok(&b.r)) {
        sw_blocktype whole = {m->funcs[func].type, SW_TYPE_BOTTOM};
        sw_body_push_label(&b, SW_OP_BLOCK, whole);
        run_steps(&b);
    }
    if (sw_reader_ok(&b.r)) {
        finish_facts(&b);
    }
    if (!sw_reader_ok(&b.r)) {
        return sw_fail_context(diag, b.r.status, "function %u", func);
    }
    *ret_facts = b.facts;
    return SW_OK;
}

uint32_t sw_bodies_range_end(const sw_module *m, uint32_t first)
{
    uint32_t i = first;
    uint64_t bytes = 0;
    while (i < m->funcs_count && bytes < SW_BODIES_RANGE_BYTES) {
        bytes += m->funcs[i++].body.len;
    }
    return i;
}

sw_status sw_bodies_add_excess(const sw_module *m, uint32_t func, uint64_t more, uint64_t limit,
                               const char *what, sw_diag *diag, uint64_t *sum)
{
    *sum += more;
    return *sum <= limit ? SW_OK
                         : sw_fail(diag, SW_LIMIT, m->origin + m->funcs[func].body.start,
                                   "function %u: too %s for bodies of %d bytes", func, what,
                                   SW_BODIES_RANGE_BYTES);
}

static sw_status validate_range(const sw_module *m, const sw_features *features, uint32_t first,
                                uint32_t end, sw_validate_scratch *s, sw_diag *diag)
{
    uint64_t excess = 0;
    for (uint32_t i = first; i < end; i++) {
        sw_func_facts facts;
        SW_TRY(sw_func_validate(m, features, i, s, diag, &facts));
        SW_TRY(sw_bodies_add_excess(m, i, facts.moved_excess, SW_MOVED_EXCESS, "many values moved",
                                    diag, &excess));
    }
    return SW_OK;
}

sw_status sw_module_validate_bodies(const sw_module *m, const sw_features *features, sw_diag *diag)
{
    sw_validate_scratch *s = sw_validate_scratch_new(m->arena->budget);
    if (s == NULL) {
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "out of memory for validation");
    }
    sw_status st = SW_OK;
    for (uint32_t i = m->imported_funcs, end; i < m->funcs_count && st == SW_OK; i = end) {
        end = sw_bodies_range_end(m, i);
        st = validate_range(m, features, i, end, s, diag);
    }
    sw_validate_scratch_free(s);
    return st;
}
