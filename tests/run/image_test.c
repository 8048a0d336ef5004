/* Images and the files that hold them: the same bytes each time, and none that do not fit. */
#include "harness.h"

#include "code/compile.h"
#include "code/image_file.h"
#include "os/cpu.h"
#include "os/file.h"
#include "os/vm.h"

#include <unistd.h>

/* Many functions that call each other, so that ranges are many and fixups cross them. */
static void build_many(builder *b, uint32_t count)
{
    builder_init(b);
    uint32_t ii = builder_type(b, "i:i");
    for (uint32_t i = 0; i < count; i++) {
        uint8_t code[600];
        size_t len = 0;
        while (len < 500) {
            memcpy(code + len, (const uint8_t[]){0x20, 0, 0x41, 1, 0x6a, 0x21, 0}, 7);
            len += 7;
        }
        uint32_t callee = i == 0 ? 0 : (i * 7919) % i;
        memcpy(code + len, (const uint8_t[]){0x20, 0, 0x10}, 3);
        len += 3;
        if (i == 0) {
            len--;
        } else {
            code[len++] = (uint8_t)(callee & 0x7f) | 0x80;
            code[len++] = (uint8_t)(callee >> 7 & 0x7f) | 0x80;
            code[len++] = (uint8_t)(callee >> 14);
        }
        (void)builder_func(b, ii, "", (sw_bytes){code, len});
    }
    builder_export(b, "f", 0, count - 1);
}

static void compile(builder *b, unsigned threads, sw_buf *ret_image, sw_compile_stats *ret_stats)
{
    sw_arena arena;
    sw_module module;
    sw_diag diag = {};
    sw_compile_options options = {.threads = threads};
    sw_arena_init(&arena, NULL, SIZE_MAX);
    sw_buf_init(ret_image, NULL, SIZE_MAX);
    assert_int_equal(
        sw_module_read(&arena, sw_buf_bytes(&b->out), 0, &options.features, &diag, &module), SW_OK);
    assert_int_equal(sw_module_validate(&module, &options.features, &diag), SW_OK);
    assert_int_equal(sw_module_compile(&module, &options, ret_image, &diag, ret_stats), SW_OK);
    sw_arena_clear(&arena);
}

static void test_deterministic(void **state)
{
    harness *h = *state;
    builder b;
    build_many(&b, 2000);
    (void)builder_finish(&b);
    sw_buf one, other;
    sw_compile_stats stats;
    compile(&b, 1, &one, &stats);
    assert_int_equal(stats.functions, 2000);
    assert_true(stats.machine_code_bytes > 0 && stats.wasm_code_bytes > 500 * 2000);
    for (unsigned threads = 2; threads <= 5; threads++) {
        compile(&b, threads, &other, NULL);
        assert_int_equal(one.len, other.len);
        assert_memory_equal(one.ptr, other.ptr, one.len);
        sw_buf_clear(&other);
    }
    /* Every call lands: the chain of callees adds 72 for each function on it. */
    sw_image_source source = {.fd = -1, .bytes = sw_buf_bytes(&one)};
    sw_code *code;
    sw_instance *i;
    assert_int_equal(sw_code_load(h->engine, &source, &h->diag, &code), SW_OK);
    assert_int_equal(sw_instance_new(h->store, code, NULL, &h->diag, &i), SW_OK);
    uint64_t expected = 0;
    for (uint32_t f = 1999; f != 0; f = (f * 7919) % f) {
        expected += 72;
    }
    assert_int_equal(harness_get(h, i, "f", 0), expected + 72);
    sw_code_unref(code);
    sw_buf_clear(&one);
    builder_clear(&b);
}

