/*
 * Address space.
 *
 * A sw_vm is one reservation: a range of addresses that nothing else will be placed in. It starts
 * out inaccessible and costs no memory; parts of it are then given zero pages or views of a file.
 * An instance slot, a code region and a fiber stack are each one reservation.
 *
 *     base                                                     base + size_bytes
 *      |  none  |  zero pages, read-write  |  file, copy-on-write  |  none (guard)  |
 *
 * Offsets and sizes are in bytes and multiples of the page size. A range that leaves the
 * reservation is a broken invariant of the sandbox, not an error: it aborts, in release builds
 * too. What the system may refuse (memory, mapping count, descriptors) is a status.
 *
 * Threads: different ranges of one reservation may be changed by different threads at once.
 */
#pragma once

#include "base/span.h"
#include "base/status.h"

typedef struct sw_vm {
    uint8_t *base; /* owned; NULL if nothing is reserved */
    size_t size_bytes;
} sw_vm;

typedef enum sw_vm_access {
    SW_VM_NONE,
    SW_VM_READ,
    SW_VM_READ_WRITE,
    SW_VM_READ_EXECUTE,
} sw_vm_access;

/* The system's page size, a power of two. */
size_t sw_vm_page_bytes(void);

/* Rounds up to whole pages. False: the sum does not fit. */
SW_NODISCARD bool sw_vm_round(uint64_t size_bytes, size_t *ret_bytes);

/* Reserves at least size_bytes of inaccessible addresses; NO_MEMORY if there are not so many. */
SW_NODISCARD sw_status sw_vm_reserve(sw_vm *ret_vm, uint64_t size_bytes);

/* Gives everything back. The reservation may be empty. */
void sw_vm_release(sw_vm *vm);

/* Fresh zero pages with the given access, whatever was there before. SW_VM_NONE makes the range
 * inaccessible again and gives its memory back. */
SW_NODISCARD sw_status sw_vm_map_zero(sw_vm *vm, size_t offset, size_t size_bytes, sw_vm_access a);

/* A private view of the file from file_offset (a multiple of the page size): reads see the file,
 * the first write to a page copies it. The descriptor may be closed afterwards. Pages wholly
 * beyond the end of the file fault when they are touched; the rest of its last page is zero. */
SW_NODISCARD sw_status sw_vm_map_file(sw_vm *vm, size_t offset, size_t size_bytes, int fd,
                                      uint64_t file_offset, sw_vm_access a);

/* Changes access, keeps contents. A range that was only reserved becomes zero pages: this is how
 * a memory grows. */
SW_NODISCARD sw_status sw_vm_protect(sw_vm *vm, size_t offset, size_t size_bytes, sw_vm_access a);

/* Forgets what was written: zero pages are zero again, views of a file show the file again.
 * Access stays. This is how an instance is reset. */
SW_NODISCARD sw_status sw_vm_discard(sw_vm *vm, size_t offset, size_t size_bytes);

/* Asks for large pages where whole ones fit into the range, which is about to be written: they cost
 * a fault each 2 MiB instead of each 4 KiB. The system may refuse; nobody is told. */
void sw_vm_prefer_large(void *start, size_t size_bytes);

/* An anonymous file in memory that holds the bytes and can no longer be changed, to be mapped by
 * sw_vm_map_file. name shows up in /proc only. The caller closes it (sw_fd_close in file.h). */
SW_NODISCARD sw_status sw_vm_memfd(int *ret_fd, const char *name, sw_bytes bytes);

static inline void sw_vm_release_p(sw_vm *vm)
{
    sw_vm_release(vm);
}
