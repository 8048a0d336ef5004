/* swell push, pull and copy; and programs by reference for the verbs that take a file. */
#include "cli/cli.h"

#include "base/json.h"
#include "base/memory.h"
#include "cli/progress.h"
#include "os/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MIRRORS_MAX = 32, ANNOTATIONS_MAX = 256, PATH_BYTES = 3000, LINE_BYTES = 16 << 10 };

/* What the options say. Strings are argv's, or the environment's. */
typedef struct setting {
    char store[PATH_BYTES];
    char mirrors_env[4096];
    const char *mirrors[MIRRORS_MAX];
    swell_registry_config config;
    cli_progress progress;
} setting;

/* $SWELL_STORE, $XDG_DATA_HOME/swell/store, ~/.local/share/swell/store. */
static int find_store(const cli_args *args, setting *s)
{
    const char *own = cli_value(args, "store"), *env = getenv("SWELL_STORE");
    const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int len = -1;
    own = own != NULL ? own : env;
    if (own != NULL && own[0] != '\0') {
        len = snprintf(s->store, sizeof s->store, "%s", own);
    } else if (xdg != NULL && xdg[0] == '/') {
        len = snprintf(s->store, sizeof s->store, "%s/swell/store", xdg);
    } else if (home != NULL && home[0] == '/') {
        len = snprintf(s->store, sizeof s->store, "%s/.local/share/swell/store", home);
    }
    if (len < 0 || (size_t)len >= sizeof s->store) {
        return cli_usage_error("--store DIR, or $SWELL_STORE", "there is no place for the store");
    }
    s->config.store_dir = s->store;
    const char *cap = getenv("SWELL_STORE_MAX");
    if (cap != NULL && !cli_parse_size(cap, &s->config.store_max_bytes)) {
        return cli_usage_error("SWELL_STORE_MAX is a size such as 10GiB", "malformed size '%s'",
                               cap);
    }
    return CLI_OK;
}

/* --mirror, and $SWELL_MIRRORS with commas between. */
static int find_mirrors(const cli_args *args, setting *s)
{
    const char *env = getenv("SWELL_MIRRORS");
    for (size_t i = 0; i < args->given_count; i++) {
        if (strcmp(args->given[i].option->name, "mirror") == 0) {
            if (s->config.mirrors_count == MIRRORS_MAX) {
                return cli_usage_error(NULL, "--mirror: too many");
            }
            s->mirrors[s->config.mirrors_count++] = args->given[i].value;
        }
    }
    (void)snprintf(s->mirrors_env, sizeof s->mirrors_env, "%s", env == NULL ? "" : env);
    for (char *p = s->mirrors_env; *p != '\0' && s->config.mirrors_count < MIRRORS_MAX;) {
        size_t len = strcspn(p, ",");
        bool is_last = p[len] == '\0';
        p[len] = '\0';
        if (len != 0) {
            s->mirrors[s->config.mirrors_count++] = p;
        }
        p += len + !is_last;
    }
    s->config.mirrors = s->mirrors;
    return CLI_OK;
}

static int read_settings(const cli_args *args, setting *s)
{
    *s = (setting){};
    s->config.ca_file = cli_value(args, "ca");
    s->config.insecure = cli_has(args, "insecure");
    s->config.plain_http = cli_has(args, "plain-http");
    s->progress = cli_progress_make(!cli_has(args, "quiet") && !cli_has(args, "json"));
    s->config.progress = cli_progress_update;
    s->config.progress_env = &s->progress;
    int code = find_store(args, s);
    return code != CLI_OK ? code : find_mirrors(args, s);
}

/* On failure it has printed why. */
static int open_registry(const cli_args *args, setting *s, swell_registry **ret)
{
    swell_error error = {};
    int code = read_settings(args, s);
    if (code == CLI_OK && swell_registry_new(&s->config, &error, ret) != SWELL_OK) {
        code = cli_report("registry", &error);
    }
    return code;
}

static int report(const char *reference, const swell_error *error)
{
    int code = cli_report(reference, error);
    if (error->status == SWELL_DENIED) {
        (void)fprintf(stderr, "hint: 'swell login %.*s' keeps credentials\n",
                      (int)strcspn(reference, "/"), reference);
    }
    return code;
}

/* ---- References in the place of files -------------------------------------------------------- */

static int read_policy(const cli_args *args, swell_pull otherwise, swell_pull *ret)
{
    static const char *const NAMES[] = {
        [SWELL_PULL_MISSING] = "missing",
        [SWELL_PULL_ALWAYS] = "always",
        [SWELL_PULL_NEVER] = "never",
    };
    const char *value = cli_value(args, "pull");
    if (value == NULL) {
        *ret = otherwise;
        return CLI_OK;
    }
    for (unsigned i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (strcmp(value, NAMES[i]) == 0) {
            *ret = (swell_pull)i;
            return CLI_OK;
        }
    }
    return cli_usage_error("missing, always or never", "--pull: '%s' is none of them", value);
}

