/* Engines and programs: reading, compiling, caching, loading. */
#include "api/input.h"

#include "os/cpu.h"
#include "os/file.h"
#include "wasm/validate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static sw_status configure(swell_engine *e, const swell_engine_config *config)
{
    e->threads = config->threads;
    e->cache_max_bytes = config->cache_max_bytes;
    if (config->cache_dir == NULL) {
        return SW_OK;
    }
    e->cache_dir_bytes = strlen(config->cache_dir) + 1;
    e->cache_dir = sw_alloc(NULL, e->cache_dir_bytes);
    if (e->cache_dir == NULL) {
        return SW_NO_MEMORY;
    }
    memcpy(e->cache_dir, config->cache_dir, e->cache_dir_bytes);
    return SW_OK;
}

static void drop_cache_dir(swell_engine *e)
{
    sw_free(NULL, e->cache_dir, e->cache_dir_bytes);
    e->cache_dir = NULL;
}

/* The cache, or NULL: one that cannot be opened costs time, not correctness. */
static sw_cache *open_cache(swell_engine *e)
{
    sw_diag ignored = {};
    (void)pthread_mutex_lock(&e->cache_mutex);
    if (e->cache_dir != NULL) {
        if (sw_cache_open(e->cache_dir, e->cache_max_bytes, &ignored, &e->cache) != SW_OK) {
            e->cache = NULL;
        }
        drop_cache_dir(e);
    }
    (void)pthread_mutex_unlock(&e->cache_mutex);
    return e->cache;
}

swell_status swell_engine_new(const swell_engine_config *config, swell_error *error,
                              swell_engine **ret_engine)
{
    sw_diag diag = {};
    swell_engine *e = sw_alloc(NULL, sizeof *e);
    if (e == NULL) {
        return sw_api_result(SW_NO_MEMORY, &diag, error);
    }
    (void)pthread_mutex_init(&e->cache_mutex, NULL);
    sw_status st = sw_engine_new(&diag, &e->engine);
    if (st != SW_OK) {
        swell_engine_free(e);
        return sw_api_result(st, &diag, error);
    }
    st = config == NULL ? SW_OK : configure(e, config);
    if (st != SW_OK) {
        swell_engine_free(e);
        return sw_api_result(st, &diag, error);
    }
    *ret_engine = e;
    return SWELL_OK;
}

void swell_engine_free(swell_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    sw_cache_close(engine->cache);
    drop_cache_dir(engine);
    (void)pthread_mutex_destroy(&engine->cache_mutex);
    sw_engine_free(engine->engine);
    sw_free(NULL, engine, sizeof *engine);
}

swell_format swell_format_of(swell_bytes bytes)
{
    sw_bytes b = {bytes.ptr, bytes.len};
    if (sw_component_is_binary(b)) {
        return SWELL_FORMAT_COMPONENT;
    }
    if (sw_module_is_binary(b)) {
        return SWELL_FORMAT_MODULE;
    }
    return sw_image_file_is(b) ? SWELL_FORMAT_COMPILED : SWELL_FORMAT_UNKNOWN;
}

/* ---- Compiling ------------------------------------------------------------------------------- */

static sw_status compile_modules(const sw_input *in, unsigned threads, sw_image_file_writer *w,
                                 sw_buf *out, sw_diag *diag, swell_compile_stats *stats)
{
    uint32_t count;
    const sw_module *modules = sw_input_modules(in, &count);
    sw_compile_options options = {.features = SW_API_FEATURES, .threads = threads};
    for (uint32_t i = 0; i < count; i++) {
        sw_compile_stats s;
        sw_image_file_part(w, SW_PART_MODULE);
        SW_TRY(sw_module_compile(&modules[i], &options, out, diag, &s));
        stats->wasm_code_bytes += s.wasm_code_bytes;
        stats->machine_code_bytes += s.machine_code_bytes;
        stats->validate_ns += s.validate_ns;
        stats->emit_ns += s.emit_ns;
        stats->wall_ns += s.wall_ns;
        stats->functions += s.functions;
        stats->modules++;
    }
    return SW_OK;
}

