/*
 * The WIT parser: recursive descent, one function per rule of the grammar.
 *
 * Errors are sticky in the lexer: after the first one every token is the end, so rules run to their
 * end without testing each step, and the file's parser asks once. Allocation failures go the same
 * way. Loops therefore end on END, too.
 */
#include "wit/parse.h"

#include "wit/lex.h"
#include "wit/report.h"

#include <stdio.h>

typedef struct parser {
    sw_wit_lexer lex;
    sw_wit *wit;
    uint32_t depth; /* of types */
} parser;

/* ---- Nodes and tokens ------------------------------------------------------------------------ */

/* On failure a node outside the tree stands in, so that callers need no test; the sticky status
 * keeps it from being used. */
static void *new_node(parser *p, size_t size)
{
    static _Thread_local _Alignas(16) uint8_t spare[1024];
    void *node = sw_arena_alloc(p->wit->arena, size, 16);
    if (node != NULL) {
        return node;
    }
    if (p->lex.status == SW_OK) {
        p->lex.status = sw_fail(p->wit->diag, SW_NO_MEMORY, SW_NO_OFFSET, "out of memory");
    }
    p->lex.token = (sw_wit_token){.kind = SW_WIT_END, .word = SW_WIT_W_NONE};
    assert(size <= sizeof spare);
    memset(spare, 0, sizeof spare);
    return spare;
}

#define NEW(p, T) ((T *)new_node((p), sizeof(T)))

static bool ok(const parser *p)
{
    return p->lex.status == SW_OK;
}

static bool at_punct(const parser *p, char c)
{
    return p->lex.token.kind == SW_WIT_PUNCT && p->lex.token.punct == c;
}

static bool at_word(const parser *p, sw_wit_word w)
{
    return p->lex.token.word == w && w != SW_WIT_W_NONE;
}

static bool eat_punct(parser *p, char c)
{
    bool yes = at_punct(p, c);
    if (yes) {
        sw_wit_lexer_next(&p->lex);
    }
    return yes;
}

static bool eat_word(parser *p, sw_wit_word w)
{
    bool yes = at_word(p, w);
    if (yes) {
        sw_wit_lexer_next(&p->lex);
    }
    return yes;
}

static void fail_expected(parser *p, const char *what)
{
    const sw_wit_token *t = &p->lex.token;
    if (!ok(p)) {
        return;
    }
    if (t->kind == SW_WIT_END) {
        (void)sw_wit_lexer_fail(&p->lex, "expected %s, found the end of the file", what);
    } else {
        (void)sw_wit_lexer_fail(&p->lex, "expected %s, found %s`%.*s`", what,
                                t->kind == SW_WIT_KEYWORD ? "the keyword " : "",
                                SW_STR_ARG(t->text));
    }
}

static void expect_punct(parser *p, char c)
{
    if (!eat_punct(p, c)) {
        char what[] = "'?'";
        what[1] = c;
        fail_expected(p, what);
    }
}

static void expect_word(parser *p, sw_wit_word w)
{
    if (!eat_word(p, w)) {
        char what[40];
        (void)snprintf(what, sizeof what, "`%s`", sw_wit_word_text(w));
        fail_expected(p, what);
    }
}

static sw_wit_name parse_name(parser *p)
{
    sw_wit_name name = {p->lex.token.text, sw_wit_token_loc(&p->lex)};
    if (p->lex.token.kind == SW_WIT_ID) {
        sw_wit_lexer_next(&p->lex);
        return name;
    }
    if (p->lex.token.kind == SW_WIT_KEYWORD && ok(p)) {
        (void)sw_wit_lexer_fail(&p->lex,
                                "expected a name, found the keyword `%.*s`; as a name it is "
                                "written `%%%.*s`",
                                SW_STR_ARG(name.text), SW_STR_ARG(name.text));
    } else {
        fail_expected(p, "a name");
    }
    return (sw_wit_name){
        {"", 0},
        name.loc
    };
}

/* ---- Gates ----------------------------------------------------------------------------------- */

static void expect_field(parser *p, const char *field)
{
    sw_str text = p->lex.token.text;
    if (p->lex.token.kind != SW_WIT_ID || !sw_str_eq(text, sw_str_of(field))) {
        char what[40];
        (void)snprintf(what, sizeof what, "`%s`", field);
        fail_expected(p, what);
        return;
    }
    sw_wit_lexer_next(&p->lex);
    expect_punct(p, '=');
}

