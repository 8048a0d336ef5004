/*
 * The end of the stack: wherever a guest stands when it calls the host or a helper, either all of
 * the stack that C code was promised is there, or the guest traps.
 */
#include "harness.h"

#include "os/fiber.h"

/* The guest's part: small, so that every depth can be tried. */
enum { GUEST_BYTES = 64 * 1024, HOST_BYTES = SW_HOST_STACK_MIN };

/* What the engine itself puts on the stack between the guest and a host function. */
enum { ENTRY_BYTES = 1024 };

typedef struct host {
    harness *h;
    sw_instance *instance;
    unsigned calls;
    bool calls_back;
} host;

/* Uses as much as it may. */
static __attribute__((noinline)) uint8_t fill_stack(uint8_t value)
{
    volatile uint8_t room[HOST_BYTES - 8 * 1024];
    for (size_t i = 0; i < sizeof(room); i += 512) {
        room[i] = value;
    }
    return room[0];
}

static sw_trap host_entry(sw_host_func *self, sw_regs *regs)
{
    host *x = self->env;
    (void)regs;
    x->calls++;
    assert_true(sw_stack_headroom() >= HOST_BYTES - ENTRY_BYTES);
    assert_int_equal(fill_stack(7), 7);
    if (!x->calls_back) {
        return SW_TRAP_NONE;
    }
    uint64_t param = 0, result;
    sw_status st = harness_call(x->h, x->instance, "f", &param, &result);
    return st == SW_OK ? SW_TRAP_NONE : sw_store_trap(x->h->store)->reason;
}

/* Function 0 and 1 are the host's, 2 is empty. */
typedef struct callee {
    const char *name;
    uint8_t code[16];
    size_t len;
    bool is_host;
} callee;

#define HELPER(...) {__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}), false
#define HOST(...)   {__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}), true

static const callee CALLEES[] = {
    {"a host function", HOST(0x10, 0)},
    {"a host function (vector)", HOST(0x44, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 1)},
    {"memory.grow", HELPER(0x41, 0, 0x40, 0, 0x1a)},
    {"memory.init", HELPER(0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 8, 0, 0)},
    {"data.drop", HELPER(0xfc, 9, 0)},
    {"memory.copy", HELPER(0x41, 0, 0x41, 0, 0x41, 9, 0xfc, 10, 0, 0)},
    {"memory.fill", HELPER(0x41, 0, 0x41, 0, 0x41, 9, 0xfc, 11, 0)},
    {"table.init", HELPER(0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 12, 0, 0)},
    {"elem.drop", HELPER(0xfc, 13, 0)},
    {"table.copy", HELPER(0x41, 0, 0x41, 0, 0x41, 1, 0xfc, 14, 0, 0)},
    {"table.grow", HELPER(0xd0, 0x70, 0x41, 0, 0xfc, 15, 0, 0x1a)},
    {"table.fill", HELPER(0x41, 0, 0xd0, 0x70, 0x41, 1, 0xfc, 17, 0)},
};

/* f(n): n == 0 ? callee : f(n - 1); with some locals, so that frames differ in size. */
static void build(builder *b, const callee *c, unsigned locals)
{
    builder_init(b);
    uint32_t type = builder_type(b, "i:i");
    uint32_t none = builder_type(b, ":");
    (void)builder_import_func(b, "", "ints", none);
    (void)builder_import_func(b, "", "vectors", builder_type(b, "F:"));
    uint32_t empty = builder_func(b, none, "", CODE(0x01));
    uint8_t code[64];
    size_t len = 0;
    static const uint8_t HEAD[] = {0x20, 0,    0x04, 0x7f, 0x20, 0,    0x41, 1,
                                   0x6b, 0x10, 3,    0x20, 0,    0x6a, 0x05};
    memcpy(code, HEAD, sizeof(HEAD));
    len += sizeof(HEAD);
    memcpy(code + len, c->code, c->len);
    len += c->len;
    memcpy(code + len, (const uint8_t[]){0x41, 0, 0x0b}, 3);
    len += 3;
    builder_export(b, "f", 0,
                   builder_func(b, type, &"IIIIIIIIII"[10 - locals], (sw_bytes){code, len}));
    builder_table(b, 'r', 4, 8);
    builder_memory(b, 1, 2);
    builder_passive_elem(b, &empty, 1);
    builder_passive_data(b, SW_STR("data"));
}