static sw_status compile_input(const sw_input *in, unsigned threads, sw_buf *out, sw_diag *diag,
                               swell_compile_stats *stats)
{
    sw_image_file_writer w;
    uint32_t count;
    (void)sw_input_modules(in, &count);
    *stats = (swell_compile_stats){};
    if (in->is_component) {
        sw_image_file_begin(&w, out, SW_FILE_COMPONENT, count + 1);
        sw_image_file_part(&w, SW_PART_PLAN);
        SW_TRY(sw_plan_write(&in->component.plan, out));
    } else {
        sw_image_file_begin(&w, out, SW_FILE_MODULE, 1);
    }
    SW_TRY(compile_modules(in, threads, &w, out, diag, stats));
    return sw_image_file_end(&w, diag);
}

static sw_status compile_bytes(const swell_engine *e, sw_bytes wasm, sw_buf *out, sw_diag *diag,
                               swell_compile_stats *ret_stats)
{
    sw_input in;
    sw_status st = sw_input_read(&in, wasm, diag);
    if (st == SW_OK) {
        st = compile_input(&in, e->threads, out, diag, ret_stats);
    }
    sw_input_clear(&in);
    return st;
}

enum { MAX_IMAGE_BYTES = INT32_MAX, PATH_BYTES = 4096 };

/* A device or a pipe is written to, not replaced; of a link its target is replaced. */
static sw_status write_output(const char *path, sw_bytes bytes, sw_diag *diag)
{
    struct stat s;
    char target[PATH_BYTES];
    if (stat(path, &s) != 0 || S_ISDIR(s.st_mode)) {
        return sw_file_write(path, bytes, 0644, false, diag);
    }
    if (S_ISREG(s.st_mode)) {
        return sw_file_write(realpath(path, target) == NULL ? path : target, bytes, 0644, false,
                             diag);
    }
    SW_AUTO(sw_fd_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || !sw_fd_write(fd, bytes)) {
        return sw_fail(diag, SW_IO, SW_NO_OFFSET, "%s: %s", path, strerror(errno));
    }
    return SW_OK;
}

swell_status swell_compile_file(swell_engine *engine, const char *path, const char *out_path,
                                swell_error *error, swell_compile_stats *ret_stats)
{
    sw_diag diag = {};
    sw_file_data data;
    swell_compile_stats stats;
    sw_buf out;
    sw_buf_init(&out, NULL, MAX_IMAGE_BYTES);
    sw_status st = sw_file_read(&data, path, NULL, SW_API_MAX_INPUT_BYTES, &diag);
    if (st == SW_OK) {
        st = compile_bytes(engine, data.bytes, &out, &diag, &stats);
        sw_file_data_clear(&data);
    }
    if (st == SW_OK) {
        st = write_output(out_path, sw_buf_bytes(&out), &diag);
    }
    if (st == SW_OK && ret_stats != NULL) {
        *ret_stats = stats;
    }
    sw_buf_clear(&out);
    return sw_api_result(st, &diag, error);
}

swell_status swell_validate(swell_engine *engine, swell_bytes bytes, swell_error *error)
{
    sw_diag diag = {};
    sw_input in;
    uint32_t count;
    (void)engine;
    sw_status st = sw_input_read(&in, (sw_bytes){bytes.ptr, bytes.len}, &diag);
    const sw_module *modules = sw_input_modules(&in, &count);
    for (uint32_t i = 0; st == SW_OK && i < count; i++) {
        st = sw_module_validate_bodies(&modules[i], &SW_API_FEATURES, &diag);
    }
    sw_input_clear(&in);
    return sw_api_result(st, &diag, error);
}

/* ---- Loading --------------------------------------------------------------------------------- */

static sw_status load_part(const swell_program *p, uint32_t part, sw_diag *diag, sw_code **ret)
{
    sw_image_source source = {.fd = p->file.fd,
                              .offset = p->file.header->parts[part].offset,
                              .bytes = sw_image_file_get(&p->file, part)};
    return sw_code_load(p->engine->engine, &source, diag, ret);
}

