/* Manifests: what is written, byte by byte, and what is read of good and hostile ones. */
#include "registry/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define D              "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define PART(type)     "{\"mediaType\":\"" type "\",\"digest\":\"" D "\",\"size\":7}"
#define CONFIG(type)   "\"config\":" PART(type)
#define MANIFEST(rest) "{\"schemaVersion\":2,\"mediaType\":\"" SW_TYPE_MANIFEST "\"," rest "}"
#define ENTRY(os, arch)                                       \
    "{\"mediaType\":\"" SW_TYPE_MANIFEST "\",\"digest\":\"" D \
    "\",\"size\":7,\"platform\":{\"os\":\"" os "\",\"architecture\":\"" arch "\"}}"
#define INDEX(rest) "{\"schemaVersion\":2,\"manifests\":[" rest "]}"
#define TAR         "application/vnd.oci.image.layer.v1.tar+gzip"

static sw_bytes bytes_of(const char *s)
{
    return (sw_bytes){(const uint8_t *)s, strlen(s)};
}

typedef enum outcome { REFUSED, PROGRAM, ROOTFS, CHOSEN } outcome;

static outcome read(const char *json, sw_arena *arena, sw_diag *diag)
{
    sw_manifest m;
    const sw_part *part = NULL;
    if (sw_manifest_read(bytes_of(json), "", arena, diag, &m) != SW_OK) {
        return REFUSED;
    }
    if (m.is_index) {
        return sw_manifest_choose(&m, diag, &part) == SW_OK ? CHOSEN : REFUSED;
    }
    if (sw_manifest_program(&m, diag, &part) != SW_OK) {
        return REFUSED;
    }
    return part == NULL ? ROOTFS : PROGRAM;
}

/* table */ static void programs_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        outcome outcome;
        const char *text; /* of the diag */
    } ROWS[] = {
        {MANIFEST(CONFIG(SW_TYPE_WASM_CONFIG) ",\"layers\":[" PART("application/wasm") "]"),
         PROGRAM, ""},
        {"{\"schemaVersion\":2," CONFIG("x/y") ",\"layers\":[" PART("application/wasm") "]}",
         PROGRAM, ""},
        {MANIFEST(CONFIG(SW_TYPE_WASM_CONFIG) ",\"layers\":[" PART("application/wasm") "," PART(
             "application/wasm") "]"),
         REFUSED, "2 programs"},
        {MANIFEST(CONFIG(SW_TYPE_WASM_CONFIG) ",\"layers\":[" PART("application/wasm") "," PART(
             "text/plain") "]"),
         REFUSED, "exactly one layer"},
        {MANIFEST(CONFIG(SW_TYPE_WASM_CONFIG) ",\"layers\":[]"), REFUSED, "exactly one layer"},
        {MANIFEST(CONFIG("x/y") ",\"layers\":[" PART(
             "application/"
             "vnd.wasm.content.layer.v1+wasm") "," PART("application/"
                                                        "vnd.fermyon.spin.application.v1+"
                                                        "config") "]"),
         PROGRAM, ""},
        {MANIFEST(CONFIG("x/y") ",\"layers\":[" PART(
             "application/vnd.module.wasm.content.layer.v1+wasm") "]"),
         PROGRAM, ""},
        {MANIFEST(CONFIG("x/y") ",\"layers\":[" PART(
             "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm") "]"),
         PROGRAM, ""},
        {MANIFEST(CONFIG(SW_TYPE_IMAGE_CONFIG) ",\"layers\":[" PART(TAR) "," PART(TAR) "]"), ROOTFS,
         ""},
        {MANIFEST(
             CONFIG(SW_TYPE_IMAGE_CONFIG) ",\"layers\":[" PART(TAR) "," PART("text/plain") "]"),
         REFUSED, "no WebAssembly program"},
        {MANIFEST(CONFIG("x/y") ",\"layers\":[]"), REFUSED, "no WebAssembly program"},
        {INDEX(ENTRY("linux", "amd64") "," ENTRY("wasi", "wasm")), CHOSEN, ""},
        {INDEX(ENTRY("linux", "amd64")), REFUSED, "no variant for platform"},
        {INDEX(""), REFUSED, "no variant for platform"},
        {"", REFUSED, "malformed JSON"},
        {"[]", REFUSED, "not an object"},
        {"{}", REFUSED, "schemaVersion"},
        {"{\"schemaVersion\":1}", REFUSED, "schemaVersion"},
        {"{\"schemaVersion\":2}", REFUSED, "neither clearly"},
        {"{\"schemaVersion\":2,\"layers\":[],\"manifests\":[]}", REFUSED, "neither clearly"},
        {"{\"schemaVersion\":2,\"schemaVersion\":2}", REFUSED, "malformed JSON"},
        {"{\"schemaVersion\":2,\"mediaType\":\"" SW_TYPE_INDEX "\",\"layers\":[]}", REFUSED,
         "neither clearly"},
        {MANIFEST("\"manifests\":[]"), REFUSED, "neither clearly"},
        {"{\"schemaVersion\":2,\"mediaType\":\"x/y\",\"layers\":[]}", REFUSED, "of type 'x/y'"},
        {MANIFEST("\"layers\":[]"), REFUSED, "lacks its digest"},
        {MANIFEST(CONFIG("x/y") ",\"layers\":{}"), REFUSED, "no array"},
        {MANIFEST(CONFIG("x/y") ",\"layers\":[7]"), REFUSED, "lacks its digest"},
        {MANIFEST(CONFIG("x/y") ",\"layers\":[{\"digest\":\"sha512:00\",\"size\":1}]"), REFUSED,
         "not SHA-256"},
        {MANIFEST(CONFIG("x/y") ",\"layers\":[{\"digest\":\"" D "\",\"size\":-1}]"), REFUSED,
         "lacks its digest"},
        {MANIFEST(CONFIG("x\\ny") ",\"layers\":[]"), REFUSED, "media type is malformed"},
        {MANIFEST(CONFIG("x/y") ",\"layers\":[],\"annotations\":{\"a\":1}"), REFUSED, "annotation"},
    };
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        sw_arena arena;
        sw_diag diag = {};
        sw_arena_init(&arena, NULL, 1 << 20);
        outcome got = read(ROWS[i].json, &arena, &diag);
        if (got != ROWS[i].outcome || strstr(diag.text, ROWS[i].text) == NULL) {
            print_error("row %zu: %d '%s'\n", i, (int)got, diag.text);
            fail();
        }
        sw_arena_clear(&arena);
    }
}

