#include "service.h"

#include "os/clock.h"
#include "os/loop.h"

#include <time.h>

enum { SPARE_EXCHANGES = 64, NS_PER_S = 1000000000 };

const sw_http_limits sw_http_limits_default = {
    .head_bytes = 32 * 1024,
    .head_fields = 128,
    .path_bytes = 8 * 1024,
    .trailer_bytes = 8 * 1024,
    .body_bytes = (uint64_t)1 << 30,
    .pipe_bytes = 64 * 1024,
    .drain_bytes = 64 * 1024,
    .requests = 0,
    .streams = 128,
    .head_ns = 10LL * NS_PER_S,
    .body_idle_ns = 30LL * NS_PER_S,
    .keep_alive_ns = 60LL * NS_PER_S,
    .write_stall_ns = 30LL * NS_PER_S,
    .body_min_rate = 500,
    .half_close_ns = 1LL * NS_PER_S,
};

sw_status sw_http_service_init(sw_http_service *s, sw_loop *loop, sw_budget *budget,
                               const sw_http_limits *limits)
{
    *s = (sw_http_service){.loop = loop, .budget = budget, .limits = *limits, .date_second = -1};
    sw_buf_init(&s->spare_buf, budget, SW_HTTP_TEXT_MAX);
    s->scratch = sw_alloc(budget, SW_HTTP_SCRATCH_BYTES);
    return s->scratch == NULL ? SW_NO_MEMORY : SW_OK;
}

void sw_http_service_clear(sw_http_service *s)
{
    assert(s->connections_count == 0 && s->exchanges_count == 0);
    while (s->spare != NULL) {
        sw_exchange *x = s->spare;
        s->spare = x->next;
        sw_exchange_free(x);
    }
    s->spare_count = 0;
    sw_buf_clear(&s->spare_buf);
    sw_free(s->budget, s->scratch, SW_HTTP_SCRATCH_BYTES);
    s->scratch = NULL;
}

/* Calls one of the operations of every connection; it may end the connection. */
static void for_each(sw_http_service *s, bool cuts)
{
    sw_http_conn *next;
    for (sw_http_conn *c = s->connections; c != NULL; c = next) {
        next = c->next;
        (cuts ? c->ops->cut : c->ops->drain)(c);
    }
}

void sw_http_service_drain(sw_http_service *s)
{
    s->is_draining = true;
    for_each(s, false);
}

void sw_http_service_cut(sw_http_service *s)
{
    s->is_draining = true;
    for_each(s, true);
}

/*
 * Exchanges.
 */

/* Heads of answers are the guest's, which has its own limits; these are only the last ones. */
static sw_exchange_limits limits_of(const sw_http_service *s)
{
    return (sw_exchange_limits){
        .fields = SW_MAX(s->limits.head_fields, 256U),
        .head_bytes = SW_MAX(s->limits.head_bytes, 64U * 1024),
        .pipe_bytes = s->limits.pipe_bytes,
    };
}

static void dispose(sw_exchange *x)
{
    sw_http_service *s = x->service;
    s->exchanges_count--;
    if (s->spare_count >= SPARE_EXCHANGES) {
        sw_exchange_free(x);
        return;
    }
    x->next = s->spare;
    s->spare = x;
    s->spare_count++;
}

sw_exchange *sw_http_exchange_take(sw_http_service *s)
{
    const sw_exchange_limits limits = limits_of(s);
    sw_exchange *x = s->spare;
    if (x != NULL) {
        s->spare = x->next;
        s->spare_count--;
        sw_exchange_renew(x, &limits);
    } else {
        x = sw_exchange_new(s->budget, &limits);
        if (x == NULL) {
            return NULL;
        }
        x->dispose = dispose;
        x->service = s;
    }
    s->exchanges_count++;
    return x;
}

sw_http_refusal sw_http_refusal_of(uint16_t status)
{
    static const uint16_t STATUS[] = {[SW_HTTP_REFUSED_408] = 408,
                                      [SW_HTTP_REFUSED_413] = 413,
                                      [SW_HTTP_REFUSED_414] = 414,
                                      [SW_HTTP_REFUSED_431] = 431};
    for (uint32_t i = 0; i < SW_COUNTOF(STATUS); i++) {
        if (STATUS[i] == status) {
            return (sw_http_refusal)i;
        }
    }
    return status < 500 ? SW_HTTP_REFUSED_4XX : SW_HTTP_REFUSED_5XX;
}

/*
 * Connections.
 */

void sw_http_conn_link(sw_http_service *s, sw_http_conn *c)
{
    c->service = s;
    c->prev = NULL;
    c->next = s->connections;
    if (c->next != NULL) {
        c->next->prev = c;
    }
    s->connections = c;
    s->connections_count++;
}

void sw_http_conn_unlink(sw_http_conn *c)
{
    sw_http_service *s = c->service;
    *(c->prev == NULL ? &s->connections : &c->prev->next) = c->next;
    if (c->next != NULL) {
        c->next->prev = c->prev;
    }
    s->connections_count--;
}

void sw_http_conn_closed(sw_http_service *s, void *peer)
{
    if (s->on_closed != NULL) {
        s->on_closed(s, peer);
    }
}

sw_str sw_http_service_date(sw_http_service *s)
{
    static const char DAYS[] = "SunMonTueWedThuFriSat";
    static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != s->date_second) {
        struct tm t;
        gmtime_r(&now.tv_sec, &t);
        sw_buf b = {
            .ptr = (uint8_t *)s->date, .capacity = sizeof s->date, .max_bytes = sizeof s->date};
        sw_buf_printf(&b, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", DAYS + 3 * t.tm_wday,
                      t.tm_mday, MONTHS + 3 * t.tm_mon, t.tm_year + 1900, t.tm_hour, t.tm_min,
                      t.tm_sec);
        s->date_second = now.tv_sec;
    }
    return (sw_str){s->date, 29};
}
