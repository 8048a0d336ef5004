#include "code/image.h"

#include "os/cpu.h"

#define X(name, type) [SW_IMAGE_##name] = sizeof(type),
static const uint32_t ITEM_BYTES[SW_IMAGE_SECTIONS_COUNT] = {SW_IMAGE_SECTION_MAP(X)};
#undef X

static bool section_fits(const sw_image_header *h, size_t s)
{
    uint64_t bytes, end;
    const sw_image_range *r = &h->sections[s];
    return r->start % 16 == 0 && r->start >= sizeof(*h) &&
           !ckd_mul(&bytes, r->count, ITEM_BYTES[s]) && !ckd_add(&end, r->start, bytes) &&
           end <= h->size_bytes;
}

sw_status sw_image_check_cpu(uint32_t needed, uint32_t has, sw_diag *diag)
{
    char names[SW_CPU_NAMES_BYTES];
    return (needed & ~has) == 0 ? SW_OK
                                : sw_fail(diag, SW_STALE, SW_NO_OFFSET,
                                          "compiled for a processor with %s, which this one lacks",
                                          sw_cpu_names(needed & ~has, names));
}

sw_status sw_image_check(const void *image, uint64_t size_bytes, sw_diag *diag)
{
    const sw_image_header *h = image;
    if (size_bytes < sizeof(*h) || memcmp(h->magic, SW_IMAGE_MAGIC, sizeof(h->magic)) != 0 ||
        h->format != SW_IMAGE_FORMAT) {
        return sw_fail(diag, SW_STALE, 0, "not a compiled image of this version");
    }
    if (memcmp(h->build_hash, SW_BUILD_HASH, SW_BUILD_HASH_BYTES) != 0) {
        return sw_fail(diag, SW_STALE, SW_NO_OFFSET, "compiled by another build of swell");
    }
    SW_TRY(sw_image_check_cpu(h->cpu_features, sw_cpu_features(), diag));
    bool fits = h->size_bytes <= size_bytes && h->size_bytes % SW_IMAGE_PAGE_BYTES == 0 &&
                h->sections[SW_IMAGE_CODE].start % SW_IMAGE_PAGE_BYTES == 0;
    for (size_t s = 0; fits && s < SW_IMAGE_SECTIONS_COUNT; s++) {
        fits = section_fits(h, s);
    }
    return fits ? SW_OK : sw_fail(diag, SW_STALE, SW_NO_OFFSET, "compiled image is damaged");
}

uint32_t sw_image_find_func(const sw_image_header *h, uint32_t code_offset)
{
    uint32_t high;
    const sw_image_func *funcs = sw_image_get(h, SW_IMAGE_FUNCS, &high);
    uint32_t low = h->imported_funcs;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (funcs[middle].code_start <= code_offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == h->imported_funcs ||
        code_offset - funcs[low - 1].code_start >= funcs[low - 1].code_len) {
        return SW_NO_INDEX;
    }
    return low - 1;
}

sw_str sw_image_func_name(const sw_image_header *h, uint32_t func)
{
    uint32_t low = 0, count;
    const sw_image_name *names = sw_image_get(h, SW_IMAGE_NAMES, &count);
    uint32_t high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (names[middle].func < func) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && names[low].func == func ? sw_image_get_str(h, names[low].name)
                                                  : (sw_str){};
}

sw_layout sw_image_layout(const sw_image_header *h)
{
    return (sw_layout){
        .context_bytes = h->context_bytes,
        .owns_memory0 = h->owns_memory0 != 0,
        .owns_table0 = h->owns_table0 != 0,
        .globals = sw_image_get(h, SW_IMAGE_LAYOUT_GLOBALS, NULL),
        .imports = sw_image_get(h, SW_IMAGE_LAYOUT_IMPORTS, NULL),
        .cells = sw_image_get(h, SW_IMAGE_LAYOUT_CELLS, NULL),
        .tables = sw_image_get(h, SW_IMAGE_LAYOUT_TABLES, NULL),
        .memories = sw_image_get(h, SW_IMAGE_LAYOUT_MEMORIES, NULL),
        .table_is_closed = sw_image_get(h, SW_IMAGE_LAYOUT_CLOSED, NULL),
        .needs_thunk = sw_image_get(h, SW_IMAGE_LAYOUT_THUNKS, NULL),
        .type_ids = h->type_ids,
    };
}

sw_features sw_image_features(const sw_image_header *h)
{
    uint32_t f = h->features;
    return (sw_features){
        .simd = (f & 1) != 0,
        .threads = (f & 2) != 0,
        .tail_calls = (f & 4) != 0,
        .exceptions = (f & 8) != 0,
        .gc = (f & 16) != 0,
        .function_references = (f & 32) != 0,
        .multi_memory = (f & 64) != 0,
        .memory64 = (f & 128) != 0,
    };
}

uint64_t sw_image_run_bytes(const sw_image_header *h)
{
    uint64_t sum = 0;
    uint32_t count;
    const sw_image_run *runs = sw_image_get(h, SW_IMAGE_RUNS, &count);
    for (uint32_t i = 0; i < count; i++) {
        sum += runs[i].len;
    }
    return sum;
}
