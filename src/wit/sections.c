/* Custom sections of modules and components. */
#include "wit/sections.h"

#include "base/json.h"
#include "base/reader.h"
#include "component/write.h"

enum { MAX_DEPTH = 100, SECTION_CUSTOM = 0, SECTION_MODULE = 1, SECTION_COMPONENT = 4 };

typedef struct section {
    uint8_t id;
    bool is_nested;    /* a module or component in a component */
    uint32_t offset;   /* of contents in the file */
    sw_bytes contents; /* of a custom section with its name */
    sw_str name;       /* CUSTOM */
    sw_bytes rest;     /* CUSTOM: behind the name */
} section;

/* Reads the preamble; *ret_is_component tells what it is. */
static void read_preamble(sw_reader *r, bool *ret_is_component)
{
    static const uint8_t MAGIC[] = {0x00, 'a', 's', 'm'};
    sw_bytes magic = sw_reader_take(r, sizeof MAGIC);
    uint32_t version = sw_reader_u32_le(r);
    if (sw_reader_ok(r) &&
        (memcmp(magic.ptr, MAGIC, sizeof MAGIC) != 0 || (version != 1 && version != 0x0001000d))) {
        (void)sw_reader_fail(r, SW_MALFORMED, "not a WebAssembly module or component");
    }
    *ret_is_component = version != 1;
}

static bool next_section(sw_reader *r, bool in_component, section *ret_section)
{
    if (!sw_reader_ok(r) || sw_reader_at_end(r)) {
        return false;
    }
    section s = {.id = sw_reader_u8(r)};
    uint32_t size = sw_reader_leb_u32(r);
    s.offset = sw_reader_offset(r);
    s.contents = sw_reader_take(r, size);
    s.is_nested = in_component && (s.id == SECTION_MODULE || s.id == SECTION_COMPONENT);
    if (sw_reader_ok(r) && s.id == SECTION_CUSTOM) {
        sw_reader body = sw_reader_make(s.contents, s.offset, r->diag);
        s.name = sw_reader_name(&body);
        s.rest = sw_reader_take(&body, sw_reader_left(&body));
        if (!sw_reader_ok(&body)) {
            r->status = body.status;
        }
    }
    *ret_section = s;
    return sw_reader_ok(r);
}

static sw_status too_deep(sw_diag *diag, uint32_t offset)
{
    return sw_fail(diag, SW_LIMIT, offset, "components nest too deeply");
}

/* ---- Embedding ------------------------------------------------------------------------------- */

static void add_custom(sw_buf *out, sw_str name, sw_bytes contents)
{
    sw_buf head;
    sw_buf_init(&head, NULL, 4096);
    sw_cwrite_name(&head, name);
    sw_buf_u8(out, SECTION_CUSTOM);
    sw_buf_leb_u64(out, head.len + contents.len);
    sw_buf_write(out, head.ptr, head.len);
    sw_buf_write(out, contents.ptr, contents.len);
    if (out->status == SW_OK) {
        out->status = head.status;
    }
    sw_buf_clear(&head);
}

/* Whether the frame of a core module is in order. */
static sw_status check_module(sw_bytes module, sw_diag *diag)
{
    sw_reader r = sw_reader_make(module, 0, diag);
    bool is_component;
    section s;
    read_preamble(&r, &is_component);
    if (sw_reader_ok(&r) && is_component) {
        return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET,
                       "metadata goes into a core module, and this is a component");
    }
    while (next_section(&r, false, &s)) {
    }
    return r.status;
}

sw_status sw_wit_embed(sw_wit *w, const sw_wit_world *world, sw_wit_strings strings,
                       sw_bytes module, sw_diag *diag, sw_buf *out)
{
    SW_TRY(check_module(module, diag));
    sw_str name = sw_arena_printf(w->arena, "component-type:%.*s", SW_STR_ARG(world->name.text));
    sw_buf payload;
    if (name.ptr == NULL) {
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "out of memory");
    }
    sw_buf_init(&payload, NULL, out->max_bytes);
    sw_status st = sw_wit_encode_world(w, world, strings, diag, &payload);
    if (st == SW_OK) {
        sw_buf_write(out, module.ptr, module.len);
        add_custom(out, name, sw_buf_bytes(&payload));
        st = sw_buf_status(out);
    }
    sw_buf_clear(&payload);
    return st;
}

