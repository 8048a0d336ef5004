/* TLS over a pair of sockets, both ends in this thread: certificates by name, protocols, who is
 * trusted, resumption across a reload, what is refused, and how connections end. */
#include "certs.h"
#include "http/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ssl.h>

static sw_tls_cert cert_of(const char *name)
{
    char file[32];
    (void)snprintf(file, sizeof file, "%s.pem", name);
    const char *pem = cert_file(file);
    (void)snprintf(file, sizeof file, "%s.key", name);
    return (sw_tls_cert){pem, cert_file(file)};
}

static void make_pair(int fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
}

/* A server for one.example and others, one after the other as in the array of names. */
static sw_tls *make_server(const char *const *names, sw_tls_server_options o, const sw_tls *old)
{
    sw_tls_cert certs[8];
    sw_diag diag = {};
    sw_tls *t = NULL;
    for (; names[o.cert_count] != NULL; o.cert_count++) {
        certs[o.cert_count] = cert_of(names[o.cert_count]);
    }
    o.certs = certs;
    sw_status st = sw_tls_server_new(&o, old, &t, &diag);
    if (st != SW_OK) {
        fail_msg("%s", diag.text);
    }
    return t;
}

static sw_tls *make_client(sw_tls_client_options o)
{
    sw_diag diag = {};
    sw_tls *t = NULL;
    o.ca_file = o.ca_file == NULL ? cert_file("ca.pem") : o.ca_file;
    if (sw_tls_client_new(&o, &t, &diag) != SW_OK) {
        fail_msg("%s", diag.text);
    }
    return t;
}

typedef struct ends {
    sw_io *server, *client;
    int server_result, client_result; /* of the handshake, and of one read after it */
} ends;

static int settle(sw_io *io, int before)
{
    char byte;
    if (before != -EAGAIN) {
        return before;
    }
    int r = io->ops->handshake(io);
    if (r == 0) { /* an alert, or tickets, may follow */
        ssize_t n = sw_io_read(io, &byte, 1);
        r = n == -EAGAIN ? 0 : (int)n;
        return r == 0 ? -EAGAIN : r;
    }
    return r;
}

static ends meet(sw_tls *server, sw_tls *client, const char *host)
{
    int fds[2];
    ends e = {.server_result = -EAGAIN, .client_result = -EAGAIN};
    make_pair(fds);
    assert_int_equal(sw_tls_accept(server, fds[0], NULL, &e.server), SW_OK);
    assert_int_equal(sw_tls_connect(client, fds[1], sw_str_of(host), NULL, &e.client), SW_OK);
    for (int i = 0; i < 10; i++) {
        e.client_result = settle(e.client, e.client_result);
        e.server_result = settle(e.server, e.server_result);
    }
    e.client_result =
        e.client_result == -EAGAIN ? e.client->ops->handshake(e.client) : e.client_result;
    e.server_result =
        e.server_result == -EAGAIN ? e.server->ops->handshake(e.server) : e.server_result;
    return e;
}

static void part(ends *e)
{
    e->server->ops->close(e->server);
    e->client->ops->close(e->client);
}

static void modules_of_other_builds_are_refused(void **state)
{
    (void)state;
    sw_diag diag = {};
    assert_int_equal(sw_tls_load_from("/nowhere/swell-tls.so", &diag), SW_NOT_FOUND);
    diag = (sw_diag){};
    assert_int_equal(sw_tls_load_from("libm.so.6", &diag), SW_STALE);
    assert_non_null(strstr(diag.text, "another build"));
    diag = (sw_diag){};
    assert_int_equal(sw_tls_load(&diag), SW_NOT_FOUND); /* it is not beside this program */
    assert_non_null(strstr(diag.text, "swell-tls.so"));
    assert_int_equal(sw_tls_load_from(TLS_MODULE, &diag), SW_OK);
    assert_int_equal(sw_tls_load(&diag), SW_OK);
}

