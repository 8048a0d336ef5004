/* WIT as text, in canonical form. */
#include "wit/print.h"

#include "wit/docs.h"
#include "wit/lex.h"
#include "wit/order.h"

typedef struct printer {
    const sw_wit *wit;
    const sw_wit_package *package;
    const sw_wit_world *world; /* the one whose items are printed, or NULL */
    sw_wit_print_options options;
    sw_buf *out;
    uint32_t level;
    sw_status status;
} printer;

static void text(printer *p, const char *s)
{
    sw_buf_str(p->out, sw_str_of(s));
}

static void indent(printer *p)
{
    for (uint32_t i = 0; i < p->level; i++) {
        text(p, "  ");
    }
}

/* A name, with a '%' when it would be taken for a keyword. */
static void label(printer *p, sw_str name)
{
    if (sw_wit_is_keyword(name)) {
        text(p, "%");
    }
    sw_buf_str(p->out, name);
}

static void open_brace(printer *p)
{
    text(p, " {\n");
    p->level++;
}

static void close_brace(printer *p)
{
    p->level--;
    indent(p);
    text(p, "}\n");
}

/* ---- Heads ----------------------------------------------------------------------------------- */

static void docs(printer *p, sw_str raw)
{
    sw_str rest = p->options.no_docs ? (sw_str){"", 0} : sw_wit_docs_text(p->wit->arena, raw);
    if (rest.ptr == NULL) {
        p->status = SW_NO_MEMORY;
        return;
    }
    while (rest.len > 0) {
        size_t len = sw_str_find(rest, '\n');
        indent(p);
        text(p, len > 0 ? "/// " : "///");
        sw_buf_str(p->out, sw_str_slice(rest, 0, len));
        text(p, "\n");
        len = SW_MIN(len + 1, rest.len);
        rest = sw_str_slice(rest, len, rest.len - len);
    }
}

static void gate_part(printer *p, const char *name, const char *field, sw_str value)
{
    if (value.len > 0) {
        indent(p);
        sw_buf_printf(p->out, "@%s(%s = ", name, field);
        label(p, value); /* no version looks like a keyword */
        text(p, ")\n");
    }
}

static void head(printer *p, const sw_wit_head *h)
{
    docs(p, h->docs);
    gate_part(p, "since", "version", h->gate.since);
    gate_part(p, "unstable", "feature", h->gate.feature);
    gate_part(p, "deprecated", "version", h->gate.deprecated);
    if (h->external_id.len > 0) {
        indent(p);
        sw_buf_printf(p->out, "@external-id(\"%.*s\")\n", SW_STR_ARG(h->external_id));
    }
}

/* ---- Types ----------------------------------------------------------------------------------- */

static void type(printer *p, const sw_wit_type *t);

static void type_name(printer *p, const sw_wit_type *t)
{
    label(p, p->world == NULL ? t->name.text : sw_wit_world_type_name(p->world, t->def));
}

static void type_list(printer *p, const sw_wit_type *t)
{
    const char *separator = "";
    for (const sw_wit_type *item = t->first; item != NULL; item = item->next) {
        text(p, separator);
        type(p, item);
        separator = ", ";
    }
}

static void result_type(printer *p, const sw_wit_type *t)
{
    if (t->first == NULL && t->other == NULL) {
        return;
    }
    text(p, "<");
    if (t->first != NULL) {
        type(p, t->first);
    } else {
        text(p, "_");
    }
    if (t->other != NULL) {
        text(p, ", ");
        type(p, t->other);
    }
    text(p, ">");
}

/* What stands behind the keyword of a type. */
static void type_rest(printer *p, const sw_wit_type *t)
{
    if (t->kind == SW_CT_RESULT) {
        result_type(p, t);
        return;
    }
    bool is_empty = t->first == NULL && t->kind != SW_CT_TUPLE && t->kind != SW_CT_BORROW;
    if (t->kind < SW_CT_RECORD || is_empty) {
        return;
    }
    text(p, "<");
    switch (t->kind) {
    case SW_CT_BORROW: type_name(p, t); break;
    case SW_CT_TUPLE: type_list(p, t); break;
    default: type(p, t->first); break;
    }
    if (t->kind == SW_CT_FIXED_LIST) {
        sw_buf_printf(p->out, ", %u", t->length);
    } else if (t->kind == SW_CT_MAP) {
        text(p, ", ");
        type(p, t->other);
    }
    text(p, ">");
}

