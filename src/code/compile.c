#include "code/compile.h"

#include "base/vec.h"
#include "code/baseline/baseline.h"
#include "code/image.h"
#include "os/clock.h"
#include "os/cpu.h"
#include "os/thread.h"

#include <stdatomic.h>

/* What one worker emits into, range after range; code that needs more is not copied out of it. */
#define WARM_BYTES (2u * 1024 * 1024)

#define CODE_ALIGN 16u
#define PADDING    0xcc /* int3 */

/* Consecutive functions, compiled by one worker. */
typedef struct code_range {
    uint32_t first, count; /* functions */
    sw_status status;
    sw_buf code;
    SW_VEC(sw_fixup) fixups; /* relative to code */
    size_t base;             /* of the code in the whole */
} code_range;

typedef struct worker {
    sw_emitter *emitter;
    sw_buf code; /* of the range at hand: memory that stays warm */
    sw_validate_scratch *scratch;
    uint64_t moved_excess, code_excess; /* of the range at hand */
    sw_diag diag;
    uint32_t diag_range; /* whose failure diag tells of */
    uint64_t validate_ns, emit_ns;
} worker;

typedef struct compiler {
    const sw_module *m;
    const sw_compile_options *options;
    sw_layout layout;
    sw_code_place *places; /* by function; relative to the range until all are done */
    code_range *ranges;
    uint32_t ranges_count;
    worker workers[SW_PARALLEL_MAX];
    atomic_uint failed_range; /* the lowest that failed, or UINT32_MAX: later ones need not run */
    bool wants_times;
    size_t code_bytes;
} compiler;

static uint64_t now_ns(const compiler *c)
{
    return c->wants_times ? sw_clock_monotonic_ns() : 0;
}

/* ---- One function, one range ----------------------------------------------------------------- */

/* Counts what is allowed only to so many functions of a range. */
static sw_status add_excess(const compiler *c, worker *w, uint32_t func, uint32_t moved_excess,
                            uint32_t code_bytes)
{
    uint64_t allowed = (uint64_t)SW_CODE_PER_BYTE * c->m->funcs[func].body.len;
    uint64_t more = code_bytes > allowed ? code_bytes - allowed : 0;
    SW_TRY(sw_bodies_add_excess(c->m, func, moved_excess, SW_MOVED_EXCESS, "many values moved",
                                &w->diag, &w->moved_excess));
    return sw_bodies_add_excess(c->m, func, more, SW_CODE_EXCESS, "much machine code", &w->diag,
                                &w->code_excess);
}

static sw_status compile_func(compiler *c, worker *w, uint32_t func)
{
    sw_func_facts facts;
    sw_emitted emitted;
    uint64_t start = now_ns(c);
    SW_TRY(sw_func_validate(c->m, &c->options->features, func, w->scratch, &w->diag, &facts));
    uint64_t validated = now_ns(c);
    SW_TRY(sw_baseline_emit(w->emitter, func, &facts, &w->code, &w->diag, &emitted));
    w->validate_ns += validated - start;
    w->emit_ns += now_ns(c) - validated;
    c->places[func] = (sw_code_place){emitted.start, emitted.len};
    return add_excess(c, w, func, facts.moved_excess, emitted.len);
}

/* Takes over the worker's code, and the fixups that the emitter has added since it had `from` of
 * them. */
static sw_status take_code(worker *w, code_range *r, size_t from)
{
    size_t count;
    const sw_fixup *all = sw_baseline_fixups(w->emitter, &count);
    SW_TRY(sw_vec_reserve(&r->fixups, SW_MAX(count - from, (size_t)1)));
    if (count != from) {
        memcpy(r->fixups.at, all + from, (count - from) * sizeof(sw_fixup));
    }
    r->fixups.count = count - from;
    if (w->code.capacity > WARM_BYTES) {
        r->code = w->code;
        sw_buf_init(&w->code, r->code.budget, r->code.max_bytes);
    } else {
        sw_buf_init(&r->code, w->code.budget, w->code.max_bytes);
        sw_buf_write(&r->code, w->code.ptr, w->code.len);
    }
    return sw_buf_status(&r->code) == SW_OK
               ? SW_OK
               : sw_fail(&w->diag, SW_NO_MEMORY, SW_NO_OFFSET, "compiler");
}

static sw_status prepare_worker(compiler *c, worker *w)
{
    if (w->emitter == NULL) {
        w->emitter = sw_baseline_new(c->m, &c->layout, c->options->budget);
        w->scratch = sw_validate_scratch_new(c->options->budget);
        sw_buf_init(&w->code, c->options->budget, (size_t)INT32_MAX);
    }
    if (w->emitter == NULL || w->scratch == NULL) {
        return sw_fail(&w->diag, SW_NO_MEMORY, SW_NO_OFFSET, "compiler");
    }
    w->code.len = 0;
    w->moved_excess = w->code_excess = 0;
    return SW_OK;
}

