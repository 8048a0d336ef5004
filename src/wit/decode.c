/* WIT from binaries: which form it is, and the sections around the types. */
#include "wit/decode.h"

#include "base/reader.h"
#include "wit/decode_private.h"
#include "wit/load.h"

static const uint8_t MAGIC[] = {0x00, 'a', 's', 'm'};

bool sw_wit_is_binary(sw_bytes bytes)
{
    return bytes.len >= 8 && memcmp(bytes.ptr, MAGIC, sizeof MAGIC) == 0;
}

static bool is_component(sw_bytes bytes)
{
    return bytes.len >= 8 && bytes.ptr[6] == 0x01;
}

/* ---- Custom sections ------------------------------------------------------------------------- */

/* The next custom section of a module or component behind the reader's place. */
static bool next_custom(sw_reader *r, sw_str *ret_name, sw_bytes *ret_contents)
{
    while (sw_reader_ok(r) && !sw_reader_at_end(r)) {
        uint8_t id = sw_reader_u8(r);
        sw_reader body = sw_reader_sub(r, sw_reader_leb_u32(r));
        if (id == 0 && sw_reader_ok(r)) {
            *ret_name = sw_reader_name(&body);
            *ret_contents = sw_reader_take(&body, sw_reader_left(&body));
            return sw_reader_ok(&body);
        }
    }
    return false;
}

/* The contents of the custom section of that name, at the top of the binary; may be empty. */
static sw_bytes find_custom(sw_bytes bytes, sw_str wanted)
{
    sw_diag ignored = {0};
    sw_reader r = sw_reader_make(bytes, 0, &ignored);
    sw_str name;
    sw_bytes contents;
    (void)sw_reader_u64_le(&r);
    while (next_custom(&r, &name, &contents)) {
        if (sw_str_eq(name, wanted)) {
            return contents;
        }
    }
    return (sw_bytes){NULL, 0};
}

/* ---- Components ------------------------------------------------------------------------------ */

static sw_status begin(decoder *d, sw_wit *w, sw_str path, sw_diag *diag)
{
    *d = (decoder){.wit = w, .arena = w->arena, .diag = diag};
    w->diag = diag;
    SW_TRY(sw_wit_add_source(w, path, (sw_str){"", 0}, &d->source));
    return sw_wit_model_begin(d);
}

static sw_status decode_component(decoder *d, sw_bytes bytes)
{
    sw_ast ast;
    sw_status st = sw_ast_read_types(d->arena, bytes, d->diag, &ast);
    if (st != SW_OK) {
        return sw_fail_context(d->diag, st, "%.*s", SW_STR_ARG(d->wit->sources[d->source].path));
    }
    if (!sw_wit_eval_is_package(ast.root)) {
        return sw_wit_eval_component(d, ast.root);
    }
    SW_TRY(sw_wit_eval_package(d, ast.root));
    return d->main == NULL
               ? sw_wit_decode_fail(d, SW_INVALID, "the package is empty")
               : sw_wit_decode_docs(d, d->main, find_custom(bytes, SW_STR("package-docs")));
}

static sw_status decode_metadata(decoder *d, sw_bytes payload, sw_wit_metadata *ret_metadata)
{
    sw_bytes encoding = find_custom(payload, SW_STR("wit-component-encoding"));
    if (!is_component(payload) || encoding.len != 2 || encoding.ptr[0] < 3 || encoding.ptr[0] > 4 ||
        encoding.ptr[1] > SW_WIT_LATIN1_UTF16) {
        return sw_wit_decode_fail(d, SW_MALFORMED,
                                  "the component-type section is in no known form");
    }
    d->world = NULL;
    d->main = NULL;
    SW_TRY(decode_component(d, payload));
    if (d->world == NULL) {
        return sw_wit_decode_fail(d, SW_INVALID, "the component-type section has no world");
    }
    *ret_metadata = (sw_wit_metadata){.world = d->world,
                                      .strings = (sw_wit_strings)encoding.ptr[1],
                                      .producers = find_custom(payload, SW_STR("producers"))};
    return SW_OK;
}

/* ---- Core modules ---------------------------------------------------------------------------- */

static sw_status new_include(decoder *d, const sw_wit_world *world, sw_wit_include **ret_include)
{
    const sw_wit_package *p = world->scope->package;
    sw_wit_include *inc = SW_NEW(d->arena, sw_wit_include);
    if (inc == NULL) {
        return sw_wit_decode_no_memory(d);
    }
    inc->head.docs = (sw_str){"", 0};
    inc->path =
        (sw_wit_path){.ns = p->ns, .package = p->name, .name = world->name, .version = p->version};
    inc->path.loc.source = d->source;
    *ret_include = inc;
    return SW_OK;
}