static void parse_external_id(parser *p, sw_wit_head *head)
{
    expect_punct(p, '(');
    head->external_id = p->lex.token.text;
    if (p->lex.token.kind != SW_WIT_STRING) {
        fail_expected(p, "a string");
        return;
    }
    sw_wit_lexer_next(&p->lex);
    expect_punct(p, ')');
}

/* The part of a gate behind its name; place is filled with what stands behind the '='. */
static void parse_gate_body(parser *p, const char *field, sw_str *place, sw_wit_loc loc)
{
    if (place->len > 0) {
        p->lex.status = sw_wit_fail(p->wit, SW_MALFORMED, loc, "the same gate stands here twice");
        return;
    }
    expect_punct(p, '(');
    expect_field(p, field);
    *place = strcmp(field, "feature") == 0 ? parse_name(p).text : sw_wit_lexer_version(&p->lex);
    expect_punct(p, ')');
}

static void parse_attribute(parser *p, sw_wit_head *head)
{
    sw_wit_gate *g = &head->gate;
    sw_wit_name name = parse_name(p);
    g->loc = name.loc;
    if (sw_str_eq(name.text, SW_STR("since"))) {
        parse_gate_body(p, "version", &g->since, name.loc);
    } else if (sw_str_eq(name.text, SW_STR("unstable"))) {
        parse_gate_body(p, "feature", &g->feature, name.loc);
    } else if (sw_str_eq(name.text, SW_STR("deprecated"))) {
        parse_gate_body(p, "version", &g->deprecated, name.loc);
    } else if (sw_str_eq(name.text, SW_STR("external-id"))) {
        parse_external_id(p, head);
    } else if (ok(p)) {
        p->lex.status = sw_wit_fail(p->wit, SW_MALFORMED, name.loc, "unknown attribute `%.*s`",
                                    SW_STR_ARG(name.text));
    }
}

static sw_wit_head parse_head(parser *p)
{
    sw_wit_head head = {.docs = p->lex.token.docs};
    while (ok(p) && eat_punct(p, '@')) {
        parse_attribute(p, &head);
    }
    const sw_wit_gate *g = &head.gate;
    if (!ok(p)) {
        return head;
    }
    if (g->since.len > 0 && g->feature.len > 0) {
        p->lex.status = sw_wit_fail(p->wit, SW_MALFORMED, g->loc,
                                    "an item is either @since a version or @unstable, not both");
    } else if (g->deprecated.len > 0 && g->since.len == 0 && g->feature.len == 0) {
        p->lex.status = sw_wit_fail(p->wit, SW_MALFORMED, g->loc,
                                    "@deprecated must go with @since or @unstable");
    }
    return head;
}

/* ---- Paths ----------------------------------------------------------------------------------- */

static sw_wit_loc loc_to(const sw_wit_loc *from, const sw_wit_loc *to)
{
    return (sw_wit_loc){from->source, from->offset, to->offset + to->len - from->offset};
}

static sw_str parse_at_version(parser *p)
{
    return eat_punct(p, '@') ? sw_wit_lexer_version(&p->lex) : (sw_str){"", 0};
}

/* ':' package '/' name version, behind a name that turned out to be a namespace. */
static sw_wit_path parse_path_rest(parser *p, sw_wit_name ns)
{
    sw_wit_path path = {.ns = ns};
    expect_punct(p, ':');
    path.package = parse_name(p);
    expect_punct(p, '/');
    path.name = parse_name(p);
    path.loc = loc_to(&ns.loc, &path.name.loc);
    path.version = parse_at_version(p);
    return path;
}

static sw_wit_path parse_path(parser *p)
{
    sw_wit_name first = parse_name(p);
    if (at_punct(p, ':')) {
        return parse_path_rest(p, first);
    }
    return (sw_wit_path){.name = first, .loc = first.loc};
}

/* ---- Types ----------------------------------------------------------------------------------- */

static sw_wit_type *parse_type(parser *p);

static const struct {
    sw_wit_word word;
    sw_ctype_kind kind;
} PRIMITIVES[] = {
    {SW_WIT_W_BOOL,          SW_CT_BOOL         },
    {SW_WIT_W_S8,            SW_CT_S8           },
    {SW_WIT_W_U8,            SW_CT_U8           },
    {SW_WIT_W_S16,           SW_CT_S16          },
    {SW_WIT_W_U16,           SW_CT_U16          },
    {SW_WIT_W_S32,           SW_CT_S32          },
    {SW_WIT_W_U32,           SW_CT_U32          },
    {SW_WIT_W_S64,           SW_CT_S64          },
    {SW_WIT_W_U64,           SW_CT_U64          },
    {SW_WIT_W_F32,           SW_CT_F32          },
    {SW_WIT_W_F64,           SW_CT_F64          },
    {SW_WIT_W_CHAR,          SW_CT_CHAR         },
    {SW_WIT_W_STRING,        SW_CT_STRING       },
    {SW_WIT_W_ERROR_CONTEXT, SW_CT_ERROR_CONTEXT},
};