static void the_best_platform_is_chosen(void **state)
{
    (void)state;
    static const char JSON[] = INDEX(ENTRY("linux", "amd64") "," ENTRY("wasi", "wasm32") "," ENTRY(
        "wasip1", "wasm") "," ENTRY("wasip2", "wasm"));
    sw_arena arena;
    sw_manifest m;
    const sw_part *part;
    sw_arena_init(&arena, NULL, 1 << 20);
    assert_int_equal(sw_manifest_read(bytes_of(JSON), "", &arena, NULL, &m), SW_OK);
    assert_int_equal(sw_manifest_choose(&m, NULL, &part), SW_OK);
    assert_ptr_equal(part, &m.parts[3]);
    sw_arena_clear(&arena);
}

static void entry_points_are_found(void **state)
{
    (void)state;
    static const char *const ROWS[][2] = {
        {"{\"config\":{\"Entrypoint\":[\"/app.wasm\",\"x\"]}}",           "/app.wasm"    },
        {"{\"config\":{\"Cmd\":[\"app.wasm\"],\"WorkingDir\":\"/srv\"}}", "/srv/app.wasm"},
        {"{\"config\":{\"Entrypoint\":[\"/a\"],\"Cmd\":[\"/b\"]}}",       "/a"           },
        {"{\"config\":{\"Entrypoint\":\"/a\"}}",                          ""             },
        {"{\"config\":{}}",                                               ""             },
        {"{}",                                                            ""             },
    };
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        sw_arena arena;
        sw_str path;
        sw_arena_init(&arena, NULL, 1 << 20);
        assert_int_equal(sw_image_entry(bytes_of(ROWS[i][0]), &arena, NULL, &path), SW_OK);
        assert_true(sw_str_eq(path, sw_str_of(ROWS[i][1])));
        sw_arena_clear(&arena);
    }
}

static void expect_text(sw_buf *b, const char *wanted)
{
    assert_int_equal(sw_buf_status(b), SW_OK);
    assert_true(sw_str_eq((sw_str){(const char *)b->ptr, b->len}, sw_str_of(wanted)));
    sw_buf_clear(b);
}

static void what_is_written(void **state)
{
    (void)state;
    static const sw_str IMPORTS[] = {SW_STR_INIT("wasi:io/streams@0.2.0")};
    static const sw_str EXPORTS[] = {SW_STR_INIT("wasi:http/incoming-handler@0.2.0")};
    static const sw_annotation NOTES[] = {
        {SW_STR_INIT("k"), SW_STR_INIT("v\"")}
    };
    sw_wasm_info info = {.created_s = 1767323045,
                         .is_component = true,
                         .imports = IMPORTS,
                         .imports_count = 1,
                         .exports = EXPORTS,
                         .exports_count = 1};
    sw_content config = {.size_bytes = 7, .media_type = SW_TYPE_WASM_CONFIG};
    sw_part layer = {
        .content = {.size_bytes = 9, .media_type = SW_TYPE_WASM}
    };
    sw_buf b;
    assert_true(sw_digest_parse(SW_STR(D), &config.digest));
    layer.content.digest = config.digest;
    layer.title = SW_STR("a.wasm");

    sw_buf_init(&b, NULL, 4096);
    sw_wasm_config_write(&b, &info, &config.digest);
    expect_text(&b,
                "{\"created\":\"2026-01-02T03:04:05Z\",\"architecture\":\"wasm\",\"os\":\"wasip2\","
                "\"layerDigests\":[\"" D "\"],\"component\":{\"exports\":"
                "[\"wasi:http/incoming-handler@0.2.0\"],\"imports\":[\"wasi:io/streams@0.2.0\"]}}");
    info.is_component = false;
    info.author = SW_STR("me");
    sw_buf_init(&b, NULL, 4096);
    sw_wasm_config_write(&b, &info, &config.digest);
    expect_text(&b,
                "{\"created\":\"2026-01-02T03:04:05Z\",\"author\":\"me\",\"architecture\":\"wasm\","
                "\"os\":\"wasip1\",\"layerDigests\":[\"" D "\"]}");
    sw_buf_init(&b, NULL, 4096);
    sw_manifest_write(&b, &config, &layer, 1, NOTES, 1);
    expect_text(
        &b,
        "{\"schemaVersion\":2,\"mediaType\":\"" SW_TYPE_MANIFEST "\",\"config\":{\"mediaType\":"
        "\"" SW_TYPE_WASM_CONFIG "\",\"digest\":\"" D "\",\"size\":7},\"layers\":[{\"mediaType\":"
        "\"application/wasm\",\"digest\":\"" D "\",\"size\":9,\"annotations\":{"
        "\"org.opencontainers.image.title\":\"a.wasm\"}}],\"annotations\":{\"k\":\"v\\\"\"}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_are_found),
        cmocka_unit_test(the_best_platform_is_chosen),
        cmocka_unit_test(entry_points_are_found),
        cmocka_unit_test(what_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
