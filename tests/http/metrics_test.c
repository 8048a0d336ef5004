/* Counters of several workers as Prometheus reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "http/server/metrics.h"

static sw_metrics workers[2];

/* Lines that must be there when the first worker has had the answers below, the second half of
 * them again. */
static const char *const LINES[] = {
    "# TYPE swell_responses_total counter\n",
    "swell_responses_total{class=\"none\"} 1\n",
    "swell_responses_total{class=\"2xx\"} 3\n",
    "swell_responses_total{class=\"4xx\"} 0\n",
    "swell_responses_total{class=\"5xx\"} 2\n",
    "# TYPE swell_request_seconds histogram\n",
    "swell_request_seconds_bucket{le=\"5e-05\"} 1\n",
    "swell_request_seconds_bucket{le=\"0.0001\"} 3\n",
    "swell_request_seconds_bucket{le=\"10\"} 5\n",
    "swell_request_seconds_bucket{le=\"+Inf\"} 6\n",
    "swell_request_seconds_count 6\n",
    "swell_connections_accepted_total 12\n",
    "# TYPE swell_connections gauge\n",
    "swell_connections 7\n",
    "# TYPE swell_http_resets_total counter\n",
    "swell_http_resets_total 9\n",
    "swell_http_timeouts_total 0\n",
    "swell_http_refused_total{status=\"408\"} 3\n",
    "swell_http_refused_total{status=\"4xx\"} 2\n",
    "swell_http_refused_total{status=\"5xx\"} 1\n",
};

static void test_text(void **state)
{
    (void)state;
    const sw_metrics *all[] = {&workers[0], &workers[1]};
    sw_buf text;
    sw_buf_init(&text, NULL, 1 << 20);
    sw_metrics_answer(&workers[0], 200, 50 * 1000);
    sw_metrics_answer(&workers[0], 204, 50 * 1000 + 1000);
    sw_metrics_answer(&workers[1], 200, 99 * 1000);
    sw_metrics_answer(&workers[1], 500, 2 * 1000 * 1000);
    sw_metrics_answer(&workers[0], 503, UINT64_C(9000) * 1000 * 1000);
    sw_metrics_answer(&workers[0], 0, UINT64_C(3600) * 1000 * 1000 * 1000);
    sw_count(&workers[0].accepted, 5);
    sw_count(&workers[1].accepted, 7);
    sw_gauge(&workers[0].connections, 3);
    sw_gauge(&workers[1].connections, 4);
    static sw_http_counters http; /* the second worker has none yet */
    static const uint16_t REFUSED[] = {408, 417, 408, 501, 400, 408};
    for (size_t i = 0; i < SW_COUNTOF(REFUSED); i++) {
        sw_count(&http.refused[sw_http_refusal_of(REFUSED[i])], 1);
    }
    sw_count(&http.resets, 9);
    workers[0].http = &http;
    sw_metrics_write(all, 2, &text);
    sw_buf_u8(&text, '\0');
    assert_int_equal(sw_buf_status(&text), SW_OK);
    for (size_t i = 0; i < SW_COUNTOF(LINES); i++) {
        if (strstr((const char *)text.ptr, LINES[i]) == NULL) {
            print_error("lacks %s in\n%s\n", LINES[i], (const char *)text.ptr);
        }
        assert_non_null(strstr((const char *)text.ptr, LINES[i]));
    }
    sw_buf_clear(&text);
}

/* Each key has one help and one type line before its values, and every value is a number. */
static void test_form(void **state)
{
    (void)state;
    const sw_metrics *all[] = {&workers[0]};
    sw_buf text;
    sw_buf_init(&text, NULL, 1 << 20);
    sw_metrics_write(all, 1, &text);
    sw_buf_u8(&text, '\0');
    unsigned helps = 0, types = 0;
    for (char *line = (char *)text.ptr; *line != '\0';) {
        char *end = strchr(line, '\n');
        assert_non_null(end);
        *end = '\0';
        helps += strncmp(line, "# HELP swell_", 13) == 0;
        types += strncmp(line, "# TYPE swell_", 13) == 0;
        if (line[0] != '#') {
            const char *value = strrchr(line, ' ');
            assert_non_null(value);
            assert_int_equal(strspn(value + 1, "0123456789."), strlen(value + 1));
        }
        line = end + 1;
    }
    assert_true(helps > 15);
    assert_int_equal(helps, types);
    sw_buf_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
