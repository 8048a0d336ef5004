/* Stores: limits, deadlines, interruption, and everything a tenant owns. */
#include "run/internal.h"

#include "os/clock.h"

const sw_store_limits SW_STORE_LIMITS_DEFAULT = {
    .memory_bytes = UINT64_C(1) << 30,
    .table_elements = 10000000,
    .host_bytes = UINT64_C(256) << 20,
    .stack_bytes = UINT64_C(8) << 20,
    .host_stack_bytes = UINT64_C(256) << 10,
    .instances = 10000,
};

sw_status sw_store_new(sw_engine *e, const sw_store_limits *limits, sw_diag *diag,
                       sw_store **ret_store)
{
    sw_store *s = sw_alloc(NULL, sizeof(*s));
    if (s == NULL) {
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "store");
    }
    s->engine = e;
    s->limits = *limits;
    sw_budget_init(&s->budget, (size_t)SW_MIN(limits->host_bytes, (uint64_t)SIZE_MAX));
    s->reservations.budget = &s->budget;
    s->codes.budget = &s->budget;
    atomic_init(&s->pending, 0);
    atomic_init(&s->instances, NULL);
    atomic_init(&s->loop, NULL);
    *ret_store = s;
    return SW_OK;
}

/* ---- Freeing --------------------------------------------------------------------------------- */

static void free_instances(sw_store *s)
{
    sw_instance *i = atomic_load_explicit(&s->instances, memory_order_relaxed);
    while (i != NULL) {
        sw_instance *next = i->next;
        sw_instance_destroy(i);
        i = next;
    }
}

static void free_objects(sw_store *s)
{
    while (s->memories != NULL) {
        sw_memory_object *m = s->memories;
        s->memories = m->next;
        sw_slot_release(&s->engine->slots, m->slot, NULL);
        sw_free(&s->budget, m, sizeof(*m));
    }
    while (s->tables != NULL) {
        sw_table_object *t = s->tables;
        s->tables = t->next;
        sw_table_free_entries(t);
        sw_free(&s->budget, t, sizeof(*t));
    }
    while (s->globals != NULL) {
        sw_global_object *g = s->globals;
        s->globals = g->next;
        sw_free(&s->budget, g, sizeof(*g));
    }
}

void sw_store_end_run(sw_store *s)
{
    sw_loop *loop = atomic_load_explicit(&s->loop, memory_order_relaxed);
    SW_CHECK(s->activation == NULL && !s->has_task);
    (void)sw_timer_cancel(&s->timer);
    if (loop != NULL) {
        sw_loop_cancel(loop, &s->interrupted);
        sw_loop_cancel(loop, &s->ready);
    }
    atomic_store(&s->pending, 0);
    s->deadline_ns = 0;
    s->exit_code = 0;
    s->explanation[0] = '\0';
    s->trap.reason = SW_TRAP_NONE;
    s->trap.text[0] = '\0';
    s->trap.frames_count = s->trap.frames_dropped = 0;
    if (s->args != NULL) {
        memset(s->args, 0, s->args_bytes);
    }
}

static void drop_mark(sw_store *s)
{
    sw_mark_free(s->mark);
    s->mark = NULL;
    s->held_bytes = 0;
}

void sw_store_recycle(sw_store *s)
{
    sw_store_end_run(s);
    free_instances(s);
    free_objects(s);
    drop_mark(s);
    atomic_store(&s->instances, NULL);
    s->reservations.count = 0;
    s->memory_bytes = s->table_elements = 0;
    s->instances_count = 0;
}

void sw_store_free(sw_store *s)
{
    if (s == NULL) {
        return;
    }
    SW_CHECK(s->activation == NULL);
    (void)sw_timer_cancel(&s->timer);
    sw_store_leave_loop(s);
    sw_fiber_free(s->fiber);
    free_instances(s);
    free_objects(s);
    drop_mark(s);
    for (size_t i = 0; i < s->codes.count; i++) {
        sw_code_unref(s->codes.at[i].code);
    }
    sw_vec_clear(&s->codes);
    sw_vec_clear(&s->reservations);
    sw_vm_release(&s->args_vm);
    sw_free(NULL, s, sizeof(*s));
}

/* ---- What belongs to it ---------------------------------------------------------------------- */

sw_budget *sw_store_budget(sw_store *s)
{
    return &s->budget;
}

sw_engine *sw_store_engine(sw_store *s)
{
    return s->engine;
}

sw_store_usage sw_store_take_usage(sw_store *s)
{
    sw_store_usage u = {
        .memory_bytes = s->memory_bytes,
        .memory_refusals = s->memory_refusals,
        .host_peak_bytes = atomic_load_explicit(&s->budget.peak_bytes, memory_order_relaxed),
        .host_refusals = atomic_exchange_explicit(&s->budget.refusals, 0, memory_order_relaxed),
    };
    s->memory_refusals = 0;
    return u;
}

uint8_t *sw_store_args_area(sw_store *s)
{
    return s->args;
}

sw_status sw_store_need_args(sw_store *s, uint32_t bytes)
{
    s->args_bytes = SW_MAX(s->args_bytes, bytes);
    if (s->args != NULL || bytes == 0) {
        return SW_OK;
    }
    if (!sw_budget_charge(&s->budget, SW_ARGS_AREA_BYTES)) {
        return SW_NO_MEMORY;
    }
    sw_status st = sw_vm_reserve(&s->args_vm, SW_ARGS_AREA_BYTES);
    if (st == SW_OK) {
        st = sw_vm_protect(&s->args_vm, 0, s->args_vm.size_bytes, SW_VM_READ_WRITE);
    }
    if (st != SW_OK) {
        sw_vm_release(&s->args_vm);
        sw_budget_release(&s->budget, SW_ARGS_AREA_BYTES);
        return st;
    }
    s->args = s->args_vm.base;
    return SW_OK;
}