static void certificates_go_by_name(void **state)
{
    (void)state;
    static const char *const CERTS[] = {"local", "wild", "special", "one", "one-rsa", NULL};
    static const struct {
        const char *host;
        bool is_good;
        const char *subject;
    } ROWS[] = {
        {"one.example",          true,  "CN=one"    },
        {"ONE.example",          true,  "CN=one"    },
        {"one.example.",         true,  "CN=one"    },
        {"a.wild.example",       true,  "CN=wild"   },
        {"special.wild.example", true,  "CN=special"},
        {"a.b.wild.example",     false, ""          },
        {"wild.example",         false, ""          },
        {"two.example",          false, ""          },
        {"localhost",            true,  "CN=local"  },
        {"127.0.0.1",            true,  "CN=local"  },
        {"::1",                  true,  "CN=local"  },
        {"127.0.0.2",            false, ""          },
    };
    sw_tls *server = make_server(CERTS, (sw_tls_server_options){}, NULL);
    sw_tls *client = make_client((sw_tls_client_options){});
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        ends e = meet(server, client, ROWS[i].host);
        sw_tls_info info;
        sw_tls_get_info(e.client, &info);
        assert_int_equal(e.client_result, ROWS[i].is_good ? 0 : -EPROTO);
        assert_int_equal(e.server_result, ROWS[i].is_good ? 0 : -EPROTO);
        assert_string_equal(info.peer, ROWS[i].subject);
        assert_int_equal(info.failure, ROWS[i].is_good ? SW_TLS_FINE : SW_TLS_FAILED_CERT);
        sw_tls_get_info(e.server, &info);
        assert_int_equal(info.failure, ROWS[i].is_good ? SW_TLS_FINE : SW_TLS_FAILED_ALERT);
        assert_int_equal(info.alert, ROWS[i].is_good ? 0 : SSL_AD_BAD_CERTIFICATE);
        part(&e);
    }
    sw_tls_unref(server);
    sw_tls_unref(client);
}

static void the_server_chooses_the_protocol(void **state)
{
    (void)state;
    static const char *const CERTS[] = {"one", NULL};
    static const struct {
        bool server_h2, client_h2;
        const char *alpn;
    } ROWS[] = {
        {true,  true,  "h2"      },
        {false, true,  "http/1.1"},
        {true,  false, "http/1.1"},
        {false, false, "http/1.1"},
    };
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        sw_tls *server =
            make_server(CERTS, (sw_tls_server_options){.offers_h2 = ROWS[i].server_h2}, NULL);
        sw_tls *client = make_client((sw_tls_client_options){.offers_h2 = ROWS[i].client_h2});
        ends e = meet(server, client, "one.example");
        sw_tls_info info;
        assert_int_equal(e.server_result, 0);
        assert_true(sw_str_eq(e.server->alpn, sw_str_of(ROWS[i].alpn)));
        assert_true(sw_str_eq(e.client->alpn, sw_str_of(ROWS[i].alpn)));
        assert_true(e.server->is_secure && e.client->is_secure);
        sw_tls_get_info(e.server, &info);
        assert_string_equal(info.version, "TLSv1.3");
        assert_string_equal(info.server_name, "one.example");
        part(&e);
        sw_tls_unref(server);
        sw_tls_unref(client);
    }
}

static void trust_is_a_file_or_the_systems(void **state)
{
    (void)state;
    static const char *const CERTS[] = {"one", NULL};
    sw_tls *server = make_server(CERTS, (sw_tls_server_options){}, NULL);
    sw_tls *strict = make_client((sw_tls_client_options){.ca_file = cert_file("other-ca.pem")});
    ends e = meet(server, strict, "one.example");
    sw_tls_info info;
    assert_int_equal(e.client_result, -EPROTO);
    sw_tls_get_info(e.client, &info);
    assert_int_equal(info.failure, SW_TLS_FAILED_CERT);
    assert_non_null(strstr(info.reason, "unable to get"));
    part(&e);
    sw_tls_unref(strict);
    for (int trusts = 0; trusts < 2; trusts++) {
        sw_tls *t = NULL;
        setenv("SSL_CERT_FILE", trusts ? cert_file("ca.pem") : "/dev/null", 1);
        assert_int_equal(sw_tls_client_new(&(sw_tls_client_options){}, &t, NULL), SW_OK);
        e = meet(server, t, "one.example");
        assert_int_equal(e.client_result, trusts ? 0 : -EPROTO);
        part(&e);
        sw_tls_unref(t);
    }
    unsetenv("SSL_CERT_FILE");
    sw_tls_unref(server);
}

