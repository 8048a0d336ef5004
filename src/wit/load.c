/*
 * Where WIT comes from: memory, a file, or a directory with a "deps" folder.
 *
 *     root/            *.wit                the root package
 *     root/deps/       x.wit                a package in one file
 *     root/deps/y/     *.wit                a package in a directory; no further deps
 *
 * Names are taken in byte order, so that the result does not depend on the file system.
 */
#include "wit/load.h"

#include "os/file.h"
#include "wit/parse.h"
#include "wit/report.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

enum { MAX_FILES = 10000 }; /* of a directory */

#define MAX_BINARY_BYTES ((size_t)256 << 20)

void sw_wit_init(sw_wit *w, sw_arena *arena)
{
    *w = (sw_wit){.arena = arena};
    w->packages_end = &w->packages;
}

static sw_status no_memory(const sw_wit *w)
{
    return sw_fail(w->diag, SW_NO_MEMORY, SW_NO_OFFSET, "out of memory");
}

sw_status sw_wit_add_source(sw_wit *w, sw_str path, sw_str text, uint32_t *ret_source)
{
    if (text.len > SW_WIT_MAX_SOURCE_BYTES) {
        return sw_fail(w->diag, SW_LIMIT, SW_NO_OFFSET, "%.*s: too large", SW_STR_ARG(path));
    }
    if (w->sources_count == w->sources_capacity) {
        uint32_t capacity = w->sources_capacity * 2 + 8;
        sw_wit_source *sources = SW_NEW_ARRAY(w->arena, sw_wit_source, capacity);
        if (sources == NULL) {
            return no_memory(w);
        }
        if (w->sources_count > 0) {
            memcpy(sources, w->sources, w->sources_count * sizeof *sources);
        }
        w->sources = sources;
        w->sources_capacity = capacity;
    }
    sw_wit_source s = {sw_arena_str(w->arena, path), sw_arena_str(w->arena, text)};
    if (s.path.ptr == NULL || s.text.ptr == NULL) {
        return no_memory(w);
    }
    *ret_source = w->sources_count;
    w->sources[w->sources_count++] = s;
    return SW_OK;
}

static sw_wit_package *add_package(sw_wit *w)
{
    sw_wit_package *p = SW_NEW(w->arena, sw_wit_package);
    if (p != NULL) {
        p->root = w->roots_count;
        SW_WIT_APPEND(w->packages_end, p);
    }
    return p;
}

/* A file whose items are all in nested packages needs no package of its own. */
static void drop_empty_package(sw_wit *w, sw_wit_package *p)
{
    bool is_empty = p->name.text.len == 0;
    for (const sw_wit_scope *s = p->scopes; s != NULL; s = s->next) {
        is_empty = is_empty && s->aliases == NULL && s->interfaces == NULL && s->worlds == NULL;
    }
    sw_wit_package **link = &w->packages;
    while (is_empty && *link != NULL) {
        if (*link == p) {
            *link = p->next;
            break;
        }
        link = &(*link)->next;
    }
    w->packages_end = link;
    while (*w->packages_end != NULL) {
        w->packages_end = &(*w->packages_end)->next;
    }
}

static bool is_binary(sw_bytes bytes)
{
    return bytes.len >= 4 && memcmp(bytes.ptr, "\0asm", 4) == 0;
}

/* A binary lives in the arena, for names are views of it. */
static sw_status add_binary(sw_wit *w, const char *path, sw_bytes bytes, sw_wit_package **ret_main)
{
    if (w->decode == NULL) {
        return sw_fail(w->diag, SW_UNSUPPORTED, SW_NO_OFFSET,
                       "%s: packages in binary form are not supported", path);
    }
    sw_bytes kept = sw_arena_bytes(w->arena, bytes);
    return kept.ptr == NULL ? no_memory(w) : w->decode(w, sw_str_of(path), kept, ret_main);
}

/* Adds a file to the package, or another package if it is a binary; *ret_package says which. */
static sw_status add_file(sw_wit *w, const char *path, sw_wit_package *p,
                          sw_wit_package **ret_package)
{
    sw_file_data data = {0};
    uint32_t source = 0;
    SW_TRY(sw_file_read(&data, path, NULL, MAX_BINARY_BYTES, w->diag));
    bool binary = is_binary(data.bytes);
    sw_str text = {(const char *)data.bytes.ptr, data.bytes.len};
    *ret_package = p;
    sw_status st = binary ? add_binary(w, path, data.bytes, ret_package)
                          : sw_wit_add_source(w, sw_str_of(path), text, &source);
    sw_file_data_clear(&data);
    SW_TRY(st);
    return binary ? SW_OK : sw_wit_parse(w, source, p);
}