static void type(printer *p, const sw_wit_type *t)
{
    static const char *const WORDS[] = {
#define X(name, word) [SW_CT_##name] = (word),
        SW_CTYPE_MAP(X)
#undef X
    };
    if (t->kind == SW_WIT_NAMED || t->kind == SW_CT_OWN) {
        type_name(p, t);
    } else {
        text(p, WORDS[t->kind]);
        type_rest(p, t);
    }
}

/* ---- Functions ------------------------------------------------------------------------------- */

static void params(printer *p, const sw_wit_func *f)
{
    const char *separator = "";
    const sw_wit_field *first = f->params;
    if (f->kind == SW_WIT_METHOD && first != NULL) {
        first = first->next;
    }
    text(p, "(");
    for (const sw_wit_field *param = first; param != NULL; param = param->next) {
        text(p, separator);
        label(p, param->name.text);
        text(p, ": ");
        type(p, param->type);
        separator = ", ";
    }
    text(p, ")");
}

static void func_type(printer *p, const sw_wit_func *f)
{
    text(p, f->is_async ? "async func" : "func");
    params(p, f);
    if (f->result != NULL) {
        text(p, " -> ");
        type(p, f->result);
    }
}

static void resource_func(printer *p, const sw_wit_func *f)
{
    head(p, &f->head);
    indent(p);
    if (f->kind == SW_WIT_CONSTRUCTOR) {
        text(p, "constructor");
        params(p, f);
        if (f->result != NULL && f->result->kind == SW_CT_RESULT) {
            text(p, " -> ");
            type(p, f->result);
        }
    } else {
        label(p, f->name.text);
        text(p, f->kind == SW_WIT_STATIC ? ": static " : ": ");
        func_type(p, f);
    }
    text(p, ";\n");
}

/* ---- Definitions ----------------------------------------------------------------------------- */

static void resource(printer *p, const sw_wit_typedef *d)
{
    bool is_open = false;
    for (const sw_wit_func *f = d->owner->funcs; f != NULL; f = f->next) {
        if (f->resource == d && f->head.active) {
            if (!is_open) {
                open_brace(p);
                is_open = true;
            }
            resource_func(p, f);
        }
    }
    if (is_open) {
        close_brace(p);
    } else {
        text(p, ";\n");
    }
}

static void fields(printer *p, const sw_wit_typedef *d)
{
    open_brace(p);
    for (const sw_wit_field *f = d->fields; f != NULL; f = f->next) {
        docs(p, f->docs);
        indent(p);
        label(p, f->name.text);
        if (d->kind == SW_WIT_RECORD) {
            text(p, ": ");
            type(p, f->type);
        } else if (f->type != NULL) {
            text(p, "(");
            type(p, f->type);
            text(p, ")");
        }
        text(p, ",\n");
    }
    close_brace(p);
}

/* `own` is left out everywhere but here, where it tells a handle from another name of the
 * resource. */
static void alias(printer *p, const sw_wit_type *t)
{
    bool is_own = t->kind == SW_CT_OWN;
    text(p, is_own ? " = own<" : " = ");
    type(p, t);
    text(p, is_own ? ">;\n" : ";\n");
}

static void definition(printer *p, const sw_wit_typedef *d, sw_str name)
{
    static const char *const WORDS[] = {[SW_WIT_ALIAS] = "type",       [SW_WIT_USE] = "use",
                                        [SW_WIT_RECORD] = "record",    [SW_WIT_VARIANT] = "variant",
                                        [SW_WIT_ENUM] = "enum",        [SW_WIT_FLAGS] = "flags",
                                        [SW_WIT_RESOURCE] = "resource"};
    head(p, &d->head);
    indent(p);
    sw_buf_printf(p->out, "%s ", WORDS[d->kind]);
    label(p, name);
    if (d->kind == SW_WIT_ALIAS) {
        alias(p, d->alias);
    } else if (d->kind == SW_WIT_RESOURCE) {
        resource(p, d);
    } else {
        fields(p, d);
    }
}

