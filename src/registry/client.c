#include "registry/client.h"

#include "base/vec.h"
#include "os/clock.h"
#include "registry/call.h"
#include "registry/url.h"

#include <stdio.h>

enum { ENDPOINTS_MAX = 8, PATH_BYTES = 512 };

static const char ACCEPT[] =
    SW_TYPE_MANIFEST ", " SW_TYPE_INDEX ", " SW_TYPE_DOCKER_MANIFEST ", " SW_TYPE_DOCKER_LIST;

typedef struct endpoints {
    sw_endpoint at[ENDPOINTS_MAX];
    size_t count;
} endpoints;

sw_status sw_client_init(sw_client *c, const sw_client_options *options, sw_diag *diag)
{
    *c = (sw_client){.options = *options};
    sw_client_options *o = &c->options;
    sw_arena_init(&c->arena, NULL, (size_t)64 << 20);
    o->attempts = o->attempts == 0 ? 5 : o->attempts;
    o->stall_ns = o->stall_ns == 0 ? 30 * SW_NS_PER_S : o->stall_ns;
    o->chunk_bytes = o->chunk_bytes == 0 ? (size_t)32 << 20 : o->chunk_bytes;
    o->parallel = o->parallel == 0 ? 4 : o->parallel;
    for (size_t i = 0; i < o->mirrors_count; i++) {
        if (strchr(o->mirrors[i], '=') == NULL) {
            return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET,
                           "a mirror is REGISTRY=HOST[:PORT][/PREFIX], not '%s'", o->mirrors[i]);
        }
    }
    return SW_OK;
}

void sw_client_clear(sw_client *c)
{
    if (c->is_open) {
        sw_transfers_clear(&c->transfers);
        sw_transfers_clear(&c->tokens);
    }
    sw_arena_clear(&c->arena);
    *c = (sw_client){};
}

/* ---- Where ----------------------------------------------------------------------------------- */

static sw_endpoint make_endpoint(const sw_client *c, const char *host)
{
    const sw_client_options *o = &c->options;
    sw_endpoint e = {};
    bool is_local = sw_reference_is_loopback(host) && o->ca_file == NULL && !o->insecure;
    (void)snprintf(e.host, sizeof e.host, "%s", host);
    (void)snprintf(e.origin, sizeof e.origin, "%s://%s",
                   o->plain_http || is_local ? "http" : "https",
                   strcmp(host, "docker.io") == 0 ? "registry-1.docker.io" : host);
    return e;
}

/* A mirror of this registry: "REGISTRY=HOST[/PREFIX]". */
static sw_status add_mirror(const sw_client *c, const char *host, const char *mirror, sw_diag *diag,
                            endpoints *e)
{
    char at[SW_REF_HOST_MAX + 1];
    size_t len = strcspn(mirror, "=");
    if (len != strlen(host) || strncmp(mirror, host, len) != 0 || e->count == ENDPOINTS_MAX - 1) {
        return SW_OK;
    }
    sw_str s = sw_str_of(mirror + len + 1);
    size_t slash = sw_str_find(s, '/');
    SW_TRY(sw_reference_parse_host(sw_str_slice(s, 0, slash), diag, at));
    sw_endpoint m = make_endpoint(c, at);
    sw_str prefix = sw_str_slice(s, SW_MIN(slash + 1, s.len), s.len - SW_MIN(slash + 1, s.len));
    prefix.len -= prefix.len != 0 && prefix.ptr[prefix.len - 1] == '/';
    if (prefix.len > SW_ENDPOINT_PREFIX_MAX) {
        return sw_fail(diag, SW_LIMIT, SW_NO_OFFSET, "a mirror's prefix is too long");
    }
    (void)snprintf(m.prefix, sizeof m.prefix, "%.*s%s", SW_STR_ARG(prefix),
                   prefix.len != 0 ? "/" : "");
    e->at[e->count++] = m;
    return SW_OK;
}

