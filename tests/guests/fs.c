/* File operations by name: "fs OPERATION PATH [MORE] , OPERATION PATH ...". Commands are separated
 * by an argument "," and run in turn; each prints what it did. The first failure ends the guest
 * with 1. */
#include "guest.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

typedef struct operation {
    const char *name;
    int arguments;
    void (*run)(char **arguments);
} operation;

static void check(int result, const char *what)
{
    if (result < 0) {
        guest_fail(what);
    }
}

static int open_or_fail(const char *path, int flags)
{
    int fd = open(path, flags, 0666);
    check(fd, path);
    return fd;
}

static void put(int fd, const char *path, const char *text)
{
    ssize_t size = (ssize_t)strlen(text);
    if (write(fd, text, (size_t)size) != size) {
        guest_fail(path);
    }
    check(close(fd), path);
}

static void run_write(char **a)
{
    put(open_or_fail(a[0], O_WRONLY | O_CREAT | O_TRUNC), a[0], a[1]);
    printf("wrote %s\n", a[0]);
}

static void run_append(char **a)
{
    put(open_or_fail(a[0], O_WRONLY | O_APPEND), a[0], a[1]);
    printf("appended %s\n", a[0]);
}

static void run_create_new(char **a)
{
    put(open_or_fail(a[0], O_WRONLY | O_CREAT | O_EXCL), a[0], "");
    printf("created %s\n", a[0]);
}

static void run_read(char **a)
{
    char buffer[512];
    int fd = open_or_fail(a[0], O_RDONLY);
    ssize_t got;
    printf("%s [", a[0]);
    while ((got = read(fd, buffer, sizeof buffer)) > 0) {
        fwrite(buffer, 1, (size_t)got, stdout);
    }
    puts("]");
    check((int)got, a[0]);
    check(close(fd), a[0]);
}

