/*
 * Fibers. The switch itself is assembly (fiber_x86_64.S, fiber_aarch64.S): it saves the registers
 * that the C calling convention says survive a call, exchanges the stack pointers and carries one
 * value across. A fiber is started by a call that changes the stack, not by a switch: as long as it
 * does not suspend, that is all it costs. The floating-point control registers are not saved:
 * nothing here changes them.
 */
#include "fiber.h"

#include "vm.h"

#include <pthread.h>
#include <sys/mman.h>

#if defined(__has_feature)
#    if __has_feature(address_sanitizer)
#        define WITH_ASAN 1
#    endif
#elif defined(__SANITIZE_ADDRESS__)
#    define WITH_ASAN 1
#endif

#ifdef WITH_ASAN
#    include <sanitizer/asan_interface.h>
#    include <sanitizer/common_interface_defs.h>
#endif

/* Saves the callee-saved registers on the present stack, its pointer to *save, then continues on
 * the stack `load`, where the call that left it returns value. */
void *sw_fiber_switch(void **save, void *load, void *value);

/* Calls sw_fiber_main(value) on the stack that ends at top. The present stack's pointer goes to
 * *save and is read from there again when it returns. */
void *sw_fiber_enter(void **save, void *top, void *value);
void *sw_fiber_main(void *value);

typedef enum fiber_state { FIBER_NEW, FIBER_RUNNING, FIBER_SUSPENDED, FIBER_DONE } fiber_state;

struct sw_fiber {
    sw_vm vm; /* the whole reservation, which this struct lies at the top of */
    sw_fiber_body body;
    sw_fiber *parent; /* who resumed it, NULL for the thread's own stack; next in the cache */
    void *own_sp;     /* where the fiber continues */
    void *parent_sp;  /* where its resumer continues */
    void *asan_own;   /* the sanitizer's fake stacks */
    void *asan_parent;
    const void *asan_parent_low;
    size_t asan_parent_bytes;
    fiber_state state;
};

/* Room for the struct above the stack, keeping the top aligned to 64. */
#define HEADER_BYTES ((sizeof(sw_fiber) + 63) & ~(size_t)63)

static _Thread_local sw_fiber *current;
static _Thread_local sw_fiber *cached;
static _Thread_local unsigned cached_count;
static _Thread_local bool exit_hooked;

static pthread_key_t exit_key;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;

static void thread_exits(void *unused)
{
    (void)unused;
    sw_fiber_cache_clear();
    exit_hooked = false;
}

static void make_exit_key(void)
{
    (void)pthread_key_create(&exit_key, thread_exits);
}

static void hook_thread_exit(void)
{
    if (!exit_hooked) {
        (void)pthread_once(&exit_once, make_exit_key);
        exit_hooked = pthread_setspecific(exit_key, &exit_key) == 0;
    }
}

sw_stack_limits sw_fiber_limits(const sw_fiber *f)
{
    uintptr_t base = (uintptr_t)f->vm.base;
    return (sw_stack_limits){
        .guard = base, .limit = base + SW_FIBER_GUARD_BYTES, .top = (uintptr_t)f};
}

static void unpoison(sw_fiber *f)
{
#ifdef WITH_ASAN
    sw_stack_limits l = sw_fiber_limits(f);
    __asan_unpoison_memory_region((void *)l.limit, l.top - l.limit);
#else
    (void)f;
#endif
}

static sw_fiber *take_cached(size_t mapped_bytes)
{
    for (sw_fiber **at = &cached; *at != NULL; at = &(*at)->parent) {
        sw_fiber *f = *at;
        if (f->vm.size_bytes == mapped_bytes) {
            *at = f->parent;
            cached_count--;
            return f;
        }
    }
    return NULL;
}

static sw_status map_stack(size_t mapped_bytes, sw_fiber **ret_fiber)
{
    sw_vm vm;
    SW_TRY(sw_vm_reserve(&vm, mapped_bytes));
    size_t usable = vm.size_bytes - SW_FIBER_GUARD_BYTES;
    uint8_t *low = vm.base + SW_FIBER_GUARD_BYTES;
    sw_status st = sw_vm_protect(&vm, SW_FIBER_GUARD_BYTES, usable, SW_VM_READ_WRITE);
    if (st != SW_OK) {
        sw_vm_release(&vm);
        return st;
    }
    /* One touched page must not become a resident huge one; a kernel without them may refuse. */
    (void)madvise(low, usable, MADV_NOHUGEPAGE);
    sw_fiber *f = (sw_fiber *)(void *)(vm.base + vm.size_bytes - HEADER_BYTES);
    f->vm = vm;
    *ret_fiber = f;
    return SW_OK;
}

