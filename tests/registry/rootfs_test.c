/* Programs in layers: which file is taken, what later layers take away, and archives that are
 * hostile. */
#include "registry/rootfs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

typedef struct file {
    const char *path;
    const char *text; /* contents, or where a link leads to */
    char type;        /* of tar; 0: ends the list */
} file;

/* Octal digits, and a NUL. */
static void put_number(uint8_t *at, size_t len, uint64_t value)
{
    for (size_t i = len - 1; i-- > 0; value >>= 3) {
        at[i] = (uint8_t)('0' + (value & 7));
    }
}

static void add_raw(sw_buf *b, const char *path, char type, const char *text, size_t size)
{
    uint8_t h[512] = {};
    uint64_t sum = 0;
    bool has_data = type != '1' && type != '2' && type != '5';
    memcpy(h, path, SW_MIN(strlen(path), (size_t)100));
    put_number(h + 100, 8, 0644);
    put_number(h + 124, 12, has_data ? size : 0);
    h[156] = (uint8_t)type;
    memcpy(h + 257,
           "ustar\0"
           "00",
           8);
    if (!has_data && type != '5') {
        memcpy(h + 157, text, SW_MIN(strlen(text), (size_t)100));
    }
    memset(h + 148, ' ', 8);
    for (size_t i = 0; i < 512; i++) {
        sum += h[i];
    }
    put_number(h + 148, 7, sum);
    sw_buf_write(b, h, 512);
    if (has_data) {
        sw_buf_write(b, text, size);
        sw_buf_align(b, 512);
    }
}

static void add(sw_buf *b, const file *f)
{
    add_raw(b, f->path, f->type, f->text, strlen(f->text));
}

static sw_buf make_tar(const file *files)
{
    sw_buf b;
    sw_buf_init(&b, NULL, 1 << 24);
    for (; files->type != 0; files++) {
        add(&b, files);
    }
    uint8_t end[1024] = {};
    sw_buf_write(&b, end, sizeof end);
    assert_int_equal(sw_buf_status(&b), SW_OK);
    return b;
}

typedef struct row {
    const char *entry;
    file layers[3][5];
    const char *program; /* NULL: refused */
    const char *text;    /* of the diag */
} row;

