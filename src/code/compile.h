/*
 * From a validated module to an image: the driver of the compilers.
 *
 * Bodies are validated and emitted on all cores, in ranges balanced by bytes; the result does not
 * depend on the number of threads. The image (code/image.h) is one position-independent block of
 * bytes that holds everything a run needs: the module's bytes are not looked at again.
 */
#pragma once

#include "base/buf.h"
#include "wasm/module.h"

typedef struct sw_compile_options {
    sw_features features;
    unsigned threads;  /* 0: all cores */
    sw_budget *budget; /* borrowed, may be NULL: charged with the compiler's own memory */
} sw_compile_options;

/* What a compilation did: for `--verbose`, benchmarks and inspect. */
typedef struct sw_compile_stats {
    uint64_t wasm_code_bytes, machine_code_bytes;
    uint64_t validate_ns, emit_ns; /* summed over threads */
    uint64_t wall_ns;
    uint32_t functions;
} sw_compile_stats;

/* Whether a processor with these features (sw_cpu_features) can run what is compiled; if not,
 * SW_UNSUPPORTED says what it lacks. Compiling works on any. */
SW_NODISCARD sw_status sw_compile_check_cpu(uint32_t cpu_features, sw_diag *diag);

/* Reads nothing but m. The image is appended to out, which must be aligned to a page in the file
 * it will be part of. ret_stats may be NULL. */
SW_NODISCARD sw_status sw_module_compile(const sw_module *m, const sw_compile_options *options,
                                         sw_buf *out, sw_diag *diag, sw_compile_stats *ret_stats);
