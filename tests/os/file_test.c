/* Files: contents, caps, budgets, failures by name, atomic replacement, locks. */
#include "os/file.h"
#include "os/random.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];

static const char *in_dir(const char *name)
{
    static char path[4][256];
    static unsigned next;
    char *p = path[next++ % 4];
    (void)snprintf(p, sizeof path[0], "%s/%s", dir, name);
    return p;
}

static int make_dir(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/swell-file-test-XXXXXX");
    return mkdtemp(dir) == NULL ? -1 : 0;
}

static int remove_dir(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

static void write_text(const char *name, const char *text)
{
    sw_diag diag = {};
    assert_int_equal(sw_file_write(in_dir(name), sw_str_bytes(sw_str_of(text)), 0644, false, &diag),
                     SW_OK);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {"", "x", "hello\n"};
    for (size_t i = 0; i < SW_COUNTOF(TEXTS); i++) {
        sw_diag diag = {};
        SW_AUTO(sw_file_data_clear) sw_file_data read = {}, mapped = {};
        write_text("a", TEXTS[i]);
        assert_int_equal(sw_file_read(&read, in_dir("a"), NULL, 100, &diag), SW_OK);
        assert_int_equal(sw_file_map(&mapped, in_dir("a"), 100, &diag), SW_OK);
        assert_int_equal(read.bytes.len, strlen(TEXTS[i]));
        assert_memory_equal(read.bytes.ptr, TEXTS[i], read.bytes.len);
        assert_int_equal(mapped.bytes.len, strlen(TEXTS[i]));
        assert_true(mapped.bytes.len == 0 ||
                    memcmp(mapped.bytes.ptr, TEXTS[i], mapped.bytes.len) == 0);
    }
}

static void the_cap_and_the_budget_hold(void **state)
{
    (void)state;
    sw_budget budget;
    sw_file_data d = {};
    sw_diag diag = {};
    write_text("a", "0123456789");
    assert_int_equal(sw_file_read(&d, in_dir("a"), NULL, 9, &diag), SW_LIMIT);
    assert_non_null(strstr(diag.text, "larger than 9 bytes"));
    assert_int_equal(sw_file_map(&d, in_dir("a"), 9, NULL), SW_LIMIT);
    assert_int_equal(sw_file_read(&d, in_dir("a"), NULL, 10, NULL), SW_OK);
    sw_file_data_clear(&d);
    sw_budget_init(&budget, 5);
    assert_int_equal(sw_file_read(&d, in_dir("a"), &budget, 10, NULL), SW_NO_MEMORY);
    sw_budget_init(&budget, 1000);
    assert_int_equal(sw_file_read(&d, in_dir("a"), &budget, 10, NULL), SW_OK);
    assert_true(atomic_load(&budget.used_bytes) >= 10);
    sw_file_data_clear(&d);
    assert_int_equal(atomic_load(&budget.used_bytes), 0);
}

/* A file without a size of its own, as pipes are. */
static void endless_files_stop_at_the_cap(void **state)
{
    (void)state;
    sw_file_data d = {};
    sw_diag diag = {};
    assert_int_equal(sw_file_read(&d, "/dev/zero", NULL, 100000, &diag), SW_LIMIT);
    assert_int_equal(sw_file_read(&d, "/dev/null", NULL, 0, NULL), SW_OK);
    assert_int_equal(d.bytes.len, 0);
    sw_file_data_clear(&d);
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    sw_budget budget;
    sw_budget_init(&budget, SIZE_MAX);
    for (uint64_t n = 1;; n++) {
        sw_file_data d = {};
        sw_memory_fail_at(n);
        sw_status st = sw_file_read(&d, "/proc/self/maps", &budget, 1 << 20, NULL);
        bool failed = sw_memory_failed();
        sw_memory_fail_at(0);
        assert_int_equal(st, failed ? SW_NO_MEMORY : SW_OK);
        sw_file_data_clear(&d);
        assert_int_equal(atomic_load(&budget.used_bytes), 0);
        if (!failed) {
            break;
        }
    }
}

static void failures_name_the_file(void **state)
{
    (void)state;
    sw_file_data d = {};
    sw_diag diag = {};
    assert_int_equal(sw_file_read(&d, in_dir("absent"), NULL, 10, &diag), SW_NOT_FOUND);
    assert_non_null(strstr(diag.text, "absent: No such file"));
    diag = (sw_diag){};
    assert_int_equal(sw_file_read(&d, dir, NULL, 10, &diag), SW_IO);
    assert_non_null(strstr(diag.text, "is a directory"));
    diag = (sw_diag){};
    assert_int_equal(sw_file_write(in_dir("no/such/dir"), (sw_bytes){}, 0644, false, &diag),
                     SW_NOT_FOUND);
    assert_non_null(strstr(diag.text, "no/such/dir"));
}

static int count_entries(void)
{
    DIR *open_dir = opendir(dir);
    int count = 0;
    assert_non_null(open_dir);
    while (readdir(open_dir) != NULL) {
        count++;
    }
    (void)closedir(open_dir);
    return count;
}

static void replacing_leaves_no_temporary(void **state)
{
    (void)state;
    struct stat s;
    write_text("b", "old");
    int before = count_entries();
    assert_int_equal(
        sw_file_write(in_dir("b"), (sw_bytes){(const uint8_t *)"new!", 4}, 0600, true, NULL),
        SW_OK);
    assert_int_equal(count_entries(), before);
    assert_int_equal(stat(in_dir("b"), &s), 0);
    assert_int_equal(s.st_size, 4);
    assert_int_equal(s.st_mode & 0777, 0600);
    assert_int_equal(sw_file_write(dir, (sw_bytes){}, 0600, false, NULL), SW_IO);
    assert_int_equal(count_entries(), before);
}

static void directories_are_made_with_parents(void **state)
{
    (void)state;
    struct stat s;
    assert_int_equal(sw_dir_make(in_dir("p//q/r/"), 0700, NULL), SW_OK);
    assert_int_equal(sw_dir_make(in_dir("p/q/r"), 0700, NULL), SW_OK);
    assert_int_equal(stat(in_dir("p/q/r"), &s), 0);
    assert_true(S_ISDIR(s.st_mode));
    write_text("file", "");
    assert_int_not_equal(sw_dir_make(in_dir("file"), 0700, NULL), SW_OK);
    assert_int_not_equal(sw_dir_make(in_dir("file/x"), 0700, NULL), SW_OK);
    assert_int_equal(sw_dir_make("", 0700, NULL), SW_ARGUMENT);
    assert_int_equal(sw_dir_make("/", 0700, NULL), SW_OK);
}

static void locks_exclude(void **state)
{
    (void)state;
    int a = -1, b = -1, c = -1;
    assert_int_equal(sw_file_lock(&a, in_dir("lock"), false, false, NULL), SW_OK);
    assert_int_equal(sw_file_lock(&b, in_dir("lock"), false, false, NULL), SW_OK);
    assert_int_equal(sw_file_lock(&c, in_dir("lock"), true, false, NULL), SW_DENIED);
    assert_int_equal(c, -1);
    sw_fd_close(a);
    sw_fd_close(b);
    assert_int_equal(sw_file_lock(&c, in_dir("lock"), true, true, NULL), SW_OK);
    sw_fd_close(c);
    sw_fd_close(-1);
}

/* A SIGPIPE ends the test program unless it was blocked or ignored before. */
static void set_pipe_signal(int how, bool pending)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGPIPE);
    assert_int_equal(pthread_sigmask(how, &set, NULL), 0);
    if (pending) {
        assert_int_equal(raise(SIGPIPE), 0);
    }
}

