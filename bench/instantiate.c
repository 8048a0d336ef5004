/* What a fresh instance costs in a process that has the program already: instantiate COUNT FILE
 * prints the medians in nanoseconds
 *
 *     instance_ns cycle_ns
 *
 * of making an instance in a store of its own (the store included), and of the whole cycle of
 * making and freeing both. */
#include <stdio.h>
#include <stdlib.h>
#include <swell/swell.h>
#include <time.h>

enum { WARM_UP = 100, COUNT_MAX = 1000000 };

static uint64_t make_ns[COUNT_MAX], cycle_ns[COUNT_MAX];

static uint64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

typedef struct setting {
    swell_engine *engine;
    swell_program *program;
    swell_linker *linker;
} setting;

static swell_status set_up(setting *s, const char *path, swell_error *error)
{
    swell_status status = swell_engine_new(NULL, error, &s->engine);
    if (status == SWELL_OK) {
        status = swell_program_open(s->engine, path, NULL, error, &s->program);
    }
    if (status == SWELL_OK) {
        status = swell_linker_new(s->engine, &s->linker);
    }
    return status == SWELL_OK ? swell_linker_define_wasi(s->linker, error) : status;
}

static swell_status make_once(const setting *s, swell_error *error, uint64_t *ret_make,
                              uint64_t *ret_cycle)
{
    swell_store *store;
    swell_instance *instance;
    uint64_t before = nanoseconds();
    swell_status status = swell_store_new(s->engine, NULL, NULL, error, &store);
    if (status != SWELL_OK) {
        return status;
    }
    status = swell_instance_new(store, s->program, s->linker, error, &instance);
    *ret_make = nanoseconds() - before;
    swell_store_free(store);
    *ret_cycle = nanoseconds() - before;
    return status;
}

int main(int argc, char **argv)
{
    swell_error error = {0};
    setting s = {0};
    int count = argc == 3 ? atoi(argv[1]) : 0;

    if (count < 1 || count > COUNT_MAX) {
        fputs("usage: instantiate COUNT FILE\n", stderr);
        return 2;
    }
    swell_status status = set_up(&s, argv[2], &error);
    for (int i = -WARM_UP; i < count && status == SWELL_OK; i++) {
        int slot = i < 0 ? 0 : i;
        status = make_once(&s, &error, &make_ns[slot], &cycle_ns[slot]);
    }
    if (status != SWELL_OK) {
        fprintf(stderr, "instantiate: %s: %s\n", swell_status_text(status), error.text);
        return 1;
    }
    qsort(make_ns, (size_t)count, sizeof make_ns[0], ascending);
    qsort(cycle_ns, (size_t)count, sizeof cycle_ns[0], ascending);
    printf("%llu %llu\n", (unsigned long long)make_ns[count / 2],
           (unsigned long long)cycle_ns[count / 2]);
    swell_linker_free(s.linker);
    swell_program_free(s.program);
    swell_engine_free(s.engine);
    return 0;
}
