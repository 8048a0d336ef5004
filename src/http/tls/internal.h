/* Inside the module: configurations (context.c), certificates by name (names.c), PEM files (pem.c),
 * connections (conn.c). */
#pragma once

#include "http/tls/module.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdatomic.h>

/* One certificate, or several with keys of different types for the same names. */
typedef struct sw_tls_entry {
    SSL_CTX *ctx; /* owned */
    X509 *leaf;   /* of the first certificate; borrowed from ctx */
} sw_tls_entry;

struct sw_tls {
    atomic_uint refs;
    bool is_server;
    bool offers_h2;
    size_t entry_count;
    size_t entry_max;
    sw_tls_entry entries[]; /* a client has one; leaf is NULL there */
};

/* "WHAT 'PATH': OpenSSL's reason"; empties OpenSSL's queue of errors. path may be NULL. */
sw_status sw_tls_fail(sw_diag *diag, sw_status st, const char *what, const char *path);

/* The entry for the name that a client asks for. */
const sw_tls_entry *sw_tls_entry_for(const sw_tls *t, const char *name);

/* The entry made for the same names as the certificate, or NULL. */
sw_tls_entry *sw_tls_entry_find(sw_tls *t, const X509 *leaf);

/* ---- PEM files: `what` and the path are for errors; the contents are wiped at the end ----------
 */

typedef struct sw_tls_pem sw_tls_pem;

SW_NODISCARD sw_status sw_tls_pem_open(const sw_tls_opener *opener, const char *what,
                                       const char *path, sw_diag *diag, sw_tls_pem **ret_pem);
void sw_tls_pem_close(sw_tls_pem *p); /* p may be NULL */
sw_bytes sw_tls_pem_bytes(const sw_tls_pem *p);

/* Each reads what it is for from where the one before has stopped. */
SW_NODISCARD sw_status sw_tls_pem_leaf(sw_tls_pem *p, sw_diag *diag, X509 **ret_leaf);
/* The certificate and those after it, as its chain. */
SW_NODISCARD sw_status sw_tls_pem_use_chain(sw_tls_pem *p, SSL_CTX *ctx, sw_diag *diag);
SW_NODISCARD sw_status sw_tls_pem_use_key(sw_tls_pem *p, SSL_CTX *ctx, const char *cert_file,
                                          sw_diag *diag);
/* All certificates as issuers, which a server also tells its clients; lists of revoked ones. */
SW_NODISCARD sw_status sw_tls_pem_use_issuers(sw_tls_pem *p, SSL_CTX *ctx, bool is_server,
                                              sw_diag *diag);

sw_status sw_tls_conn_accept(sw_tls *t, int fd, sw_budget *budget, sw_io **ret_io);
sw_status sw_tls_conn_connect(sw_tls *t, int fd, sw_str host, sw_budget *budget, sw_io **ret_io);
void sw_tls_conn_info(const sw_io *io, sw_tls_info *ret_info);

sw_tls *sw_tls_context_ref(sw_tls *t);
void sw_tls_context_unref(sw_tls *t);