static void parse_tuple(parser *p, sw_wit_type *t)
{
    sw_wit_type **end = &t->first;
    t->kind = SW_CT_TUPLE;
    expect_punct(p, '<');
    while (ok(p) && !at_punct(p, '>')) {
        sw_wit_type *item = parse_type(p);
        SW_WIT_APPEND(end, item);
        if (!eat_punct(p, ',')) {
            break;
        }
    }
    expect_punct(p, '>');
}

static uint32_t parse_length(parser *p)
{
    uint32_t value = 0;
    sw_str text = p->lex.token.text;
    bool fits = p->lex.token.kind == SW_WIT_INTEGER;
    for (size_t i = 0; fits && i < text.len; i++) {
        uint32_t digit = (uint32_t)(text.ptr[i] - '0');
        fits = !ckd_mul(&value, value, 10u) && !ckd_add(&value, value, digit);
    }
    if (!fits || value == 0) {
        fail_expected(p, "a length of at least 1");
        return 0;
    }
    sw_wit_lexer_next(&p->lex);
    return value;
}

static void parse_list(parser *p, sw_wit_type *t)
{
    t->kind = SW_CT_LIST;
    expect_punct(p, '<');
    t->first = parse_type(p);
    if (eat_punct(p, ',')) {
        t->kind = SW_CT_FIXED_LIST;
        t->length = parse_length(p);
    }
    expect_punct(p, '>');
}

static void parse_result(parser *p, sw_wit_type *t)
{
    t->kind = SW_CT_RESULT;
    if (!eat_punct(p, '<')) {
        return;
    }
    if (eat_punct(p, '_')) {
        expect_punct(p, ',');
        t->other = parse_type(p);
    } else {
        t->first = parse_type(p);
        if (eat_punct(p, ',')) {
            t->other = parse_type(p);
        }
    }
    expect_punct(p, '>');
}

static void parse_map(parser *p, sw_wit_type *t)
{
    t->kind = SW_CT_MAP;
    expect_punct(p, '<');
    t->first = parse_type(p);
    if (ok(p) && (t->first->kind >= SW_CT_RECORD || t->first->kind == SW_CT_F32 ||
                  t->first->kind == SW_CT_F64 || t->first->kind == SW_CT_ERROR_CONTEXT)) {
        p->lex.status = sw_wit_fail(p->wit, SW_INVALID, t->first->loc,
                                    "the key of a map must be an integer type, bool, char or "
                                    "string");
    }
    expect_punct(p, ',');
    t->other = parse_type(p);
    expect_punct(p, '>');
}

static void parse_option(parser *p, sw_wit_type *t)
{
    t->kind = SW_CT_OPTION;
    expect_punct(p, '<');
    t->first = parse_type(p);
    expect_punct(p, '>');
}

static void parse_handle(parser *p, sw_wit_type *t, sw_ctype_kind kind)
{
    t->kind = kind;
    expect_punct(p, '<');
    t->name = parse_name(p);
    expect_punct(p, '>');
}

static void parse_channel(parser *p, sw_wit_type *t, sw_ctype_kind kind)
{
    t->kind = kind;
    if (eat_punct(p, '<')) {
        t->first = parse_type(p);
        expect_punct(p, '>');
    }
}

/* A type that starts with a keyword, which has been consumed. */
static void parse_type_word(parser *p, sw_wit_type *t, sw_wit_word word)
{
    for (size_t i = 0; i < SW_COUNTOF(PRIMITIVES); i++) {
        if (PRIMITIVES[i].word == word) {
            t->kind = PRIMITIVES[i].kind;
            return;
        }
    }
    switch ((int)word) {
    case SW_WIT_W_TUPLE: parse_tuple(p, t); break;
    case SW_WIT_W_LIST: parse_list(p, t); break;
    case SW_WIT_W_OPTION: parse_option(p, t); break;
    case SW_WIT_W_RESULT: parse_result(p, t); break;
    case SW_WIT_W_MAP: parse_map(p, t); break;
    case SW_WIT_W_STREAM: parse_channel(p, t, SW_CT_STREAM); break;
    case SW_WIT_W_FUTURE: parse_channel(p, t, SW_CT_FUTURE); break;
    case SW_WIT_W_OWN: parse_handle(p, t, SW_CT_OWN); break;
    case SW_WIT_W_BORROW: parse_handle(p, t, SW_CT_BORROW); break;
    default: break;
    }
}

