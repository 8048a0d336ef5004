#include "registry/store.h"

#include "os/cpu.h"
#include "os/random.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAX_LINE = 512, TOUCH_SECONDS = 600 };

static bool has_sha(void)
{
    return (sw_cpu_features() & SW_CPU_SHA) != 0;
}

static sw_status take_lock(sw_store_dir *s, sw_diag *diag)
{
    char path[SW_STORE_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/lock", s->path);
    return sw_file_lock(&s->lock_fd, path, false, true, diag);
}

sw_status sw_store_dir_open(sw_store_dir *ret, const char *path, uint64_t max_bytes, sw_diag *diag)
{
    static const char *const FOLDERS[] = {"blobs/sha256", "tags", "programs", "partial"};
    sw_store_dir s = {.lock_fd = -1,
                      .max_bytes = max_bytes == 0 ? SW_STORE_MAX_DEFAULT : max_bytes};
    char sub[SW_STORE_PATH_MAX];
    if (strlen(path) >= sizeof s.path) {
        return sw_fail(diag, SW_LIMIT, SW_NO_OFFSET, "%.64s...: the path is too long", path);
    }
    memcpy(s.path, path, strlen(path) + 1);
    for (size_t i = 0; i < SW_COUNTOF(FOLDERS); i++) {
        (void)snprintf(sub, sizeof sub, "%s/%s", s.path, FOLDERS[i]);
        SW_TRY(sw_dir_make(sub, 0700, diag));
    }
    SW_TRY(take_lock(&s, diag));
    *ret = s;
    return SW_OK;
}

void sw_store_dir_close(sw_store_dir *s)
{
    sw_fd_close(s->lock_fd);
    s->lock_fd = -1;
}

/* ---- Blobs ----------------------------------------------------------------------------------- */

static void hex_path(const sw_store_dir *s, const char *folder, const sw_digest *d,
                     char out[SW_STORE_PATH_MAX])
{
    char hex[SW_DIGEST_HEX + 1];
    sw_sha256_hex(d->bytes, hex);
    (void)snprintf(out, SW_STORE_PATH_MAX, "%s/%s/%s", s->path, folder, hex);
}

void sw_store_blob_path(const sw_store_dir *s, const sw_digest *d, char out[SW_STORE_PATH_MAX])
{
    hex_path(s, "blobs/sha256", d, out);
}

/* That it was used, for whoever clears out. Once in a while is enough. */
static void touch(const char *path, const struct stat *st)
{
    if (time(NULL) - st->st_mtime > TOUCH_SECONDS) {
        (void)utimensat(AT_FDCWD, path, NULL, 0);
    }
}

bool sw_store_has(const sw_store_dir *s, const sw_digest *d, uint64_t size_bytes)
{
    char path[SW_STORE_PATH_MAX];
    struct stat st;
    sw_store_blob_path(s, d, path);
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != size_bytes) {
        return false;
    }
    touch(path, &st);
    return true;
}

sw_status sw_store_read(const sw_store_dir *s, const sw_digest *d, uint64_t max_bytes,
                        sw_file_data *ret, sw_diag *diag)
{
    char path[SW_STORE_PATH_MAX];
    struct stat st;
    sw_file_data data = {};
    sw_store_blob_path(s, d, path);
    SW_TRY(sw_file_map(&data, path, (size_t)max_bytes, diag));
    sw_digest found = sw_digest_of(data.bytes);
    if (!sw_digest_eq(&found, d)) {
        sw_file_data_clear(&data);
        (void)unlink(path);
        return sw_fail(diag, SW_NOT_FOUND, SW_NO_OFFSET, "%s: was damaged, and is removed", path);
    }
    if (stat(path, &st) == 0) {
        touch(path, &st);
    }
    *ret = data;
    return SW_OK;
}

sw_status sw_store_write(const sw_store_dir *s, sw_bytes bytes, sw_diag *diag,
                         sw_digest *ret_digest)
{
    char path[SW_STORE_PATH_MAX];
    sw_digest d = sw_digest_of(bytes);
    sw_store_blob_path(s, &d, path);
    if (!sw_store_has(s, &d, bytes.len)) {
        SW_TRY(sw_file_write(path, bytes, 0600, false, diag));
    }
    *ret_digest = d;
    return SW_OK;
}

/* ---- Tags and programs: one line that names a blob ------------------------------------------- */

static sw_status write_line(const char *path, const sw_content *c, sw_diag *diag)
{
    char line[MAX_LINE], digest[SW_DIGEST_TEXT + 1];
    sw_digest_print(&c->digest, digest);
    int len =
        snprintf(line, sizeof line, "%s %" PRIu64 " %s\n", digest, c->size_bytes, c->media_type);
    return sw_file_write(path, (sw_bytes){(const uint8_t *)line, (size_t)len}, 0600, false, diag);
}