static void clients_may_have_to_say_who_they_are(void **state)
{
    (void)state;
    static const char *const CERTS[] = {"one", NULL};
    static const struct {
        sw_tls_client_auth auth;
        const char *shown;
        bool is_good;
        const char *subject;
    } ROWS[] = {
        {SW_TLS_CLIENT_NONE,     "alice",   true,  ""        },
        {SW_TLS_CLIENT_OPTIONAL, NULL,      true,  ""        },
        {SW_TLS_CLIENT_OPTIONAL, "alice",   true,  "CN=alice"},
        {SW_TLS_CLIENT_OPTIONAL, "mallory", false, ""        },
        {SW_TLS_CLIENT_REQUIRED, NULL,      false, ""        },
        {SW_TLS_CLIENT_REQUIRED, "alice",   true,  "CN=alice"},
        {SW_TLS_CLIENT_REQUIRED, "mallory", false, ""        },
    };
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        sw_tls_server_options o = {.client_auth = ROWS[i].auth,
                                   .client_ca_file = cert_file("ca.pem")};
        sw_tls_cert shown = {};
        sw_tls_client_options c = {};
        if (ROWS[i].shown != NULL) {
            shown = cert_of(ROWS[i].shown);
            c.cert = &shown;
        }
        sw_tls *server = make_server(CERTS, o, NULL);
        sw_tls *client = make_client(c);
        ends e = meet(server, client, "one.example");
        sw_tls_info info;
        assert_int_equal(e.server_result, ROWS[i].is_good ? 0 : -EPROTO);
        assert_int_equal(e.client_result, ROWS[i].is_good ? 0 : -EPROTO);
        sw_tls_get_info(e.server, &info);
        assert_string_equal(info.peer, ROWS[i].subject);
        assert_int_equal(info.failure, ROWS[i].is_good ? SW_TLS_FINE : SW_TLS_FAILED_CERT);
        part(&e);
        sw_tls_unref(server);
        sw_tls_unref(client);
    }
}

/* OpenSSL itself as the client, because ours does not keep tickets. */
static bool visit(sw_tls *server, SSL_CTX *ctx, SSL_SESSION **ticket)
{
    int fds[2];
    sw_io *io = NULL;
    char byte;
    make_pair(fds);
    assert_int_equal(sw_tls_accept(server, fds[0], NULL, &io), SW_OK);
    SSL *ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fds[1]);
    SSL_set_connect_state(ssl);
    if (*ticket != NULL) {
        SSL_set_session(ssl, *ticket);
    }
    for (int i = 0; i < 6; i++) {
        (void)SSL_read(ssl, &byte, 1);
        (void)sw_io_read(io, &byte, 1);
    }
    bool is_resumed = SSL_session_reused(ssl) == 1;
    sw_tls_info info;
    sw_tls_get_info(io, &info);
    assert_int_equal(io->ops->handshake(io), 0);
    assert_int_equal(info.is_resumed, is_resumed);
    SSL_SESSION_free(*ticket);
    *ticket = SSL_get1_session(ssl);
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); /* else it is forgotten */
    SSL_free(ssl);
    close(fds[1]);
    io->ops->close(io);
    return is_resumed;
}

static void tickets_outlive_a_reload(void **state)
{
    (void)state;
    static const char *const CERTS[] = {"one", NULL}, *const MORE[] = {"local", "one", NULL};
    static const int VERSIONS[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < SW_COUNTOF(VERSIONS); i++) {
        SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_max_proto_version(ctx, VERSIONS[i]);
        SSL_SESSION *ticket = NULL;
        sw_tls_server_options asks = {.client_auth = SW_TLS_CLIENT_OPTIONAL,
                                      .client_ca_file = cert_file("ca.pem")};
        sw_tls *first = make_server(CERTS, (sw_tls_server_options){}, NULL);
        sw_tls *second = make_server(MORE, (sw_tls_server_options){}, first);
        sw_tls *stricter = make_server(MORE, asks, second);
        sw_tls *stranger = make_server(CERTS, (sw_tls_server_options){}, NULL);
        assert_false(visit(first, ctx, &ticket));
        assert_true(visit(first, ctx, &ticket));
        assert_true(visit(second, ctx, &ticket));
        assert_false(visit(stricter, ctx, &ticket));
        assert_false(visit(stranger, ctx, &ticket));
        sw_tls_unref(first);
        sw_tls_unref(second);
        sw_tls_unref(stricter);
        sw_tls_unref(stranger);
        SSL_SESSION_free(ticket);
        SSL_CTX_free(ctx);
    }
}

