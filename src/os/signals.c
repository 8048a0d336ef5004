#include "signals.h"

#include "vm.h"

#include <pthread.h>
#include <stdatomic.h>

static const int FAULTS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};

/* An alternate stack of the embedder's that is at least this large will do. */
#define OTHER_STACK_MIN ((size_t)16 << 10)

static struct sigaction previous[NSIG];
static _Atomic(sw_fault_handler) fault_handler;

/* Nobody handles this fault: with the default action restored, returning repeats the faulting
 * instruction, which ends the process. A signal that was sent has nothing to repeat: send it again;
 * it is delivered when the handler returns. */
static void die_of(int signo, const siginfo_t *info)
{
    (void)signal(signo, SIG_DFL);
    if (info->si_code <= 0) {
        (void)raise(signo);
    }
}

static void pass_on(int signo, siginfo_t *info, void *context)
{
    const struct sigaction *before = &previous[signo];
    if ((before->sa_flags & SA_SIGINFO) != 0 && before->sa_sigaction != NULL) {
        before->sa_sigaction(signo, info, context);
    } else if (before->sa_handler == SIG_IGN && info->si_code <= 0) {
        return;
    } else if (before->sa_handler == SIG_DFL || before->sa_handler == SIG_IGN) {
        die_of(signo, info);
    } else {
        before->sa_handler(signo);
    }
}

static void on_fault(int signo, siginfo_t *info, void *context)
{
    sw_fault_handler handler = atomic_load_explicit(&fault_handler, memory_order_relaxed);
    if (!handler(signo, info, context)) {
        pass_on(signo, info, context);
    }
}

static sw_status install_all(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < SW_COUNTOF(FAULTS); i++) {
        if (sigaction(FAULTS[i], &action, &previous[FAULTS[i]]) != 0) {
            return SW_IO;
        }
    }
    return SW_OK;
}

sw_status sw_signals_install(sw_fault_handler handler)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static atomic_bool installed;
    sw_status st = SW_OK;
    if (!atomic_load_explicit(&installed, memory_order_acquire)) {
        (void)pthread_mutex_lock(&lock);
        if (!atomic_load_explicit(&installed, memory_order_relaxed)) {
            atomic_store_explicit(&fault_handler, handler, memory_order_relaxed);
            st = install_all();
            atomic_store_explicit(&installed, st == SW_OK, memory_order_release);
        }
        (void)pthread_mutex_unlock(&lock);
    }
    bool same = atomic_load_explicit(&fault_handler, memory_order_relaxed) == handler;
    return st == SW_OK && !same ? SW_ARGUMENT : st;
}

/* The thread's alternate stack with one guard page below. */
static _Thread_local sw_vm own_stack;
static _Thread_local bool entered;

static pthread_key_t exit_key;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;

static void thread_exits(void *unused)
{
    (void)unused;
    stack_t off = {.ss_flags = SS_DISABLE};
    stack_t now = {};
    if (own_stack.base != NULL && sigaltstack(NULL, &now) == 0) {
        if ((uint8_t *)now.ss_sp == own_stack.base + sw_vm_page_bytes()) {
            (void)sigaltstack(&off, NULL);
        }
        sw_vm_release(&own_stack);
    }
    entered = false;
}

static void make_exit_key(void)
{
    (void)pthread_key_create(&exit_key, thread_exits);
}

static sw_status set_own_stack(void)
{
    size_t page = sw_vm_page_bytes();
    SW_TRY(sw_vm_reserve(&own_stack, page + SW_SIGNAL_STACK_BYTES));
    sw_status st = sw_vm_protect(&own_stack, page, SW_SIGNAL_STACK_BYTES, SW_VM_READ_WRITE);
    stack_t on = {.ss_sp = own_stack.base + page, .ss_size = SW_SIGNAL_STACK_BYTES};
    if (st == SW_OK && sigaltstack(&on, NULL) != 0) {
        st = SW_IO;
    }
    if (st == SW_OK) {
        (void)pthread_once(&exit_once, make_exit_key);
        st = pthread_setspecific(exit_key, &exit_key) == 0 ? SW_OK : SW_NO_MEMORY;
    }
    if (st != SW_OK) {
        thread_exits(NULL);
    }
    return st;
}

sw_status sw_signals_enter_thread(void)
{
    if (entered) {
        return SW_OK;
    }
    stack_t now = {};
    bool has_one = sigaltstack(NULL, &now) == 0 && (now.ss_flags & SS_DISABLE) == 0;
    if (!has_one || now.ss_size < OTHER_STACK_MIN) {
        SW_TRY(set_own_stack());
    }
    entered = true;
    return SW_OK;
}
