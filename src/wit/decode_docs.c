/* Comments and gates out of the JSON of "package-docs", into a decoded package. */
#include "base/json_read.h"
#include "wit/decode_private.h"
#include "wit/docs.h"
#include "wit/lex.h"

/* What is a version stays one: others would break the printed text. */
static sw_str version_of(const sw_json_value *v, sw_str key)
{
    sw_semver semver;
    sw_str text = sw_json_member_text(v, key);
    return sw_semver_parse(text, &semver) ? text : (sw_str){"", 0};
}

static void set_gate(sw_wit_gate *g, const sw_json_value *stability)
{
    const sw_json_value *stable = sw_json_member(stability, SW_STR("stable"));
    const sw_json_value *unstable = sw_json_member(stability, SW_STR("unstable"));
    sw_str feature = sw_json_member_text(unstable, SW_STR("feature"));
    if (stable != NULL) {
        g->since = version_of(stable, SW_STR("since"));
    } else if (sw_label_is_valid(feature)) {
        g->feature = feature;
    }
    if (g->since.len > 0 || g->feature.len > 0) {
        g->deprecated = version_of(stable != NULL ? stable : unstable, SW_STR("deprecated"));
    }
}

static sw_status set_docs(decoder *d, sw_str *docs, sw_str text)
{
    if (text.len > 0 && sw_wit_text_is_allowed(text)) {
        *docs = sw_wit_docs_raw(d->arena, text);
        return docs->ptr == NULL ? sw_wit_decode_no_memory(d) : SW_OK;
    }
    return SW_OK;
}

/* v may be NULL, or the docs alone. */
static sw_status set_head(decoder *d, sw_wit_head *head, const sw_json_value *v)
{
    if (v != NULL && v->kind == SW_JSON_STRING) {
        return set_docs(d, &head->docs, v->text);
    }
    set_gate(&head->gate, sw_json_member(v, SW_STR("stability")));
    return set_docs(d, &head->docs, sw_json_member_text(v, SW_STR("docs")));
}

/* A set of members by key, for lists that are long. */
static sw_status index_members(decoder *d, const sw_json_value *v, sw_name_map *ret_map,
                               const sw_json_value ***ret_at)
{
    uint32_t count = 0;
    bool inserted;
    *ret_map = (sw_name_map){0};
    const sw_json_value *first = v != NULL && v->kind == SW_JSON_OBJECT ? v->items : NULL;
    for (const sw_json_value *m = first; m != NULL; m = m->next) {
        count++;
    }
    *ret_at = SW_NEW_ARRAY(d->arena, const sw_json_value *, count);
    if (*ret_at == NULL) {
        return sw_wit_decode_no_memory(d);
    }
    count = 0;
    for (const sw_json_value *m = first; m != NULL; m = m->next) {
        (*ret_at)[count] = m;
        if (sw_name_map_insert(d->arena, ret_map, m->key, count++, &inserted) != SW_OK) {
            return sw_wit_decode_no_memory(d);
        }
    }
    return SW_OK;
}

typedef struct members {
    sw_name_map map;
    const sw_json_value **at;
} members;

static sw_status members_of(decoder *d, const sw_json_value *v, sw_str key, members *ret_members)
{
    return index_members(d, sw_json_member(v, key), &ret_members->map, &ret_members->at);
}

static const sw_json_value *member(const members *m, sw_str key)
{
    const uint32_t *index = sw_name_map_find(&m->map, key);
    return index == NULL ? NULL : m->at[*index];
}

static sw_status set_typedef(decoder *d, sw_wit_typedef *def, const sw_json_value *v)
{
    members items;
    SW_TRY(set_head(d, &def->head, v));
    SW_TRY(members_of(d, v, SW_STR("items"), &items));
    for (sw_wit_field *f = def->fields; f != NULL; f = f->next) {
        const sw_json_value *docs = member(&items, f->name.text);
        if (docs != NULL && docs->kind == SW_JSON_STRING) {
            SW_TRY(set_docs(d, &f->docs, docs->text));
        }
    }
    return SW_OK;
}