/* ---- Directories ----------------------------------------------------------------------------- */

typedef struct entries {
    const char **names; /* sorted */
    uint32_t count, capacity;
} entries;

static sw_status add_entry(const sw_wit *w, entries *e, const char *name)
{
    if (e->count == e->capacity) {
        uint32_t capacity = e->capacity * 2 + 16;
        const char **names = SW_NEW_ARRAY(w->arena, const char *, capacity);
        if (names == NULL) {
            return no_memory(w);
        }
        if (e->count > 0) {
            memcpy(names, e->names, e->count * sizeof *names);
        }
        e->names = names;
        e->capacity = capacity;
    }
    sw_str copy = sw_arena_str(w->arena, sw_str_of(name));
    if (copy.ptr == NULL) {
        return no_memory(w);
    }
    uint32_t at = e->count++;
    for (; at > 0 && strcmp(e->names[at - 1], copy.ptr) > 0; at--) {
        e->names[at] = e->names[at - 1];
    }
    e->names[at] = copy.ptr;
    return SW_OK;
}

static sw_status read_entries(const sw_wit *w, const char *path, entries *ret_entries)
{
    entries e = {0};
    sw_status st = SW_OK;
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return sw_fail(w->diag, SW_IO, SW_NO_OFFSET, "%s: %s", path, strerror(errno));
    }
    for (const struct dirent *d = readdir(dir); d != NULL && st == SW_OK; d = readdir(dir)) {
        if (d->d_name[0] != '.') {
            st = e.count < MAX_FILES
                     ? add_entry(w, &e, d->d_name)
                     : sw_fail(w->diag, SW_LIMIT, SW_NO_OFFSET, "%s: too many files", path);
        }
    }
    (void)closedir(dir);
    *ret_entries = e;
    return st;
}

static const char *join(const sw_wit *w, const char *dir, const char *name)
{
    return sw_arena_printf(w->arena, "%s/%s", dir, name).ptr;
}

static bool is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_wit(const char *name)
{
    return sw_str_ends(sw_str_of(name), SW_STR(".wit"));
}

/* The *.wit files of a directory, as one package. */
static sw_status add_directory(sw_wit *w, const char *path, sw_wit_package *p)
{
    entries e;
    SW_TRY(read_entries(w, path, &e));
    for (uint32_t i = 0; i < e.count; i++) {
        const char *file = join(w, path, e.names[i]);
        if (file == NULL) {
            return no_memory(w);
        }
        if (is_wit(e.names[i]) && !is_directory(file)) {
            sw_wit_package *same;
            SW_TRY(add_file(w, file, p, &same));
        }
    }
    return SW_OK;
}

static sw_status add_dependency(sw_wit *w, const char *path)
{
    bool directory = is_directory(path);
    sw_str name = sw_str_of(path);
    if (!directory && sw_str_ends(name, SW_STR(".wat"))) {
        return sw_fail(w->diag, SW_UNSUPPORTED, SW_NO_OFFSET,
                       "%s: WebAssembly text is not supported here", path);
    }
    if (!directory && !is_wit(path) && !sw_str_ends(name, SW_STR(".wasm"))) {
        return SW_OK;
    }
    sw_wit_package *p = add_package(w);
    if (p == NULL) {
        return no_memory(w);
    }
    sw_wit_package *same;
    SW_TRY(directory ? add_directory(w, path, p) : add_file(w, path, p, &same));
    drop_empty_package(w, p);
    return SW_OK;
}

static sw_status add_dependencies(sw_wit *w, const char *path)
{
    entries e;
    if (!is_directory(path)) {
        return SW_OK;
    }
    SW_TRY(read_entries(w, path, &e));
    for (uint32_t i = 0; i < e.count; i++) {
        const char *dependency = join(w, path, e.names[i]);
        if (dependency == NULL) {
            return no_memory(w);
        }
        SW_TRY(add_dependency(w, dependency));
    }
    return SW_OK;
}

/* ---- Roots ----------------------------------------------------------------------------------- */

