/* The compile cache: found again, whole or not at all, private, bounded, shared by processes. */
#include "harness.h"

#include "run/cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char root[64];
static char dir[96];

static int setup(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof(root), "/tmp/swell-cache-test-XXXXXX");
    (void)snprintf(dir, sizeof(dir), "%s/a/b", mkdtemp(root) == NULL ? "/nonexistent" : root);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf %s", root);
    return system(command);
}

/* A file with one part of the given size. */
static sw_buf make_file(uint8_t fill, size_t size)
{
    sw_buf out;
    sw_image_file_writer w;
    sw_buf_init(&out, NULL, SIZE_MAX);
    sw_image_file_begin(&w, &out, SW_FILE_COMPONENT, 1);
    sw_image_file_part(&w, SW_PART_PLAN);
    for (size_t i = 0; i < size; i++) {
        sw_buf_u8(&out, fill);
    }
    assert_int_equal(sw_image_file_end(&w, NULL), SW_OK);
    return out;
}

static sw_cache *open_cache(uint64_t max_bytes)
{
    sw_cache *c;
    sw_diag diag = {};
    sw_status st = sw_cache_open(dir, max_bytes, &diag, &c);
    if (st != SW_OK) {
        print_error("%s\n", diag.text);
    }
    assert_int_equal(st, SW_OK);
    return c;
}

static void store(sw_cache *c, const char *input, uint8_t fill, size_t size)
{
    sw_cache_key key = sw_cache_key_of(sw_str_bytes(sw_str_of(input)));
    sw_buf file = make_file(fill, size);
    sw_image_file stored;
    assert_int_equal(sw_cache_store(c, &key, sw_buf_bytes(&file), NULL, &stored), SW_OK);
    assert_int_equal(sw_image_file_get(&stored, 0).ptr[size - 1], fill);
    sw_image_file_close(&stored);
    sw_buf_clear(&file);
}

/* The fill byte of the entry, or -1. */
static int find(sw_cache *c, const char *input)
{
    sw_cache_key key = sw_cache_key_of(sw_str_bytes(sw_str_of(input)));
    sw_image_file f;
    if (sw_cache_find(c, &key, &f) != SW_OK) {
        return -1;
    }
    int fill = sw_image_file_get(&f, 0).ptr[0];
    sw_image_file_close(&f);
    return fill;
}

static void entry_path(const char *input, char out[256])
{
    sw_cache_key key = sw_cache_key_of(sw_str_bytes(sw_str_of(input)));
    int len = snprintf(out, 256, "%s/", dir);
    for (size_t i = 0; i < sizeof(key.bytes); i++) {
        len += snprintf(out + len, 256 - (size_t)len, "%02x", key.bytes[i]);
    }
}

static unsigned count_files(void)
{
    unsigned count = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        count += e->d_name[0] != '.';
    }
    (void)closedir(d);
    return count;
}

