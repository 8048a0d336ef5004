/*
 * Where a module's things lie in its instances' contexts, and which of its tables are closed.
 *
 * The bodies are scanned for the few instructions that matter. They need not have been validated:
 * the scan knows only how long instructions are, never reads past a body, and gives up on a body
 * that makes no sense, which validation refuses then.
 */
#include "base/vec.h"
#include "code/abi.h"
#include "os/thread.h"
#include "wasm/const_expr.h"
#include "wasm/opcodes.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
    HOT_GLOBALS = 8,        /* so many words fit between SW_CTX_FIXED and the reach of a disp8 */
    COUNTED_GLOBALS = 1024, /* of which uses are counted: the first ones */
    FUNCS_PER_ITEM = 128,   /* of the parallel scan */
    PARALLEL_FROM_BYTES = 512 * 1024,
};

typedef struct init_pair {
    uint32_t elem, table;
} init_pair;

/* What one thread of the scan has seen. Sums do not depend on who saw what. */
typedef struct findings {
    SW_VEC(init_pair) inits; /* table.init instructions */
    sw_status status;
    uint32_t items; /* of the scan that are done */
    uint32_t global_uses[COUNTED_GLOBALS];
} findings;

typedef struct planner {
    const sw_module *m;
    sw_arena *arena;
    atomic_bool *table_is_open; /* these two are set by all threads of the scan */
    atomic_bool *needs_cell;    /* by function */
    bool *elem_is_pure;         /* only functions of this module and null */
    findings *workers[SW_PARALLEL_MAX];
    findings all;  /* their sum */
    uint32_t next; /* the distance of what was placed last */
    sw_status status;
} planner;

static void set(atomic_bool *flag)
{
    atomic_store_explicit(flag, true, memory_order_relaxed);
}

/* ---- The scan -------------------------------------------------------------------------------- */

typedef struct scan {
    const uint8_t *pos, *end;
} scan;

static uint32_t scan_leb(scan *s)
{
    uint64_t value = 0;
    unsigned shift = 0;
    while (s->pos < s->end) {
        uint8_t byte = *s->pos++;
        value |= shift < 35 ? (uint64_t)(byte & 0x7f) << shift : 0;
        if (byte < 0x80) {
            break;
        }
        shift += 7;
    }
    return (uint32_t)value;
}

static void scan_skip(scan *s, size_t count)
{
    s->pos += SW_MIN(count, (size_t)(s->end - s->pos));
}

/* A value type, heap type or block type. */
static void scan_type(scan *s)
{
    uint32_t first = scan_leb(s);
    if (first == SW_TYPE_REF || first == SW_TYPE_REF_NULL) {
        (void)scan_leb(s);
    }
}

static void scan_memarg(scan *s)
{
    if ((scan_leb(s) & 0x40) != 0) {
        (void)scan_leb(s);
    }
    (void)scan_leb(s);
}

static void scan_vector(scan *s, uint32_t extra, void (*item)(scan *s))
{
    uint64_t count = (uint64_t)scan_leb(s) + extra;
    for (uint64_t i = 0; i < count && s->pos < s->end; i++) {
        item(s);
    }
}

static void scan_index(scan *s)
{
    (void)scan_leb(s);
}

/* Immediates of instructions that the plan does not depend on. */
static void scan_immediates(scan *s, sw_immediate immediate)
{
    switch (immediate) {
    case SW_IMM_NONE: break;
    case SW_IMM_BLOCK: scan_type(s); break;
    case SW_IMM_BR_TABLE: scan_vector(s, 1, scan_index); break;
    case SW_IMM_SELECT: scan_vector(s, 0, scan_type); break;
    case SW_IMM_MEMARG: scan_memarg(s); break;
    case SW_IMM_F32: scan_skip(s, 4); break;
    case SW_IMM_F64: scan_skip(s, 8); break;
    case SW_IMM_LABEL:
    case SW_IMM_FUNC:
    case SW_IMM_LOCAL:
    case SW_IMM_GLOBAL:
    case SW_IMM_TABLE:
    case SW_IMM_MEMORY:
    case SW_IMM_I32:
    case SW_IMM_I64:
    case SW_IMM_HEAP_TYPE:
    case SW_IMM_DATA:
    case SW_IMM_ELEM: (void)scan_leb(s); break;
    case SW_IMM_CALL_INDIRECT:
    case SW_IMM_DATA_MEMORY:
    case SW_IMM_MEMORY_MEMORY:
    case SW_IMM_ELEM_TABLE:
    case SW_IMM_TABLE_TABLE:
        (void)scan_leb(s);
        (void)scan_leb(s);
        break;
    }
}

