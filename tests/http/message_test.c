/* Lists of fields, parts of heads, and what may stand where. */
#include "http/exchange.h"
#include "http/message.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct rule_case {
    const char *text;
    bool (*rule)(sw_str s);
    bool holds;
} rule_case;

// clang-format off
static const rule_case RULE_CASES[] = {
    {"a", sw_http_is_name, true},
    {"X-Long_Name.1", sw_http_is_name, true},
    {"!#$%&'*+-.^_`|~", sw_http_is_name, true},
    {"", sw_http_is_name, false},
    {"a b", sw_http_is_name, false},
    {"a:", sw_http_is_name, false},
    {"a\t", sw_http_is_name, false},
    {"a\r", sw_http_is_name, false},
    {"\xc3\xa4", sw_http_is_name, false},
    {"a(b)", sw_http_is_name, false},
    {"", sw_http_is_value, true},
    {"a\tb c", sw_http_is_value, true},
    {"\xc3\xa4\xff", sw_http_is_value, true},
    {"a\rb", sw_http_is_value, false},
    {"a\nb", sw_http_is_value, false},
    {"a\x7f", sw_http_is_value, false},
    {"a\x01", sw_http_is_value, false},
    {"GET", sw_http_is_method, true},
    {"get", sw_http_is_method, true},
    {"M-SEARCH", sw_http_is_method, true},
    {"G ET", sw_http_is_method, false},
    {"", sw_http_is_method, false},
    {"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF", sw_http_is_method, true},
    {"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG", sw_http_is_method, false},
    {"/", sw_http_is_path, true},
    {"/a/../b?c=%zz&d=[{|}]", sw_http_is_path, true},
    {"/\xc3\xa4", sw_http_is_path, true},
    {"/\xc3", sw_http_is_path, false},
    {"*", sw_http_is_path, true},
    {"*a", sw_http_is_path, false},
    {"", sw_http_is_path, false},
    {"a", sw_http_is_path, false},
    {"/a b", sw_http_is_path, false},
    {"/a#b", sw_http_is_path, false},
    {"/a\x7f", sw_http_is_path, false},
    {"example.com", sw_http_is_authority, true},
    {"example.com:80", sw_http_is_authority, true},
    {"example.com:", sw_http_is_authority, true},
    {"example.com:65535", sw_http_is_authority, true},
    {"example.com:65536", sw_http_is_authority, false},
    {"example.com:+80", sw_http_is_authority, false},
    {"example.com:80a", sw_http_is_authority, false},
    {"example.com:000080", sw_http_is_authority, false},
    {":80", sw_http_is_authority, false},
    {"", sw_http_is_authority, false},
    {"a@b", sw_http_is_authority, false},
    {"a/b", sw_http_is_authority, false},
    {"a b", sw_http_is_authority, false},
    {"a,b", sw_http_is_authority, true},
    {"a_b%20", sw_http_is_authority, true},
    {"[::1]", sw_http_is_authority, true},
    {"[::ffff:1.2.3.4]:80", sw_http_is_authority, true},
    {"[v1.x:y]", sw_http_is_authority, false},
    {"[v1.xy]", sw_http_is_authority, true},
    {"[::1", sw_http_is_authority, false},
    {"[]", sw_http_is_authority, false},
    {"[::1]80", sw_http_is_authority, false},
    {"[::g]", sw_http_is_authority, false},
    {"[fe80::1%25eth0]", sw_http_is_authority, false},
    {"http", sw_http_is_scheme, true},
    {"coap+tcp", sw_http_is_scheme, true},
    {"1a", sw_http_is_scheme, false},
    {"", sw_http_is_scheme, false},
    {"a_b", sw_http_is_scheme, false},
    {"Transfer-Encoding", sw_http_is_forbidden, true},
    {"host", sw_http_is_forbidden, true},
    {"hosts", sw_http_is_forbidden, false},
    {"te", sw_http_is_forbidden, false},
    {"content-length", sw_http_is_forbidden, false},
};
// clang-format on

static void rules_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(RULE_CASES); i++) {
        const rule_case *c = &RULE_CASES[i];
        if (c->rule(sw_str_of(c->text)) != c->holds) {
            fail_msg("row %zu: \"%s\" is %s", i, c->text, c->holds ? "refused" : "accepted");
        }
    }
}

typedef struct length_case {
    const char *text;
    bool is_length;
    uint64_t value;
} length_case;

