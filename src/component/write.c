/* Writes component binaries, item by item. */
#include "component/write.h"

enum {
    SECTION_CUSTOM = 0,
    SECTION_CORE_MODULE = 1,
    SECTION_CORE_INSTANCE = 2,
    SECTION_CORE_TYPE = 3,
    SECTION_COMPONENT = 4,
    SECTION_INSTANCE = 5,
    SECTION_ALIAS = 6,
    SECTION_TYPE = 7,
    SECTION_CANON = 8,
    SECTION_IMPORT = 10,
    SECTION_EXPORT = 11,
    SECTION_NONE = 255,
};

/* What stands in front of the same item in a type scope. */
static const uint8_t DECL_BYTE[] = {[SECTION_CORE_TYPE] = 0x00,
                                    [SECTION_TYPE] = 0x01,
                                    [SECTION_ALIAS] = 0x02,
                                    [SECTION_IMPORT] = 0x03,
                                    [SECTION_EXPORT] = 0x04};

static const uint8_t PREAMBLE[] = {0x00, 'a', 's', 'm', 0x0d, 0x00, 0x01, 0x00};

void sw_cwriter_init(sw_cwriter *w, sw_scope_kind kind, sw_budget *budget, size_t max_bytes)
{
    *w = (sw_cwriter){.kind = kind, .section_id = SECTION_NONE};
    sw_buf_init(&w->out, budget, max_bytes);
    sw_buf_init(&w->section, budget, max_bytes);
}

void sw_cwriter_clear(sw_cwriter *w)
{
    sw_buf_clear(&w->out);
    sw_buf_clear(&w->section);
}

/* ---- Sections -------------------------------------------------------------------------------- */

static uint32_t leb_bytes(uint32_t n)
{
    uint32_t bytes = 1;
    for (; n >= 0x80; n >>= 7) {
        bytes++;
    }
    return bytes;
}

/* Carries a failure of one buffer over to another. */
static void share_status(sw_buf *to, const sw_buf *from)
{
    if (to->status == SW_OK) {
        to->status = from->status;
    }
}

static void close_section(sw_cwriter *w)
{
    if (w->section_id != SECTION_NONE) {
        uint32_t size = (uint32_t)w->section.len + leb_bytes(w->section_items);
        sw_buf_u8(&w->out, (uint8_t)w->section_id);
        sw_buf_leb_u32(&w->out, size);
        sw_buf_leb_u32(&w->out, w->section_items);
        sw_buf_write(&w->out, w->section.ptr, w->section.len);
        share_status(&w->out, &w->section);
        w->section.len = 0;
    }
    w->section_id = SECTION_NONE;
    w->section_items = 0;
}

/* Begins an item; what follows goes to the buffer. */
static sw_buf *begin(sw_cwriter *w, uint32_t section)
{
    if (w->kind != SW_SCOPE_COMPONENT) {
        sw_buf_u8(&w->out, DECL_BYTE[section]);
        w->decls++;
        return &w->out;
    }
    if (w->section_id != section) {
        close_section(w);
        w->section_id = section;
    }
    w->section_items++;
    return &w->section;
}

/* A section that is no list of items. */
static void whole_section(sw_cwriter *w, uint8_t section, sw_bytes head, sw_bytes contents)
{
    close_section(w);
    sw_buf_u8(&w->out, section);
    sw_buf_leb_u64(&w->out, head.len + contents.len);
    sw_buf_write(&w->out, head.ptr, head.len);
    sw_buf_write(&w->out, contents.ptr, contents.len);
}

sw_status sw_cwriter_finish(sw_cwriter *w, sw_buf *out)
{
    close_section(w);
    if (w->kind == SW_SCOPE_COMPONENT) {
        sw_buf_write(out, PREAMBLE, sizeof PREAMBLE);
    } else {
        sw_buf_u8(out, w->kind == SW_SCOPE_COMPONENT_TYPE ? 0x41 : 0x42);
        sw_buf_leb_u32(out, w->decls);
    }
    sw_buf_write(out, w->out.ptr, w->out.len);
    share_status(out, &w->out);
    return sw_buf_status(out);
}

/* ---- Parts ----------------------------------------------------------------------------------- */

void sw_cwrite_name(sw_buf *out, sw_str name)
{
    sw_buf_leb_u32(out, (uint32_t)name.len);
    sw_buf_str(out, name);
}

static void write_sort(sw_buf *out, sw_sort sort)
{
    static const uint8_t BYTES[SW_SORTS_COUNT] = {
        [SW_SORT_CORE_FUNC] = 0x00,   [SW_SORT_CORE_TABLE] = 0x01,    [SW_SORT_CORE_MEMORY] = 0x02,
        [SW_SORT_CORE_GLOBAL] = 0x03, [SW_SORT_CORE_TAG] = 0x04,      [SW_SORT_CORE_TYPE] = 0x10,
        [SW_SORT_CORE_MODULE] = 0x11, [SW_SORT_CORE_INSTANCE] = 0x12, [SW_SORT_FUNC] = 0x01,
        [SW_SORT_VALUE] = 0x02,       [SW_SORT_TYPE] = 0x03,          [SW_SORT_COMPONENT] = 0x04,
        [SW_SORT_INSTANCE] = 0x05};
    if (sort < SW_SORT_FUNC) {
        sw_buf_u8(out, 0x00);
    }
    sw_buf_u8(out, BYTES[sort]);
}