static sw_status find_endpoints(const sw_client *c, const char *host, sw_diag *diag, endpoints *ret)
{
    *ret = (endpoints){};
    for (size_t i = 0; i < c->options.mirrors_count; i++) {
        SW_TRY(add_mirror(c, host, c->options.mirrors[i], diag, ret));
    }
    ret->at[ret->count++] = make_endpoint(c, host);
    return SW_OK;
}

/* ---- Manifests ------------------------------------------------------------------------------- */

static void name_of(const sw_reference *r, char out[SW_DIGEST_TEXT + SW_REF_TAG_MAX + 1])
{
    if (r->has_digest) {
        sw_digest_print(&r->digest, out);
    } else {
        memcpy(out, r->tag, strlen(r->tag) + 1);
    }
}

static void copy_type(char out[SW_MEDIA_TYPE_MAX + 1], sw_str type)
{
    type.len = sw_str_find(type, ';');
    while (type.len != 0 && type.ptr[type.len - 1] == ' ') {
        type.len--;
    }
    (void)snprintf(out, SW_MEDIA_TYPE_MAX + 1, "%.*s", SW_STR_ARG(type));
}

/* A tag is what the registry says it is; a pin must fit, and so must what the answer says of
 * itself. */
static sw_status check_manifest(const sw_reference *r, const sw_transfer *t, sw_diag *diag,
                                sw_content *ret)
{
    sw_content c = {.digest = sw_digest_of(sw_buf_bytes(&t->answer)), .size_bytes = t->answer.len};
    sw_str said = t->fields[SW_ANSWER_DIGEST];
    sw_digest own;
    char found[SW_DIGEST_TEXT + 1];
    sw_digest_print(&c.digest, found);
    if (r->has_digest && !sw_digest_eq(&r->digest, &c.digest)) {
        return sw_fail(diag, SW_INVALID, SW_NO_OFFSET,
                       "%s: wrong digest: the manifest it sends is %s", r->host, found);
    }
    if (said.len != 0 && sw_digest_parse(said, &own) && !sw_digest_eq(&own, &c.digest)) {
        return sw_fail(diag, SW_INVALID, SW_NO_OFFSET,
                       "%s: wrong digest: it says %.*s, and sends a manifest that is %s", r->host,
                       SW_STR_ARG(said), found);
    }
    copy_type(c.media_type, t->fields[SW_ANSWER_TYPE]);
    *ret = c;
    return SW_OK;
}

static sw_status get_manifest_at(sw_client *c, const sw_endpoint *at, const sw_reference *r,
                                 sw_arena *arena, sw_diag *diag, sw_bytes *ret_bytes,
                                 sw_content *ret)
{
    char name[SW_DIGEST_TEXT + SW_REF_TAG_MAX + 1], path[PATH_BYTES];
    sw_call *call = SW_NEW(arena, sw_call);
    if (call == NULL) {
        return SW_NO_MEMORY;
    }
    name_of(r, name);
    (void)snprintf(path, sizeof path, "manifests/%s", name);
    SW_TRY(sw_call_init(call, c, at, r->repository, "pull", "GET", path, diag));
    call->transfer.accept = ACCEPT;
    call->transfer.max_bytes = SW_MANIFEST_MAX_BYTES;
    sw_status st = sw_call_run(call, diag);
    if (st == SW_OK) {
        st = call->transfer.status != 200 ? sw_call_refused(call, diag)
                                          : check_manifest(r, &call->transfer, diag, ret);
    }
    if (st == SW_OK) {
        *ret_bytes = sw_arena_bytes(arena, sw_buf_bytes(&call->transfer.answer));
        st = ret_bytes->ptr == NULL ? SW_NO_MEMORY : SW_OK;
    }
    sw_call_clear(call);
    return st;
}

