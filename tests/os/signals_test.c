/* Faults: handled ones continue where the handler says, others reach who was there before. */
#include "os/signals.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>

/* An illegal instruction of a known length, which the handler steps over. */
#if defined(__x86_64__)
#    define TRAP_HERE() __asm__ volatile("ud2" ::: "memory")
#    define SKIP(c)     ((c)->uc_mcontext.gregs[REG_RIP] += 2)
#else
#    define TRAP_HERE() __asm__ volatile("udf #0" ::: "memory")
#    define SKIP(c)     ((c)->uc_mcontext.pc += 4)
#endif

static volatile int handled;
static volatile bool accept_all;

static bool steps_over(int signo, siginfo_t *info, void *context)
{
    (void)info;
    if (!accept_all || signo != SIGILL) {
        return false;
    }
    handled++;
    SKIP((ucontext_t *)context);
    return true;
}

static bool other_handler(int signo, siginfo_t *info, void *context)
{
    (void)signo, (void)info, (void)context;
    return false;
}

static void *faults_on_thread(void *arg)
{
    *(sw_status *)arg = sw_signals_enter_thread();
    TRAP_HERE();
    return NULL;
}

static void a_handled_fault_continues(void **state)
{
    (void)state;
    assert_int_equal(sw_signals_install(steps_over), SW_OK);
    assert_int_equal(sw_signals_install(steps_over), SW_OK);
    assert_int_equal(sw_signals_install(other_handler), SW_ARGUMENT);
    assert_int_equal(sw_signals_enter_thread(), SW_OK);
    assert_int_equal(sw_signals_enter_thread(), SW_OK);
    accept_all = true;
    handled = 0;
    TRAP_HERE();
    TRAP_HERE();
    assert_int_equal(handled, 2);
    pthread_t thread;
    sw_status st = SW_IO;
    assert_int_equal(pthread_create(&thread, NULL, faults_on_thread, &st), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(st, SW_OK);
    assert_int_equal(handled, 3);
}

typedef enum before { BEFORE_DEFAULT, BEFORE_SIMPLE, BEFORE_SIGINFO } before;
typedef enum act { ACT_TRAP, ACT_SENT } act;

typedef struct chain_case {
    before before;
    act act;
    int exit_code, signal; /* one of both */
} chain_case;

static const chain_case CHAIN_CASES[] = {
    {BEFORE_DEFAULT, ACT_TRAP, 0,  SIGILL},
    {BEFORE_DEFAULT, ACT_SENT, 0,  SIGILL},
    {BEFORE_SIMPLE,  ACT_TRAP, 11, 0     },
    {BEFORE_SIGINFO, ACT_TRAP, 12, 0     },
    {BEFORE_SIGINFO, ACT_SENT, 12, 0     },
};

static void simple_before(int signo)
{
    _exit(signo == SIGILL ? 11 : 1);
}

static void siginfo_before(int signo, siginfo_t *info, void *context)
{
    _exit(signo == SIGILL && info != NULL && context != NULL ? 12 : 1);
}

static void child_acts(const chain_case *c)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    if (c->before == BEFORE_SIMPLE) {
        action.sa_handler = simple_before;
    } else if (c->before == BEFORE_SIGINFO) {
        action.sa_flags = SA_SIGINFO;
        action.sa_sigaction = siginfo_before;
    }
    if (sigaction(SIGILL, &action, NULL) != 0 || sw_signals_install(steps_over) != SW_OK ||
        sw_signals_enter_thread() != SW_OK) {
        _exit(1);
    }
    if (c->act == ACT_TRAP) {
        TRAP_HERE();
    } else {
        (void)kill(getpid(), SIGILL);
    }
    _exit(2);
}

/* Runs before the handler is installed in this process: the children start clean. */
static void an_unhandled_fault_reaches_who_was_there_before(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(CHAIN_CASES); i++) {
        const chain_case *c = &CHAIN_CASES[i];
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            child_acts(c);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(WIFSIGNALED(status) ? WTERMSIG(status) : 0, c->signal);
        assert_int_equal(WIFEXITED(status) ? WEXITSTATUS(status) : 0, c->exit_code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unhandled_fault_reaches_who_was_there_before),
        cmocka_unit_test(a_handled_fault_continues),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