static void open_table(planner *p, uint32_t table)
{
    if (table < p->m->tables_count) {
        set(&p->table_is_open[table]);
    }
}

static void note_table_init(const planner *p, findings *f, init_pair pair)
{
    if (pair.elem >= p->m->elems_count || pair.table >= p->m->tables_count) {
        return;
    }
    if (sw_vec_push(&f->inits, pair) != SW_OK) {
        f->status = SW_NO_MEMORY;
    }
}

static void note_global(findings *f, uint32_t global)
{
    if (global < COUNTED_GLOBALS) {
        f->global_uses[global]++;
    }
}

static void note_ref_func(planner *p, uint32_t func)
{
    if (func < p->m->funcs_count) {
        set(&p->needs_cell[func]);
    }
}

static void scan_instruction(planner *p, findings *f, scan *s, uint32_t code)
{
    switch (code) {
    case SW_OP_GLOBAL_GET:
    case SW_OP_GLOBAL_SET: note_global(f, scan_leb(s)); break;
    case SW_OP_REF_FUNC: note_ref_func(p, scan_leb(s)); break;
    case SW_OP_TABLE_GET:
    case SW_OP_TABLE_SET:
    case SW_OP_TABLE_GROW:
    case SW_OP_TABLE_FILL: open_table(p, scan_leb(s)); break;
    case SW_OP_TABLE_COPY:
        open_table(p, scan_leb(s));
        open_table(p, scan_leb(s));
        break;
    case SW_OP_TABLE_INIT: {
        uint32_t elem = scan_leb(s);
        note_table_init(p, f, (init_pair){elem, scan_leb(s)});
        break;
    }
    default: scan_immediates(s, (sw_immediate)sw_opcode_info_get(code)->immediate);
    }
}

/* The declarations of locals: pairs of a count and a type. */
static void scan_locals(scan *s)
{
    uint32_t groups = scan_leb(s);
    for (uint32_t i = 0; i < groups && s->pos < s->end; i++) {
        (void)scan_leb(s);
        scan_type(s);
    }
}

/* What follows the common opcodes: so many LEB128 numbers; others need a closer look. */
enum { TWO_OR_LOOK = 0xfe /* two, when the first is below 0x40 */, LOOK = 0xff };

typedef struct skip_table {
    uint8_t lebs[256];
} skip_table;

static bool matters(uint32_t code)
{
    return code == SW_OP_GLOBAL_GET || code == SW_OP_GLOBAL_SET || code == SW_OP_REF_FUNC ||
           code == SW_OP_TABLE_GET || code == SW_OP_TABLE_SET;
}

static skip_table make_skip_table(void)
{
    skip_table t;
    for (uint32_t code = 0; code < 256; code++) {
        const sw_opcode_info *info = sw_opcode_info_get(code);
        t.lebs[code] = LOOK;
        if (info->name == NULL || matters(code)) {
            continue;
        }
        if (info->immediate == SW_IMM_NONE) {
            t.lebs[code] = 0;
        } else if (info->immediate == SW_IMM_LABEL || info->immediate == SW_IMM_FUNC ||
                   info->immediate == SW_IMM_LOCAL || info->immediate == SW_IMM_I32 ||
                   info->immediate == SW_IMM_I64) {
            t.lebs[code] = 1;
        } else if (info->immediate == SW_IMM_CALL_INDIRECT) {
            t.lebs[code] = 2;
        } else if (info->immediate == SW_IMM_MEMARG) {
            t.lebs[code] = TWO_OR_LOOK;
        }
    }
    return t;
}

static void scan_body(planner *p, findings *f, const skip_table *skip, sw_range body)
{
    scan s = {.pos = p->m->bytes.ptr + body.start};
    s.end = s.pos + body.len;
    scan_locals(&s);
    while (s.pos < s.end) {
        uint32_t code = *s.pos++;
        uint32_t lebs = skip->lebs[code];
        if (lebs == TWO_OR_LOOK) {
            lebs = s.pos < s.end && *s.pos < 0x40 ? 2 : LOOK;
        }
        if (SW_LIKELY(lebs != LOOK)) {
            while (lebs != 0 && s.pos < s.end) {
                lebs -= *s.pos++ < 0x80;
            }
            continue;
        }
        if (code >= 0xfb && code != 0xff) {
            code = SW_OP_PREFIXED(code, scan_leb(&s));
        }
        if (sw_opcode_info_get(code)->name == NULL) {
            return;
        }
        scan_instruction(p, f, &s, code);
    }
}