sw_status sw_client_get_manifest(sw_client *c, const sw_reference *r, sw_arena *arena,
                                 sw_diag *diag, sw_bytes *ret_bytes, sw_content *ret)
{
    endpoints e;
    sw_status st = SW_OK;
    SW_TRY(find_endpoints(c, r->host, diag, &e));
    for (size_t i = 0; i < e.count; i++) {
        sw_diag own = {};
        st = get_manifest_at(c, &e.at[i], r, arena, &own, ret_bytes, ret);
        if (st == SW_OK || i + 1 == e.count) {
            if (diag != NULL && st != SW_OK) {
                *diag = own;
            }
            break;
        }
    }
    return st;
}

/* ---- Blobs to us ----------------------------------------------------------------------------- */

typedef struct download {
    sw_call call;
    sw_partial partial;
    bool is_there, was_resumed;
} download;

/* A rest that does not fit to what was there before is worth a second look at the whole. */
static sw_transfer_verdict finish_download(sw_call *call)
{
    download *d = SW_CONTAINER_OF(call, download, call);
    sw_transfer *t = &call->transfer;
    if (t->status == 416 && d->partial.bytes != 0) {
        call->st = sw_partial_reset(&d->partial, &t->diag);
        d->was_resumed = false;
        return call->st == SW_OK ? SW_TRANSFER_AGAIN : SW_TRANSFER_STOP;
    }
    if (t->status != 200 && t->status != 206) {
        call->st = sw_call_refused(call, &t->diag);
        return SW_TRANSFER_STOP;
    }
    if (d->was_resumed) {
        sw_sha256 copy = d->partial.hash;
        sw_digest found;
        sw_sha256_finish(&copy, found.bytes);
        if (!sw_digest_eq(&found, &d->partial.want.digest)) {
            d->was_resumed = false;
            call->st = sw_partial_reset(&d->partial, &t->diag);
            return call->st == SW_OK ? SW_TRANSFER_AGAIN : SW_TRANSFER_STOP;
        }
    }
    d->is_there = true;
    call->st = sw_partial_finish(&d->partial, &t->diag);
    if (call->st != SW_OK) {
        sw_fail_context(&t->diag, call->st, "%s", call->at->host);
    }
    return call->st == SW_OK ? SW_TRANSFER_DONE : SW_TRANSFER_STOP;
}

static sw_status begin_download(sw_client *c, const sw_endpoint *at, const sw_reference *r,
                                const sw_store_dir *store, const sw_content *want, sw_diag *diag,
                                download *d)
{
    char path[PATH_BYTES], digest[SW_DIGEST_TEXT + 1];
    SW_TRY(sw_partial_open(store, want, diag, &d->partial, &d->is_there));
    if (!d->is_there && d->partial.bytes == want->size_bytes) {
        SW_TRY(sw_partial_reset(&d->partial, diag)); /* whole, and yet nobody has moved it */
    }
    d->was_resumed = !d->is_there && d->partial.bytes != 0;
    sw_digest_print(&want->digest, digest);
    (void)snprintf(path, sizeof path, "blobs/%s", digest);
    SW_TRY(sw_call_init(&d->call, c, at, r->repository, "pull", "GET", path, diag));
    d->call.transfer.sink = &d->partial;
    d->call.transfer.tag = (void *)(uintptr_t)want;
    d->call.finish = finish_download;
    return SW_OK;
}

static void end_download(download *d)
{
    if (!d->is_there && d->partial.store != NULL) {
        sw_partial_close(&d->partial);
    }
    sw_call_clear(&d->call);
}

/* Locks are taken in the order of the digests, so that processes that want the same blobs in
 * another order do not wait for each other. */
static const sw_content *next_blob(const sw_content *blobs, size_t count, const sw_content *after)
{
    const sw_content *best = NULL;
    for (size_t i = 0; i < count; i++) {
        int order = after == NULL ? 1 : memcmp(blobs[i].digest.bytes, after->digest.bytes, 32);
        if (order > 0 &&
            (best == NULL || memcmp(blobs[i].digest.bytes, best->digest.bytes, 32) < 0)) {
            best = &blobs[i];
        }
    }
    return best;
}