/* Sections that are about the same world have been merged. */
static bool is_included(const sw_wit_world *all, const sw_wit_world *world)
{
    const sw_wit_package *p = world->scope->package;
    for (const sw_wit_include *i = all->includes; i != NULL; i = i->next) {
        if (sw_str_eq(i->path.name.text, world->name.text) &&
            sw_str_eq(i->path.package.text, p->name.text) &&
            sw_str_eq(i->path.ns.text, p->ns.text) && sw_str_eq(i->path.version, p->version)) {
            return true;
        }
    }
    return false;
}

static sw_status include_world(decoder *d, sw_wit_world *all, const sw_wit_world *world)
{
    sw_wit_include **end = &all->includes;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    return is_included(all, world) ? SW_OK : new_include(d, world, end);
}

/* All worlds of the module's sections, included by one. */
static sw_status decode_module(decoder *d, sw_bytes bytes)
{
    sw_reader r = sw_reader_make(bytes, 0, d->diag);
    sw_str name;
    sw_bytes contents;
    sw_wit_world *all = NULL;
    (void)sw_reader_u64_le(&r);
    while (next_custom(&r, &name, &contents)) {
        sw_wit_metadata m;
        if (!sw_str_starts(name, SW_STR("component-type"))) {
            continue;
        }
        SW_TRY(decode_metadata(d, contents, &m));
        if (all == NULL) {
            SW_TRY(sw_wit_model_new_world(d, SW_STR("root:module/root"), &all));
        }
        SW_TRY(include_world(d, all, m.world));
    }
    SW_TRY(sw_reader_ok(&r) ? SW_OK : r.status);
    if (all == NULL) {
        return sw_wit_decode_fail(d, SW_NOT_FOUND,
                                  "a core module without a component-type section");
    }
    d->main = all->scope->package;
    d->main->is_partial = false;
    return SW_OK;
}

/* ---- All ------------------------------------------------------------------------------------- */

static sw_status decode_any(decoder *d, sw_bytes bytes)
{
    if (!sw_wit_is_binary(bytes)) {
        return sw_wit_decode_fail(d, SW_MALFORMED, "not a WebAssembly binary");
    }
    return is_component(bytes) ? decode_component(d, bytes) : decode_module(d, bytes);
}

sw_status sw_wit_decode(sw_wit *w, sw_str path, sw_bytes bytes, sw_diag *diag)
{
    decoder d;
    w->roots_count++;
    sw_status st = begin(&d, w, path, diag);
    if (st == SW_OK) {
        st = decode_any(&d, bytes);
    }
    if (st == SW_OK) {
        w->last_root = d.main;
    }
    w->diag = NULL;
    return st;
}

/* As the loader calls it, within an operation of its own. */
static sw_status decode_file(sw_wit *w, sw_str path, sw_bytes bytes, sw_wit_package **ret_main)
{
    decoder d;
    SW_TRY(begin(&d, w, path, w->diag));
    SW_TRY(decode_any(&d, bytes));
    *ret_main = d.main;
    return SW_OK;
}

void sw_wit_accept_binaries(sw_wit *w)
{
    w->decode = decode_file;
}

sw_status sw_wit_decode_metadata(sw_wit *w, sw_str path, sw_bytes payload, sw_diag *diag,
                                 sw_wit_metadata *ret_metadata)
{
    decoder d;
    w->roots_count++;
    sw_status st = begin(&d, w, path, diag);
    if (st == SW_OK) {
        st = decode_metadata(&d, payload, ret_metadata);
    }
    w->diag = NULL;
    return st;
}

static sw_status unite(decoder *d, sw_str full_name, sw_wit_world *const *worlds, size_t count,
                       sw_wit_world **ret_world)
{
    sw_wit_world *all;
    SW_TRY(sw_wit_model_new_world(d, full_name, &all));
    for (size_t i = 0; i < count; i++) {
        SW_TRY(include_world(d, all, worlds[i]));
    }
    all->scope->package->is_partial = false;
    d->wit->last_root = all->scope->package;
    *ret_world = all;
    return SW_OK;
}

sw_status sw_wit_unite(sw_wit *w, sw_str full_name, sw_wit_world *const *worlds, size_t count,
                       sw_diag *diag, sw_wit_world **ret_world)
{
    decoder d;
    sw_status st = begin(&d, w, full_name, diag);
    if (st == SW_OK) {
        st = unite(&d, full_name, worlds, count, ret_world);
    }
    w->diag = NULL;
    return st;
}
