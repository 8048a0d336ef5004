/* What a confined process can do, and what not: each row is tried in a child of its own, which ends
 * with the error number of what it tried, or by the signal that the filter sends. */
#include "base/base.h"
#include "os/keeper.h"
#include "os/landlock.h"
#include "os/seccomp.h"
#include "os/user.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { BROKEN = 250 }; /* a child could not be prepared */

static char dir[64], inside[96], outside[96];

static void write_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
}

static int make_dirs(void **state)
{
    char path[128];
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/swell-sandbox-test-XXXXXX");
    if (mkdtemp(dir) == NULL) {
        return -1;
    }
    (void)snprintf(inside, sizeof inside, "%s/in", dir);
    (void)snprintf(outside, sizeof outside, "%s/out", dir);
    (void)chmod(dir, 0755);
    (void)mkdir(inside, 0755);
    (void)mkdir(outside, 0755);
    (void)snprintf(path, sizeof path, "%s/file", inside);
    write_file(path);
    (void)snprintf(path, sizeof path, "%s/file", outside);
    write_file(path);
    return 0;
}

static int remove_dirs(void **state)
{
    char command[128];
    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

/* A child's end: its exit code, or the signal's negative number. */
static int end_of(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static _Noreturn void leave(int code)
{
    (void)syscall(SYS_exit_group, code);
    __builtin_trap();
}

/* ---- Things to try: 0, or -1 and errno ---------------------------------------------------------
 */

static int run_program(void)
{
    char *const words[] = {(char[]){"true"}, NULL};
    return execv("/bin/true", words);
}

static int trace(void)
{
    return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int make_process(void)
{
    return (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static int make_process_anew(void)
{
    return (int)syscall(SYS_clone3, NULL, 0);
}

static void *nothing(void *arg)
{
    return arg;
}

static int make_thread(void)
{
    pthread_t thread;
    errno = pthread_create(&thread, NULL, nothing, NULL);
    return errno == 0 && pthread_join(thread, NULL) == 0 ? 0 : -1;
}

static int make_socket(void)
{
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int make_odd_socket(void)
{
    return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
}

static int read_outside(void)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/file", outside);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static int read_inside(void)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/file", inside);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static int list_inside(void)
{
    return open(inside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int read_passwords(void)
{
    return open("/etc/shadow", O_RDONLY | O_CLOEXEC);
}

static int write_inside(void)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/file", inside);
    return open(path, O_WRONLY | O_CLOEXEC);
}

static int make_inside(void)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/new", inside);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 ? -1 : unlink(path);
}

static int make_outside(void)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/new", outside);
    return open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static int leave_by_dots(void)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/../out/file", inside);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static int move_out(void)
{
    char from[128], to[128];
    (void)snprintf(from, sizeof from, "%s/file", inside);
    (void)snprintf(to, sizeof to, "%s/moved", outside);
    return rename(from, to);
}

static int open_beneath(void)
{
    uint64_t how[3] = {O_RDONLY | O_CLOEXEC, 0, 0};
    int fd = open(inside, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -1 : (int)syscall(SYS_openat2, fd, "file", how, sizeof how);
}

static void *map(int access)
{
    return mmap(NULL, 4096, access, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int map_both(void)
{
    return map(PROT_READ | PROT_WRITE | PROT_EXEC) == MAP_FAILED ? -1 : 0;
}

static int protect_both(void)
{
    return mprotect(map(PROT_READ | PROT_WRITE), 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
}

static int protect_code(void)
{
    return mprotect(map(PROT_READ | PROT_WRITE), 4096, PROT_READ | PROT_EXEC);
}

static int become_root(void)
{
    return setresuid(0, 0, 0);
}

static int signal_init(void)
{
    return kill(getppid(), 0);
}

static int signal_thread_of_other(void)
{
    return (int)syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static int ask_terminal(void)
{
    return (int)syscall(SYS_ioctl, STDIN_FILENO, 0x5412u /* puts a character into its input */,
                        "x");
}

static int count_input(void)
{
    int fds[2], bytes;
    return pipe2(fds, O_CLOEXEC) == 0 ? (int)syscall(SYS_ioctl, fds[0], 0x541bu, &bytes) : -1;
}

static int keep_capabilities(void)
{
    return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
}

static int name_thread(void)
{
    return prctl(PR_SET_NAME, "name");
}

static int limit_other(void)
{
    struct rlimit limit;
    return prlimit(getppid(), RLIMIT_NOFILE, NULL, &limit);
}

static int mount_something(void)
{
    return (int)syscall(SYS_mount, "none", "/proc", "proc", 0, NULL);
}

static int make_ring(void)
{
    return (int)syscall(SYS_io_uring_setup, 1, NULL);
}

static int unknown_call(void)
{
    return (int)syscall(4000);
}

static int make_event(void)
{
    return eventfd(0, EFD_CLOEXEC);
}

static int bind_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = make_socket();
    return fd < 0 ? -1 : bind(fd, (struct sockaddr *)&a, sizeof a);
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = make_socket();
    return fd < 0 ? -1 : connect(fd, (struct sockaddr *)&a, sizeof a);
}

/* Nobody listens at either. */
enum { OPEN_PORT = 1, CLOSED_PORT = 2 };

static int connect_granted(void)
{
    return connect_to(OPEN_PORT);
}

static int connect_elsewhere(void)
{
    return connect_to(CLOSED_PORT);
}

/* ---- seccomp -----------------------------------------------------------------------------------
 */

enum {
    READ = SW_SECCOMP_READ,
    CHANGE = SW_SECCOMP_CHANGE,
    NETWORK = SW_SECCOMP_NETWORK,
    THREADS = SW_SECCOMP_THREADS,
    BENEATH = SW_SECCOMP_BENEATH,
    EVERYTHING = READ | CHANGE | NETWORK | THREADS | BENEATH,
};

static int try_filtered(unsigned uses, int (*thing)(void))
{
    pid_t child = fork();
    if (child == 0) {
        if (sw_seccomp_enter(uses, NULL, NULL) != SW_OK) {
            leave(BROKEN);
        }
        leave(thing() < 0 ? errno : 0);
    }
    return end_of(child);
}

static void calls_are_filtered(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        unsigned uses;
        int (*thing)(void);
        int end; /* an error number, 0, or -SIGSYS */
    } ROWS[] = {
        {"a program",                  EVERYTHING, run_program,            -SIGSYS},
        {"tracing",                    EVERYTHING, trace,                  -SIGSYS},
        {"a process",                  EVERYTHING, make_process,           -SIGSYS},
        {"a process, the other way",   EVERYTHING, make_process_anew,      ENOSYS },
        {"a user",                     EVERYTHING, become_root,            -SIGSYS},
        {"a mount",                    EVERYTHING, mount_something,        -SIGSYS},
        {"a ring",                     EVERYTHING, make_ring,              -SIGSYS},
        {"memory for both",            EVERYTHING, map_both,               EACCES },
        {"memory made for both",       EVERYTHING, protect_both,           EACCES },
        {"memory made code",           0,          protect_code,           0      },
        {"a thread",                   THREADS,    make_thread,            0      },
        {"a thread without the use",   0,          make_thread,            -SIGSYS},
        {"a socket",                   NETWORK,    make_socket,            0      },
        {"a socket without the use",   READ,       make_socket,            EACCES },
        {"a socket of the link layer", NETWORK,    make_odd_socket,        EACCES },
        {"reading",                    READ,       read_inside,            0      },
        {"reading without the use",    NETWORK,    read_inside,            EACCES },
        {"writing",                    CHANGE,     write_inside,           0      },
        {"writing where one may read", READ,       write_inside,           EACCES },
        {"a new file",                 CHANGE,     make_inside,            0      },
        {"a new file without the use", READ,       make_inside,            EACCES },
        {"beneath",                    EVERYTHING, open_beneath,           0      },
        {"beneath without the use",    READ,       open_beneath,           EACCES },
        {"a signal to others",         EVERYTHING, signal_init,            ENOSYS },
        {"a signal to their threads",  EVERYTHING, signal_thread_of_other, EPERM  },
        {"input for a terminal",       EVERYTHING, ask_terminal,           ENOTTY },
        {"what a pipe holds",          0,          count_input,            0      },
        {"keeping capabilities",       EVERYTHING, keep_capabilities,      EPERM  },
        {"a thread's name",            0,          name_thread,            0      },
        {"others' limits",             EVERYTHING, limit_other,            EPERM  },
        {"a call of tomorrow",         EVERYTHING, unknown_call,           ENOSYS },
        {"a counter",                  0,          make_event,             0      },
    };
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        int end = try_filtered(ROWS[i].uses, ROWS[i].thing);
        if (end != ROWS[i].end) {
            fail_msg("%s: %d, not %d", ROWS[i].what, end, ROWS[i].end);
        }
    }
}

static int told[2];

static void tell(const char *call)
{
    ssize_t ignored = write(told[1], call, strlen(call));
    (void)ignored;
}

static void the_call_is_named(void **state)
{
    (void)state;
    char text[32] = "";
    assert_int_equal(pipe2(told, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        if (sw_seccomp_enter(0, tell, NULL) != SW_OK) {
            leave(BROKEN);
        }
        (void)run_program();
        leave(0);
    }
    assert_int_equal(end_of(child), -SIGSYS);
    assert_int_equal(read(told[0], text, sizeof text - 1), (ssize_t)strlen("execve"));
    assert_string_equal(text, "execve");
    close(told[0]);
    close(told[1]);
    assert_string_equal(sw_seccomp_name(SYS_read), "read");
    assert_null(sw_seccomp_name(4000));
}

static void *wait_and_try(void *arg)
{
    uint64_t value;
    ssize_t got = read(*(int *)arg, &value, sizeof value);
    errno = 0;
    leave(got == (ssize_t)sizeof value && make_socket() < 0 ? errno : 0);
}

static void threads_from_before_are_filtered_too(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        uint64_t one = 1;
        int event = eventfd(0, EFD_CLOEXEC);
        if (pthread_create(&thread, NULL, wait_and_try, &event) != 0 ||
            sw_seccomp_enter(0, NULL, NULL) != SW_OK) {
            leave(BROKEN);
        }
        (void)!write(event, &one, sizeof one);
        (void)pthread_join(thread, NULL);
    }
    assert_int_equal(end_of(child), EACCES);
}

/* ---- Landlock ----------------------------------------------------------------------------------
 */

static bool has_landlock(unsigned abi)
{
    sw_landlock l;
    assert_int_equal(sw_landlock_begin(true, NULL, &l), SW_OK);
    sw_landlock_clear(&l);
    return l.abi >= abi;
}

static int try_walled(bool changes, bool limits_tcp, int (*thing)(void))
{
    pid_t child = fork();
    if (child == 0) {
        sw_landlock l;
        if (sw_landlock_begin(limits_tcp, NULL, &l) != SW_OK ||
            sw_landlock_add_path(&l, inside, changes, NULL) != SW_OK ||
            sw_landlock_add_port(&l, OPEN_PORT, SW_LANDLOCK_CONNECT, NULL) != SW_OK ||
            sw_landlock_enter(&l, NULL) != SW_OK) {
            leave(BROKEN);
        }
        leave(thing() < 0 ? errno : 0);
    }
    return end_of(child);
}

static void files_are_walled(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        bool changes;
        int (*thing)(void);
        int end;
    } ROWS[] = {
        {"reading inside",               false, read_inside,    0     },
        {"listing inside",               false, list_inside,    0     },
        {"reading outside",              true,  read_outside,   EACCES},
        {"dots",                         true,  leave_by_dots,  EACCES},
        {"passwords",                    true,  read_passwords, EACCES},
        {"writing inside, read-only",    false, write_inside,   EACCES},
        {"a new file inside, read-only", false, make_inside,    EACCES},
        {"writing inside",               true,  write_inside,   0     },
        {"a new file inside",            true,  make_inside,    0     },
        {"a new file outside",           true,  make_outside,   EACCES},
        {"a program",                    true,  run_program,    EACCES},
        {"a file moved out",             true,  move_out,       EXDEV },
    };
    if (!has_landlock(1)) {
        skip();
    }
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        int end = try_walled(ROWS[i].changes, false, ROWS[i].thing);
        bool is_move = ROWS[i].thing == move_out && end == EACCES;
        if (end != ROWS[i].end && !is_move) {
            fail_msg("%s: %d, not %d", ROWS[i].what, end, ROWS[i].end);
        }
    }
}

static void ports_are_walled(void **state)
{
    (void)state;
    if (!has_landlock(4)) {
        skip();
    }
    assert_int_equal(try_walled(false, true, bind_port), EACCES);
    assert_int_equal(try_walled(false, true, connect_elsewhere), EACCES);
    assert_int_equal(try_walled(false, true, connect_granted), ECONNREFUSED);
    assert_int_equal(try_walled(false, false, connect_elsewhere), ECONNREFUSED);
    assert_int_equal(try_walled(false, false, bind_port), 0);
}

static void a_rule_needs_its_path(void **state)
{
    (void)state;
    sw_landlock l;
    sw_diag diag = {};
    if (!has_landlock(1)) {
        skip();
    }
    assert_int_equal(sw_landlock_begin(false, NULL, &l), SW_OK);
    assert_int_equal(sw_landlock_add_path(&l, "/nowhere", false, &diag), SW_NOT_FOUND);
    assert_non_null(strstr(diag.text, "/nowhere"));
    sw_landlock_clear(&l);
}

/* ---- Users -------------------------------------------------------------------------------------
 */

static void users_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        sw_status status;
        uid_t uid;
        gid_t gid;
    } ROWS[] = {
        {"root",             SW_OK,        0,     0    },
        {"root:12345",       SW_OK,        0,     12345},
        {"0",                SW_OK,        0,     0    },
        {"54321:12345",      SW_OK,        54321, 12345},
        {"54321",            SW_NOT_FOUND, 0,     0    },
        {"no-such-user",     SW_NOT_FOUND, 0,     0    },
        {"root:no-such-one", SW_NOT_FOUND, 0,     0    },
        {"4294967295:0",     SW_NOT_FOUND, 0,     0    },
        {"99999999999:0",    SW_NOT_FOUND, 0,     0    },
        {"",                 SW_ARGUMENT,  0,     0    },
        {":root",            SW_ARGUMENT,  0,     0    },
        {"root:",            SW_ARGUMENT,  0,     0    },
    };
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        sw_user user = {};
        sw_diag diag = {};
        sw_status st = sw_user_find(ROWS[i].text, &diag, &user);
        if (st != ROWS[i].status || user.uid != ROWS[i].uid || user.gid != ROWS[i].gid) {
            fail_msg("'%s': %s, %u:%u", ROWS[i].text, sw_status_text(st), user.uid, user.gid);
        }
    }
}

static void becoming_nobody_is_for_good(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    pid_t child = fork();
    if (child == 0) {
        gid_t groups[4];
        bool is_nobody = sw_user_become(&SW_USER_NOBODY, NULL) == SW_OK &&
                         sw_capabilities_drop(NULL) == SW_OK && geteuid() == 65534 &&
                         getegid() == 65534 && getgroups(4, groups) == 0;
        bool can_return = setresuid(0, 0, 0) == 0 || setgroups(0, NULL) == 0;
        bool has_bounds = prctl(PR_CAPBSET_READ, 0, 0, 0, 0) != 0;
        leave(is_nobody && !can_return && !has_bounds && read_passwords() < 0 ? 0 : 1);
    }
    assert_int_equal(end_of(child), 0);
}

static void others_become_nobody_else(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        sw_diag diag = {};
        sw_user nobody = SW_USER_NOBODY;
        sw_status st = sw_capabilities_drop(&diag);
        nobody.uid--;
        leave(st == SW_OK && sw_user_become(&nobody, &diag) == SW_DENIED ? 0 : 1);
    }
    assert_int_equal(end_of(child), 0);
}

/* ---- Keepers -----------------------------------------------------------------------------------
 */

static void a_keeper_opens_what_it_was_told(void **state)
{
    (void)state;
    char file[128], none[128], other[128], byte;
    (void)snprintf(file, sizeof file, "%s/file", inside);
    (void)snprintf(none, sizeof none, "%s/none", inside);
    (void)snprintf(other, sizeof other, "%s/file", outside);
    const char *const paths[] = {file, none};
    sw_keeper k;
    assert_int_equal(sw_keeper_start(&k, paths, 2, NULL), SW_OK);
    for (int i = 0; i < 2; i++) {
        int fd = sw_keeper_open(&k, file);
        assert_true(fd >= 0);
        assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
        assert_int_equal(read(fd, &byte, 1), 1);
        assert_int_equal(write(fd, &byte, 1), -1);
        close(fd);
        assert_int_equal(sw_keeper_open(&k, none), -1);
        assert_int_equal(errno, ENOENT);
        assert_int_equal(sw_keeper_open(&k, other), -1);
        assert_int_equal(errno, EACCES);
    }
    write_file(none); /* what comes later can be opened, too */
    int fd = sw_keeper_open(&k, none);
    assert_true(fd >= 0);
    close(fd);
    sw_keeper_clear(&k);
    assert_int_equal(waitpid(-1, NULL, 0) > 0, true); /* and it ends */
    assert_int_equal(sw_keeper_open(&k, file), -1);
    assert_int_equal(errno, EOWNERDEAD);
}

/* The process that asks has nothing left; the file is not even for its user. */
static void a_keeper_serves_the_confined(void **state)
{
    (void)state;
    char file[128];
    (void)snprintf(file, sizeof file, "%s/file", outside);
    assert_int_equal(chmod(file, 0600), 0);
    pid_t child = fork();
    if (child == 0) {
        const char *const paths[] = {file};
        sw_keeper k;
        sw_landlock l;
        char byte;
        if (sw_keeper_start(&k, paths, 1, NULL) != SW_OK ||
            sw_landlock_begin(true, NULL, &l) != SW_OK ||
            (geteuid() == 0 && sw_user_become(&SW_USER_NOBODY, NULL) != SW_OK) ||
            sw_landlock_enter(&l, NULL) != SW_OK || sw_seccomp_enter(0, NULL, NULL) != SW_OK) {
            leave(BROKEN);
        }
        int fd = sw_keeper_open(&k, file);
        leave(fd >= 0 && read(fd, &byte, 1) == 1 ? 0 : errno);
    }
    assert_int_equal(end_of(child), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_filtered),
        cmocka_unit_test(the_call_is_named),
        cmocka_unit_test(threads_from_before_are_filtered_too),
        cmocka_unit_test(files_are_walled),
        cmocka_unit_test(ports_are_walled),
        cmocka_unit_test(a_rule_needs_its_path),
        cmocka_unit_test(users_are_found),
        cmocka_unit_test(becoming_nobody_is_for_good),
        cmocka_unit_test(others_become_nobody_else),
        cmocka_unit_test(a_keeper_opens_what_it_was_told),
        cmocka_unit_test(a_keeper_serves_the_confined),
    };
    return cmocka_run_group_tests(tests, make_dirs, remove_dirs);
}
