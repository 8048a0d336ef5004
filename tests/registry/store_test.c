/* The content store: whole or absent, verified, resumed, shared, cleared out. */
#include "registry/store.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];
static sw_store_dir store;

static int open_store(void **state)
{
    (void)state;
    sw_diag diag = {};
    (void)snprintf(dir, sizeof dir, "/tmp/swell-store-test-XXXXXX");
    return mkdtemp(dir) == NULL || sw_store_dir_open(&store, dir, 1000, &diag) != SW_OK;
}

static int close_store(void **state)
{
    (void)state;
    char command[128];
    sw_store_dir_close(&store);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

static sw_bytes bytes_of(const char *s)
{
    return (sw_bytes){(const uint8_t *)s, strlen(s)};
}

static sw_content content_of(const char *s)
{
    return (sw_content){sw_digest_of(bytes_of(s)), strlen(s), "application/wasm"};
}

static size_t count_files(const char *sub)
{
    char command[160];
    int count = -1;
    (void)snprintf(command, sizeof command, "find '%s/%s' -type f | wc -l", dir, sub);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &count), 1);
    (void)pclose(f);
    return (size_t)count;
}

static void damage(const sw_digest *d)
{
    char path[SW_STORE_PATH_MAX];
    sw_store_blob_path(&store, d, path);
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "X", 1), 1);
    (void)close(fd);
}

static void what_is_damaged_is_not_there(void **state)
{
    (void)state;
    sw_diag diag = {};
    sw_digest d;
    sw_file_data data = {};
    assert_int_equal(sw_store_write(&store, bytes_of("hello"), &diag, &d), SW_OK);
    assert_true(sw_store_has(&store, &d, 5));
    assert_false(sw_store_has(&store, &d, 6));
    assert_int_equal(sw_store_read(&store, &d, 100, &data, &diag), SW_OK);
    assert_memory_equal(data.bytes.ptr, "hello", 5);
    sw_file_data_clear(&data);
    assert_int_equal(sw_store_read(&store, &d, 4, &data, NULL), SW_LIMIT);
    damage(&d);
    assert_int_equal(sw_store_read(&store, &d, 100, &data, &diag), SW_NOT_FOUND);
    assert_false(sw_store_has(&store, &d, 5));
}

static void tags_are_kept_by_name(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"ghcr.io/a:1", "ghcr.io/a/b:1", "ghcr.io/a:b",
                                        "localhost:5000/a:1"};
    sw_diag diag = {};
    for (size_t i = 0; i < SW_COUNTOF(NAMES); i++) {
        sw_reference r;
        sw_content c = content_of(NAMES[i]), found;
        assert_int_equal(sw_reference_parse(sw_str_of(NAMES[i]), &diag, &r), SW_OK);
        assert_int_equal(sw_store_tag_read(&store, &r, NULL, &found), SW_NOT_FOUND);
        assert_int_equal(sw_store_tag_write(&store, &r, &c, &diag), SW_OK);
    }
    for (size_t i = 0; i < SW_COUNTOF(NAMES); i++) {
        sw_reference r;
        sw_content c = content_of(NAMES[i]), found = {};
        assert_int_equal(sw_reference_parse(sw_str_of(NAMES[i]), &diag, &r), SW_OK);
        assert_int_equal(sw_store_tag_read(&store, &r, &diag, &found), SW_OK);
        assert_true(sw_digest_eq(&found.digest, &c.digest));
        assert_int_equal(found.size_bytes, c.size_bytes);
        assert_string_equal(found.media_type, c.media_type);
    }
}

static void a_blob_in_pieces(void **state)
{
    (void)state;
    sw_diag diag = {};
    sw_content want = content_of("hello, world");
    sw_partial p;
    bool is_there = true;
    assert_int_equal(sw_partial_open(&store, &want, &diag, &p, &is_there), SW_OK);
    assert_false(is_there);
    assert_int_equal(sw_partial_write(&p, bytes_of("hello"), &diag), SW_OK);
    sw_partial_close(&p);
    assert_false(sw_store_has(&store, &want.digest, 12));
    assert_int_equal(sw_partial_open(&store, &want, &diag, &p, &is_there), SW_OK);
    assert_int_equal(p.bytes, 5);
    assert_int_equal(sw_partial_write(&p, bytes_of(", world"), &diag), SW_OK);
    assert_int_equal(sw_partial_finish(&p, &diag), SW_OK);
    assert_true(sw_store_has(&store, &want.digest, 12));
    assert_int_equal(sw_partial_open(&store, &want, &diag, &p, &is_there), SW_OK);
    assert_true(is_there);
    assert_int_equal(count_files("partial"), 0);
}

