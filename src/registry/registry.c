#include "registry/registry.h"

#include "registry/rootfs.h"

#include <stdio.h>

enum { ARENA_MAX_BYTES = 128 << 20 };

sw_status sw_registry_open(sw_registry *r, const char *store_dir, uint64_t max_bytes,
                           const sw_client_options *options, sw_diag *diag)
{
    *r = (sw_registry){.store.lock_fd = -1};
    sw_arena_init(&r->arena, NULL, ARENA_MAX_BYTES);
    sw_status st = sw_client_init(&r->client, options, diag);
    st = st != SW_OK ? st : sw_store_dir_open(&r->store, store_dir, max_bytes, diag);
    if (st != SW_OK) {
        sw_registry_close(r);
    }
    return st;
}

void sw_registry_close(sw_registry *r)
{
    sw_store_dir_close(&r->store);
    sw_client_clear(&r->client);
    sw_arena_clear(&r->arena);
}

/* ---- Pull ------------------------------------------------------------------------------------ */

/* One image being opened: from the store, and if it may, from its registry. */
typedef struct opening {
    sw_registry *r;
    const sw_reference *from;
    sw_diag *diag;
    bool may_fetch, was_fetched;
} opening;

/* A manifest by its digest. */
static sw_status need_manifest(opening *o, const sw_content *c, sw_manifest *ret)
{
    sw_file_data data = {};
    sw_bytes bytes;
    sw_content found = *c;
    sw_status st = sw_store_read(&o->r->store, &c->digest, SW_MANIFEST_MAX_BYTES, &data, NULL);
    if (st == SW_OK) {
        bytes = sw_arena_bytes(&o->r->arena, data.bytes);
        sw_file_data_clear(&data);
    } else if (!o->may_fetch) {
        return SW_NOT_FOUND;
    } else {
        sw_reference pin = *o->from;
        sw_digest own;
        pin.has_digest = true;
        pin.digest = c->digest;
        SW_TRY(sw_client_get_manifest(&o->r->client, &pin, &o->r->arena, o->diag, &bytes, &found));
        SW_TRY(sw_store_write(&o->r->store, bytes, o->diag, &own));
        o->was_fetched = true;
    }
    if (bytes.ptr == NULL) {
        return SW_NO_MEMORY;
    }
    return sw_manifest_read(bytes, found.media_type, &o->r->arena, o->diag, ret);
}

static sw_status need_blobs(opening *o, const sw_content *blobs, size_t count)
{
    bool is_all_there = true;
    for (size_t i = 0; i < count; i++) {
        is_all_there =
            is_all_there && sw_store_has(&o->r->store, &blobs[i].digest, blobs[i].size_bytes);
    }
    if (is_all_there) {
        return SW_OK;
    }
    if (!o->may_fetch) {
        return SW_NOT_FOUND;
    }
    o->was_fetched = true;
    return sw_client_get_blobs(&o->r->client, o->from, &o->r->store, blobs, count, o->diag);
}

/* Reads a blob that is there; one that turns out to be damaged is fetched again, once. */
static sw_status read_blob(opening *o, const sw_content *c, uint64_t max_bytes, sw_file_data *ret)
{
    if (c->size_bytes > max_bytes) {
        return sw_fail(o->diag, SW_LIMIT, SW_NO_OFFSET, "a part of the image is too large");
    }
    SW_TRY(need_blobs(o, c, 1));
    sw_status st = sw_store_read(&o->r->store, &c->digest, max_bytes, ret, NULL);
    if (st != SW_NOT_FOUND) {
        return st;
    }
    SW_TRY(need_blobs(o, c, 1));
    return sw_store_read(&o->r->store, &c->digest, max_bytes, ret, o->diag);
}

static sw_status verify_program(opening *o, const sw_content *c)
{
    sw_file_data data = {};
    SW_TRY(read_blob(o, c, SW_BLOB_MAX_BYTES, &data));
    sw_file_data_clear(&data);
    return SW_OK;
}

static sw_status read_layers(opening *o, const sw_manifest *m, sw_rootfs *fs)
{
    for (size_t i = 0; i < m->parts_count; i++) {
        sw_file_data layer = {};
        SW_TRY(read_blob(o, &m->parts[i].content, SW_BLOB_MAX_BYTES, &layer));
        sw_status st = sw_rootfs_layer(fs, layer.bytes, o->diag);
        sw_file_data_clear(&layer);
        SW_TRY(st);
    }
    return SW_OK;
}

