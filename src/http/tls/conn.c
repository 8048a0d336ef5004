/* Connections: an SSL over the socket, as an sw_io. The handshake happens in whatever is called
 * first. What is written is gathered into whole records, so that a head and the body after it are
 * one record and one system call. */
#include "internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define RECORD_BYTES ((size_t)16384)

typedef struct conn {
    sw_io io;            /* first */
    SSL *ssl;            /* owned */
    sw_tls *tls;         /* counted */
    sw_budget *budget;   /* borrowed, may be NULL */
    unsigned long error; /* OpenSSL's code of the failure */
    int broken;          /* -errno: every further call gives it */
    bool is_ready;       /* the handshake is over */
    bool saw_end;        /* the socket's end of stream */
} conn;

static conn *conn_of(sw_io *io)
{
    return (conn *)io;
}

/* The socket, for OpenSSL: its own would raise SIGPIPE. */
static int bio_write(BIO *bio, const char *p, size_t size, size_t *ret_n)
{
    const conn *c = BIO_get_data(bio);
    ssize_t n;
    BIO_clear_retry_flags(bio);
    do {
        n = send(c->io.fd, p, size, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        if (errno == EAGAIN) {
            BIO_set_retry_write(bio);
        }
        return 0;
    }
    *ret_n = (size_t)n;
    return 1;
}

static int bio_read(BIO *bio, char *p, size_t size, size_t *ret_n)
{
    conn *c = BIO_get_data(bio);
    ssize_t n;
    BIO_clear_retry_flags(bio);
    do {
        n = recv(c->io.fd, p, size, 0);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
        c->saw_end = n == 0;
        if (n < 0 && errno == EAGAIN) {
            BIO_set_retry_read(bio);
        }
        return 0;
    }
    *ret_n = (size_t)n;
    return 1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *arg)
{
    (void)number, (void)arg;
    const conn *c = BIO_get_data(bio);
    return command == BIO_CTRL_FLUSH ? 1 : command == BIO_CTRL_EOF ? c->saw_end : 0;
}

static BIO_METHOD *bio_method;

static void make_bio_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    if (m != NULL && BIO_meth_set_write_ex(m, bio_write) == 1 &&
        BIO_meth_set_read_ex(m, bio_read) == 1 && BIO_meth_set_ctrl(m, bio_ctrl) == 1) {
        bio_method = m;
    }
}

static BIO *new_bio(conn *c)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make_bio_method);
    BIO *bio = bio_method == NULL ? NULL : BIO_new(bio_method);
    if (bio != NULL) {
        BIO_set_data(bio, c);
        BIO_set_init(bio, 1);
    }
    return bio;
}

