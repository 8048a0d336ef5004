/*
 * From the frames of a trap to places in the modules' bytes.
 *
 * Images carry no table for this. They carry the module, and the compiler is deterministic: the
 * function is compiled once more, noting where each instruction's code begins, until the address
 * is reached. That is done when somebody asks, once per trap.
 */
#include "run/internal.h"

#include "code/emit.h"

#define ARENA_BYTES ((size_t)1 << 30)

typedef struct finder {
    sw_arena arena;
    sw_module module;
    sw_layout layout;
    sw_features features;
    sw_emitter *emitter;
    sw_validate_scratch *scratch;
} finder;

static sw_status open_module(finder *f, const sw_code *code)
{
    uint32_t len;
    const uint8_t *bytes = sw_image_get(code->image, SW_IMAGE_MODULE, &len);
    f->features = sw_image_features(code->image);
    f->layout = code->layout;
    SW_TRY(sw_module_read(&f->arena, (sw_bytes){bytes, len}, 0, &f->features, NULL, &f->module));
    SW_TRY(sw_module_validate(&f->module, &f->features, NULL));
    f->emitter = sw_baseline_new(&f->module, &f->layout, NULL);
    f->scratch = sw_validate_scratch_new(NULL);
    return f->emitter == NULL || f->scratch == NULL ? SW_NO_MEMORY : SW_OK;
}

static void find_one(finder *f, sw_store *s, uint32_t frame)
{
    sw_frame *to = &s->trap.frames[frame];
    const sw_code *code = to->code;
    uint32_t into =
        (uint32_t)(s->frame_pcs[frame] - (uintptr_t)code->text) - code->funcs[to->func].code_start;
    sw_func_facts facts;
    uint32_t offset;
    if (sw_func_validate(&f->module, &f->features, to->func, f->scratch, NULL, &facts) == SW_OK &&
        sw_baseline_find_offset(f->emitter, to->func, &facts, into, NULL, &offset) == SW_OK) {
        to->module_offset = offset;
    }
}

static bool is_first_of_code(const sw_trap_info *t, uint32_t frame)
{
    for (uint32_t i = 0; i < frame; i++) {
        if (t->frames[i].code == t->frames[frame].code) {
            return false;
        }
    }
    return true;
}

void sw_trap_find_offsets(sw_store *s)
{
    s->offsets_known = true;
    for (uint32_t i = 0; i < s->trap.frames_count; i++) {
        if (!is_first_of_code(&s->trap, i)) {
            continue;
        }
        finder f = {};
        sw_arena_init(&f.arena, NULL, ARENA_BYTES);
        if (open_module(&f, s->trap.frames[i].code) == SW_OK) {
            for (uint32_t k = i; k < s->trap.frames_count; k++) {
                if (s->trap.frames[k].code == s->trap.frames[i].code) {
                    find_one(&f, s, k);
                }
            }
        }
        sw_baseline_free(f.emitter);
        sw_validate_scratch_free(f.scratch);
        sw_arena_clear(&f.arena);
    }
}