static bool starts_type(sw_wit_word word)
{
    static const sw_wit_word others[] = {
        SW_WIT_W_TUPLE,  SW_WIT_W_LIST,   SW_WIT_W_OPTION, SW_WIT_W_RESULT, SW_WIT_W_MAP,
        SW_WIT_W_STREAM, SW_WIT_W_FUTURE, SW_WIT_W_OWN,    SW_WIT_W_BORROW,
    };
    for (size_t i = 0; i < SW_COUNTOF(PRIMITIVES); i++) {
        if (PRIMITIVES[i].word == word) {
            return true;
        }
    }
    for (size_t i = 0; i < SW_COUNTOF(others); i++) {
        if (others[i] == word) {
            return true;
        }
    }
    return false;
}

static sw_wit_type *parse_type(parser *p)
{
    sw_wit_type *t = NEW(p, sw_wit_type);
    t->loc = sw_wit_token_loc(&p->lex);
    if (++p->depth > SW_WIT_MAX_DEPTH) {
        (void)sw_wit_lexer_fail(&p->lex, "type nesting too deep");
    } else if (p->lex.token.kind == SW_WIT_ID) {
        t->kind = SW_WIT_NAMED;
        t->name = parse_name(p);
    } else if (starts_type(p->lex.token.word)) {
        sw_wit_word word = p->lex.token.word;
        sw_wit_lexer_next(&p->lex);
        parse_type_word(p, t, word);
    } else {
        fail_expected(p, "a type");
    }
    p->depth--;
    return t;
}

/* ---- Functions ------------------------------------------------------------------------------- */

static sw_wit_field *new_field(parser *p, sw_wit_name name, sw_str docs)
{
    sw_wit_field *f = NEW(p, sw_wit_field);
    f->name = name;
    f->docs = docs;
    return f;
}

static void parse_params(parser *p, sw_wit_func *f, sw_wit_field **end)
{
    expect_punct(p, '(');
    while (ok(p) && !at_punct(p, ')')) {
        sw_str docs = p->lex.token.docs;
        sw_wit_field *param = new_field(p, parse_name(p), docs);
        expect_punct(p, ':');
        param->type = parse_type(p);
        SW_WIT_APPEND(end, param);
        f->params_count++;
        if (!eat_punct(p, ',')) {
            break;
        }
    }
    expect_punct(p, ')');
}

/* 'async'? 'func' params ('->' type)?; params may already start with self. */
static void parse_func_type(parser *p, sw_wit_func *f, sw_wit_field **end)
{
    f->is_async = eat_word(p, SW_WIT_W_ASYNC);
    expect_word(p, SW_WIT_W_FUNC);
    parse_params(p, f, end);
    if (p->lex.token.kind == SW_WIT_ARROW) {
        sw_wit_lexer_next(&p->lex);
        f->result = parse_type(p);
    }
}

static sw_wit_func *new_func(parser *p, sw_wit_head head, sw_wit_name name)
{
    sw_wit_func *f = NEW(p, sw_wit_func);
    f->head = head;
    f->name = name;
    f->full_name = name.text;
    return f;
}

static void set_full_name(parser *p, sw_wit_func *f)
{
    static const char *const prefixes[] = {[SW_WIT_METHOD] = "method",
                                           [SW_WIT_STATIC] = "static",
                                           [SW_WIT_CONSTRUCTOR] = "constructor"};
    sw_str resource = f->resource->name.text;
    bool plain = f->kind == SW_WIT_CONSTRUCTOR;
    f->full_name =
        sw_arena_printf(p->wit->arena, "[%s]%.*s%s%.*s", prefixes[f->kind], SW_STR_ARG(resource),
                        plain ? "" : ".", plain ? 0 : (int)f->name.text.len, f->name.text.ptr);
    if (f->full_name.ptr == NULL && ok(p)) {
        p->lex.status = sw_fail(p->wit->diag, SW_NO_MEMORY, SW_NO_OFFSET, "out of memory");
    }
}

static sw_wit_type *resource_type(parser *p, uint32_t kind, const sw_wit_typedef *resource)
{
    sw_wit_type *t = NEW(p, sw_wit_type);
    t->kind = kind;
    t->name = resource->name;
    t->loc = resource->name.loc;
    return t;
}

