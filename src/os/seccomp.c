#include "os/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#    define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#    define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

/* Calls of the x32 interface, which shares the architecture's number. */
#define X32_CALLS 0x40000000u

#define FAILS(err) (SECCOMP_RET_ERRNO | (err))
#define ENDS       SECCOMP_RET_TRAP

/* ---- The table ------------------------------------------------------------------------------- */

/* A call is allowed when an argument, masked, is one of these values. */
typedef struct check {
    uint8_t argument;
    uint8_t count;
    uint32_t mask;
    uint32_t values[5];
    uint32_t otherwise; /* what happens then */
} check;

typedef enum check_name {
    NO_CHECK,
    A_THREAD,  /* clone: no process */
    NOT_BOTH,  /* memory that can be written or executed, not both */
    READ_ONLY, /* openat */
    READ_ONLY_OPEN,
    OURSELVES, /* the process */
    OUR_LIMITS,
    A_NAME, /* prctl: a thread's */
    HARMLESS_IOCTL,
    A_FAMILY, /* socket; netlink and local sockets are the C library's for looking up names */
    NEVER,
} check_name;

#define WRITES (O_ACCMODE | O_CREAT | O_TRUNC)

/* Of pagemaps: which pages of a range were written to. */
#define IOCTL_PAGEMAP_SCAN 0xc0606610u

// clang-format off
static const check CHECKS[] = {
    [A_THREAD]       = {0, 1, CLONE_THREAD, {CLONE_THREAD}, ENDS},
    [NOT_BOTH]       = {2, 3, PROT_WRITE | PROT_EXEC, {0, PROT_WRITE, PROT_EXEC}, FAILS(EACCES)},
    [READ_ONLY]      = {2, 1, WRITES, {O_RDONLY}, FAILS(EACCES)},
    [READ_ONLY_OPEN] = {1, 1, WRITES, {O_RDONLY}, FAILS(EACCES)},
    [OURSELVES]      = {0, 1, UINT32_MAX, {0}, FAILS(EPERM)}, /* the number is put in */
    [OUR_LIMITS]     = {0, 1, UINT32_MAX, {0}, FAILS(EPERM)},
    [A_NAME]         = {0, 2, UINT32_MAX, {PR_SET_NAME, PR_GET_NAME}, FAILS(EPERM)},
    [HARMLESS_IOCTL] = {1, 4, UINT32_MAX, {FIONREAD, FIONBIO, TCGETS, IOCTL_PAGEMAP_SCAN}, FAILS(ENOTTY)},
    [A_FAMILY]       = {0, 4, UINT32_MAX, {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK}, FAILS(EACCES)},
};

typedef struct row {
    int call;
    const char *name;
    uint8_t uses;  /* one of them must be wanted; 0: always allowed */
    uint8_t check;
} row;

#define CALL(name)                {SYS_##name, #name, 0, NO_CHECK}
#define CALL_IF(name, uses)       {SYS_##name, #name, uses, NO_CHECK}
#define CALL_CHECK(name, check)   {SYS_##name, #name, 0, check}
#define NEVER_CALL(name)          {SYS_##name, #name, 0, NEVER}

#define READ    SW_SECCOMP_READ
#define CHANGE  SW_SECCOMP_CHANGE
#define NETWORK SW_SECCOMP_NETWORK
#define THREADS SW_SECCOMP_THREADS
#define BENEATH SW_SECCOMP_BENEATH