/* ---- Tables ---------------------------------------------------------------------------------- */

static bool is_pure_expr(const sw_module *m, sw_range expr)
{
    const uint8_t *at = sw_const_expr_bytes(m, expr);
    return sw_const_expr_func(at) != SW_NO_INDEX || sw_const_expr_is_null(at);
}

static bool is_pure_elem(const sw_module *m, const sw_elem *e)
{
    for (uint32_t i = 0; e->funcs == NULL && i < e->count; i++) {
        if (!is_pure_expr(m, e->exprs[i])) {
            return false;
        }
    }
    return true;
}

/* What is known of tables without the bodies. */
static void open_tables(planner *p)
{
    const sw_module *m = p->m;
    for (uint32_t t = 0; t < m->tables_count; t++) {
        const sw_table *table = &m->tables[t];
        uint32_t heap = sw_valtype_heap(table->type.element);
        bool holds_functions = heap == SW_HEAP_FUNC || sw_heap_is_index(heap);
        bool is_pure = table->init.len == 0 || is_pure_expr(m, table->init);
        if (t < m->imported_tables || !holds_functions || !is_pure) {
            open_table(p, t);
        }
    }
    for (uint32_t i = 0; i < m->exports_count; i++) {
        if (m->exports[i].kind == SW_EXTERN_TABLE) {
            open_table(p, m->exports[i].index);
        }
    }
}

/* A segment may reach the table: of one that is not pure that makes the table open. */
static void open_by_segments(planner *p)
{
    const sw_module *m = p->m;
    for (uint32_t i = 0; i < m->elems_count; i++) {
        p->elem_is_pure[i] = is_pure_elem(m, &m->elems[i]);
        if (m->elems[i].mode == SW_SEGMENT_ACTIVE && !p->elem_is_pure[i]) {
            open_table(p, m->elems[i].table);
        }
    }
    for (size_t i = 0; i < p->all.inits.count; i++) {
        const init_pair *pair = &p->all.inits.at[i];
        if (!p->elem_is_pure[pair->elem]) {
            open_table(p, pair->table);
        }
    }
}

/* A function gets into the table: an open one needs its cell, a closed one a thunk if imported. */
static void note_function_in_table(planner *p, bool *needs_thunk, uint32_t func, uint32_t table)
{
    if (func == SW_NO_INDEX) {
        return;
    }
    if (p->table_is_open[table]) {
        set(&p->needs_cell[func]);
    } else if (func < p->m->imported_funcs) {
        needs_thunk[func] = true;
    }
}

static void note_elem_in_table(planner *p, bool *needs_thunk, const sw_elem *e, uint32_t table)
{
    for (uint32_t i = 0; i < e->count; i++) {
        uint32_t func = e->funcs != NULL
                            ? e->funcs[i]
                            : sw_const_expr_func(sw_const_expr_bytes(p->m, e->exprs[i]));
        note_function_in_table(p, needs_thunk, func, table);
    }
}

static int compare_pairs(const void *a, const void *b)
{
    const init_pair *x = a, *y = b;
    if (x->elem != y->elem) {
        return x->elem < y->elem ? -1 : 1;
    }
    return (x->table > y->table) - (x->table < y->table);
}

static void note_functions_in_tables(planner *p, bool *needs_thunk)
{
    const sw_module *m = p->m;
    for (uint32_t t = m->imported_tables; t < m->tables_count; t++) {
        if (m->tables[t].init.len != 0) {
            uint32_t func = sw_const_expr_func(sw_const_expr_bytes(m, m->tables[t].init));
            note_function_in_table(p, needs_thunk, func, t);
        }
    }
    for (uint32_t i = 0; i < m->elems_count; i++) {
        if (m->elems[i].mode == SW_SEGMENT_ACTIVE) {
            note_elem_in_table(p, needs_thunk, &m->elems[i], m->elems[i].table);
        }
    }
    if (p->all.inits.count > 1) {
        qsort(p->all.inits.at, p->all.inits.count, sizeof *p->all.inits.at, compare_pairs);
    }
    for (size_t i = 0; i < p->all.inits.count; i++) {
        const init_pair *pair = &p->all.inits.at[i];
        if (i == 0 || compare_pairs(pair - 1, pair) != 0) {
            note_elem_in_table(p, needs_thunk, &m->elems[pair->elem], pair->table);
        }
    }
}