static const length_case LENGTH_CASES[] = {
    {"0",                    true,  0                 },
    {"10",                   true,  10                },
    {"007",                  true,  7                 },
    {"999999999999999999",   true,  999999999999999999},
    {"1000000000000000000",  false, 0                 },
    {"18446744073709551616", false, 0                 },
    {"",                     false, 0                 },
    {"+1",                   false, 0                 },
    {"-1",                   false, 0                 },
    {"1 ",                   false, 0                 },
    {"0x10",                 false, 0                 },
    {"1,1",                  false, 0                 },
    {"1e3",                  false, 0                 },
};

static void lengths_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(LENGTH_CASES); i++) {
        const length_case *c = &LENGTH_CASES[i];
        uint64_t value = 0;
        assert_int_equal(sw_http_read_length(sw_str_of(c->text), &value), c->is_length);
        assert_int_equal(value, c->value);
    }
}

static void assert_field(const sw_http_fields *f, uint32_t index, const char *name,
                         const char *value)
{
    assert_true(index < f->count);
    assert_true(sw_str_eq(sw_http_field_name(f, index), sw_str_of(name)));
    assert_true(sw_str_eq(sw_http_field_value(f, index), sw_str_of(value)));
}

static void fields_keep_order(void **state)
{
    (void)state;
    sw_http_fields f;
    sw_str value;
    sw_http_fields_init(&f, NULL, 3, 1000);
    assert_int_equal(sw_http_fields_append(&f, SW_STR("B-One"), SW_STR(" 1\t")), SW_OK);
    assert_int_equal(sw_http_fields_append(&f, SW_STR("a"), SW_STR("")), SW_OK);
    assert_int_equal(sw_http_fields_append(&f, SW_STR("b-one"), SW_STR("2  3")), SW_OK);
    assert_int_equal(sw_http_fields_append(&f, SW_STR("c"), SW_STR("")), SW_LIMIT);
    assert_int_equal(sw_http_fields_append(&f, SW_STR("c:"), SW_STR("")), SW_ARGUMENT);
    assert_int_equal(sw_http_fields_append(&f, SW_STR("c"), SW_STR("\n")), SW_ARGUMENT);
    assert_int_equal(f.count, 3);
    assert_field(&f, 0, "b-one", "1");
    assert_field(&f, 1, "a", "");
    assert_field(&f, 2, "b-one", "2  3");
    assert_int_equal(sw_http_fields_find(&f, SW_STR("B-ONE"), 1), 2);
    assert_int_equal(sw_http_fields_find(&f, SW_STR("x"), 0), 3);
    assert_true(sw_http_fields_get(&f, SW_STR("B-one"), &value));
    assert_true(sw_str_eq(value, SW_STR("1")));
    assert_int_equal(sw_http_fields_remove(&f, SW_STR("B-ONE")), 2);
    assert_field(&f, 0, "a", "");
    assert_int_equal(f.field_bytes, 1 + SW_HTTP_FIELD_COST);
    assert_false(sw_http_fields_get(&f, SW_STR("b-one"), &value));
    assert_int_equal(value.len, 0);
    sw_http_fields_clear(&f);
}

static void bytes_are_limited(void **state)
{
    (void)state;
    sw_http_fields f;
    sw_http_fields_init(&f, NULL, 100, 20);
    assert_int_equal(sw_http_fields_append(&f, SW_STR("abc"), SW_STR("0123456789abcd")), SW_LIMIT);
    assert_int_equal(sw_http_fields_append(&f, SW_STR("abc"), SW_STR("0123456789abc")), SW_OK);
    assert_int_equal(sw_http_fields_append(&f, SW_STR("a"), SW_STR("")), SW_LIMIT);
    assert_int_equal(sw_http_fields_remove(&f, SW_STR("abc")), 1);
    assert_int_equal(sw_http_fields_append(&f, SW_STR("a"), SW_STR("")), SW_OK);
    sw_http_fields_clear(&f);
}

