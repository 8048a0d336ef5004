/* The allocator that the 0.1-to-0.2 adapter uses for its own state. Debian's allocator claims all
 * of memory from the end of the data at its first call; an adapter that has grown memory by itself
 * before that would lose its state. With this export it asks the allocator instead. */
#include <stdlib.h>

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
