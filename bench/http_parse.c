/* What reading a request's head costs: prints, for each of a few heads, bytes, nanoseconds and
 * MB/s, the lowest of ten runs; and the same for writing an answer's head.
 *
 *     http_parse [ROUNDS]
 */
#include "http/h1_parse.h"
#include "http/h1_write.h"
#include "os/clock.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct sample {
    const char *name;
    sw_str head;
} sample;

// clang-format off
static const sample SAMPLES[] = {
    {"wrk", SW_STR_INIT("GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n")},
    {"curl", SW_STR_INIT("GET /hello HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n")},
    {"browser", SW_STR_INIT(
        "GET /assets/app/main.8f3b2c.js?v=20261122 HTTP/1.1\r\n"
        "Host: www.example.com\r\n"
        "Connection: keep-alive\r\n"
        "sec-ch-ua: \"Chromium\";v=\"130\", \"Not?A_Brand\";v=\"99\"\r\n"
        "sec-ch-ua-mobile: ?0\r\n"
        "sec-ch-ua-platform: \"Linux\"\r\n"
        "Upgrade-Insecure-Requests: 1\r\n"
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36\r\n"
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8\r\n"
        "Sec-Fetch-Site: same-origin\r\n"
        "Sec-Fetch-Mode: navigate\r\n"
        "Sec-Fetch-User: ?1\r\n"
        "Sec-Fetch-Dest: document\r\n"
        "Referer: https://www.example.com/some/where/else?with=query\r\n"
        "Accept-Encoding: gzip, deflate, br, zstd\r\n"
        "Accept-Language: en-GB,en-US;q=0.9,en;q=0.8,de;q=0.7\r\n"
        "Cookie: visit=5f1c8a0e9b7d4c3f8a6e2d1b0c9f8e7d; theme=dark; consent=yes-2026-11-01; _ga=GA1.1.123456789.1700000000\r\n"
        "\r\n")},
};
// clang-format on

static uint64_t now_ns(void)
{
    return sw_clock_monotonic_ns();
}

static double read_once(const sample *s, sw_http_head *head, uint32_t rounds)
{
    const sw_h1_limits limits = {32 * 1024, 128, 8 * 1024};
    uint64_t start = now_ns();
    for (uint32_t i = 0; i < rounds; i++) {
        sw_h1_scan scan = {};
        sw_h1_framing framing;
        sw_h1_error error;
        if (sw_h1_read_request(&scan, sw_str_bytes(s->head), &limits, head, &framing, &error) !=
            SW_H1_DONE) {
            exit(1);
        }
    }
    return (double)(now_ns() - start) / rounds;
}

static double write_once(const sw_http_head *head, sw_buf *b, uint32_t rounds)
{
    const sw_h1_write w = {.length = 13, .date = SW_STR("Sun, 06 Nov 1994 08:49:37 GMT")};
    uint64_t start = now_ns();
    for (uint32_t i = 0; i < rounds; i++) {
        b->len = 0;
        sw_h1_write_response(b, head, &w);
    }
    return (double)(now_ns() - start) / rounds;
}

int main(int argc, char **argv)
{
    enum { RUNS = 2000 };
    uint32_t rounds = argc > 1 ? (uint32_t)atoi(argv[1]) : 1000000;
    sw_http_head head;
    sw_buf b;
    sw_http_head_init(&head, NULL, 128, 32 * 1024);
    sw_buf_init(&b, NULL, 1 << 20);
    for (size_t i = 0; i < SW_COUNTOF(SAMPLES); i++) {
        const sample *s = &SAMPLES[i];
        double best = 1e9;
        for (int run = 0; run < RUNS; run++) {
            double ns = read_once(s, &head, rounds / RUNS);
            best = SW_MIN(best, ns);
        }
        printf("read %-8s %5zu bytes %3u fields %8.1f ns %8.0f MB/s\n", s->name, s->head.len,
               head.fields.count, best, (double)s->head.len * 1e3 / best);
    }
    sw_http_head_reset(&head);
    head.status = 200;
    double best = 1e9;
    if (sw_http_fields_append(&head.fields, SW_STR("content-type"), SW_STR("text/plain")) !=
        SW_OK) {
        return 1;
    }
    for (int run = 0; run < RUNS; run++) {
        double ns = write_once(&head, &b, rounds / RUNS);
        best = SW_MIN(best, ns);
    }
    printf("write answer   %5zu bytes             %8.1f ns\n", b.len, best);
    sw_buf_clear(&b);
    sw_http_head_clear(&head);
    return 0;
}
