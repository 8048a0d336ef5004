/* Trace contexts: what is one, a row a fact of the standard, and what becomes of it. */
#include "http/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define ID   "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"
#define GOOD "00-" ID "-" SPAN "-01"

static const struct {
    const char *text;
    bool is_valid;
    uint8_t flags;
} PARENTS[] = {
    {GOOD,                                              true,  1},
    {"00-" ID "-" SPAN "-00",                           true,  0},
    {"00-" ID "-" SPAN "-02",                           true,  2},
    {"00-" ID "-" SPAN "-03",                           true,  3},
    /* Flags that nobody knows are dropped. */
    {"00-" ID "-" SPAN "-ff",                           true,  3},
    {"00-" ID "-" SPAN "-08",                           true,  0},
    /* Another version may have more behind, and is read as far as is known. */
    {"01-" ID "-" SPAN "-01",                           true,  1},
    {"cc-" ID "-" SPAN "-03-what-the-future-will-be",   true,  1},
    {"fe-" ID "-" SPAN "-01-",                          true,  1},
    {"cc-" ID "-" SPAN "-01.more",                      false, 0},
    {"cc-" ID "-" SPAN "-010",                          false, 0},
    {"ff-" ID "-" SPAN "-01",                           false, 0},
    {GOOD "-more",                                      false, 0},
    {GOOD "-",                                          false, 0},
    {GOOD "0",                                          false, 0},
    {GOOD " ",                                          false, 0},
    {" " GOOD,                                          false, 0},
    {"",                                                false, 0},
    {"00",                                              false, 0},
    {"00-" ID "-" SPAN "-0",                            false, 0},
    {"00-" ID "-" SPAN,                                 false, 0},
    {"0-" ID "-" SPAN "-01-",                           false, 0},
    /* Upper case. */
    {"00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01", false, 0},
    {"00-" ID "-00F067AA0BA902B7-01",                   false, 0},
    {"00-" ID "-" SPAN "-0A",                           false, 0},
    {"0A-" ID "-" SPAN "-01",                           false, 0},
    /* All zero. */
    {"00-00000000000000000000000000000000-" SPAN "-01", false, 0},
    {"00-" ID "-0000000000000000-01",                   false, 0},
    /* Other characters and places. */
    {"00-4bf92f3577b34da6a3ce929d0e0e473g-" SPAN "-01", false, 0},
    {"00-" ID "-00f067aa0ba902b.-01",                   false, 0},
    {"00_" ID "-" SPAN "-01",                           false, 0},
    {"00-" ID "_" SPAN "-01",                           false, 0},
    {"00-" ID "-" SPAN "_01",                           false, 0},
    {"00--" ID "-" SPAN "-1",                           false, 0},
};

static void parents(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(PARENTS); i++) {
        sw_trace t = {.flags = 99};
        bool is_valid = sw_trace_read(sw_str_of(PARENTS[i].text), &t);
        if (is_valid != PARENTS[i].is_valid || t.flags != (is_valid ? PARENTS[i].flags : 99)) {
            fail_msg("'%s': %d, flags %u", PARENTS[i].text, is_valid, t.flags);
        }
    }
}

static void written_as_read(void **state)
{
    (void)state;
    char text[SW_TRACE_TEXT_BYTES];
    sw_trace t;
    assert_true(sw_trace_read(SW_STR(GOOD), &t));
    assert_true(sw_trace_is_set(&t));
    sw_trace_write(&t, text);
    assert_memory_equal(text, GOOD, sizeof text);
}

static char *repeated(char *to, size_t count, char c)
{
    memset(to, c, count);
    to[count] = '\0';
    return to;
}

static void states(void **state)
{
    (void)state;
    static const struct {
        const char *lines[3];
        bool is_valid;
    } ROWS[] = {
        {{},                      true },
        {{""},                    true },
        {{"a=1"},                 true },
        {{"a=1,b=2", "c=3"},      true },
        {{" a=1 ,\tb=2\t, "},     true },
        {{"a=1,,b=2,"},           true },
        {{"0tenant@system=x"},    true },
        {{"a0_-*/=x"},            true },
        {{"a= 1"},                true },
        {{"a=!\"#~ x"},           true },
        {{"a"},                   false},
        {{"=1"},                  false},
        {{"a="},                  false},
        {{"A=1"},                 false},
        {{"0a=1"},                false},
        {{"a b=1"},               false},
        {{"a =1"},                false},
        {{"a=1=2"},               false},
        {{"a=\xc3\xa4"},          false},
        {{"@b=1"},                false},
        {{"a@=1"},                false},
        {{"a@0b=1"},              false},
        {{"a@b@c=1"},             false},
        {{"a@bcdefghijklmno=1"},  true },
        {{"a@bcdefghijklmnop=1"}, false},
        {{"a=1,a=2"},             false},
        {{"a=1", "b=2", "a=3"},   false},
        {{"a=1;b=2,c"},           false},
    };
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        sw_http_fields f;
        sw_http_fields_init(&f, NULL, 100, 10000);
        for (size_t k = 0; k < 3 && ROWS[i].lines[k] != NULL; k++) {
            assert_int_equal(
                sw_http_fields_append(&f, SW_STR("TraceState"), sw_str_of(ROWS[i].lines[k])),
                SW_OK);
        }
        if (sw_trace_state_is_valid(&f) != ROWS[i].is_valid) {
            fail_msg("row %zu: '%s'", i, ROWS[i].lines[0]);
        }
        sw_http_fields_clear(&f);
    }
}