/* What a call that did not succeed means; 0 is the peer's orderly end. */
static int outcome(conn *c, int result)
{
    int saved = errno;
    switch (SSL_get_error(c->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN: return 0;
    case SSL_ERROR_SYSCALL: c->broken = saved == 0 || c->saw_end ? -ECONNRESET : -saved; break;
    default: c->broken = c->saw_end ? -ECONNRESET : -EPROTO; break;
    }
    c->error = ERR_peek_error();
    ERR_clear_error();
    return c->broken;
}

static void handshake_is_over(conn *c)
{
    const unsigned char *name;
    unsigned len;
    SSL_get0_alpn_selected(c->ssl, &name, &len);
    sw_str chosen = {(const char *)name, len};
    c->io.alpn = sw_str_eq(chosen, SW_STR("h2"))         ? SW_STR("h2")
                 : sw_str_eq(chosen, SW_STR("http/1.1")) ? SW_STR("http/1.1")
                                                         : (sw_str){};
    c->is_ready = true;
}

/* Somebody speaks HTTP on a port for HTTPS, and is told so in words that he understands. */
static void answer_plain_http(const conn *c)
{
    static const char ANSWER[] = "HTTP/1.1 400 Bad Request\r\n"
                                 "content-type: text/plain\r\n"
                                 "content-length: 27\r\n"
                                 "connection: close\r\n\r\n"
                                 "this port speaks https://\r\n";
    static_assert(sizeof "this port speaks https://\r\n" - 1 == 27, "the length above");
    ssize_t sent = send(c->io.fd, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL);
    (void)sent;
}

static int conn_handshake(sw_io *io)
{
    conn *c = conn_of(io);
    if (c->is_ready || c->broken != 0) {
        return c->broken;
    }
    ERR_clear_error();
    errno = 0;
    int result = SSL_do_handshake(c->ssl);
    if (result == 1) {
        handshake_is_over(c);
        return 0;
    }
    int why = outcome(c, result);
    if (ERR_GET_LIB(c->error) == ERR_LIB_SSL && ERR_GET_REASON(c->error) == SSL_R_HTTP_REQUEST) {
        answer_plain_http(c);
    }
    return why == 0 ? -ECONNRESET : why;
}

static ssize_t conn_read(sw_io *io, void *p, size_t size_bytes)
{
    conn *c = conn_of(io);
    int ready = conn_handshake(io);
    if (ready != 0) {
        return ready;
    }
    ERR_clear_error();
    errno = 0;
    size_t n;
    int result = SSL_read_ex(c->ssl, p, size_bytes, &n);
    return result == 1 ? (ssize_t)n : outcome(c, result);
}

/* At most a record's worth; n is not 0. */
static ssize_t write_record(conn *c, const void *p, size_t n)
{
    ERR_clear_error();
    errno = 0;
    size_t written;
    int result = SSL_write_ex(c->ssl, p, n, &written);
    if (result == 1) {
        return (ssize_t)written;
    }
    int why = outcome(c, result);
    return why == 0 ? -EPIPE : why;
}

static size_t gather(uint8_t *to, size_t max, const struct iovec *parts, int count, size_t skip)
{
    size_t n = 0;
    for (int i = 0; i < count && n < max; i++) {
        size_t from = SW_MIN(skip, parts[i].iov_len);
        size_t take = SW_MIN(parts[i].iov_len - from, max - n);
        if (take != 0) {
            memcpy(to + n, (const uint8_t *)parts[i].iov_base + from, take);
        }
        skip -= from;
        n += take;
    }
    return n;
}

/* A record begins `skip` bytes into the parts, and is as long as may be: OpenSSL, asked again after
 * it could not send a record, wants at least the bytes that it had then. */
static ssize_t write_at(conn *c, const struct iovec *parts, int count, size_t skip, size_t left)
{
    size_t size = SW_MIN(left, RECORD_BYTES);
    for (int i = 0; i < count && skip < parts[i].iov_len; i++) {
        if (parts[i].iov_len - skip >= size) {
            return write_record(c, (const uint8_t *)parts[i].iov_base + skip, size);
        }
        break;
    }
    uint8_t *record = sw_alloc(c->budget, size);
    if (record == NULL) {
        return -ENOMEM;
    }
    ssize_t n = write_record(c, record, gather(record, size, parts, count, skip));
    sw_free(c->budget, record, size);
    return n;
}

static ssize_t conn_writev(sw_io *io, const struct iovec *parts, int count)
{
    conn *c = conn_of(io);
    int ready = conn_handshake(io);
    if (ready != 0) {
        return ready;
    }
    size_t total = 0, done = 0;
    for (int i = 0; i < count; i++) {
        total += parts[i].iov_len;
    }
    while (done < total) {
        ssize_t n = write_at(c, parts, count, done, total - done);
        if (n < 0) {
            return done != 0 ? (ssize_t)done : n;
        }
        done += (size_t)n;
    }
    return (ssize_t)done;
}

static size_t conn_pending(const sw_io *io)
{
    const conn *c = (const conn *)io;
    int ready = SSL_pending(c->ssl);
    return ready > 0 ? (size_t)ready : (size_t)SSL_has_pending(c->ssl);
}

static int conn_shutdown(sw_io *io)
{
    conn *c = conn_of(io);
    if (c->is_ready && c->broken == 0) {
        ERR_clear_error();
        errno = 0;
        int result = SSL_shutdown(c->ssl);
        int why = result >= 0 ? 0 : outcome(c, result);
        if (why != 0) {
            return why;
        }
    }
    return shutdown(io->fd, SHUT_WR) == 0 ? 0 : -errno;
}

static void conn_free(conn *c)
{
    SSL_free(c->ssl);
    sw_budget_release(c->budget, SW_TLS_CONNECTION_BYTES);
    sw_tls_context_unref(c->tls);
    sw_free(c->budget, c, sizeof *c);
}

static void conn_close(sw_io *io)
{
    close(io->fd);
    conn_free(conn_of(io));
}

static const sw_io_ops CONN_OPS = {
    .handshake = conn_handshake,
    .read = conn_read,
    .writev = conn_writev,
    .pending = conn_pending,
    .shutdown = conn_shutdown,
    .close = conn_close,
};

static conn *conn_new(sw_tls *t, int fd, sw_budget *budget)
{
    if (!sw_budget_charge(budget, SW_TLS_CONNECTION_BYTES)) {
        return NULL;
    }
    conn *c = sw_alloc(budget, sizeof *c);
    if (c == NULL) {
        sw_budget_release(budget, SW_TLS_CONNECTION_BYTES);
        return NULL;
    }
    c->io = (sw_io){.ops = &CONN_OPS, .fd = fd, .is_secure = true};
    c->tls = sw_tls_context_ref(t);
    c->budget = budget;
    BIO *bio = new_bio(c);
    c->ssl = SSL_new(t->entries[0].ctx);
    if (bio == NULL || c->ssl == NULL) {
        BIO_free(bio);
        conn_free(c);
        ERR_clear_error();
        return NULL;
    }
    SSL_set_bio(c->ssl, bio, bio);
    return c;
}

sw_status sw_tls_conn_accept(sw_tls *t, int fd, sw_budget *budget, sw_io **ret_io)
{
    assert(t->is_server);
    conn *c = conn_new(t, fd, budget);
    if (c == NULL) {
        return SW_NO_MEMORY;
    }
    SSL_set_accept_state(c->ssl);
    *ret_io = &c->io;
    return SW_OK;
}

/* Whom the server must prove to be, and, unless it is an address, which name it is asked for. */
static bool expect_host(SSL *ssl, char *host)
{
    uint8_t address[16];
    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    }
    return SSL_set1_host(ssl, host) == 1 &&
           SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host) == 1;
}