/* A guest that sets and removes for ever must not make the block grow. */
static void garbage_is_reclaimed(void **state)
{
    (void)state;
    sw_http_head h;
    char bytes[500];
    const sw_str value = {bytes, sizeof bytes};
    memset(bytes, 'v', sizeof bytes);
    sw_http_head_init(&h, NULL, 10, 10000);
    assert_int_equal(sw_http_head_set_part(&h, SW_HTTP_PATH, SW_STR("/path")), SW_OK);
    assert_int_equal(sw_http_fields_append(&h.fields, SW_STR("kept"), SW_STR("here")), SW_OK);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(sw_http_fields_append(&h.fields, SW_STR("passing"), value), SW_OK);
        assert_int_equal(sw_http_fields_remove(&h.fields, SW_STR("passing")), 1);
    }
    assert_true(h.fields.text_capacity < 8192);
    assert_true(sw_str_eq(sw_http_head_part(&h, SW_HTTP_PATH), SW_STR("/path")));
    assert_field(&h.fields, 0, "kept", "here");
    sw_http_head_clear(&h);
}

static void heads_are_copied(void **state)
{
    (void)state;
    sw_http_head a;
    sw_http_head b;
    sw_budget budget;
    sw_budget_init(&budget, SIZE_MAX);
    sw_http_head_init(&a, &budget, 10, 1000);
    sw_http_head_init(&b, &budget, 10, 1000);
    assert_int_equal(sw_http_head_set_method(&a, SW_STR("PURGE")), SW_OK);
    assert_int_equal(a.method, SW_HTTP_OTHER);
    assert_int_equal(sw_http_head_set_part(&a, SW_HTTP_AUTHORITY, SW_STR("h:1")), SW_OK);
    assert_int_equal(sw_http_fields_append(&a.fields, SW_STR("x"), SW_STR("y")), SW_OK);
    assert_int_equal(sw_http_head_copy(&b, &a), SW_OK);
    sw_http_head_reset(&a);
    assert_int_equal(sw_http_head_part(&a, SW_HTTP_AUTHORITY).len, 0);
    assert_true(sw_str_eq(sw_http_head_method(&b), SW_STR("PURGE")));
    assert_true(sw_str_eq(sw_http_head_part(&b, SW_HTTP_AUTHORITY), SW_STR("h:1")));
    assert_field(&b.fields, 0, "x", "y");
    assert_int_equal(sw_http_head_set_method(&b, SW_STR("PATCH")), SW_OK);
    assert_int_equal(b.method, SW_HTTP_PATCH);
    assert_true(sw_str_eq(sw_http_head_method(&b), SW_STR("PATCH")));
    assert_int_equal(sw_http_head_set_method(&b, SW_STR("G T")), SW_ARGUMENT);
    sw_http_head_clear(&a);
    sw_http_head_clear(&b);
    assert_int_equal(budget.used_bytes, 0);
}

static sw_status fill(sw_http_fields *f)
{
    for (int i = 0; i < 40; i++) {
        SW_TRY(sw_http_fields_append(f, SW_STR("name"), SW_STR("a value of some length")));
    }
    return SW_OK;
}

static void no_memory_is_survived(void **state)
{
    (void)state;
    sw_status st = SW_NO_MEMORY;
    for (uint64_t n = 1; st != SW_OK; n++) {
        sw_http_fields f;
        sw_http_fields_init(&f, NULL, 100, 100000);
        sw_memory_fail_at(n);
        st = fill(&f);
        assert_int_equal(st, sw_memory_failed() ? SW_NO_MEMORY : SW_OK);
        sw_memory_fail_at(0);
        sw_http_fields_clear(&f);
    }
}

static void names_are_known(void **state)
{
    (void)state;
    assert_true(sw_str_eq(sw_http_reason(200), SW_STR("OK")));
    assert_true(sw_str_eq(sw_http_reason(100), SW_STR("Continue")));
    assert_true(sw_str_eq(sw_http_reason(508), SW_STR("Loop Detected")));
    assert_int_equal(sw_http_reason(299).len, 0);
    assert_int_equal(sw_http_method_of(SW_STR("get")), SW_HTTP_OTHER);
    assert_int_equal(SW_HTTP_E_COUNT, 39);
    assert_true(sw_str_eq(sw_http_error_name(SW_HTTP_E_INTERNAL_ERROR), SW_STR("internal-error")));
    assert_true(sw_str_eq(sw_http_error_name(SW_HTTP_E_NONE), SW_STR("none")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_hold),
        cmocka_unit_test(lengths_are_read),
        cmocka_unit_test(fields_keep_order),
        cmocka_unit_test(bytes_are_limited),
        cmocka_unit_test(garbage_is_reclaimed),
        cmocka_unit_test(heads_are_copied),
        cmocka_unit_test(no_memory_is_survived),
        cmocka_unit_test(names_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
