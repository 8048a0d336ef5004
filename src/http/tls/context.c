/* Configurations: everything that is decided before a connection is there. */
#include "internal.h"

#include "base/sha256.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

/* For TLS 1.2; 1.3 has no bad ones. */
#define CIPHERS_12 "ECDHE+AESGCM:ECDHE+CHACHA20"

#define TICKET_LIFE_S     7200
#define TICKET_KEYS_BYTES 80 /* OpenSSL's: a name, a key for HMAC, one for AES */

/* "h2" first: ours is the choice. */
static const unsigned char PROTOCOLS[] = "\x02h2\x08http/1.1";

static sw_bytes protocols_of(const sw_tls *t)
{
    size_t skip = t->offers_h2 ? 0 : 3;
    return (sw_bytes){PROTOCOLS + skip, sizeof PROTOCOLS - 1 - skip};
}

/* What OpenSSL says of files, in words that help. */
static const char *reason_of(unsigned long code)
{
    if (ERR_SYSTEM_ERROR(code)) {
        return strerror(ERR_GET_REASON(code));
    }
    switch (ERR_GET_REASON(code)) {
    case PEM_R_NO_START_LINE: return ERR_GET_LIB(code) == ERR_LIB_PEM ? "is not in PEM form" : NULL;
    case ERR_R_UNSUPPORTED: return "is not in PEM form, or not one";
    case ERR_R_INTERRUPTED_OR_CANCELLED:
        return "has a passphrase, for which nobody can be asked; 'openssl pkey' writes it without";
    default: return ERR_reason_error_string(code);
    }
}

sw_status sw_tls_fail(sw_diag *diag, sw_status st, const char *what, const char *path)
{
    unsigned long code = ERR_peek_error();
    const char *reason = reason_of(code);
    st = ERR_SYSTEM_ERROR(code) ? SW_IO : st;
    st = ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE ? SW_NO_MEMORY : st;
    ERR_clear_error();
    reason = reason == NULL ? "unusable" : reason;
    return path == NULL ? sw_fail(diag, st, SW_NO_OFFSET, "TLS: %s: %s", what, reason)
                        : sw_fail(diag, st, SW_NO_OFFSET, "TLS: %s '%s': %s", what, path, reason);
}

static bool set_common(SSL_CTX *ctx)
{
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_read_ahead(ctx, 1); /* a record in one system call rather than two */
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ctx, CIPHERS_12) == 1;
}

static sw_status use_chain(SSL_CTX *ctx, const sw_tls_cert *cert, const sw_tls_opener *opener,
                           sw_diag *diag)
{
    sw_tls_pem *pem;
    SW_TRY(sw_tls_pem_open(opener, "certificate", cert->cert_file, diag, &pem));
    sw_status st = sw_tls_pem_use_chain(pem, ctx, diag);
    sw_tls_pem_close(pem);
    return st;
}

static sw_status use_cert(SSL_CTX *ctx, const sw_tls_cert *cert, const sw_tls_opener *opener,
                          sw_diag *diag)
{
    sw_tls_pem *pem;
    SW_TRY(use_chain(ctx, cert, opener, diag));
    SW_TRY(sw_tls_pem_open(opener, "private key", cert->key_file, diag, &pem));
    sw_status st = sw_tls_pem_use_key(pem, ctx, cert->cert_file, diag);
    sw_tls_pem_close(pem);
    return st;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned in_len, void *arg)
{
    (void)ssl;
    sw_bytes ours = protocols_of(arg);
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_len, ours.ptr, (unsigned)ours.len, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int choose_cert(SSL *ssl, int *alert, void *arg)
{
    (void)alert;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name == NULL) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    SSL_CTX *ctx = sw_tls_entry_for(arg, name)->ctx;
    return SSL_set_SSL_CTX(ssl, ctx) == NULL ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_OK;
}

/* What a ticket is bound to. Resuming does not verify the client's certificate again, so a ticket
 * must not outlive the rules by which it was verified. */