/* The lowest function that is wrong is the one reported, however many threads look. */
static void test_first_error(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 4; threads++) {
        builder b;
        build_many(&b, 1500);
        for (int i = 0; i < 3; i++) {
            (void)builder_func(&b, 0, "", CODE(0x41, 0, 0x42, 0));
        }
        sw_arena arena;
        sw_module module;
        sw_diag diag = {};
        sw_buf image;
        sw_compile_options options = {.threads = threads};
        sw_arena_init(&arena, NULL, SIZE_MAX);
        sw_buf_init(&image, NULL, SIZE_MAX);
        sw_bytes bytes = builder_finish(&b);
        assert_int_equal(sw_module_read(&arena, bytes, 0, &options.features, &diag, &module),
                         SW_OK);
        assert_int_equal(sw_module_validate(&module, &options.features, &diag), SW_OK);
        assert_int_equal(sw_module_compile(&module, &options, &image, &diag, NULL), SW_INVALID);
        sw_range body = module.funcs[1500].body;
        assert_true(diag.offset >= body.start && diag.offset <= body.start + body.len);
        sw_buf_clear(&image);
        sw_arena_clear(&arena);
        builder_clear(&b);
    }
}

/* ---- Memory contents ---------------------------------------------------------------------------
 */

typedef struct segment {
    uint32_t at;
    const char *bytes;
} segment;

typedef struct contents {
    segment segments[4];
    uint32_t runs;       /* in the image */
    uint32_t first_data; /* that runs at instantiation */
} contents;

static const contents CONTENTS[] = {
    {{{0, "abc"}},                                     1, 1},
    {{{0, "abcdef"}, {2, "XY"}, {1, "1"}},             1, 3},
    {{{4090, "across the page"}, {4096, "end"}},       1, 2},
    {{{10, "near"}, {60000, "enough"}},                1, 2},
    {{{10, "far"}, {300000, "away"}, {655357, "out"}}, 3, 3},
    {{{655359, "x"}, {0, "y"}},                        2, 2},
    {{{1, "kept"}, {655360, ""}, {3, "too"}},          1, 3},
};

static void test_memory_contents(void **state)
{
    harness *h = *state;
    for (size_t k = 0; k < SW_COUNTOF(CONTENTS); k++) {
        builder b;
        builder_init(&b);
        static uint8_t expected[10 * 65536];
        memset(expected, 0, sizeof(expected));
        builder_memory(&b, 10, 10);
        builder_export(&b, "m", 2, 0);
        for (size_t s = 0; s < 4 && CONTENTS[k].segments[s].bytes != NULL; s++) {
            const segment *g = &CONTENTS[k].segments[s];
            sw_str bytes = sw_str_of(g->bytes);
            builder_data(&b, g->at, bytes);
            memcpy(expected + g->at, bytes.ptr, bytes.len);
        }
        sw_buf image;
        harness_image(&b, &image);
        builder_clear(&b);
        const sw_image_header *header = (const void *)image.ptr;
        assert_int_equal(header->sections[SW_IMAGE_RUNS].count, CONTENTS[k].runs);
        assert_int_equal(header->first_data, CONTENTS[k].first_data);
        sw_image_source source = {.fd = -1, .bytes = sw_buf_bytes(&image)};
        sw_code *code;
        sw_instance *i;
        assert_int_equal(sw_code_load(h->engine, &source, &h->diag, &code), SW_OK);
        assert_int_equal(sw_instance_new(h->store, code, NULL, &h->diag, &i), SW_OK);
        assert_memory_equal(sw_memory_get_view(harness_export(i, "m").memory)->base, expected,
                            sizeof(expected));
        sw_code_unref(code);
        sw_buf_clear(&image);
    }
}

/* A small module with scattered segments does not become a huge image. */
static void test_scattered(void **state)
{
    (void)state;
    builder b;
    builder_init(&b);
    builder_memory(&b, 60000, 0);
    for (uint32_t i = 0; i < 2000; i++) {
        builder_data(&b, i * 1000000, SW_STR("x"));
    }
    sw_buf image;
    harness_image(&b, &image);
    assert_true(image.len < 2000000);
    assert_int_equal(((const sw_image_header *)(const void *)image.ptr)->first_data, 0);
    sw_buf_clear(&image);
    builder_clear(&b);
}