static const row ROWS[] = {
    {"/app.wasm",        {{{"app.wasm", "A", '0'}}},                                                  "A",  NULL                },
    {"app.wasm",         {{{"./app.wasm", "A", '0'}}},                                                "A",  NULL                },
    {"/srv//./app.wasm", {{{"srv/", "", '5'}, {"srv/app.wasm", "A", '0'}}},                           "A",  NULL                },
    {"/app.wasm",        {{{"x", "B", '0'}, {"app.wasm", "A", '0'}, {"y", "C", '0'}}},                "A",  NULL                },
    {"/app.wasm",        {{{"app.wasm", "A", '0'}}, {{"app.wasm", "B", '0'}}},                        "B",  NULL                },
    {"",                 {{{"x", "B", '0'}, {"some.wasm", "A", '0'}}},                                "A",  NULL                },
    {"",                 {{{"a.wasm", "B", '0'}, {"b.wasm", "A", '0'}}},                              NULL, "several"           },
    {"",                 {{{"x", "B", '0'}}},                                                         NULL, "no file '*.wasm'"  },
    {"/app.wasm",        {{{"other.wasm", "A", '0'}}},                                                NULL, "no file 'app.wasm'"},
    /* What a later layer removes. */
    {"/d/app.wasm",      {{{"d/app.wasm", "A", '0'}}, {{"d/.wh.app.wasm", "", '0'}}},                 NULL, "no file"           },
    {"/d/app.wasm",      {{{"d/app.wasm", "A", '0'}}, {{".wh.d", "", '0'}}},                          NULL, "no file"           },
    {"/d/app.wasm",      {{{"d/app.wasm", "A", '0'}}, {{"d/.wh..wh..opq", "", '0'}}},                 NULL, "no file"           },
    {"/d/app.wasm",      {{{"d/app.wasm", "A", '0'}}, {{"e/.wh..wh..opq", "", '0'}}},                 "A",  NULL                },
    {"/d/app.wasm",      {{{"d/app.wasm", "A", '0'}, {"d/.wh.app.wasm", "", '0'}}},                   "A",  NULL                },
    {"/d/app.wasm",
     {{{"d/app.wasm", "A", '0'}}, {{".wh.d", "", '0'}, {"d/app.wasm", "B", '0'}}},
     "B",                                                                                                   NULL                },
    {"",                 {{{"a.wasm", "A", '0'}}, {{".wh.a.wasm", "", '0'}}, {{"b.wasm", "B", '0'}}}, "B",  NULL                },
    /* Long names. */
    {"/long.wasm",       {{{"@", "long.wasm", 'L'}, {"short", "A", '0'}}},                            "A",  NULL                },
    {"/pax.wasm",        {{{"@", "17 path=pax.wasm\n", 'x'}, {"short", "A", '0'}}},                   "A",  NULL                },
    /* Hostile ones. */
    {"/app.wasm",        {{{"app.wasm", "/etc/passwd", '2'}}},                                        NULL, "is a link"         },
    {"/app.wasm",        {{{"app.wasm", "other", '1'}}},                                              NULL, "is a link"         },
    {"/d/app.wasm",      {{{"d", "/etc", '2'}}},                                                      NULL, "is a link"         },
    {"/app.wasm",        {{{"../app.wasm", "A", '0'}}},                                               NULL, "leads upwards"     },
    {"/app.wasm",        {{{"app.wasm", "A", '0'}, {"a/../../b", "A", '0'}}},                         NULL, "leads upwards"     },
    {"/app.wasm",        {{{"/app.wasm", "A", '0'}}},                                                 NULL, "absolute"          },
    {"/app.wasm",        {{{"@", "../app.wasm", 'L'}, {"short", "A", '0'}}},                          NULL, "leads upwards"     },
    {"/app.wasm",        {{{"@", "99 path=x\n", 'x'}, {"short", "A", '0'}}},                          NULL, "malformed"         },
    {"/app.wasm",        {{{"@", "no record", 'x'}, {"short", "A", '0'}}},                            NULL, "malformed"         },
    {"/app.wasm",        {{{"@", "25 size=99999999999999999\n", 'x'}, {"a", "A", '0'}}},              NULL, NULL                },
    {"/app.wasm",        {{{"app.wasm", "A", 'S'}}},                                                  NULL, "sparse"            },
    {"/../../app.wasm",  {{{"app.wasm", "A", '0'}}},                                                  NULL, "no file"           },
};

static sw_buf pack_gzip(sw_bytes in)
{
    sw_buf b;
    z_stream z = {};
    sw_buf_init(&b, NULL, 1 << 27);
    assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    uLong bound = deflateBound(&z, in.len);
    z.next_in = (Bytef *)(uintptr_t)in.ptr;
    z.avail_in = (uInt)in.len;
    z.next_out = sw_buf_reserve(&b, bound);
    z.avail_out = (uInt)bound;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    b.len = z.total_out;
    (void)deflateEnd(&z);
    return b;
}

static sw_buf pack_zstd(sw_bytes in)
{
    sw_buf b;
    sw_buf_init(&b, NULL, 1 << 27);
    size_t bound = ZSTD_compressBound(in.len);
    void *to = sw_buf_reserve(&b, bound);
    assert_non_null(to);
    b.len = ZSTD_compress(to, bound, in.ptr, in.len, 3);
    assert_false(ZSTD_isError(b.len));
    return b;
}

typedef enum packing { PLAIN, GZIP, ZSTD, PACKINGS } packing;

static sw_status read_layer(sw_rootfs *fs, const file *files, packing p, sw_diag *diag)
{
    sw_buf tar = make_tar(files);
    sw_buf packed = p == GZIP ? pack_gzip(sw_buf_bytes(&tar)) : pack_zstd(sw_buf_bytes(&tar));
    sw_status st = sw_rootfs_layer(fs, sw_buf_bytes(p == PLAIN ? &tar : &packed), diag);
    sw_buf_clear(&packed);
    sw_buf_clear(&tar);
    return st;
}

