/*
 * WIT: reading it in any of its forms, and writing it in another.
 *
 *     swell_wit *wit;
 *     swell_wit_read("wit", NULL, &error, &wit);          a file, a folder, a package, a component
 *     swell_wit_print(wit, 0, &error, &text);             as text
 *     swell_text_free(text);
 *     swell_wit_free(wit);
 *
 * Messages about text name file, line and column and show the place; they are several lines.
 * A swell_wit belongs to one thread at a time.
 */
#pragma once

#include <swell/engine.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct swell_wit swell_wit;

typedef struct swell_wit_options {
    const char *const *features; /* whose @unstable items are wanted */
    size_t features_count;
    bool all_features;
} swell_wit_options;

/* A .wit file; a folder of them, with dependencies in its folder deps; a package in binary form;
 * a component, whose types become the world root:component/root; a core module with metadata, the
 * world root:module/root. options may be NULL. */
SWELL_API swell_status swell_wit_read(const char *path, const swell_wit_options *options,
                                      swell_error *error, swell_wit **ret_wit);
/* The same of bytes; name is for messages. */
SWELL_API swell_status swell_wit_read_bytes(swell_str name, swell_bytes bytes,
                                            const swell_wit_options *options, swell_error *error,
                                            swell_wit **ret_wit);
SWELL_API void swell_wit_free(swell_wit *wit);

/* How many packages there are; the main one is 0. */
SWELL_API size_t swell_wit_packages(const swell_wit *wit);
/* "wasi:io@0.2.0"; belongs to wit. */
SWELL_API swell_str swell_wit_package_name(const swell_wit *wit, size_t package);

enum {
    SWELL_WIT_NO_DOCS = 1 << 0, /* leave comments out */
    SWELL_WIT_ONE = 1 << 1,     /* only the one package, without the others in braces */
};

/* Canonical text of a package and, in braces behind it, of all others. */
SWELL_API swell_status swell_wit_print(const swell_wit *wit, size_t package, unsigned flags,
                                       swell_error *error, swell_str *ret_text);
/* Everything as JSON. */
SWELL_API swell_status swell_wit_json(swell_wit *wit, swell_error *error, swell_str *ret_text);
/* The main package as a WebAssembly binary. */
SWELL_API swell_status swell_wit_encode(swell_wit *wit, swell_error *error, swell_str *ret_bytes);

/* ---- Metadata of modules and components ------------------------------------------------------ */

/* How a module has its strings. */
typedef enum swell_strings {
    SWELL_STRINGS_UTF8,
    SWELL_STRINGS_UTF16,
    SWELL_STRINGS_LATIN1_UTF16,
} swell_strings;

/* The module with a section that says which world it is for. world: a name in the main package or
 * a full one; NULL when there is only one. What the module says already stays. */
SWELL_API swell_status swell_component_embed(swell_wit *wit, const char *world,
                                             swell_strings strings, swell_bytes module,
                                             swell_error *error, swell_str *ret_bytes);

/* Custom sections of a module or component, with those of what is inside; producers spelled out.
 * Text for people, or JSON. */
SWELL_API swell_status swell_component_metadata(swell_bytes bytes, bool as_json, swell_error *error,
                                                swell_str *ret_text);

/* Leaves custom sections out, at all levels: those of a name, or (name NULL) all but `name`,
 * metadata of WIT and what tells how to link; with everything, these too. */
SWELL_API swell_status swell_component_strip(swell_bytes bytes, const char *name, bool everything,
                                             swell_error *error, swell_str *ret_bytes);

/* The core modules in a component, in the order of the binary. Calls take for each; stops when it
 * returns false. */
typedef bool swell_module_fn(void *env, size_t number, swell_bytes module);
SWELL_API swell_status swell_component_unbundle(swell_bytes bytes, swell_module_fn *take, void *env,
                                                swell_error *error);

/* Writes a file whole or not at all; "-" is standard output. */
SWELL_API swell_status swell_write_file(const char *path, swell_bytes contents, swell_error *error);

#ifdef __cplusplus
}
#endif