static void write_extern_name(sw_buf *out, const sw_ast_name *name)
{
    const sw_str attributes[] = {name->implements, name->version_suffix, name->external_id};
    uint32_t count = 0;
    for (size_t i = 0; i < SW_COUNTOF(attributes); i++) {
        count += attributes[i].ptr != NULL;
    }
    sw_buf_u8(out, count > 0 ? 0x02 : 0x00);
    sw_cwrite_name(out, name->text);
    if (count > 0) {
        sw_buf_leb_u32(out, count);
    }
    for (uint8_t i = 0; i < SW_COUNTOF(attributes); i++) {
        if (attributes[i].ptr != NULL) {
            sw_buf_u8(out, i);
            sw_cwrite_name(out, attributes[i]);
        }
    }
}

static void write_extern(sw_buf *out, const sw_ast_extern *e)
{
    write_sort(out, e->sort);
    if (e->sort == SW_SORT_TYPE) {
        sw_buf_u8(out, e->is_sub ? 0x01 : 0x00);
    }
    if (!e->is_sub) {
        sw_buf_leb_u32(out, e->index);
    }
}

/* ---- Types ----------------------------------------------------------------------------------- */

uint8_t sw_cwrite_kind_byte(sw_ctype_kind kind)
{
    static const uint8_t BYTES[] = {
        [SW_CT_BOOL] = 0x7f,   [SW_CT_S8] = 0x7e,     [SW_CT_U8] = 0x7d,
        [SW_CT_S16] = 0x7c,    [SW_CT_U16] = 0x7b,    [SW_CT_S32] = 0x7a,
        [SW_CT_U32] = 0x79,    [SW_CT_S64] = 0x78,    [SW_CT_U64] = 0x77,
        [SW_CT_F32] = 0x76,    [SW_CT_F64] = 0x75,    [SW_CT_CHAR] = 0x74,
        [SW_CT_STRING] = 0x73, [SW_CT_RECORD] = 0x72, [SW_CT_VARIANT] = 0x71,
        [SW_CT_LIST] = 0x70,   [SW_CT_TUPLE] = 0x6f,  [SW_CT_FLAGS] = 0x6e,
        [SW_CT_ENUM] = 0x6d,   [SW_CT_OPTION] = 0x6b, [SW_CT_RESULT] = 0x6a,
        [SW_CT_OWN] = 0x69,    [SW_CT_BORROW] = 0x68, [SW_CT_FIXED_LIST] = 0x67,
        [SW_CT_STREAM] = 0x66, [SW_CT_FUTURE] = 0x65, [SW_CT_ERROR_CONTEXT] = 0x64,
        [SW_CT_MAP] = 0x63,
    };
    return BYTES[kind];
}

void sw_cwrite_valtype(sw_buf *out, uint32_t type)
{
    if (sw_vtype_is_prim(type)) {
        sw_buf_u8(out, sw_cwrite_kind_byte((sw_ctype_kind)(type & ~SW_VT_PRIM)));
    } else {
        sw_buf_leb_s64(out, type);
    }
}

void sw_cwrite_optional_valtype(sw_buf *out, uint32_t type)
{
    sw_buf_u8(out, type != SW_VT_NONE);
    if (type != SW_VT_NONE) {
        sw_cwrite_valtype(out, type);
    }
}

uint32_t sw_cwriter_type(sw_cwriter *w, sw_bytes type)
{
    sw_buf_write(begin(w, SECTION_TYPE), type.ptr, type.len);
    return w->counts[SW_SORT_TYPE]++;
}

uint32_t sw_cwriter_scope_type(sw_cwriter *w, sw_cwriter *inner)
{
    sw_buf *out = begin(w, SECTION_TYPE);
    (void)!sw_cwriter_finish(inner, out);
    return w->counts[SW_SORT_TYPE]++;
}

uint32_t sw_cwriter_core_type(sw_cwriter *w, sw_bytes type)
{
    sw_buf_write(begin(w, SECTION_CORE_TYPE), type.ptr, type.len);
    return w->counts[SW_SORT_CORE_TYPE]++;
}

/* ---- Imports, exports, aliases --------------------------------------------------------------- */

uint32_t sw_cwriter_import(sw_cwriter *w, sw_ast_name name, sw_ast_extern type)
{
    sw_buf *out = begin(w, SECTION_IMPORT);
    write_extern_name(out, &name);
    write_extern(out, &type);
    return w->counts[type.sort]++;
}

