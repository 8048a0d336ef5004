/*
 * Files beneath a directory: each way out of it that a path, a link or a rename could be.
 *
 * The tree of every test:
 *     outside/secret          what must not be reached
 *     inside/                 the directory under test
 *         file  "inside"      dir/deep  "deep"
 *         up -> ..            abs -> /etc       out -> ../outside/secret
 *         link -> file        dirlink -> dir    loop -> loop
 */
#include "wasi/core/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct tree {
    char path[64];
    int root; /* of all */
    int fd;   /* of inside */
} tree;

static void write_file(int dir, const char *name, const char *text)
{
    int fd = openat(dir, name, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
}

static int setup(void **state)
{
    static tree t;
    (void)snprintf(t.path, sizeof t.path, "/tmp/swell-fs-XXXXXX");
    assert_non_null(mkdtemp(t.path));
    t.root = open(t.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkdirat(t.root, "outside", 0700), 0);
    assert_int_equal(mkdirat(t.root, "inside", 0700), 0);
    assert_int_equal(mkdirat(t.root, "inside/dir", 0700), 0);
    write_file(t.root, "outside/secret", "secret");
    write_file(t.root, "inside/file", "inside");
    write_file(t.root, "inside/dir/deep", "deep");
    assert_int_equal(symlinkat("..", t.root, "inside/up"), 0);
    assert_int_equal(symlinkat("/etc", t.root, "inside/abs"), 0);
    assert_int_equal(symlinkat("../outside/secret", t.root, "inside/out"), 0);
    assert_int_equal(symlinkat("file", t.root, "inside/link"), 0);
    assert_int_equal(symlinkat("dir", t.root, "inside/dirlink"), 0);
    assert_int_equal(symlinkat("loop", t.root, "inside/loop"), 0);
    t.fd = openat(t.root, "inside", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(t.root >= 0 && t.fd >= 0);
    *state = &t;
    return 0;
}

static int teardown(void **state)
{
    const tree *t = *state;
    char command[128];
    assert_int_equal(close(t->fd), 0);
    assert_int_equal(close(t->root), 0);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", t->path);
    return system(command) == 0 ? 0 : -1;
}

typedef struct open_case {
    const char *path;
    int flags;
    int err;
} open_case;

static const open_case OPENS[] = {
    {"file",                     O_RDONLY,               0      },
    {"./file",                   O_RDONLY,               0      },
    {"dir/../file",              O_RDONLY,               0      },
    {"link",                     O_RDONLY,               0      },
    {"dirlink/deep",             O_RDONLY,               0      },
    {".",                        O_RDONLY | O_DIRECTORY, 0      },
    {"dir/..",                   O_RDONLY | O_DIRECTORY, 0      },
    {"link",                     O_RDONLY | O_NOFOLLOW,  ELOOP  },
    {"loop",                     O_RDONLY,               ELOOP  },
    {"..",                       O_RDONLY | O_DIRECTORY, EPERM  },
    {"../outside/secret",        O_RDONLY,               EPERM  },
    {"dir/../../outside/secret", O_RDONLY,               EPERM  },
    {"/etc/passwd",              O_RDONLY,               EPERM  },
    {"/",                        O_RDONLY | O_DIRECTORY, EPERM  },
    {"//file",                   O_RDONLY,               EPERM  },
    {"up/outside/secret",        O_RDONLY,               EPERM  },
    {"up",                       O_RDONLY | O_DIRECTORY, EPERM  },
    {"abs/passwd",               O_RDONLY,               EPERM  },
    {"out",                      O_RDONLY,               EPERM  },
    {"out",                      O_WRONLY | O_TRUNC,     EPERM  },
    {"out",                      O_WRONLY | O_CREAT,     EPERM  },
    {"../new",                   O_WRONLY | O_CREAT,     EPERM  },
    {"file/",                    O_RDONLY,               ENOTDIR},
    {"file/x",                   O_RDONLY,               ENOTDIR},
    {"nothing",                  O_RDONLY,               ENOENT },
    {"",                         O_RDONLY,               ENOENT },
};

static void paths_stay_beneath(void **state)
{
    const tree *t = *state;
    for (size_t i = 0; i < SW_COUNTOF(OPENS); i++) {
        int fd = -1;
        int err = sw_fs_open(t->fd, sw_str_of(OPENS[i].path), OPENS[i].flags, 0600, &fd);
        if (err != OPENS[i].err) {
            fail_msg("open '%s': %s, expected %s", OPENS[i].path, strerror(err),
                     strerror(OPENS[i].err));
        }
        if (err == 0) {
            assert_int_equal(close(fd), 0);
        }
    }
}

static void a_nul_inside_is_refused(void **state)
{
    const tree *t = *state;
    int fd;
    assert_int_equal(sw_fs_open(t->fd, (sw_str){"file\0x", 6}, O_RDONLY, 0, &fd), EINVAL);
}

static void long_paths_are_refused(void **state)
{
    const tree *t = *state;
    static char path[5000];
    int fd;
    memset(path, 'a', sizeof path);
    assert_int_equal(sw_fs_open(t->fd, (sw_str){path, sizeof path}, O_RDONLY, 0, &fd),
                     ENAMETOOLONG);
    assert_int_equal(sw_fs_unlink(t->fd, (sw_str){path, 300}), ENAMETOOLONG);
}

/* Operations on a name, by path: what each answers. */
typedef int name_fn(int dir_fd, sw_str path);

typedef struct name_case {
    name_fn *fn;
    const char *path;
    int err;
} name_case;

static const name_case NAMES[] = {
    {sw_fs_unlink, "../outside/secret", EPERM    },
    {sw_fs_unlink, "up/outside/secret", EPERM    },
    {sw_fs_unlink, "dir",               EISDIR   },
    {sw_fs_unlink, "file/",             ENOTDIR  },
    {sw_fs_unlink, "..",                EINVAL   },
    {sw_fs_unlink, "/",                 EPERM    },
    {sw_fs_unlink, "out",               0        }, /* the link, not what it names */
    {sw_fs_rmdir,  "../outside",        EPERM    },
    {sw_fs_rmdir,  "dir",               ENOTEMPTY},
    {sw_fs_rmdir,  "file",              ENOTDIR  },
    {sw_fs_rmdir,  "dirlink",           ENOTDIR  },
    {sw_fs_rmdir,  ".",                 EINVAL   },
    {sw_fs_mkdir,  "../new",            EPERM    },
    {sw_fs_mkdir,  "abs/new",           EPERM    },
    {sw_fs_mkdir,  "dir",               EEXIST   },
    {sw_fs_mkdir,  "..",                EEXIST   },
    {sw_fs_mkdir,  "made/",             0        },
};

static void names_stay_beneath(void **state)
{
    const tree *t = *state;
    for (size_t i = 0; i < SW_COUNTOF(NAMES); i++) {
        int err = NAMES[i].fn(t->fd, sw_str_of(NAMES[i].path));
        if (err != NAMES[i].err) {
            fail_msg("row %zu '%s': %s, expected %s", i, NAMES[i].path, strerror(err),
                     strerror(NAMES[i].err));
        }
    }
    assert_int_equal(faccessat(t->root, "outside/secret", F_OK, 0), 0);
    assert_int_equal(faccessat(t->root, "inside/made", F_OK, 0), 0);
}

static void renames_and_links_stay_beneath(void **state)
{
    const tree *t = *state;
    int fd = t->fd;
    assert_int_equal(sw_fs_rename(fd, SW_STR("file"), fd, SW_STR("../stolen")), EPERM);
    assert_int_equal(sw_fs_rename(fd, SW_STR("../outside/secret"), fd, SW_STR("x")), EPERM);
    assert_int_equal(sw_fs_rename(fd, SW_STR("file/"), fd, SW_STR("x")), ENOTDIR);
    assert_int_equal(sw_fs_rename(fd, SW_STR("file"), fd, SW_STR("x/")), ENOTDIR);
    assert_int_equal(sw_fs_rename(fd, SW_STR("dir"), fd, SW_STR("moved/")), 0);
    assert_int_equal(sw_fs_link(fd, SW_STR("up/outside/secret"), fd, SW_STR("x")), EPERM);
    assert_int_equal(sw_fs_link(fd, SW_STR("file"), fd, SW_STR("../x")), EPERM);
    assert_int_equal(sw_fs_link(fd, SW_STR("file"), fd, SW_STR("hard")), 0);
    /* A hard link to a symbolic link names the link. */
    assert_int_equal(sw_fs_link(fd, SW_STR("out"), fd, SW_STR("out2")), 0);
    int opened;
    assert_int_equal(sw_fs_open(fd, SW_STR("out2"), O_RDONLY, 0, &opened), EPERM);
}

static void links_tell_nothing_of_the_host(void **state)
{
    const tree *t = *state;
    char out[64];
    size_t len;
    assert_int_equal(sw_fs_readlink(t->fd, SW_STR("link"), out, sizeof out, &len), 0);
    assert_int_equal(len, 4);
    assert_memory_equal(out, "file", 4);
    assert_int_equal(sw_fs_readlink(t->fd, SW_STR("link"), out, 2, &len), 0);
    assert_int_equal(len, 2);
    assert_int_equal(sw_fs_readlink(t->fd, SW_STR("abs"), out, sizeof out, &len), EPERM);
    assert_int_equal(sw_fs_readlink(t->fd, SW_STR("file"), out, sizeof out, &len), EINVAL);
    assert_int_equal(sw_fs_symlink(SW_STR("/etc"), t->fd, SW_STR("new")), EPERM);
    assert_int_equal(sw_fs_symlink(SW_STR("x"), t->fd, SW_STR("../new")), EPERM);
    assert_int_equal(sw_fs_symlink(SW_STR("../.."), t->fd, SW_STR("new")), 0);
    struct stat st;
    assert_int_equal(sw_fs_stat(t->fd, SW_STR("new"), true, &st), EPERM);
    assert_int_equal(sw_fs_stat(t->fd, SW_STR("new"), false, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
}

static void times_are_set_where_asked(void **state)
{
    const tree *t = *state;
    struct stat st;
    const struct timespec times[2] = {
        {.tv_sec = 1000},
        {.tv_sec = 2000, .tv_nsec = 7}
    };
    assert_int_equal(sw_fs_set_times(t->fd, SW_STR("link"), true, times), 0);
    assert_int_equal(sw_fs_stat(t->fd, SW_STR("file"), true, &st), 0);
    assert_int_equal(st.st_mtim.tv_sec, 2000);
    assert_int_equal(st.st_mtim.tv_nsec, 7);
    assert_int_equal(sw_fs_set_times(t->fd, SW_STR("out"), true, times), EPERM);
    assert_int_equal(sw_fs_set_times(t->fd, SW_STR("out"), false, times), 0);
    assert_int_equal(sw_fs_stat(t->fd, SW_STR("out"), false, &st), 0);
    assert_int_equal(st.st_mtim.tv_sec, 2000);
}

/* Every entry once, also when the reader is made anew at each cookie. */
static void directories_are_read_to_the_end(void **state)
{
    const tree *t = *state;
    static _Alignas(8) uint8_t buffer[SW_DIR_BUFFER_BYTES];
    int fd;
    char name[32];
    assert_int_equal(sw_fs_open(t->fd, SW_STR("dir"), O_RDONLY | O_DIRECTORY, 0, &fd), 0);
    for (int i = 0; i < 50; i++) {
        (void)snprintf(name, sizeof name, "f%d", i);
        write_file(fd, name, "");
    }
    size_t count = 0;
    uint64_t cookie = 0;
    bool end = false;
    while (!end) {
        sw_dir_reader r;
        sw_dirent d;
        assert_int_equal(sw_dir_reader_init(&r, fd, buffer, cookie), 0);
        assert_int_equal(sw_dir_reader_next(&r, &d, &end), 0);
        if (!end) {
            count++;
            cookie = d.next;
            struct stat st;
            assert_int_equal(fstat(fd, &st), 0);
            if (sw_str_eq(d.name, SW_STR(".."))) {
                assert_int_equal(d.inode, st.st_ino);
            }
        }
    }
    assert_int_equal(count, 50 + 1 + 2); /* the files, "deep", "." and ".." */
    assert_int_equal(close(fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(paths_stay_beneath, setup, teardown),
        cmocka_unit_test_setup_teardown(a_nul_inside_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(long_paths_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(names_stay_beneath, setup, teardown),
        cmocka_unit_test_setup_teardown(renames_and_links_stay_beneath, setup, teardown),
        cmocka_unit_test_setup_teardown(links_tell_nothing_of_the_host, setup, teardown),
        cmocka_unit_test_setup_teardown(times_are_set_where_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(directories_are_read_to_the_end, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
