/*
 * Faults of guests, told apart from faults of the program.
 *
 * Guest code leaves some checks to the processor: an access out of bounds, a division overflow, an
 * explicit trap instruction, the end of the stack. Each arrives as a signal. One handler for
 * SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGTRAP is installed once for the process; it asks the
 * registered function whether the fault is the guest's. If it is, that function has rewritten the
 * interrupted context and execution goes on there. If not, the handler that was there before gets
 * the signal; if there was none, the process dies of it as it would have without us (same signal,
 * same core dump).
 *
 * The handler runs on an alternate stack, since the fault may be that the stack is full. Each
 * thread that runs guests needs one: sw_signals_enter_thread.
 */
#pragma once

#include "base/status.h"

#include <signal.h>

#define SW_SIGNAL_STACK_BYTES ((size_t)64 << 10)

/* context is a ucontext_t *. True: the context has been rewritten, go on there. Runs inside a
 * signal handler: no locks, no allocation, no thread-local variable that was never touched. */
typedef bool (*sw_fault_handler)(int signo, siginfo_t *info, void *context);

/* Installs the process-wide handler the first time; later calls must pass the same function.
 * Thread-safe. */
SW_NODISCARD sw_status sw_signals_install(sw_fault_handler handler);

/* Makes sure that the calling thread has an alternate signal stack; one that somebody else has set
 * is kept if it is large enough. Cheap when it was called before. The stack is given back when the
 * thread ends. */
SW_NODISCARD sw_status sw_signals_enter_thread(void);
