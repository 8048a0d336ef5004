/* Validation of bodies: locals, the loop over instructions, and every opcode but control. */
#include "wasm/validate.h"

#include "wasm/type_features.h"
#include "wasm/types_read.h"
#include "wasm/validate_body.h"

/* ---- Operands -------------------------------------------------------------------------------- */

void sw_body_pop_slow(sw_body *b, sw_valtype want)
{
    char wanted[32], found[32];
    if (b->top <= b->floor) {
        if (!b->is_unreachable) {
            SW_BODY_FAIL(b, "type mismatch: expected %s, found nothing",
                         sw_valtype_text(want, wanted, sizeof wanted));
        }
        return;
    }
    sw_valtype have = *--b->top;
    if (!sw_valtype_matches(b->m, have, want)) {
        SW_BODY_FAIL(b, "type mismatch: expected %s, found %s",
                     sw_valtype_text(want, wanted, sizeof wanted),
                     sw_valtype_text(have, found, sizeof found));
    }
}

sw_valtype sw_body_pop_any_slow(sw_body *b)
{
    if (!b->is_unreachable) {
        SW_BODY_FAIL(b, "type mismatch: expected a value, found nothing");
    }
    return SW_TYPE_BOTTOM;
}

/* `high` is where the next push is looked at: the highest top so far, within the allocation. */
void sw_body_push_slow(sw_body *b)
{
    sw_validate_scratch *s = b->scratch;
    size_t top = (size_t)(b->top - s->stack.at), floor = (size_t)(b->floor - s->stack.at);
    if (top == SW_MAX_OPERANDS) {
        (void)sw_reader_fail_at(&b->r, SW_LIMIT, sw_body_at(b), "more than %d operands",
                                SW_MAX_OPERANDS);
        b->top--;
        return;
    }
    if (top == s->stack.capacity && sw_vec_reserve(&s->stack, top + 1) != SW_OK) {
        (void)sw_reader_fail_at(&b->r, SW_NO_MEMORY, sw_body_at(b), "out of memory for operands");
        b->top--;
        return;
    }
    b->top = s->stack.at + top;
    b->floor = s->stack.at + floor;
    b->high = b->top + 1;
}

void sw_body_note_moved(sw_body *b, uint32_t count)
{
    b->moved += count;
    if (SW_UNLIKELY(b->moved > b->moved_limit)) {
        (void)sw_reader_fail_at(&b->r, SW_LIMIT, sw_body_at(b),
                                "more than %u values moved in a body of %zu bytes", b->moved_limit,
                                (size_t)(b->r.end - b->r.base));
        b->moved = 0;
    }
}

void sw_body_pop_some(sw_body *b, sw_types types)
{
    sw_body_note_moved(b, types.count);
    for (uint32_t i = types.count; i > 0; i--) {
        sw_body_pop(b, types.at[i - 1]);
    }
}

void sw_body_push_some(sw_body *b, sw_types types)
{
    sw_body_note_moved(b, types.count);
    for (uint32_t i = 0; i < types.count; i++) {
        sw_body_push(b, types.at[i]);
    }
}

void sw_body_check_type(sw_body *b, sw_valtype t)
{
    char text[32];
    const char *feature = sw_valtype_missing_feature(t, b->features);
    uint32_t heap = sw_valtype_heap(t);
    if (feature != NULL) {
        (void)sw_reader_fail_at(&b->r, SW_UNSUPPORTED, sw_body_at(b), "%s needs %s, which is off",
                                sw_valtype_text(t, text, sizeof text), feature);
    } else if (sw_valtype_is_ref(t) && sw_heap_is_index(heap) && heap >= b->m->types_count) {
        SW_BODY_FAIL(b, "unknown type %u", heap);
    }
}

void sw_body_note_call(sw_body *b)
{
    b->facts.is_leaf = false;
    b->facts.call_weight = sw_body_add_weight(b, b->facts.call_weight);
    b->facts.has_call_in_loop |= b->weight > 1;
}

/* ---- Regular opcodes ------------------------------------------------------------------------- */

static void step_none(sw_body *) {}