sw_status sw_fiber_new(sw_fiber **ret_fiber, size_t stack_bytes, sw_fiber_body body)
{
    size_t wanted = stack_bytes == 0 ? SW_FIBER_STACK_BYTES : stack_bytes;
    size_t mapped;
    if (ckd_add(&mapped, SW_MAX(wanted, SW_FIBER_STACK_MIN), SW_FIBER_GUARD_BYTES + HEADER_BYTES) ||
        !sw_vm_round(mapped, &mapped)) {
        return SW_NO_MEMORY;
    }
    sw_fiber *f = take_cached(mapped);
    if (f == NULL) {
        SW_TRY(map_stack(mapped, &f));
    }
    *f = (sw_fiber){.vm = f->vm, .body = body, .state = FIBER_NEW};
    unpoison(f);
    *ret_fiber = f;
    return SW_OK;
}

void *sw_fiber_resume(sw_fiber *f, void *value)
{
    assert(f->state == FIBER_NEW || f->state == FIBER_SUSPENDED);
    bool is_new = f->state == FIBER_NEW;
    f->parent = current;
    f->state = FIBER_RUNNING;
    current = f;
#ifdef WITH_ASAN
    sw_stack_limits l = sw_fiber_limits(f);
    __sanitizer_start_switch_fiber(&f->asan_parent, (void *)l.limit, l.top - l.limit);
#endif
    void *result = is_new ? sw_fiber_enter(&f->parent_sp, f, value)
                          : sw_fiber_switch(&f->parent_sp, f->own_sp, value);
#ifdef WITH_ASAN
    __sanitizer_finish_switch_fiber(f->asan_parent, NULL, NULL);
#endif
    return result;
}

/* The fiber is about to be left. One that is done passes no place for its fake stack: it is freed.
 */
static void begin_leaving(sw_fiber *f, fiber_state state)
{
    f->state = state;
    current = f->parent;
#ifdef WITH_ASAN
    __sanitizer_start_switch_fiber(state == FIBER_DONE ? NULL : &f->asan_own, f->asan_parent_low,
                                   f->asan_parent_bytes);
#endif
}

void *sw_fiber_suspend(void *value)
{
    sw_fiber *f = current;
    assert(f != NULL);
    begin_leaving(f, FIBER_SUSPENDED);
    void *result = sw_fiber_switch(&f->own_sp, f->parent_sp, value);
#ifdef WITH_ASAN
    __sanitizer_finish_switch_fiber(f->asan_own, &f->asan_parent_low, &f->asan_parent_bytes);
#endif
    return result;
}

void *sw_fiber_main(void *value)
{
    sw_fiber *f = current;
#ifdef WITH_ASAN
    __sanitizer_finish_switch_fiber(NULL, &f->asan_parent_low, &f->asan_parent_bytes);
#endif
    void *result = f->body(value);
    begin_leaving(f, FIBER_DONE);
    return result;
}

void sw_fiber_restart(sw_fiber *f)
{
    assert(f->state == FIBER_DONE);
    f->state = FIBER_NEW;
}

bool sw_fiber_done(const sw_fiber *f)
{
    return f->state == FIBER_DONE;
}

void sw_fiber_free(sw_fiber *f)
{
    if (f == NULL) {
        return;
    }
    assert(f->state != FIBER_RUNNING);
    unpoison(f);
    if (cached_count == SW_FIBER_CACHE_MAX) {
        sw_vm vm = f->vm;
        sw_vm_release(&vm);
        return;
    }
    hook_thread_exit();
    f->parent = cached;
    cached = f;
    cached_count++;
}

void sw_fiber_cache_clear(void)
{
    while (cached != NULL) {
        sw_fiber *f = cached;
        cached = f->parent;
        sw_vm vm = f->vm;
        sw_vm_release(&vm);
    }
    cached_count = 0;
}

sw_fiber *sw_fiber_current(void)
{
    return current;
}

static sw_stack_limits thread_limits(void)
{
    static _Thread_local sw_stack_limits limits;
    pthread_attr_t attr;
    if (limits.top != 0 || pthread_getattr_np(pthread_self(), &attr) != 0) {
        return limits;
    }
    void *low = NULL;
    size_t size = 0, guard = 0;
    if (pthread_attr_getstack(&attr, &low, &size) == 0 &&
        pthread_attr_getguardsize(&attr, &guard) == 0) {
        uintptr_t limit = (uintptr_t)low;
        limits = (sw_stack_limits){limit - SW_MIN(guard, limit), limit, limit + size};
    }
    (void)pthread_attr_destroy(&attr);
    return limits;
}

sw_stack_limits sw_stack_here(void)
{
    return current != NULL ? sw_fiber_limits(current) : thread_limits();
}

size_t sw_stack_headroom(void)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    uintptr_t limit = sw_stack_here().limit;
    return here > limit ? here - limit : 0;
}
