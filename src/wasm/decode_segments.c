/* Element segments, bodies, data segments, and the constant expressions in them. */
#include "wasm/decode.h"

sw_range sw_decode_expr(sw_decoder *d)
{
    uint32_t start = sw_decode_position(d);
    for (uint32_t depth = 1; depth > 0 && sw_reader_ok(&d->r);) {
        sw_instr in = {};
        if (sw_op_read(&d->r, &in) != SW_OK) {
            break;
        }
        bool opens = in.code >= SW_OP_BLOCK && in.code <= SW_OP_IF;
        depth = depth + (opens ? 1 : 0) - (in.code == SW_OP_END ? 1 : 0);
    }
    return (sw_range){start, sw_decode_position(d) - start};
}

static void read_elem_funcs(sw_decoder *d, sw_elem *e)
{
    uint32_t count = sw_reader_count(&d->r, SW_MAX_TABLE_ELEMENTS, "elements");
    uint32_t *funcs = SW_DECODE_ARRAY(d, uint32_t, count);
    for (uint32_t i = 0; i < count && sw_reader_ok(&d->r); i++) {
        funcs[i] = sw_reader_leb_u32(&d->r);
    }
    e->funcs = funcs;
    e->count = count;
}

static void read_elem_exprs(sw_decoder *d, sw_elem *e)
{
    uint32_t count = sw_reader_count(&d->r, SW_MAX_TABLE_ELEMENTS, "elements");
    sw_range *exprs = SW_DECODE_ARRAY(d, sw_range, count);
    for (uint32_t i = 0; i < count && sw_reader_ok(&d->r); i++) {
        exprs[i] = sw_decode_expr(d);
    }
    e->exprs = exprs;
    e->count = count;
}

/* What a list of function indices makes: never null, if the features can say so. */
static sw_valtype functions_type(const sw_decoder *d)
{
    bool typed = d->features->function_references || d->features->gc;
    return typed ? sw_valtype_ref(SW_HEAP_FUNC, false) : SW_TYPE_FUNCREF;
}

/* An element kind (of functions) or a reference type (of expressions). */
static sw_valtype read_elem_type(sw_decoder *d, bool has_exprs)
{
    if (has_exprs) {
        return sw_decode_reftype(d);
    }
    uint32_t at = sw_reader_offset(&d->r);
    if (sw_reader_u8(&d->r) != 0) {
        (void)sw_reader_fail_at(&d->r, SW_MALFORMED, at, "malformed element kind");
    }
    return functions_type(d);
}

static void read_elem(sw_decoder *d, sw_elem *e)
{
    enum { NOT_ACTIVE = 1, TABLE_OR_DECLARED = 2, EXPRESSIONS = 4 };
    uint32_t at = sw_reader_offset(&d->r);
    uint32_t flags = sw_reader_leb_u32(&d->r);
    bool has_exprs = (flags & EXPRESSIONS) != 0;
    if (flags > 7) {
        (void)sw_reader_fail_at(&d->r, SW_MALFORMED, at, "malformed element segment kind %u",
                                flags);
    }
    if ((flags & NOT_ACTIVE) != 0) {
        e->mode = (flags & TABLE_OR_DECLARED) != 0 ? SW_SEGMENT_DECLARED : SW_SEGMENT_PASSIVE;
    } else {
        e->mode = SW_SEGMENT_ACTIVE;
        e->table = (flags & TABLE_OR_DECLARED) != 0 ? sw_reader_leb_u32(&d->r) : 0;
        e->offset = sw_decode_expr(d);
    }
    e->type = has_exprs ? SW_TYPE_FUNCREF : functions_type(d);
    if ((flags & (NOT_ACTIVE | TABLE_OR_DECLARED)) != 0) {
        e->type = read_elem_type(d, has_exprs);
    }
    if (has_exprs) {
        read_elem_exprs(d, e);
    } else {
        read_elem_funcs(d, e);
    }
}

void sw_decode_elems(sw_decoder *d)
{
    uint32_t count = sw_reader_count(&d->r, SW_MAX_SEGMENTS, "element segments");
    sw_elem *elems = SW_DECODE_ARRAY(d, sw_elem, count);
    for (uint32_t i = 0; i < count && sw_reader_ok(&d->r); i++) {
        read_elem(d, &elems[i]);
    }
    d->m->elems = elems;
    d->m->elems_count = count;
}

void sw_decode_data_count(sw_decoder *d)
{
    d->declared_datas = sw_reader_leb_u32(&d->r);
    d->m->has_data_count = true;
}

/* Bodies stay as they are; their contents are read when they are validated. */
void sw_decode_code(sw_decoder *d)
{
    sw_module *m = d->m;
    uint32_t count = sw_reader_count(&d->r, SW_MAX_FUNCTIONS, "bodies");
    size_t declared = d->funcs.count - m->imported_funcs;
    for (uint32_t i = 0; i < count && sw_reader_ok(&d->r); i++) {
        uint32_t at = sw_reader_offset(&d->r);
        uint32_t len = sw_reader_leb_u32(&d->r);
        if (len > SW_MAX_BODY_BYTES && len <= sw_reader_left(&d->r)) {
            (void)sw_reader_fail_at(&d->r, SW_LIMIT, at, "body of %u bytes: at most %d", len,
                                    SW_MAX_BODY_BYTES);
        }
        sw_range body = {sw_decode_position(d), len};
        (void)sw_reader_take(&d->r, len);
        if (i < declared) {
            d->funcs.at[m->imported_funcs + i].body = body;
        }
        m->code_bytes += len;
    }
    d->bodies_count = count;
}

static void read_data(sw_decoder *d, sw_data *s)
{
    enum { FORM_ACTIVE, FORM_PASSIVE, FORM_ACTIVE_MEMORY };
    uint32_t at = sw_reader_offset(&d->r);
    uint32_t form = sw_reader_leb_u32(&d->r);
    if (form > FORM_ACTIVE_MEMORY) {
        (void)sw_reader_fail_at(&d->r, SW_MALFORMED, at, "malformed data segment kind %u", form);
    }
    s->mode = form == FORM_PASSIVE ? SW_SEGMENT_PASSIVE : SW_SEGMENT_ACTIVE;
    s->memory = form == FORM_ACTIVE_MEMORY ? sw_reader_leb_u32(&d->r) : 0;
    if (s->mode == SW_SEGMENT_ACTIVE) {
        s->offset = sw_decode_expr(d);
    }
    uint32_t len = sw_reader_leb_u32(&d->r);
    s->bytes = (sw_range){sw_decode_position(d), len};
    (void)sw_reader_take(&d->r, len);
}

void sw_decode_datas(sw_decoder *d)
{
    uint32_t count = sw_reader_count(&d->r, SW_MAX_SEGMENTS, "data segments");
    sw_data *datas = SW_DECODE_ARRAY(d, sw_data, count);
    for (uint32_t i = 0; i < count && sw_reader_ok(&d->r); i++) {
        read_data(d, &datas[i]);
    }
    d->m->datas = datas;
    d->m->datas_count = count;
}
