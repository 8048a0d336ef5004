#include "run/cache.h"

#include "base/sha256.h"
#include "base/vec.h"
#include "os/clock.h"
#include "os/cpu.h"
#include "os/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_MAX_BYTES (UINT64_C(1) << 30)
#define NAME_BYTES        (2 * SW_SHA256_BYTES + 1)
#define TEMP_PREFIX       "new-"

/* A file that is being written this long has lost its writer. */
#define TEMP_AGE_S 3600

/* An entry's time of use is not written more often than this. */
#define TOUCH_AGE_S 60

struct sw_cache {
    int dir; /* owned */
    uint64_t max_bytes;
};

/* ---- The directory --------------------------------------------------------------------------- */

static sw_status open_dir(const char *dir, sw_diag *diag, int *ret_fd)
{
    SW_TRY(sw_dir_make(dir, 0700, diag));
    SW_AUTO(sw_fd_close) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        return sw_fail(diag, SW_IO, SW_NO_OFFSET, "%s: %m", dir);
    }
    if (st.st_uid != geteuid() || (st.st_mode & 022) != 0) {
        return sw_fail(diag, SW_DENIED, SW_NO_OFFSET,
                       "%s: a cache directory must be yours and writable by you alone", dir);
    }
    *ret_fd = fd;
    fd = -1;
    return SW_OK;
}

sw_status sw_cache_open(const char *dir, uint64_t max_bytes, sw_diag *diag, sw_cache **ret_cache)
{
    SW_AUTO(sw_fd_close) int fd = -1;
    SW_TRY(open_dir(dir, diag, &fd));
    sw_cache *c = sw_alloc(NULL, sizeof(*c));
    if (c == NULL) {
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "compile cache");
    }
    c->dir = fd;
    c->max_bytes = max_bytes == 0 ? DEFAULT_MAX_BYTES : max_bytes;
    fd = -1;
    *ret_cache = c;
    return SW_OK;
}

void sw_cache_close(sw_cache *c)
{
    if (c != NULL) {
        sw_fd_close(c->dir);
        sw_free(NULL, c, sizeof(*c));
    }
}

/* ---- Keys ------------------------------------------------------------------------------------ */

sw_cache_key sw_cache_key_of(sw_bytes input)
{
    sw_cache_key key;
    sw_sha256 s;
    sw_sha256_init(&s, (sw_cpu_features() & SW_CPU_SHA) != 0);
    sw_sha256_write(&s, (sw_bytes){SW_BUILD_HASH, SW_BUILD_HASH_BYTES});
    sw_sha256_write(&s, input);
    sw_sha256_finish(&s, key.bytes);
    return key;
}

/* ---- Finding --------------------------------------------------------------------------------- */

static void touch(int fd, const struct stat *st)
{
    uint64_t now_s = sw_clock_realtime_ns() / SW_NS_PER_S;
    if ((uint64_t)st->st_mtime + TOUCH_AGE_S < now_s) {
        (void)futimens(fd, NULL);
    }
}

static bool is_ours(const struct stat *st)
{
    return S_ISREG(st->st_mode) && st->st_uid == geteuid() && (st->st_mode & 022) == 0;
}

sw_status sw_cache_find(sw_cache *c, const sw_cache_key *key, sw_image_file *ret_file)
{
    char name[NAME_BYTES];
    sw_sha256_hex(key->bytes, name);
    SW_AUTO(sw_fd_close) int fd =
        openat(c->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0) {
        if (errno == ELOOP) {
            (void)unlinkat(c->dir, name, 0);
        }
        return SW_NOT_FOUND;
    }
    if (fstat(fd, &st) != 0 || !is_ours(&st) ||
        sw_image_file_open(fd, (uint64_t)st.st_size, true, NULL, ret_file) != SW_OK) {
        (void)unlinkat(c->dir, name, 0);
        return SW_NOT_FOUND;
    }
    touch(fd, &st);
    fd = -1;
    return SW_OK;
}

/* ---- Making room ----------------------------------------------------------------------------- */

typedef struct entry {
    char name[NAME_BYTES];
    int64_t used_s;
    uint64_t size_bytes;
} entry;

typedef SW_VEC(entry) entry_list;

static int by_use(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    return (x->used_s > y->used_s) - (x->used_s < y->used_s);
}