typedef struct batch {
    SW_VEC(download *) all;
    SW_VEC(sw_call *) calls; /* of those that are not there */
} batch;

static sw_status fill_batch(batch *b, sw_client *c, const sw_endpoint *at, const sw_reference *r,
                            const sw_store_dir *store, const sw_content *blobs, size_t count,
                            sw_diag *diag)
{
    const sw_content *want = next_blob(blobs, count, NULL);
    for (; want != NULL; want = next_blob(blobs, count, want)) {
        if (sw_store_has(store, &want->digest, want->size_bytes)) {
            continue;
        }
        download *d = sw_alloc(NULL, sizeof *d);
        if (d == NULL) {
            return SW_NO_MEMORY;
        }
        sw_transfer_init(&d->call.transfer);
        d->partial.fd = -1;
        sw_status st = sw_vec_push(&b->all, d);
        if (st != SW_OK) {
            sw_free(NULL, d, sizeof *d);
            return st;
        }
        SW_TRY(begin_download(c, at, r, store, want, diag, d));
        if (!d->is_there) {
            SW_TRY(sw_vec_push(&b->calls, &d->call));
        }
    }
    return SW_OK;
}

static sw_status get_blobs_at(sw_client *c, const sw_endpoint *at, const sw_reference *r,
                              const sw_store_dir *store, const sw_content *blobs, size_t count,
                              sw_diag *diag)
{
    batch b = {};
    sw_status st = fill_batch(&b, c, at, r, store, blobs, count, diag);
    if (st == SW_OK && b.calls.count != 0) {
        st = sw_calls_run(c, b.calls.at, b.calls.count, diag);
    }
    for (size_t i = 0; i < b.all.count; i++) {
        end_download(b.all.at[i]);
        sw_free(NULL, b.all.at[i], sizeof *b.all.at[i]);
    }
    sw_vec_clear(&b.all);
    sw_vec_clear(&b.calls);
    return st;
}

sw_status sw_client_get_blobs(sw_client *c, const sw_reference *r, const sw_store_dir *store,
                              const sw_content *blobs, size_t count, sw_diag *diag)
{
    endpoints e;
    sw_status st = SW_OK;
    SW_TRY(find_endpoints(c, r->host, diag, &e));
    for (size_t i = 0; i < e.count; i++) {
        sw_diag own = {};
        st = get_blobs_at(c, &e.at[i], r, store, blobs, count, &own);
        if (st == SW_OK || i + 1 == e.count) {
            if (diag != NULL && st != SW_OK) {
                *diag = own;
            }
            break;
        }
    }
    return st;
}

/* ---- Blobs from us --------------------------------------------------------------------------- */

/* One request that is made once, or until it is answered. */
typedef struct request {
    const char *method, *path; /* below the repository, or */
    const char *url;           /* whole */
    const char *content_type, *content_range, *from;
    sw_bytes body;
    const sw_content *tag;
    bool is_once;
} request;

typedef struct upload {
    sw_client *client;
    sw_endpoint at;
    const sw_reference *r;
    const sw_content *blob;
    sw_bytes bytes;
    sw_diag *diag;
    sw_call *call;                 /* the last one */
    char url[SW_TRANSFER_URL_MAX]; /* of the upload */
} upload;

/* Leaves the answer in u->call. */
static sw_status ask(upload *u, const request *q)
{
    sw_call *call = u->call;
    sw_call_clear(call);
    SW_TRY(sw_call_init(call, u->client, &u->at, u->r->repository, "pull,push", q->method,
                        q->path == NULL ? "" : q->path, u->diag));
    sw_transfer *t = &call->transfer;
    if (q->url != NULL) {
        (void)snprintf(t->url, sizeof t->url, "%s", q->url);
        memcpy(call->url, t->url, sizeof call->url);
        call->has_left = !sw_url_same_origin(sw_str_of(q->url), sw_str_of(u->at.origin));
    }
    call->from = q->from;
    call->attempts_max = q->is_once ? 1 : call->attempts_max;
    t->content_type = q->content_type;
    t->content_range = q->content_range;
    t->body = q->body;
    t->tag = (void *)(uintptr_t)q->tag;
    return sw_call_run(call, u->diag);
}

