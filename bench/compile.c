/* What compiling costs: compile THREADS ROUNDS FILE OUT prints, of the fastest round,
 *
 *     wasm_code_bytes machine_code_bytes validate_ns emit_ns wall_ns total_ns functions
 *
 * validate_ns and emit_ns are summed over threads; wall_ns is the compiler's own time, total_ns
 * that of the whole call, reading and writing files included. */
#include <stdio.h>
#include <stdlib.h>
#include <swell/swell.h>
#include <time.h>

static uint64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int main(int argc, char **argv)
{
    swell_error error = {0};
    swell_engine *engine;
    swell_compile_stats best = {0};
    uint64_t best_ns = UINT64_MAX;

    if (argc != 5) {
        fputs("usage: compile THREADS ROUNDS FILE OUT\n", stderr);
        return 2;
    }
    swell_engine_config config = {.threads = (unsigned)strtoul(argv[1], NULL, 10)};
    if (swell_engine_new(&config, &error, &engine) != SWELL_OK) {
        fprintf(stderr, "compile: %s\n", error.text);
        return 1;
    }
    for (unsigned long i = strtoul(argv[2], NULL, 10); i > 0; i--) {
        swell_compile_stats stats;
        uint64_t before = nanoseconds();
        if (swell_compile_file(engine, argv[3], argv[4], &error, &stats) != SWELL_OK) {
            fprintf(stderr, "compile: %s\n", error.text);
            return 1;
        }
        uint64_t spent = nanoseconds() - before;
        if (spent < best_ns) {
            best = stats;
            best_ns = spent;
        }
    }
    printf("%llu %llu %llu %llu %llu %llu %u\n", (unsigned long long)best.wasm_code_bytes,
           (unsigned long long)best.machine_code_bytes, (unsigned long long)best.validate_ns,
           (unsigned long long)best.emit_ns, (unsigned long long)best.wall_ns,
           (unsigned long long)best_ns, best.functions);
    swell_engine_free(engine);
    return 0;
}