static bool is_key(const char *name)
{
    return strlen(name) == NAME_BYTES - 1 && strspn(name, "0123456789abcdef") == NAME_BYTES - 1;
}

/* Adds one name of the directory to the list, if it is an entry; removes what a writer that is no
 * more has left. */
static sw_status look_at(const sw_cache *c, const char *name, int64_t now_s, entry_list *list)
{
    struct stat st;
    if (fstatat(c->dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return SW_OK;
    }
    if (strncmp(name, TEMP_PREFIX, sizeof(TEMP_PREFIX) - 1) == 0 &&
        st.st_mtime + TEMP_AGE_S < now_s) {
        (void)unlinkat(c->dir, name, 0);
    }
    if (!is_key(name) || !S_ISREG(st.st_mode)) {
        return SW_OK;
    }
    entry e = {.used_s = st.st_mtime, .size_bytes = (uint64_t)st.st_size};
    memcpy(e.name, name, NAME_BYTES);
    return sw_vec_push(list, e);
}

static sw_status list_entries(const sw_cache *c, entry_list *list)
{
    int fd = openat(c->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (d == NULL) {
        sw_fd_close(fd);
        return SW_IO;
    }
    int64_t now_s = (int64_t)(sw_clock_realtime_ns() / SW_NS_PER_S);
    sw_status st = SW_OK;
    const struct dirent *next;
    while (st == SW_OK && (next = readdir(d)) != NULL) {
        st = look_at(c, next->d_name, now_s, list);
    }
    (void)closedir(d);
    return st;
}

/* Removes the entries used longest ago until there is room for size_bytes more. Another process may
 * be doing the same: that an entry is gone already is fine. */
static void make_room(const sw_cache *c, uint64_t size_bytes)
{
    entry_list list = {};
    uint64_t sum = size_bytes;
    if (list_entries(c, &list) == SW_OK) {
        for (size_t i = 0; i < list.count; i++) {
            sum += list.at[i].size_bytes;
        }
        if (sum > c->max_bytes) {
            qsort(list.at, list.count, sizeof(*list.at), by_use);
        }
        for (size_t i = 0; i < list.count && sum > c->max_bytes; i++) {
            (void)unlinkat(c->dir, list.at[i].name, 0);
            sum -= list.at[i].size_bytes;
        }
    }
    sw_vec_clear(&list);
}

/* ---- Storing --------------------------------------------------------------------------------- */

static sw_status fail_errno(sw_diag *diag)
{
    return sw_fail(diag, SW_IO, SW_NO_OFFSET, "compile cache: %m");
}

static sw_status write_temp(const sw_cache *c, const char *temp, sw_bytes file, sw_diag *diag,
                            int *ret_fd)
{
    SW_AUTO(sw_fd_close) int fd =
        openat(c->dir, temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fail_errno(diag);
    }
    if (!sw_fd_write(fd, file)) {
        sw_status st = fail_errno(diag);
        (void)unlinkat(c->dir, temp, 0);
        return st;
    }
    *ret_fd = fd;
    fd = -1;
    return SW_OK;
}

sw_status sw_cache_store(sw_cache *c, const sw_cache_key *key, sw_bytes file, sw_diag *diag,
                         sw_image_file *ret_file)
{
    static atomic_uint counter;
    char name[NAME_BYTES];
    char temp[64];
    if (file.len > c->max_bytes) {
        return sw_fail(diag, SW_LIMIT, SW_NO_OFFSET, "compile cache: larger than the whole cache");
    }
    make_room(c, file.len);
    sw_sha256_hex(key->bytes, name);
    (void)snprintf(temp, sizeof(temp), TEMP_PREFIX "%ld-%u", (long)getpid(),
                   atomic_fetch_add(&counter, 1));
    SW_AUTO(sw_fd_close) int fd = -1;
    SW_TRY(write_temp(c, temp, file, diag, &fd));
    if (renameat(c->dir, temp, c->dir, name) != 0) {
        sw_status st = fail_errno(diag);
        (void)unlinkat(c->dir, temp, 0);
        return st;
    }
    SW_TRY(sw_image_file_open(fd, file.len, false, diag, ret_file));
    fd = -1;
    return SW_OK;
}
