/* What comments and gates say: their text, and the JSON of "package-docs". */
#include "wit/docs.h"

#include "base/json.h"
#include "wit/encode.h"
#include "wit/order.h"

/* ---- Text ------------------------------------------------------------------------------------ */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static sw_str trim_end(sw_str s)
{
    while (s.len > 0 && is_blank(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

static size_t indentation(sw_str s)
{
    size_t n = 0;
    while (n < s.len && s.ptr[n] == ' ') {
        n++;
    }
    return n;
}

/* The length of the block comment that s starts with. */
static size_t block_bytes(sw_str s)
{
    size_t at = 0;
    uint32_t depth = 0;
    do {
        sw_str rest = sw_str_slice(s, at, s.len - at);
        if (sw_str_starts(rest, SW_STR("/*"))) {
            depth++;
            at += 2;
        } else if (sw_str_starts(rest, SW_STR("*/"))) {
            depth--;
            at += 2;
        } else {
            at++;
        }
    } while (depth > 0 && at < s.len);
    return SW_MIN(at, s.len);
}

/* The next comment of s, which is cut off; false: it began with something else. */
static bool next_comment(sw_str *s, sw_str *ret_text)
{
    size_t used = 1;
    bool is_line = sw_str_starts(*s, SW_STR("//"));
    bool is_block = sw_str_starts(*s, SW_STR("/*"));
    if (is_line) {
        used = sw_str_find(*s, '\n');
        size_t slashes = 2;
        while (slashes < used && s->ptr[slashes] == '/') {
            slashes++;
        }
        *ret_text = trim_end(sw_str_slice(*s, slashes, used - slashes));
    } else if (is_block) {
        used = block_bytes(*s);
        size_t head = used >= 5 && s->ptr[2] == '*' ? 3 : 2;
        *ret_text = trim_end(sw_str_slice(*s, head, used - head - 2));
    }
    *s = sw_str_slice(*s, used, s->len - used);
    return is_line || is_block;
}

/* The next line of s, which is cut off. */
static sw_str next_line(sw_str *s)
{
    size_t len = sw_str_find(*s, '\n');
    sw_str line = sw_str_slice(*s, 0, len);
    size_t used = SW_MIN(len + 1, s->len);
    *s = sw_str_slice(*s, used, s->len - used);
    return trim_end(line);
}

/* The indentation that all lines have that are not empty. */
static size_t shared_indentation(sw_str text)
{
    size_t shared = SIZE_MAX;
    while (text.len > 0) {
        sw_str line = next_line(&text);
        if (line.len > 0) {
            shared = SW_MIN(shared, indentation(line));
        }
    }
    return shared;
}

/* Takes it away; the text gets shorter in its place. */
static size_t dedent(char *text, size_t len)
{
    sw_str rest = {text, len};
    size_t shared = shared_indentation(rest);
    size_t out = 0;
    while (rest.len > 0) {
        sw_str line = next_line(&rest);
        size_t skip = SW_MIN(shared, line.len);
        memmove(text + out, line.ptr + skip, line.len - skip);
        out += line.len - skip;
        text[out++] = '\n';
    }
    return out;
}

sw_str sw_wit_docs_text(sw_arena *arena, sw_str raw)
{
    char *out = sw_arena_alloc(arena, raw.len + 2, 1);
    size_t len = 0;
    sw_str text = {"", 0};
    while (out != NULL && raw.len > 0) {
        if (next_comment(&raw, &text)) {
            memcpy(out + len, text.ptr, text.len);
            len += text.len;
            out[len++] = '\n';
        }
    }
    len = out == NULL ? 0 : dedent(out, len);
    while (len > 0 && is_blank(out[len - 1])) {
        len--;
    }
    return (sw_str){out, len};
}

sw_str sw_wit_docs_raw(sw_arena *arena, sw_str text)
{
    size_t lines = 1;
    for (size_t i = 0; i < text.len; i++) {
        lines += text.ptr[i] == '\n';
    }
    char *out = sw_arena_alloc(arena, text.len + 4 * lines + 1, 1);
    size_t len = 0;
    while (out != NULL && lines-- > 0) {
        size_t used = sw_str_find(text, '\n');
        memcpy(out + len, "/// ", 4);
        len += used > 0 ? 4 : 3;
        memcpy(out + len, text.ptr, used);
        len += used;
        if (lines > 0) {
            out[len++] = '\n';
            text = sw_str_slice(text, used + 1, text.len - used - 1);
        }
    }
    return (sw_str){out, len};
}

/* ---- JSON ------------------------------------------------------------------------------------ */

typedef struct writer {
    sw_json json;
    sw_arena *arena;
    sw_status status;
} writer;

/* Opens an object under a key when its first member is written, so that empty ones leave nothing
 * behind. */
typedef struct lazy {
    struct lazy *parent;
    sw_str key;
    bool is_open;
} lazy;

static void need(writer *w, lazy *l)
{
    if (l != NULL && !l->is_open) {
        need(w, l->parent);
        if (l->key.len > 0) {
            sw_json_key(&w->json, l->key);
        }
        sw_json_object_begin(&w->json);
        l->is_open = true;
    }
}

static void done(writer *w, const lazy *l)
{
    if (l->is_open) {
        sw_json_object_end(&w->json);
    }
}

static void write_member(writer *w, lazy *in, sw_str key, sw_str value)
{
    if (value.len > 0) {
        need(w, in);
        sw_json_key(&w->json, key);
        sw_json_str(&w->json, value);
    }
}

static void write_docs(writer *w, lazy *in, sw_str key, sw_str raw)
{
    sw_str text = sw_wit_docs_text(w->arena, raw);
    if (text.ptr == NULL) {
        w->status = SW_NO_MEMORY;
    } else {
        write_member(w, in, key, text);
    }
}

/* {"stable": {"since": ...}} or {"unstable": {"feature": ...}}, each with "deprecated" if given. */
static void write_gate(writer *w, lazy *in, sw_str key, const sw_wit_gate *g)
{
    bool is_stable = g->feature.len == 0;
    if (!sw_wit_has_gate(g)) {
        return;
    }
    lazy outer = {in, key, false};
    lazy inner = {&outer, is_stable ? SW_STR("stable") : SW_STR("unstable"), false};
    write_member(w, &inner, is_stable ? SW_STR("since") : SW_STR("feature"),
                 is_stable ? g->since : g->feature);
    write_member(w, &inner, SW_STR("deprecated"), g->deprecated);
    done(w, &inner);
    done(w, &outer);
}

static void write_head(writer *w, lazy *in, const sw_wit_head *head)
{
    write_docs(w, in, SW_STR("docs"), head->docs);
    write_gate(w, in, SW_STR("stability"), &head->gate);
}

static void write_func(writer *w, lazy *in, sw_str name, const sw_wit_head *head)
{
    lazy f = {in, name, false};
    write_head(w, &f, head);
    done(w, &f);
}

static void write_typedef(writer *w, lazy *in, const sw_wit_typedef *d, sw_str name)
{
    lazy type = {in, name, false};
    lazy items = {&type, SW_STR("items"), false};
    sw_wit_head head = d->head;
    if (d->kind == SW_WIT_USE) {
        head.docs = (sw_str){"", 0};
    }
    write_head(w, &type, &head);
    for (const sw_wit_field *f = d->fields; f != NULL; f = f->next) {
        write_docs(w, &items, f->name.text, f->docs);
    }
    done(w, &items);
    done(w, &type);
}

static void write_interface(writer *w, lazy *in, sw_str name, const sw_wit_interface *i)
{
    lazy self = {in, name, false};
    lazy funcs = {&self, SW_STR("funcs"), false};
    lazy types = {&self, SW_STR("types"), false};
    write_head(w, &self, &i->head);
    for (const sw_wit_func *f = i->funcs; f != NULL; f = f->next) {
        if (f->head.active) {
            write_func(w, &funcs, f->full_name, &f->head);
        }
    }
    done(w, &funcs);
    for (const sw_wit_typedef *d = i->typedefs; d != NULL; d = d->next) {
        if (d->head.active) {
            write_typedef(w, &types, d, d->name.text);
        }
    }
    done(w, &types);
    done(w, &self);
}

/* ---- Worlds ---------------------------------------------------------------------------------- */

static void write_inline(writer *w, lazy *in, const sw_wit_item *items, sw_str key)
{
    lazy list = {in, key, false};
    for (const sw_wit_item *it = items; it != NULL; it = it->next) {
        if (it->kind == SW_WIT_ITEM_INLINE) {
            write_interface(w, &list, it->label.text, it->interface);
        }
    }
    done(w, &list);
}

static void write_funcs(writer *w, lazy *in, const sw_wit_item *items, sw_str key)
{
    lazy list = {in, key, false};
    for (const sw_wit_item *it = items; it != NULL; it = it->next) {
        if (it->kind == SW_WIT_ITEM_FUNC) {
            write_func(w, &list, it->label.text, &it->head);
        }
    }
    for (const sw_wit_item *it = items; it != NULL; it = it->next) {
        bool is_resource = it->kind == SW_WIT_ITEM_TYPE && it->type->kind == SW_WIT_RESOURCE;
        for (const sw_wit_func *f = is_resource ? it->type->owner->funcs : NULL; f != NULL;
             f = f->next) {
            if (f->resource == it->type && f->head.active) {
                sw_str name = sw_wit_item_func_name(w->arena, it, f);
                w->status = name.ptr == NULL ? SW_NO_MEMORY : w->status;
                write_func(w, &list, name, &f->head);
            }
        }
    }
    done(w, &list);
}

static sw_str path_key(const sw_wit_item *it)
{
    return it->kind == SW_WIT_ITEM_LABELLED ? it->label.text : it->interface->full_name;
}

static void write_path_gates(writer *w, lazy *in, const sw_wit_item *items, sw_str key)
{
    lazy list = {in, key, false};
    for (const sw_wit_item *it = items; it != NULL; it = it->next) {
        if (it->kind == SW_WIT_ITEM_INTERFACE || it->kind == SW_WIT_ITEM_LABELLED) {
            write_gate(w, &list, path_key(it), &it->head.gate);
        }
    }
    done(w, &list);
}

static void write_path_docs(writer *w, lazy *in, const sw_wit_item *items, sw_str key)
{
    lazy list = {in, key, false};
    for (const sw_wit_item *it = items; it != NULL; it = it->next) {
        if (it->kind == SW_WIT_ITEM_INTERFACE || it->kind == SW_WIT_ITEM_LABELLED) {
            write_docs(w, &list, path_key(it), it->head.docs);
        }
    }
    done(w, &list);
}

static void write_world(writer *w, lazy *in, const sw_wit_world *world)
{
    lazy self = {in, world->name.text, false};
    lazy types = {&self, SW_STR("types"), false};
    write_head(w, &self, &world->head);
    write_inline(w, &self, world->imports, SW_STR("interfaces"));
    for (const sw_wit_item *it = world->imports; it != NULL; it = it->next) {
        if (it->kind == SW_WIT_ITEM_TYPE) {
            write_typedef(w, &types, it->type, it->label.text);
        }
    }
    done(w, &types);
    write_funcs(w, &self, world->imports, SW_STR("funcs"));
    write_inline(w, &self, world->exports, SW_STR("interface_exports"));
    write_funcs(w, &self, world->exports, SW_STR("func_exports"));
    write_path_gates(w, &self, world->imports, SW_STR("interface_import_stability"));
    write_path_gates(w, &self, world->exports, SW_STR("interface_export_stability"));
    write_path_docs(w, &self, world->imports, SW_STR("interface_import_docs"));
    write_path_docs(w, &self, world->exports, SW_STR("interface_export_docs"));
    done(w, &self);
}

static void write_package(writer *w, const sw_wit_package *p, const sw_wit_order *order)
{
    lazy self = {
        NULL, {"", 0},
         false
    };
    lazy worlds = {&self, SW_STR("worlds"), false};
    lazy interfaces = {&self, SW_STR("interfaces"), false};
    need(w, &self);
    write_docs(w, &self, SW_STR("docs"), p->docs);
    for (uint32_t n = 0; n < order->worlds_count; n++) {
        write_world(w, &worlds, order->worlds[n]);
    }
    done(w, &worlds);
    for (uint32_t n = 0; n < order->interfaces_count; n++) {
        const sw_wit_interface *i = order->interfaces[n];
        write_interface(w, &interfaces, i->name.text, i);
    }
    done(w, &interfaces);
    done(w, &self);
}

sw_status sw_wit_encode_docs(const sw_wit *w, const sw_wit_package *p, sw_buf *out)
{
    writer out_writer = {.json = sw_json_make(out, false), .arena = w->arena};
    sw_wit_order order;
    SW_TRY(sw_wit_order_make(w->arena, p, &order));
    write_package(&out_writer, p, &order);
    return out_writer.status != SW_OK ? out_writer.status : sw_buf_status(out);
}