/* Functions that the host or other instances can get hold of without any table. */
static void note_other_cells(planner *p)
{
    const sw_module *m = p->m;
    for (uint32_t i = 0; i < m->exports_count; i++) {
        if (m->exports[i].kind == SW_EXTERN_FUNC) {
            set(&p->needs_cell[m->exports[i].index]);
        }
    }
    for (uint32_t i = m->imported_globals; i < m->globals_count; i++) {
        uint32_t func = sw_const_expr_func(sw_const_expr_bytes(m, m->globals[i].init));
        if (func != SW_NO_INDEX) {
            set(&p->needs_cell[func]);
        }
    }
}

/* ---- Placing --------------------------------------------------------------------------------- */

static uint32_t place(planner *p, uint32_t size_bytes, uint32_t align)
{
    p->next = (uint32_t)sw_align_up(p->next + size_bytes, align);
    return p->next;
}

static void place_global(planner *p, uint32_t *globals, uint32_t g)
{
    bool is_own = g >= p->m->imported_globals;
    uint32_t size = is_own ? sw_valtype_slot_bytes(p->m->globals[g].type.type) : 8;
    globals[g] = place(p, size, size);
}

/* The global most used that has no place yet, or SW_NO_INDEX. */
static uint32_t hottest_global(const planner *p, const uint32_t *globals)
{
    uint32_t best = SW_NO_INDEX, uses = 0;
    uint32_t count = SW_MIN(p->m->globals_count, (uint32_t)COUNTED_GLOBALS);
    for (uint32_t g = 0; g < count; g++) {
        if (globals[g] == 0 && p->all.global_uses[g] > uses) {
            best = g;
            uses = p->all.global_uses[g];
        }
    }
    return best;
}

static void place_globals(planner *p, uint32_t *globals)
{
    for (uint32_t i = 0; i < HOT_GLOBALS; i++) {
        uint32_t g = hottest_global(p, globals);
        if (g != SW_NO_INDEX) {
            place_global(p, globals, g);
        }
    }
}

static void place_other_globals(planner *p, uint32_t *globals)
{
    for (uint32_t g = 0; g < p->m->globals_count; g++) {
        if (globals[g] == 0) {
            place_global(p, globals, g);
        }
    }
}

static void place_tables(planner *p, uint32_t *tables)
{
    for (uint32_t t = 0; t < p->m->tables_count; t++) {
        if (t < p->m->imported_tables) {
            tables[t] = place(p, 8, 8);
        } else {
            tables[t] = t == 0 ? SW_CTX_TABLE0 : place(p, sizeof(sw_table_view), 8);
        }
    }
}

static void place_memories(planner *p, uint32_t *memories)
{
    for (uint32_t i = 0; i < p->m->memories_count; i++) {
        if (i < p->m->imported_memories) {
            memories[i] = place(p, 8, 8);
        } else {
            memories[i] = i == 0 ? SW_CTX_MEMORY0 : place(p, sizeof(sw_memory_view), 8);
        }
    }
}

static void place_cells(planner *p, uint32_t *imports, uint32_t *cells)
{
    for (uint32_t f = 0; f < p->m->imported_funcs; f++) {
        imports[f] = place(p, sizeof(sw_func_cell), 8);
        cells[f] = p->needs_cell[f] ? imports[f] : 0;
    }
    for (uint32_t f = p->m->imported_funcs; f < p->m->funcs_count; f++) {
        cells[f] = p->needs_cell[f] ? place(p, sizeof(sw_func_cell), 8) : 0;
    }
}

static bool any_open_table(const planner *p)
{
    for (uint32_t t = 0; t < p->m->tables_count; t++) {
        if (p->table_is_open[t]) {
            return true;
        }
    }
    return false;
}

/* ---- All of it ------------------------------------------------------------------------------- */

static void scan_item(void *arg, uint32_t item, unsigned worker)
{
    planner *p = arg;
    findings *f = p->workers[worker];
    if (f == NULL) {
        f = p->workers[worker] = sw_alloc(p->arena->budget, sizeof *f);
        if (f == NULL) {
            return; /* the item's findings are missing: sum_findings sees it */
        }
        f->inits.budget = p->arena->budget;
    }
    const skip_table skip = make_skip_table();
    uint32_t first = p->m->imported_funcs + item * FUNCS_PER_ITEM;
    uint32_t end = SW_MIN(first + FUNCS_PER_ITEM, p->m->funcs_count);
    for (uint32_t i = first; i < end; i++) {
        scan_body(p, f, &skip, p->m->funcs[i].body);
    }
    f->items++;
}