int cli_fetch(const cli_args *args, const char *reference, cli_source *ret)
{
    setting s;
    swell_error error = {};
    swell_pull policy;
    swell_pulled pulled;
    swell_registry *registry;
    int code = read_policy(args, SWELL_PULL_MISSING, &policy);
    code = code != CLI_OK ? code : open_registry(args, &s, &registry);
    if (code != CLI_OK) {
        return code;
    }
    swell_status st =
        swell_registry_pull(registry, swell_str_of(reference), policy, &error, &pulled);
    cli_progress_end(&s.progress);
    if (st == SWELL_OK) {
        (void)snprintf(ret->fetched, sizeof ret->fetched, "%s", pulled.path);
        ret->path = ret->fetched;
        ret->registry = registry;
        return CLI_OK;
    }
    code = report(reference, &error);
    swell_registry_free(registry);
    return code;
}

void cli_fetch_end(cli_source *source)
{
    swell_registry_free(source->registry);
    source->registry = NULL;
}

/* ---- Output ---------------------------------------------------------------------------------- */

static void pair(sw_json *j, const char *key, const char *value)
{
    sw_json_key(j, sw_str_of(key));
    sw_json_str(j, sw_str_of(value));
}

/* A line of JSON on standard output. */
static int print_json(sw_buf *out)
{
    sw_buf_u8(out, '\n');
    int code = sw_buf_status(out) == SW_OK ? CLI_OK : CLI_FAILURE;
    if (code == CLI_OK) {
        (void)fwrite(out->ptr, 1, out->len, stdout);
    }
    sw_buf_clear(out);
    return code;
}

/* ---- push ------------------------------------------------------------------------------------ */

typedef struct pushing {
    swell_push_options options;
    swell_annotation annotations[ANNOTATIONS_MAX];
} pushing;

static int read_push_options(const cli_args *args, pushing *p)
{
    const char *slash = strrchr(args->operands[1], '/');
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    const char *name = slash == NULL ? args->operands[1] : slash + 1;
    p->options.title = swell_str_of(strcmp(name, "-") == 0 ? "" : name);
    p->options.author = swell_str_of(cli_value(args, "author"));
    p->options.annotations = p->annotations;
    for (size_t i = 0; i < args->given_count; i++) {
        const cli_given *g = &args->given[i];
        if (strcmp(g->option->name, "annotation") != 0) {
            continue;
        }
        size_t key = strcspn(g->value, "=");
        if (key == 0 || g->value[key] == '\0' || p->options.annotations_count == ANNOTATIONS_MAX) {
            return cli_usage_error("--annotation KEY=VALUE", "--annotation: malformed '%s'",
                                   g->value);
        }
        p->annotations[p->options.annotations_count++] = (swell_annotation){
            {g->value, key},
            swell_str_of(g->value + key + 1),
        };
    }
    if (epoch != NULL && !cli_parse_count(epoch, &p->options.created_s)) {
        return cli_usage_error(NULL, "SOURCE_DATE_EPOCH: malformed '%s'", epoch);
    }
    return CLI_OK;
}

static int print_pushed(const cli_args *args, const swell_pushed *p)
{
    if (!cli_has(args, "json")) {
        if (!cli_has(args, "quiet")) {
            (void)printf("%s\n", p->digest);
        }
        return CLI_OK;
    }
    sw_buf out;
    sw_buf_init(&out, NULL, LINE_BYTES);
    sw_json j = sw_json_make(&out, false);
    sw_json_object_begin(&j);
    pair(&j, "reference", p->reference);
    pair(&j, "digest", p->digest);
    sw_json_key(&j, SW_STR("size_bytes"));
    sw_json_u64(&j, p->size_bytes);
    pair(&j, "config", p->fell_back ? "image" : "wasm");
    sw_json_object_end(&j);
    return print_json(&out);
}

static int push_file(const cli_args *args, const pushing *p, swell_bytes bytes)
{
    setting s;
    swell_error error = {};
    swell_pushed pushed;
    swell_registry *registry;
    int code = open_registry(args, &s, &registry);
    if (code != CLI_OK) {
        return code;
    }
    swell_status st = swell_registry_push(registry, swell_str_of(args->operands[0]), bytes,
                                          &p->options, &error, &pushed);
    cli_progress_end(&s.progress);
    if (st != SWELL_OK) {
        bool is_file = error.offset != SWELL_NO_OFFSET;
        code = report(args->operands[is_file ? 1 : 0], &error);
    } else {
        if (pushed.fell_back && !cli_has(args, "quiet")) {
            (void)fprintf(stderr,
                          "note: the registry refuses wasm artifacts; pushed as an image\n");
        }
        code = print_pushed(args, &pushed);
    }
    swell_registry_free(registry);
    return code;
}

