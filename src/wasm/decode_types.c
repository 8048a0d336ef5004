/* The type section, and the types inside other sections. */
#include "wasm/decode.h"
#include "wasm/type_features.h"

enum {
    FORM_FUNC = 0x60,
    FORM_STRUCT = 0x5f,
    FORM_ARRAY = 0x5e,
    FORM_SUB = 0x50,
    FORM_SUB_FINAL = 0x4f,
    FORM_REC = 0x4e,
    PACKED_I8 = 0x78,
    PACKED_I16 = 0x77,
    MAX_FIELDS = 10000,
};

static sw_valtype allowed(sw_decoder *d, sw_valtype t, uint32_t at)
{
    const char *feature = sw_valtype_missing_feature(t, d->features);
    if (feature != NULL && sw_reader_ok(&d->r)) {
        char text[32];
        sw_decode_refuse(d, at, sw_valtype_text(t, text, sizeof text), feature);
    }
    return t;
}

sw_valtype sw_decode_valtype(sw_decoder *d)
{
    uint32_t at = sw_reader_offset(&d->r);
    return allowed(d, sw_valtype_read(&d->r), at);
}

sw_valtype sw_decode_reftype(sw_decoder *d)
{
    uint32_t at = sw_reader_offset(&d->r);
    return allowed(d, sw_reftype_read(&d->r), at);
}

static bool read_mutability(sw_decoder *d)
{
    uint32_t at = sw_reader_offset(&d->r);
    uint8_t flag = sw_reader_u8(&d->r);
    if (flag > 1) {
        (void)sw_reader_fail_at(&d->r, SW_MALFORMED, at, "malformed mutability %u", flag);
    }
    return flag == 1;
}

sw_globaltype sw_decode_globaltype(sw_decoder *d)
{
    sw_globaltype g = {.type = sw_decode_valtype(d)};
    g.is_mutable = read_mutability(d);
    return g;
}

static const sw_valtype *read_types(sw_decoder *d, uint32_t limit, const char *what,
                                    uint32_t *ret_count)
{
    uint32_t count = sw_reader_count(&d->r, limit, what);
    sw_valtype *types = SW_DECODE_ARRAY(d, sw_valtype, count);
    for (uint32_t i = 0; i < count && sw_reader_ok(&d->r); i++) {
        types[i] = sw_decode_valtype(d);
    }
    *ret_count = count;
    return types;
}

static sw_fieldtype read_field(sw_decoder *d)
{
    sw_fieldtype f = {.type = SW_TYPE_I32};
    uint8_t byte = sw_reader_peek_u8(&d->r);
    if (byte == PACKED_I8 || byte == PACKED_I16) {
        (void)sw_reader_u8(&d->r);
        f.packed_bits = byte == PACKED_I8 ? 8 : 16;
    } else {
        f.type = sw_decode_valtype(d);
    }
    f.is_mutable = read_mutability(d);
    return f;
}

static void read_aggregate(sw_decoder *d, sw_deftype *t)
{
    bool is_struct = t->composite == SW_COMPOSITE_STRUCT;
    uint32_t count = is_struct ? sw_reader_count(&d->r, MAX_FIELDS, "fields") : 1;
    sw_fieldtype *fields = SW_DECODE_ARRAY(d, sw_fieldtype, count);
    for (uint32_t i = 0; i < count && sw_reader_ok(&d->r); i++) {
        fields[i] = read_field(d);
    }
    t->aggregate.fields = fields;
    t->aggregate.fields_count = count;
}

/* A composite type whose form byte is read. */
static void read_composite(sw_decoder *d, uint8_t form, uint32_t at, sw_deftype *t)
{
    if (form == FORM_FUNC) {
        t->composite = SW_COMPOSITE_FUNC;
        t->func.params = read_types(d, SW_MAX_PARAMS, "parameters", &t->func.params_count);
        t->func.results = read_types(d, SW_MAX_RESULTS, "results", &t->func.results_count);
    } else if (form != FORM_STRUCT && form != FORM_ARRAY) {
        (void)sw_reader_fail_at(&d->r, SW_MALFORMED, at, "malformed type form 0x%02x", form);
    } else if (!d->features->gc) {
        sw_decode_refuse(d, at, form == FORM_STRUCT ? "a struct type" : "an array type", "gc");
    } else {
        t->composite = form == FORM_STRUCT ? SW_COMPOSITE_STRUCT : SW_COMPOSITE_ARRAY;
        read_aggregate(d, t);
    }
}

/* One subtype; the form byte is read. */
static void read_subtype(sw_decoder *d, uint8_t form, uint32_t at, sw_deftype *t)
{
    t->is_final = form != FORM_SUB;
    t->super = SW_NO_INDEX;
    if (form == FORM_SUB || form == FORM_SUB_FINAL) {
        if (!d->features->gc) {
            sw_decode_refuse(d, at, "a subtype", "gc");
        }
        uint32_t supers = sw_reader_count(&d->r, UINT32_MAX, "supertypes");
        if (supers > 1) {
            (void)sw_reader_fail_at(&d->r, SW_INVALID, at, "%u supertypes: at most 1", supers);
        }
        t->super = supers == 1 ? sw_reader_leb_u32(&d->r) : SW_NO_INDEX;
        at = sw_reader_offset(&d->r);
        form = sw_reader_u8(&d->r);
    }
    read_composite(d, form, at, t);
}

/* count subtypes that form one recursive group. */
static void read_group(sw_decoder *d, uint32_t count, bool is_rec)
{
    uint32_t start = (uint32_t)d->types.count;
    if (count > SW_MAX_TYPES - start) {
        (void)sw_reader_fail(&d->r, SW_LIMIT, "more than %d types", SW_MAX_TYPES);
    }
    for (uint32_t i = 0; i < count && sw_reader_ok(&d->r); i++) {
        uint32_t at = sw_reader_offset(&d->r);
        uint8_t form = sw_reader_u8(&d->r);
        if (form == FORM_REC && !is_rec) {
            if (!d->features->gc) {
                sw_decode_refuse(d, at, "a recursive type group", "gc");
            }
            read_group(d, sw_reader_count(&d->r, SW_MAX_TYPES, "types"), true);
            return;
        }
        sw_deftype t = {.group_start = start, .group_count = count, .canonical = start + i};
        read_subtype(d, form, at, &t);
        SW_DECODE_PUSH(d, &d->types, t);
    }
}

void sw_decode_types(sw_decoder *d)
{
    uint32_t groups = sw_reader_count(&d->r, SW_MAX_TYPES, "types");
    for (uint32_t i = 0; i < groups && sw_reader_ok(&d->r); i++) {
        read_group(d, 1, false);
    }
}
