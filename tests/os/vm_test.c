/* Reservations: what is readable where, copy-on-write, discarding, and refusals. */
#include "os/file.h"
#include "os/vm.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGE sw_vm_page_bytes()

/* Whether touching the byte kills a child process. */
static bool faults(volatile uint8_t *at, bool write)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGSEGV, SIG_DFL);
        (void)signal(SIGBUS, SIG_DFL);
        uint8_t value = *at;
        if (write) {
            *at = value;
        }
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) || WEXITSTATUS(status) != 0;
}

typedef struct round_case {
    uint64_t size;
    bool fits;
    uint64_t pages;
} round_case;

static const round_case ROUND_CASES[] = {
    {0,                   true,  0},
    {1,                   true,  1},
    {4096,                true,  1},
    {4097,                true,  2},
    {UINT64_MAX,          false, 0},
    {UINT64_MAX - 4095,   false, 0},
    {(uint64_t)INT64_MAX, false, 0},
};

static void sizes_are_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(ROUND_CASES); i++) {
        size_t size = 0;
        assert_int_equal(sw_vm_round(ROUND_CASES[i].size, &size), ROUND_CASES[i].fits);
        if (PAGE == 4096) {
            assert_int_equal(size, ROUND_CASES[i].pages * 4096);
        }
    }
    sw_vm vm = {};
    assert_int_equal(sw_vm_reserve(&vm, UINT64_MAX), SW_NO_MEMORY);
    assert_int_equal(sw_vm_reserve(&vm, (uint64_t)1 << 62), SW_NO_MEMORY);
    assert_null(vm.base);
    sw_vm_release(&vm);
}

static void a_reservation_is_inaccessible_until_committed(void **state)
{
    (void)state;
    sw_vm vm;
    assert_int_equal(sw_vm_reserve(&vm, (uint64_t)8 << 30), SW_OK);
    assert_true(faults(vm.base, false));
    assert_int_equal(sw_vm_protect(&vm, PAGE, 2 * PAGE, SW_VM_READ_WRITE), SW_OK);
    assert_true(faults(vm.base + PAGE - 1, false));
    assert_true(faults(vm.base + 3 * PAGE, false));
    assert_int_equal(vm.base[PAGE], 0);
    vm.base[3 * PAGE - 1] = 7;
    assert_int_equal(sw_vm_protect(&vm, PAGE, 2 * PAGE, SW_VM_READ), SW_OK);
    assert_int_equal(vm.base[3 * PAGE - 1], 7);
    assert_true(faults(vm.base + PAGE, true));
    assert_int_equal(sw_vm_map_zero(&vm, PAGE, 2 * PAGE, SW_VM_NONE), SW_OK);
    assert_true(faults(vm.base + PAGE, false));
    sw_vm_release(&vm);
    assert_null(vm.base);
}

static void a_file_is_copied_on_write(void **state)
{
    (void)state;
    uint8_t contents[2 * 4096] = {[0] = 1, [4096] = 2};
    int fd;
    assert_int_equal(sw_vm_memfd(&fd, "test", (sw_bytes){contents, sizeof contents}), SW_OK);
    assert_int_equal(write(fd, "x", 1), -1);
    sw_vm a, b;
    assert_int_equal(sw_vm_reserve(&a, 16 * PAGE), SW_OK);
    assert_int_equal(sw_vm_reserve(&b, 16 * PAGE), SW_OK);
    assert_int_equal(sw_vm_map_file(&a, PAGE, 8192, fd, 0, SW_VM_READ_WRITE), SW_OK);
    assert_int_equal(sw_vm_map_file(&b, 0, 4096, fd, 4096, SW_VM_READ_WRITE), SW_OK);
    assert_int_equal(sw_vm_map_file(&b, 0, 4096, fd, UINT64_MAX - 4095, SW_VM_READ), SW_ARGUMENT);
    assert_int_equal(sw_vm_map_file(&b, 0, 4096, -1, 0, SW_VM_READ), SW_IO);
    sw_fd_close(fd);
    assert_int_equal(a.base[PAGE], 1);
    assert_int_equal(b.base[0], 2);
    a.base[PAGE] = 9;
    a.base[PAGE + 4096] = 9;
    assert_int_equal(b.base[0], 2);
    assert_int_equal(sw_vm_discard(&a, PAGE, 8192), SW_OK);
    assert_int_equal(a.base[PAGE], 1);
    assert_int_equal(a.base[PAGE + 4096], 2);
    sw_vm_release(&a);
    sw_vm_release(&b);
}

static void discarding_zeroes(void **state)
{
    (void)state;
    SW_AUTO(sw_vm_release) sw_vm vm = {};
    assert_int_equal(sw_vm_reserve(&vm, 4 * PAGE), SW_OK);
    assert_int_equal(sw_vm_map_zero(&vm, 0, 4 * PAGE, SW_VM_READ_WRITE), SW_OK);
    memset(vm.base, 0xff, 4 * PAGE);
    assert_int_equal(sw_vm_discard(&vm, PAGE, PAGE), SW_OK);
    assert_int_equal(vm.base[PAGE - 1], 0xff);
    assert_int_equal(vm.base[PAGE], 0);
    assert_int_equal(vm.base[2 * PAGE - 1], 0);
    assert_int_equal(vm.base[2 * PAGE], 0xff);
    assert_int_equal(sw_vm_discard(&vm, 4 * PAGE, 0), SW_OK);
}

static void a_range_outside_aborts(void **state)
{
    (void)state;
    const size_t bad[][2] = {
        {0,        5 * PAGE           },
        {5 * PAGE, 0                  },
        {PAGE,     SIZE_MAX - PAGE + 1},
        {1,        PAGE               },
        {0,        1                  }
    };
    sw_vm vm;
    assert_int_equal(sw_vm_reserve(&vm, 4 * PAGE), SW_OK);
    for (size_t i = 0; i < SW_COUNTOF(bad); i++) {
        pid_t child = fork();
        if (child == 0) {
            (void)signal(SIGILL, SIG_DFL);
            sw_status st = sw_vm_map_zero(&vm, bad[i][0], bad[i][1], SW_VM_READ_WRITE);
            _exit(st == SW_OK ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
    }
    sw_vm_release(&vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_checked),
        cmocka_unit_test(a_reservation_is_inaccessible_until_committed),
        cmocka_unit_test(a_file_is_copied_on_write),
        cmocka_unit_test(discarding_zeroes),
        cmocka_unit_test(a_range_outside_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