int cli_push(const cli_args *args)
{
    pushing p = {};
    cli_file file;
    int code = read_push_options(args, &p);
    code = code != CLI_OK ? code : cli_read_file(args->operands[1], &file);
    if (code == CLI_OK) {
        code = push_file(args, &p, file.bytes);
        cli_release_file(&file);
    }
    return code;
}

/* ---- pull ------------------------------------------------------------------------------------ */

/* The file appears whole or not at all. */
static int write_output(const char *path, const swell_pulled *p)
{
    cli_file file;
    sw_diag diag = {};
    int code = cli_read_file(p->path, &file);
    if (code != CLI_OK) {
        return code;
    }
    sw_bytes bytes = {file.bytes.ptr, file.bytes.len};
    if (strcmp(path, "-") == 0) {
        (void)fwrite(bytes.ptr, 1, bytes.len, stdout);
    } else if (sw_file_write(path, bytes, 0666, false, &diag) != SW_OK) {
        (void)fprintf(stderr, "error: %s\n", diag.text);
        code = CLI_FAILURE;
    }
    cli_release_file(&file);
    return code;
}

static int print_pulled(const cli_args *args, const swell_pulled *p)
{
    const char *output = cli_value(args, "output");
    bool is_stdout = output != NULL && strcmp(output, "-") == 0;
    if (is_stdout || !cli_has(args, "json")) {
        if (!is_stdout && !cli_has(args, "quiet")) {
            (void)printf("%s\n", p->digest);
        }
        return CLI_OK;
    }
    sw_buf out;
    sw_buf_init(&out, NULL, LINE_BYTES);
    sw_json j = sw_json_make(&out, false);
    sw_json_object_begin(&j);
    pair(&j, "reference", p->reference);
    pair(&j, "digest", p->digest);
    pair(&j, "program", p->program);
    pair(&j, "media_type", p->media_type);
    sw_json_key(&j, SW_STR("size_bytes"));
    sw_json_u64(&j, p->size_bytes);
    sw_json_key(&j, SW_STR("fetched"));
    sw_json_bool(&j, p->was_fetched);
    pair(&j, "file", output != NULL ? output : p->path);
    sw_json_object_end(&j);
    return print_json(&out);
}

int cli_pull(const cli_args *args)
{
    setting s;
    swell_error error = {};
    swell_pulled pulled;
    swell_pull policy;
    swell_registry *registry;
    const char *output = cli_value(args, "output");
    int code = read_policy(args, SWELL_PULL_ALWAYS, &policy);
    code = code != CLI_OK ? code : open_registry(args, &s, &registry);
    if (code != CLI_OK) {
        return code;
    }
    swell_status st =
        swell_registry_pull(registry, swell_str_of(args->operands[0]), policy, &error, &pulled);
    cli_progress_end(&s.progress);
    if (st != SWELL_OK) {
        code = report(args->operands[0], &error);
    } else {
        code = output == NULL ? CLI_OK : write_output(output, &pulled);
        code = code != CLI_OK ? code : print_pulled(args, &pulled);
    }
    swell_registry_free(registry);
    return code;
}

/* ---- copy ------------------------------------------------------------------------------------ */

static int print_copied(const cli_args *args, const char *digest)
{
    if (!cli_has(args, "json")) {
        if (!cli_has(args, "quiet")) {
            (void)printf("%s\n", digest);
        }
        return CLI_OK;
    }
    sw_buf out;
    sw_buf_init(&out, NULL, LINE_BYTES);
    sw_json j = sw_json_make(&out, false);
    sw_json_object_begin(&j);
    pair(&j, "from", args->operands[0]);
    pair(&j, "to", args->operands[1]);
    pair(&j, "digest", digest);
    sw_json_object_end(&j);
    return print_json(&out);
}

int cli_copy(const cli_args *args)
{
    setting s;
    swell_error error = {};
    char digest[72];
    swell_registry *registry;
    int code = open_registry(args, &s, &registry);
    if (code != CLI_OK) {
        return code;
    }
    swell_status st = swell_registry_copy(registry, swell_str_of(args->operands[0]),
                                          swell_str_of(args->operands[1]), &error, digest);
    cli_progress_end(&s.progress);
    code = st == SWELL_OK ? print_copied(args, digest) : report(args->operands[0], &error);
    swell_registry_free(registry);
    return code;
}

/* ---- For login ------------------------------------------------------------------------------- */

int cli_with_registry(const cli_args *args,
                      int (*action)(const cli_args *args, swell_registry *registry))
{
    setting s;
    swell_registry *registry;
    int code = open_registry(args, &s, &registry);
    if (code == CLI_OK) {
        code = action(args, registry);
        swell_registry_free(registry);
    }
    return code;
}
