/* Inside the module: configurations (context.c), certificates by name (names.c), connections
 * (conn.c). */
#pragma once

#include "http/tls/module.h"

#include <openssl/ssl.h>
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

sw_status sw_tls_conn_accept(sw_tls *t, int fd, sw_budget *budget, sw_io **ret_io);
sw_status sw_tls_conn_connect(sw_tls *t, int fd, sw_str host, sw_budget *budget, sw_io **ret_io);
void sw_tls_conn_info(const sw_io *io, sw_tls_info *ret_info);

sw_tls *sw_tls_context_ref(sw_tls *t);
void sw_tls_context_unref(sw_tls *t);