/* Where the upload goes on. It stays with the scheme; what is at another host gets no credentials.
 */
static sw_status take_location(upload *u)
{
    sw_transfer *t = &u->call->transfer;
    char to[SW_TRANSFER_URL_MAX];
    if (!sw_url_resolve(sw_str_of(t->url), t->fields[SW_ANSWER_LOCATION], to, sizeof to) ||
        !sw_url_same_scheme(sw_str_of(u->at.origin), sw_str_of(to))) {
        return sw_fail(u->diag, SW_INVALID, SW_NO_OFFSET,
                       "%s: the upload is to go on at no URL, or by another scheme", u->at.host);
    }
    memcpy(u->url, to, sizeof to);
    return SW_OK;
}

static sw_status expect(upload *u, unsigned status, unsigned or_status)
{
    unsigned got = u->call->transfer.status;
    return got == status || got == or_status ? SW_OK : sw_call_refused(u->call, u->diag);
}

static sw_status has(upload *u, bool *ret_has)
{
    char path[PATH_BYTES], digest[SW_DIGEST_TEXT + 1];
    sw_digest_print(&u->blob->digest, digest);
    (void)snprintf(path, sizeof path, "blobs/%s", digest);
    SW_TRY(ask(u, &(request){.method = "HEAD", .path = path}));
    unsigned status = u->call->transfer.status;
    *ret_has = status == 200;
    return status == 200 || status == 404 ? SW_OK : sw_call_refused(u->call, u->diag);
}

/* Opens an upload; with from, the registry may take the blob over from there instead. */
static sw_status open_upload(upload *u, const char *from, bool *ret_is_mounted)
{
    char path[SW_TRANSFER_URL_MAX] = "blobs/uploads/", digest[SW_DIGEST_TEXT + 1];
    sw_digest_print(&u->blob->digest, digest);
    if (from != NULL && (!sw_url_add(path, sizeof path, "mount", sw_str_of(digest)) ||
                         !sw_url_add(path, sizeof path, "from", sw_str_of(from)))) {
        return sw_fail(u->diag, SW_LIMIT, SW_NO_OFFSET, "the URL is too long");
    }
    SW_TRY(ask(u, &(request){.method = "POST", .path = path, .from = from}));
    SW_TRY(expect(u, 202, from == NULL ? 202 : 201));
    *ret_is_mounted = u->call->transfer.status == 201;
    return *ret_is_mounted ? SW_OK : take_location(u);
}

static sw_status close_upload(upload *u, sw_bytes body)
{
    char digest[SW_DIGEST_TEXT + 1];
    sw_digest_print(&u->blob->digest, digest);
    if (!sw_url_add(u->url, sizeof u->url, "digest", sw_str_of(digest))) {
        return sw_fail(u->diag, SW_LIMIT, SW_NO_OFFSET, "the URL is too long");
    }
    SW_TRY(ask(u, &(request){.method = "PUT",
                             .url = u->url,
                             .content_type = "application/octet-stream",
                             .body = body,
                             .tag = u->blob,
                             .is_once = true}));
    return expect(u, 201, 204);
}

/* How much has arrived: "Range: 0-99" is 100 bytes. */
static sw_status ask_progress(upload *u, uint64_t *ret_bytes)
{
    SW_TRY(ask(u, &(request){.method = "GET", .url = u->url}));
    SW_TRY(expect(u, 204, 202));
    sw_str s = u->call->transfer.fields[SW_ANSWER_RANGE];
    uint64_t last = 0;
    if (!sw_str_starts(s, SW_STR("0-"))) {
        return sw_fail(u->diag, SW_INVALID, SW_NO_OFFSET, "%s: it does not tell what has arrived",
                       u->at.host);
    }
    for (size_t i = 2; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9' && i < 18; i++) {
        last = 10 * last + (uint64_t)(s.ptr[i] - '0');
    }
    *ret_bytes = last == 0 ? 0 : last + 1;
    return *ret_bytes <= u->bytes.len ? SW_OK
                                      : sw_fail(u->diag, SW_INVALID, SW_NO_OFFSET,
                                                "%s: more has arrived than was sent", u->at.host);
}

