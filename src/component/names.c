#include "component/names.h"

#include "base/semver.h"

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A word (lower case) or an acronym (upper case); digits anywhere but, in the first one, first. */
static bool fragment_is_valid(sw_str f, bool is_first, bool allow_acronyms)
{
    bool lower = false, upper = false;
    if (f.len == 0 || (is_first && is_digit(f.ptr[0]))) {
        return false;
    }
    for (size_t i = 0; i < f.len; i++) {
        lower |= is_lower(f.ptr[i]);
        upper |= is_upper(f.ptr[i]);
        if (!is_lower(f.ptr[i]) && !is_upper(f.ptr[i]) && !is_digit(f.ptr[i])) {
            return false;
        }
    }
    return !(lower && upper) && (allow_acronyms || !upper);
}

static bool fragments_are_valid(sw_str s, bool allow_acronyms)
{
    for (bool is_first = true;; is_first = false) {
        size_t dash = sw_str_find(s, '-');
        if (!fragment_is_valid(sw_str_slice(s, 0, dash), is_first, allow_acronyms)) {
            return false;
        }
        if (dash == s.len) {
            return true;
        }
        s = sw_str_slice(s, dash + 1, s.len - dash - 1);
    }
}

bool sw_label_is_valid(sw_str label)
{
    return fragments_are_valid(label, true);
}

/* ---- Extern names ---------------------------------------------------------------------------- */

static sw_status bad_label(sw_diag *diag, uint32_t offset, sw_str label)
{
    return sw_fail(diag, SW_INVALID, offset, "`%.*s` is not in kebab case", SW_STR_ARG(label));
}

static sw_status parse_interface(sw_str text, uint32_t offset, sw_diag *diag)
{
    size_t at = sw_str_find(text, '@');
    sw_str path = sw_str_slice(text, 0, at);
    size_t colon = sw_str_find(path, ':');
    sw_str ns = sw_str_slice(path, 0, colon);
    if (colon == path.len) {
        return bad_label(diag, offset, ns);
    }
    sw_str rest = sw_str_slice(path, colon + 1, path.len - colon - 1);
    size_t slash = sw_str_find(rest, '/');
    sw_str package = sw_str_slice(rest, 0, slash);
    if (!fragments_are_valid(ns, false)) {
        return bad_label(diag, offset, ns);
    }
    if (!fragments_are_valid(package, false)) {
        return bad_label(diag, offset, package);
    }
    if (slash == rest.len) {
        return sw_fail(diag, SW_INVALID, offset, "expected `/` after package name in `%.*s`",
                       SW_STR_ARG(text));
    }
    sw_str projection = sw_str_slice(rest, slash + 1, rest.len - slash - 1);
    if (!fragments_are_valid(projection, true)) {
        return bad_label(diag, offset, projection);
    }
    sw_semver version;
    if (at < text.len &&
        !sw_semver_parse(sw_str_slice(text, at + 1, text.len - at - 1), &version)) {
        return sw_fail(diag, SW_INVALID, offset, "`%.*s` has no valid semantic version",
                       SW_STR_ARG(text));
    }
    return SW_OK;
}

static sw_status parse_member(sw_extern_name *n, sw_str rest, uint32_t offset, sw_diag *diag)
{
    size_t dot = sw_str_find(rest, '.');
    if (dot == rest.len) {
        return sw_fail(diag, SW_INVALID, offset, "failed to find `.` character in `%.*s`",
                       SW_STR_ARG(n->text));
    }
    n->resource = sw_str_slice(rest, 0, dot);
    n->member = sw_str_slice(rest, dot + 1, rest.len - dot - 1);
    if (!sw_label_is_valid(n->resource)) {
        return bad_label(diag, offset, n->resource);
    }
    return sw_label_is_valid(n->member) ? SW_OK : bad_label(diag, offset, n->member);
}

/* The text after the prefix, if it starts with it. */
static bool take_prefix(sw_str text, sw_str prefix, sw_str *ret_rest)
{
    if (!sw_str_starts(text, prefix)) {
        return false;
    }
    *ret_rest = sw_str_slice(text, prefix.len, text.len - prefix.len);
    return true;
}

sw_status sw_extern_name_parse(sw_str text, uint32_t offset, sw_diag *diag,
                               sw_extern_name *ret_name)
{
    sw_extern_name n = {.text = text};
    sw_str rest;
    sw_status st = SW_OK;
    if (take_prefix(text, SW_STR("[constructor]"), &rest)) {
        n.form = SW_NAME_CONSTRUCTOR;
        n.resource = rest;
        st = sw_label_is_valid(rest) ? SW_OK : bad_label(diag, offset, rest);
    } else if (take_prefix(text, SW_STR("[method]"), &rest)) {
        n.form = SW_NAME_METHOD;
        st = parse_member(&n, rest, offset, diag);
    } else if (take_prefix(text, SW_STR("[static]"), &rest)) {
        n.form = SW_NAME_STATIC;
        st = parse_member(&n, rest, offset, diag);
    } else if (sw_str_find(text, ':') < text.len) {
        n.form = SW_NAME_INTERFACE;
        st = parse_interface(text, offset, diag);
    } else {
        st = sw_label_is_valid(text) ? SW_OK : bad_label(diag, offset, text);
    }
    if (st == SW_OK) {
        *ret_name = n;
    }
    return st;
}

sw_str sw_label_key(sw_arena *arena, sw_str label)
{
    sw_str copy = sw_arena_str(arena, label);
    if (copy.ptr == NULL) {
        return copy;
    }
    char *at = (char *)(uintptr_t)copy.ptr;
    for (size_t i = 0; i < copy.len; i++) {
        at[i] = is_upper(at[i]) ? (char)(at[i] - 'A' + 'a') : at[i];
    }
    return copy;
}

sw_str sw_extern_name_key(sw_arena *arena, const sw_extern_name *name)
{
    if (name->form != SW_NAME_METHOD && name->form != SW_NAME_STATIC) {
        return sw_label_key(arena, name->text);
    }
    sw_str member = sw_label_key(arena, name->member);
    sw_str resource = sw_label_key(arena, name->resource);
    if (member.ptr == NULL || resource.ptr == NULL || sw_str_eq(member, resource)) {
        return resource.ptr == NULL ? resource : member;
    }
    return sw_arena_printf(arena, "%.*s.%.*s", SW_STR_ARG(resource), SW_STR_ARG(member));
}