static sw_status entry_of(opening *o, const sw_manifest *m, sw_str *ret_path)
{
    sw_file_data config = {};
    SW_TRY(read_blob(o, &m->config, SW_CONFIG_MAX_BYTES, &config));
    sw_status st = sw_image_entry(config.bytes, &o->r->arena, o->diag, ret_path);
    sw_file_data_clear(&config);
    return st;
}

static sw_status fetch_all(opening *o, const sw_manifest *m)
{
    sw_content *all = SW_NEW_ARRAY(&o->r->arena, sw_content, m->parts_count + 1);
    if (all == NULL) {
        return SW_NO_MEMORY;
    }
    all[0] = m->config;
    for (size_t i = 0; i < m->parts_count; i++) {
        all[i + 1] = m->parts[i].content;
    }
    return need_blobs(o, all, m->parts_count + 1);
}

/* The program that was taken out of an image before, or is now. */
static sw_status open_rootfs(opening *o, const sw_digest *image, const sw_manifest *m,
                             sw_content *ret)
{
    sw_rootfs fs;
    sw_str entry;
    sw_bytes program;
    if (sw_store_program_read(&o->r->store, image, ret) &&
        sw_store_has(&o->r->store, &ret->digest, ret->size_bytes)) {
        return SW_OK;
    }
    SW_TRY(fetch_all(o, m));
    SW_TRY(entry_of(o, m, &entry));
    sw_rootfs_init(&fs, entry);
    sw_status st = read_layers(o, m, &fs);
    st = st != SW_OK ? st : sw_rootfs_finish(&fs, o->diag, &program);
    if (st == SW_OK) {
        *ret = (sw_content){.size_bytes = program.len, .media_type = SW_TYPE_WASM};
        st = sw_store_write(&o->r->store, program, o->diag, &ret->digest);
    }
    st = st != SW_OK ? st : sw_store_program_write(&o->r->store, image, ret, o->diag);
    sw_rootfs_clear(&fs);
    return st;
}

static sw_status open_image(opening *o, const sw_content *top, sw_content *ret_program)
{
    sw_manifest m;
    sw_content image = *top;
    const sw_part *part;
    SW_TRY(need_manifest(o, top, &m));
    if (m.is_index) {
        SW_TRY(sw_manifest_choose(&m, o->diag, &part));
        image = part->content;
        SW_TRY(need_manifest(o, &image, &m));
        if (m.is_index) {
            return sw_fail(o->diag, SW_UNSUPPORTED, SW_NO_OFFSET, "an index of indexes");
        }
    }
    SW_TRY(sw_manifest_program(&m, o->diag, &part));
    if (part == NULL) {
        SW_TRY(open_rootfs(o, &image.digest, &m, ret_program));
    } else {
        *ret_program = part->content;
    }
    return verify_program(o, ret_program);
}

/* What the store knows the reference to be. */
static sw_status find_known(const sw_registry *r, const sw_reference *from, sw_content *ret)
{
    if (!from->has_digest) {
        return sw_store_tag_read(&r->store, from, NULL, ret);
    }
    *ret = (sw_content){.digest = from->digest};
    return SW_OK;
}

static sw_status pull_known(opening *o, sw_pulled *ret)
{
    sw_status st = find_known(o->r, o->from, &ret->image);
    return st != SW_OK ? st : open_image(o, &ret->image, &ret->program);
}

static sw_status pull_remote(opening *o, sw_pulled *ret)
{
    sw_bytes bytes;
    sw_digest own;
    o->may_fetch = true;
    SW_TRY(
        sw_client_get_manifest(&o->r->client, o->from, &o->r->arena, o->diag, &bytes, &ret->image));
    SW_TRY(sw_store_write(&o->r->store, bytes, o->diag, &own));
    o->was_fetched = true;
    SW_TRY(open_image(o, &ret->image, &ret->program));
    return sw_store_tag_write(&o->r->store, o->from, &ret->image, o->diag);
}

