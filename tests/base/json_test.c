/* The JSON writer: structure, escaping, numbers, and a full buffer. */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void expect(sw_buf *out, const char *text)
{
    assert_int_equal(sw_buf_status(out), SW_OK);
    sw_buf_u8(out, 0);
    assert_string_equal((const char *)out->ptr, text);
    sw_buf_clear(out);
}

static void write_sample(sw_json *j)
{
    sw_json_object_begin(j);
    sw_json_key(j, SW_STR("a"));
    sw_json_array_begin(j);
    sw_json_u64(j, 1);
    sw_json_array_begin(j);
    sw_json_array_end(j);
    sw_json_object_begin(j);
    sw_json_object_end(j);
    sw_json_array_end(j);
    sw_json_key(j, SW_STR("b"));
    sw_json_object_begin(j);
    sw_json_key(j, SW_STR("c"));
    sw_json_null(j);
    sw_json_object_end(j);
    sw_json_object_end(j);
}

static void structure(void **state)
{
    (void)state;
    sw_buf out;
    sw_buf_init(&out, NULL, 1000);
    sw_json plain = sw_json_make(&out, false);
    write_sample(&plain);
    expect(&out, "{\"a\":[1,[],{}],\"b\":{\"c\":null}}");
    sw_json pretty = sw_json_make(&out, true);
    write_sample(&pretty);
    expect(&out,
           "{\n  \"a\": [\n    1,\n    [],\n    {}\n  ],\n  \"b\": {\n    \"c\": null\n  }\n}");
}

typedef struct quote_case {
    sw_str in;
    const char *out;
} quote_case;

// clang-format off
static const quote_case QUOTE_CASES[] = {
    {SW_STR_INIT(""),                    "\"\""},
    {SW_STR_INIT("plain text"),          "\"plain text\""},
    {SW_STR_INIT("a\"b\\c/"),            "\"a\\\"b\\\\c/\""},
    {SW_STR_INIT("\b\t\n\f\r"),          "\"\\b\\t\\n\\f\\r\""},
    {SW_STR_INIT("\0\x1f\x7f"),          "\"\\u0000\\u001f\\u007f\""},
    {SW_STR_INIT("\xc3\xa9\xf0\x9f\x98\x80"), "\"\xc3\xa9\xf0\x9f\x98\x80\""},
    {SW_STR_INIT("a\xff" "b\xc3"),       "\"a\\ufffdb\\ufffd\""},
    {SW_STR_INIT("\xed\xa0\x80"),        "\"\\ufffd\\ufffd\\ufffd\""},
    {SW_STR_INIT("\xe2\x80\xa8\xe2\x80\xae\xc2\x85"), "\"\\u2028\\u202e\\u0085\""},
};
// clang-format on

static void strings_are_escaped(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(QUOTE_CASES); i++) {
        sw_buf out;
        sw_buf_init(&out, NULL, 1000);
        sw_json j = sw_json_make(&out, false);
        sw_json_str(&j, QUOTE_CASES[i].in);
        expect(&out, QUOTE_CASES[i].out);
    }
}

typedef struct number_case {
    double value;
    const char *text;
} number_case;

static const number_case NUMBER_CASES[] = {
    {0.0,                 "0"                    },
    {-0.0,                "-0"                   },
    {0.1,                 "0.1"                  },
    {1.5,                 "1.5"                  },
    {1e300,               "1e+300"               },
    {5e-324,              "4.94065645841247e-324"},
    {123456789012.0,      "123456789012"         },
    {0.30000000000000004, "0.30000000000000004"  },
    {__builtin_inf(),     "null"                 },
    {__builtin_nan(""),   "null"                 },
};

static void numbers_read_back(void **state)
{
    (void)state;
    sw_buf out;
    sw_buf_init(&out, NULL, 1000);
    for (size_t i = 0; i < SW_COUNTOF(NUMBER_CASES); i++) {
        sw_json j = sw_json_make(&out, false);
        sw_json_f64(&j, NUMBER_CASES[i].value);
        expect(&out, NUMBER_CASES[i].text);
    }
    sw_json j = sw_json_make(&out, false);
    sw_json_array_begin(&j);
    sw_json_u64(&j, UINT64_MAX);
    sw_json_s64(&j, INT64_MIN);
    sw_json_bool(&j, true);
    sw_json_bool(&j, false);
    sw_json_array_end(&j);
    expect(&out, "[18446744073709551615,-9223372036854775808,true,false]");
}

static void a_full_buffer_is_told_at_the_end(void **state)
{
    (void)state;
    for (size_t max = 0; max < 64; max++) {
        sw_buf out;
        sw_buf_init(&out, NULL, max);
        sw_json j = sw_json_make(&out, true);
        write_sample(&j);
        assert_int_equal(sw_buf_status(&out), SW_LIMIT);
        assert_true(out.len <= max);
        sw_buf_clear(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structure),
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(numbers_read_back),
        cmocka_unit_test(a_full_buffer_is_told_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