static void parse_constructor(parser *p, sw_wit_func *f)
{
    sw_wit_typedef *r = f->resource;
    if (r->has_constructor) {
        (void)sw_wit_lexer_fail(&p->lex, "a resource has one constructor at most");
        return;
    }
    r->has_constructor = true;
    f->kind = SW_WIT_CONSTRUCTOR;
    f->name = (sw_wit_name){r->name.text, sw_wit_token_loc(&p->lex)};
    sw_wit_lexer_next(&p->lex);
    parse_params(p, f, &f->params);
    if (p->lex.token.kind != SW_WIT_ARROW) {
        f->result = resource_type(p, SW_CT_OWN, r);
        return;
    }
    sw_wit_lexer_next(&p->lex);
    f->result = parse_type(p);
    const sw_wit_type *made = f->result->first;
    if (ok(p) && f->result->kind != SW_CT_RESULT) {
        p->lex.status = sw_wit_fail(p->wit, SW_INVALID, f->result->loc,
                                    "a constructor that names its result type must return a "
                                    "`result`");
    } else if (ok(p) && (made == NULL || (made->kind != SW_WIT_NAMED && made->kind != SW_CT_OWN) ||
                         !sw_str_eq(made->name.text, r->name.text))) {
        p->lex.status = sw_wit_fail(p->wit, SW_INVALID, made == NULL ? f->result->loc : made->loc,
                                    "the `ok` type must be the resource being constructed");
    }
}

static void parse_method(parser *p, sw_wit_func *f)
{
    f->name = parse_name(p);
    expect_punct(p, ':');
    sw_wit_field **end = &f->params;
    f->kind = eat_word(p, SW_WIT_W_STATIC) ? SW_WIT_STATIC : SW_WIT_METHOD;
    if (f->kind == SW_WIT_METHOD) {
        sw_wit_field *self =
            new_field(p, (sw_wit_name){SW_STR("self"), f->name.loc}, (sw_str){"", 0});
        self->type = resource_type(p, SW_CT_BORROW, f->resource);
        SW_WIT_APPEND(end, self);
        f->params_count++;
    }
    parse_func_type(p, f, end);
}

/* ---- Type definitions ------------------------------------------------------------------------ */

typedef struct body {
    sw_wit_interface *interface;
    sw_wit_use **uses_end;
    sw_wit_typedef **typedefs_end;
    sw_wit_func **funcs_end;
} body;

static body body_make(sw_wit_interface *i)
{
    return (body){i, &i->uses, &i->typedefs, &i->funcs};
}

static sw_wit_typedef *add_typedef(parser *p, body *b, sw_wit_head head, sw_wit_typedef_kind kind,
                                   sw_wit_name name)
{
    sw_wit_typedef *d = NEW(p, sw_wit_typedef);
    d->head = head;
    d->kind = kind;
    d->name = name;
    d->owner = b->interface;
    SW_WIT_APPEND(b->typedefs_end, d);
    return d;
}

/* One field, case or flag of a braced list. */
static sw_wit_field *parse_case(parser *p, sw_wit_typedef_kind kind)
{
    sw_str docs = p->lex.token.docs;
    sw_wit_field *f = new_field(p, parse_name(p), docs);
    if (kind == SW_WIT_RECORD) {
        expect_punct(p, ':');
        f->type = parse_type(p);
    } else if (kind == SW_WIT_VARIANT && eat_punct(p, '(')) {
        f->type = parse_type(p);
        expect_punct(p, ')');
    }
    return f;
}

static void parse_cases(parser *p, body *b, sw_wit_head head, sw_wit_typedef_kind kind)
{
    sw_wit_typedef *d = add_typedef(p, b, head, kind, parse_name(p));
    sw_wit_field **end = &d->fields;
    expect_punct(p, '{');
    while (ok(p) && !at_punct(p, '}')) {
        sw_wit_field *f = parse_case(p, kind);
        SW_WIT_APPEND(end, f);
        d->fields_count++;
        if (!eat_punct(p, ',')) {
            break;
        }
    }
    expect_punct(p, '}');
    if (ok(p) && d->fields_count == 0 && (kind == SW_WIT_VARIANT || kind == SW_WIT_ENUM)) {
        p->lex.status = sw_wit_fail(p->wit, SW_INVALID, d->name.loc, "`%.*s` has no cases",
                                    SW_STR_ARG(d->name.text));
    }
}

static void parse_alias(parser *p, body *b, sw_wit_head head)
{
    sw_wit_typedef *d = add_typedef(p, b, head, SW_WIT_ALIAS, parse_name(p));
    expect_punct(p, '=');
    d->alias = parse_type(p);
    expect_punct(p, ';');
}