static sw_status pull(opening *o, sw_pull policy, sw_pulled *ret)
{
    bool knows = policy != SW_PULL_ALWAYS || o->from->has_digest;
    sw_status st = knows ? pull_known(o, ret) : SW_NOT_FOUND;
    if (st != SW_NOT_FOUND || (o->diag != NULL && o->diag->text[0] != '\0')) {
        return st;
    }
    if (policy == SW_PULL_NEVER) {
        char text[SW_REF_TEXT_MAX];
        sw_reference_print(o->from, text);
        return sw_fail(o->diag, SW_NOT_FOUND, SW_NO_OFFSET,
                       "%s: is not in the store, and is not to be pulled", text);
    }
    return pull_remote(o, ret);
}

sw_status sw_registry_pull(sw_registry *r, const sw_reference *from, sw_pull policy, sw_diag *diag,
                           sw_pulled *ret)
{
    sw_diag own = {};
    sw_pulled p = {};
    opening o = {.r = r, .from = from, .diag = &own};
    sw_status st = pull(&o, policy, &p);
    sw_arena_clear(&r->arena);
    if (st == SW_OK && o.was_fetched) {
        st = sw_store_collect(&r->store, &own, NULL);
    }
    if (st != SW_OK) {
        if (diag != NULL) {
            *diag = own;
        }
        return st;
    }
    sw_store_blob_path(&r->store, &p.program.digest, p.path);
    p.was_fetched = o.was_fetched;
    *ret = p;
    return SW_OK;
}

/* ---- Push ------------------------------------------------------------------------------------ */

typedef struct pushing {
    sw_registry *r;
    const sw_reference *to;
    const sw_push *what;
    sw_diag *diag;
    sw_part layer;
} pushing;

static sw_status send_bytes(pushing *p, sw_bytes bytes, const char *media_type, sw_content *ret)
{
    sw_content c = {.size_bytes = bytes.len};
    (void)snprintf(c.media_type, sizeof c.media_type, "%s", media_type);
    SW_TRY(sw_store_write(&p->r->store, bytes, p->diag, &c.digest));
    *ret = c;
    return sw_client_put_blob(&p->r->client, p->to, ret, bytes, NULL, p->diag);
}

typedef void config_writer(sw_buf *out, const sw_wasm_info *info, const sw_digest *layer);

static sw_status send_config(pushing *p, config_writer *write, const char *media_type,
                             sw_content *ret)
{
    sw_buf out;
    sw_buf_init(&out, NULL, SW_CONFIG_MAX_BYTES);
    write(&out, &p->what->info, &p->layer.content.digest);
    sw_status st = sw_buf_status(&out);
    st = st != SW_OK ? st : send_bytes(p, sw_buf_bytes(&out), media_type, ret);
    sw_buf_clear(&out);
    return st;
}

static sw_status send_manifest(pushing *p, const sw_content *config, sw_content *ret,
                               bool *ret_refused)
{
    sw_buf out;
    sw_buf_init(&out, NULL, SW_MANIFEST_MAX_BYTES);
    sw_manifest_write(&out, config, &p->layer, 1, p->what->annotations, p->what->annotations_count);
    sw_status st = sw_buf_status(&out);
    *ret = (sw_content){.size_bytes = out.len, .media_type = SW_TYPE_MANIFEST};
    st = st != SW_OK ? st : sw_store_write(&p->r->store, sw_buf_bytes(&out), p->diag, &ret->digest);
    st = st != SW_OK ? st
                     : sw_client_put_manifest(&p->r->client, p->to, SW_TYPE_MANIFEST,
                                              sw_buf_bytes(&out), p->diag, ret_refused);
    sw_buf_clear(&out);
    return st;
}

static sw_status push(pushing *p, sw_content *ret_image, bool *ret_fell_back)
{
    sw_content config;
    bool is_refused = false;
    p->layer.title = p->what->title;
    SW_TRY(send_bytes(p, p->what->program, SW_TYPE_WASM, &p->layer.content));
    SW_TRY(send_config(p, sw_wasm_config_write, SW_TYPE_WASM_CONFIG, &config));
    sw_status st = send_manifest(p, &config, ret_image, &is_refused);
    *ret_fell_back = is_refused;
    if (is_refused) {
        *p->diag = (sw_diag){};
        SW_TRY(send_config(p, sw_image_config_write, SW_TYPE_IMAGE_CONFIG, &config));
        st = send_manifest(p, &config, ret_image, &is_refused);
    }
    return st != SW_OK ? st : sw_store_tag_write(&p->r->store, p->to, ret_image, p->diag);
}