static void test_find(void **state)
{
    (void)state;
    sw_cache *c = open_cache(0);
    struct stat st;
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(find(c, "x"), -1);
    store(c, "x", 1, 10);
    store(c, "y", 2, 100000);
    assert_int_equal(find(c, "x"), 1);
    assert_int_equal(find(c, "y"), 2);
    store(c, "x", 3, 10);
    assert_int_equal(find(c, "x"), 3);
    sw_cache_close(c);
    c = open_cache(0);
    assert_int_equal(find(c, "x"), 3);
    assert_int_equal(find(c, "z"), -1);
    assert_int_equal(count_files(), 2);
    char path[256];
    entry_path("x", path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    sw_cache_close(c);
    sw_cache_close(NULL);
}

static void damage(const char *path, off_t at, size_t truncate_to)
{
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    if (truncate_to != SIZE_MAX) {
        assert_int_equal(ftruncate(fd, (off_t)truncate_to), 0);
    } else {
        uint8_t byte;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    (void)close(fd);
}

/* A damaged entry is not found and removed. */
static void test_damage(void **state)
{
    (void)state;
    static const struct {
        off_t at;
        size_t truncate_to;
    } ROWS[] = {
        {0,    SIZE_MAX},
        {9,    SIZE_MAX},
        {20,   SIZE_MAX},
        {90,   SIZE_MAX},
        {5000, SIZE_MAX},
        {0,    0       },
        {0,    10      },
        {0,    4096    },
        {0,    8000    },
        {0,    20000   },
    };
    sw_cache *c = open_cache(0);
    char path[256];
    entry_path("x", path);
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        store(c, "x", 1, 10000);
        assert_int_equal(find(c, "x"), 1);
        damage(path, ROWS[i].at, ROWS[i].truncate_to);
        assert_int_equal(find(c, "x"), -1);
        assert_int_equal(access(path, F_OK), -1);
    }
    sw_cache_close(c);
}

/* Links, directories and pipes in the place of an entry are not followed. */
static void test_impostors(void **state)
{
    (void)state;
    sw_cache *c = open_cache(0);
    char path[256], other[256];
    entry_path("x", path);
    store(c, "y", 1, 10);
    entry_path("y", other);
    assert_int_equal(symlink(other, path), 0);
    assert_int_equal(find(c, "x"), -1);
    assert_int_equal(find(c, "y"), 1);
    (void)unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(find(c, "x"), -1);
    (void)unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(find(c, "x"), -1);
    (void)rmdir(path);
    store(c, "x", 2, 10);
    assert_int_equal(chmod(path, 0666), 0);
    assert_int_equal(find(c, "x"), -1);
    sw_cache_close(c);
}

static void test_directory(void **state)
{
    (void)state;
    sw_cache *c = open_cache(0);
    sw_cache_close(c);
    assert_int_equal(chmod(dir, 0777), 0);
    assert_int_equal(sw_cache_open(dir, 0, NULL, &c), SW_DENIED);
    assert_int_equal(chmod(dir, 0755), 0);
    assert_int_equal(sw_cache_open(dir, 0, NULL, &c), SW_OK);
    sw_cache_close(c);
    char file[128];
    (void)snprintf(file, sizeof(file), "%s/file", root);
    (void)close(open(file, O_CREAT | O_WRONLY, 0600));
    assert_int_not_equal(sw_cache_open(file, 0, NULL, &c), SW_OK);
    if (geteuid() == 0) {
        assert_int_equal(chown(dir, 65534, 65534), 0);
        assert_int_equal(sw_cache_open(dir, 0, NULL, &c), SW_DENIED);
        assert_int_equal(chown(dir, 0, 0), 0);
    }
}

static void set_age(const char *input, time_t age_s)
{
    char path[256];
    entry_path(input, path);
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    struct timespec times[2] = {{.tv_sec = now.tv_sec - age_s}, {.tv_sec = now.tv_sec - age_s}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* The entries used longest ago go; finding one counts as use. */
static void test_cap(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"a", "b", "c", "d"};
    sw_cache *c = open_cache(100000);
    for (uint32_t i = 0; i < 4; i++) {
        store(c, NAMES[i], (uint8_t)i, 20000 - 4096);
        set_age(NAMES[i], 1000 - (time_t)i * 100);
    }
    assert_int_equal(find(c, "a"), 0);
    store(c, "e", 9, 30000);
    assert_int_equal(find(c, "e"), 9);
    assert_int_equal(find(c, "b"), -1);
    assert_int_equal(find(c, "a"), 0);
    assert_int_equal(find(c, "d"), 3);
    sw_buf large = make_file(1, 100001);
    sw_cache_key key = sw_cache_key_of(sw_str_bytes(SW_STR("large")));
    sw_image_file stored;
    assert_int_equal(sw_cache_store(c, &key, sw_buf_bytes(&large), NULL, &stored), SW_LIMIT);
    sw_buf_clear(&large);
    sw_cache_close(c);
}

/* Processes that store and find the same few entries, in a cache too small for all of them: each
 * sees whole entries only. */
static void test_processes(void **state)
{
    (void)state;
    enum { PROCESSES = 4 };
    pid_t children[PROCESSES];
    for (int p = 0; p < PROCESSES; p++) {
        children[p] = fork();
        assert_true(children[p] >= 0);
        if (children[p] == 0) {
            sw_cache *c;
            if (sw_cache_open(dir, 200000, NULL, &c) != SW_OK) {
                _exit(2);
            }
            for (int k = 0; k < 300; k++) {
                char input[8];
                (void)snprintf(input, sizeof(input), "%d", (k * 7 + p) % 5);
                int fill = find(c, input);
                if (fill != -1 && fill != input[0]) {
                    _exit(3);
                }
                sw_cache_key key = sw_cache_key_of(sw_str_bytes(sw_str_of(input)));
                sw_buf file = make_file((uint8_t)input[0], 50000);
                sw_image_file stored;
                if (sw_cache_store(c, &key, sw_buf_bytes(&file), NULL, &stored) != SW_OK) {
                    _exit(4);
                }
                sw_image_file_close(&stored);
                sw_buf_clear(&file);
            }
            _exit(0);
        }
    }
    for (int p = 0; p < PROCESSES; p++) {
        int status;
        assert_int_equal(waitpid(children[p], &status, 0), children[p]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    assert_true(count_files() <= 5);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_find),      TEST(test_damage), TEST(test_impostors),
        TEST(test_directory), TEST(test_cap),    TEST(test_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