static bool is_state(const char *text)
{
    sw_http_fields f;
    sw_http_fields_init(&f, NULL, 100, 100000);
    assert_int_equal(sw_http_fields_append(&f, SW_STR("tracestate"), sw_str_of(text)), SW_OK);
    bool is_valid = sw_trace_state_is_valid(&f);
    sw_http_fields_clear(&f);
    return is_valid;
}

static void long_states(void **state)
{
    (void)state;
    char part[300], text[3000];
    for (size_t count = 256; count <= 257; count++) {
        (void)snprintf(text, sizeof text, "%s=1", repeated(part, count, 'k'));
        assert_int_equal(is_state(text), count == 256);
        (void)snprintf(text, sizeof text, "k=%s", repeated(part, count, 'v'));
        assert_int_equal(is_state(text), count == 256);
    }
    for (size_t count = 241; count <= 242; count++) {
        (void)snprintf(text, sizeof text, "%s@system=1", repeated(part, count, 't'));
        assert_int_equal(is_state(text), count == 241);
    }
    for (int count = 32; count <= 33; count++) {
        size_t used = 0;
        for (int i = 0; i < count; i++) {
            used += (size_t)snprintf(text + used, sizeof text - used, "k%d=v,", i);
        }
        assert_int_equal(is_state(text), count == 32);
    }
}

/* What stands in the fields of a request, and what does when a context has been put there. */
static void fields_of_requests(void **state)
{
    (void)state;
    static const struct {
        const char *parents[2], *line;
        bool is_valid, keeps_state;
    } ROWS[] = {
        {{GOOD},             "a=1", true,  true },
        {{GOOD},             "a",   true,  false},
        {{GOOD},             NULL,  true,  true },
        {{GOOD, GOOD},       "a=1", false, false},
        {{GOOD, "nonsense"}, "a=1", false, false},
        {{"nonsense"},       "a=1", false, false},
        {{},                 "a=1", false, false},
    };
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        sw_http_fields f;
        sw_trace t = {.id = {1}, .span = {2}, .flags = 1}, got;
        sw_http_fields_init(&f, NULL, 100, 10000);
        for (size_t k = 0; k < 2 && ROWS[i].parents[k] != NULL; k++) {
            assert_int_equal(
                sw_http_fields_append(&f, SW_STR("traceparent"), sw_str_of(ROWS[i].parents[k])),
                SW_OK);
        }
        if (ROWS[i].line != NULL) {
            assert_int_equal(
                sw_http_fields_append(&f, SW_STR("tracestate"), sw_str_of(ROWS[i].line)), SW_OK);
        }
        assert_int_equal(sw_trace_get(&f, &got), ROWS[i].is_valid);
        assert_int_equal(sw_trace_set(&f, &t), SW_OK);
        assert_true(sw_trace_get(&f, &got));
        assert_memory_equal(&got, &t, sizeof t);
        assert_int_equal(f.count, 1 + (ROWS[i].line != NULL && ROWS[i].keeps_state));
        sw_http_fields_clear(&f);
    }
}

static void ids(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static uint8_t all[COUNT][16];
    sw_trace_ids source;
    assert_int_equal(sw_trace_ids_init(&source), SW_OK);
    for (int i = 0; i < COUNT; i++) {
        sw_trace_ids_take(&source, all[i], sizeof all[i]);
        for (int k = 0; k < i; k++) {
            assert_memory_not_equal(all[i], all[k], sizeof all[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parents),
        cmocka_unit_test(written_as_read),
        cmocka_unit_test(states),
        cmocka_unit_test(long_states),
        cmocka_unit_test(fields_of_requests),
        cmocka_unit_test(ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
