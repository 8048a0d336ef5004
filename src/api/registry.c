/* Registries for embedders. */
#include "api/describe.h"

#include "base/vec.h"
#include "os/clock.h"
#include "registry/credentials.h"
#include "registry/registry.h"
#include "wasm/validate.h"

#include <swell/registry.h>

#include <stdio.h>

struct swell_registry {
    sw_registry registry;
    swell_transfer_fn *progress;
    void *progress_env;
};

static void on_progress(void *env, const sw_content *what, uint64_t done_bytes)
{
    const swell_registry *r = env;
    char digest[SW_DIGEST_TEXT + 1];
    sw_digest_print(&what->digest, digest);
    const swell_transfer t = {digest, what->media_type, done_bytes, what->size_bytes};
    r->progress(r->progress_env, &t);
}

swell_status swell_registry_new(const swell_registry_config *config, swell_error *error,
                                swell_registry **ret_registry)
{
    sw_diag diag = {};
    swell_registry *r = sw_alloc(NULL, sizeof *r);
    if (r == NULL) {
        return sw_api_result(SW_NO_MEMORY, &diag, error);
    }
    r->progress = config->progress;
    r->progress_env = config->progress_env;
    const sw_client_options options = {
        .ca_file = config->ca_file,
        .insecure = config->insecure,
        .plain_http = config->plain_http,
        .mirrors = config->mirrors,
        .mirrors_count = config->mirrors_count,
        .attempts = config->attempts,
        .stall_ns = config->stall_ns,
        .chunk_bytes = (size_t)config->chunk_bytes,
        .progress = config->progress == NULL ? NULL : on_progress,
        .progress_env = r,
    };
    sw_status st =
        sw_registry_open(&r->registry, config->store_dir, config->store_max_bytes, &options, &diag);
    if (st != SW_OK) {
        sw_free(NULL, r, sizeof *r);
        return sw_api_result(st, &diag, error);
    }
    *ret_registry = r;
    return SWELL_OK;
}

void swell_registry_free(swell_registry *registry)
{
    if (registry != NULL) {
        sw_registry_close(&registry->registry);
        sw_free(NULL, registry, sizeof *registry);
    }
}

/* ---- Pull ------------------------------------------------------------------------------------ */

static void fill_pulled(const sw_reference *from, const sw_pulled *p, swell_pulled *ret)
{
    static_assert(sizeof ret->path >= sizeof p->path && sizeof ret->digest > SW_DIGEST_TEXT);
    static_assert(sizeof ret->reference >= SW_REF_TEXT_MAX);
    *ret = (swell_pulled){.size_bytes = p->program.size_bytes, .was_fetched = p->was_fetched};
    sw_reference_print(from, ret->reference);
    sw_digest_print(&p->image.digest, ret->digest);
    sw_digest_print(&p->program.digest, ret->program);
    (void)snprintf(ret->media_type, sizeof ret->media_type, "%s", p->program.media_type);
    (void)snprintf(ret->path, sizeof ret->path, "%s", p->path);
}

static sw_status pull(swell_registry *registry, swell_str reference, swell_pull policy,
                      sw_diag *diag, swell_pulled *ret)
{
    static const sw_pull POLICIES[] = {
        [SWELL_PULL_MISSING] = SW_PULL_MISSING,
        [SWELL_PULL_ALWAYS] = SW_PULL_ALWAYS,
        [SWELL_PULL_NEVER] = SW_PULL_NEVER,
    };
    sw_reference from;
    sw_pulled p;
    if ((unsigned)policy >= SW_COUNTOF(POLICIES)) {
        return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET, "no such policy of pulling");
    }
    SW_TRY(sw_reference_parse(sw_api_str(reference), diag, &from));
    SW_TRY(sw_registry_pull(&registry->registry, &from, POLICIES[policy], diag, &p));
    fill_pulled(&from, &p, ret);
    return SW_OK;
}

swell_status swell_registry_pull(swell_registry *registry, swell_str reference, swell_pull policy,
                                 swell_error *error, swell_pulled *ret_pulled)
{
    sw_diag diag = {};
    sw_status st = pull(registry, reference, policy, &diag, ret_pulled);
    return sw_api_result(st, &diag, error);
}

/* ---- Push ------------------------------------------------------------------------------------ */

typedef SW_VEC(sw_str) names;
typedef SW_VEC(sw_annotation) notes;

/* Names of a component's imports or exports, without what is in them. */
static sw_status top_names(const sw_item_text *items, size_t count, names *ret)
{
    for (size_t i = 0; i < count; i++) {
        if (items[i].depth == 0) {
            SW_TRY(sw_vec_push(ret, items[i].name));
        }
    }
    return SW_OK;
}

/* What is pushed has been looked at, function bodies too. */
static sw_status describe(sw_input *in, sw_bytes bytes, sw_diag *diag, sw_description *ret)
{
    uint32_t count;
    SW_TRY(sw_input_read(in, bytes, diag));
    const sw_module *modules = sw_input_modules(in, &count);
    for (uint32_t i = 0; i < count; i++) {
        SW_TRY(sw_module_validate_bodies(&modules[i], &SW_API_FEATURES, diag));
    }
    return sw_describe(in, bytes, ret);
}

static uint64_t now_s(void)
{
    return sw_clock_realtime_ns() / SW_NS_PER_S;
}