static void parse_resource(parser *p, body *b, sw_wit_head head)
{
    sw_wit_typedef *d = add_typedef(p, b, head, SW_WIT_RESOURCE, parse_name(p));
    if (eat_punct(p, ';')) {
        return;
    }
    expect_punct(p, '{');
    while (ok(p) && !at_punct(p, '}')) {
        sw_wit_func *f = new_func(p, parse_head(p), (sw_wit_name){0});
        f->resource = d;
        if (at_word(p, SW_WIT_W_CONSTRUCTOR)) {
            parse_constructor(p, f);
        } else {
            parse_method(p, f);
        }
        expect_punct(p, ';');
        set_full_name(p, f);
        SW_WIT_APPEND(b->funcs_end, f);
    }
    expect_punct(p, '}');
}

/* Whether a type definition starts here; then it has been parsed. */
static bool parse_typedef(parser *p, body *b, sw_wit_head head)
{
    static const struct {
        sw_wit_word word;
        sw_wit_typedef_kind kind;
    } braced[] = {
        {SW_WIT_W_RECORD,  SW_WIT_RECORD },
        {SW_WIT_W_VARIANT, SW_WIT_VARIANT},
        {SW_WIT_W_ENUM,    SW_WIT_ENUM   },
        {SW_WIT_W_FLAGS,   SW_WIT_FLAGS  },
    };
    for (size_t i = 0; i < SW_COUNTOF(braced); i++) {
        if (eat_word(p, braced[i].word)) {
            parse_cases(p, b, head, braced[i].kind);
            return true;
        }
    }
    if (eat_word(p, SW_WIT_W_TYPE)) {
        parse_alias(p, b, head);
        return true;
    }
    if (eat_word(p, SW_WIT_W_RESOURCE)) {
        parse_resource(p, b, head);
        return true;
    }
    return false;
}

static void parse_use(parser *p, body *b, sw_wit_head head)
{
    sw_wit_use *u = NEW(p, sw_wit_use);
    u->head = head;
    u->path = parse_path(p);
    SW_WIT_APPEND(b->uses_end, u);
    expect_punct(p, '.');
    expect_punct(p, '{');
    while (ok(p) && !at_punct(p, '}')) {
        sw_wit_name used = parse_name(p);
        sw_wit_name name = eat_word(p, SW_WIT_W_AS) ? parse_name(p) : used;
        sw_wit_typedef *d = add_typedef(p, b, head, SW_WIT_USE, name);
        d->use = u;
        d->used = used;
        if (!eat_punct(p, ',')) {
            break;
        }
    }
    expect_punct(p, '}');
    expect_punct(p, ';');
}

/* ---- Interfaces ------------------------------------------------------------------------------ */

static void parse_interface_body(parser *p, sw_wit_interface *i)
{
    body b = body_make(i);
    expect_punct(p, '{');
    while (ok(p) && !at_punct(p, '}')) {
        sw_wit_head head = parse_head(p);
        if (eat_word(p, SW_WIT_W_USE)) {
            parse_use(p, &b, head);
        } else if (!parse_typedef(p, &b, head)) {
            sw_wit_func *f = new_func(p, head, parse_name(p));
            expect_punct(p, ':');
            parse_func_type(p, f, &f->params);
            expect_punct(p, ';');
            SW_WIT_APPEND(b.funcs_end, f);
        }
    }
    expect_punct(p, '}');
}

static sw_wit_interface *new_interface(parser *p, sw_wit_head head, sw_wit_scope *scope)
{
    sw_wit_interface *i = NEW(p, sw_wit_interface);
    i->head = head;
    i->scope = scope;
    return i;
}

/* ---- Worlds ---------------------------------------------------------------------------------- */

typedef struct world_parser {
    sw_wit_world *world;
    body own;
    sw_wit_item **items_end;
    sw_wit_include **includes_end;
} world_parser;

/* Behind "label :". */
static void parse_labelled(parser *p, sw_wit_item *item, sw_wit_scope *scope)
{
    if (at_word(p, SW_WIT_W_FUNC) || at_word(p, SW_WIT_W_ASYNC)) {
        item->kind = SW_WIT_ITEM_FUNC;
        item->func = new_func(p, item->head, item->label);
        parse_func_type(p, item->func, &item->func->params);
        expect_punct(p, ';');
    } else if (eat_word(p, SW_WIT_W_INTERFACE)) {
        item->kind = SW_WIT_ITEM_INLINE;
        item->interface = new_interface(p, item->head, scope);
        item->interface->full_name = item->label.text;
        parse_interface_body(p, item->interface);
    } else {
        item->kind = SW_WIT_ITEM_LABELLED;
        item->path = parse_path(p);
        expect_punct(p, ';');
    }
}