sw_status sw_registry_push(sw_registry *r, const sw_reference *to, const sw_push *what,
                           sw_diag *diag, sw_content *ret_image, bool *ret_fell_back)
{
    sw_diag own = {};
    pushing p = {.r = r, .to = to, .what = what, .diag = &own};
    if (to->has_digest) {
        return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET,
                       "a push goes to a tag; the digest is what comes of it");
    }
    sw_status st = push(&p, ret_image, ret_fell_back);
    st = st != SW_OK ? st : sw_store_collect(&r->store, &own, NULL);
    if (st != SW_OK && diag != NULL) {
        *diag = own;
    }
    return st;
}

/* ---- Copy ------------------------------------------------------------------------------------ */

typedef struct copying {
    sw_registry *r;
    const sw_reference *from, *to;
    sw_diag *diag;
} copying;

static sw_status copy_blob(const copying *c, const sw_content *blob)
{
    sw_file_data data = {};
    bool is_same = strcmp(c->from->host, c->to->host) == 0, has = false;
    const char *mount =
        is_same && strcmp(c->from->repository, c->to->repository) != 0 ? c->from->repository : NULL;
    SW_TRY(sw_client_has_blob(&c->r->client, c->to, blob, mount, c->diag, &has));
    if (has) {
        return SW_OK;
    }
    SW_TRY(sw_client_get_blobs(&c->r->client, c->from, &c->r->store, blob, 1, c->diag));
    SW_TRY(sw_store_read(&c->r->store, &blob->digest, SW_BLOB_MAX_BYTES, &data, c->diag));
    sw_status st = sw_client_put_blob(&c->r->client, c->to, blob, data.bytes, NULL, c->diag);
    sw_file_data_clear(&data);
    return st;
}

static sw_status copy_parts(const copying *c, const sw_manifest *m)
{
    SW_TRY(copy_blob(c, &m->config));
    for (size_t i = 0; i < m->parts_count; i++) {
        SW_TRY(copy_blob(c, &m->parts[i].content));
    }
    return SW_OK;
}

/* Under its own digest: an entry of an index. */
static sw_status copy_entry(const copying *c, const sw_part *part)
{
    sw_manifest m;
    sw_bytes bytes;
    sw_content found;
    sw_reference pin = *c->from, to = *c->to;
    pin.has_digest = true;
    pin.digest = part->content.digest;
    to.tag[0] = '\0';
    SW_TRY(sw_client_get_manifest(&c->r->client, &pin, &c->r->arena, c->diag, &bytes, &found));
    SW_TRY(sw_manifest_read(bytes, found.media_type, &c->r->arena, c->diag, &m));
    if (m.is_index) {
        return sw_fail(c->diag, SW_UNSUPPORTED, SW_NO_OFFSET, "an index of indexes");
    }
    SW_TRY(copy_parts(c, &m));
    return sw_client_put_manifest(&c->r->client, &to, part->content.media_type, bytes, c->diag,
                                  NULL);
}

static sw_status copy(const copying *c, sw_content *ret)
{
    sw_manifest m;
    sw_bytes bytes;
    SW_TRY(sw_client_get_manifest(&c->r->client, c->from, &c->r->arena, c->diag, &bytes, ret));
    SW_TRY(sw_manifest_read(bytes, ret->media_type, &c->r->arena, c->diag, &m));
    if (!m.is_index) {
        SW_TRY(copy_parts(c, &m));
    }
    for (size_t i = 0; i < m.parts_count && m.is_index; i++) {
        SW_TRY(copy_entry(c, &m.parts[i]));
    }
    return sw_client_put_manifest(&c->r->client, c->to, ret->media_type, bytes, c->diag, NULL);
}

sw_status sw_registry_copy(sw_registry *r, const sw_reference *from, const sw_reference *to,
                           sw_diag *diag, sw_content *ret_image)
{
    sw_diag own = {};
    copying c = {r, from, to, &own};
    if (to->has_digest) {
        return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET, "a copy goes to a tag, not to a digest");
    }
    sw_status st = copy(&c, ret_image);
    sw_arena_clear(&r->arena);
    st = st != SW_OK ? st : sw_store_collect(&r->store, &own, NULL);
    if (st != SW_OK && diag != NULL) {
        *diag = own;
    }
    return st;
}
