/*
 * Typed values to the host layout (component/host.h) and to core slots.
 *
 * One function per shape of type; a table says which.
 */
#include "api/api.h"

#include "base/utf8.h"

uint32_t sw_api_params_layout(const sw_canon_layouts *l, const sw_cfunc_type *f,
                              uint32_t *ret_offsets)
{
    uint32_t at = 0;
    uint32_t most = 1;
    for (uint32_t i = 0; i < f->params_count; i++) {
        sw_canon_layout p = sw_canon_layout_get(l, l->types->fields[f->params_first + i].type);
        at = (uint32_t)sw_align_up(at, p.host_align);
        ret_offsets[i] = at;
        at += p.host_bytes;
        most = SW_MAX(most, p.host_align);
    }
    return (uint32_t)sw_align_up(at, most);
}

uint32_t sw_api_tag_bytes(uint32_t cases)
{
    return cases <= 256 ? 1 : cases <= 65536 ? 2 : 4;
}

uint32_t sw_api_flags_bytes(uint32_t flags)
{
    return flags <= 8 ? 1 : flags <= 16 ? 2 : 4;
}

sw_vtype sw_api_choice_payload(const sw_types *t, const sw_type_def *d, uint32_t index)
{
    if (d->kind == SW_CT_OPTION) {
        return index == 0 ? SW_VT_NONE : d->element;
    }
    if (d->kind == SW_CT_RESULT) {
        return index == 0 ? d->element : d->other;
    }
    return t->fields[d->first + index].type;
}

/* The payload comes after the tag, aligned as the widest payload. If that is wider than the tag, it
 * is what aligns the whole; if not, the tag's end will do. */
sw_api_choice sw_api_choice_of(const sw_canon_layouts *l, sw_vtype type)
{
    const sw_type_def *d = &l->types->defs[type];
    bool is_variant = d->kind == SW_CT_VARIANT;
    sw_api_choice c = {.count = is_variant ? d->count : 2,
                       .tag_bytes = is_variant ? sw_api_tag_bytes(d->count) : 1};
    c.payload_offset = (uint32_t)sw_align_up(c.tag_bytes, l->defs[type].host_align);
    return c;
}

const sw_api_prim SW_API_PRIMS[SW_CT_CHAR + 1] = {
    [SW_CT_BOOL] = {SWELL_BOOL, 1},
      [SW_CT_S8] = {SWELL_S8,   1},
      [SW_CT_U8] = {SWELL_U8,   1},
    [SW_CT_S16] = {SWELL_S16,  2},
      [SW_CT_U16] = {SWELL_U16,  2},
      [SW_CT_S32] = {SWELL_S32,  4},
    [SW_CT_U32] = {SWELL_U32,  4},
      [SW_CT_S64] = {SWELL_S64,  8},
      [SW_CT_U64] = {SWELL_U64,  8},
    [SW_CT_F32] = {SWELL_F32,  4},
      [SW_CT_F64] = {SWELL_F64,  8},
      [SW_CT_CHAR] = {SWELL_CHAR, 4},
};

typedef struct writer {
    const sw_types *types;
    const sw_canon_layouts *layouts;
    sw_arena *arena;
    sw_diag *diag;
} writer;

static sw_status mismatch(const writer *w, sw_vtype type, const char *what)
{
    char text[128];
    return sw_fail(w->diag, SW_ARGUMENT, SW_NO_OFFSET, "value for %s: %s",
                   sw_vtype_text(w->types, type, text, sizeof text), what);
}

static sw_status write_value(const writer *w, sw_vtype type, const swell_value *v, uint8_t *to);

static bool is_scalar_value(uint32_t c)
{
    return c < 0x110000 && (c < 0xd800 || c > 0xdfff);
}

static sw_status write_string(const writer *w, sw_vtype type, const swell_value *v, uint8_t *to)
{
    if (v->kind != SWELL_STRING) {
        return mismatch(w, type, "not a string");
    }
    if (!sw_utf8_valid((sw_bytes){(const uint8_t *)v->string.ptr, v->string.len})) {
        return mismatch(w, type, "not UTF-8");
    }
    memcpy(to, &v->string, sizeof v->string);
    return SW_OK;
}