/* ---- Leaving out ----------------------------------------------------------------------------- */

static bool is_kept(const sw_wit_strip *what, sw_str name)
{
    static const sw_str NEEDED[] = {SW_STR_INIT("name"), SW_STR_INIT("dylink.0"),
                                    SW_STR_INIT("wit-component-encoding"),
                                    SW_STR_INIT("package-docs")};
    if (what->name.len > 0) {
        return !sw_str_eq(what->name, name);
    }
    bool is_needed = sw_str_starts(name, SW_STR("component-type"));
    for (size_t i = 0; i < SW_COUNTOF(NEEDED); i++) {
        is_needed = is_needed || sw_str_eq(name, NEEDED[i]);
    }
    return is_needed && !what->everything;
}

static sw_status strip(sw_bytes bytes, uint32_t origin, const sw_wit_strip *what, uint32_t depth,
                       sw_diag *diag, sw_buf *out)
{
    sw_reader r = sw_reader_make(bytes, origin, diag);
    bool is_component;
    section s;
    if (depth > MAX_DEPTH) {
        return too_deep(diag, origin);
    }
    read_preamble(&r, &is_component);
    sw_buf_write(out, bytes.ptr, sw_reader_ok(&r) ? 8 : 0);
    while (next_section(&r, is_component, &s)) {
        sw_buf inner;
        sw_status st = SW_OK;
        if (s.id == SECTION_CUSTOM && !is_kept(what, s.name)) {
            continue;
        }
        sw_buf_init(&inner, NULL, out->max_bytes);
        if (s.is_nested) {
            st = strip(s.contents, s.offset, what, depth + 1, diag, &inner);
            s.contents = sw_buf_bytes(&inner);
        }
        sw_buf_u8(out, s.id);
        sw_buf_leb_u64(out, s.contents.len);
        sw_buf_write(out, s.contents.ptr, s.contents.len);
        sw_buf_clear(&inner);
        SW_TRY(st);
    }
    return sw_reader_ok(&r) ? sw_buf_status(out) : r.status;
}

sw_status sw_wit_strip_sections(sw_bytes bytes, const sw_wit_strip *what, sw_diag *diag,
                                sw_buf *out)
{
    return strip(bytes, 0, what, 0, diag, out);
}

/* ---- Showing --------------------------------------------------------------------------------- */

typedef struct shower {
    sw_buf *out;
    sw_json json;
    bool as_json;
    sw_diag *diag;
} shower;

/* The name a name section gives to the whole: its first subsection, if that is 0. */
static sw_str name_in(sw_bytes contents)
{
    sw_reader r = sw_reader_make(contents, 0, NULL);
    if (sw_reader_left(&r) == 0 || sw_reader_u8(&r) != 0) {
        return (sw_str){"", 0};
    }
    sw_reader body = sw_reader_sub(&r, sw_reader_leb_u32(&r));
    sw_str name = sw_reader_name(&body);
    return sw_reader_ok(&body) ? name : (sw_str){"", 0};
}

/* Text from a file, with what is no plain character left out. */
static void foreign(shower *w, sw_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];
        sw_buf_u8(w->out, c < 0x20 || c == 0x7f ? '?' : c);
    }
}

static void indent(shower *w, uint32_t depth)
{
    for (uint32_t i = 0; i < depth; i++) {
        sw_buf_str(w->out, SW_STR("  "));
    }
}

static void show_producer(shower *w, sw_str name, sw_str version, uint32_t depth)
{
    if (w->as_json) {
        sw_json_array_begin(&w->json);
        sw_json_str(&w->json, name);
        sw_json_str(&w->json, version);
        sw_json_array_end(&w->json);
        return;
    }
    indent(w, depth);
    foreign(w, name);
    sw_buf_str(w->out, version.len > 0 ? SW_STR(" ") : SW_STR(""));
    foreign(w, version);
    sw_buf_str(w->out, SW_STR("\n"));
}

