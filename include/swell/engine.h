/*
 * swell: engines and programs. An engine is made once a process. A program is a core module or a
 * component, validated and compiled, ready to be instantiated any number of times.
 */
#pragma once

#include <swell/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct swell_engine swell_engine;
typedef struct swell_program swell_program;

typedef struct swell_engine_config {
    /* Directory of the compile cache, made when missing; NULL: no cache. */
    const char *cache_dir;
    /* The oldest entries go when the cache grows past this; 0: 1 GiB. */
    uint64_t cache_max_bytes;
    /* Threads that compile; 0: one a core. */
    unsigned threads;
} swell_engine_config;

/* config may be NULL. Installs handlers for SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGTRAP, which pass
 * on what is not the guest's doing. */
SWELL_API swell_status swell_engine_new(const swell_engine_config *config, swell_error *error,
                                        swell_engine **ret_engine);
SWELL_API void swell_engine_free(swell_engine *engine); /* after all that was made from it */

/* ---- Programs -------------------------------------------------------------------------------- */

typedef struct swell_program_options {
    /* Accept a file made by swell_compile_file. Machine code is trusted, so only from a source
     * that is. It must have been made by this very build. */
    bool allow_compiled;
} swell_program_options;

/* Opens a file: a module, a component or, when allowed, a compiled program. Compiles it unless the
 * engine's cache has it. SWELL_UNSUPPORTED where the processor lacks what compiled code needs (AVX,
 * BMI1, BMI2, LZCNT, POPCNT). options may be NULL. */
SWELL_API swell_status swell_program_open(swell_engine *engine, const char *path,
                                          const swell_program_options *options, swell_error *error,
                                          swell_program **ret_program);

/* The same from an open file, which stays the caller's; name is for errors. */
SWELL_API swell_status swell_program_open_fd(swell_engine *engine, int fd, const char *name,
                                             const swell_program_options *options,
                                             swell_error *error, swell_program **ret_program);

/* The same from memory, which is only borrowed for the call. */
SWELL_API swell_status swell_program_from_bytes(swell_engine *engine, swell_bytes bytes,
                                                swell_error *error, swell_program **ret_program);

SWELL_API void swell_program_free(swell_program *program); /* stores that run it keep it */

/* Checks everything, function bodies too, and compiles nothing. */
SWELL_API swell_status swell_validate(swell_engine *engine, swell_bytes bytes, swell_error *error);

typedef struct swell_compile_stats {
    uint64_t wasm_code_bytes, machine_code_bytes;
    uint64_t validate_ns, emit_ns; /* summed over threads */
    uint64_t wall_ns;
    uint32_t functions, modules;
} swell_compile_stats;

/* Compiles and writes a compiled program (atomically: the file appears whole or not at all; of a
 * link the target is replaced; into a device or a pipe it is simply written).
 * ret_stats may be NULL. */
SWELL_API swell_status swell_compile_file(swell_engine *engine, const char *path,
                                          const char *out_path, swell_error *error,
                                          swell_compile_stats *ret_stats);

/* ---- What a program is ----------------------------------------------------------------------- */

typedef enum swell_kind { SWELL_KIND_MODULE, SWELL_KIND_COMPONENT } swell_kind;
SWELL_API swell_kind swell_program_kind(const swell_program *program);

/* Whether a component imports something whose full name begins so: "wasi:http/". */
SWELL_API bool swell_program_imports(const swell_program *program, swell_str prefix);

/* Whether a file or memory begins like something swell_program_open takes. */
typedef enum swell_format {
    SWELL_FORMAT_UNKNOWN,
    SWELL_FORMAT_MODULE,
    SWELL_FORMAT_COMPONENT,
    SWELL_FORMAT_COMPILED,
} swell_format;
SWELL_API swell_format swell_format_of(swell_bytes bytes);

/* A description of a binary as JSON text: kind, imports, exports with types, the capabilities they
 * amount to, sizes of the parts, producers. Nothing is compiled. The caller frees the text with
 * swell_text_free. */
SWELL_API swell_status swell_inspect_json(swell_engine *engine, swell_bytes bytes,
                                          swell_error *error, swell_str *ret_json);
/* The same for people to read. */
SWELL_API swell_status swell_inspect_text(swell_engine *engine, swell_bytes bytes,
                                          swell_error *error, swell_str *ret_text);
SWELL_API void swell_text_free(swell_str text);

#ifdef __cplusplus
}
#endif
