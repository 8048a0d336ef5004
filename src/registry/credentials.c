#include "registry/credentials.h"

#include "os/file.h"
#include "registry/helper.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define DOCKER_HUB "https://index.docker.io/v1/"

enum { FILE_MAX_BYTES = 4 << 20, FILES_MAX = 4, HELPER_MAX_BYTES = 64 << 10 };

typedef struct files {
    char paths[FILES_MAX][PATH_MAX];
    size_t count;
    size_t writable; /* index of the one that is written to */
} files;

/* What is being looked for. */
typedef struct query {
    const char *host, *repository; /* repository may be NULL */
    sw_arena *arena;
    sw_diag *diag;
} query;

/* ---- Where ----------------------------------------------------------------------------------- */

static void add_file(files *f, const char *dir, const char *name)
{
    if (dir != NULL && dir[0] != '\0' && f->count < FILES_MAX &&
        snprintf(f->paths[f->count], PATH_MAX, "%s%s", dir, name) < PATH_MAX) {
        f->count++;
    }
}

static files find_files(void)
{
    files f = {};
    const char *own = getenv("REGISTRY_AUTH_FILE"), *docker = getenv("DOCKER_CONFIG");
    const char *home = getenv("HOME");
    add_file(&f, own, "");
    bool has_own = f.count != 0;
    add_file(&f, getenv("XDG_RUNTIME_DIR"), "/containers/auth.json");
    add_file(&f, home, "/.config/containers/auth.json");
    if (docker != NULL && docker[0] != '\0') {
        add_file(&f, docker, "/config.json");
    } else {
        add_file(&f, home, "/.docker/config.json");
    }
    f.writable = has_own || f.count == 0 ? 0 : f.count - 1;
    return f;
}