static inline void apply_signature(sw_body *b)
{
    const sw_opcode_info *info = sw_opcode_info_get(b->code);
    if (info->operands_count == 2) {
        sw_body_pop(b, info->operands[1]);
    }
    if (info->operands_count != 0) {
        sw_body_pop(b, info->operands[0]);
    }
    sw_body_push(b, info->result);
}

/* No immediates, one result. */
static void step_regular(sw_body *b)
{
    apply_signature(b);
}

/* Skips a LEB128 number that ends within four bytes, which is in range for every type. */
static inline bool skip_short_leb(sw_body *b)
{
    uint32_t bytes;
    if (SW_UNLIKELY(b->r.end - b->r.pos < (ptrdiff_t)sizeof bytes)) {
        return false;
    }
    memcpy(&bytes, b->r.pos, sizeof bytes);
    uint32_t ends = ~bytes & 0x80808080u;
    if (SW_UNLIKELY(ends == 0)) {
        return false;
    }
    b->r.pos += (unsigned)__builtin_ctz(ends) / 8 + 1;
    return true;
}

static void step_i32_const(sw_body *b)
{
    if (!skip_short_leb(b)) {
        (void)sw_reader_leb_s32(&b->r);
    }
    sw_body_push(b, SW_TYPE_I32);
}

static void step_i64_const(sw_body *b)
{
    if (!skip_short_leb(b)) {
        (void)sw_reader_leb_s64(&b->r);
    }
    sw_body_push(b, SW_TYPE_I64);
}

static void step_f32_const(sw_body *b)
{
    (void)sw_reader_take(&b->r, 4);
    sw_body_push(b, SW_TYPE_F32);
}

