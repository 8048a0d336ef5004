/* Addresses as text, and sockets on them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "http/server/listen.h"

static const struct {
    const char *text, *back; /* NULL: refused */
} ADDRESSES[] = {
    {"127.0.0.1:8080",                                                                     "127.0.0.1:8080"    },
    {"127.0.0.1:0",                                                                        "127.0.0.1:0"       },
    {"localhost:65535",                                                                    "127.0.0.1:65535"   },
    {"*:80",                                                                               "0.0.0.0:80"        },
    {"0.0.0.0:80",                                                                         "0.0.0.0:80"        },
    {"[::1]:443",                                                                          "[::1]:443"         },
    {"[::]:1",                                                                             "[::]:1"            },
    {"[::ffff:1.2.3.4]:5",                                                                 "[::ffff:1.2.3.4]:5"},
    {"",                                                                                   NULL                },
    {":",                                                                                  NULL                },
    {":80",                                                                                NULL                },
    {"8080",                                                                               NULL                },
    {"127.0.0.1",                                                                          NULL                },
    {"127.0.0.1:",                                                                         NULL                },
    {"127.0.0.1:65536",                                                                    NULL                },
    {"127.0.0.1:000080",                                                                   NULL                },
    {"127.0.0.1:8o",                                                                       NULL                },
    {"127.0.0.1:-1",                                                                       NULL                },
    {"127.0.0.1: 80",                                                                      NULL                },
    {"127.0.0:80",                                                                         NULL                },
    {"::1:80",                                                                             NULL                },
    {"[::1:80",                                                                            NULL                },
    {"[::1]80",                                                                            NULL                },
    {"[]:80",                                                                              NULL                },
    {"[:80",                                                                               NULL                },
    {"[]80:",                                                                              NULL                },
    {"[127.0.0.1]:80",                                                                     NULL                },
    {"example.com:80",                                                                     NULL                },
    {"http://127.0.0.1:80",                                                                NULL                },
    {"0000000000000000000000000000000000000000000000000000000000000000000000000000000:80", NULL                },
};

static void test_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(ADDRESSES); i++) {
        sw_address a;
        sw_diag diag = {};
        char back[SW_LISTEN_TEXT_BYTES];
        sw_status st = sw_address_read(ADDRESSES[i].text, &diag, &a);
        if (st != (ADDRESSES[i].back == NULL ? SW_ARGUMENT : SW_OK)) {
            print_error("'%s' gives %d\n", ADDRESSES[i].text, st);
        }
        assert_int_equal(st, ADDRESSES[i].back == NULL ? SW_ARGUMENT : SW_OK);
        if (st == SW_OK) {
            sw_address_write(&a, back);
            assert_string_equal(back, ADDRESSES[i].back);
        } else {
            assert_true(diag.used != 0);
        }
    }
}

/* All sockets are on one port; who comes later is refused, though he would share. */
static void test_sockets(void **state)
{
    (void)state;
    sw_diag diag = {};
    sw_address a, b, adopted;
    int fds[3], more[3];
    assert_int_equal(sw_address_read("127.0.0.1:0", &diag, &a), SW_OK);
    assert_int_equal(sw_listen(&a, 3, &diag, fds), SW_OK);
    assert_int_not_equal(sw_address_port(&a), 0);
    b = a;
    assert_int_equal(sw_listen(&b, 3, &diag, more), SW_IO);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sw_listen_adopt(fds[i], &diag, &adopted), SW_OK);
        assert_int_equal(sw_address_port(&adopted), sw_address_port(&a));
        (void)close(fds[i]);
    }
    assert_int_equal(sw_listen(&b, 3, &diag, more), SW_OK);
    for (int i = 0; i < 3; i++) {
        (void)close(more[i]);
    }
}

static void test_adopting_something_else(void **state)
{
    (void)state;
    sw_diag diag = {};
    sw_address a;
    int pair[2];
    int unbound = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(pipe(pair), 0);
    assert_int_equal(sw_listen_adopt(pair[0], &diag, &a), SW_ARGUMENT);
    assert_int_equal(sw_listen_adopt(unbound, &diag, &a), SW_ARGUMENT);
    assert_int_equal(sw_listen_adopt(12345, &diag, &a), SW_ARGUMENT);
    (void)close(pair[0]);
    (void)close(pair[1]);
    (void)close(unbound);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_sockets),
        cmocka_unit_test(test_adopting_something_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