static bool parse_size(sw_str s, uint64_t *ret)
{
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9' || ckd_mul(&value, value, 10u) ||
            ckd_add(&value, value, (uint64_t)(s.ptr[i] - '0'))) {
            return false;
        }
    }
    *ret = value;
    return s.len != 0;
}

static bool parse_line(sw_str line, sw_content *ret)
{
    sw_content c = {};
    line.len = sw_str_find(line, '\n');
    if (line.len <= SW_DIGEST_TEXT + 1 ||
        !sw_digest_parse(sw_str_slice(line, 0, SW_DIGEST_TEXT), &c.digest)) {
        return false;
    }
    sw_str rest = sw_str_slice(line, SW_DIGEST_TEXT + 1, line.len - SW_DIGEST_TEXT - 1);
    size_t space = sw_str_find(rest, ' ');
    if (!parse_size(sw_str_slice(rest, 0, space), &c.size_bytes) || space == rest.len ||
        rest.len - space - 1 > SW_MEDIA_TYPE_MAX) {
        return false;
    }
    memcpy(c.media_type, rest.ptr + space + 1, rest.len - space - 1);
    *ret = c;
    return true;
}

static sw_status read_line(const char *path, sw_diag *diag, sw_content *ret)
{
    sw_file_data data = {};
    SW_TRY(sw_file_read(&data, path, NULL, MAX_LINE, diag));
    bool ok = parse_line((sw_str){(const char *)data.bytes.ptr, data.bytes.len}, ret);
    sw_file_data_clear(&data);
    return ok ? SW_OK : sw_fail(diag, SW_NOT_FOUND, SW_NO_OFFSET, "%s: is damaged", path);
}

/* The folder of a repository's tags, and the tag's file in it. No part of a name begins with a
 * colon, so that tags and deeper names cannot meet. */
static bool tag_path(const sw_store_dir *s, const sw_reference *r, char folder[SW_STORE_PATH_MAX],
                     char path[SW_STORE_PATH_MAX])
{
    int len = snprintf(folder, SW_STORE_PATH_MAX, "%s/tags/%s/%s", s->path, r->host, r->repository);
    int len2 = snprintf(path, SW_STORE_PATH_MAX, "%s/tags/%s/%s/:%s", s->path, r->host,
                        r->repository, r->tag);
    return len > 0 && len2 > 0 && len2 < SW_STORE_PATH_MAX;
}

sw_status sw_store_tag_write(const sw_store_dir *s, const sw_reference *r, const sw_content *c,
                             sw_diag *diag)
{
    char folder[SW_STORE_PATH_MAX], path[SW_STORE_PATH_MAX];
    if (r->tag[0] == '\0') {
        return SW_OK;
    }
    if (!tag_path(s, r, folder, path)) {
        return sw_fail(diag, SW_LIMIT, SW_NO_OFFSET, "the path of a tag is too long");
    }
    SW_TRY(sw_dir_make(folder, 0700, diag));
    return write_line(path, c, diag);
}

sw_status sw_store_tag_read(const sw_store_dir *s, const sw_reference *r, sw_diag *diag,
                            sw_content *ret)
{
    char folder[SW_STORE_PATH_MAX], path[SW_STORE_PATH_MAX];
    if (r->tag[0] == '\0' || !tag_path(s, r, folder, path)) {
        return sw_fail(diag, SW_NOT_FOUND, SW_NO_OFFSET, "no such tag");
    }
    return read_line(path, diag, ret);
}

sw_status sw_store_program_write(const sw_store_dir *s, const sw_digest *image,
                                 const sw_content *program, sw_diag *diag)
{
    char path[SW_STORE_PATH_MAX];
    hex_path(s, "programs", image, path);
    return write_line(path, program, diag);
}

bool sw_store_program_read(const sw_store_dir *s, const sw_digest *image, sw_content *ret)
{
    char path[SW_STORE_PATH_MAX];
    hex_path(s, "programs", image, path);
    return read_line(path, NULL, ret) == SW_OK;
}

/* ---- Partial blobs --------------------------------------------------------------------------- */

static sw_status fail_partial(const sw_partial *p, sw_diag *diag)
{
    return sw_fail(diag, SW_IO, SW_NO_OFFSET, "%s/partial: %m", p->store->path);
}

/* The locked file at path: whoever had the lock before may have renamed or removed it. */
static sw_status open_locked(sw_partial *p, const char *path, sw_diag *diag)
{
    for (;;) {
        struct stat ours, there;
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0) {
            return fail_partial(p, diag);
        }
        while (flock(fd, LOCK_EX) != 0) {
            if (errno != EINTR) {
                sw_fd_close(fd);
                return fail_partial(p, diag);
            }
        }
        if (fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_ino == there.st_ino &&
            ours.st_dev == there.st_dev) {
            p->fd = fd;
            return SW_OK;
        }
        sw_fd_close(fd);
    }
}

