#include "registry/manifest.h"

#include "base/json.h"

#include <jansson.h>
#include <stdio.h>
#include <time.h>

/* ---- Reading --------------------------------------------------------------------------------- */

typedef struct reading {
    sw_arena *arena;
    sw_diag *diag;
} reading;

static sw_status malformed(sw_diag *diag, const char *what)
{
    return sw_fail(diag, SW_MALFORMED, SW_NO_OFFSET, "manifest: %s", what);
}

static sw_status load_object(sw_bytes json, sw_diag *diag, json_t **ret)
{
    json_error_t error;
    json_t *root = json_loadb((const char *)json.ptr, json.len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        return sw_fail(diag, SW_MALFORMED,
                       error.position < 0 ? SW_NO_OFFSET : (uint32_t)error.position,
                       "malformed JSON: %s", error.text);
    }
    if (!json_is_object(root)) {
        json_decref(root);
        return sw_fail(diag, SW_MALFORMED, SW_NO_OFFSET, "the JSON is not an object");
    }
    *ret = root;
    return SW_OK;
}

/* A member that is a string, copied; "" when it is not there. */
static sw_str text_of(const reading *r, const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    sw_str s = {json_string_value(v), v == NULL ? 0 : json_string_length(v)};
    return s.ptr == NULL ? SW_STR("") : sw_arena_str(r->arena, s);
}

/* A media type goes into files of ours and onto terminals. */
static bool copy_media_type(const json_t *object, char out[SW_MEDIA_TYPE_MAX + 1])
{
    const json_t *v = json_object_get(object, "mediaType");
    const char *s = json_string_value(v);
    size_t len = s == NULL ? 0 : json_string_length(v);
    for (size_t i = 0; i < len; i++) {
        if (s[i] <= ' ' || s[i] > '~') {
            return false;
        }
    }
    if (len > SW_MEDIA_TYPE_MAX) {
        return false;
    }
    memcpy(out, s == NULL ? "" : s, len);
    out[len] = '\0';
    return true;
}

static sw_status read_content(const json_t *object, sw_diag *diag, sw_content *ret)
{
    sw_content c = {};
    const json_t *digest = json_object_get(object, "digest");
    const json_t *size = json_object_get(object, "size");
    if (!json_is_string(digest) || !json_is_integer(size) || json_integer_value(size) < 0) {
        return malformed(diag, "a descriptor lacks its digest or size");
    }
    sw_str text = {json_string_value(digest), json_string_length(digest)};
    if (!sw_digest_parse(text, &c.digest)) {
        return malformed(diag, "a digest is malformed, or not SHA-256");
    }
    c.size_bytes = (uint64_t)json_integer_value(size);
    if (!copy_media_type(object, c.media_type)) {
        return malformed(diag, "a media type is malformed");
    }
    *ret = c;
    return SW_OK;
}

static sw_status read_part(const reading *r, const json_t *object, sw_part *ret)
{
    const json_t *platform = json_object_get(object, "platform");
    const json_t *annotations = json_object_get(object, "annotations");
    sw_part p = {};
    SW_TRY(read_content(object, r->diag, &p.content));
    p.title = text_of(r, annotations, "org.opencontainers.image.title");
    p.os = text_of(r, platform, "os");
    p.architecture = text_of(r, platform, "architecture");
    p.artifact_type = text_of(r, object, "artifactType");
    if (p.title.ptr == NULL || p.os.ptr == NULL || p.architecture.ptr == NULL ||
        p.artifact_type.ptr == NULL) {
        return SW_NO_MEMORY;
    }
    *ret = p;
    return SW_OK;
}

static sw_status read_parts(const reading *r, const json_t *array, sw_manifest *m)
{
    size_t count = json_array_size(array);
    if (count > SW_MANIFEST_MAX_LAYERS) {
        return sw_fail(r->diag, SW_LIMIT, SW_NO_OFFSET, "manifest: more than %d parts",
                       SW_MANIFEST_MAX_LAYERS);
    }
    m->parts = SW_NEW_ARRAY(r->arena, sw_part, count);
    if (m->parts == NULL) {
        return SW_NO_MEMORY;
    }
    for (; m->parts_count < count; m->parts_count++) {
        SW_TRY(read_part(r, json_array_get(array, m->parts_count), &m->parts[m->parts_count]));
    }
    return SW_OK;
}

