/* Typed values from the host layout (component/host.h): the way back of value_write.c. */
#include "api/api.h"

typedef struct value_reader {
    const sw_types *types;
    const sw_canon_layouts *layouts;
    sw_arena *arena;
} value_reader;

typedef sw_status read_fn(const value_reader *r, sw_vtype type, const uint8_t *from,
                          swell_value *ret);

static read_fn read_value;

static sw_status new_children(const value_reader *r, size_t count, swell_value *parent,
                              swell_value **ret)
{
    *ret = SW_NEW_ARRAY(r->arena, swell_value, count);
    if (*ret == NULL) {
        return SW_NO_MEMORY;
    }
    parent->children.at = *ret;
    parent->children.count = count;
    return SW_OK;
}

static sw_status read_fields(const value_reader *r, sw_vtype type, const uint8_t *from,
                             swell_value *ret)
{
    const sw_type_def *d = &r->types->defs[type];
    swell_value *children;
    uint32_t at = 0;
    SW_TRY(new_children(r, d->count, ret, &children));
    for (uint32_t i = 0; i < d->count; i++) {
        sw_vtype field = r->types->fields[d->first + i].type;
        sw_canon_layout layout = sw_canon_layout_get(r->layouts, field);
        at = (uint32_t)sw_align_up(at, layout.host_align);
        SW_TRY(read_value(r, field, from + at, &children[i]));
        at += layout.host_bytes;
    }
    return SW_OK;
}

static sw_status read_elements(const value_reader *r, sw_vtype element, const uint8_t *from,
                               size_t count, swell_value *ret)
{
    swell_value *children;
    uint32_t size = sw_canon_layout_get(r->layouts, element).host_bytes;
    SW_TRY(new_children(r, count, ret, &children));
    for (size_t i = 0; i < count; i++) {
        SW_TRY(read_value(r, element, from + i * size, &children[i]));
    }
    return SW_OK;
}

static sw_status read_list(const value_reader *r, sw_vtype type, const uint8_t *from,
                           swell_value *ret)
{
    sw_vtype element = r->types->defs[type].element;
    if (element == sw_vtype_prim(SW_CT_U8)) {
        ret->kind = SWELL_BYTES;
        memcpy(&ret->bytes, from, sizeof ret->bytes);
        return SW_OK;
    }
    sw_api_list list;
    memcpy(&list, from, sizeof list);
    ret->kind = SWELL_LIST;
    return read_elements(r, element, list.ptr, list.len, ret);
}

static sw_status read_fixed_list(const value_reader *r, sw_vtype type, const uint8_t *from,
                                 swell_value *ret)
{
    const sw_type_def *d = &r->types->defs[type];
    return read_elements(r, d->element, from, d->other, ret);
}

static sw_status read_choice(const value_reader *r, sw_vtype type, const uint8_t *from,
                             swell_value *ret)
{
    const sw_type_def *d = &r->types->defs[type];
    sw_api_choice c = sw_api_choice_of(r->layouts, type);
    swell_value *child;
    memcpy(&ret->index, from, c.tag_bytes);
    sw_vtype payload = sw_api_choice_payload(r->types, d, ret->index);
    if (payload == SW_VT_NONE) {
        return SW_OK;
    }
    SW_TRY(new_children(r, 1, ret, &child));
    return read_value(r, payload, from + c.payload_offset, child);
}

static sw_status read_enum(const value_reader *r, sw_vtype type, const uint8_t *from,
                           swell_value *ret)
{
    memcpy(&ret->index, from, sw_api_tag_bytes(r->types->defs[type].count));
    return SW_OK;
}

static sw_status read_flags(const value_reader *r, sw_vtype type, const uint8_t *from,
                            swell_value *ret)
{
    memcpy(&ret->flags, from, sw_api_flags_bytes(r->types->defs[type].count));
    return SW_OK;
}

static sw_status read_handle(const value_reader *r, sw_vtype type, const uint8_t *from,
                             swell_value *ret)
{
    (void)r;
    (void)type;
    memcpy(&ret->handle, from, sizeof ret->handle);
    return SW_OK;
}

static sw_status read_prim(const value_reader *r, sw_vtype type, const uint8_t *from,
                           swell_value *ret)
{
    sw_ctype_kind kind = sw_vtype_kind(r->types, type);
    if (kind == SW_CT_STRING) {
        ret->kind = SWELL_STRING;
        memcpy(&ret->string, from, sizeof ret->string);
        return SW_OK;
    }
    if (kind > SW_CT_CHAR) {
        return SW_UNSUPPORTED;
    }
    ret->kind = SW_API_PRIMS[kind].kind;
    memcpy(&ret->u64, from, SW_API_PRIMS[kind].size);
    return SW_OK;
}

typedef struct compound {
    swell_value_kind kind;
    read_fn *read;
} compound;

static const compound COMPOUNDS[] = {
    [SW_CT_RECORD] = {SWELL_RECORD,  read_fields    },
    [SW_CT_TUPLE] = {SWELL_TUPLE,   read_fields    },
    [SW_CT_LIST] = {SWELL_LIST,    read_list      },
    [SW_CT_FIXED_LIST] = {SWELL_LIST,    read_fixed_list},
    [SW_CT_VARIANT] = {SWELL_VARIANT, read_choice    },
    [SW_CT_OPTION] = {SWELL_OPTION,  read_choice    },
    [SW_CT_RESULT] = {SWELL_RESULT,  read_choice    },
    [SW_CT_ENUM] = {SWELL_ENUM,    read_enum      },
    [SW_CT_FLAGS] = {SWELL_FLAGS,   read_flags     },
    [SW_CT_OWN] = {SWELL_HANDLE,  read_handle    },
    [SW_CT_BORROW] = {SWELL_HANDLE,  read_handle    },
};

static sw_status read_value(const value_reader *r, sw_vtype type, const uint8_t *from,
                            swell_value *ret)
{
    *ret = (swell_value){};
    if (sw_vtype_is_prim(type)) {
        return read_prim(r, type, from, ret);
    }
    sw_ctype_kind kind = sw_vtype_kind(r->types, type);
    if (kind >= SW_COUNTOF(COMPOUNDS) || COMPOUNDS[kind].read == NULL) {
        return SW_UNSUPPORTED;
    }
    ret->kind = COMPOUNDS[kind].kind;
    return COMPOUNDS[kind].read(r, type, from, ret);
}

sw_status sw_api_value_read(const sw_canon_layouts *l, sw_vtype type, const void *from,
                            sw_arena *arena, swell_value *ret_value)
{
    return read_value(&(value_reader){l->types, l, arena}, type, from, ret_value);
}
