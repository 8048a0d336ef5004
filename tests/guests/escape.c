/* Tries to leave the one folder it was granted, which is open as descriptor 3, by every way a path
 * can lead out. The calls are those of WASI itself, so no C library tidies the paths up first.
 * Around the folder the test lays out: ../secret, and within it the links "abs" (absolute, to the
 * secret), "rel"
 * (../secret), "up" (..) and "in" (to the file "inside", which must stay reachable). */
#include <stdio.h>
#include <string.h>
#include <wasi/api.h>

enum { GRANTED = 3 };

static int escapes;

static void report(const char *what, const char *path, __wasi_errno_t error)
{
    printf("%s %s: %s\n", what, path, error ? "refused" : "ESCAPED");
    escapes += error == 0;
}

static __wasi_errno_t try_open(const char *path, __wasi_oflags_t flags, __wasi_rights_t rights)
{
    __wasi_fd_t fd;
    __wasi_errno_t error = __wasi_path_open(GRANTED, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, path, flags,
                                            rights, rights, 0, &fd);
    if (!error) {
        (void)__wasi_fd_close(fd);
    }
    return error;
}

static void try_paths(void)
{
    static const char *const paths[] = {
        "../secret",
        "./../secret",
        "folder/../../secret",
        "folder/../../granted/../secret",
        "/secret",
        "/etc/passwd",
        "//etc/passwd",
        "..",
        "abs",
        "rel",
        "up/secret",
        "up",
        "up/granted/../secret",
        "folder/./.././../secret",
        "folder/../..",
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        report("open", paths[i], try_open(paths[i], 0, __WASI_RIGHTS_FD_READ));
    }
    report("create", "../made", try_open("../made", __WASI_OFLAGS_CREAT, __WASI_RIGHTS_FD_WRITE));
    report("create", "up/made", try_open("up/made", __WASI_OFLAGS_CREAT, __WASI_RIGHTS_FD_WRITE));
    report("open folder", "../granted", try_open("../granted", __WASI_OFLAGS_DIRECTORY, 0));
    report("open folder", "up", try_open("up", __WASI_OFLAGS_DIRECTORY, 0));
}

static void try_calls(void)
{
    __wasi_filestat_t stat;
    __wasi_size_t used;
    uint8_t buffer[16];

    report("stat", "../secret", __wasi_path_filestat_get(GRANTED, 1, "../secret", &stat));
    report("stat", "rel", __wasi_path_filestat_get(GRANTED, 1, "rel", &stat));
    report("set times", "rel", __wasi_path_filestat_set_times(GRANTED, 1, "rel", 0, 0, 5));
    report("make folder", "../made", __wasi_path_create_directory(GRANTED, "../made"));
    report("make folder", "up/made", __wasi_path_create_directory(GRANTED, "up/made"));
    report("unlink", "../secret", __wasi_path_unlink_file(GRANTED, "../secret"));
    report("unlink", "up/secret", __wasi_path_unlink_file(GRANTED, "up/secret"));
    report("remove folder", "../empty", __wasi_path_remove_directory(GRANTED, "../empty"));
    report("rename out", "../made", __wasi_path_rename(GRANTED, "inside", GRANTED, "../made"));
    report("rename out", "up/made", __wasi_path_rename(GRANTED, "inside", GRANTED, "up/made"));
    report("rename in", "../secret", __wasi_path_rename(GRANTED, "../secret", GRANTED, "got"));
    report("link in", "../secret", __wasi_path_link(GRANTED, 0, "../secret", GRANTED, "got"));
    report("link in", "rel", __wasi_path_link(GRANTED, 1, "rel", GRANTED, "got"));
    report("link out", "../made", __wasi_path_link(GRANTED, 0, "inside", GRANTED, "../made"));
    report("symlink", "/etc", __wasi_path_symlink("/etc", GRANTED, "made"));
    report("symlink out", "../made", __wasi_path_symlink("inside", GRANTED, "../made"));
    report("read link", "up/granted/rel",
           __wasi_path_readlink(GRANTED, "up/granted/rel", buffer, sizeof buffer, &used));
}

/* A folder opened inside must not lead out either, not even to the folder it was opened from. */
static void try_from_below(void)
{
    __wasi_fd_t below, fd;
    __wasi_rights_t all = __WASI_RIGHTS_PATH_OPEN | __WASI_RIGHTS_FD_READ;
    __wasi_errno_t error =
        __wasi_path_open(GRANTED, 0, "folder", __WASI_OFLAGS_DIRECTORY, all, all, 0, &below);
    if (error) {
        puts("folder: not opened");
        escapes++;
        return;
    }
    report("from below", "../inside", __wasi_path_open(below, 1, "../inside", 0, 0, 0, 0, &fd));
    report("from below", "../../secret",
           __wasi_path_open(below, 1, "../../secret", 0, 0, 0, 0, &fd));
}

/* What stays inside must work: links and dots are not forbidden as such. */
static void try_inside(void)
{
    static const char *const paths[] = {"inside", "./inside", "folder/../inside", "in"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        __wasi_errno_t error = try_open(paths[i], 0, __WASI_RIGHTS_FD_READ);
        printf("inside %s: %s\n", paths[i], error ? "REFUSED" : "open");
        escapes += error != 0;
    }
}

int main(void)
{
    try_inside();
    try_paths();
    try_calls();
    try_from_below();
    printf("%d wrong\n", escapes);
    return escapes != 0;
}
