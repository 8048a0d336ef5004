/* What compiling costs: compile THREADS ROUNDS FILE OUT prints the best of all rounds:
 *
 *     wasm_code_bytes machine_code_bytes work_ns wall_ns total_ns cpu_ns functions
 *
 * work_ns is validating and emitting, summed over threads; wall_ns the compiler's own time;
 * total_ns that of the whole call, reading and writing files included; cpu_ns what the whole call
 * took of the processor. */
#include <stdio.h>
#include <stdlib.h>
#include <swell/swell.h>
#include <time.h>

typedef struct figures {
    uint64_t work_ns, wall_ns, total_ns, cpu_ns;
} figures;

static uint64_t nanoseconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static swell_status compile_once(swell_engine *engine, char **paths, figures *best,
                                 swell_compile_stats *stats, swell_error *error)
{
    uint64_t before = nanoseconds(CLOCK_MONOTONIC);
    uint64_t cpu_before = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
    swell_status status = swell_compile_file(engine, paths[0], paths[1], error, stats);
    uint64_t cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_before;
    uint64_t total = nanoseconds(CLOCK_MONOTONIC) - before;

    best->work_ns = least(best->work_ns, stats->validate_ns + stats->emit_ns);
    best->wall_ns = least(best->wall_ns, stats->wall_ns);
    best->total_ns = least(best->total_ns, total);
    best->cpu_ns = least(best->cpu_ns, cpu);
    return status;
}

static void print(const figures *best, const swell_compile_stats *stats)
{
    printf("%llu %llu %llu %llu %llu %llu %u\n", (unsigned long long)stats->wasm_code_bytes,
           (unsigned long long)stats->machine_code_bytes, (unsigned long long)best->work_ns,
           (unsigned long long)best->wall_ns, (unsigned long long)best->total_ns,
           (unsigned long long)best->cpu_ns, stats->functions);
}

int main(int argc, char **argv)
{
    swell_error error = {0};
    swell_engine *engine = NULL;
    swell_compile_stats stats = {0};
    figures best = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};

    if (argc != 5) {
        fputs("usage: compile THREADS ROUNDS FILE OUT\n", stderr);
        return 2;
    }
    swell_engine_config config = {.threads = (unsigned)strtoul(argv[1], NULL, 10)};
    swell_status status = swell_engine_new(&config, &error, &engine);
    unsigned long rounds = strtoul(argv[2], NULL, 10);
    while (status == SWELL_OK && rounds-- > 0) {
        status = compile_once(engine, argv + 3, &best, &stats, &error);
    }
    if (status != SWELL_OK) {
        fprintf(stderr, "compile: %s\n", error.text);
        return 1;
    }
    print(&best, &stats);
    swell_engine_free(engine);
    return 0;
}