static void run_row(const row *r, packing p)
{
    sw_rootfs fs;
    sw_diag diag = {};
    sw_bytes program = {};
    sw_status st = SW_OK;
    sw_rootfs_init(&fs, sw_str_of(r->entry));
    for (size_t k = 0; k < 3 && r->layers[k][0].type != 0 && st == SW_OK; k++) {
        st = read_layer(&fs, r->layers[k], p, &diag);
    }
    st = st != SW_OK ? st : sw_rootfs_finish(&fs, &diag, &program);
    if (r->program != NULL) {
        assert_int_equal(st, SW_OK);
        assert_true(
            sw_str_eq((sw_str){(const char *)program.ptr, program.len}, sw_str_of(r->program)));
    } else {
        assert_int_not_equal(st, SW_OK);
        assert_true(diag.text[0] != '\0' &&
                    (r->text == NULL || strstr(diag.text, r->text) != NULL));
    }
    sw_rootfs_clear(&fs);
}

static void the_right_file_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        for (packing p = PLAIN; p < PACKINGS; p++) {
            run_row(&ROWS[i], p);
        }
    }
}

static const file GOOD[] = {
    {"app.wasm", "the program", '0'},
    {"other", "something", '0'},
    {},
};

/* Every length but the whole one, and the one without the archive's end, is an error or finds
 * nothing. */
static void truncated_archives_are_told(void **state)
{
    (void)state;
    sw_buf tar = make_tar(GOOD);
    sw_buf packed[2] = {pack_gzip(sw_buf_bytes(&tar)), pack_zstd(sw_buf_bytes(&tar))};
    for (size_t k = 0; k < 2; k++) {
        for (size_t len = 6; len < packed[k].len; len++) {
            sw_rootfs fs;
            sw_rootfs_init(&fs, SW_STR("app.wasm"));
            assert_int_not_equal(sw_rootfs_layer(&fs, (sw_bytes){packed[k].ptr, len}, NULL), SW_OK);
            sw_rootfs_clear(&fs);
        }
        sw_buf_clear(&packed[k]);
    }
    for (size_t len = 1; len < 1024; len++) {
        sw_rootfs fs;
        sw_rootfs_init(&fs, SW_STR("app.wasm"));
        assert_int_not_equal(sw_rootfs_layer(&fs, (sw_bytes){tar.ptr, len}, NULL), SW_OK);
        sw_rootfs_clear(&fs);
    }
    sw_buf_clear(&tar);
}

static void a_bomb_is_refused(void **state)
{
    (void)state;
    enum { BOMB_BYTES = 80 << 20 };
    sw_buf big, packed;
    sw_diag diag = {};
    sw_rootfs fs;
    sw_buf_init(&big, NULL, 2 * BOMB_BYTES);
    char *zeroes = sw_alloc(NULL, BOMB_BYTES);
    assert_non_null(zeroes);
    add_raw(&big, "big", '0', zeroes, BOMB_BYTES);
    sw_free(NULL, zeroes, BOMB_BYTES);
    for (unsigned k = 0; k < 2; k++) {
        packed = k == 0 ? pack_gzip(sw_buf_bytes(&big)) : pack_zstd(sw_buf_bytes(&big));
        sw_rootfs_init(&fs, SW_STR("app.wasm"));
        assert_int_equal(sw_rootfs_layer(&fs, sw_buf_bytes(&packed), &diag), SW_LIMIT);
        sw_rootfs_clear(&fs);
        sw_buf_clear(&packed);
    }
    sw_buf_clear(&big);
}

static void no_memory_is_an_error(void **state)
{
    (void)state;
    sw_buf tar = make_tar(GOOD);
    sw_buf packed = pack_gzip(sw_buf_bytes(&tar));
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        sw_rootfs fs;
        sw_bytes program;
        sw_rootfs_init(&fs, SW_STR("app.wasm"));
        sw_memory_fail_at(n);
        sw_status st = sw_rootfs_layer(&fs, sw_buf_bytes(&packed), NULL);
        failed = sw_memory_failed();
        sw_memory_fail_at(0);
        assert_int_equal(st, failed ? SW_NO_MEMORY : SW_OK);
        st = failed ? SW_NO_MEMORY : sw_rootfs_finish(&fs, NULL, &program);
        assert_true(failed || st == SW_OK);
        sw_rootfs_clear(&fs);
    }
    sw_buf_clear(&packed);
    sw_buf_clear(&tar);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_right_file_is_taken),
        cmocka_unit_test(truncated_archives_are_told),
        cmocka_unit_test(a_bomb_is_refused),
        cmocka_unit_test(no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