/* A hello of the given version with one cipher, by hand. */
static void say_hello(int fd, uint8_t version, uint16_t cipher)
{
    uint8_t hello[50] = {22, 3, 1, 0, 45, 1, 0, 0, 41, 3, version};
    hello[44] = 0; /* no earlier name; then the ciphers */
    hello[45] = 2;
    hello[46] = (uint8_t)(cipher >> 8);
    hello[47] = (uint8_t)cipher;
    hello[48] = 1;
    assert_int_equal(write(fd, hello, sizeof hello), sizeof hello);
}

static void what_is_old_or_weak_is_refused(void **state)
{
    (void)state;
    static const char *const CERTS[] = {"one", "one-rsa", NULL};
    static const struct {
        uint8_t version;
        uint16_t cipher;
        uint8_t alert;
    } ROWS[] = {
        {0, 0x002f, 40}, /* SSL 3 */
        {1, 0xc009, 70}, /* TLS 1.0 */
        {2, 0xc009, 70}, /* TLS 1.1 */
        {3, 0xc009, 40}, /* 1.2 with CBC */
        {3, 0x009c, 40}, /* with RSA key exchange */
        {3, 0x0005, 40}, /* with RC4 */
        {3, 0x0000, 40}, /* with nothing */
    };
    sw_tls *server = make_server(CERTS, (sw_tls_server_options){}, NULL);
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        int fds[2];
        uint8_t alert[16];
        sw_io *io = NULL;
        make_pair(fds);
        assert_int_equal(sw_tls_accept(server, fds[0], NULL, &io), SW_OK);
        say_hello(fds[1], ROWS[i].version, ROWS[i].cipher);
        assert_int_equal(io->ops->handshake(io), -EPROTO);
        assert_int_equal(io->ops->handshake(io), -EPROTO);
        assert_int_equal(read(fds[1], alert, sizeof alert), 7);
        assert_int_equal(alert[0], 21);
        assert_int_equal(alert[6], ROWS[i].alert);
        io->ops->close(io);
        close(fds[1]);
    }
    sw_tls_unref(server);
}

static void garbage_is_refused(void **state)
{
    (void)state;
    static const char *const CERTS[] = {"one", NULL};
    static const struct {
        const char *bytes;
        int result;
    } ROWS[] = {
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", -EPROTO    },
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",  -EPROTO    },
        {"\x16\x03\x01",                      -ECONNRESET}, /* then nothing */
        {"",                                  -ECONNRESET},
    };
    sw_tls *server = make_server(CERTS, (sw_tls_server_options){}, NULL);
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        int fds[2];
        char byte;
        sw_io *io = NULL;
        sw_tls_info info;
        make_pair(fds);
        assert_int_equal(sw_tls_accept(server, fds[0], NULL, &io), SW_OK);
        assert_int_equal(io->ops->handshake(io), -EAGAIN);
        assert_int_equal(write(fds[1], ROWS[i].bytes, strlen(ROWS[i].bytes)),
                         strlen(ROWS[i].bytes));
        shutdown(fds[1], SHUT_WR);
        assert_int_equal(io->ops->handshake(io), ROWS[i].result);
        assert_int_equal(sw_io_read(io, &byte, 1), ROWS[i].result);
        sw_tls_get_info(io, &info);
        assert_int_equal(info.failure, SW_TLS_FAILED);
        assert_true(info.reason[0] != '\0');
        assert_int_equal(io->ops->shutdown(io), 0);
        io->ops->close(io);
        close(fds[1]);
    }
    sw_tls_unref(server);
}

