/*
 * TLS for servers and clients, as bytes over a socket (io.h).
 *
 * The work is OpenSSL's, and OpenSSL is in a module of its own, swell-tls.so, that is loaded when
 * TLS is first asked for: beside the program or library that asks, else in the installation's
 * folder. A program that serves cleartext carries none of it.
 *
 *     sw_tls_server_options o = {.certs = &cert, .cert_count = 1, .offers_h2 = true};
 *     SW_TRY(sw_tls_server_new(&o, NULL, &tls, diag));    files are read and checked here
 *     SW_TRY(sw_tls_accept(tls, fd, budget, &io));        no bytes yet
 *     ... io->ops->handshake(io) until it is not -EAGAIN; then io->alpn says what to speak ...
 *
 * An sw_tls is immutable and counted: to reload certificates make another from the same options and
 * the old one, use it for what is accepted from then on, and drop the old one; connections keep
 * theirs alive. Any thread may use an sw_tls; a connection belongs to one at a time.
 *
 * What is never negotiated: anything before TLS 1.2, static key exchange, ciphers without
 * authenticated encryption, renegotiation, compression, early data.
 */
#pragma once

#include "base/memory.h"
#include "base/span.h"
#include "base/status.h"
#include "http/io.h"

typedef struct sw_tls sw_tls;

/* PEM files: the certificate with its chain after it, and its key without a passphrase. */
typedef struct sw_tls_cert {
    const char *cert_file;
    const char *key_file;
} sw_tls_cert;

/* How the files are opened: as open(2) for reading, errno included. NULL: by just that. */
typedef struct sw_tls_opener {
    int (*open)(void *env, const char *path);
    void *env;
} sw_tls_opener;

typedef enum sw_tls_client_auth {
    SW_TLS_CLIENT_NONE,     /* clients are not asked for a certificate */
    SW_TLS_CLIENT_OPTIONAL, /* one that is given must verify */
    SW_TLS_CLIENT_REQUIRED, /* no connection without one */
} sw_tls_client_auth;

typedef struct sw_tls_server_options {
    const sw_tls_cert
        *certs;                 /* chosen by the name the client asks for: an exact name, then a
                                   wildcard, then the first. Certificates for the same names but with
                                   keys of different types are chosen by what the client can verify. */
    size_t cert_count;          /* at least 1 */
    const char *client_ca_file; /* PEM; who may have issued clients' certificates */
    sw_tls_client_auth client_auth;
    sw_tls_opener opener;
    bool offers_h2; /* "h2" before "http/1.1" */
} sw_tls_server_options;

typedef struct sw_tls_client_options {
    const char *ca_file;     /* PEM; NULL: the system's store */
    const sw_tls_cert *cert; /* shown to servers that ask; NULL: none */
    bool offers_h2;
} sw_tls_client_options;

/* Loads the module if it is not there yet; the functions below do so by themselves. For programs
 * that want to know before they drop their rights. SW_NOT_FOUND says where it was looked for. */
SW_NODISCARD sw_status sw_tls_load(sw_diag *diag);

/* From a given file, for tests. After the first success nothing is loaded any more. */
SW_NODISCARD sw_status sw_tls_load_from(const char *path, sw_diag *diag);

/* old may be NULL; else clients that have tickets from it can still resume, unless the options say
 * otherwise about clients' certificates than the old ones did. Give all workers' configurations the
 * first one as old. */
SW_NODISCARD sw_status sw_tls_server_new(const sw_tls_server_options *options, const sw_tls *old,
                                         sw_tls **ret_tls, sw_diag *diag);
SW_NODISCARD sw_status sw_tls_client_new(const sw_tls_client_options *options, sw_tls **ret_tls,
                                         sw_diag *diag);
sw_tls *sw_tls_ref(sw_tls *t);
void sw_tls_unref(sw_tls *t); /* t may be NULL */

/* What a connection is charged for OpenSSL's memory: more than it has on average (an idle one has
 * about half: buffers are given back when they are empty). */
#define SW_TLS_CONNECTION_BYTES ((size_t)48 * 1024)

/* Wraps a connected, non-blocking socket, which the io owns from then on if this succeeds.
 * SW_NO_MEMORY also when the budget (may be NULL) has no SW_TLS_CONNECTION_BYTES. */
SW_NODISCARD sw_status sw_tls_accept(sw_tls *t, int fd, sw_budget *budget, sw_io **ret_io);

/* host is a name or an IP address literal (without brackets); the server must prove to be it. */
SW_NODISCARD sw_status sw_tls_connect(sw_tls *t, int fd, sw_str host, sw_budget *budget,
                                      sw_io **ret_io);

typedef enum sw_tls_failure {
    SW_TLS_FINE,
    SW_TLS_FAILED,       /* the protocol: no common version or cipher, garbage, truncation */
    SW_TLS_FAILED_CERT,  /* the peer's certificate, or that it has none */
    SW_TLS_FAILED_ALERT, /* the peer said so, by an alert */
} sw_tls_failure;

/* What can be told of a connection; strings are empty where there is nothing to tell. */
typedef struct sw_tls_info {
    sw_tls_failure failure;
    uint8_t alert;         /* of SW_TLS_FAILED_ALERT: the number of RFC 8446, 6.2 */
    bool is_resumed;       /* by a ticket */
    char reason[128];      /* of a failure, for people */
    char version[16];      /* "TLSv1.3" */
    char cipher[48];       /* "TLS_AES_256_GCM_SHA384" */
    char server_name[256]; /* that the client asked for */
    char peer[256];        /* subject of the peer's verified certificate, as RFC 2253 writes it */
} sw_tls_info;

/* io is one that sw_tls_accept or sw_tls_connect made. */
void sw_tls_get_info(const sw_io *io, sw_tls_info *ret_info);