static void sum_findings(planner *p, const findings *f)
{
    for (uint32_t g = 0; g < COUNTED_GLOBALS; g++) {
        p->all.global_uses[g] += f->global_uses[g];
    }
    p->all.items += f->items;
    p->all.status = p->all.status == SW_OK ? f->status : p->all.status;
    for (size_t i = 0; i < f->inits.count; i++) {
        if (sw_vec_push(&p->all.inits, f->inits.at[i]) != SW_OK) {
            p->all.status = SW_NO_MEMORY;
        }
    }
}

static void scan_bodies(planner *p)
{
    uint32_t own = p->m->funcs_count - p->m->imported_funcs;
    uint32_t items = (own + FUNCS_PER_ITEM - 1) / FUNCS_PER_ITEM;
    sw_parallel_for(items, p->m->code_bytes < PARALLEL_FROM_BYTES ? 1 : 0, scan_item, p);
    for (size_t i = 0; i < SW_COUNTOF(p->workers); i++) {
        findings *f = p->workers[i];
        if (f != NULL) {
            sum_findings(p, f);
            sw_vec_clear(&f->inits);
            sw_free(p->arena->budget, f, sizeof *f);
        }
    }
    if (p->all.status != SW_OK || p->all.items != items) {
        p->status = SW_NO_MEMORY;
    }
}

static void plan(planner *p, bool *needs_thunk)
{
    open_tables(p);
    scan_bodies(p);
    open_by_segments(p);
    note_functions_in_tables(p, needs_thunk);
    note_other_cells(p);
}

/* Everything that is kept, or was not to be had. */
typedef struct places {
    uint32_t *globals, *imports, *cells, *tables, *memories;
    bool *table_is_closed, *needs_thunk;
} places;

static bool allocate(planner *p, places *out)
{
    const sw_module *m = p->m;
    sw_arena *a = p->arena;
    *out = (places){
        .globals = SW_NEW_ARRAY(a, uint32_t, m->globals_count),
        .imports = SW_NEW_ARRAY(a, uint32_t, m->imported_funcs),
        .cells = SW_NEW_ARRAY(a, uint32_t, m->funcs_count),
        .tables = SW_NEW_ARRAY(a, uint32_t, m->tables_count),
        .memories = SW_NEW_ARRAY(a, uint32_t, m->memories_count),
        .table_is_closed = SW_NEW_ARRAY(a, bool, m->tables_count),
        .needs_thunk = SW_NEW_ARRAY(a, bool, m->imported_funcs),
    };
    p->table_is_open = SW_NEW_ARRAY(a, atomic_bool, m->tables_count);
    p->needs_cell = SW_NEW_ARRAY(a, atomic_bool, m->funcs_count);
    p->elem_is_pure = SW_NEW_ARRAY(a, bool, m->elems_count);
    return out->globals != NULL && out->imports != NULL && out->cells != NULL &&
           out->tables != NULL && out->memories != NULL && out->table_is_closed != NULL &&
           out->needs_thunk != NULL && p->table_is_open != NULL && p->elem_is_pure != NULL &&
           p->needs_cell != NULL;
}

static void place_all(planner *p, const places *at, sw_layout *ret)
{
    const sw_module *m = p->m;
    place_globals(p, at->globals);
    place_memories(p, at->memories);
    place_tables(p, at->tables);
    place_other_globals(p, at->globals);
    uint32_t type_ids = any_open_table(p) ? place(p, 4 * m->types_count, 8) : 0;
    place_cells(p, at->imports, at->cells);
    for (uint32_t t = 0; t < m->tables_count; t++) {
        at->table_is_closed[t] = !p->table_is_open[t];
    }
    *ret = (sw_layout){
        .context_bytes = (uint32_t)sw_align_up(p->next, 16),
        .owns_memory0 = m->memories_count != 0 && m->imported_memories == 0,
        .owns_table0 = m->tables_count != 0 && m->imported_tables == 0,
        .globals = at->globals,
        .imports = at->imports,
        .cells = at->cells,
        .tables = at->tables,
        .memories = at->memories,
        .table_is_closed = at->table_is_closed,
        .needs_thunk = at->needs_thunk,
        .type_ids = type_ids,
    };
}

sw_status sw_layout_make(sw_arena *arena, const sw_module *m, sw_diag *diag, sw_layout *ret_layout)
{
    planner p = {.m = m, .arena = arena, .next = SW_CTX_FIXED, .all.inits.budget = arena->budget};
    places at;
    if (!allocate(&p, &at)) {
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "layout");
    }
    plan(&p, at.needs_thunk);
    if (p.status == SW_OK) {
        place_all(&p, &at, ret_layout);
    }
    sw_vec_clear(&p.all.inits);
    return p.status == SW_OK ? SW_OK : sw_fail(diag, p.status, SW_NO_OFFSET, "layout");
}