static sw_status write_prim(const writer *w, sw_vtype type, const swell_value *v, uint8_t *to)
{
    sw_ctype_kind kind = sw_vtype_kind(w->types, type);
    if (kind == SW_CT_STRING) {
        return write_string(w, type, v, to);
    }
    if (kind > SW_CT_CHAR || v->kind != SW_API_PRIMS[kind].kind) {
        return mismatch(w, type, "another kind of value");
    }
    if (kind == SW_CT_CHAR && !is_scalar_value(v->character)) {
        return mismatch(w, type, "not a Unicode scalar value");
    }
    memcpy(to, &v->u64, SW_API_PRIMS[kind].size);
    return SW_OK;
}

static sw_status write_fields(const writer *w, sw_vtype type, const swell_value *v, uint8_t *to)
{
    const sw_type_def *d = &w->types->defs[type];
    uint32_t at = 0;
    if (v->children.count != d->count) {
        return mismatch(w, type, "wrong number of fields");
    }
    for (uint32_t i = 0; i < d->count; i++) {
        sw_vtype field = w->types->fields[d->first + i].type;
        sw_canon_layout layout = sw_canon_layout_get(w->layouts, field);
        at = (uint32_t)sw_align_up(at, layout.host_align);
        SW_TRY(write_value(w, field, &v->children.at[i], to + at));
        at += layout.host_bytes;
    }
    return SW_OK;
}

static sw_status write_elements(const writer *w, sw_vtype element, const swell_value *v,
                                uint8_t *to)
{
    uint32_t size = sw_canon_layout_get(w->layouts, element).host_bytes;
    for (size_t i = 0; i < v->children.count; i++) {
        SW_TRY(write_value(w, element, &v->children.at[i], to + i * size));
    }
    return SW_OK;
}

static sw_status write_list(const writer *w, sw_vtype type, const swell_value *v, uint8_t *to)
{
    sw_vtype element = w->types->defs[type].element;
    if (v->kind == SWELL_BYTES) {
        if (element != sw_vtype_prim(SW_CT_U8)) {
            return mismatch(w, type, "bytes are a list<u8>");
        }
        memcpy(to, &v->bytes, sizeof v->bytes);
        return SW_OK;
    }
    if (v->kind != SWELL_LIST) {
        return mismatch(w, type, "not a list");
    }
    sw_api_list list = {.len = v->children.count};
    uint32_t size = sw_canon_layout_get(w->layouts, element).host_bytes;
    list.ptr = sw_arena_alloc_array(w->arena, list.len, size, 16);
    if (list.ptr == NULL) {
        return SW_NO_MEMORY;
    }
    memcpy(to, &list, sizeof list);
    return write_elements(w, element, v, list.ptr);
}

static sw_status write_fixed_list(const writer *w, sw_vtype type, const swell_value *v, uint8_t *to)
{
    const sw_type_def *d = &w->types->defs[type];
    if (v->kind != SWELL_LIST || v->children.count != d->other) {
        return mismatch(w, type, "not a list of that length");
    }
    return write_elements(w, d->element, v, to);
}

static sw_status write_choice(const writer *w, sw_vtype type, const swell_value *v, uint8_t *to)
{
    const sw_type_def *d = &w->types->defs[type];
    sw_api_choice c = sw_api_choice_of(w->layouts, type);
    if (v->index >= c.count) {
        return mismatch(w, type, "no such case");
    }
    memcpy(to, &v->index, c.tag_bytes);
    sw_vtype payload = sw_api_choice_payload(w->types, d, v->index);
    if (payload == SW_VT_NONE) {
        return v->children.count == 0 ? SW_OK : mismatch(w, type, "the case has no payload");
    }
    if (v->children.count != 1) {
        return mismatch(w, type, "the case has a payload");
    }
    return write_value(w, payload, &v->children.at[0], to + c.payload_offset);
}

static sw_status write_enum(const writer *w, sw_vtype type, const swell_value *v, uint8_t *to)
{
    uint32_t count = w->types->defs[type].count;
    if (v->index >= count) {
        return mismatch(w, type, "no such case");
    }
    memcpy(to, &v->index, sw_api_tag_bytes(count));
    return SW_OK;
}

static sw_status write_flags(const writer *w, sw_vtype type, const swell_value *v, uint8_t *to)
{
    uint32_t count = w->types->defs[type].count;
    if (count < 32 && (v->flags >> count) != 0) {
        return mismatch(w, type, "no such flag");
    }
    memcpy(to, &v->flags, sw_api_flags_bytes(count));
    return SW_OK;
}