static sw_status set_resumption(SSL_CTX *ctx, sw_tls_client_auth client_auth, sw_bytes issuers,
                                sw_diag *diag)
{
    uint8_t scope[SW_SHA256_BYTES], auth = (uint8_t)client_auth;
    sw_sha256 h;
    sw_sha256_init(&h, false);
    sw_sha256_write(&h, (sw_bytes){&auth, 1});
    if (issuers.len != 0) {
        sw_sha256_write(&h, issuers);
    }
    sw_sha256_finish(&h, scope);
    return SSL_CTX_set_session_id_context(ctx, scope, sizeof scope) == 1
               ? SW_OK
               : sw_tls_fail(diag, SW_INVALID, "server", NULL);
}

static sw_status use_client_issuers(SSL_CTX *ctx, const sw_tls_server_options *options,
                                    sw_tls_pem *pem, sw_diag *diag)
{
    static const int MODES[] = {
        [SW_TLS_CLIENT_NONE] = SSL_VERIFY_NONE,
        [SW_TLS_CLIENT_OPTIONAL] = SSL_VERIFY_PEER,
        [SW_TLS_CLIENT_REQUIRED] = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
    };
    SW_TRY(set_resumption(ctx, options->client_auth, sw_tls_pem_bytes(pem), diag));
    if (options->client_auth == SW_TLS_CLIENT_NONE) {
        return SW_OK;
    }
    SW_TRY(sw_tls_pem_use_issuers(pem, ctx, true, diag));
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_verify(ctx, MODES[options->client_auth], NULL);
    return SW_OK;
}

static sw_status set_client_auth(SSL_CTX *ctx, const sw_tls_server_options *options, sw_diag *diag)
{
    sw_tls_pem *pem;
    if (options->client_ca_file == NULL) {
        return options->client_auth == SW_TLS_CLIENT_NONE
                   ? set_resumption(ctx, SW_TLS_CLIENT_NONE, (sw_bytes){}, diag)
                   : sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET,
                             "TLS: clients' certificates need a file of who may issue them");
    }
    SW_TRY(
        sw_tls_pem_open(&options->opener, "clients' issuers", options->client_ca_file, diag, &pem));
    sw_status st = use_client_issuers(ctx, options, pem, diag);
    sw_tls_pem_close(pem);
    return st;
}

static sw_status fill_server(SSL_CTX *ctx, sw_tls *t, const sw_tls_server_options *options,
                             sw_diag *diag)
{
    if (!set_common(ctx)) {
        return sw_tls_fail(diag, SW_INVALID, "server", NULL);
    }
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets only: no memory here */
    (void)SSL_CTX_set_timeout(ctx, TICKET_LIFE_S);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, t);
    SSL_CTX_set_tlsext_servername_callback(ctx, choose_cert);
    SSL_CTX_set_tlsext_servername_arg(ctx, t);
    return set_client_auth(ctx, options, diag);
}

static sw_status read_leaf(const sw_tls_cert *cert, const sw_tls_opener *opener, X509 **ret_leaf,
                           sw_diag *diag)
{
    sw_tls_pem *pem;
    SW_TRY(sw_tls_pem_open(opener, "certificate", cert->cert_file, diag, &pem));
    sw_status st = sw_tls_pem_leaf(pem, diag, ret_leaf);
    sw_tls_pem_close(pem);
    return st;
}

static sw_status add_cert(sw_tls *t, const sw_tls_cert *cert, const sw_tls_server_options *options,
                          sw_diag *diag)
{
    X509 *leaf = NULL;
    SW_TRY(read_leaf(cert, &options->opener, &leaf, diag));
    sw_tls_entry *same = sw_tls_entry_find(t, leaf);
    X509_free(leaf);
    if (same != NULL) {
        return use_cert(same->ctx, cert, &options->opener, diag);
    }
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL) {
        return sw_tls_fail(diag, SW_NO_MEMORY, "server", NULL);
    }
    sw_tls_entry *entry = &t->entries[t->entry_count++];
    entry->ctx = ctx;
    SW_TRY(fill_server(ctx, t, options, diag));
    SW_TRY(use_cert(ctx, cert, &options->opener, diag));
    entry->leaf = SSL_CTX_get0_certificate(ctx);
    return SW_OK;
}

static bool take_over_tickets(sw_tls *t, const sw_tls *old)
{
    uint8_t keys[TICKET_KEYS_BYTES];
    bool is_done = SSL_CTX_get_tlsext_ticket_keys(old->entries[0].ctx, keys, sizeof keys) == 1 &&
                   SSL_CTX_set_tlsext_ticket_keys(t->entries[0].ctx, keys, sizeof keys) == 1;
    OPENSSL_cleanse(keys, sizeof keys);
    return is_done;
}