/* Hashes what is there. More than there should be is nothing to go on from. */
static sw_status read_again(sw_partial *p, sw_diag *diag)
{
    uint8_t chunk[16384];
    for (;;) {
        ssize_t n = pread(p->fd, chunk, sizeof chunk, (off_t)p->bytes);
        if (n < 0 && errno != EINTR) {
            return fail_partial(p, diag);
        }
        if (n == 0) {
            return p->bytes > p->want.size_bytes ? sw_partial_reset(p, diag) : SW_OK;
        }
        if (n > 0) {
            sw_sha256_write(&p->hash, (sw_bytes){chunk, (size_t)n});
            p->bytes += (uint64_t)n;
        }
    }
}

sw_status sw_partial_open(const sw_store_dir *s, const sw_content *want, sw_diag *diag,
                          sw_partial *ret, bool *ret_is_there)
{
    char path[SW_STORE_PATH_MAX];
    sw_partial p = {.store = s, .want = *want, .fd = -1};
    if (want->size_bytes > SW_BLOB_MAX_BYTES) {
        return sw_fail(diag, SW_LIMIT, SW_NO_OFFSET, "a blob of %" PRIu64 " bytes; at most 1 GiB",
                       want->size_bytes);
    }
    hex_path(s, "partial", &want->digest, path);
    sw_sha256_init(&p.hash, has_sha());
    SW_TRY(open_locked(&p, path, diag));
    if (sw_store_has(s, &want->digest, want->size_bytes)) {
        (void)unlink(path);
        sw_partial_close(&p);
        *ret_is_there = true;
        return SW_OK;
    }
    sw_status st = read_again(&p, diag);
    if (st != SW_OK) {
        sw_partial_close(&p);
        return st;
    }
    *ret = p;
    *ret_is_there = false;
    return SW_OK;
}

sw_status sw_partial_write(sw_partial *p, sw_bytes bytes, sw_diag *diag)
{
    if (bytes.len > p->want.size_bytes - p->bytes) {
        SW_TRY(sw_partial_reset(p, diag)); /* whoever sends too much has sent nonsense */
        return sw_fail(diag, SW_INVALID, SW_NO_OFFSET,
                       "the registry sends more than %" PRIu64 " bytes", p->want.size_bytes);
    }
    while (bytes.len != 0) {
        ssize_t n = pwrite(p->fd, bytes.ptr, bytes.len, (off_t)p->bytes);
        if (n < 0 && errno != EINTR) {
            return fail_partial(p, diag);
        }
        size_t done = n < 0 ? 0 : (size_t)n;
        sw_sha256_write(&p->hash, sw_bytes_slice(bytes, 0, done));
        p->bytes += done;
        bytes = sw_bytes_slice(bytes, done, bytes.len - done);
    }
    return SW_OK;
}

sw_status sw_partial_reset(sw_partial *p, sw_diag *diag)
{
    if (ftruncate(p->fd, 0) != 0) {
        return fail_partial(p, diag);
    }
    p->bytes = 0;
    sw_sha256_init(&p->hash, has_sha());
    return SW_OK;
}

static sw_status move_in(const sw_partial *p, const char *path, sw_diag *diag)
{
    char blob[SW_STORE_PATH_MAX];
    sw_store_blob_path(p->store, &p->want.digest, blob);
    if (fdatasync(p->fd) != 0 || rename(path, blob) != 0) {
        return fail_partial(p, diag);
    }
    return SW_OK;
}

sw_status sw_partial_finish(sw_partial *p, sw_diag *diag)
{
    char path[SW_STORE_PATH_MAX], wanted[SW_DIGEST_TEXT + 1], text[SW_DIGEST_TEXT + 1];
    sw_digest found;
    sw_status st;
    hex_path(p->store, "partial", &p->want.digest, path);
    sw_sha256_finish(&p->hash, found.bytes);
    if (p->bytes == p->want.size_bytes && sw_digest_eq(&found, &p->want.digest)) {
        st = move_in(p, path, diag);
    } else {
        (void)unlink(path);
        sw_digest_print(&p->want.digest, wanted);
        sw_digest_print(&found, text);
        st = sw_fail(diag, SW_INVALID, SW_NO_OFFSET,
                     "wrong digest: wanted %s (%" PRIu64 " bytes), got %s (%" PRIu64 " bytes)",
                     wanted, p->want.size_bytes, text, p->bytes);
    }
    sw_partial_close(p);
    return st;
}

void sw_partial_close(sw_partial *p)
{
    char path[SW_STORE_PATH_MAX];
    if (p->fd >= 0 && p->bytes == 0) {
        hex_path(p->store, "partial", &p->want.digest, path);
        (void)unlink(path);
    }
    sw_fd_close(p->fd);
    p->fd = -1;
}