static sw_status write_handle(const writer *w, sw_vtype type, const swell_value *v, uint8_t *to)
{
    (void)w;
    (void)type;
    memcpy(to, &v->handle, sizeof v->handle);
    return SW_OK;
}

typedef sw_status write_fn(const writer *w, sw_vtype type, const swell_value *v, uint8_t *to);

typedef struct compound {
    swell_value_kind kind;
    bool takes_several_kinds; /* the function looks itself */
    write_fn *write;
} compound;

static const compound COMPOUNDS[] = {
    [SW_CT_RECORD] = {SWELL_RECORD,  false, write_fields    },
    [SW_CT_TUPLE] = {SWELL_TUPLE,   false, write_fields    },
    [SW_CT_LIST] = {SWELL_LIST,    true,  write_list      },
    [SW_CT_FIXED_LIST] = {SWELL_LIST,    true,  write_fixed_list},
    [SW_CT_VARIANT] = {SWELL_VARIANT, false, write_choice    },
    [SW_CT_OPTION] = {SWELL_OPTION,  false, write_choice    },
    [SW_CT_RESULT] = {SWELL_RESULT,  false, write_choice    },
    [SW_CT_ENUM] = {SWELL_ENUM,    false, write_enum      },
    [SW_CT_FLAGS] = {SWELL_FLAGS,   false, write_flags     },
    [SW_CT_OWN] = {SWELL_HANDLE,  false, write_handle    },
    [SW_CT_BORROW] = {SWELL_HANDLE,  false, write_handle    },
};

static sw_status write_value(const writer *w, sw_vtype type, const swell_value *v, uint8_t *to)
{
    if (sw_vtype_is_prim(type)) {
        return write_prim(w, type, v, to);
    }
    sw_ctype_kind kind = sw_vtype_kind(w->types, type);
    if (kind >= SW_COUNTOF(COMPOUNDS) || COMPOUNDS[kind].write == NULL) {
        return mismatch(w, type, "this type cannot be passed yet");
    }
    const compound *row = &COMPOUNDS[kind];
    if (!row->takes_several_kinds && v->kind != row->kind) {
        return mismatch(w, type, "another kind of value");
    }
    return row->write(w, type, v, to);
}

sw_status sw_api_value_write(const sw_canon_layouts *l, sw_vtype type, const swell_value *value,
                             sw_arena *arena, sw_diag *diag, void *to)
{
    return write_value(&(writer){l->types, l, arena, diag}, type, value, to);
}

/* ---- Core values ----------------------------------------------------------------------------- */

typedef struct core_row {
    sw_valtype type;
    swell_value_kind kind, twin; /* twin: the unsigned one, accepted too */
    uint8_t size;
} core_row;

static const core_row CORES[] = {
    {SW_TYPE_I32, SWELL_S32, SWELL_U32, 4},
    {SW_TYPE_I64, SWELL_S64, SWELL_U64, 8},
    {SW_TYPE_F32, SWELL_F32, SWELL_F32, 4},
    {SW_TYPE_F64, SWELL_F64, SWELL_F64, 8},
};

static const core_row *core_row_of(sw_valtype type)
{
    for (size_t i = 0; i < SW_COUNTOF(CORES); i++) {
        if (CORES[i].type == type) {
            return &CORES[i];
        }
    }
    return NULL;
}

bool sw_api_core_type_is_value(sw_valtype type)
{
    return core_row_of(type) != NULL;
}

sw_status sw_api_core_value_write(sw_valtype type, const swell_value *value, sw_diag *diag,
                                  sw_value_slot *ret_slot)
{
    char text[32];
    const core_row *row = core_row_of(type);
    if (row == NULL || (value->kind != row->kind && value->kind != row->twin)) {
        return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET, "value does not fit core type %s",
                       sw_valtype_text(type, text, sizeof text));
    }
    *ret_slot = (sw_value_slot){};
    memcpy(ret_slot, &value->u64, row->size);
    return SW_OK;
}

swell_value sw_api_core_value_read(sw_valtype type, const sw_value_slot *slot)
{
    const core_row *row = core_row_of(type);
    swell_value value = {};
    if (row != NULL) {
        value.kind = row->kind;
        memcpy(&value.u64, slot, row->size);
    }
    return value;
}