/* "producers": fields such as "processed-by" with names and versions. A broken one shows as far as
 * it can be read. */
static void show_producers(shower *w, sw_bytes contents, uint32_t depth)
{
    sw_reader r = sw_reader_make(contents, 0, NULL);
    uint32_t fields = sw_reader_count(&r, 1000, "producers");
    if (w->as_json) {
        sw_json_key(&w->json, SW_STR("producers"));
        sw_json_object_begin(&w->json);
    }
    for (uint32_t i = 0; i < fields && sw_reader_ok(&r); i++) {
        sw_str field = sw_reader_name(&r);
        uint32_t values = sw_reader_count(&r, 1000, "producers");
        if (w->as_json) {
            sw_json_key(&w->json, field);
            sw_json_array_begin(&w->json);
        } else {
            indent(w, depth);
            foreign(w, field);
            sw_buf_str(w->out, SW_STR(":\n"));
        }
        for (uint32_t k = 0; k < values && sw_reader_ok(&r); k++) {
            sw_str name = sw_reader_name(&r);
            sw_str version = sw_reader_name(&r);
            if (sw_reader_ok(&r)) {
                show_producer(w, name, version, depth + 1);
            }
        }
        if (w->as_json) {
            sw_json_array_end(&w->json);
        }
    }
    if (w->as_json) {
        sw_json_object_end(&w->json);
    }
}

/* The custom section of that name; empty when there is none. */
static sw_bytes find_custom(sw_bytes bytes, sw_str name)
{
    sw_reader r = sw_reader_make(bytes, 0, NULL);
    bool is_component;
    section s;
    read_preamble(&r, &is_component);
    while (next_section(&r, is_component, &s)) {
        if (s.id == SECTION_CUSTOM && sw_str_eq(s.name, name)) {
            return s.rest;
        }
    }
    return (sw_bytes){NULL, 0};
}

static void show_head(shower *w, sw_bytes bytes, uint32_t origin, bool is_component, uint32_t depth)
{
    sw_str kind = is_component ? SW_STR("component") : SW_STR("module");
    sw_str name =
        name_in(find_custom(bytes, is_component ? SW_STR("component-name") : SW_STR("name")));
    if (w->as_json) {
        sw_json_key(&w->json, SW_STR("kind"));
        sw_json_str(&w->json, kind);
        sw_json_key(&w->json, SW_STR("name"));
        sw_json_str(&w->json, name);
        sw_json_key(&w->json, SW_STR("offset"));
        sw_json_u64(&w->json, origin);
        sw_json_key(&w->json, SW_STR("bytes"));
        sw_json_u64(&w->json, bytes.len);
        return;
    }
    indent(w, depth);
    sw_buf_str(w->out, kind);
    sw_buf_str(w->out, name.len > 0 ? SW_STR(" ") : SW_STR(""));
    foreign(w, name);
    sw_buf_printf(w->out, " (%zu bytes at %u)\n", bytes.len, origin);
}

static void show_custom(shower *w, const section *s, uint32_t depth)
{
    if (w->as_json) {
        sw_json_object_begin(&w->json);
        sw_json_key(&w->json, SW_STR("name"));
        sw_json_str(&w->json, s->name);
        sw_json_key(&w->json, SW_STR("offset"));
        sw_json_u64(&w->json, s->offset);
        sw_json_key(&w->json, SW_STR("bytes"));
        sw_json_u64(&w->json, s->contents.len);
        sw_json_object_end(&w->json);
        return;
    }
    indent(w, depth + 1);
    sw_buf_str(w->out, SW_STR("section "));
    foreign(w, s->name);
    sw_buf_printf(w->out, " (%zu bytes at %u)\n", s->contents.len, s->offset);
    if (sw_str_eq(s->name, SW_STR("producers"))) {
        show_producers(w, s->rest, depth + 2);
    }
}