static void step_f64_const(sw_body *b)
{
    (void)sw_reader_take(&b->r, 8);
    sw_body_push(b, SW_TYPE_F64);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static sw_valtype memory_address(sw_body *b, uint32_t memory)
{
    if (SW_UNLIKELY(memory >= b->m->memories_count)) {
        SW_BODY_FAIL(b, "unknown memory %u", memory);
        return SW_TYPE_I32;
    }
    b->facts.uses_memory = true;
    return b->m->memories[memory].limits.is_64 ? SW_TYPE_I64 : SW_TYPE_I32;
}

/* Reads the alignment, memory and offset; returns the address type. */
static sw_valtype read_memarg_slow(sw_body *b, uint32_t width)
{
    uint32_t flags = sw_body_u32(b);
    uint32_t memory = 0;
    if (SW_UNLIKELY(flags >= 0x40)) {
        if (flags >= 0x80) {
            (void)sw_reader_fail_at(&b->r, SW_MALFORMED, sw_body_at(b),
                                    "malformed memory access flags %u", flags);
        }
        memory = sw_body_u32(b);
        flags &= 0x3f;
    }
    uint64_t offset = sw_reader_leb_u64(&b->r);
    sw_valtype address = memory_address(b, memory);
    if (SW_UNLIKELY(flags > 3 || 1u << flags > width)) {
        SW_BODY_FAIL(b, "alignment 2^%u exceeds the natural one of %u", flags, width);
    }
    if (SW_UNLIKELY(offset > UINT32_MAX && address == SW_TYPE_I32)) {
        SW_BODY_FAIL(b, "offset %llu is out of range", (unsigned long long)offset);
    }
    return address;
}

/* Most accesses are to the first memory, with a small offset. */
static inline sw_valtype read_memarg(sw_body *b, uint32_t width)
{
    const uint8_t *start = b->r.pos;
    if (SW_LIKELY(b->memory0 != SW_TYPE_BOTTOM && b->r.pos < b->r.end && *start <= 3 &&
                  1u << *start <= width)) {
        b->r.pos++;
        if (SW_LIKELY(skip_short_leb(b))) {
            b->facts.uses_memory = true;
            return b->memory0;
        }
        b->r.pos = start;
    }
    return read_memarg_slow(b, width);
}

static void step_load(sw_body *b)
{
    const sw_opcode_info *info = sw_opcode_info_get(b->code);
    sw_body_pop(b, read_memarg(b, info->width));
    sw_body_push(b, info->result);
}

static void step_store(sw_body *b)
{
    const sw_opcode_info *info = sw_opcode_info_get(b->code);
    sw_valtype address = read_memarg(b, info->width);
    sw_body_pop(b, info->operands[1]);
    sw_body_pop(b, address);
}

static void step_memory_size(sw_body *b)
{
    sw_body_push(b, memory_address(b, sw_body_u32(b)));
}

static void step_memory_grow(sw_body *b)
{
    sw_valtype address = memory_address(b, sw_body_u32(b));
    sw_body_pop(b, address);
    sw_body_push(b, address);
    sw_body_note_call(b);
}

static void check_data(sw_body *b, uint32_t data)
{
    if (!b->m->has_data_count) {
        (void)sw_reader_fail_at(&b->r, SW_MALFORMED, sw_body_at(b), "needs a data count section");
    } else if (data >= b->m->datas_count) {
        SW_BODY_FAIL(b, "unknown data segment %u", data);
    }
}

static void step_memory_init(sw_body *b)
{
    check_data(b, sw_body_u32(b));
    sw_valtype address = memory_address(b, sw_body_u32(b));
    sw_body_pop(b, SW_TYPE_I32);
    sw_body_pop(b, SW_TYPE_I32);
    sw_body_pop(b, address);
    sw_body_note_call(b);
}

static void step_data_drop(sw_body *b)
{
    check_data(b, sw_body_u32(b));
    sw_body_note_call(b);
}

/* Lengths have the smaller of the two address types. */
static sw_valtype smaller(sw_valtype a, sw_valtype b)
{
    return a == SW_TYPE_I32 ? a : b;
}

static void step_memory_copy(sw_body *b)
{
    sw_valtype to = memory_address(b, sw_body_u32(b));
    sw_valtype from = memory_address(b, sw_body_u32(b));
    sw_body_pop(b, smaller(to, from));
    sw_body_pop(b, from);
    sw_body_pop(b, to);
    sw_body_note_call(b);
}

static void step_memory_fill(sw_body *b)
{
    sw_valtype address = memory_address(b, sw_body_u32(b));
    sw_body_pop(b, address);
    sw_body_pop(b, SW_TYPE_I32);
    sw_body_pop(b, address);
    sw_body_note_call(b);
}

/* ---- Locals and globals ---------------------------------------------------------------------- */

/* Reads a local index, counts the use and returns the type. */
static inline sw_valtype use_local(sw_body *b)
{
    uint32_t index = sw_body_u32(b);
    if (SW_UNLIKELY(index >= b->locals_count)) {
        SW_BODY_FAIL(b, "unknown local %u", index);
        return SW_TYPE_BOTTOM;
    }
    uint32_t weight = b->weights[index];
    if (SW_UNLIKELY(weight == 0)) {
        sw_body_first_use(b, index);
    }
    b->weights[index] = sw_body_add_weight(b, weight);
    return b->locals[index];
}

static void step_local_get(sw_body *b)
{
    sw_body_push(b, use_local(b));
}

static void step_local_set(sw_body *b)
{
    sw_body_pop(b, use_local(b));
}

static void step_local_tee(sw_body *b)
{
    sw_valtype t = use_local(b);
    sw_body_pop(b, t);
    sw_body_push(b, t);
}

static const sw_globaltype *read_global(sw_body *b)
{
    static const sw_globaltype NOTHING;
    uint32_t index = sw_body_u32(b);
    if (SW_UNLIKELY(index >= b->m->globals_count)) {
        SW_BODY_FAIL(b, "unknown global %u", index);
        return &NOTHING;
    }
    return &b->m->globals[index].type;
}

static void step_global_get(sw_body *b)
{
    sw_body_push(b, read_global(b)->type);
}

static void step_global_set(sw_body *b)
{
    const sw_globaltype *g = read_global(b);
    if (!g->is_mutable) {
        SW_BODY_FAIL(b, "the global is immutable");
    }
    sw_body_pop(b, g->type);
}

/* ---- Parametric ------------------------------------------------------------------------------ */

static void step_drop(sw_body *b)
{
    (void)sw_body_pop_any(b);
}

static void step_select(sw_body *b)
{
    sw_body_pop(b, SW_TYPE_I32);
    sw_valtype second = sw_body_pop_any(b);
    sw_valtype first = sw_body_pop_any(b);
    if (sw_valtype_is_ref(first) || sw_valtype_is_ref(second)) {
        SW_BODY_FAIL(b, "type mismatch: select of references needs a type");
    }
    if (first != second && first != SW_TYPE_BOTTOM && second != SW_TYPE_BOTTOM) {
        SW_BODY_FAIL(b, "type mismatch: select of two types");
    }
    sw_body_push(b, first == SW_TYPE_BOTTOM ? second : first);
}

static void step_select_typed(sw_body *b)
{
    uint32_t count = sw_reader_count(&b->r, UINT32_MAX, "types");
    sw_valtype t = SW_TYPE_BOTTOM;
    for (uint32_t i = 0; i < count && sw_reader_ok(&b->r); i++) {
        t = sw_valtype_read(&b->r);
        sw_body_check_type(b, t);
    }
    if (count != 1) {
        SW_BODY_FAIL(b, "select of %u types", count);
    }
    sw_body_pop(b, SW_TYPE_I32);
    sw_body_pop(b, t);
    sw_body_pop(b, t);
    sw_body_push(b, t);
}

/* ---- References and tables ------------------------------------------------------------------- */

static void step_ref_null(sw_body *b)
{
    sw_valtype t = sw_valtype_ref(sw_heaptype_read(&b->r), true);
    sw_body_check_type(b, t);
    sw_body_push(b, t);
}

static void step_ref_is_null(sw_body *b)
{
    sw_valtype t = sw_body_pop_any(b);
    if (t != SW_TYPE_BOTTOM && !sw_valtype_is_ref(t)) {
        SW_BODY_FAIL(b, "type mismatch: expected a reference");
    }
    sw_body_push(b, SW_TYPE_I32);
}

static void step_ref_func(sw_body *b)
{
    uint32_t func = sw_body_u32(b);
    bool typed = b->features->function_references || b->features->gc;
    if (func >= b->m->funcs_count) {
        SW_BODY_FAIL(b, "unknown function %u", func);
        return;
    }
    if (!b->m->funcs[func].is_declared) {
        SW_BODY_FAIL(b, "undeclared reference to function %u", func);
    }
    sw_body_push(b, typed ? sw_valtype_ref(b->m->funcs[func].type, false) : SW_TYPE_FUNCREF);
}

static const sw_tabletype *read_table(sw_body *b)
{
    static const sw_tabletype NOTHING = {.element = SW_TYPE_FUNCREF};
    uint32_t index = sw_body_u32(b);
    if (SW_UNLIKELY(index >= b->m->tables_count)) {
        SW_BODY_FAIL(b, "unknown table %u", index);
        return &NOTHING;
    }
    return &b->m->tables[index].type;
}

static sw_valtype table_address(const sw_tabletype *t)
{
    return t->limits.is_64 ? SW_TYPE_I64 : SW_TYPE_I32;
}

static void step_table_get(sw_body *b)
{
    const sw_tabletype *t = read_table(b);
    sw_body_pop(b, table_address(t));
    sw_body_push(b, t->element);
}

static void step_table_set(sw_body *b)
{
    const sw_tabletype *t = read_table(b);
    sw_body_pop(b, t->element);
    sw_body_pop(b, table_address(t));
}

static void step_table_size(sw_body *b)
{
    sw_body_push(b, table_address(read_table(b)));
}

static void step_table_grow(sw_body *b)
{
    const sw_tabletype *t = read_table(b);
    sw_body_pop(b, table_address(t));
    sw_body_pop(b, t->element);
    sw_body_push(b, table_address(t));
    sw_body_note_call(b);
}

static void step_table_fill(sw_body *b)
{
    const sw_tabletype *t = read_table(b);
    sw_body_pop(b, table_address(t));
    sw_body_pop(b, t->element);
    sw_body_pop(b, table_address(t));
    sw_body_note_call(b);
}

static void check_items(sw_body *b, sw_valtype from, sw_valtype to)
{
    if (!sw_valtype_matches(b->m, from, to)) {
        SW_BODY_FAIL(b, "type mismatch between the elements");
    }
}

static void step_table_copy(sw_body *b)
{
    const sw_tabletype *to = read_table(b);
    const sw_tabletype *from = read_table(b);
    check_items(b, from->element, to->element);
    sw_body_pop(b, smaller(table_address(to), table_address(from)));
    sw_body_pop(b, table_address(from));
    sw_body_pop(b, table_address(to));
    sw_body_note_call(b);
}

static uint32_t read_elem(sw_body *b)
{
    uint32_t elem = sw_body_u32(b);
    if (elem >= b->m->elems_count) {
        SW_BODY_FAIL(b, "unknown element segment %u", elem);
        return SW_NO_INDEX;
    }
    return elem;
}

static void step_table_init(sw_body *b)
{
    uint32_t elem = read_elem(b);
    const sw_tabletype *t = read_table(b);
    if (elem != SW_NO_INDEX) {
        check_items(b, b->m->elems[elem].type, t->element);
    }
    sw_body_pop(b, SW_TYPE_I32);
    sw_body_pop(b, SW_TYPE_I32);
    sw_body_pop(b, table_address(t));
    sw_body_note_call(b);
}

static void step_elem_drop(sw_body *b)
{
    (void)read_elem(b);
    sw_body_note_call(b);
}

/* ---- The table of steps ---------------------------------------------------------------------- */

#ifdef __clang__
#    pragma clang diagnostic ignored "-Wgnu-designator" /* ranges of opcodes */
#endif

#define SLOT(code) ((code) < 256 ? (code) : 256 + ((code) & 31))
#define STEP(name) [SLOT(SW_OP_##name)]

sw_step_fn *const sw_body_steps[SW_OPCODE_SLOTS] = {
    STEP(UNREACHABLE) = sw_step_unreachable,
    STEP(NOP) = step_none,
    STEP(BLOCK) = sw_step_block,
    STEP(LOOP) = sw_step_block,
    STEP(IF) = sw_step_block,
    STEP(ELSE) = sw_step_else,
    STEP(END) = sw_step_end,
    STEP(BR) = sw_step_br,
    STEP(BR_IF) = sw_step_br_if,
    STEP(BR_TABLE) = sw_step_br_table,
    STEP(RETURN) = sw_step_return,
    STEP(CALL) = sw_step_call,
    STEP(CALL_INDIRECT) = sw_step_call_indirect,
    STEP(DROP) = step_drop,
    STEP(SELECT) = step_select,
    STEP(SELECT_T) = step_select_typed,
    STEP(LOCAL_GET) = step_local_get,
    STEP(LOCAL_SET) = step_local_set,
    STEP(LOCAL_TEE) = step_local_tee,
    STEP(GLOBAL_GET) = step_global_get,
    STEP(GLOBAL_SET) = step_global_set,
    STEP(TABLE_GET) = step_table_get,
    STEP(TABLE_SET) = step_table_set,
    [SW_OP_I32_LOAD... SW_OP_I64_LOAD32_U] = step_load,
    [SW_OP_I32_STORE... SW_OP_I64_STORE32] = step_store,
    STEP(MEMORY_SIZE) = step_memory_size,
    STEP(MEMORY_GROW) = step_memory_grow,
    STEP(I32_CONST) = step_i32_const,
    STEP(I64_CONST) = step_i64_const,
    STEP(F32_CONST) = step_f32_const,
    STEP(F64_CONST) = step_f64_const,
    [SW_OP_I32_EQZ... SW_OP_I64_EXTEND32_S] = step_regular,
    STEP(REF_NULL) = step_ref_null,
    STEP(REF_IS_NULL) = step_ref_is_null,
    STEP(REF_FUNC) = step_ref_func,
    [SLOT(SW_OP_I32_TRUNC_SAT_F32_S)... SLOT(SW_OP_I64_TRUNC_SAT_F64_U)] = step_regular,
    STEP(MEMORY_INIT) = step_memory_init,
    STEP(DATA_DROP) = step_data_drop,
    STEP(MEMORY_COPY) = step_memory_copy,
    STEP(MEMORY_FILL) = step_memory_fill,
    STEP(TABLE_INIT) = step_table_init,
    STEP(ELEM_DROP) = step_elem_drop,
    STEP(TABLE_COPY) = step_table_copy,
    STEP(TABLE_GROW) = step_table_grow,
    STEP(TABLE_SIZE) = step_table_size,
    STEP(TABLE_FILL) = step_table_fill,
};