/*
 * "a:b" without a blank is one name of a package, "a: b" a label and a path. After a label and a
 * colon with a name close behind it, what follows must be the '/' of "a:b/c".
 */
static void parse_item(parser *p, world_parser *wp, sw_wit_head head, bool is_export)
{
    sw_wit_item *item = NEW(p, sw_wit_item);
    item->head = head;
    item->is_export = is_export;
    item->label = parse_name(p);
    SW_WIT_APPEND(wp->items_end, item);
    const sw_wit_lexer *l = &p->lex;
    uint32_t colon_end = l->token.offset + 1;
    if (!at_punct(p, ':')) {
        item->kind = SW_WIT_ITEM_INTERFACE;
        item->path = (sw_wit_path){.name = item->label, .loc = item->label.loc};
        expect_punct(p, ';');
        return;
    }
    sw_wit_lexer ahead = p->lex;
    sw_wit_lexer_next(&ahead);
    bool close = ahead.status == SW_OK && ahead.token.kind == SW_WIT_ID &&
                 ahead.token.offset == colon_end &&
                 l->token.offset == item->label.loc.offset + item->label.loc.len;
    if (close) {
        item->kind = SW_WIT_ITEM_INTERFACE;
        item->path = parse_path_rest(p, item->label);
        expect_punct(p, ';');
        return;
    }
    expect_punct(p, ':');
    parse_labelled(p, item, wp->world->scope);
}

static void parse_renames(parser *p, sw_wit_include *inc)
{
    sw_wit_rename **end = &inc->renames;
    expect_punct(p, '{');
    while (ok(p) && !at_punct(p, '}')) {
        sw_wit_rename *r = NEW(p, sw_wit_rename);
        r->from = parse_name(p);
        expect_word(p, SW_WIT_W_AS);
        r->to = parse_name(p);
        SW_WIT_APPEND(end, r);
        if (!eat_punct(p, ',')) {
            break;
        }
    }
    expect_punct(p, '}');
}

static void parse_include(parser *p, world_parser *wp, sw_wit_head head)
{
    sw_wit_include *inc = NEW(p, sw_wit_include);
    inc->head = head;
    inc->path = parse_path(p);
    SW_WIT_APPEND(wp->includes_end, inc);
    if (eat_word(p, SW_WIT_W_WITH)) {
        parse_renames(p, inc);
        (void)eat_punct(p, ';');
        return;
    }
    expect_punct(p, ';');
}

static void parse_world_item(parser *p, world_parser *wp)
{
    sw_wit_head head = parse_head(p);
    if (eat_word(p, SW_WIT_W_IMPORT)) {
        parse_item(p, wp, head, false);
    } else if (eat_word(p, SW_WIT_W_EXPORT)) {
        parse_item(p, wp, head, true);
    } else if (eat_word(p, SW_WIT_W_INCLUDE)) {
        parse_include(p, wp, head);
    } else if (eat_word(p, SW_WIT_W_USE)) {
        parse_use(p, &wp->own, head);
    } else if (!parse_typedef(p, &wp->own, head)) {
        fail_expected(p, "an item of a world (import, export, include, use or a type)");
    }
}

static sw_wit_world *parse_world(parser *p, sw_wit_head head, sw_wit_scope *scope)
{
    sw_wit_world *w = NEW(p, sw_wit_world);
    w->head = head;
    w->scope = scope;
    w->name = parse_name(p);
    w->own = new_interface(p, head, scope);
    w->own->name = w->name;
    w->own->is_world = true;
    world_parser wp = {w, body_make(w->own), &w->items, &w->includes};
    expect_punct(p, '{');
    while (ok(p) && !at_punct(p, '}')) {
        parse_world_item(p, &wp);
    }
    expect_punct(p, '}');
    return w;
}

/* ---- Files ----------------------------------------------------------------------------------- */

typedef struct scope_parser {
    sw_wit_scope *scope;
    sw_wit_alias **aliases_end;
    sw_wit_interface **interfaces_end;
    sw_wit_world **worlds_end;
} scope_parser;

static scope_parser add_scope(parser *p, sw_wit_package *package)
{
    sw_wit_scope *s = NEW(p, sw_wit_scope);
    s->package = package;
    sw_wit_scope **end = &package->scopes;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    if (ok(p)) {
        *end = s;
    }
    return (scope_parser){s, &s->aliases, &s->interfaces, &s->worlds};
}

static void parse_toplevel_use(parser *p, scope_parser *sp, sw_wit_head head)
{
    sw_wit_alias *a = NEW(p, sw_wit_alias);
    a->head = head;
    a->path = parse_path(p);
    a->name = eat_word(p, SW_WIT_W_AS) ? parse_name(p) : a->path.name;
    expect_punct(p, ';');
    SW_WIT_APPEND(sp->aliases_end, a);
}

