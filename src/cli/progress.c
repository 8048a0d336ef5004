#include "cli/progress.h"

#include "os/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BAR_COLUMNS = 30 };

#define REDRAW_NS (100 * SW_NS_PER_MS)

cli_progress cli_progress_make(bool is_wanted)
{
    const char *term = getenv("TERM");
    bool is_dumb = term == NULL || strcmp(term, "dumb") == 0;
    return (cli_progress){.is_on = is_wanted && !is_dumb && isatty(STDERR_FILENO) == 1};
}

static cli_bar *find(cli_progress *p, const char *digest)
{
    for (size_t i = 0; i < p->count; i++) {
        if (strncmp(p->bars[i].digest, digest, sizeof p->bars[i].digest - 1) == 0) {
            return &p->bars[i];
        }
    }
    if (p->count == CLI_BARS_MAX) {
        return NULL;
    }
    cli_bar *b = &p->bars[p->count++];
    (void)snprintf(b->digest, sizeof b->digest, "%s", digest);
    return b;
}

static void print_size(uint64_t bytes)
{
    double value = (double)bytes;
    const char *const UNITS[] = {"B", "KiB", "MiB", "GiB"};
    size_t unit = 0;
    while (value >= 1000 && unit + 1 < sizeof UNITS / sizeof UNITS[0]) {
        value /= 1024;
        unit++;
    }
    (void)fprintf(stderr, unit == 0 ? "%.0f %s" : "%.1f %s", value, UNITS[unit]);
}

static void draw(const cli_bar *b)
{
    uint64_t total = b->total_bytes == 0 ? 1 : b->total_bytes;
    double part = (double)(b->done_bytes < total ? b->done_bytes : total) / (double)total;
    int full = (int)(part * (double)BAR_COLUMNS);
    (void)fprintf(stderr, "\r%s [%.*s%*s] %3d%% ", b->digest, full,
                  "==============================", BAR_COLUMNS - full, "", (int)(part * 100));
    print_size(b->done_bytes);
    (void)fprintf(stderr, " of ");
    print_size(b->total_bytes);
    (void)fprintf(stderr, "\x1b[K\n");
}

static void draw_all(cli_progress *p)
{
    if (p->drawn != 0) {
        (void)fprintf(stderr, "\x1b[%zuA", p->drawn);
    }
    for (size_t i = 0; i < p->count; i++) {
        draw(&p->bars[i]);
    }
    p->drawn = p->count;
}

void cli_progress_update(void *env, const swell_transfer *t)
{
    cli_progress *p = env;
    cli_bar *b = p->is_on ? find(p, t->digest) : NULL;
    if (b == NULL) {
        return;
    }
    b->done_bytes = t->done_bytes;
    b->total_bytes = t->total_bytes;
    uint64_t now = sw_clock_monotonic_ns();
    if (now - p->last_ns >= REDRAW_NS) {
        p->last_ns = now;
        draw_all(p);
    }
}

void cli_progress_end(cli_progress *p)
{
    if (p->drawn != 0) {
        (void)fprintf(stderr, "\x1b[%zuA\r\x1b[J", p->drawn);
    }
    p->drawn = 0;
    p->count = 0;
}