static sw_status compile_range(compiler *c, worker *w, code_range *r)
{
    SW_TRY(prepare_worker(c, w));
    size_t from;
    (void)sw_baseline_fixups(w->emitter, &from);
    for (uint32_t i = 0; i < r->count; i++) {
        SW_TRY(compile_func(c, w, r->first + i));
    }
    return take_code(w, r, from);
}

static void note_failure(compiler *c, uint32_t range)
{
    unsigned lowest = atomic_load(&c->failed_range);
    while (range < lowest && !atomic_compare_exchange_weak(&c->failed_range, &lowest, range)) {
    }
}

static void compile_item(void *arg, uint32_t item, unsigned worker_index)
{
    compiler *c = arg;
    worker *w = &c->workers[worker_index];
    if (item > atomic_load(&c->failed_range)) {
        return;
    }
    sw_diag before = w->diag;
    w->diag = (sw_diag){};
    sw_status st = compile_range(c, w, &c->ranges[item]);
    c->ranges[item].status = st;
    if (st == SW_OK || item > w->diag_range) {
        w->diag = before;
    } else {
        w->diag_range = item;
    }
    if (st != SW_OK) {
        note_failure(c, item);
    }
}

/* ---- All of them ----------------------------------------------------------------------------- */

static uint32_t own_count(const sw_module *m)
{
    return m->funcs_count - m->imported_funcs;
}

static sw_status make_ranges(compiler *c, sw_arena *arena)
{
    const sw_module *m = c->m;
    for (uint32_t i = m->imported_funcs; i < m->funcs_count; i = sw_bodies_range_end(m, i)) {
        c->ranges_count++;
    }
    c->ranges = SW_NEW_ARRAY(arena, code_range, c->ranges_count);
    if (c->ranges == NULL) {
        return SW_NO_MEMORY;
    }
    uint32_t next = m->imported_funcs;
    for (uint32_t i = 0; i < c->ranges_count; i++) {
        uint32_t end = sw_bodies_range_end(m, next);
        c->ranges[i].first = next;
        c->ranges[i].count = end - next;
        c->ranges[i].fixups.budget = c->options->budget;
        next = end;
    }
    return SW_OK;
}

static sw_status report_failure(const compiler *c, sw_diag *diag)
{
    uint32_t range = atomic_load(&c->failed_range);
    if (range == UINT32_MAX) {
        return SW_OK;
    }
    for (size_t i = 0; diag != NULL && i < SW_COUNTOF(c->workers); i++) {
        if (c->workers[i].diag_range == range && diag->status == SW_OK) {
            *diag = c->workers[i].diag;
        }
    }
    return sw_fail(diag, c->ranges[range].status, SW_NO_OFFSET, "compiler");
}

static sw_status compile_all(compiler *c, sw_diag *diag)
{
    atomic_init(&c->failed_range, UINT32_MAX);
    for (size_t i = 0; i < SW_COUNTOF(c->workers); i++) {
        c->workers[i].diag_range = UINT32_MAX;
    }
    sw_parallel_for(c->ranges_count, c->options->threads, compile_item, c);
    return report_failure(c, diag);
}

/* Adds one thunk to the code of the pseudo range that follows the others. */
static sw_status emit_thunks(compiler *c, code_range *thunks, sw_diag *diag)
{
    worker *w = &c->workers[0];
    SW_TRY(prepare_worker(c, w));
    size_t from;
    (void)sw_baseline_fixups(w->emitter, &from);
    for (uint32_t i = 0; i < c->m->imported_funcs; i++) {
        if (c->layout.needs_thunk[i]) {
            sw_emitted emitted;
            SW_TRY(sw_baseline_emit_thunk(w->emitter, i, &w->code, diag, &emitted));
            c->places[i] = (sw_code_place){emitted.start, emitted.len};
        }
    }
    return take_code(w, thunks, from);
}

/* ---- Putting the code together --------------------------------------------------------------- */

static sw_status place_ranges(compiler *c, code_range *thunks, sw_diag *diag)
{
    size_t at = 0;
    for (uint32_t i = 0; i < c->ranges_count; i++) {
        code_range *r = &c->ranges[i];
        r->base = at;
        for (uint32_t k = 0; k < r->count; k++) {
            c->places[r->first + k].start += (uint32_t)at;
        }
        at = sw_align_up(at + r->code.len, CODE_ALIGN);
        if (at > INT32_MAX) {
            return sw_fail(diag, SW_LIMIT, SW_NO_OFFSET, "more than 2 GiB of machine code");
        }
    }
    thunks->base = at;
    for (uint32_t i = 0; i < c->m->imported_funcs; i++) {
        c->places[i].start += (uint32_t)at;
    }
    c->code_bytes = at + thunks->code.len;
    return SW_OK;
}