static sw_status show(shower *w, sw_bytes bytes, uint32_t origin, uint32_t depth);

/* One round over the sections: the custom ones, or what is nested. */
static sw_status show_sections(shower *w, sw_bytes bytes, uint32_t origin, uint32_t depth,
                               bool nested)
{
    sw_reader r = sw_reader_make(bytes, origin, w->diag);
    bool is_component;
    section s;
    read_preamble(&r, &is_component);
    while (next_section(&r, is_component, &s)) {
        if (nested && s.is_nested) {
            SW_TRY(show(w, s.contents, s.offset, depth + 1));
        } else if (!nested && s.id == SECTION_CUSTOM) {
            show_custom(w, &s, depth);
        }
    }
    return r.status;
}

static sw_status show(shower *w, sw_bytes bytes, uint32_t origin, uint32_t depth)
{
    sw_reader r = sw_reader_make(bytes, origin, w->diag);
    bool is_component;
    read_preamble(&r, &is_component);
    SW_TRY(r.status);
    if (depth > MAX_DEPTH || (w->as_json && 2 * depth + 8 > SW_JSON_DEPTH_MAX)) {
        return too_deep(w->diag, origin);
    }
    if (!w->as_json) {
        show_head(w, bytes, origin, is_component, depth);
        SW_TRY(show_sections(w, bytes, origin, depth, false));
        return show_sections(w, bytes, origin, depth, true);
    }
    sw_json_object_begin(&w->json);
    show_head(w, bytes, origin, is_component, depth);
    sw_bytes producers = find_custom(bytes, SW_STR("producers"));
    if (producers.len > 0) {
        show_producers(w, producers, depth);
    }
    sw_json_key(&w->json, SW_STR("sections"));
    sw_json_array_begin(&w->json);
    SW_TRY(show_sections(w, bytes, origin, depth, false));
    sw_json_array_end(&w->json);
    sw_json_key(&w->json, SW_STR("children"));
    sw_json_array_begin(&w->json);
    SW_TRY(show_sections(w, bytes, origin, depth, true));
    sw_json_array_end(&w->json);
    sw_json_object_end(&w->json);
    return SW_OK;
}

sw_status sw_wit_show_sections(sw_bytes bytes, bool as_json, sw_diag *diag, sw_buf *out)
{
    shower w = {.out = out, .json = sw_json_make(out, true), .as_json = as_json, .diag = diag};
    SW_TRY(show(&w, bytes, 0, 0));
    if (as_json) {
        sw_buf_str(out, SW_STR("\n"));
    }
    return sw_buf_status(out);
}

/* ---- Taking apart ---------------------------------------------------------------------------- */

typedef struct taker {
    sw_wit_module_fn *take;
    void *env;
    size_t count;
    bool is_done;
    sw_diag *diag;
} taker;

static sw_status take_modules(taker *t, sw_bytes bytes, uint32_t origin, uint32_t depth)
{
    sw_reader r = sw_reader_make(bytes, origin, t->diag);
    bool is_component;
    section s;
    if (depth > MAX_DEPTH) {
        return too_deep(t->diag, origin);
    }
    read_preamble(&r, &is_component);
    if (sw_reader_ok(&r) && !is_component && depth == 0) {
        return sw_fail(t->diag, SW_ARGUMENT, SW_NO_OFFSET, "a core module holds no others");
    }
    while (!t->is_done && next_section(&r, is_component, &s)) {
        if (s.is_nested && s.id == SECTION_MODULE) {
            t->is_done = !t->take(t->env, t->count++, s.contents);
        } else if (s.is_nested) {
            SW_TRY(take_modules(t, s.contents, s.offset, depth + 1));
        }
    }
    return r.status;
}

sw_status sw_wit_unbundle(sw_bytes bytes, sw_wit_module_fn *take, void *env, sw_diag *diag)
{
    taker t = {.take = take, .env = env, .diag = diag};
    return take_modules(&t, bytes, 0, 0);
}