static const row ROWS[] = {
    /* Descriptors that are open. */
    CALL(read), CALL(write), CALL(readv), CALL(writev), CALL(pread64), CALL(pwrite64), CALL(preadv), CALL(pwritev),
    CALL(preadv2), CALL(pwritev2), CALL(close), CALL(lseek), CALL(fcntl), CALL(dup), CALL(dup3), CALL(fstat),
    CALL(fstatfs), CALL(ftruncate), CALL(sendfile), CALL(splice), CALL(pipe2), CALL(getdents64), CALL(fadvise64),
    CALL(fsync), CALL(fdatasync), CALL(flock), CALL(fallocate), CALL_CHECK(ioctl, HARMLESS_IOCTL),

    /* Sockets that are open. */
    CALL(accept4), CALL(shutdown), CALL(recvfrom), CALL(sendto), CALL(recvmsg), CALL(sendmsg), CALL(recvmmsg),
    CALL(sendmmsg), CALL(getsockname), CALL(getpeername), CALL(getsockopt), CALL(setsockopt),

    /* Waiting, time, signals to ourselves. */
    CALL(epoll_create1), CALL(epoll_ctl), CALL(epoll_pwait), CALL(epoll_pwait2), CALL(ppoll), CALL(pselect6),
    CALL(eventfd2), CALL(timerfd_create), CALL(timerfd_settime), CALL(timerfd_gettime), CALL(signalfd4),
    CALL(clock_gettime), CALL(clock_getres), CALL(clock_nanosleep), CALL(nanosleep), CALL(gettimeofday), CALL(times),
    CALL(getrusage), CALL(timer_create), CALL(timer_settime), CALL(timer_gettime), CALL(timer_getoverrun),
    CALL(timer_delete), CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigreturn), CALL(rt_sigpending),
    CALL(rt_sigtimedwait), CALL(sigaltstack), CALL_CHECK(tgkill, OURSELVES), CALL(restart_syscall),

    /* Threads and memory. */
    CALL(futex), CALL(set_robust_list), CALL(get_robust_list), CALL(rseq), CALL(exit), CALL(exit_group), CALL(gettid),
    CALL(getpid), CALL(getppid), CALL(getuid), CALL(geteuid), CALL(getgid), CALL(getegid), CALL(sched_yield),
    CALL(sched_getaffinity), CALL(sched_getparam), CALL(sched_getscheduler), CALL(membarrier), CALL(getcpu),
    CALL_CHECK(mmap, NOT_BOTH), CALL_CHECK(mprotect, NOT_BOTH), CALL(munmap), CALL(mremap), CALL(madvise), CALL(brk),
    CALL(mincore), CALL(msync), CALL(memfd_create), CALL(getrandom), CALL(uname), CALL(sysinfo),
    CALL_CHECK(prctl, A_NAME), CALL_CHECK(prlimit64, OUR_LIMITS),
    {SYS_clone, "clone", THREADS, A_THREAD},

    /* Files by name. What openat2 is asked for cannot be looked at, and Landlock judges it. */
    {SYS_openat, "openat", READ | CHANGE, READ_ONLY},
    CALL_IF(openat2, BENEATH), CALL(newfstatat), CALL(statx), CALL(faccessat), CALL(faccessat2), CALL(readlinkat),
    CALL(statfs), CALL(getcwd),
    CALL_IF(mkdirat, CHANGE), CALL_IF(unlinkat, CHANGE), CALL_IF(renameat, CHANGE), CALL_IF(renameat2, CHANGE),
    CALL_IF(linkat, CHANGE), CALL_IF(symlinkat, CHANGE), CALL_IF(utimensat, CHANGE), CALL_IF(fchmod, CHANGE),
    CALL_IF(fchmodat, CHANGE), CALL_IF(copy_file_range, CHANGE),

    {SYS_socket, "socket", NETWORK, A_FAMILY},
    CALL_IF(connect, NETWORK), CALL_IF(bind, NETWORK), CALL_IF(listen, NETWORK), CALL_IF(socketpair, NETWORK),

    /* What is never meant. */
    NEVER_CALL(execve), NEVER_CALL(execveat), NEVER_CALL(ptrace), NEVER_CALL(process_vm_readv),
    NEVER_CALL(process_vm_writev), NEVER_CALL(process_madvise), NEVER_CALL(pidfd_getfd),
    NEVER_CALL(unshare), NEVER_CALL(setns), NEVER_CALL(mount), NEVER_CALL(umount2),
    NEVER_CALL(pivot_root), NEVER_CALL(chroot), NEVER_CALL(move_mount), NEVER_CALL(open_tree), NEVER_CALL(fsopen),
    NEVER_CALL(fsconfig), NEVER_CALL(fsmount), NEVER_CALL(fspick), NEVER_CALL(mount_setattr), NEVER_CALL(bpf),
    NEVER_CALL(perf_event_open), NEVER_CALL(kexec_load), NEVER_CALL(kexec_file_load), NEVER_CALL(init_module),
    NEVER_CALL(finit_module), NEVER_CALL(delete_module), NEVER_CALL(io_uring_setup), NEVER_CALL(io_uring_enter),
    NEVER_CALL(io_uring_register), NEVER_CALL(userfaultfd), NEVER_CALL(keyctl), NEVER_CALL(add_key),
    NEVER_CALL(request_key), NEVER_CALL(setuid), NEVER_CALL(setgid), NEVER_CALL(setreuid), NEVER_CALL(setregid),
    NEVER_CALL(setresuid), NEVER_CALL(setresgid), NEVER_CALL(setgroups), NEVER_CALL(setfsuid), NEVER_CALL(setfsgid),
    NEVER_CALL(capset), NEVER_CALL(reboot), NEVER_CALL(swapon), NEVER_CALL(swapoff),
    NEVER_CALL(acct), NEVER_CALL(quotactl), NEVER_CALL(open_by_handle_at), NEVER_CALL(mknodat),
    NEVER_CALL(settimeofday), NEVER_CALL(clock_settime), NEVER_CALL(clock_adjtime), NEVER_CALL(adjtimex),
    NEVER_CALL(sethostname), NEVER_CALL(setdomainname), NEVER_CALL(syslog), NEVER_CALL(vhangup),
    NEVER_CALL(migrate_pages), NEVER_CALL(move_pages), NEVER_CALL(fanotify_init),