static bool is_pending(void)
{
    sigset_t set;
    return sigpending(&set) == 0 && sigismember(&set, SIGPIPE) == 1;
}

static bool is_blocked(void)
{
    sigset_t set;
    return pthread_sigmask(SIG_BLOCK, NULL, &set) == 0 && sigismember(&set, SIGPIPE) == 1;
}

static void make_broken(int *fds, bool is_socket)
{
    assert_int_equal(is_socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, fds) : pipe(fds), 0);
    assert_true(sw_fd_can_break(fds[1]));
    char one[] = "one", two[] = "two", got[8];
    struct iovec parts[2] = {
        {one, 3},
        {two, 3}
    };
    assert_int_equal(sw_fd_writev_silent(fds[1], parts, 2), 6);
    assert_int_equal(read(fds[0], got, sizeof got), 6);
    assert_memory_equal(got, "onetwo", 6);
    (void)close(fds[0]);
}

static void broken_pipes_are_silent(void **state)
{
    (void)state;
    static const struct {
        bool is_socket, is_blocked, is_pending;
    } ROWS[] = {
        {false, false, false},
        {false, true,  false},
        {false, true,  true },
        {true,  false, false},
        {true,  true,  false},
        {true,  true,  true },
    };
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        int fds[2];
        make_broken(fds, ROWS[i].is_socket);
        if (ROWS[i].is_blocked) {
            set_pipe_signal(SIG_BLOCK, ROWS[i].is_pending);
        }
        for (int repeat = 0; repeat < 2; repeat++) {
            char x = 'x';
            struct iovec part = {&x, 1};
            errno = 0;
            assert_int_equal(sw_fd_writev_silent(fds[1], &part, 1), -1);
            assert_int_equal(errno, EPIPE);
            assert_int_equal(is_pending(), ROWS[i].is_pending);
            assert_int_equal(is_blocked(), ROWS[i].is_blocked);
        }
        assert_false(sw_fd_write(fds[1], sw_str_bytes(SW_STR("x"))));
        (void)close(fds[1]);
        if (ROWS[i].is_pending) {
            (void)signal(SIGPIPE, SIG_IGN); /* drops it */
            (void)signal(SIGPIPE, SIG_DFL);
        }
        set_pipe_signal(SIG_UNBLOCK, false);
    }
    int file = open(in_dir("plain"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    assert_false(sw_fd_can_break(file));
    (void)close(file);
    assert_false(sw_fd_can_break(-1));
}

static void random_bytes_differ(void **state)
{
    (void)state;
    uint8_t a[64] = {}, b[64] = {};
    assert_int_equal(sw_random_fill(a, sizeof a), SW_OK);
    assert_int_equal(sw_random_fill(b, sizeof b), SW_OK);
    assert_memory_not_equal(a, b, sizeof a);
    assert_int_equal(sw_random_fill(a, 0), SW_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(the_cap_and_the_budget_hold),
        cmocka_unit_test(endless_files_stop_at_the_cap),
        cmocka_unit_test(every_failed_allocation_is_reported),
        cmocka_unit_test(failures_name_the_file),
        cmocka_unit_test(replacing_leaves_no_temporary),
        cmocka_unit_test(directories_are_made_with_parents),
        cmocka_unit_test(locks_exclude),
        cmocka_unit_test(broken_pipes_are_silent),
        cmocka_unit_test(random_bytes_differ),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