/* ---- Uses ------------------------------------------------------------------------------------ */

/* The name of an interface as it is seen from the package: short for its own. */
static void path(printer *p, const sw_wit_interface *i)
{
    const sw_wit_package *from = i->scope->package;
    if (from != p->package) {
        label(p, from->ns.text);
        text(p, ":");
        label(p, from->name.text);
        text(p, "/");
    }
    label(p, i->name.text);
    if (from != p->package && from->version.len > 0) {
        sw_buf_printf(p->out, "@%.*s", SW_STR_ARG(from->version));
    }
}

/* A name in a use item: d is the one over here. */
static void used_name(printer *p, const sw_wit_typedef *d, sw_str name)
{
    label(p, d->target->name.text);
    if (!sw_str_eq(d->target->name.text, name)) {
        text(p, " as ");
        label(p, name);
    }
}

/* One use item of what comes from the same place, with the same gate. */
static bool is_same_use(const sw_wit_typedef *a, const sw_wit_typedef *b)
{
    const sw_wit_gate *x = &a->head.gate;
    const sw_wit_gate *y = &b->head.gate;
    return b->kind == SW_WIT_USE && b->head.active && a->target->owner == b->target->owner &&
           sw_str_eq(x->since, y->since) && sw_str_eq(x->feature, y->feature) &&
           sw_str_eq(x->deprecated, y->deprecated) && b->head.external_id.len == 0;
}

static void uses(printer *p, const sw_wit_interface *i)
{
    const sw_wit_typedef *last = NULL;
    for (const sw_wit_typedef *d = i->typedefs; d != NULL && d->kind == SW_WIT_USE; d = d->next) {
        if (!d->head.active) {
            continue;
        }
        if (last != NULL && is_same_use(last, d)) {
            text(p, ", ");
        } else {
            text(p, last != NULL ? "};\n" : "");
            head(p, &(sw_wit_head){.gate = d->head.gate, .external_id = d->head.external_id});
            indent(p);
            text(p, "use ");
            path(p, d->target->owner);
            text(p, ".{");
        }
        used_name(p, d, d->name.text);
        last = d;
    }
    text(p, last != NULL ? "};\n" : "");
}

/* ---- Interfaces ------------------------------------------------------------------------------ */

static void blank_line(printer *p, bool *is_first)
{
    if (!*is_first) {
        text(p, "\n");
    }
    *is_first = false;
}

static void interface_body(printer *p, const sw_wit_interface *i)
{
    bool is_first = i->typedefs == NULL || i->typedefs->kind != SW_WIT_USE;
    open_brace(p);
    uses(p, i);
    for (const sw_wit_typedef *d = i->typedefs; d != NULL; d = d->next) {
        if (d->head.active && d->kind != SW_WIT_USE) {
            blank_line(p, &is_first);
            definition(p, d, d->name.text);
        }
    }
    for (const sw_wit_func *f = i->funcs; f != NULL; f = f->next) {
        if (f->head.active && f->resource == NULL) {
            blank_line(p, &is_first);
            head(p, &f->head);
            indent(p);
            label(p, f->name.text);
            text(p, ": ");
            func_type(p, f);
            text(p, ";\n");
        }
    }
    close_brace(p);
}

/* ---- Worlds ---------------------------------------------------------------------------------- */

static void item(printer *p, const sw_wit_item *it)
{
    head(p, &it->head);
    indent(p);
    text(p, it->is_export ? "export " : "import ");
    if (it->kind != SW_WIT_ITEM_INTERFACE) {
        label(p, it->label.text);
        text(p, ": ");
    }
    if (it->kind == SW_WIT_ITEM_FUNC) {
        func_type(p, it->func);
        text(p, ";\n");
    } else if (it->kind == SW_WIT_ITEM_INLINE) {
        const sw_wit_world *around = p->world;
        p->world = NULL;
        text(p, "interface");
        interface_body(p, it->interface);
        p->world = around;
    } else {
        path(p, it->interface);
        text(p, ";\n");
    }
}