static sw_status set_contents(decoder *d, sw_wit_interface *i, const sw_json_value *v)
{
    members types, funcs;
    SW_TRY(members_of(d, v, SW_STR("types"), &types));
    SW_TRY(members_of(d, v, SW_STR("funcs"), &funcs));
    for (sw_wit_typedef *def = i->typedefs; def != NULL; def = def->next) {
        const sw_json_value *t = member(&types, def->name.text);
        if (t != NULL) {
            SW_TRY(set_typedef(d, def, t));
        }
    }
    for (sw_wit_func *f = i->funcs; f != NULL; f = f->next) {
        SW_TRY(set_head(d, &f->head, member(&funcs, f->full_name)));
    }
    return SW_OK;
}

/* ---- Worlds ---------------------------------------------------------------------------------- */

typedef struct side {
    members interfaces, funcs, gates, docs;
} side;

static sw_status side_of(decoder *d, const sw_json_value *v, bool is_export, side *ret_side)
{
    SW_TRY(members_of(d, v, is_export ? SW_STR("interface_exports") : SW_STR("interfaces"),
                      &ret_side->interfaces));
    SW_TRY(
        members_of(d, v, is_export ? SW_STR("func_exports") : SW_STR("funcs"), &ret_side->funcs));
    SW_TRY(members_of(d, v,
                      is_export ? SW_STR("interface_export_stability")
                                : SW_STR("interface_import_stability"),
                      &ret_side->gates));
    return members_of(d, v,
                      is_export ? SW_STR("interface_export_docs") : SW_STR("interface_import_docs"),
                      &ret_side->docs);
}

static sw_status set_item(decoder *d, sw_wit_item *it, const side *s)
{
    sw_str key = it->label.text;
    if (it->kind == SW_WIT_ITEM_FUNC) {
        return set_head(d, &it->head, member(&s->funcs, key));
    }
    if (it->kind == SW_WIT_ITEM_INLINE) {
        const sw_json_value *v = member(&s->interfaces, key);
        SW_TRY(set_head(d, &it->head, v));
        return set_contents(d, it->interface, v);
    }
    const sw_json_value *docs = member(&s->docs, key);
    set_gate(&it->head.gate, member(&s->gates, key));
    return docs != NULL && docs->kind == SW_JSON_STRING ? set_docs(d, &it->head.docs, docs->text)
                                                        : SW_OK;
}

static sw_status set_world(decoder *d, sw_wit_world *w, const sw_json_value *v)
{
    side imports, exports;
    SW_TRY(set_head(d, &w->head, v));
    SW_TRY(set_contents(d, w->own, v));
    SW_TRY(side_of(d, v, false, &imports));
    SW_TRY(side_of(d, v, true, &exports));
    for (sw_wit_item *it = w->items; it != NULL; it = it->next) {
        SW_TRY(set_item(d, it, it->is_export ? &exports : &imports));
    }
    return SW_OK;
}

static sw_status set_package(decoder *d, sw_wit_package *p, const sw_json_value *v)
{
    members interfaces, worlds;
    SW_TRY(set_docs(d, &p->docs, sw_json_member_text(v, SW_STR("docs"))));
    SW_TRY(members_of(d, v, SW_STR("interfaces"), &interfaces));
    SW_TRY(members_of(d, v, SW_STR("worlds"), &worlds));
    for (sw_wit_interface *i = p->scopes->interfaces; i != NULL; i = i->next) {
        const sw_json_value *found = member(&interfaces, i->name.text);
        if (found != NULL) {
            SW_TRY(set_head(d, &i->head, found));
            SW_TRY(set_contents(d, i, found));
        }
    }
    for (sw_wit_world *w = p->scopes->worlds; w != NULL; w = w->next) {
        const sw_json_value *found = member(&worlds, w->name.text);
        if (found != NULL) {
            SW_TRY(set_world(d, w, found));
        }
    }
    return SW_OK;
}

sw_status sw_wit_decode_docs(decoder *d, sw_wit_package *p, sw_bytes json)
{
    sw_json_value *v;
    sw_str text = {(const char *)json.ptr, json.len};
    sw_diag diag = {0};
    if (text.len == 0 || text.ptr[0] > 1) {
        return SW_OK;
    }
    sw_status st = sw_json_parse(d->arena, sw_str_slice(text, 1, text.len - 1), &diag, &v);
    if (st == SW_NO_MEMORY) {
        return sw_wit_decode_no_memory(d);
    }
    return st == SW_OK ? set_package(d, p, v) : SW_OK;
}
