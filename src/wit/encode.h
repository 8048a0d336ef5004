/*
 * WIT in binary form: packages and worlds as component types.
 *
 * A package is a component that exports, for each interface and world, a component type under the
 * item's name; that type has one export, the instance or component itself under its full name:
 *
 *     (type (component
 *       (type (instance (export "pollable" (type (sub resource)))))
 *       (import "wasi:io/poll@0.2.0" (instance (type 0)))
 *       (alias export 0 "pollable" (type))
 *       (type (instance
 *         (alias outer 1 1 (type)) (export "pollable" (type (eq 0))) ...))
 *       (export "wasi:io/streams@0.2.0" (instance (type 2)))))
 *     (export "streams" (type 0))
 *
 * What an interface uses is imported with its types alone. Comments and gates are in a custom
 * section "package-docs" as JSON.
 *
 * A world by itself is what compilers put into the custom section "component-type" of a core
 * module: the same, with a custom section "wit-component-encoding" that says how strings are
 * encoded.
 *
 * Both take resolved WIT and write only what is active. Equal models give equal bytes.
 */
#pragma once

#include "base/buf.h"
#include "wit/wit.h"

typedef enum sw_wit_strings {
    SW_WIT_UTF8,
    SW_WIT_UTF16,
    SW_WIT_LATIN1_UTF16,
} sw_wit_strings;

/* On failure (want of memory, the limit of out) what is in out is of no use. */
SW_NODISCARD sw_status sw_wit_encode_package(sw_wit *w, const sw_wit_package *p, sw_diag *diag,
                                             sw_buf *out);
SW_NODISCARD sw_status sw_wit_encode_world(sw_wit *w, const sw_wit_world *world,
                                           sw_wit_strings strings, sw_diag *diag, sw_buf *out);

/* The JSON of "package-docs", without the byte in front. */
SW_NODISCARD sw_status sw_wit_encode_docs(const sw_wit *w, const sw_wit_package *p, sw_buf *out);