/* The annotation that says when, unless the caller has one. */
static sw_status add_annotations(const swell_push_options *o, const char *created, notes *to)
{
    const sw_str key = SW_STR("org.opencontainers.image.created");
    bool has_created = false;
    for (size_t i = 0; i < o->annotations_count; i++) {
        const sw_annotation a = {sw_api_str(o->annotations[i].key),
                                 sw_api_str(o->annotations[i].value)};
        has_created = has_created || sw_str_eq(a.key, key);
        SW_TRY(sw_vec_push(to, a));
    }
    return has_created ? SW_OK : sw_vec_push(to, (sw_annotation){key, sw_str_of(created)});
}

static sw_status push_described(swell_registry *registry, const sw_reference *to, sw_push *push,
                                const swell_push_options *o, const sw_description *d, sw_diag *diag,
                                swell_pushed *ret)
{
    sw_content image;
    names imports = {}, exports = {};
    notes all = {};
    char created[32];
    sw_time_print(push->info.created_s, created);
    sw_status st = top_names(d->imports.at, d->imports.count, &imports);
    st = st != SW_OK ? st : top_names(d->exports.at, d->exports.count, &exports);
    st = st != SW_OK ? st : add_annotations(o, created, &all);
    if (st == SW_OK) {
        push->info.imports = imports.at;
        push->info.imports_count = imports.count;
        push->info.exports = exports.at;
        push->info.exports_count = exports.count;
        push->annotations = all.at;
        push->annotations_count = all.count;
        st = sw_registry_push(&registry->registry, to, push, diag, &image, &ret->fell_back);
    }
    if (st == SW_OK) {
        sw_digest_print(&image.digest, ret->digest);
    }
    sw_vec_clear(&imports);
    sw_vec_clear(&exports);
    sw_vec_clear(&all);
    return st;
}

static sw_status push_program(swell_registry *registry, swell_str reference, sw_bytes program,
                              const swell_push_options *o, sw_diag *diag, swell_pushed *ret)
{
    sw_reference to;
    sw_input in;
    sw_description d = {};
    swell_pushed out = {.size_bytes = program.len};
    SW_TRY(sw_reference_parse(sw_api_str(reference), diag, &to));
    sw_reference_print(&to, out.reference);
    sw_status st = describe(&in, program, diag, &d);
    if (st == SW_OK) {
        sw_push push = {
            .program = program,
            .title = sw_api_str(o->title),
            .info = {.created_s = o->created_s != 0 ? o->created_s : now_s(),
                     .author = sw_api_str(o->author),
                     .is_component = d.is_component},
        };
        st = push_described(registry, &to, &push, o, &d, diag, &out);
    }
    sw_description_clear(&d);
    sw_input_clear(&in);
    if (st == SW_OK) {
        *ret = out;
    }
    return st;
}

swell_status swell_registry_push(swell_registry *registry, swell_str reference, swell_bytes program,
                                 const swell_push_options *options, swell_error *error,
                                 swell_pushed *ret_pushed)
{
    sw_diag diag = {};
    const swell_push_options none = {};
    sw_status st = push_program(registry, reference, (sw_bytes){program.ptr, program.len},
                                options == NULL ? &none : options, &diag, ret_pushed);
    return sw_api_result(st, &diag, error);
}

/* ---- The rest -------------------------------------------------------------------------------- */

static sw_status copy(swell_registry *registry, swell_str from, swell_str to, sw_diag *diag,
                      char *ret_digest)
{
    sw_reference source, target;
    sw_content image;
    SW_TRY(sw_reference_parse(sw_api_str(from), diag, &source));
    SW_TRY(sw_reference_parse(sw_api_str(to), diag, &target));
    SW_TRY(sw_registry_copy(&registry->registry, &source, &target, diag, &image));
    sw_digest_print(&image.digest, ret_digest);
    return SW_OK;
}

swell_status swell_registry_copy(swell_registry *registry, swell_str from, swell_str to,
                                 swell_error *error, char *ret_digest)
{
    sw_diag diag = {};
    return sw_api_result(copy(registry, from, to, &diag, ret_digest), &diag, error);
}

static sw_status login(swell_registry *registry, swell_str host, sw_str user, sw_str password,
                       sw_arena *arena, sw_diag *diag, char *ret_where)
{
    char name[SW_REF_HOST_MAX + 1];
    sw_str where;
    SW_TRY(sw_reference_parse_host(sw_api_str(host), diag, name));
    SW_TRY(sw_client_check_login(&registry->registry.client, name, user, password, diag));
    SW_TRY(sw_credentials_save(name, user, password, arena, diag, &where));
    (void)snprintf(ret_where, 4096, "%.*s", SW_STR_ARG(where));
    return SW_OK;
}

swell_status swell_registry_login(swell_registry *registry, swell_str host, swell_str user,
                                  swell_str password, swell_error *error, char *ret_where)
{
    sw_diag diag = {};
    sw_arena arena;
    sw_arena_init(&arena, NULL, (size_t)16 << 20);
    sw_status st =
        login(registry, host, sw_api_str(user), sw_api_str(password), &arena, &diag, ret_where);
    sw_arena_clear(&arena);
    return sw_api_result(st, &diag, error);
}

swell_status swell_registry_logout(swell_registry *registry, swell_str host, swell_error *error)
{
    sw_diag diag = {};
    sw_arena arena;
    char name[SW_REF_HOST_MAX + 1];
    (void)registry;
    sw_arena_init(&arena, NULL, (size_t)16 << 20);
    sw_status st = sw_reference_parse_host(sw_api_str(host), &diag, name);
    st = st != SW_OK ? st : sw_credentials_remove(name, &arena, &diag);
    sw_arena_clear(&arena);
    return sw_api_result(st, &diag, error);
}