static int by_name(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Lists a folder in the order of names; a folder's name ends with a slash, a link's with an @. */
static void run_list(char **a)
{
    char *names[2000];
    size_t count = 0;
    DIR *folder = opendir(a[0]);
    if (!folder) {
        guest_fail(a[0]);
    }
    struct dirent *entry;
    errno = 0;
    while (count < 2000 && (entry = readdir(folder))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        const char *mark = entry->d_type == DT_DIR ? "/" : entry->d_type == DT_LNK ? "@" : "";
        size_t size = strlen(entry->d_name) + 2;
        names[count] = malloc(size);
        snprintf(names[count++], size, "%s%s", entry->d_name, mark);
    }
    closedir(folder);
    qsort(names, count, sizeof names[0], by_name);
    printf("%s has %zu:", a[0], count);
    for (size_t i = 0; i < count; i++) {
        printf(" %s", names[i]);
    }
    puts("");
}

static void print_stat(const char *path, const struct stat *info)
{
    const char *kind = S_ISDIR(info->st_mode)   ? "folder"
                       : S_ISREG(info->st_mode) ? "file"
                       : S_ISLNK(info->st_mode) ? "link"
                                                : "other";
    printf("%s is a %s", path, kind);
    if (S_ISREG(info->st_mode)) {
        printf(" of %lld bytes", (long long)info->st_size);
    }
    puts("");
}

static void run_stat(char **a)
{
    struct stat info;
    check(stat(a[0], &info), a[0]);
    print_stat(a[0], &info);
}

static void run_lstat(char **a)
{
    struct stat info;
    check(lstat(a[0], &info), a[0]);
    print_stat(a[0], &info);
}

static void run_mkdir(char **a)
{
    check(mkdir(a[0], 0777), a[0]);
    printf("made %s\n", a[0]);
}

static void run_rmdir(char **a)
{
    check(rmdir(a[0]), a[0]);
    printf("removed %s\n", a[0]);
}

static void run_unlink(char **a)
{
    check(unlink(a[0]), a[0]);
    printf("removed %s\n", a[0]);
}

static void run_rename(char **a)
{
    check(rename(a[0], a[1]), a[0]);
    printf("renamed %s to %s\n", a[0], a[1]);
}

static void run_link(char **a)
{
    check(link(a[0], a[1]), a[0]);
    printf("linked %s to %s\n", a[1], a[0]);
}

static void run_symlink(char **a)
{
    check(symlink(a[0], a[1]), a[1]);
    printf("%s points to %s\n", a[1], a[0]);
}

static void run_readlink(char **a)
{
    char target[256];
    ssize_t size = readlink(a[0], target, sizeof target);
    check((int)size, a[0]);
    printf("%s points to %.*s\n", a[0], (int)size, target);
}

static void run_truncate(char **a)
{
    int fd = open_or_fail(a[0], O_WRONLY);
    check(ftruncate(fd, atoll(a[1])), a[0]);
    check(close(fd), a[0]);
    printf("cut %s\n", a[0]);
}

/* Seeks in all three ways, reads and writes at places, and comes back to where it was. */
static void run_seek(char **a)
{
    char two[3] = "";
    int fd = open_or_fail(a[0], O_RDWR | O_CREAT | O_TRUNC);
    if (write(fd, "0123456789", 10) != 10) {
        guest_fail(a[0]);
    }
    printf("%lld", (long long)lseek(fd, 3, SEEK_SET));
    printf(" %lld", (long long)lseek(fd, 2, SEEK_CUR));
    printf(" %lld", (long long)lseek(fd, -1, SEEK_END));
    printf(" %s", lseek(fd, -1, SEEK_SET) < 0 ? guest_errno_name(errno) : "no error");
    if (pread(fd, two, 2, 4) != 2) {
        guest_fail("pread");
    }
    printf(" %s", two);
    if (pwrite(fd, "ab", 2, 12) != 2) {
        guest_fail("pwrite");
    }
    printf(" %lld", (long long)lseek(fd, 0, SEEK_CUR));
    printf(" %lld\n", (long long)lseek(fd, 0, SEEK_END));
    check(close(fd), a[0]);
}

static void run_times(char **a)
{
    struct stat info;
    struct timespec times[2] = {
        {1000,       5},
        {2000000000, 7}
    };
    check(utimensat(AT_FDCWD, a[0], times, 0), a[0]);
    check(stat(a[0], &info), a[0]);
    printf("%lld.%ld %lld.%ld\n", (long long)info.st_atim.tv_sec, info.st_atim.tv_nsec,
           (long long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
}

/* Makes many files, so that a folder takes more than one buffer to read. */
static void run_many(char **a)
{
    int count = atoi(a[1]);
    for (int i = 0; i < count; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/file-with-a-longer-name-%05d", a[0], i);
        check(close(open_or_fail(path, O_WRONLY | O_CREAT)), path);
    }
    printf("made %d\n", count);
}

static void run_count(char **a)
{
    int count = 0;
    DIR *folder = opendir(a[0]);
    if (!folder) {
        guest_fail(a[0]);
    }
    for (struct dirent *entry; (entry = readdir(folder));) {
        count += entry->d_name[0] != '.';
    }
    closedir(folder);
    printf("%d entries\n", count);
}

static void run_sync(char **a)
{
    int fd = open_or_fail(a[0], O_RDWR);
    check(fdatasync(fd), a[0]);
    check(fsync(fd), a[0]);
    check(close(fd), a[0]);
    printf("synced %s\n", a[0]);
}

static const operation operations[] = {
    {"write",      2, run_write     },
    {"append",     2, run_append    },
    {"create-new", 1, run_create_new},
    {"read",       1, run_read      },
    {"list",       1, run_list      },
    {"stat",       1, run_stat      },
    {"lstat",      1, run_lstat     },
    {"mkdir",      1, run_mkdir     },
    {"rmdir",      1, run_rmdir     },
    {"unlink",     1, run_unlink    },
    {"rename",     2, run_rename    },
    {"link",       2, run_link      },
    {"symlink",    2, run_symlink   },
    {"readlink",   1, run_readlink  },
    {"truncate",   2, run_truncate  },
    {"seek",       1, run_seek      },
    {"times",      1, run_times     },
    {"many",       2, run_many      },
    {"count",      1, run_count     },
    {"sync",       1, run_sync      },
};

static const operation *find(const char *name)
{
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        if (strcmp(operations[i].name, name) == 0) {
            return &operations[i];
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], ",") == 0) {
            continue;
        }
        const operation *found = find(argv[i]);
        if (!found || i + found->arguments >= argc) {
            printf("fs: cannot run '%s'\n", argv[i]);
            return 2;
        }
        found->run(&argv[i + 1]);
        fflush(stdout);
        i += found->arguments;
    }
    return 0;
}
