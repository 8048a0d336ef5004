/* What verbs share: files, and the engine with its cache. */
#include "cli/cli.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int io_error(const char *path, const char *what)
{
    (void)fprintf(stderr, "error: %s: %s\n", path, what);
    return CLI_FAILURE;
}

enum { MAX_FILE_BYTES = 1 << 30, CHUNK_BYTES = 1 << 16 };

/* What has no size beforehand: pipes, standard input, files of /proc. */
static int read_stream(int fd, const char *path, cli_file *ret_file)
{
    size_t size = 0, used = 0;
    uint8_t *block = NULL;
    for (;;) {
        if (used == size) {
            size_t more = size == 0 ? CHUNK_BYTES : 2 * size;
            uint8_t *grown = more > MAX_FILE_BYTES ? NULL : sw_realloc(NULL, block, size, more);
            if (grown == NULL) {
                sw_free(NULL, block, size);
                return io_error(path, "is too large");
            }
            block = grown;
            size = more;
        }
        ssize_t got = read(fd, block + used, size - used);
        if (got < 0 && errno != EINTR) {
            sw_free(NULL, block, size);
            return io_error(path, strerror(errno));
        }
        if (got == 0) {
            *ret_file = (cli_file){
                {block, used},
                size
            };
            return CLI_OK;
        }
        used += got < 0 ? 0 : (size_t)got;
    }
}

static int read_open_file(int fd, const char *path, cli_file *ret_file)
{
    struct stat st;
    if (fstat(fd, &st) < 0) {
        return io_error(path, strerror(errno));
    }
    if (S_ISDIR(st.st_mode)) {
        return io_error(path, "is a directory");
    }
    if (!S_ISREG(st.st_mode) || st.st_size == 0) {
        return read_stream(fd, path, ret_file);
    }
    void *at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED) {
        return io_error(path, strerror(errno));
    }
    *ret_file = (cli_file){
        .bytes = {at, (size_t)st.st_size}
    };
    return CLI_OK;
}

int cli_read_file(const char *path, cli_file *ret_file)
{
    if (strcmp(path, "-") == 0) {
        return read_stream(STDIN_FILENO, path, ret_file);
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return io_error(path, strerror(errno));
    }
    int code = read_open_file(fd, path, ret_file);
    (void)close(fd);
    return code;
}

void cli_release_file(cli_file *file)
{
    void *at = (void *)(uintptr_t)file->bytes.ptr;
    if (file->owned_bytes != 0) {
        sw_free(NULL, at, file->owned_bytes);
    } else if (at != NULL) {
        (void)munmap(at, file->bytes.len);
    }
}

int cli_source_open(const cli_args *args, const char *word, cli_source *ret_source)
{
    *ret_source = (cli_source){.path = word};
    bool is_reference = strncmp(word, "oci://", 6) == 0 ||
                        (access(word, F_OK) != 0 && swell_is_reference(swell_str_of(word)));
    return is_reference ? cli_fetch(args, word, ret_source) : CLI_OK;
}

void cli_source_close(cli_source *source)
{
    if (source->registry != NULL) {
        cli_fetch_end(source);
    }
}

/* $XDG_CACHE_HOME/swell, else ~/.cache/swell; false when there is no home. */
static bool default_cache_dir(char *out, size_t size)
{
    const char *xdg = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    int len = -1;
    if (xdg != NULL && xdg[0] == '/') {
        len = snprintf(out, size, "%s/swell", xdg);
    } else if (home != NULL && home[0] == '/') {
        len = snprintf(out, size, "%s/.cache/swell", home);
    }
    return len > 0 && (size_t)len < size;
}

bool cli_cache_dir(const cli_args *args, char *out, size_t size)
{
    const char *given = cli_value(args, "cache-dir");
    if (cli_has(args, "no-cache")) {
        return false;
    }
    if (given == NULL) {
        return default_cache_dir(out, size);
    }
    int len = snprintf(out, size, "%s", given);
    return (size_t)len < size;
}

int cli_open_engine(const char *cache_dir, swell_engine **ret_engine)
{
    swell_engine_config config = {.cache_dir = cache_dir};
    const char *cap = getenv("SWELL_CACHE_MAX");
    if (cap != NULL && !cli_parse_size(cap, &config.cache_max_bytes)) {
        return cli_usage_error("SWELL_CACHE_MAX is a size such as 512MiB", "malformed size '%s'",
                               cap);
    }
    swell_error error = {};
    if (swell_engine_new(&config, &error, ret_engine) != SWELL_OK) {
        return cli_report("swell", &error);
    }
    return CLI_OK;
}

swell_status cli_add_grants(const cli_args *args, swell_grants *grants, swell_error *error)
{
    static const struct {
        const char *option;
        swell_status (*add)(swell_grants *grants, swell_str spec, swell_error *error);
    } ROWS[] = {
        {"dir",          swell_grants_add_dir   },
        {"env",          swell_grants_add_env   },
        {"allow-http",   swell_grants_add_http  },
        {"allow-tcp",    swell_grants_add_tcp   },
        {"allow-udp",    swell_grants_add_udp   },
        {"allow-dns",    swell_grants_add_dns   },
        {"allow-listen", swell_grants_add_listen},
    };
    swell_status st = SWELL_OK;
    for (size_t i = 0; i < args->given_count && st == SWELL_OK; i++) {
        const cli_given *g = &args->given[i];
        for (size_t k = 0; k < sizeof ROWS / sizeof ROWS[0] && st == SWELL_OK; k++) {
            if (strcmp(g->option->name, ROWS[k].option) == 0) {
                st = ROWS[k].add(grants, swell_str_of(g->value), error);
            }
        }
    }
    for (int i = 0; i < args->operands_count && st == SWELL_OK; i++) {
        st = swell_grants_add_arg(grants, swell_str_of(args->operands[i]));
    }
    return st;
}
