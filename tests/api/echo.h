/*
 * A component made in memory, for tests of the public API: for each type of a list it imports a
 * function of the host and exports two, all of one shape,
 *
 *     func(v: T, pad: tuple<u32 x 16>) -> tuple<T, u32>
 *
 * "same-K" gives v back untouched, "host-K" gives what "test:host/api@1.0.0#f-K" of the host gives.
 * The padding makes both parameters and result travel through memory for every T, so that one core
 * function serves all types. Besides there are
 *
 *     spin: func()                   never returns
 *     boom: func()                   traps two calls deep, in "inner" called by "outer"
 *     more: func(n: u32) -> u32      n + 1
 */
#pragma once

#include "base/buf.h"

enum { ECHO_PAD = 16 };

/* types: WIT expressions made of primitives, list<T>, option<T>, result<T, E> with _ for nothing,
 * tuple<...>, and the types that ECHO_TYPES declares. */
void echo_build(sw_buf *out, const char *const *types, size_t count);

/* The WIT package that declares the imported interface. */
void echo_wit(sw_buf *out, const char *const *types, size_t count);

/* rec: record { a: u8, b: string, c: f64 }    var: variant { none, num(u64), text(string), r(rec) }
 * en: enum { red, green, blue }               fl: flags { read, write, run } */

/* A component that exports wasi:cli/run@0.2.0 with a function "run" of another type: a tuple of
 * many numbers. */
void echo_build_false_command(sw_buf *out);
