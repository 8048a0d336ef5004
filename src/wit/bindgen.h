/*
 * C bindings for host functions, from WIT.
 *
 * For an interface such as wasi:io/streams this writes a header with the types in host layout
 * (component/host.h), one prototype per function for the implementer, and a source with the
 * type tables and the sw_host_iface that a linker takes:
 *
 *     typedef struct sw_wasi_io_streams_input_stream_read_params {
 *         uint32_t self;
 *         uint64_t len;
 *     } sw_wasi_io_streams_input_stream_read_params;
 *     typedef sw_wit_result_list_u8_wasi_io_streams_stream_error
 *         sw_wasi_io_streams_input_stream_read_result;
 *     sw_trap sw_wasi_io_streams_input_stream_read(
 *         sw_host_call *call, const sw_wasi_io_streams_input_stream_read_params *params,
 *         sw_wasi_io_streams_input_stream_read_result *ret);
 *
 * Names: prefix, namespace, package, interface, then resource and function, joined by '_'; a
 * constructor is called "new", what is called when the guest drops its handle "drop"; types end in
 * "_t". Names that C reserves get a '_' at the end. Structs of no members are left out, as members
 * and parameters. Anonymous types are named after their parts and guarded, since several headers
 * may bring them; handles are "handle" in such names, for in C they are all uint32_t.
 *
 * Assertions in the header prove that the compiler's layout is the one computed here.
 */
#pragma once

#include "base/buf.h"
#include "wit/wit.h"

typedef struct sw_bindgen {
    sw_wit *wit;
    sw_str prefix; /* "sw" */
    sw_diag *diag;
} sw_bindgen;

/* "wasi_io_streams" for the prefix "sw", "p3_wasi_io_streams" for "sw_p3": what files are called.
 * NULL when out of memory. */
const char *sw_bindgen_file_base(const sw_bindgen *b, const sw_wit_interface *i);

/* Writes both files' text. The interface must be resolved. */
SW_NODISCARD sw_status sw_bindgen_write(const sw_bindgen *b, const sw_wit_interface *i,
                                        sw_buf *header, sw_buf *source);
