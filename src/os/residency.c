#include "residency.h"

#include "vm.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

/* Bits of a pagemap entry (Documentation/admin-guide/mm/pagemap.rst). */
#define ENTRY_PRESENT (UINT64_C(1) << 63)
#define ENTRY_SWAPPED (UINT64_C(1) << 62)
#define ENTRY_FILE    (UINT64_C(1) << 61)

/*
 * The open pagemap. It belongs to the address space it was opened in: a child that went on using
 * its parent's would be told about the wrong memory. So the number is kept in a page that the
 * kernel makes zero in a child, and 0 means "not opened": it holds descriptor + 1, or FAILED.
 */
static _Atomic(_Atomic int *) shared_place;

enum { FAILED = -1 };

static _Atomic int *make_place(void)
{
    size_t size = sw_vm_page_bytes();
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return NULL;
    }
    _Atomic int *expected = NULL;
    if (madvise(page, size, MADV_WIPEONFORK) != 0 ||
        !atomic_compare_exchange_strong(&shared_place, &expected, (_Atomic int *)page)) {
        (void)munmap(page, size);
        return expected;
    }
    return page;
}

static int open_here(_Atomic int *place)
{
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    int expected = 0;
    if (!atomic_compare_exchange_strong(place, &expected, fd < 0 ? FAILED : fd + 1)) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return expected;
    }
    return fd < 0 ? FAILED : fd + 1;
}

/* The descriptor, or -1. */
static int pagemap(void)
{
    _Atomic int *place = atomic_load_explicit(&shared_place, memory_order_acquire);
    if (place == NULL) {
        place = make_place();
    }
    if (place == NULL) {
        return -1;
    }
    int value = atomic_load_explicit(place, memory_order_relaxed);
    if (value == 0) {
        value = open_here(place);
    }
    return value == FAILED ? -1 : value - 1;
}

bool sw_residency_of(const void *start, size_t pages, uint8_t ret_pages[SW_RESIDENCY_MAX])
{
    uint64_t entries[SW_RESIDENCY_MAX];
    int fd = pagemap();
    if (fd < 0 || pages > SW_RESIDENCY_MAX) {
        return false;
    }
    size_t size = pages * sizeof(entries[0]);
    uintptr_t first = (uintptr_t)start / sw_vm_page_bytes();
    if (pread(fd, entries, size, (off_t)(first * sizeof(entries[0]))) != (ssize_t)size) {
        return false;
    }
    for (size_t i = 0; i < pages; i++) {
        bool is_there = (entries[i] & (ENTRY_PRESENT | ENTRY_SWAPPED)) != 0;
        bool is_file = (entries[i] & ENTRY_FILE) != 0;
        ret_pages[i] = (uint8_t)(!is_there ? SW_PAGE_NONE : is_file ? SW_PAGE_FILE : SW_PAGE_OWN);
    }
    return true;
}