static void copy_range(const compiler *c, const code_range *r, uint8_t *code)
{
    if (r->code.len == 0) {
        return;
    }
    memcpy(code + r->base, r->code.ptr, r->code.len);
    size_t end = r->base + r->code.len;
    size_t padding = SW_MIN(sw_align_up(end, CODE_ALIGN), c->code_bytes) - end;
    memset(code + end, PADDING, padding);
    for (size_t i = 0; i < r->fixups.count; i++) {
        size_t at = r->base + r->fixups.at[i].at;
        int32_t relative = (int32_t)(c->places[r->fixups.at[i].func].start - (uint32_t)(at + 4));
        memcpy(code + at, &relative, sizeof(relative));
    }
}

static sw_status write_image(compiler *c, code_range *thunks, sw_arena *arena, sw_buf *out,
                             sw_diag *diag)
{
    SW_TRY(place_ranges(c, thunks, diag));
    sw_image_input input = {
        .module = c->m,
        .layout = &c->layout,
        .features = &c->options->features,
        .places = c->places,
        .code_bytes = c->code_bytes,
        .cpu_features = sw_baseline_cpu_features(),
    };
    size_t code_at;
    SW_TRY(sw_image_write(&input, arena, out, diag, &code_at));
    for (uint32_t i = 0; i < c->ranges_count; i++) {
        copy_range(c, &c->ranges[i], out->ptr + code_at);
    }
    copy_range(c, thunks, out->ptr + code_at);
    return SW_OK;
}

/* ---- Running it ------------------------------------------------------------------------------ */

sw_status sw_compile_check_cpu(uint32_t cpu_features, sw_diag *diag)
{
    char names[SW_CPU_NAMES_BYTES];
    uint32_t missing = sw_baseline_cpu_features() & ~cpu_features;
    return missing == 0 ? SW_OK
                        : sw_fail(diag, SW_UNSUPPORTED, SW_NO_OFFSET,
                                  "this processor lacks %s, which compiled code needs",
                                  sw_cpu_names(missing, names));
}

/* ---- The whole ------------------------------------------------------------------------------- */

static sw_status compile_with(compiler *c, code_range *thunks, sw_arena *arena, sw_buf *out,
                              sw_diag *diag)
{
    SW_TRY(sw_layout_make(arena, c->m, diag, &c->layout));
    c->places = SW_NEW_ARRAY(arena, sw_code_place, c->m->funcs_count);
    if (c->places == NULL || make_ranges(c, arena) != SW_OK) {
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "compiler");
    }
    SW_TRY(compile_all(c, diag));
    SW_TRY(emit_thunks(c, thunks, diag));
    return write_image(c, thunks, arena, out, diag);
}

static void clear_range(code_range *r)
{
    sw_buf_clear(&r->code);
    sw_vec_clear(&r->fixups);
}

static void compiler_clear(compiler *c)
{
    for (size_t i = 0; i < SW_COUNTOF(c->workers); i++) {
        sw_baseline_free(c->workers[i].emitter);
        sw_buf_clear(&c->workers[i].code);
        sw_validate_scratch_free(c->workers[i].scratch);
    }
    for (uint32_t i = 0; c->ranges != NULL && i < c->ranges_count; i++) {
        clear_range(&c->ranges[i]);
    }
}

static sw_compile_stats sum_stats(const compiler *c, uint64_t start_ns)
{
    sw_compile_stats stats = {
        .wasm_code_bytes = c->m->code_bytes,
        .machine_code_bytes = c->code_bytes,
        .wall_ns = sw_clock_monotonic_ns() - start_ns,
        .functions = own_count(c->m),
    };
    for (size_t i = 0; i < SW_COUNTOF(c->workers); i++) {
        stats.validate_ns += c->workers[i].validate_ns;
        stats.emit_ns += c->workers[i].emit_ns;
    }
    return stats;
}

sw_status sw_module_compile(const sw_module *m, const sw_compile_options *options, sw_buf *out,
                            sw_diag *diag, sw_compile_stats *ret_stats)
{
    uint64_t start_ns = sw_clock_monotonic_ns();
    compiler *c = sw_alloc(options->budget, sizeof(*c));
    if (c == NULL) {
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "compiler");
    }
    c->m = m;
    c->options = options;
    c->wants_times = ret_stats != NULL;
    sw_arena arena;
    sw_arena_init(&arena, options->budget, SIZE_MAX);
    code_range thunks = {.fixups.budget = options->budget};
    sw_status st = compile_with(c, &thunks, &arena, out, diag);
    if (st == SW_OK && ret_stats != NULL) {
        *ret_stats = sum_stats(c, start_ns);
    }
    compiler_clear(c);
    clear_range(&thunks);
    sw_arena_clear(&arena);
    sw_free(options->budget, c, sizeof(*c));
    return st;
}