static sw_status add_root(sw_wit *w, const char *path)
{
    sw_wit_package *p = add_package(w);
    const char *deps = join(w, path, "deps");
    if (p == NULL || deps == NULL) {
        return no_memory(w);
    }
    w->last_root = p;
    if (!is_directory(path)) {
        SW_TRY(add_file(w, path, p, &w->last_root));
        if (w->last_root != p) {
            drop_empty_package(w, p);
        }
        return SW_OK;
    }
    SW_TRY(add_directory(w, path, p));
    return add_dependencies(w, deps);
}

sw_status sw_wit_add_path(sw_wit *w, const char *path, sw_diag *diag)
{
    w->diag = diag;
    w->roots_count++;
    sw_status st = add_root(w, path);
    w->diag = NULL;
    return st;
}

sw_status sw_wit_add_text(sw_wit *w, sw_str path, sw_str text, sw_diag *diag)
{
    uint32_t source = 0;
    w->diag = diag;
    w->roots_count++;
    sw_wit_package *p = add_package(w);
    sw_status st = p == NULL ? no_memory(w) : sw_wit_add_source(w, path, text, &source);
    if (st == SW_OK) {
        w->last_root = p;
        st = sw_wit_parse(w, source, p);
    }
    w->diag = NULL;
    return st;
}

/* ---- Finding --------------------------------------------------------------------------------- */

sw_wit_interface *sw_wit_find_interface(const sw_wit *w, sw_str full_name)
{
    for (const sw_wit_package *p = w->packages; p != NULL; p = p->next) {
        for (const sw_wit_scope *s = p->scopes; s != NULL; s = s->next) {
            for (sw_wit_interface *i = s->interfaces; i != NULL; i = i->next) {
                if (sw_str_eq(i->full_name, full_name)) {
                    return i;
                }
            }
        }
    }
    return NULL;
}

sw_wit_world *sw_wit_find_world(const sw_wit *w, sw_str full_name)
{
    for (const sw_wit_package *p = w->packages; p != NULL; p = p->next) {
        for (const sw_wit_scope *s = p->scopes; s != NULL; s = s->next) {
            for (sw_wit_world *i = s->worlds; i != NULL; i = i->next) {
                if (sw_str_eq(i->full_name, full_name)) {
                    return i;
                }
            }
        }
    }
    return NULL;
}

/* The names of a package's worlds, for a message. */
static sw_status fail_no_world(const sw_wit *w, sw_str name, sw_diag *diag)
{
    char list[256] = "";
    size_t used = 0;
    const sw_wit_package *p = w->last_root;
    for (const sw_wit_scope *s = p == NULL ? NULL : p->scopes; s != NULL; s = s->next) {
        for (const sw_wit_world *i = s->worlds; i != NULL && used + 1 < sizeof list; i = i->next) {
            int n = snprintf(list + used, sizeof list - used, "%s`%.*s`", used > 0 ? ", " : "",
                             SW_STR_ARG(i->name.text));
            used = SW_MIN(used + (size_t)SW_MAX(n, 0), sizeof list - 1);
        }
    }
    if (used == 0) {
        return sw_fail(diag, SW_NOT_FOUND, SW_NO_OFFSET, "the package has no worlds");
    }
    if (name.len == 0) {
        return sw_fail(diag, SW_NOT_FOUND, SW_NO_OFFSET,
                       "the package has several worlds, of which one must be chosen: %s", list);
    }
    return sw_fail(diag, SW_NOT_FOUND, SW_NO_OFFSET, "there is no world `%.*s`, but %s",
                   SW_STR_ARG(name), list);
}

sw_status sw_wit_select_world(const sw_wit *w, sw_str name, sw_diag *diag, sw_wit_world **ret_world)
{
    sw_wit_world *found = sw_str_find(name, '/') < name.len ? sw_wit_find_world(w, name) : NULL;
    uint32_t matches = found != NULL;
    const sw_wit_package *p = w->last_root;
    for (const sw_wit_scope *s = p == NULL ? NULL : p->scopes; s != NULL; s = s->next) {
        for (sw_wit_world *i = s->worlds; i != NULL; i = i->next) {
            if (i->head.active && (name.len == 0 || sw_str_eq(i->name.text, name))) {
                found = i;
                matches++;
            }
        }
    }
    if (matches != 1) {
        return fail_no_world(w, name, diag);
    }
    *ret_world = found;
    return SW_OK;
}