static sw_tls *new_tls(bool is_server, bool offers_h2, size_t entry_max)
{
    size_t size;
    if (ckd_mul(&size, entry_max, sizeof(sw_tls_entry)) || ckd_add(&size, size, sizeof(sw_tls))) {
        return NULL;
    }
    sw_tls *t = sw_alloc(NULL, size);
    if (t != NULL) {
        t->is_server = is_server;
        t->offers_h2 = offers_h2;
        t->entry_max = entry_max;
        atomic_init(&t->refs, 1);
    }
    return t;
}

static sw_status server_new(const sw_tls_server_options *options, const sw_tls *old,
                            sw_tls **ret_tls, sw_diag *diag)
{
    if (options->cert_count == 0) {
        return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET, "TLS: a server needs a certificate");
    }
    sw_tls *t = new_tls(true, options->offers_h2, options->cert_count);
    if (t == NULL) {
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "TLS: out of memory");
    }
    sw_status st = SW_OK;
    for (size_t i = 0; i < options->cert_count && st == SW_OK; i++) {
        st = add_cert(t, &options->certs[i], options, diag);
    }
    if (st == SW_OK && old != NULL && !take_over_tickets(t, old)) {
        st = sw_tls_fail(diag, SW_INVALID, "server", NULL);
    }
    if (st != SW_OK) {
        sw_tls_context_unref(t);
        return st;
    }
    *ret_tls = t;
    return SW_OK;
}

static sw_status fill_client(SSL_CTX *ctx, const sw_tls *t, const sw_tls_client_options *options,
                             sw_diag *diag)
{
    sw_bytes protocols = protocols_of(t);
    if (!set_common(ctx) ||
        SSL_CTX_set_alpn_protos(ctx, protocols.ptr, (unsigned)protocols.len) != 0) {
        return sw_tls_fail(diag, SW_INVALID, "client", NULL);
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_hostflags(SSL_CTX_get0_param(ctx), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (options->ca_file == NULL) {
        if (SSL_CTX_set_default_verify_paths(ctx) != 1) {
            return sw_tls_fail(diag, SW_INVALID, "the system's certificates", NULL);
        }
    } else if (SSL_CTX_load_verify_file(ctx, options->ca_file) != 1) {
        return sw_tls_fail(diag, SW_INVALID, "trusted issuers", options->ca_file);
    }
    return options->cert == NULL ? SW_OK : use_cert(ctx, options->cert, &(sw_tls_opener){}, diag);
}

static sw_status client_new(const sw_tls_client_options *options, sw_tls **ret_tls, sw_diag *diag)
{
    sw_tls *t = new_tls(false, options->offers_h2, 1);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (t == NULL || ctx == NULL) {
        sw_free(NULL, t, sizeof(sw_tls) + sizeof(sw_tls_entry));
        SSL_CTX_free(ctx);
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "TLS: out of memory");
    }
    t->entries[t->entry_count++].ctx = ctx;
    sw_status st = fill_client(ctx, t, options, diag);
    if (st != SW_OK) {
        sw_tls_context_unref(t);
        return st;
    }
    *ret_tls = t;
    return SW_OK;
}

sw_tls *sw_tls_context_ref(sw_tls *t)
{
    atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void sw_tls_context_unref(sw_tls *t)
{
    if (t == NULL || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < t->entry_count; i++) {
        SSL_CTX_free(t->entries[i].ctx);
    }
    sw_free(NULL, t, sizeof *t + t->entry_max * sizeof t->entries[0]);
}

SW_EXPORT extern const sw_tls_module_table sw_tls_module;

const sw_tls_module_table sw_tls_module = {
    .abi = SW_TLS_MODULE_ABI,
    .size_bytes = sizeof sw_tls_module,
    .server_new = server_new,
    .client_new = client_new,
    .ref = sw_tls_context_ref,
    .unref = sw_tls_context_unref,
    .accept = sw_tls_conn_accept,
    .connect = sw_tls_conn_connect,
    .info = sw_tls_conn_info,
};
