/*
 * Core functions in every role that a component gives them, with every signature of a large set:
 * exactly the right one is taken. A wrong one that got through would be called with a wrong stack.
 */
#include "build.h"

#include "component/decode.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
    MAX_PARAMS = 5,
};

typedef struct signature {
    uint8_t params[MAX_PARAMS], results[2];
    uint32_t params_count, results_count;
} signature;

static const uint8_t TYPES[] = {0x7f, 0x7e, 0x7d, 0x7c};

/* All sequences of up to two types, and longer ones near those of the roles. */
static uint32_t make_params(signature out[64])
{
    uint32_t n = 0;
    out[n++] = (signature){};
    for (size_t i = 0; i < SW_COUNTOF(TYPES); i++) {
        out[n++] = (signature){.params = {TYPES[i]}, .params_count = 1};
        for (size_t j = 0; j < SW_COUNTOF(TYPES); j++) {
            out[n++] = (signature){
                .params = {TYPES[i], TYPES[j]},
                  .params_count = 2
            };
        }
    }
    for (uint32_t count = 3; count <= MAX_PARAMS; count++) {
        for (uint32_t other = 0; other <= count; other++) {
            signature *s = &out[n++];
            *s = (signature){.params_count = count};
            memset(s->params, 0x7f, count);
            if (other < count) {
                s->params[other] = 0x7e;
            }
        }
    }
    return n;
}

static uint32_t make_results(signature s, signature out[8])
{
    uint32_t n = 0;
    out[n++] = s;
    for (size_t i = 0; i < SW_COUNTOF(TYPES); i++) {
        out[n] = s;
        out[n].results[0] = TYPES[i];
        out[n++].results_count = 1;
    }
    out[n] = s;
    out[n].results[0] = out[n].results[1] = 0x7f;
    out[n++].results_count = 2;
    return n;
}

/* A module that exports memory "m", "g": [] -> [i32] and "f": the signature. */
static void build_module(sw_buf *b, const signature *s)
{
    sw_buf types, module;
    sw_buf_init(&types, NULL, SIZE_MAX);
    sw_buf_init(&module, NULL, SIZE_MAX);
    sw_buf_write(&types, "\x02\x60\x00\x01\x7f\x60", 6);
    sw_buf_leb_u32(&types, s->params_count);
    sw_buf_write(&types, s->params, s->params_count);
    sw_buf_leb_u32(&types, s->results_count);
    sw_buf_write(&types, s->results, s->results_count);
    build_preamble(&module, false);
    build_section(&module, 1, sw_buf_bytes(&types));
    static const part REST[] = {
        PART(3, "\x02\x00\x01"),
        PART(5, "\x01\x00\x01"),
        PART(7, "\x03\x01m\x02\x00\x01g\x00\x00\x01\x66\x00\x01"),
        PART(10, "\x02\x03\x00\x00\x0b\x03\x00\x00\x0b"),
    };
    build_parts(&module, REST, SW_COUNTOF(REST));
    build_section(b, 1, sw_buf_bytes(&module));
    sw_buf_clear(&types);
    sw_buf_clear(&module);
}

typedef struct role {
    const char *name;
    signature right;
    part parts[3];
} role;

/* Before these: core memory 0 is "m", core function 0 is "g" and 1 is "f". */
static const role ROLES[] = {
    {"realloc",
     {{0x7f, 0x7f, 0x7f, 0x7f}, {0x7f}, 4, 1},
     {PART(7, "\x01\x40\x00\x00\x73"), PART(10, "\x01\x00\x01k\x01\x00"),
      PART(8, "\x01\x01\x00\x00\x02\x03\x00\x04\x01")}                                       },
    {"post-return",
     {{0x7f}, {}, 1, 0},
     {PART(7, "\x01\x40\x00\x00\x79"), PART(8, "\x01\x00\x00\x00\x01\x05\x01\x00")}          },
    {"destructor",                      {{0x7f}, {}, 1, 0}, {PART(7, "\x01\x3f\x7f\x01\x01")}},
    {"lift (x: u64, y: f32) -> string",
     {{0x7e, 0x7d}, {0x7f}, 2, 1},
     {PART(7, "\x01\x40\x02\x01x\x77\x01y\x76\x00\x73"),
      PART(8, "\x01\x00\x00\x01\x01\x03\x00\x00")}                                           },
};

static bool equal(const signature *a, const signature *b)
{
    return a->params_count == b->params_count && a->results_count == b->results_count &&
           memcmp(a->params, b->params, a->params_count) == 0 &&
           memcmp(a->results, b->results, a->results_count) == 0;
}

static sw_status read_role(const role *r, const signature *s)
{
    static const part ALIASES[] = {
        PART(2, "\x01\x00\x00\x00"),
        PART(6, "\x03\x00\x02\x01\x00\x01m\x00\x00\x01\x00\x01g\x00\x00\x01\x00\x01\x66"),
    };
    static const sw_features FEATURES = {};
    sw_buf b;
    sw_arena arena;
    sw_diag diag = {};
    sw_component_binary c;
    sw_buf_init(&b, NULL, SIZE_MAX);
    sw_arena_init(&arena, NULL, SIZE_MAX);
    build_preamble(&b, true);
    build_module(&b, s);
    build_parts(&b, ALIASES, SW_COUNTOF(ALIASES));
    for (size_t i = 0; i < SW_COUNTOF(r->parts) && r->parts[i].bytes != NULL; i++) {
        build_parts(&b, &r->parts[i], 1);
    }
    sw_status st = sw_component_read(&arena, sw_buf_bytes(&b), &FEATURES, &diag, &c);
    sw_arena_clear(&arena);
    sw_buf_clear(&b);
    return st;
}

static void only_the_right_signature_is_taken(void **state)
{
    (void)state;
    signature params[64], all[8];
    uint32_t params_count = make_params(params);
    for (size_t r = 0; r < SW_COUNTOF(ROLES); r++) {
        uint32_t taken = 0;
        for (uint32_t i = 0; i < params_count; i++) {
            uint32_t count = make_results(params[i], all);
            for (uint32_t j = 0; j < count; j++) {
                bool is_right = equal(&all[j], &ROLES[r].right);
                sw_status st = read_role(&ROLES[r], &all[j]);
                if (st != (is_right ? SW_OK : SW_INVALID)) {
                    print_message("%s: signature %u.%u: %s\n", ROLES[r].name, i, j,
                                  sw_status_text(st));
                }
                assert_int_equal(st, is_right ? SW_OK : SW_INVALID);
                taken += is_right;
            }
        }
        assert_int_equal(taken, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_right_signature_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