static void a_wrong_blob_leaves_nothing(void **state)
{
    (void)state;
    sw_diag diag = {};
    sw_content want = content_of("hello");
    sw_partial p;
    bool is_there;
    assert_int_equal(sw_partial_open(&store, &want, &diag, &p, &is_there), SW_OK);
    assert_int_equal(sw_partial_write(&p, bytes_of("jello"), &diag), SW_OK);
    assert_int_equal(sw_partial_finish(&p, &diag), SW_INVALID);
    assert_non_null(strstr(diag.text, "wrong digest"));
    assert_int_equal(count_files("."), 1); /* the lock */
}

static void too_much_is_refused_at_once(void **state)
{
    (void)state;
    sw_diag diag = {};
    sw_content want = content_of("hello");
    sw_partial p;
    bool is_there;
    assert_int_equal(sw_partial_open(&store, &want, &diag, &p, &is_there), SW_OK);
    assert_int_equal(sw_partial_write(&p, bytes_of("hell"), &diag), SW_OK);
    assert_int_equal(sw_partial_write(&p, bytes_of("oo"), &diag), SW_INVALID);
    sw_partial_close(&p);
    want.size_bytes = SW_BLOB_MAX_BYTES + 1;
    assert_int_equal(sw_partial_open(&store, &want, NULL, &p, &is_there), SW_LIMIT);
}

static void *fetch_same(void *arg)
{
    sw_diag diag = {};
    sw_content want = content_of("the same for all");
    sw_partial p;
    bool is_there = false;
    size_t *fetched = arg;
    assert_int_equal(sw_partial_open(&store, &want, &diag, &p, &is_there), SW_OK);
    if (!is_there) {
        ++*fetched; /* who holds the lock is alone */
        assert_int_equal(sw_partial_write(&p, bytes_of("the same for all"), &diag), SW_OK);
        assert_int_equal(sw_partial_finish(&p, &diag), SW_OK);
    }
    return NULL;
}

static void one_of_many_fetches(void **state)
{
    (void)state;
    pthread_t threads[8];
    size_t fetched = 0;
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, fetch_same, &fetched), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(fetched, 1);
}

static void set_age(const sw_digest *d, time_t seconds)
{
    char path[SW_STORE_PATH_MAX];
    struct timespec times[2] = {};
    times[0].tv_sec = times[1].tv_sec = time(NULL) - seconds;
    sw_store_blob_path(&store, d, path);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void the_oldest_go_when_it_is_full(void **state)
{
    (void)state;
    sw_diag diag = {};
    sw_digest d[6];
    char text[301];
    uint64_t removed = 1;
    for (size_t i = 0; i < 6; i++) {
        memset(text, 'a' + (int)i, 300);
        text[300] = '\0';
        assert_int_equal(sw_store_write(&store, bytes_of(text), &diag, &d[i]), SW_OK);
        set_age(&d[i], (time_t)(10000 - 100 * i));
        if (i == 2) {
            assert_int_equal(sw_store_collect(&store, &diag, &removed), SW_OK);
            assert_int_equal(removed, 0);                  /* 900 of 1,000 */
            assert_true(sw_store_has(&store, &d[0], 300)); /* a use: it is young now */
        }
    }
    assert_int_equal(sw_store_collect(&store, &diag, &removed), SW_OK);
    assert_int_equal(removed, 4 * 300);
    assert_true(sw_store_has(&store, &d[0], 300));
    assert_false(sw_store_has(&store, &d[1], 300));
    assert_true(sw_store_has(&store, &d[5], 300));
}

static void who_uses_the_store_is_not_disturbed(void **state)
{
    (void)state;
    sw_diag diag = {};
    sw_store_dir other;
    sw_digest d;
    char text[2001];
    uint64_t removed = 1;
    memset(text, 'a', 2000);
    text[2000] = '\0';
    assert_int_equal(sw_store_write(&store, bytes_of(text), &diag, &d), SW_OK);
    assert_int_equal(sw_store_dir_open(&other, dir, 1000, &diag), SW_OK);
    assert_int_equal(sw_store_collect(&other, &diag, &removed), SW_OK);
    assert_int_equal(removed, 0);
    sw_store_dir_close(&other);
    assert_int_equal(sw_store_collect(&store, &diag, &removed), SW_OK);
    assert_int_equal(removed, 2000);
}

int main(void)
{
#define WITH_STORE(f) cmocka_unit_test_setup_teardown(f, open_store, close_store)
    const struct CMUnitTest tests[] = {
        WITH_STORE(what_is_damaged_is_not_there),
        WITH_STORE(tags_are_kept_by_name),
        WITH_STORE(a_blob_in_pieces),
        WITH_STORE(a_wrong_blob_leaves_nothing),
        WITH_STORE(too_much_is_refused_at_once),
        WITH_STORE(one_of_many_fetches),
        WITH_STORE(the_oldest_go_when_it_is_full),
        WITH_STORE(who_uses_the_store_is_not_disturbed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
