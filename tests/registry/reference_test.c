/* References and digests: what is one, what it means, what is none. */
#include "registry/reference.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void references_mean_what_they_say(void **state)
{
    (void)state;
    static const struct {
        const char *text, *canonical; /* NULL: refused */
    } ROWS[] = {
        {"ghcr.io/acme/hello:1.0",                "ghcr.io/acme/hello:1.0"          },
        {"ghcr.io/acme/hello",                    "ghcr.io/acme/hello:latest"       },
        {"oci://ghcr.io/acme/hello",              "ghcr.io/acme/hello:latest"       },
        {"GHCR.io/acme/hello:V_1",                "ghcr.io/acme/hello:V_1"          },
        {"localhost/hello",                       "localhost/hello:latest"          },
        {"localhost:5000/a/b/c:x",                "localhost:5000/a/b/c:x"          },
        {"[::1]:5000/hello:x",                    "[::1]:5000/hello:x"              },
        {"docker.io/nginx",                       "docker.io/library/nginx:latest"  },
        {"docker.io/acme/nginx:1",                "docker.io/acme/nginx:1"          },
        {"ghcr.io/a@sha256:" HEX,                 "ghcr.io/a@sha256:" HEX           },
        {"ghcr.io/a:1@sha256:" HEX,               "ghcr.io/a:1@sha256:" HEX         },
        {"ghcr.io/a__b/c--d/e.f/g-h",             "ghcr.io/a__b/c--d/e.f/g-h:latest"},
        {"hello",                                 NULL                              },
        {"acme/hello",                            NULL                              },
        {"ghcr.io",                               NULL                              },
        {"ghcr.io/",                              NULL                              },
        {"ghcr.io/Hello",                         NULL                              },
        {"ghcr.io/a//b",                          NULL                              },
        {"ghcr.io/../b",                          NULL                              },
        {"ghcr.io/a/..",                          NULL                              },
        {"ghcr.io/.a",                            NULL                              },
        {"ghcr.io/a-",                            NULL                              },
        {"ghcr.io/a___b",                         NULL                              },
        {"ghcr.io/a..b",                          NULL                              },
        {"ghcr.io/a:",                            NULL                              },
        {"ghcr.io/a:.x",                          NULL                              },
        {"ghcr.io/a:x y",                         NULL                              },
        {"ghcr.io/a?x",                           NULL                              },
        {"ghcr.io:0/a",                           NULL                              },
        {"ghcr.io:65536/a",                       NULL                              },
        {"ghcr.io:/a",                            NULL                              },
        {"-x.io/a",                               NULL                              },
        {"user@ghcr.io/a",                        NULL                              },
        {"ghcr.io/a@sha512:" HEX HEX,             NULL                              },
        {"ghcr.io/a@sha256:" HEX "0",             NULL                              },
        {"ghcr.io/a@sha256:0123456789ABCDEF" HEX, NULL                              },
        {"ghcr.io/a\xc3\xa9",                     NULL                              },
        {"",                                      NULL                              },
    };
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        sw_reference r;
        sw_diag diag = {};
        char text[SW_REF_TEXT_MAX];
        sw_status st = sw_reference_parse(sw_str_of(ROWS[i].text), &diag, &r);
        if (ROWS[i].canonical == NULL) {
            assert_int_equal(st, SW_ARGUMENT);
            assert_true(diag.text[0] != '\0');
            continue;
        }
        assert_int_equal(st, SW_OK);
        sw_reference_print(&r, text);
        assert_string_equal(text, ROWS[i].canonical);
    }
}

static void long_names_are_refused(void **state)
{
    (void)state;
    char text[1024] = "ghcr.io/";
    memset(text + 8, 'a', 256);
    assert_int_equal(sw_reference_parse((sw_str){text, 8 + 255}, NULL, &(sw_reference){}), SW_OK);
    assert_int_equal(sw_reference_parse((sw_str){text, 8 + 256}, NULL, &(sw_reference){}),
                     SW_ARGUMENT);
    text[9] = ':';
    assert_int_equal(sw_reference_parse((sw_str){text, 10 + 128}, NULL, &(sw_reference){}), SW_OK);
    assert_int_equal(sw_reference_parse((sw_str){text, 10 + 129}, NULL, &(sw_reference){}),
                     SW_ARGUMENT);
}

static void words_are_files_or_references(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        bool is_reference;
    } ROWS[] = {
        {"ghcr.io/acme/hello:1.0",      true },
        {"ghcr.io/acme/hello",          true },
        {"localhost:5000/hello",        true },
        {"localhost/hello",             true },
        {"oci://anything",              true },
        {"ghcr.io/acme/hello.wasm:1.0", true },
        {"hello.wasm",                  false},
        {"build.dir/hello.wasm",        false},
        {"./hello.wasm",                false},
        {"../x/y:1",                    false},
        {"/tmp/x.wasm",                 false},
        {"target/hello",                false},
        {"a:b",                         false},
        {"-",                           false},
        {"",                            false},
    };
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        assert_int_equal(sw_reference_looks(sw_str_of(ROWS[i].word)), ROWS[i].is_reference);
    }
}

static void only_the_machine_itself_is_loopback(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool is_loopback;
    } ROWS[] = {
        {"localhost",         true },
        {"localhost:5000",    true },
        {"127.0.0.1:5000",    true },
        {"127.1.2.3",         true },
        {"[::1]:80",          true },
        {"[::2]",             false},
        {"127.0.0.1.evil.io", false},
        {"127.evil.io",       false},
        {"localhost.evil.io", false},
        {"ghcr.io",           false},
        {"10.0.0.1",          false},
    };
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        assert_int_equal(sw_reference_is_loopback(ROWS[i].host), ROWS[i].is_loopback);
    }
}

static void hosts_for_login(void **state)
{
    (void)state;
    char host[SW_REF_HOST_MAX + 1];
    assert_int_equal(sw_reference_parse_host(SW_STR("https://GHCR.io/"), NULL, host), SW_OK);
    assert_string_equal(host, "ghcr.io");
    assert_int_equal(sw_reference_parse_host(SW_STR("localhost:5000"), NULL, host), SW_OK);
    assert_int_equal(sw_reference_parse_host(SW_STR("ghcr.io/acme"), NULL, host), SW_ARGUMENT);
    assert_int_equal(sw_reference_parse_host(SW_STR("http://ghcr.io"), NULL, host), SW_ARGUMENT);
}

static void digests(void **state)
{
    (void)state;
    sw_digest d = sw_digest_of((sw_bytes){(const uint8_t *)"abc", 3}), e;
    char text[SW_DIGEST_TEXT + 1];
    sw_digest_print(&d, text);
    assert_string_equal(text,
                        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_true(sw_digest_parse(sw_str_of(text), &e));
    assert_true(sw_digest_eq(&d, &e));
    e.bytes[31] ^= 1;
    assert_false(sw_digest_eq(&d, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_mean_what_they_say),
        cmocka_unit_test(long_names_are_refused),
        cmocka_unit_test(words_are_files_or_references),
        cmocka_unit_test(only_the_machine_itself_is_loopback),
        cmocka_unit_test(hosts_for_login),
        cmocka_unit_test(digests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