/* use, interface or world; false: none of them. */
static bool parse_package_item(parser *p, scope_parser *sp, sw_wit_head head)
{
    if (eat_word(p, SW_WIT_W_USE)) {
        parse_toplevel_use(p, sp, head);
        return true;
    }
    if (eat_word(p, SW_WIT_W_INTERFACE)) {
        sw_wit_interface *i = new_interface(p, head, sp->scope);
        i->name = parse_name(p);
        parse_interface_body(p, i);
        SW_WIT_APPEND(sp->interfaces_end, i);
        return true;
    }
    if (eat_word(p, SW_WIT_W_WORLD)) {
        sw_wit_world *w = parse_world(p, head, sp->scope);
        SW_WIT_APPEND(sp->worlds_end, w);
        return true;
    }
    return false;
}

typedef struct package_name {
    sw_wit_name ns, name;
    sw_str version, docs;
} package_name;

static package_name parse_package_name(parser *p, sw_str docs)
{
    package_name n = {.docs = docs};
    n.ns = parse_name(p);
    expect_punct(p, ':');
    n.name = parse_name(p);
    n.version = parse_at_version(p);
    return n;
}

static void name_package(sw_wit_package *package, const package_name *n)
{
    package->ns = n->ns;
    package->name = n->name;
    package->version = n->version;
    package->docs = n->docs;
    if (n->version.len > 0) {
        (void)!sw_semver_parse(n->version, &package->semver);
    }
}

static void parse_nested(parser *p, const package_name *n, uint32_t root)
{
    sw_wit_package *package = NEW(p, sw_wit_package);
    package->is_nested = true;
    package->root = root;
    name_package(package, n);
    scope_parser sp = add_scope(p, package);
    while (ok(p) && !at_punct(p, '}')) {
        sw_wit_head head = parse_head(p);
        if (!parse_package_item(p, &sp, head)) {
            fail_expected(p, "`interface`, `world` or `use`");
        }
    }
    expect_punct(p, '}');
    if (ok(p)) {
        SW_WIT_APPEND(p->wit->packages_end, package);
    }
}

/* Whether there are comments of the form that is meant as documentation. */
static bool has_doc_comments(sw_str docs)
{
    for (size_t i = 0; i + 3 <= docs.len; i++) {
        sw_str rest = sw_str_slice(docs, i, docs.len - i);
        if (sw_str_starts(rest, SW_STR("///")) || sw_str_starts(rest, SW_STR("/**"))) {
            return true;
        }
    }
    return false;
}

/* The file's own name for the package, which must be that of its sisters. */
static void agree_on_package(parser *p, sw_wit_package *package, const package_name *n)
{
    if (package->name.text.len == 0) {
        name_package(package, n);
        return;
    }
    if (!sw_str_eq(package->ns.text, n->ns.text) || !sw_str_eq(package->name.text, n->name.text) ||
        !sw_str_eq(package->version, n->version)) {
        p->lex.status = sw_wit_fail(p->wit, SW_INVALID, n->name.loc,
                                    "another file of this directory is of package `%.*s:%.*s`",
                                    SW_STR_ARG(package->ns.text), SW_STR_ARG(package->name.text));
    } else if (has_doc_comments(package->docs) && has_doc_comments(n->docs)) {
        p->lex.status = sw_wit_fail(p->wit, SW_INVALID, n->ns.loc,
                                    "another file of this directory documents the package already");
    } else if (package->docs.len == 0 || has_doc_comments(n->docs)) {
        package->docs = n->docs;
    }
}

sw_status sw_wit_parse(sw_wit *w, uint32_t source, sw_wit_package *package)
{
    parser p = {.wit = w};
    sw_wit_lexer_init(&p.lex, w, source);
    scope_parser sp = add_scope(&p, package);
    bool is_first = true;
    while (ok(&p) && p.lex.token.kind != SW_WIT_END) {
        sw_wit_head head = parse_head(&p);
        if (eat_word(&p, SW_WIT_W_PACKAGE)) {
            package_name n = parse_package_name(&p, head.docs);
            if (is_first && eat_punct(&p, ';')) {
                agree_on_package(&p, package, &n);
            } else if (ok(&p)) {
                expect_punct(&p, '{');
                parse_nested(&p, &n, package->root);
            }
        } else if (!parse_package_item(&p, &sp, head)) {
            fail_expected(&p, "`package`, `interface`, `world` or `use`");
        }
        is_first = false;
    }
    return p.lex.status;
}