static sw_status load_component(swell_program *p, sw_diag *diag)
{
    uint32_t count = p->file.header->parts_count - 1;
    sw_code **codes = sw_alloc_array(NULL, count, sizeof *codes);
    sw_status st = codes == NULL ? SW_NO_MEMORY : SW_OK;
    uint32_t loaded = 0;
    while (st == SW_OK && loaded < count) {
        st = load_part(p, loaded + 1, diag, &codes[loaded]);
        loaded += st == SW_OK;
    }
    if (st == SW_OK) {
        st = sw_component_new(p->engine->engine, sw_image_file_get(&p->file, 0), codes, diag,
                              &p->component);
    }
    if (st != SW_OK) {
        for (uint32_t i = 0; i < loaded; i++) {
            sw_code_unref(codes[i]);
        }
    }
    sw_free(NULL, codes, count * sizeof(sw_code *));
    return st;
}

static sw_status load(swell_program *p, sw_diag *diag)
{
    return p->file.header->kind == SW_FILE_COMPONENT ? load_component(p, diag)
                                                     : load_part(p, 0, diag, &p->code);
}

/* From the cache, else by compiling; what was compiled goes to the cache. */
static sw_status load_wasm(swell_program *p, sw_bytes wasm, sw_diag *diag)
{
    SW_TRY(sw_compile_check_cpu(sw_cpu_features(), diag));
    sw_cache *cache = open_cache(p->engine);
    sw_cache_key key = {};
    if (cache != NULL) {
        key = sw_cache_key_of(wasm);
        if (sw_cache_find(cache, &key, &p->file) == SW_OK) {
            return load(p, diag);
        }
    }
    swell_compile_stats stats;
    SW_TRY(compile_bytes(p->engine, wasm, &p->bytes, diag, &stats));
    SW_TRY(sw_image_file_view(sw_buf_bytes(&p->bytes), diag, &p->file));
    if (cache != NULL) {
        sw_image_file stored;
        sw_diag ignored = {}; /* when it fails, the next run compiles again */
        if (sw_cache_store(cache, &key, sw_buf_bytes(&p->bytes), &ignored, &stored) == SW_OK) {
            sw_buf_clear(&p->bytes);
            p->file = stored;
        }
    }
    return load(p, diag);
}

static swell_program *program_new(swell_engine *e)
{
    swell_program *p = sw_alloc(NULL, sizeof *p);
    if (p != NULL) {
        atomic_init(&p->refs, 1);
        p->engine = e;
        p->file.fd = -1;
        sw_buf_init(&p->bytes, NULL, MAX_IMAGE_BYTES);
    }
    return p;
}

