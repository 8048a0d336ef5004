/* What inspect calls types: by their names, as WIT has them, and in full where they are declared.
 */
#include "world.h"

#include "../component/wat.h"

#include <stdio.h>
#include <stdlib.h>

static const char *component_path;

/* Lines of the text, in order. */
static const char *const LINES[] = {
    "  acme:a/shapes@1.0.0",
    "    canvas: resource",
    "    point: record { x: u32, y: u32 }",
    "    many: enum { case-number-00, case-number-01, ",
    "    line: record { from: point, to: point }",
    "    names: type list<string>",
    "    alias: type canvas",
    "    [method]canvas.draw: func(self: borrow<canvas>, l: line) -> option<point>",
    "    pick: func(how: many, names: list<string>) -> canvas",
    "  acme:a/views@1.0.0",
    "    canvas: use acme:a/shapes@1.0.0.{canvas}",
    "    point: use acme:a/shapes@1.0.0.{point}",
    "    show: func(c: borrow<canvas>, at: point)",
    "  acme:a/others@1.0.0",
    "    surface: use acme:a/shapes@1.0.0.{canvas as surface}",
    "    place: record { x: u32, y: u32 }",
    "    move: func(s: borrow<surface>, at: place)",
    "    cross: func(l: acme:a/shapes@1.0.0#line)",
    "  top: func(c: borrow<acme:a/shapes@1.0.0#canvas>, p: acme:a/shapes@1.0.0#point)",
};

static swell_str describe(bool as_json)
{
    swell_engine *engine;
    swell_error error = {};
    swell_str text = {};
    sw_bytes wasm = wat_assemble(component_path);
    swell_bytes bytes = {wasm.ptr, wasm.len};
    assert_int_equal(swell_engine_new(NULL, &error, &engine), SWELL_OK);
    assert_int_equal(as_json ? swell_inspect_json(engine, bytes, &error, &text)
                             : swell_inspect_text(engine, bytes, &error, &text),
                     SWELL_OK);
    swell_engine_free(engine);
    free((void *)(uintptr_t)wasm.ptr);
    return text;
}

static const char *find(const char *from, const char *end, const char *words)
{
    const char *at = memmem(from, (size_t)(end - from), words, strlen(words));
    if (at == NULL) {
        print_error("no '%s' in\n%.*s\n", words, (int)(end - from), from);
        fail();
    }
    return at + strlen(words);
}

static void types_have_names(void **)
{
    swell_str text = describe(false);
    const char *at = text.ptr, *end = text.ptr + text.len;
    for (size_t i = 0; i < SW_COUNTOF(LINES); i++) {
        char line[160];
        bool is_whole = LINES[i][strlen(LINES[i]) - 1] != ' ';
        (void)snprintf(line, sizeof line, "\n%s%s", LINES[i], is_whole ? "\n" : "");
        at = find(at, end, line) - is_whole;
    }
    swell_text_free(text);
}

/* A type of 1,000 bytes is written to its end. */
static void long_types_are_whole(void **)
{
    for (int as_json = 0; as_json < 2; as_json++) {
        swell_str text = describe(as_json != 0);
        const char *end = text.ptr + text.len;
        (void)find(text.ptr, end, ", case-number-58, case-number-59 }");
        assert_null(memmem(text.ptr, text.len, "...", 3));
        swell_text_free(text);
    }
}

static void json_has_the_same(void **)
{
    static const char *const TYPES[] = {
        "\"record { from: point, to: point }\"",
        "\"use acme:a/shapes@1.0.0.{canvas as surface}\"",
        "\"func(self: borrow<canvas>, l: line) -> option<point>\"",
    };
    swell_str text = describe(true);
    for (size_t i = 0; i < SW_COUNTOF(TYPES); i++) {
        (void)find(text.ptr, text.ptr + text.len, TYPES[i]);
    }
    swell_text_free(text);
}

int main(int argc, char **argv)
{
    component_path = argc > 1 ? argv[1] : "";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_have_names),
        cmocka_unit_test(long_types_are_whole),
        cmocka_unit_test(json_has_the_same),
    };
    if (!wat_is_available()) {
        (void)fprintf(stderr, "skipped: wasm-tools is needed\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