#if defined(__x86_64__)
    CALL(poll), CALL(select), CALL(epoll_wait), CALL(epoll_create), CALL(eventfd), CALL(pipe), CALL(dup2), CALL(stat),
    CALL(lstat), CALL(access), CALL(readlink), CALL(time), CALL(accept), CALL(getdents),
    {SYS_open, "open", READ | CHANGE, READ_ONLY_OPEN},
    CALL_IF(mkdir, CHANGE), CALL_IF(rmdir, CHANGE), CALL_IF(unlink, CHANGE), CALL_IF(rename, CHANGE),
    CALL_IF(link, CHANGE), CALL_IF(symlink, CHANGE), CALL_IF(creat, CHANGE),
    NEVER_CALL(fork), NEVER_CALL(vfork), NEVER_CALL(iopl), NEVER_CALL(ioperm), NEVER_CALL(modify_ldt),
    NEVER_CALL(mknod), NEVER_CALL(uselib),
#endif
};
// clang-format on

const char *sw_seccomp_name(int call)
{
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        if (ROWS[i].call == call) {
            return ROWS[i].name;
        }
    }
    return NULL;
}

/* ---- The program ------------------------------------------------------------------------------
 *
 * Calls are put in order and found by halving, which takes seven comparisons instead of a hundred.
 * The kernel runs it for each call that is answered without a look at arguments once only, when the
 * filter is entered, and remembers the answer.
 */

enum { PROGRAM_MAX = 1024, RANGES_MAX = 2 * SW_COUNTOF(ROWS) + 1, JUMP_MAX = 255 };

/* Calls from this number up to the next range's. */
typedef struct range {
    uint32_t first;
    uint32_t verdict; /* SECCOMP_RET_..., or */
    const check *check;
} range;

typedef struct program {
    struct sock_filter at[PROGRAM_MAX];
    uint32_t count;
    range ranges[RANGES_MAX];
    uint32_t ranges_count;
    check ourselves;
    bool failed;
} program;

static void emit(program *p, uint16_t code, uint32_t k, uint32_t if_true, uint32_t if_false)
{
    if (p->count == PROGRAM_MAX || if_true > JUMP_MAX || if_false > JUMP_MAX) {
        p->failed = true;
        return;
    }
    p->at[p->count++] = (struct sock_filter){code, (uint8_t)if_true, (uint8_t)if_false, k};
}