swell_program *sw_api_program_ref(swell_program *p)
{
    (void)atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void swell_program_free(swell_program *program)
{
    if (program == NULL ||
        atomic_fetch_sub_explicit(&program->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    sw_component_unref(program->component);
    sw_code_unref(program->code);
    if (program->file.header != NULL) {
        sw_image_file_close(&program->file);
    }
    sw_buf_clear(&program->bytes);
    sw_free(NULL, program, sizeof *program);
}

static swell_status finish_open(swell_program *p, sw_status st, const sw_diag *diag,
                                swell_error *error, swell_program **ret_program)
{
    if (st == SW_OK) {
        *ret_program = p;
    } else {
        swell_program_free(p);
    }
    return sw_api_result(st, diag, error);
}

swell_status swell_program_from_bytes(swell_engine *engine, swell_bytes bytes, swell_error *error,
                                      swell_program **ret_program)
{
    sw_diag diag = {};
    swell_program *p = program_new(engine);
    sw_status st = p == NULL ? SW_NO_MEMORY : load_wasm(p, (sw_bytes){bytes.ptr, bytes.len}, &diag);
    return finish_open(p, st, &diag, error, ret_program);
}

/* Takes over fd when it succeeds. */
static sw_status load_compiled(swell_program *p, int fd, uint64_t size, bool allowed, sw_diag *diag)
{
    if (!allowed) {
        return sw_fail(diag, SW_DENIED, SW_NO_OFFSET,
                       "machine code is trusted code: allow it with --allow-compiled");
    }
    SW_TRY(sw_compile_check_cpu(sw_cpu_features(), diag));
    sw_status st = sw_image_file_open(fd, size, false, diag, &p->file);
    if (st != SW_OK) {
        p->file = (sw_image_file){.fd = -1};
    }
    return st;
}

static bool is_compiled_file(int fd)
{
    uint8_t head[sizeof(sw_image_file_header)];
    ssize_t got = pread(fd, head, sizeof head, 0);
    return got == (ssize_t)sizeof head && sw_image_file_is((sw_bytes){head, sizeof head});
}

/* Input that is compiled is read, not mapped: whoever may change the file could otherwise change it
 * between validation and compilation. */
static sw_status open_program(swell_program *p, int fd, const char *name, bool allow_compiled,
                              sw_diag *diag)
{
    sw_file_data data;
    struct stat s;
    if (is_compiled_file(fd)) {
        int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (own < 0 || fstat(own, &s) != 0) {
            sw_fd_close(own);
            return sw_fail(diag, SW_IO, SW_NO_OFFSET, "%s: %m", name);
        }
        sw_status st = load_compiled(p, own, (uint64_t)s.st_size, allow_compiled, diag);
        if (st != SW_OK) {
            sw_fd_close(own);
            return st;
        }
        return load(p, diag);
    }
    SW_TRY(sw_file_read_fd(&data, fd, name, NULL, SW_API_MAX_INPUT_BYTES, diag));
    sw_status st = load_wasm(p, data.bytes, diag);
    sw_file_data_clear(&data);
    return st;
}

static sw_status open_path(swell_program *p, const char *path, bool allow_compiled, sw_diag *diag)
{
    SW_AUTO(sw_fd_close) int fd = -1;
    uint64_t ignored;
    if (strcmp(path, "-") == 0) {
        return open_program(p, STDIN_FILENO, "standard input", allow_compiled, diag);
    }
    SW_TRY(sw_file_open(&fd, &ignored, path, diag));
    return open_program(p, fd, path, allow_compiled, diag);
}

static bool allows_compiled(const swell_program_options *options)
{
    return options != NULL && options->allow_compiled;
}

swell_status swell_program_open(swell_engine *engine, const char *path,
                                const swell_program_options *options, swell_error *error,
                                swell_program **ret_program)
{
    sw_diag diag = {};
    swell_program *p = program_new(engine);
    sw_status st = p == NULL ? SW_NO_MEMORY : open_path(p, path, allows_compiled(options), &diag);
    return finish_open(p, st, &diag, error, ret_program);
}

swell_status swell_program_open_fd(swell_engine *engine, int fd, const char *name,
                                   const swell_program_options *options, swell_error *error,
                                   swell_program **ret_program)
{
    sw_diag diag = {};
    swell_program *p = program_new(engine);
    sw_status st =
        p == NULL ? SW_NO_MEMORY : open_program(p, fd, name, allows_compiled(options), &diag);
    return finish_open(p, st, &diag, error, ret_program);
}

bool swell_program_imports(const swell_program *program, swell_str prefix)
{
    if (program->component == NULL) {
        return false;
    }
    const sw_plan *p = sw_component_plan(program->component);
    for (uint32_t i = 0; i < p->imports_count; i++) {
        if (p->imports[i].parent == SW_PLAN_NONE &&
            sw_str_starts(sw_types_str(&p->types, p->imports[i].name), sw_api_str(prefix))) {
            return true;
        }
    }
    return false;
}

swell_kind swell_program_kind(const swell_program *program)
{
    return program->component != NULL ? SWELL_KIND_COMPONENT : SWELL_KIND_MODULE;
}