/* A type that a world imports, perhaps under another name than in the world that was included. */
static void type_item(printer *p, const sw_wit_item *it)
{
    const sw_wit_typedef *d = it->type;
    if (d->kind != SW_WIT_USE) {
        definition(p, d, it->label.text);
        return;
    }
    head(p, &(sw_wit_head){.gate = it->head.gate, .external_id = it->head.external_id});
    indent(p);
    text(p, "use ");
    path(p, d->target->owner);
    text(p, ".{");
    used_name(p, d, it->label.text);
    text(p, "};\n");
}

static void world(printer *p, const sw_wit_world *w)
{
    head(p, &w->head);
    indent(p);
    text(p, "world ");
    label(p, w->name.text);
    open_brace(p);
    p->world = w;
    for (const sw_wit_item *it = w->imports; it != NULL; it = it->next) {
        if (it->kind == SW_WIT_ITEM_TYPE) {
            type_item(p, it);
        } else {
            item(p, it);
        }
    }
    if (w->imports != NULL && w->exports != NULL) {
        text(p, "\n");
    }
    for (const sw_wit_item *it = w->exports; it != NULL; it = it->next) {
        item(p, it);
    }
    p->world = NULL;
    close_brace(p);
}

/* ---- Packages -------------------------------------------------------------------------------- */

static void package_name(printer *p)
{
    text(p, "package ");
    label(p, p->package->ns.text);
    text(p, ":");
    label(p, p->package->name.text);
    if (p->package->version.len > 0) {
        sw_buf_printf(p->out, "@%.*s", SW_STR_ARG(p->package->version));
    }
}

static void contents(printer *p, const sw_wit_order *order, bool is_first)
{
    for (uint32_t n = 0; n < order->interfaces_count; n++) {
        const sw_wit_interface *i = order->interfaces[n];
        blank_line(p, &is_first);
        head(p, &i->head);
        indent(p);
        text(p, "interface ");
        label(p, i->name.text);
        interface_body(p, i);
    }
    for (uint32_t n = 0; n < order->worlds_count; n++) {
        blank_line(p, &is_first);
        world(p, order->worlds[n]);
    }
}

static sw_status print(printer *p, const sw_wit_package *package, bool is_nested)
{
    sw_wit_order order;
    p->package = package;
    SW_TRY(sw_wit_order_make(p->wit->arena, package, &order));
    docs(p, package->docs);
    package_name(p);
    if (is_nested) {
        open_brace(p);
        contents(p, &order, true);
        close_brace(p);
    } else {
        text(p, ";\n");
        contents(p, &order, false);
    }
    return p->status != SW_OK ? p->status : sw_buf_status(p->out);
}

static printer make(const sw_wit *w, const sw_wit_print_options *options, sw_buf *out)
{
    printer p = {.wit = w, .out = out};
    if (options != NULL) {
        p.options = *options;
    }
    return p;
}

sw_status sw_wit_print_package(const sw_wit *w, const sw_wit_package *p,
                               const sw_wit_print_options *options, sw_buf *out)
{
    printer pr = make(w, options, out);
    return print(&pr, p, false);
}

sw_status sw_wit_print(const sw_wit *w, const sw_wit_print_options *options, sw_buf *out)
{
    printer p = make(w, options, out);
    bool has_root = false;
    for (const sw_wit_package *q = w->packages; q != NULL; q = q->next) {
        has_root = has_root || q == w->last_root;
    }
    if (has_root) {
        SW_TRY(print(&p, w->last_root, false));
    }
    for (const sw_wit_package *q = w->packages; q != NULL; q = q->next) {
        if (q != w->last_root) {
            text(&p, "\n");
            SW_TRY(print(&p, q, true));
        }
    }
    return sw_buf_status(out);
}
