/* A module with one of everything, and a frame into which tests put one body. */
#pragma once

#include "base/buf.h"
#include "base/reader.h"
#include "wasm/validate.h"

/* Sections of the frame that the bodies under test may use:
 * types 0: [] -> []  1: [] -> [i32]  2: [i32 i64] -> [i32]  3: [i32] -> [i32 i64]  4: [f32 f64] ->
 * [] functions 0: import of type 0, 1: import of type 2, 2: the body, of type 2, 3: of type 0 table
 * 0: 2.. funcref, table 1: 1..5 externref; memory 0: 1 page globals 0: imported const i32, 1: var
 * i64, 2: const funcref (ref.func 3) element segment 0: passive, funcref, (ref.func 3); data
 * segment 0: passive, "ab"
 */
#define SAMPLE_HEAD                                                                            \
    "\0asm\1\0\0\0"                                                                            \
    "\x01\x19\x05\x60\0\0\x60\0\1\x7f\x60\2\x7f\x7e\1\x7f\x60\1\x7f\2\x7f\x7e\x60\2\x7d\x7c\0" \
    "\x02\x14\x03\1a\1f\0\0\1a\1g\0\2\1a\1h\3\x7f\0"                                           \
    "\x03\x03\x02\2\0"                                                                         \
    "\x04\x08\x02\x70\0\2\x6f\1\1\5"                                                           \
    "\x05\x03\1\0\1"                                                                           \
    "\x06\x0b\2\x7e\1\x42\0\x0b\x70\0\xd2\3\x0b"                                               \
    "\x07\x05\1\1x\2\0"                                                                        \
    "\x09\x07\1\5\x70\1\xd2\3\x0b"                                                             \
    "\x0c\x01\1"
#define SAMPLE_TAIL "\x0b\x05\1\1\2ab"

/* Appends the sample module with these bytes (locals and code) as the body of function 2. */
static inline void sample_module(sw_buf *b, const char *body, size_t len)
{
    sw_buf_write(b, SAMPLE_HEAD, sizeof SAMPLE_HEAD - 1);
    sw_buf rest;
    sw_buf_init(&rest, NULL, SIZE_MAX);
    sw_buf_u8(&rest, 2);
    sw_buf_leb_u32(&rest, (uint32_t)len);
    sw_buf_write(&rest, body, len);
    sw_buf_write(&rest, "\2\0\x0b", 3);
    sw_buf_u8(b, 10);
    sw_buf_leb_u32(b, (uint32_t)rest.len);
    sw_buf_write(b, rest.ptr, rest.len);
    sw_buf_write(b, SAMPLE_TAIL, sizeof SAMPLE_TAIL - 1);
    sw_buf_clear(&rest);
}