/* ---- What does not fit -------------------------------------------------------------------------
 */

static void test_stale(void **state)
{
    harness *h = *state;
    builder b;
    sw_buf image;
    build_many(&b, 1);
    harness_image(&b, &image);
    builder_clear(&b);
    sw_image_header *header = (void *)image.ptr;
    static const size_t FIELDS[] = {offsetof(sw_image_header, magic),
                                    offsetof(sw_image_header, format),
                                    offsetof(sw_image_header, build_hash),
                                    offsetof(sw_image_header, build_hash) + 31,
                                    offsetof(sw_image_header, cpu_features) + 3,
                                    offsetof(sw_image_header, size_bytes) + 5,
                                    offsetof(sw_image_header, sections) + 5,
                                    offsetof(sw_image_header, sections) + 13};
    for (size_t i = 0; i < SW_COUNTOF(FIELDS); i++) {
        image.ptr[FIELDS[i]] ^= 0x80;
        sw_code *code;
        sw_image_source source = {.fd = -1, .bytes = sw_buf_bytes(&image)};
        assert_int_equal(sw_code_load(h->engine, &source, &h->diag, &code), SW_STALE);
        image.ptr[FIELDS[i]] ^= 0x80;
    }
    assert_int_equal(sw_image_check(image.ptr, image.len, NULL), SW_OK);
    assert_int_equal(sw_image_check(image.ptr, sizeof(*header) - 1, NULL), SW_STALE);
    assert_int_equal(sw_image_check(image.ptr, image.len - 1, NULL), SW_STALE);
    sw_buf_clear(&image);
}

/* ---- Processors --------------------------------------------------------------------------------
 */

typedef struct lacking {
    uint32_t bit;
    const char *error; /* NULL: code does without */
} lacking;

static const lacking LACKING[] = {
    {SW_CPU_POPCNT, "this processor lacks POPCNT, which compiled code needs"},
    {SW_CPU_AVX,    "this processor lacks AVX, which compiled code needs"   },
    {SW_CPU_BMI1,   "this processor lacks BMI1, which compiled code needs"  },
    {SW_CPU_BMI2,   "this processor lacks BMI2, which compiled code needs"  },
    {SW_CPU_LZCNT,  "this processor lacks LZCNT, which compiled code needs" },
    {SW_CPU_SSE41,  NULL                                                    },
    {SW_CPU_SSE42,  NULL                                                    },
    {SW_CPU_AVX2,   NULL                                                    },
    {SW_CPU_FMA,    NULL                                                    },
    {SW_CPU_SHA,    NULL                                                    },
};

static void test_processors(void **state)
{
    (void)state;
    builder b;
    sw_buf image;
    build_many(&b, 1);
    harness_image(&b, &image);
    builder_clear(&b);
    uint32_t needed = ((const sw_image_header *)(const void *)image.ptr)->cpu_features;
    sw_buf_clear(&image);
    for (size_t i = 0; i < SW_COUNTOF(LACKING); i++) {
        const lacking *l = &LACKING[i];
        sw_diag diag = {}, other = {};
        bool fits = l->error == NULL;
        assert_int_equal((needed & l->bit) == 0, fits);
        assert_int_equal(sw_compile_check_cpu(~l->bit, &diag), fits ? SW_OK : SW_UNSUPPORTED);
        assert_string_equal(diag.text, fits ? "" : l->error);
        assert_int_equal(sw_image_check_cpu(needed, ~l->bit, &other), fits ? SW_OK : SW_STALE);
    }
    sw_diag diag = {};
    assert_int_equal(sw_image_check_cpu(SW_CPU_AVX2 | SW_CPU_FMA | 1u << 31, 0, &diag), SW_STALE);
    assert_string_equal(
        diag.text, "compiled for a processor with AVX2, FMA, 0x80000000, which this one lacks");
    diag = (sw_diag){};
    assert_int_equal(sw_compile_check_cpu(0, &diag), SW_UNSUPPORTED);
    assert_string_equal(
        diag.text,
        "this processor lacks POPCNT, AVX, BMI1, BMI2, LZCNT, which compiled code needs");
}