sw_status sw_tls_conn_connect(sw_tls *t, int fd, sw_str host, sw_budget *budget, sw_io **ret_io)
{
    assert(!t->is_server);
    char name[256];
    host.len -= sw_str_ends(host, SW_STR(".")) ? 1 : 0;
    if (host.len == 0 || host.len >= sizeof name || memchr(host.ptr, '\0', host.len) != NULL) {
        return SW_ARGUMENT;
    }
    memcpy(name, host.ptr, host.len);
    name[host.len] = '\0';
    conn *c = conn_new(t, fd, budget);
    if (c == NULL) {
        return SW_NO_MEMORY;
    }
    if (!expect_host(c->ssl, name)) {
        conn_free(c);
        ERR_clear_error();
        return SW_ARGUMENT;
    }
    SSL_set_connect_state(c->ssl);
    *ret_io = &c->io;
    return SW_OK;
}

static void put(char *to, size_t size, const char *text)
{
    (void)snprintf(to, size, "%s", text == NULL ? "" : text);
}

static void describe_failure(const conn *c, sw_tls_info *info)
{
    int reason = ERR_GET_REASON(c->error);
    bool is_ssl = ERR_GET_LIB(c->error) == ERR_LIB_SSL;
    info->failure = SW_TLS_FAILED;
    put(info->reason, sizeof info->reason, ERR_reason_error_string(c->error));
    if (is_ssl && reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + 255) {
        info->failure = SW_TLS_FAILED_ALERT;
        info->alert = (uint8_t)(reason - SSL_AD_REASON_OFFSET);
    } else if (is_ssl && reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        info->failure = SW_TLS_FAILED_CERT;
        put(info->reason, sizeof info->reason,
            X509_verify_cert_error_string(SSL_get_verify_result(c->ssl)));
    } else if (is_ssl && reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
        info->failure = SW_TLS_FAILED_CERT;
    } else if (c->error == 0) {
        put(info->reason, sizeof info->reason, strerror(-c->broken));
    }
}

static void describe_peer(const conn *c, sw_tls_info *info)
{
    X509 *peer = SSL_get0_peer_certificate(c->ssl);
    BIO *bio = peer == NULL ? NULL : BIO_new(BIO_s_mem());
    if (bio != NULL && SSL_get_verify_result(c->ssl) == X509_V_OK &&
        X509_NAME_print_ex(bio, X509_get_subject_name(peer), 0, XN_FLAG_RFC2253) >= 0) {
        int n = BIO_read(bio, info->peer, (int)sizeof info->peer - 1);
        info->peer[n > 0 ? n : 0] = '\0';
    }
    BIO_free(bio);
}

void sw_tls_conn_info(const sw_io *io, sw_tls_info *ret_info)
{
    const conn *c = (const conn *)io;
    *ret_info = (sw_tls_info){};
    if (c->broken != 0) {
        describe_failure(c, ret_info);
    }
    put(ret_info->server_name, sizeof ret_info->server_name,
        SSL_get_servername(c->ssl, TLSEXT_NAMETYPE_host_name));
    if (c->is_ready) {
        put(ret_info->version, sizeof ret_info->version, SSL_get_version(c->ssl));
        put(ret_info->cipher, sizeof ret_info->cipher, SSL_get_cipher_name(c->ssl));
        ret_info->is_resumed = SSL_session_reused(c->ssl) == 1;
        describe_peer(c, ret_info);
    }
    ERR_clear_error();
}
