/* Pages never touched, showing a file, and written; and the same questions in a child. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "os/file.h"
#include "os/residency.h"
#include "os/vm.h"

#include <sys/wait.h>
#include <unistd.h>

enum { PAGES = 16 };

static uint8_t *page(const sw_vm *vm, size_t i)
{
    return vm->base + i * sw_vm_page_bytes();
}

static void kinds_of_pages(void **state)
{
    (void)state;
    static const uint8_t CONTENT[PAGES * 4096] = {1};
    sw_vm vm;
    int fd;
    uint8_t kinds[SW_RESIDENCY_MAX];
    assert_int_equal(sw_vm_memfd(&fd, "residency", (sw_bytes){CONTENT, sizeof CONTENT}), SW_OK);
    assert_int_equal(sw_vm_reserve(&vm, PAGES * sw_vm_page_bytes()), SW_OK);
    assert_int_equal(sw_vm_map_zero(&vm, 0, PAGES / 2 * sw_vm_page_bytes(), SW_VM_READ_WRITE),
                     SW_OK);
    assert_int_equal(sw_vm_map_file(&vm, PAGES / 2 * sw_vm_page_bytes(),
                                    PAGES / 2 * sw_vm_page_bytes(), fd, 0, SW_VM_READ_WRITE),
                     SW_OK);
    *page(&vm, 3) = 1;
    *page(&vm, 9) = 1;
    volatile uint8_t seen = *page(&vm, 12);
    (void)seen;
    if (!sw_residency_of(vm.base, PAGES, kinds)) {
        skip();
    }
    for (size_t i = 0; i < PAGES; i++) {
        if (i == 3 || i == 9) {
            assert_int_equal(kinds[i], SW_PAGE_OWN);
        } else if (i < PAGES / 2) {
            assert_int_equal(kinds[i], SW_PAGE_NONE);
        } else {
            assert_int_not_equal(kinds[i], SW_PAGE_OWN);
        }
    }
    assert_int_equal(kinds[12], SW_PAGE_FILE);
    sw_vm_release(&vm);
    sw_fd_close(fd);
}

/* A child is told about its own memory, not its parent's. */
static void after_fork(void **state)
{
    (void)state;
    sw_vm vm;
    uint8_t kinds[SW_RESIDENCY_MAX];
    assert_int_equal(sw_vm_reserve(&vm, PAGES * sw_vm_page_bytes()), SW_OK);
    assert_int_equal(sw_vm_map_zero(&vm, 0, PAGES * sw_vm_page_bytes(), SW_VM_READ_WRITE), SW_OK);
    if (!sw_residency_of(vm.base, PAGES, kinds)) {
        skip();
    }
    assert_int_equal(kinds[5], SW_PAGE_NONE);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        *page(&vm, 5) = 1;
        _exit(sw_residency_of(vm.base, PAGES, kinds) && kinds[5] == SW_PAGE_OWN ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(sw_residency_of(vm.base, PAGES, kinds));
    assert_int_equal(kinds[5], SW_PAGE_NONE);
    sw_vm_release(&vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_of_pages),
        cmocka_unit_test(after_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
