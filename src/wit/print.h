/*
 * WIT as text, in one canonical form: two blanks a level, comments as `///`, uses first, then
 * types with the functions of resources in their braces, then functions; worlds with their
 * includes and implied imports written out. Only what is active is printed. What is printed parses
 * again to the same model.
 */
#pragma once

#include "base/buf.h"
#include "wit/wit.h"

typedef struct sw_wit_print_options {
    bool no_docs;
} sw_wit_print_options;

/* A package with its header: "package a:b@1.0.0;" and what is in it. The WIT must be resolved. */
SW_NODISCARD sw_status sw_wit_print_package(const sw_wit *w, const sw_wit_package *p,
                                            const sw_wit_print_options *options, sw_buf *out);

/* The last root and behind it, in braces, all other packages: one file that says everything. */
SW_NODISCARD sw_status sw_wit_print(const sw_wit *w, const sw_wit_print_options *options,
                                    sw_buf *out);