static void setup(harness *h, const callee *c, unsigned locals, host *x, sw_host_func hosts[2])
{
    static const sw_functype INTS = {};
    static const sw_valtype PARAMS[] = {SW_TYPE_F64};
    static const sw_functype VECTORS = {.params = PARAMS, .params_count = 1};
    sw_store_limits limits = SW_STORE_LIMITS_DEFAULT;
    limits.stack_bytes = GUEST_BYTES;
    limits.host_stack_bytes = HOST_BYTES;
    harness_restart(h, &limits);
    assert_int_equal(sw_host_func_init(&hosts[0], h->store, &INTS, host_entry, x), SW_OK);
    assert_int_equal(sw_host_func_init(&hosts[1], h->store, &VECTORS, host_entry, x), SW_OK);
    sw_extern imports[] = {sw_host_func_extern(&hosts[0]), sw_host_func_extern(&hosts[1])};
    builder b;
    build(&b, c, locals);
    *x = (host){.h = h, .instance = harness_instance(h, &b, imports)};
}

/* Whether the guest comes back from a call at this depth; else it must have trapped as it should.
 */
static bool survives(harness *h, const callee *c, host *x, uint64_t depth)
{
    uint64_t result;
    x->calls = 0;
    sw_status st = harness_call(h, x->instance, "f", &depth, &result);
    assert_int_equal(x->calls, st == SW_OK && c->is_host);
    if (st == SW_OK) {
        return true;
    }
    if (sw_store_trap(h->store)->reason != SW_TRAP_STACK_EXHAUSTED) {
        print_error("%s at %u: %s\n", c->name, (unsigned)depth, sw_store_trap(h->store)->text);
    }
    assert_int_equal(st, SW_TRAP);
    assert_int_equal(sw_store_trap(h->store)->reason, SW_TRAP_STACK_EXHAUSTED);
    assert_true(sw_store_trap(h->store)->frames_count == SW_MAX_FRAMES);
    return false;
}

/* The least depth at which the call traps. */
static uint64_t find_edge(harness *h, const callee *c, host *x)
{
    uint64_t low = 0, high = (GUEST_BYTES + HOST_BYTES) / 16;
    assert_true(survives(h, c, x, low));
    assert_false(survives(h, c, x, high));
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        *(survives(h, c, x, middle) ? &low : &high) = middle;
    }
    return high;
}

/* Near the edge and near the end of the stack each depth, between them some. */
static void test_every_depth(void **state)
{
    harness *h = *state;
    for (size_t k = 0; k < 2 * SW_COUNTOF(CALLEES); k++) {
        host x;
        sw_host_func hosts[2];
        const callee *c = &CALLEES[k / 2];
        setup(h, c, k % 2 * 7, &x, hosts);
        uint64_t edge = find_edge(h, c, &x);
        /* The frames are alike. */
        uint64_t end = edge * (GUEST_BYTES + HOST_BYTES) / GUEST_BYTES;
        for (uint64_t depth = edge - 20; depth <= end + 20; depth++) {
            assert_int_equal(survives(h, c, &x, depth), depth < edge);
            bool is_between = depth > edge + 20 && depth < end - 120;
            depth += is_between ? 100 : 0;
        }
    }
}

/* Guest and host in turns, to the end. */
static void test_in_turns(void **state)
{
    harness *h = *state;
    host x;
    sw_host_func hosts[2];
    setup(h, &CALLEES[0], 0, &x, hosts);
    x.calls_back = true;
    harness_expect_trap(h, x.instance, "f", 0, SW_TRAP_STACK_EXHAUSTED);
    assert_true(x.calls > 10);
    assert_true(sw_store_trap(h->store)->frames_count == SW_MIN(x.calls + 1, SW_MAX_FRAMES));
    x.calls_back = false;
    assert_true(survives(h, &CALLEES[0], &x, 1));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {TEST(test_every_depth), TEST(test_in_turns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