static ends meet_simply(void)
{
    static const char *const CERTS[] = {"one", NULL};
    sw_tls *server = make_server(CERTS, (sw_tls_server_options){}, NULL);
    sw_tls *client = make_client((sw_tls_client_options){});
    ends e = meet(server, client, "one.example");
    assert_int_equal(e.server_result | e.client_result, 0);
    sw_tls_unref(server); /* the connections keep them */
    sw_tls_unref(client);
    return e;
}

static void bytes_arrive_as_they_were(void **state)
{
    (void)state;
    enum { SIZE = 3 * 1000 * 1000 };
    uint8_t *sent = test_malloc(SIZE), *got = test_malloc(SIZE);
    ends e = meet_simply();
    size_t out = 0, in = 0;
    for (size_t i = 0; i < SIZE; i++) {
        sent[i] = (uint8_t)(i * 2654435761u >> 16);
    }
    for (size_t turn = 0; in < SIZE; turn++) {
        struct iovec parts[3] = {
            {sent + out, 0},
            {sent + out, 0},
            {sent + out, 0}
        };
        size_t at = out;
        for (int i = 0; i < 3; i++) { /* a short part, a long one, the rest up to a bound */
            parts[i].iov_base = sent + at;
            parts[i].iov_len = SW_MIN(SIZE - at, i == 0 ? turn % 200 : i == 1 ? 40000 : 100000);
            at += parts[i].iov_len;
        }
        ssize_t n = sw_io_writev(e.server, parts, 3);
        assert_true(n > 0 || n == -EAGAIN || out == SIZE);
        out += n > 0 ? (size_t)n : 0;
        for (ssize_t r; (r = sw_io_read(e.client, got + in, SIZE - in + 1)) > 0;) {
            in += (size_t)r;
            assert_true(in <= out);
        }
    }
    assert_memory_equal(sent, got, SIZE);
    part(&e);
    test_free(sent);
    test_free(got);
}

static void small_parts_make_one_record(void **state)
{
    (void)state;
    ends e = meet_simply();
    static char head[] = "HTTP/1.1 200\r\n";
    struct iovec parts[] = {
        {head,      4},
        {head,      0},
        {head + 4,  8},
        {head + 12, 2}
    };
    char raw[256], text[64];
    assert_int_equal(sw_io_writev(e.server, parts, 4), 14);
    ssize_t n = recv(e.client->fd, raw, sizeof raw, MSG_PEEK);
    assert_int_equal(n, 5 + 14 + 1 + 16); /* header, text, type, tag: no second record */
    assert_int_equal(sw_io_read(e.client, text, 5), 5);
    assert_int_equal(e.client->ops->pending(e.client), 9);
    assert_int_equal(sw_io_read(e.client, text + 5, sizeof text - 5), 9);
    assert_int_equal(e.client->ops->pending(e.client), 0);
    assert_memory_equal(text, "HTTP/1.1 200\r\n", 14);
    part(&e);
}

static const struct iovec ONE_BYTE = {(char[]){"x"}, 1};

static void the_end_is_told_from_truncation(void **state)
{
    (void)state;
    char byte;
    ends e = meet_simply();
    assert_int_equal(e.server->ops->shutdown(e.server), 0);
    assert_int_equal(sw_io_read(e.client, &byte, 1), 0);
    assert_int_equal(sw_io_writev(e.client, &ONE_BYTE, 1), 1); /* half closed */
    assert_int_equal(sw_io_read(e.server, &byte, 1), 1);
    part(&e);
    e = meet_simply();
    shutdown(e.server->fd, SHUT_RDWR);
    assert_int_equal(sw_io_read(e.client, &byte, 1), -ECONNRESET);
    assert_int_equal(sw_io_writev(e.client, &ONE_BYTE, 1), -ECONNRESET);
    part(&e);
    e = meet_simply(); /* writing to one who has gone raises no signal */
    close(e.server->fd);
    e.server->fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_int_equal(sw_io_writev(e.client, &ONE_BYTE, 1), -EPIPE);
    part(&e);
}