static sw_status send_chunk(upload *u, uint64_t from, size_t len)
{
    char range[64];
    (void)snprintf(range, sizeof range, "%llu-%llu", (unsigned long long)from,
                   (unsigned long long)(from + len - 1));
    SW_TRY(ask(u, &(request){.method = "PATCH",
                             .url = u->url,
                             .content_type = "application/octet-stream",
                             .content_range = range,
                             .body = sw_bytes_slice(u->bytes, (size_t)from, len),
                             .is_once = true}));
    SW_TRY(expect(u, 202, 204));
    return take_location(u);
}

static void tell(const upload *u, uint64_t bytes)
{
    const sw_client_options *o = &u->client->options;
    if (o->progress != NULL) {
        o->progress(o->progress_env, u->blob, bytes);
    }
}

static sw_status send_chunks(upload *u)
{
    uint64_t sent = 0;
    unsigned failures = 0;
    while (sent < u->bytes.len) {
        size_t len = (size_t)SW_MIN(u->bytes.len - sent, (uint64_t)u->client->options.chunk_bytes);
        sw_status st = send_chunk(u, sent, len);
        if (st == SW_OK) {
            sent += len;
            tell(u, sent);
            continue;
        }
        if (st != SW_IO || ++failures >= u->client->options.attempts) {
            return st;
        }
        if (u->diag != NULL) {
            *u->diag = (sw_diag){};
        }
        SW_TRY(ask_progress(u, &sent));
    }
    return close_upload(u, (sw_bytes){});
}

static sw_status put_once(upload *u, const char *from)
{
    bool is_mounted;
    SW_TRY(open_upload(u, from, &is_mounted));
    if (is_mounted) {
        return SW_OK;
    }
    return u->bytes.len > u->client->options.chunk_bytes ? send_chunks(u)
                                                         : close_upload(u, u->bytes);
}

/* The answer that ends an attempt for good is one that the registry thought about. */
static bool is_final(const upload *u)
{
    unsigned status = u->call->transfer.status;
    return status >= 400 && status < 500 && status != 408 && status != 429 && status != 404;
}

static sw_status put_blob(upload *u, const char *from)
{
    bool is_there;
    SW_TRY(has(u, &is_there));
    if (is_there) {
        tell(u, u->blob->size_bytes);
        return SW_OK;
    }
    for (unsigned i = 1;; i++) {
        sw_status st = put_once(u, from);
        bool may_pass = st == SW_IO || st == SW_NOT_FOUND;
        if (!may_pass || i >= u->client->options.attempts || is_final(u)) {
            return st;
        }
        if (u->diag != NULL) {
            *u->diag = (sw_diag){};
        }
        sw_clock_sleep_until(sw_clock_deadline(i * SW_NS_PER_S / 4));
    }
}

static sw_status with_upload(sw_client *c, const sw_reference *r, const sw_content *blob,
                             sw_bytes bytes, sw_diag *diag, upload *u)
{
    *u = (upload){.client = c, .r = r, .blob = blob, .bytes = bytes, .diag = diag};
    u->at = make_endpoint(c, r->host);
    u->call = sw_alloc(NULL, sizeof *u->call);
    if (u->call == NULL) {
        return SW_NO_MEMORY;
    }
    sw_transfer_init(&u->call->transfer);
    return SW_OK;
}

static void end_upload(upload *u)
{
    sw_call_clear(u->call);
    sw_free(NULL, u->call, sizeof *u->call);
}