/* NULL with SW_OK when the file is not there, or is empty. */
static sw_status load(const char *path, sw_diag *diag, json_t **ret)
{
    sw_file_data data = {};
    json_error_t error;
    *ret = NULL;
    sw_status st = sw_file_read(&data, path, NULL, FILE_MAX_BYTES, NULL);
    if (st != SW_OK || data.bytes.len == 0) {
        sw_file_data_clear(&data);
        return st == SW_OK || st == SW_NOT_FOUND
                   ? SW_OK
                   : sw_fail(diag, SW_IO, SW_NO_OFFSET, "%s: cannot be read", path);
    }
    json_t *root = json_loadb((const char *)data.bytes.ptr, data.bytes.len, 0, &error);
    sw_file_data_clear(&data);
    if (!json_is_object(root)) {
        json_decref(root);
        return sw_fail(diag, SW_INVALID, SW_NO_OFFSET, "%s: is no JSON object: %s, line %d", path,
                       error.text, error.line);
    }
    *ret = root;
    return SW_OK;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* The host of a key of auths: "https://host/v1/" of Docker, "host/name" of Podman. */
static bool key_is(const char *key, const char *wanted)
{
    sw_str k = sw_str_of(key), w = sw_str_of(wanted);
    if (sw_str_starts(k, SW_STR("https://"))) {
        k = sw_str_slice(k, 8, k.len - 8);
        k.len = sw_str_find(k, '/');
    } else if (sw_str_starts(k, SW_STR("http://"))) {
        k = sw_str_slice(k, 7, k.len - 7);
        k.len = sw_str_find(k, '/');
    }
    return sw_str_eq(k, w);
}

static const char *docker_name(const char *host)
{
    bool is_hub = strcmp(host, "docker.io") == 0 || strcmp(host, "registry-1.docker.io") == 0 ||
                  strcmp(host, "index.docker.io") == 0;
    return is_hub ? DOCKER_HUB : host;
}

static const json_t *find_key(const json_t *auths, const char *wanted)
{
    const char *key;
    json_t *value;
    const json_t *exact = json_object_get(auths, wanted);
    if (exact != NULL) {
        return exact;
    }
    json_object_foreach((json_t *)(uintptr_t)auths, key, value)
    {
        if (key_is(key, wanted)) {
            return value;
        }
    }
    return NULL;
}

/* From the whole name up to the host. */
static const json_t *find_auth(const query *q, const json_t *auths)
{
    char name[SW_REF_TEXT_MAX];
    const json_t *found = json_object_get(auths, docker_name(q->host));
    if (q->repository != NULL) {
        (void)snprintf(name, sizeof name, "%s/%s", q->host, q->repository);
        for (char *slash = name + strlen(name); slash != NULL; slash = strrchr(name, '/')) {
            *slash = '\0';
            const json_t *at = json_object_get(auths, name);
            if (at != NULL && strchr(name, '/') != NULL) {
                return at;
            }
        }
    }
    return found != NULL ? found : find_key(auths, q->host);
}

static sw_str text_of(const query *q, const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s == NULL ? SW_STR("") : sw_arena_str(q->arena, sw_str_of(s));
}

/* An entry of auths; an empty one says that a helper has it. */
static sw_status read_auth(const query *q, const json_t *entry, sw_credentials *ret)
{
    sw_credentials c = {
        .identity_token = text_of(q, entry, "identitytoken"),
        .registry_token = text_of(q, entry, "registrytoken"),
        .user = text_of(q, entry, "username"),
        .password = text_of(q, entry, "password"),
    };
    const char *auth = json_string_value(json_object_get(entry, "auth"));
    if (auth != NULL && auth[0] != '\0') {
        sw_str pair = sw_base64_decode(sw_str_of(auth), q->arena);
        size_t colon = sw_str_find(pair, ':');
        if (pair.ptr == NULL || colon == pair.len) {
            return sw_fail(q->diag, SW_INVALID, SW_NO_OFFSET,
                           "the credentials of %s are malformed: not base 64 of 'user:password'",
                           q->host);
        }
        c.user = sw_arena_str(q->arena, sw_str_slice(pair, 0, colon));
        c.password = sw_arena_str(q->arena, sw_str_slice(pair, colon + 1, pair.len - colon - 1));
    }
    c.is_found = c.user.len != 0 || c.identity_token.len != 0 || c.registry_token.len != 0;
    if (c.user.ptr == NULL || c.password.ptr == NULL || c.identity_token.ptr == NULL ||
        c.registry_token.ptr == NULL) {
        return SW_NO_MEMORY;
    }
    *ret = c;
    return SW_OK;
}

/* {"ServerURL": ..., "Username": ..., "Secret": ...}; the user "<token>" stands for a token. */
static sw_status ask_helper(const query *q, const char *name, sw_credentials *ret)
{
    sw_buf out;
    json_error_t error;
    sw_buf_init(&out, NULL, HELPER_MAX_BYTES);
    sw_status st =
        sw_helper_run(sw_str_of(name), "get", sw_str_of(docker_name(q->host)), q->diag, &out);
    if (st == SW_OK) {
        json_t *root = json_loadb((const char *)out.ptr, out.len, 0, &error);
        sw_credentials c = {
            .is_found = json_is_string(json_object_get(root, "Secret")),
            .user = text_of(q, root, "Username"),
            .password = text_of(q, root, "Secret"),
            .identity_token = SW_STR(""),
            .registry_token = SW_STR(""),
        };
        json_decref(root);
        if (c.user.ptr == NULL || c.password.ptr == NULL) {
            st = SW_NO_MEMORY;
        } else if (!c.is_found) {
            st = sw_fail(q->diag, SW_IO, SW_NO_OFFSET, "credential helper '%s': no JSON answer",
                         name);
        } else if (sw_str_eq(c.user, SW_STR("<token>"))) {
            c.identity_token = c.password;
            c.user = c.password = SW_STR("");
        }
        *ret = c;
    }
    sw_buf_clear(&out);
    return st == SW_NOT_FOUND ? SW_OK : st;
}

static const char *helper_of(const json_t *root, const char *host)
{
    const char *name =
        json_string_value(json_object_get(json_object_get(root, "credHelpers"), host));
    if (name == NULL && strcmp(docker_name(host), DOCKER_HUB) == 0) {
        name = json_string_value(json_object_get(json_object_get(root, "credHelpers"), DOCKER_HUB));
    }
    return name;
}

static sw_status look_in(const query *q, const json_t *root, sw_credentials *ret)
{
    const char *helper = helper_of(root, q->host);
    const char *store = json_string_value(json_object_get(root, "credsStore"));
    if (helper != NULL && helper[0] != '\0') {
        return ask_helper(q, helper, ret);
    }
    const json_t *entry = find_auth(q, json_object_get(root, "auths"));
    if (entry != NULL) {
        SW_TRY(read_auth(q, entry, ret));
    }
    return !ret->is_found && store != NULL && store[0] != '\0' ? ask_helper(q, store, ret) : SW_OK;
}

sw_status sw_credentials_find(const char *host, const char *repository, sw_arena *arena,
                              sw_diag *diag, sw_credentials *ret)
{
    query q = {host, repository, arena, diag};
    files f = find_files();
    sw_credentials c = {};
    for (size_t i = 0; i < f.count && !c.is_found; i++) {
        json_t *root;
        SW_TRY(load(f.paths[i], diag, &root));
        sw_status st = root == NULL ? SW_OK : look_in(&q, root, &c);
        json_decref(root);
        SW_TRY(st);
    }
    *ret = c;
    return SW_OK;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* A link is written through. */
static sw_status write_json(const char *path, const json_t *root, sw_diag *diag)
{
    char real[PATH_MAX], folder[PATH_MAX];
    if (realpath(path, real) == NULL) {
        (void)snprintf(real, sizeof real, "%s", path);
    }
    (void)snprintf(folder, sizeof folder, "%s", real);
    char *slash = strrchr(folder, '/');
    if (slash != NULL && slash != folder) {
        *slash = '\0';
        SW_TRY(sw_dir_make(folder, 0700, diag));
    }
    size_t size = json_dumpb(root, NULL, 0, JSON_INDENT(4));
    char *text = sw_alloc(NULL, size + 1);
    if (text == NULL) {
        return SW_NO_MEMORY;
    }
    (void)json_dumpb(root, text, size, JSON_INDENT(4));
    text[size] = '\n';
    sw_status st =
        sw_file_write(real, (sw_bytes){(const uint8_t *)text, size + 1}, 0600, true, diag);
    sw_free(NULL, text, size + 1);
    return st;
}

static sw_status store_in_helper(const query *q, const char *name, sw_str user, sw_str password)
{
    sw_buf out;
    json_t *o = json_pack("{s:s, s:s%, s:s%}", "ServerURL", docker_name(q->host), "Username",
                          user.ptr, user.len, "Secret", password.ptr, password.len);
    size_t size = json_dumpb(o, NULL, 0, JSON_COMPACT);
    char *text = o == NULL ? NULL : sw_arena_alloc(q->arena, size + 1, 1);
    if (text == NULL) {
        json_decref(o);
        return sw_fail(q->diag, SW_ARGUMENT, SW_NO_OFFSET, "user and password must be UTF-8");
    }
    (void)json_dumpb(o, text, size, JSON_COMPACT);
    json_decref(o);
    sw_buf_init(&out, NULL, HELPER_MAX_BYTES);
    sw_status st = sw_helper_run(sw_str_of(name), "store", (sw_str){text, size}, q->diag, &out);
    sw_buf_clear(&out);
    return st;
}

static sw_status store_in_file(const query *q, const char *path, json_t *root, sw_str user,
                               sw_str password)
{
    sw_str pair = sw_arena_printf(q->arena, "%.*s:%.*s", SW_STR_ARG(user), SW_STR_ARG(password));
    sw_str text = pair.ptr == NULL ? pair : sw_base64_encode(pair, q->arena);
    json_t *auths = json_object_get(root, "auths");
    if (!json_is_object(auths)) {
        auths = json_object();
        if (json_object_set_new(root, "auths", auths) != 0) {
            return SW_NO_MEMORY;
        }
    }
    json_t *entry = text.ptr == NULL ? NULL : json_pack("{s:s%}", "auth", text.ptr, text.len);
    if (entry == NULL || json_object_set_new(auths, docker_name(q->host), entry) != 0) {
        return SW_NO_MEMORY;
    }
    return write_json(path, root, q->diag);
}

static sw_status store(const query *q, const char *path, json_t *root, const sw_str pair[2],
                       sw_str *ret_where)
{
    const char *name = helper_of(root, q->host);
    name = name != NULL ? name : json_string_value(json_object_get(root, "credsStore"));
    if (name != NULL && name[0] != '\0') {
        *ret_where = sw_arena_printf(q->arena, "docker-credential-%s", name);
        return store_in_helper(q, name, pair[0], pair[1]);
    }
    *ret_where = sw_arena_str(q->arena, sw_str_of(path));
    return store_in_file(q, path, root, pair[0], pair[1]);
}

sw_status sw_credentials_save(const char *host, sw_str user, sw_str password, sw_arena *arena,
                              sw_diag *diag, sw_str *ret_where)
{
    query q = {host, NULL, arena, diag};
    files f = find_files();
    sw_str pair[2] = {user, password};
    json_t *root;
    if (f.count == 0) {
        return sw_fail(diag, SW_NOT_FOUND, SW_NO_OFFSET,
                       "there is no place for credentials: neither HOME nor DOCKER_CONFIG is set");
    }
    if (user.len == 0 || sw_str_find(user, ':') != user.len) {
        return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET,
                       "a user's name is not empty and has no ':'");
    }
    SW_TRY(load(f.paths[f.writable], diag, &root));
    root = root == NULL ? json_object() : root;
    sw_status st = store(&q, f.paths[f.writable], root, pair, ret_where);
    json_decref(root);
    return st == SW_OK && ret_where->ptr == NULL ? SW_NO_MEMORY : st;
}

/* Entries for the host alone, however they are written. */
static bool remove_entries(const query *q, json_t *auths)
{
    bool removed = json_object_del(auths, docker_name(q->host)) == 0;
    const char *key;
    void *next;
    json_t *value;
    json_object_foreach_safe(auths, next, key, value)
    {
        if (key_is(key, q->host) && json_object_del(auths, key) == 0) {
            removed = true;
        }
    }
    return removed;
}

static sw_status remove_from(const query *q, const char *path, json_t *root, bool *ret_removed)
{
    const char *name = helper_of(root, q->host);
    name = name != NULL ? name : json_string_value(json_object_get(root, "credsStore"));
    if (name != NULL && name[0] != '\0') {
        sw_buf out;
        sw_buf_init(&out, NULL, HELPER_MAX_BYTES);
        sw_status st =
            sw_helper_run(sw_str_of(name), "erase", sw_str_of(docker_name(q->host)), q->diag, &out);
        sw_buf_clear(&out);
        *ret_removed = *ret_removed || st == SW_OK;
        SW_TRY(st == SW_NOT_FOUND ? SW_OK : st);
    }
    if (!remove_entries(q, json_object_get(root, "auths"))) {
        return SW_OK;
    }
    *ret_removed = true;
    return write_json(path, root, q->diag);
}

sw_status sw_credentials_remove(const char *host, sw_arena *arena, sw_diag *diag)
{
    query q = {host, NULL, arena, diag};
    files f = find_files();
    bool removed = false;
    for (size_t i = 0; i < f.count; i++) {
        json_t *root;
        SW_TRY(load(f.paths[i], diag, &root));
        sw_status st = root == NULL ? SW_OK : remove_from(&q, f.paths[i], root, &removed);
        json_decref(root);
        SW_TRY(st);
    }
    return removed ? SW_OK
                   : sw_fail(diag, SW_NOT_FOUND, SW_NO_OFFSET,
                             "%s: there are no credentials for it", host);
}