static void emit_load(program *p, size_t offset)
{
    emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void emit_return(program *p, uint32_t verdict)
{
    emit(p, BPF_RET | BPF_K, verdict, 0, 0);
}

/* The lower half of the argument: all that these calls look at. */
static void emit_check(program *p, const check *c)
{
    emit_load(p, offsetof(struct seccomp_data, args) + 8u * c->argument);
    if (c->mask != UINT32_MAX) {
        emit(p, BPF_ALU | BPF_AND | BPF_K, c->mask, 0, 0);
    }
    for (uint32_t i = 0; i < c->count; i++) {
        emit(p, BPF_JMP | BPF_JEQ | BPF_K, c->values[i], c->count - i, 0);
    }
    emit_return(p, c->otherwise);
    emit_return(p, SECCOMP_RET_ALLOW);
}

static void emit_leaf(program *p, const range *r)
{
    if (r->check != NULL) {
        emit_check(p, r->check);
    } else {
        emit_return(p, r->verdict);
    }
}

/* Ranges from first to end: the half in which the call is. The depth is that of a halving. */
static void emit_ranges(program *p, uint32_t first, uint32_t end)
{
    if (end - first == 1) {
        emit_leaf(p, &p->ranges[first]);
        return;
    }
    uint32_t middle = first + (end - first) / 2;
    uint32_t jump = p->count;
    emit(p, BPF_JMP | BPF_JGE | BPF_K, p->ranges[middle].first, 0, 0);
    emit_ranges(p, first, middle);
    uint32_t distance = p->count - jump - 1;
    if (p->failed || distance > JUMP_MAX) {
        p->failed = true;
        return;
    }
    p->at[jump].jt = (uint8_t)distance;
    emit_ranges(p, middle, end);
}

/* ---- From the table to ranges ---------------------------------------------------------------- */

static int by_call(const void *a, const void *b)
{
    const row *const *x = a, *const *y = b;
    return ((*x)->call > (*y)->call) - ((*x)->call < (*y)->call);
}

/* Whoever may change files may open them so: Landlock says which. */
static range range_of(const program *p, const row *r, unsigned uses)
{
    range result = {.first = (uint32_t)r->call, .verdict = SECCOMP_RET_ALLOW};
    bool opens = r->check == READ_ONLY || r->check == READ_ONLY_OPEN;
    if (r->check == NEVER) {
        result.verdict = ENDS;
    } else if (r->check == A_THREAD) {
        result.verdict = ENDS;
        result.check = (uses & THREADS) != 0 ? &CHECKS[A_THREAD] : NULL;
    } else if (r->uses != 0 && (r->uses & uses) == 0) {
        result.verdict = FAILS(EACCES);
    } else if (r->check == OURSELVES) {
        result.check = &p->ourselves;
    } else if (r->check != NO_CHECK && !(opens && (uses & CHANGE) != 0)) {
        result.check = &CHECKS[r->check];
    }
    return result;
}

/* A range that says what the one before it says is one with it. */
static void add_range(program *p, range r)
{
    if (p->ranges_count != 0 && p->ranges[p->ranges_count - 1].first == r.first) {
        p->ranges_count--; /* nothing lies between two calls */
    }
    const range *last = p->ranges_count == 0 ? NULL : &p->ranges[p->ranges_count - 1];
    if (last == NULL || r.check != NULL || last->check != NULL || last->verdict != r.verdict) {
        p->ranges[p->ranges_count++] = r;
    }
}

static void make_ranges(program *p, unsigned uses)
{
    const row *sorted[SW_COUNTOF(ROWS)];
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        sorted[i] = &ROWS[i];
    }
    qsort(sorted, SW_COUNTOF(ROWS), sizeof sorted[0], by_call);
    add_range(p, (range){.verdict = FAILS(ENOSYS)});
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        add_range(p, range_of(p, sorted[i], uses));
        add_range(p, (range){.first = (uint32_t)sorted[i]->call + 1, .verdict = FAILS(ENOSYS)});
    }
}

static bool make_program(program *p, unsigned uses)
{
    *p = (program){.ourselves = CHECKS[OURSELVES]};
    p->ourselves.values[0] = (uint32_t)getpid();
    make_ranges(p, uses);
    emit_load(p, offsetof(struct seccomp_data, arch));
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
    emit_return(p, SECCOMP_RET_KILL_PROCESS);
    emit_load(p, offsetof(struct seccomp_data, nr));
    emit(p, BPF_JMP | BPF_JGE | BPF_K, X32_CALLS, 0, 1);
    emit_return(p, SECCOMP_RET_KILL_PROCESS);
    emit_ranges(p, 0, p->ranges_count);
    return !p->failed;
}

/* ---- Entering -------------------------------------------------------------------------------- */

static sw_seccomp_killed_fn *on_killed;

/* The call was not made; the process ends by the same signal, now without this handler. */
static void on_sigsys(int signo, siginfo_t *info, void *context)
{
    char number[16];
    (void)context;
    if (on_killed != NULL) {
        const char *name = sw_seccomp_name(info->si_syscall);
        (void)snprintf(number, sizeof number, "%d", info->si_syscall);
        on_killed(name == NULL ? number : name);
    }
    (void)signal(signo, SIG_DFL);
    (void)raise(signo);
}

static sw_status install_handler(sw_seccomp_killed_fn *killed)
{
    struct sigaction action = {.sa_sigaction = on_sigsys,
                               .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    on_killed = killed;
    return sigaction(SIGSYS, &action, NULL) == 0 ? SW_OK : SW_IO;
}

sw_status sw_seccomp_enter(unsigned uses, sw_seccomp_killed_fn *killed, sw_diag *diag)
{
    program p;
    if (!make_program(&p, uses)) {
        return sw_fail(diag, SW_LIMIT, SW_NO_OFFSET, "seccomp: the filter is too long");
    }
    struct sock_fprog whole = {(unsigned short)p.count, p.at};
    SW_TRY(install_handler(killed));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return sw_fail(diag, SW_IO, SW_NO_OFFSET, "seccomp: %m");
    }
    /* Guests share the process with each other as before; what the processor may guess across this
     * filter is not what it is for, and slowing all code down would be its price. */
    unsigned long flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &whole) != 0) {
        return sw_fail(
            diag, errno == ENOSYS || errno == EINVAL || errno == EPERM ? SW_UNSUPPORTED : SW_IO,
            SW_NO_OFFSET, "seccomp: %m");
    }
    return SW_OK;
}