uint32_t sw_cwriter_export_type(sw_cwriter *w, sw_ast_name name, sw_ast_extern type)
{
    sw_buf *out = begin(w, SECTION_EXPORT);
    write_extern_name(out, &name);
    write_extern(out, &type);
    return w->counts[type.sort]++;
}

uint32_t sw_cwriter_export(sw_cwriter *w, sw_ast_name name, sw_sort sort, uint32_t index,
                           const sw_ast_extern *type)
{
    sw_buf *out = begin(w, SECTION_EXPORT);
    write_extern_name(out, &name);
    write_sort(out, sort);
    sw_buf_leb_u32(out, index);
    sw_buf_u8(out, type != NULL);
    if (type != NULL) {
        write_extern(out, type);
    }
    return w->counts[sort]++;
}

enum { ALIAS_EXPORT = 0x00, ALIAS_CORE_EXPORT = 0x01 };

static uint32_t alias_of(sw_cwriter *w, uint8_t kind, sw_sort sort, uint32_t instance, sw_str name)
{
    sw_buf *out = begin(w, SECTION_ALIAS);
    write_sort(out, sort);
    sw_buf_u8(out, kind);
    sw_buf_leb_u32(out, instance);
    sw_cwrite_name(out, name);
    return w->counts[sort]++;
}

uint32_t sw_cwriter_alias_export(sw_cwriter *w, sw_sort sort, uint32_t instance, sw_str name)
{
    return alias_of(w, ALIAS_EXPORT, sort, instance, name);
}

uint32_t sw_cwriter_alias_core_export(sw_cwriter *w, sw_sort sort, uint32_t instance, sw_str name)
{
    return alias_of(w, ALIAS_CORE_EXPORT, sort, instance, name);
}

uint32_t sw_cwriter_alias_outer(sw_cwriter *w, sw_sort sort, uint32_t outer, uint32_t index)
{
    sw_buf *out = begin(w, SECTION_ALIAS);
    write_sort(out, sort);
    sw_buf_u8(out, 0x02);
    sw_buf_leb_u32(out, outer);
    sw_buf_leb_u32(out, index);
    return w->counts[sort]++;
}

/* ---- Components only ------------------------------------------------------------------------- */

uint32_t sw_cwriter_core_module(sw_cwriter *w, sw_bytes module)
{
    whole_section(w, SECTION_CORE_MODULE, (sw_bytes){NULL, 0}, module);
    return w->counts[SW_SORT_CORE_MODULE]++;
}

uint32_t sw_cwriter_component(sw_cwriter *w, sw_bytes component)
{
    whole_section(w, SECTION_COMPONENT, (sw_bytes){NULL, 0}, component);
    return w->counts[SW_SORT_COMPONENT]++;
}

uint32_t sw_cwriter_core_instance(sw_cwriter *w, const sw_ast_instance *instance)
{
    sw_buf *out = begin(w, SECTION_CORE_INSTANCE);
    bool is_bag = instance->target == SW_NO_INDEX;
    sw_buf_u8(out, is_bag);
    if (!is_bag) {
        sw_buf_leb_u32(out, instance->target);
    }
    sw_buf_leb_u32(out, instance->args_count);
    for (uint32_t i = 0; i < instance->args_count; i++) {
        const sw_ast_arg *a = &instance->args[i];
        uint8_t sort = a->sort == SW_SORT_CORE_INSTANCE ? 0x12 : (uint8_t)a->sort;
        sw_cwrite_name(out, a->name.text);
        sw_buf_u8(out, sort);
        sw_buf_leb_u32(out, a->index);
    }
    return w->counts[SW_SORT_CORE_INSTANCE]++;
}

uint32_t sw_cwriter_instance(sw_cwriter *w, const sw_ast_instance *instance)
{
    sw_buf *out = begin(w, SECTION_INSTANCE);
    bool is_bag = instance->target == SW_NO_INDEX;
    sw_buf_u8(out, is_bag);
    if (!is_bag) {
        sw_buf_leb_u32(out, instance->target);
    }
    sw_buf_leb_u32(out, instance->args_count);
    for (uint32_t i = 0; i < instance->args_count; i++) {
        const sw_ast_arg *a = &instance->args[i];
        if (is_bag) {
            write_extern_name(out, &a->name);
        } else {
            sw_cwrite_name(out, a->name.text);
        }
        write_sort(out, a->sort);
        sw_buf_leb_u32(out, a->index);
    }
    return w->counts[SW_SORT_INSTANCE]++;
}

uint32_t sw_cwriter_canon(sw_cwriter *w, sw_sort sort, sw_bytes canon)
{
    sw_buf_write(begin(w, SECTION_CANON), canon.ptr, canon.len);
    return w->counts[sort]++;
}

void sw_cwriter_custom(sw_cwriter *w, sw_str name, sw_bytes contents)
{
    sw_buf b;
    sw_buf_init(&b, w->out.budget, w->out.max_bytes);
    sw_cwrite_name(&b, name);
    whole_section(w, SECTION_CUSTOM, sw_buf_bytes(&b), contents);
    share_status(&w->out, &b);
    sw_buf_clear(&b);
}
