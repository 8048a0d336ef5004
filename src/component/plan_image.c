/*
 * Plans as bytes: one block of 32-bit words, position independent, in the machine's byte order.
 *
 *     magic, size, counts in the order of ARRAYS, exports_top_count, modules_count,
 *     resources_count of the types, then the arrays in the same order; the strings come last
 *
 * A block is part of an image that its reader has verified, so mapping looks at the sizes only.
 */
#include "component/component.h"

enum {
    PLAN_MAGIC = 0x31706c70,
};

typedef struct plan_array {
    uint16_t pointer, count; /* offsets in sw_plan */
    uint16_t item_bytes;
} plan_array;

#define ARRAY(name) \
    {offsetof(sw_plan, name), offsetof(sw_plan, name##_count), sizeof(*((sw_plan *)0)->name)}

static const plan_array ARRAYS[] = {
    ARRAY(types.defs),
    ARRAY(types.fields),
    ARRAY(types.funcs),
    ARRAY(steps),
    ARRAY(core_instances),
    ARRAY(core_args),
    ARRAY(trampolines),
    ARRAY(lifts),
    ARRAY(options),
    ARRAY(resources),
    ARRAY(instances),
    ARRAY(imports),
    ARRAY(import_funcs),
    ARRAY(import_resources),
    ARRAY(exports),
    {offsetof(sw_plan, types.strings), offsetof(sw_plan, types.strings_bytes), 1},
};

enum { HEADER_WORDS = 2 + SW_COUNTOF(ARRAYS) + 3 };

static uint32_t count_of(const sw_plan *plan, const plan_array *a)
{
    uint32_t count;
    memcpy(&count, (const char *)plan + a->count, sizeof count);
    return count;
}

static const void *items_of(const sw_plan *plan, const plan_array *a)
{
    const void *p;
    memcpy(&p, (const char *)plan + a->pointer, sizeof p);
    return p;
}

static size_t block_bytes(const sw_plan *plan)
{
    size_t total = HEADER_WORDS * sizeof(uint32_t);
    for (size_t i = 0; i < SW_COUNTOF(ARRAYS); i++) {
        total += (size_t)count_of(plan, &ARRAYS[i]) * ARRAYS[i].item_bytes;
    }
    return sw_align_up(total, 8);
}

sw_status sw_plan_write(const sw_plan *plan, sw_buf *out)
{
    size_t start = out->len, total = block_bytes(plan);
    if (total > UINT32_MAX) {
        return SW_LIMIT;
    }
    sw_buf_u32_le(out, PLAN_MAGIC);
    sw_buf_u32_le(out, (uint32_t)total);
    for (size_t i = 0; i < SW_COUNTOF(ARRAYS); i++) {
        sw_buf_u32_le(out, count_of(plan, &ARRAYS[i]));
    }
    sw_buf_u32_le(out, plan->exports_top_count);
    sw_buf_u32_le(out, plan->modules_count);
    sw_buf_u32_le(out, plan->types.resources_count);
    for (size_t i = 0; i < SW_COUNTOF(ARRAYS); i++) {
        sw_buf_write(out, items_of(plan, &ARRAYS[i]),
                     (size_t)count_of(plan, &ARRAYS[i]) * ARRAYS[i].item_bytes);
    }
    while (sw_buf_status(out) == SW_OK && out->len - start < total) {
        sw_buf_u8(out, 0);
    }
    return sw_buf_status(out);
}

sw_status sw_plan_map(sw_bytes block, sw_diag *diag, sw_plan *ret_plan)
{
    uint32_t header[HEADER_WORDS];
    sw_plan plan = {};
    if (block.len < sizeof header || ((uintptr_t)block.ptr & 3) != 0) {
        return sw_fail(diag, SW_STALE, SW_NO_OFFSET, "plan block is too short or misaligned");
    }
    memcpy(header, block.ptr, sizeof header);
    if (header[0] != PLAN_MAGIC || header[1] > block.len) {
        return sw_fail(diag, SW_STALE, SW_NO_OFFSET, "not a plan block of this build");
    }
    uint64_t at = sizeof header;
    for (size_t i = 0; i < SW_COUNTOF(ARRAYS); i++) {
        const void *items = block.ptr + at;
        memcpy((char *)&plan + ARRAYS[i].pointer, &items, sizeof items);
        memcpy((char *)&plan + ARRAYS[i].count, &header[2 + i], sizeof header[0]);
        at += (uint64_t)header[2 + i] * ARRAYS[i].item_bytes;
        if (at > header[1]) {
            return sw_fail(diag, SW_STALE, SW_NO_OFFSET, "plan block is cut short");
        }
    }
    plan.exports_top_count = header[HEADER_WORDS - 3];
    plan.modules_count = header[HEADER_WORDS - 2];
    plan.types.resources_count = header[HEADER_WORDS - 1];
    *ret_plan = plan;
    return SW_OK;
}