static bool take(uint64_t *used, uint64_t amount, uint64_t limit)
{
    uint64_t sum;
    if (ckd_add(&sum, *used, amount) || sum > limit) {
        return false;
    }
    *used = sum;
    return true;
}

bool sw_store_take_memory(sw_store *s, uint64_t bytes)
{
    bool ok = take(&s->memory_bytes, bytes, s->limits.memory_bytes);
    s->memory_refusals += !ok;
    return ok;
}

bool sw_store_take_elements(sw_store *s, uint64_t count)
{
    return take(&s->table_elements, count, s->limits.table_elements);
}

sw_code *sw_store_find_code(const sw_store *s, uintptr_t pc)
{
    size_t low = 0, high = s->codes.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->codes.at[middle].end <= pc) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < s->codes.count && s->codes.at[low].start <= pc ? s->codes.at[low].code : NULL;
}

/* ---- Interruption ---------------------------------------------------------------------------- */

/*
 * The reason is written before the bytes; sw_instance_new links an instance in before it reads the
 * reason. So a new instance is found here or finds out by itself. The same goes for the loop, which
 * is set before a call looks at the reason and then waits.
 */
static void raise_bytes(sw_store *s, unsigned reason)
{
    atomic_fetch_or(&s->pending, reason);
    sw_instance *i = atomic_load(&s->instances);
    for (; i != NULL; i = i->next) {
        atomic_store_explicit((_Atomic uint8_t *)(i->base - SW_CTX_INTERRUPT), 1,
                              memory_order_relaxed);
    }
}

static void interrupt(sw_store *s, unsigned reason)
{
    raise_bytes(s, reason);
    sw_loop *loop = atomic_load(&s->loop);
    if (loop != NULL) {
        sw_loop_post(loop, &s->interrupted);
    }
}

void sw_store_interrupt(sw_store *s)
{
    interrupt(s, SW_PENDING_INTERRUPT);
}

void sw_store_yield_soon(sw_store *s)
{
    raise_bytes(s, SW_PENDING_YIELD);
}

void sw_store_yield_here(void)
{
    sw_store *s = sw_trap_running_store();
    if (s != NULL) {
        sw_store_yield_soon(s);
    }
}

static void deadline_passed(void *arg)
{
    interrupt(arg, SW_PENDING_DEADLINE);
}

sw_status sw_store_set_deadline(sw_store *s, uint64_t deadline_ns)
{
    (void)sw_timer_cancel(&s->timer);
    atomic_fetch_and(&s->pending, ~(unsigned)SW_PENDING_DEADLINE);
    s->deadline_ns = deadline_ns;
    if (deadline_ns == 0) {
        return SW_OK;
    }
    if (deadline_ns <= sw_clock_monotonic_ns()) {
        deadline_passed(s);
        return SW_OK;
    }
    return sw_timer_start(&s->timer, deadline_ns, deadline_passed, s);
}

void sw_store_set_deadline_at_yield(sw_store *s, uint64_t deadline_ns)
{
    (void)sw_timer_cancel(&s->timer);
    atomic_fetch_and(&s->pending, ~(unsigned)SW_PENDING_DEADLINE);
    s->deadline_ns = deadline_ns;
}

uint64_t sw_store_deadline(const sw_store *s)
{
    return s->deadline_ns;
}

/* Whether to yield: it was asked for, and there is no reason to stop. Notices the deadline. */
static bool is_to_yield(sw_store *s)
{
    unsigned before = atomic_fetch_and(&s->pending, ~(unsigned)SW_PENDING_YIELD);
    if (s->deadline_ns != 0 && s->deadline_ns <= sw_clock_monotonic_ns()) {
        atomic_fetch_or(&s->pending, SW_PENDING_DEADLINE);
    }
    return before == SW_PENDING_YIELD && atomic_load(&s->pending) == 0;
}

/* A deadline stays passed until it is set anew; an interruption is answered once. */
static sw_trap stop_reason(sw_store *s)
{
    unsigned pending = atomic_load(&s->pending);
    if ((pending & SW_PENDING_DEADLINE) != 0) {
        return SW_TRAP_DEADLINE;
    }
    if ((pending & SW_PENDING_INTERRUPT) != 0) {
        atomic_fetch_and(&s->pending, ~(unsigned)SW_PENDING_INTERRUPT);
        return SW_TRAP_INTERRUPTED;
    }
    return SW_TRAP_NONE;
}

sw_trap sw_store_check(sw_store *s)
{
    if (SW_LIKELY(atomic_load_explicit(&s->pending, memory_order_relaxed) == 0)) {
        return SW_TRAP_NONE;
    }
    (void)is_to_yield(s);
    return stop_reason(s);
}

sw_trap sw_store_poll(sw_store *s)
{
    unsigned pending = atomic_load_explicit(&s->pending, memory_order_relaxed);
    if (SW_LIKELY(pending == 0)) {
        return SW_TRAP_NONE;
    }
    if ((pending & SW_PENDING_YIELD) != 0 && is_to_yield(s)) {
        sw_store_yield(s);
    }
    return stop_reason(s);
}

/* ---- Ending ---------------------------------------------------------------------------------- */

void sw_store_set_exit(sw_store *s, int exit_code)
{
    s->exit_code = exit_code;
}

int sw_store_exit_code(const sw_store *s)
{
    return s->exit_code;
}
