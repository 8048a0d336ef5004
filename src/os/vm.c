#include "vm.h"

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static const int PROTECTION[] = {
    [SW_VM_NONE] = PROT_NONE,
    [SW_VM_READ] = PROT_READ,
    [SW_VM_READ_WRITE] = PROT_READ | PROT_WRITE,
    [SW_VM_READ_EXECUTE] = PROT_READ | PROT_EXEC,
};

size_t sw_vm_page_bytes(void)
{
#if defined(__x86_64__)
    return 4096;
#else
    return (size_t)sysconf(_SC_PAGESIZE);
#endif
}

bool sw_vm_round(uint64_t size_bytes, size_t *ret_bytes)
{
    uint64_t mask = sw_vm_page_bytes() - 1;
    uint64_t sum;
    if (ckd_add(&sum, size_bytes, mask) || sum > PTRDIFF_MAX) {
        return false;
    }
    *ret_bytes = (size_t)(sum & ~mask);
    return true;
}

static sw_status status_of_errno(void)
{
    return errno == ENOMEM || errno == EAGAIN ? SW_NO_MEMORY : SW_IO;
}

static uint8_t *range(sw_vm *vm, size_t offset, size_t size_bytes)
{
    size_t mask = sw_vm_page_bytes() - 1;
    SW_CHECK(offset <= vm->size_bytes && size_bytes <= vm->size_bytes - offset);
    SW_CHECK((offset & mask) == 0 && (size_bytes & mask) == 0);
    return vm->base + offset;
}

sw_status sw_vm_reserve(sw_vm *ret_vm, uint64_t size_bytes)
{
    size_t rounded;
    if (!sw_vm_round(SW_MAX(size_bytes, (uint64_t)1), &rounded)) {
        return SW_NO_MEMORY;
    }
    void *p = mmap(NULL, rounded, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        return SW_NO_MEMORY;
    }
    *ret_vm = (sw_vm){p, rounded};
    return SW_OK;
}

void sw_vm_release(sw_vm *vm)
{
    if (vm->base != NULL) {
        int failed = munmap(vm->base, vm->size_bytes);
        SW_CHECK(failed == 0);
        *vm = (sw_vm){};
    }
}

static sw_status map_fixed(uint8_t *at, size_t size_bytes, int flags, int fd, uint64_t file_offset,
                           sw_vm_access a)
{
    if (size_bytes == 0) {
        return SW_OK;
    }
    void *p = mmap(at, size_bytes, PROTECTION[a], MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE | flags,
                   fd, (off_t)file_offset);
    return p == MAP_FAILED ? status_of_errno() : SW_OK;
}

sw_status sw_vm_map_zero(sw_vm *vm, size_t offset, size_t size_bytes, sw_vm_access a)
{
    return map_fixed(range(vm, offset, size_bytes), size_bytes, MAP_ANONYMOUS, -1, 0, a);
}

sw_status sw_vm_map_file(sw_vm *vm, size_t offset, size_t size_bytes, int fd, uint64_t file_offset,
                         sw_vm_access a)
{
    if (file_offset > INT64_MAX) {
        return SW_ARGUMENT;
    }
    return map_fixed(range(vm, offset, size_bytes), size_bytes, 0, fd, file_offset, a);
}

sw_status sw_vm_protect(sw_vm *vm, size_t offset, size_t size_bytes, sw_vm_access a)
{
    uint8_t *at = range(vm, offset, size_bytes);
    return size_bytes == 0 || mprotect(at, size_bytes, PROTECTION[a]) == 0 ? SW_OK
                                                                           : status_of_errno();
}

sw_status sw_vm_discard(sw_vm *vm, size_t offset, size_t size_bytes)
{
    uint8_t *at = range(vm, offset, size_bytes);
    return size_bytes == 0 || madvise(at, size_bytes, MADV_DONTNEED) == 0 ? SW_OK
                                                                          : status_of_errno();
}

void sw_vm_prefer_large(void *start, size_t size_bytes)
{
    const uintptr_t large = (uintptr_t)2 << 20;
    uintptr_t from = ((uintptr_t)start + large - 1) & ~(large - 1);
    uintptr_t to = ((uintptr_t)start + size_bytes) & ~(large - 1);
    if (from < to) {
        (void)madvise((void *)from, to - from, MADV_HUGEPAGE);
    }
}

sw_status sw_vm_memfd(int *ret_fd, const char *name, sw_bytes bytes)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        return status_of_errno();
    }
    int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    if (!sw_fd_write(fd, bytes) || fcntl(fd, F_ADD_SEALS, seals) != 0) {
        sw_status st = errno == ENOSPC ? SW_NO_MEMORY : status_of_errno();
        close(fd);
        return st;
    }
    *ret_fd = fd;
    return SW_OK;
}