sw_status sw_client_put_blob(sw_client *c, const sw_reference *r, const sw_content *blob,
                             sw_bytes bytes, const char *from, sw_diag *diag)
{
    upload u;
    SW_TRY(with_upload(c, r, blob, bytes, diag, &u));
    sw_status st = put_blob(&u, from);
    end_upload(&u);
    return st;
}

sw_status sw_client_has_blob(sw_client *c, const sw_reference *r, const sw_content *blob,
                             const char *from, sw_diag *diag, bool *ret_has)
{
    upload u;
    bool is_there = false;
    SW_TRY(with_upload(c, r, blob, (sw_bytes){}, diag, &u));
    sw_status st = has(&u, &is_there);
    if (st == SW_OK && !is_there && from != NULL) {
        st = open_upload(&u, from, &is_there);
        if (st == SW_OK && !is_there) { /* the registry waits for an upload that nobody needs */
            sw_diag own = {};
            u.diag = &own;
            (void)!ask(&u, &(request){.method = "DELETE", .url = u.url, .is_once = true});
        }
    }
    end_upload(&u);
    if (st == SW_OK) {
        *ret_has = is_there;
    }
    return st;
}

static bool is_refusal(const sw_call *call)
{
    static const char *const CODES[] = {"MANIFEST_INVALID", "UNSUPPORTED", "MANIFEST_UNVERIFIED",
                                        "SCHEMA_INVALID"};
    for (size_t i = 0; i < SW_COUNTOF(CODES); i++) {
        if (strcmp(call->error_code, CODES[i]) == 0) {
            return true;
        }
    }
    unsigned status = call->transfer.status;
    return status == 415 || status == 422 || (status == 400 && call->error_code[0] == '\0');
}

sw_status sw_client_put_manifest(sw_client *c, const sw_reference *r, const char *media_type,
                                 sw_bytes bytes, sw_diag *diag, bool *ret_is_refused)
{
    upload u;
    char name[SW_DIGEST_TEXT + SW_REF_TAG_MAX + 1], path[PATH_BYTES];
    sw_digest digest = sw_digest_of(bytes);
    sw_reference to = *r;
    to.has_digest = r->tag[0] == '\0';
    to.digest = digest;
    name_of(&to, name);
    (void)snprintf(path, sizeof path, "manifests/%s", name);
    SW_TRY(with_upload(c, r, NULL, bytes, diag, &u));
    sw_status st = ask(
        &u, &(request){.method = "PUT", .path = path, .content_type = media_type, .body = bytes});
    st = st != SW_OK ? st : expect(&u, 201, 202);
    if (ret_is_refused != NULL) {
        *ret_is_refused = st != SW_OK && u.call->transfer.status != 0 && is_refusal(u.call);
    }
    sw_digest said;
    sw_str text = u.call->transfer.fields[SW_ANSWER_DIGEST];
    if (st == SW_OK && sw_digest_parse(text, &said) && !sw_digest_eq(&said, &digest)) {
        st = sw_fail(diag, SW_INVALID, SW_NO_OFFSET, "%s: it took the manifest for %.*s", r->host,
                     SW_STR_ARG(text));
    }
    end_upload(&u);
    return st;
}

sw_status sw_client_check_login(sw_client *c, const char *host, sw_str user, sw_str password,
                                sw_diag *diag)
{
    sw_endpoint at = make_endpoint(c, host);
    sw_credentials who = {true, user, password, SW_STR(""), SW_STR("")};
    sw_call *call = SW_NEW(&c->arena, sw_call);
    if (call == NULL) {
        return SW_NO_MEMORY;
    }
    SW_TRY(sw_call_init(call, c, &at, NULL, "", "GET", "", diag));
    call->given = &who;
    sw_status st = sw_call_run(call, diag);
    if (st == SW_OK && call->transfer.status != 200) {
        st = sw_call_refused(call, diag);
    }
    sw_call_clear(call);
    return st;
}