static sw_status read_annotations(const reading *r, json_t *object, sw_manifest *m)
{
    size_t count = json_object_size(object);
    m->annotations = SW_NEW_ARRAY(r->arena, sw_annotation, count);
    if (m->annotations == NULL) {
        return SW_NO_MEMORY;
    }
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (!json_is_string(value)) {
            return malformed(r->diag, "an annotation is no string");
        }
        sw_annotation a = {
            sw_arena_str(r->arena, sw_str_of(key)),
            sw_arena_str(r->arena, (sw_str){json_string_value(value), json_string_length(value)}),
        };
        if (a.key.ptr == NULL || a.value.ptr == NULL) {
            return SW_NO_MEMORY;
        }
        m->annotations[m->annotations_count++] = a;
    }
    return SW_OK;
}

static bool is_one_of(const char *s, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(s, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The JSON must say itself what it is, or nothing; it must not contradict what it was sent as: two
 * readers of one digest must not see two things. */
static sw_status check_type(const json_t *root, const char *sent_as, sw_diag *diag, bool *ret_index)
{
    static const char *const INDEXES[] = {SW_TYPE_INDEX, SW_TYPE_DOCKER_LIST};
    static const char *const MANIFESTS[] = {SW_TYPE_MANIFEST, SW_TYPE_DOCKER_MANIFEST};
    char own[SW_MEDIA_TYPE_MAX + 1];
    const json_t *version = json_object_get(root, "schemaVersion");
    if (json_integer_value(version) != 2) {
        return sw_fail(diag, SW_UNSUPPORTED, SW_NO_OFFSET, "manifest: schemaVersion is not 2");
    }
    if (!copy_media_type(root, own)) {
        return malformed(diag, "the media type is malformed");
    }
    const char *type = own[0] != '\0' ? own : sent_as;
    bool has_entries = json_object_get(root, "manifests") != NULL;
    bool is_index = is_one_of(type, INDEXES, SW_COUNTOF(INDEXES));
    bool is_manifest = is_one_of(type, MANIFESTS, SW_COUNTOF(MANIFESTS));
    if (!is_index && !is_manifest && type[0] != '\0') {
        return sw_fail(diag, SW_UNSUPPORTED, SW_NO_OFFSET, "manifest: of type '%s'", type);
    }
    bool has_layers =
        json_object_get(root, "layers") != NULL || json_object_get(root, "config") != NULL;
    if (has_entries == has_layers || (is_index && !has_entries) || (is_manifest && has_entries)) {
        return malformed(diag, "it is neither clearly an image nor clearly an index");
    }
    *ret_index = has_entries;
    return SW_OK;
}

static sw_status read_root(const reading *r, const json_t *root, const char *sent_as,
                           sw_manifest *ret)
{
    sw_manifest m = {};
    SW_TRY(check_type(root, sent_as, r->diag, &m.is_index));
    const json_t *parts = json_object_get(root, m.is_index ? "manifests" : "layers");
    if (!json_is_array(parts)) {
        return malformed(r->diag, "its parts are no array");
    }
    if (!m.is_index) {
        SW_TRY(read_content(json_object_get(root, "config"), r->diag, &m.config));
    }
    SW_TRY(read_parts(r, parts, &m));
    SW_TRY(read_annotations(r, json_object_get(root, "annotations"), &m));
    *ret = m;
    return SW_OK;
}

sw_status sw_manifest_read(sw_bytes json, const char *media_type, sw_arena *arena, sw_diag *diag,
                           sw_manifest *ret)
{
    reading r = {arena, diag};
    json_t *root;
    if (json.len > SW_MANIFEST_MAX_BYTES) {
        return sw_fail(diag, SW_LIMIT, SW_NO_OFFSET, "manifest: larger than 4 MiB");
    }
    SW_TRY(load_object(json, diag, &root));
    sw_status st = read_root(&r, root, media_type, ret);
    json_decref(root);
    return st;
}

/* ---- Where the program is -------------------------------------------------------------------- */

/* What runs wasm, the best first; -1: an entry for something else. */
static int rank(const sw_part *p)
{
    static const sw_str SYSTEMS[] = {SW_STR_INIT("wasip2"), SW_STR_INIT("wasip1"),
                                     SW_STR_INIT("wasi"), SW_STR_INIT("")};
    bool is_wasm =
        sw_str_eq(p->architecture, SW_STR("wasm")) || sw_str_eq(p->architecture, SW_STR("wasm32"));
    if (!is_wasm) {
        return sw_str_eq(p->artifact_type, SW_STR(SW_TYPE_WASM_CONFIG)) ? 100 : -1;
    }
    for (size_t i = 0; i < SW_COUNTOF(SYSTEMS); i++) {
        if (sw_str_eq(p->os, SYSTEMS[i])) {
            return (int)i;
        }
    }
    return 50;
}

sw_status sw_manifest_choose(const sw_manifest *index, sw_diag *diag, const sw_part **ret)
{
    const sw_part *best = NULL;
    for (size_t i = 0; i < index->parts_count; i++) {
        const sw_part *p = &index->parts[i];
        int r = rank(p);
        if (r >= 0 && (best == NULL || r < rank(best))) {
            best = p;
        }
    }
    if (best == NULL) {
        return sw_fail(diag, SW_NOT_FOUND, SW_NO_OFFSET,
                       "the image has no variant for platform wasi/wasm (it has %zu for others)",
                       index->parts_count);
    }
    *ret = best;
    return SW_OK;
}

/* Layers that are a program by themselves. */
static const char *const PROGRAM_TYPES[] = {
    SW_TYPE_WASM,
    "application/vnd.wasm.content.layer.v1+wasm",
    "application/vnd.module.wasm.content.layer.v1+wasm",
    "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
    "application/vnd.bytecodealliance.component.layer.v0+wasm",
    "application/vnd.bytecodealliance.module.layer.v0+wasm",
};

static const char *const TAR_TYPES[] = {
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
};

sw_status sw_manifest_program(const sw_manifest *m, sw_diag *diag, const sw_part **ret_layer)
{
    const sw_part *program = NULL;
    size_t programs = 0, tars = 0;
    for (size_t i = 0; i < m->parts_count; i++) {
        const char *type = m->parts[i].content.media_type;
        tars += is_one_of(type, TAR_TYPES, SW_COUNTOF(TAR_TYPES));
        if (is_one_of(type, PROGRAM_TYPES, SW_COUNTOF(PROGRAM_TYPES))) {
            program = program == NULL ? &m->parts[i] : program;
            programs++;
        }
    }
    if (programs > 1) {
        return sw_fail(diag, SW_UNSUPPORTED, SW_NO_OFFSET,
                       "the artifact holds %zu programs; only one is an entry point", programs);
    }
    if (strcmp(m->config.media_type, SW_TYPE_WASM_CONFIG) == 0 &&
        (m->parts_count != 1 || programs != 1)) {
        return sw_fail(diag, SW_INVALID, SW_NO_OFFSET,
                       "a wasm artifact has exactly one layer, a program; this one has %zu layers",
                       m->parts_count);
    }
    if (programs == 0 && (tars == 0 || tars != m->parts_count)) {
        return sw_fail(diag, SW_UNSUPPORTED, SW_NO_OFFSET,
                       "the image holds no WebAssembly program: its configuration is a '%s'",
                       m->config.media_type);
    }
    *ret_layer = program;
    return SW_OK;
}

static sw_str first_word(const json_t *config, const char *key)
{
    const json_t *words = json_object_get(config, key);
    const json_t *word = json_is_array(words) ? json_array_get(words, 0) : NULL;
    return (sw_str){json_string_value(word), json_is_string(word) ? json_string_length(word) : 0};
}

sw_status sw_image_entry(sw_bytes config_json, sw_arena *arena, sw_diag *diag, sw_str *ret_path)
{
    json_t *root;
    SW_TRY(load_object(config_json, diag, &root));
    const json_t *config = json_object_get(root, "config");
    const char *dir = json_string_value(json_object_get(config, "WorkingDir"));
    sw_str word = first_word(config, "Entrypoint");
    word = word.len != 0 ? word : first_word(config, "Cmd");
    bool is_relative = word.len != 0 && word.ptr[0] != '/' && dir != NULL;
    sw_str path = sw_arena_printf(arena, "%s%s%.*s", is_relative ? dir : "", is_relative ? "/" : "",
                                  SW_STR_ARG(word));
    json_decref(root);
    if (path.ptr == NULL) {
        return SW_NO_MEMORY;
    }
    *ret_path = path;
    return SW_OK;
}

/* ---- Writing --------------------------------------------------------------------------------- */

void sw_time_print(uint64_t seconds, char out[32])
{
    time_t t = (time_t)seconds;
    struct tm tm = {};
    (void)gmtime_r(&t, &tm);
    (void)strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void pair(sw_json *j, sw_str key, sw_str value)
{
    sw_json_key(j, key);
    sw_json_str(j, value);
}

static void names(sw_json *j, sw_str key, const sw_str *at, size_t count)
{
    sw_json_key(j, key);
    sw_json_array_begin(j);
    for (size_t i = 0; i < count; i++) {
        sw_json_str(j, at[i]);
    }
    sw_json_array_end(j);
}

static void platform(sw_json *j, const sw_wasm_info *info, sw_str os)
{
    char created[32];
    sw_time_print(info->created_s, created);
    pair(j, SW_STR("created"), sw_str_of(created));
    if (info->author.len != 0) {
        pair(j, SW_STR("author"), info->author);
    }
    pair(j, SW_STR("architecture"), SW_STR("wasm"));
    pair(j, SW_STR("os"), os);
}

void sw_wasm_config_write(sw_buf *out, const sw_wasm_info *info, const sw_digest *layer)
{
    char digest[SW_DIGEST_TEXT + 1];
    sw_json j = sw_json_make(out, false);
    sw_digest_print(layer, digest);
    sw_str digests[] = {sw_str_of(digest)};
    sw_json_object_begin(&j);
    platform(&j, info, info->is_component ? SW_STR("wasip2") : SW_STR("wasip1"));
    names(&j, SW_STR("layerDigests"), digests, 1);
    if (info->is_component) {
        sw_json_key(&j, SW_STR("component"));
        sw_json_object_begin(&j);
        names(&j, SW_STR("exports"), info->exports, info->exports_count);
        names(&j, SW_STR("imports"), info->imports, info->imports_count);
        if (info->target.len != 0) {
            pair(&j, SW_STR("target"), info->target);
        }
        sw_json_object_end(&j);
    }
    sw_json_object_end(&j);
}

void sw_image_config_write(sw_buf *out, const sw_wasm_info *info, const sw_digest *layer)
{
    char digest[SW_DIGEST_TEXT + 1];
    sw_json j = sw_json_make(out, false);
    sw_digest_print(layer, digest);
    sw_str digests[] = {sw_str_of(digest)};
    sw_json_object_begin(&j);
    platform(&j, info, SW_STR("wasi"));
    sw_json_key(&j, SW_STR("config"));
    sw_json_object_begin(&j);
    sw_json_object_end(&j);
    sw_json_key(&j, SW_STR("rootfs"));
    sw_json_object_begin(&j);
    pair(&j, SW_STR("type"), SW_STR("layers"));
    names(&j, SW_STR("diff_ids"), digests, 1);
    sw_json_object_end(&j);
    sw_json_object_end(&j);
}

static void annotations(sw_json *j, const sw_annotation *at, size_t count)
{
    if (count == 0) {
        return;
    }
    sw_json_key(j, SW_STR("annotations"));
    sw_json_object_begin(j);
    for (size_t i = 0; i < count; i++) {
        pair(j, at[i].key, at[i].value);
    }
    sw_json_object_end(j);
}

static void descriptor(sw_json *j, const sw_content *c, sw_str title)
{
    char digest[SW_DIGEST_TEXT + 1];
    const sw_annotation a = {SW_STR("org.opencontainers.image.title"), title};
    sw_digest_print(&c->digest, digest);
    sw_json_object_begin(j);
    pair(j, SW_STR("mediaType"), sw_str_of(c->media_type));
    pair(j, SW_STR("digest"), sw_str_of(digest));
    sw_json_key(j, SW_STR("size"));
    sw_json_u64(j, c->size_bytes);
    annotations(j, &a, title.len != 0);
    sw_json_object_end(j);
}

void sw_manifest_write(sw_buf *out, const sw_content *config, const sw_part *layers,
                       size_t layers_count, const sw_annotation *notes, size_t notes_count)
{
    sw_json j = sw_json_make(out, false);
    sw_json_object_begin(&j);
    sw_json_key(&j, SW_STR("schemaVersion"));
    sw_json_u64(&j, 2);
    pair(&j, SW_STR("mediaType"), SW_STR(SW_TYPE_MANIFEST));
    sw_json_key(&j, SW_STR("config"));
    descriptor(&j, config, (sw_str){});
    sw_json_key(&j, SW_STR("layers"));
    sw_json_array_begin(&j);
    for (size_t i = 0; i < layers_count; i++) {
        descriptor(&j, &layers[i].content, layers[i].title);
    }
    sw_json_array_end(&j);
    annotations(&j, notes, notes_count);
    sw_json_object_end(&j);
}
