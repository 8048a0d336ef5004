/* Clearing out the content store. */
#include "registry/store.h"

#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PARTIAL_SECONDS = 24 * 3600 };

typedef struct entry {
    char name[SW_DIGEST_HEX + 1];
    uint64_t size_bytes;
    struct timespec used;
} entry;

typedef struct listing {
    SW_VEC(entry) entries;
    uint64_t total_bytes;
} listing;

static int by_use(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->used.tv_sec != y->used.tv_sec) {
        return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
    }
    return (x->used.tv_nsec > y->used.tv_nsec) - (x->used.tv_nsec < y->used.tv_nsec);
}

/* Files with the names of digests; what else may lie there is not ours. */
static sw_status list(const char *folder, listing *l, sw_diag *diag)
{
    DIR *dir = opendir(folder);
    sw_status st = SW_OK;
    if (dir == NULL) {
        return sw_fail(diag, SW_IO, SW_NO_OFFSET, "%s: %m", folder);
    }
    for (struct dirent *d = readdir(dir); d != NULL && st == SW_OK; d = readdir(dir)) {
        struct stat s;
        entry e = {};
        if (strlen(d->d_name) == SW_DIGEST_HEX &&
            fstatat(dirfd(dir), d->d_name, &s, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(s.st_mode)) {
            memcpy(e.name, d->d_name, SW_DIGEST_HEX);
            e.size_bytes = (uint64_t)s.st_size;
            e.used = s.st_mtim;
            l->total_bytes += e.size_bytes;
            st = sw_vec_push(&l->entries, e);
        }
    }
    (void)closedir(dir);
    return st;
}

static bool remove_in(const char *folder, const char *name)
{
    char path[SW_STORE_PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/%s", folder, name);
    return len < (int)sizeof path && unlink(path) == 0;
}

static sw_status collect_blobs(const sw_store_dir *s, sw_diag *diag, uint64_t *ret_removed)
{
    char folder[SW_STORE_PATH_MAX];
    listing l = {};
    (void)snprintf(folder, sizeof folder, "%s/blobs/sha256", s->path);
    sw_status st = list(folder, &l, diag);
    if (st == SW_OK && l.total_bytes > s->max_bytes) {
        qsort(l.entries.at, l.entries.count, sizeof(entry), by_use);
        uint64_t left = l.total_bytes;
        for (size_t i = 0; i < l.entries.count && left > s->max_bytes / 4 * 3; i++) {
            if (remove_in(folder, l.entries.at[i].name)) {
                left -= l.entries.at[i].size_bytes;
            }
        }
        *ret_removed = l.total_bytes - left;
    }
    sw_vec_clear(&l.entries);
    return st;
}

static sw_status collect_partial(const sw_store_dir *s, sw_diag *diag)
{
    char folder[SW_STORE_PATH_MAX];
    listing l = {};
    (void)snprintf(folder, sizeof folder, "%s/partial", s->path);
    sw_status st = list(folder, &l, diag);
    time_t now = time(NULL);
    for (size_t i = 0; i < l.entries.count && st == SW_OK; i++) {
        if (now - l.entries.at[i].used.tv_sec > PARTIAL_SECONDS) {
            (void)remove_in(folder, l.entries.at[i].name);
        }
    }
    sw_vec_clear(&l.entries);
    return st;
}

sw_status sw_store_collect(sw_store_dir *s, sw_diag *diag, uint64_t *ret_removed_bytes)
{
    uint64_t removed = 0;
    sw_status st = SW_OK;
    /* To go from shared to exclusive gives the lock up in between; that is fine here. */
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0) {
        st = collect_blobs(s, diag, &removed);
        st = st != SW_OK ? st : collect_partial(s, diag);
    }
    while (flock(s->lock_fd, LOCK_SH) != 0) {
        if (errno != EINTR) {
            return sw_fail(diag, SW_IO, SW_NO_OFFSET, "%s/lock: %m", s->path);
        }
    }
    if (ret_removed_bytes != NULL) {
        *ret_removed_bytes = removed;
    }
    return st;
}
