/* How a guest starts, linked instead of the C library's own start file, and the allocator that the
 * 0.1-to-0.2 adapter uses for its state.
 *
 * Debian's allocator claims all of memory from the end of the data at its first call; an adapter
 * that has grown memory by itself before that would lose its state. With cabi_realloc exported it
 * asks the allocator instead. And because constructors are called here by name, the linker does not
 * wrap every export in a run of all constructors and destructors, as it does with that library's
 * start file. */
#include <stdlib.h>
#include <wasi/api.h>

void __wasm_call_ctors(void);
void __wasm_call_dtors(void);
int __main_void(void);

__attribute__((export_name("_start"))) void _start(void)
{
    __wasm_call_ctors();
    int code = __main_void();
    __wasm_call_dtors();
    if (code != 0) {
        __wasi_proc_exit((__wasi_exitcode_t)code);
    }
}

__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_size,
                                                                size_t align, size_t new_size)
{
    (void)old_size;
    if (new_size == 0) {
        return (void *)align;
    }
    void *block = align > 8 && !old ? aligned_alloc(align, new_size) : realloc(old, new_size);
    if (!block) {
        __builtin_trap();
    }
    return block;
}
