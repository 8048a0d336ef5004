/* Spans: their texts, the ring between two threads, and the lists of OTLP's configuration. */
#include "http/server/otlp.h"
#include "os/thread.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void texts(void **state)
{
    (void)state;
    sw_span s = {};
    char longer[400];
    memset(longer, 'p', sizeof longer);
    sw_span_add(&s, SW_SPAN_METHOD, SW_STR("GET"));
    sw_span_add(&s, SW_SPAN_PATH, (sw_str){longer, sizeof longer});
    sw_span_add(&s, SW_SPAN_ERROR, SW_STR("trap"));
    assert_int_equal(sw_span_text(&s, SW_SPAN_PATH).len, 256);
    assert_true(sw_str_eq(sw_span_text(&s, SW_SPAN_METHOD), SW_STR("GET")));
    assert_true(sw_str_eq(sw_span_text(&s, SW_SPAN_HOST), SW_STR("")));
    assert_true(sw_str_eq(sw_span_text(&s, SW_SPAN_ERROR), SW_STR("trap")));
}

static void nobody_wants_any(void **state)
{
    (void)state;
    sw_span_ring r = {};
    assert_null(sw_span_ring_place(&r));
    assert_null(sw_span_ring_oldest(&r));
    assert_int_equal(sw_counter_get(&r.dropped), 0);
    sw_span_ring_clear(&r);
}

static void full_ring(void **state)
{
    (void)state;
    sw_span_ring r = {};
    unsigned told = 0;
    assert_int_equal(sw_span_ring_init(&r), SW_OK);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < SW_SPAN_RING_COUNT; i++) {
            sw_span *s = sw_span_ring_place(&r);
            assert_non_null(s);
            assert_int_equal(s->number, 0);
            s->number = i + 1;
            told += sw_span_ring_push(&r);
        }
        assert_null(sw_span_ring_place(&r));
        assert_int_equal(sw_counter_get(&r.dropped), round + 1);
        assert_int_equal(told, round + 1);
        for (unsigned i = 0; i < SW_SPAN_RING_COUNT; i++) {
            assert_int_equal(sw_span_ring_oldest(&r)->number, i + 1);
            sw_span_ring_pop(&r);
        }
        assert_null(sw_span_ring_oldest(&r));
    }
    sw_span_ring_clear(&r);
}

enum { PASSED = 100000 };

static void *write_all(void *arg)
{
    sw_span_ring *r = arg;
    for (uint64_t i = 1; i <= PASSED;) {
        sw_span *s = sw_span_ring_place(r);
        if (s != NULL) {
            s->number = i;
            s->status = (uint16_t)i;
            (void)sw_span_ring_push(r);
            i++;
        }
    }
    return NULL;
}

static void two_threads(void **state)
{
    (void)state;
    sw_span_ring r = {};
    pthread_t writer;
    assert_int_equal(sw_span_ring_init(&r), SW_OK);
    assert_int_equal(sw_thread_start(&writer, write_all, &r), SW_OK);
    for (uint64_t i = 1; i <= PASSED;) {
        const sw_span *s = sw_span_ring_oldest(&r);
        if (s != NULL) {
            assert_int_equal(s->number, i);
            assert_int_equal(s->status, (uint16_t)i);
            sw_span_ring_pop(&r);
            i++;
        }
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
    sw_span_ring_clear(&r);
}

static void lists(void **state)
{
    (void)state;
    static const struct {
        const char *list, *read; /* "key<value>key<value>", with ! where it is malformed */
    } ROWS[] = {
        {"",              ""        },
        {" , ,",          ""        },
        {"a=1",           "a<1>"    },
        {" a = 1 , b=2 ", "a<1>b<2>"},
        {"a=b=c",         "a<b=c>"  },
        {"a=",            "a<>"     },
        {"a=%2C%3d%00",   "a<,=\0>" },
        {"a=1,b",         "a<1>!"   },
        {"=1",            "!"       },
        {"a=%",           "!"       },
        {"a=%2",          "!"       },
        {"a=%2g",         "!"       },
    };
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        char value[64];
        sw_buf b;
        int got;
        sw_str key, text, list = sw_str_of(ROWS[i].list);
        sw_buf_init(&b, NULL, 100);
        while ((got = sw_otlp_next_pair(&list, &key, value, &text)) > 0) {
            sw_buf_str(&b, key);
            sw_buf_u8(&b, '<');
            sw_buf_str(&b, text);
            sw_buf_u8(&b, '>');
        }
        sw_buf_str(&b, got < 0 ? SW_STR("!") : SW_STR(""));
        sw_buf_u8(&b, 0);
        if (strcmp((const char *)b.ptr, ROWS[i].read) != 0) {
            fail_msg("'%s' gives '%s'", ROWS[i].list, (const char *)b.ptr);
        }
        sw_buf_clear(&b);
    }
}

/* The whole text of a small request. */
static void json(void **state)
{
    (void)state;
    static const char *const WANTED =
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":["
        "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"shop\"}},"
        "{\"key\":\"telemetry.sdk.name\",\"value\":{\"stringValue\":\"swell\"}},"
        "{\"key\":\"telemetry.sdk.language\",\"value\":{\"stringValue\":\"c\"}}]},"
        "\"scopeSpans\":[{\"scope\":{\"name\":\"swell\"},\"spans\":["
        "{\"traceId\":\"01000000000000000000000000000000\",\"spanId\":\"0200000000000000\","
        "\"parentSpanId\":\"0300000000000000\",\"flags\":769,\"name\":\"GET\",\"kind\":2,"
        "\"startTimeUnixNano\":\"1\",\"endTimeUnixNano\":\"18446744073709551615\",\"attributes\":["
        "{\"key\":\"http.request.method\",\"value\":{\"stringValue\":\"GET\"}},"
        "{\"key\":\"http.response.status_code\",\"value\":{\"intValue\":\"500\"}},"
        "{\"key\":\"error.type\",\"value\":{\"stringValue\":\"500\"}},"
        "{\"key\":\"swell.request\",\"value\":{\"stringValue\":\"0-17\"}}],"
        "\"status\":{\"code\":2}}]}]}]}";
    sw_span s = {
        .trace = {.id = {1}, .span = {2}, .flags = 1},
        .parent = {3},
        .is_known_method = true,
        .status = 500,
        .number = 17,
        .start_ns = 1,
        .end_ns = UINT64_MAX
    };
    sw_buf b;
    sw_buf_init(&b, NULL, 10000);
    sw_json j = sw_json_make(&b, false);
    sw_span_add(&s, SW_SPAN_METHOD, SW_STR("GET"));
    sw_otlp_write_begin(&j, &(sw_otlp_config){.name = "shop"});
    sw_otlp_write_span(&j, &s);
    sw_otlp_write_end(&j);
    sw_buf_u8(&b, 0);
    assert_string_equal((const char *)b.ptr, WANTED);
    sw_buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),     cmocka_unit_test(nobody_wants_any),
        cmocka_unit_test(full_ring), cmocka_unit_test(two_threads),
        cmocka_unit_test(lists),     cmocka_unit_test(json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