static void bad_files_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *cert, *key, *ca;
        sw_status status;
        const char *words;
    } ROWS[] = {
        {"none.pem", "one.key",    NULL,       SW_NOT_FOUND, "none.pem"     },
        {"one.pem",  "none.key",   NULL,       SW_NOT_FOUND, "none.key"     },
        {"one.key",  "one.key",    NULL,       SW_INVALID,   "one.key"      },
        {"one.pem",  "one.pem",    NULL,       SW_INVALID,   "one.pem"      },
        {"one.pem",  "wild.key",   NULL,       SW_INVALID,   "not belong"   },
        {"one.pem",  "locked.key", NULL,       SW_INVALID,   "passphrase"   },
        {"one.pem",  "one.key",    "none.pem", SW_NOT_FOUND, "none.pem"     },
        {"one.pem",  "one.key",    "one.key",  SW_INVALID,   "one.key"      },
        {"one.pem",  "one.key",    "",         SW_ARGUMENT,  "who may issue"},
    };
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        sw_tls_cert cert = {cert_file(ROWS[i].cert), cert_file(ROWS[i].key)};
        sw_tls_server_options o = {.certs = &cert, .cert_count = 1};
        sw_diag diag = {};
        sw_tls *t = NULL;
        if (ROWS[i].ca != NULL) {
            o.client_auth = SW_TLS_CLIENT_OPTIONAL;
            o.client_ca_file = ROWS[i].ca[0] == '\0' ? NULL : cert_file(ROWS[i].ca);
        }
        assert_int_equal(sw_tls_server_new(&o, NULL, &t, &diag), ROWS[i].status);
        assert_non_null(strstr(diag.text, ROWS[i].words));
        assert_null(t);
    }
    sw_diag diag = {};
    sw_tls *t = NULL;
    assert_int_equal(sw_tls_server_new(&(sw_tls_server_options){}, NULL, &t, &diag), SW_ARGUMENT);
    assert_int_equal(sw_tls_client_new(&(sw_tls_client_options){.ca_file = "/nowhere"}, &t, &diag),
                     SW_IO);
}

static void connections_are_charged(void **state)
{
    (void)state;
    static const char *const CERTS[] = {"one", NULL};
    sw_tls *server = make_server(CERTS, (sw_tls_server_options){}, NULL);
    sw_tls *client = make_client((sw_tls_client_options){});
    int fds[2];
    sw_budget budget;
    sw_io *io = NULL;
    make_pair(fds);
    sw_budget_init(&budget, SW_TLS_CONNECTION_BYTES);
    assert_int_equal(sw_tls_accept(server, fds[0], &budget, &io), SW_NO_MEMORY);
    assert_int_equal(budget.used_bytes, 0);
    sw_budget_init(&budget, SIZE_MAX);
    assert_int_equal(sw_tls_accept(server, fds[0], &budget, &io), SW_OK);
    assert_true(budget.used_bytes >= SW_TLS_CONNECTION_BYTES);
    io->ops->close(io);
    assert_int_equal(budget.used_bytes, 0);
    static const char *const HOSTS[] = {"", "."};
    for (size_t i = 0; i < SW_COUNTOF(HOSTS); i++) {
        assert_int_equal(sw_tls_connect(client, fds[1], sw_str_of(HOSTS[i]), NULL, &io),
                         SW_ARGUMENT);
    }
    close(fds[1]);
    sw_tls_unref(server);
    sw_tls_unref(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modules_of_other_builds_are_refused),
        cmocka_unit_test(certificates_go_by_name),
        cmocka_unit_test(the_server_chooses_the_protocol),
        cmocka_unit_test(trust_is_a_file_or_the_systems),
        cmocka_unit_test(clients_may_have_to_say_who_they_are),
        cmocka_unit_test(tickets_outlive_a_reload),
        cmocka_unit_test(what_is_old_or_weak_is_refused),
        cmocka_unit_test(garbage_is_refused),
        cmocka_unit_test(bytes_arrive_as_they_were),
        cmocka_unit_test(small_parts_make_one_record),
        cmocka_unit_test(the_end_is_told_from_truncation),
        cmocka_unit_test(bad_files_are_named),
        cmocka_unit_test(connections_are_charged),
    };
    return cmocka_run_group_tests(tests, certs_make, certs_remove);
}