/* ---- Files -------------------------------------------------------------------------------------
 */

static void make_file(sw_buf *out)
{
    sw_image_file_writer w;
    builder b;
    build_many(&b, 3);
    (void)builder_finish(&b);
    sw_buf image;
    compile(&b, 1, &image, NULL);
    sw_buf_init(out, NULL, SIZE_MAX);
    sw_image_file_begin(&w, out, SW_FILE_COMPONENT, 3);
    sw_image_file_part(&w, SW_PART_PLAN);
    sw_buf_str(out, SW_STR("the plan"));
    for (int i = 0; i < 2; i++) {
        sw_image_file_part(&w, SW_PART_MODULE);
        sw_buf_write(out, image.ptr, image.len);
    }
    assert_int_equal(sw_image_file_end(&w, NULL), SW_OK);
    sw_buf_clear(&image);
    builder_clear(&b);
}

static void test_file(void **state)
{
    harness *h = *state;
    sw_buf bytes;
    make_file(&bytes);
    int fd;
    assert_int_equal(sw_vm_memfd(&fd, "test", sw_buf_bytes(&bytes)), SW_OK);
    sw_image_file f;
    assert_int_equal(sw_image_file_open(fd, bytes.len, true, &h->diag, &f), SW_OK);
    assert_int_equal(f.header->kind, SW_FILE_COMPONENT);
    assert_int_equal(f.header->parts_count, 3);
    sw_bytes plan = sw_image_file_get(&f, 0);
    assert_int_equal(plan.len, 8);
    assert_memory_equal(plan.ptr, "the plan", 8);
    for (uint32_t part = 1; part < 3; part++) {
        sw_image_source source = {
            .fd = fd, .offset = f.header->parts[part].offset, .bytes = sw_image_file_get(&f, part)};
        sw_code *code;
        sw_instance *i;
        assert_int_equal(sw_code_load(h->engine, &source, &h->diag, &code), SW_OK);
        assert_int_equal(sw_instance_new(h->store, code, NULL, &h->diag, &i), SW_OK);
        assert_int_equal(harness_get(h, i, "f", 1), 1 + 2 * 72);
        sw_code_unref(code);
    }
    sw_image_file_close(&f);
    assert_int_equal(sw_image_file_view(sw_buf_bytes(&bytes), &h->diag, &f), SW_OK);
    assert_int_equal(sw_image_file_get(&f, 1).len, sw_image_file_get(&f, 2).len);
    sw_image_file_close(&f);
    sw_buf_clear(&bytes);
}

/* Any byte that changes is found out. */
static void test_damage(void **state)
{
    harness *h = *state;
    sw_buf bytes;
    make_file(&bytes);
    for (size_t at = 0; at < bytes.len; at += at < 512 ? 1 : 97) {
        bytes.ptr[at] ^= 1;
        int fd;
        sw_image_file f;
        assert_int_equal(sw_vm_memfd(&fd, "test", sw_buf_bytes(&bytes)), SW_OK);
        sw_status st = sw_image_file_open(fd, bytes.len, true, &h->diag, &f);
        assert_int_not_equal(st, SW_OK);
        sw_fd_close(fd);
        bytes.ptr[at] ^= 1;
    }
    sw_image_file f;
    for (size_t len = 0; len < bytes.len; len += 333) {
        assert_int_not_equal(sw_image_file_view((sw_bytes){bytes.ptr, len}, NULL, &f), SW_OK);
    }
    sw_buf_clear(&bytes);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_deterministic), TEST(test_first_error), TEST(test_memory_contents),
        TEST(test_scattered),     TEST(test_stale),       TEST(test_processors),
        TEST(test_file),          TEST(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
