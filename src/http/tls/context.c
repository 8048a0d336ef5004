/* Configurations: everything that is decided before a connection is there. */
#include "internal.h"

#include "base/sha256.h"
#include "os/file.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

/* For TLS 1.2; 1.3 has no bad ones. */
#define CIPHERS_12 "ECDHE+AESGCM:ECDHE+CHACHA20"

#define TICKET_LIFE_S     7200
#define TICKET_KEYS_BYTES 80 /* OpenSSL's: a name, a key for HMAC, one for AES */
#define CA_FILE_MAX_BYTES ((size_t)16 << 20)

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

/* Instead of OpenSSL's, which would ask the terminal. */
static int no_passphrase(char *buf, int size, int is_writing, void *arg)
{
    (void)buf, (void)size, (void)is_writing, (void)arg;
    return -1;
}

static bool set_common(SSL_CTX *ctx)
{
    SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_read_ahead(ctx, 1); /* a record in one system call rather than two */
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ctx, CIPHERS_12) == 1;
}

/* Another key of the same type, or of another. */
static bool is_mismatch(unsigned long code)
{
    int reason = ERR_GET_REASON(code);
    return (ERR_GET_LIB(code) == ERR_LIB_X509 &&
            (reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH)) ||
           (ERR_GET_LIB(code) == ERR_LIB_SSL && reason == SSL_R_NO_CERTIFICATE_ASSIGNED);
}

static sw_status use_cert(SSL_CTX *ctx, const sw_tls_cert *cert, sw_diag *diag)
{
    if (SSL_CTX_use_certificate_chain_file(ctx, cert->cert_file) != 1) {
        return sw_tls_fail(diag, SW_INVALID, "certificate", cert->cert_file);
    }
    if (SSL_CTX_use_PrivateKey_file(ctx, cert->key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ctx) != 1) {
        if (is_mismatch(ERR_peek_error())) {
            ERR_clear_error();
            return sw_fail(diag, SW_INVALID, SW_NO_OFFSET,
                           "TLS: private key '%s' does not belong to certificate '%s', the first "
                           "in its file",
                           cert->key_file, cert->cert_file);
        }
        return sw_tls_fail(diag, SW_INVALID, "private key", cert->key_file);
    }
    return SW_OK;
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
static sw_status resumption_scope(const sw_tls_server_options *options,
                                  uint8_t ret_scope[SW_SHA256_BYTES], sw_diag *diag)
{
    SW_AUTO(sw_file_data_clear) sw_file_data ca = {};
    if (options->client_ca_file != NULL) {
        sw_status st = sw_file_read(&ca, options->client_ca_file, NULL, CA_FILE_MAX_BYTES, NULL);
        if (st != SW_OK) {
            return sw_fail(diag, st, SW_NO_OFFSET, "TLS: clients' issuers '%s' cannot be read",
                           options->client_ca_file);
        }
    }
    uint8_t auth = (uint8_t)options->client_auth;
    sw_sha256 h;
    sw_sha256_init(&h, false);
    sw_sha256_write(&h, (sw_bytes){&auth, 1});
    if (ca.bytes.len != 0) {
        sw_sha256_write(&h, ca.bytes);
    }
    sw_sha256_finish(&h, ret_scope);
    return SW_OK;
}

static sw_status set_client_auth(SSL_CTX *ctx, const sw_tls_server_options *options, sw_diag *diag)
{
    static const int MODES[] = {
        [SW_TLS_CLIENT_NONE] = SSL_VERIFY_NONE,
        [SW_TLS_CLIENT_OPTIONAL] = SSL_VERIFY_PEER,
        [SW_TLS_CLIENT_REQUIRED] = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
    };
    uint8_t scope[SW_SHA256_BYTES];
    SW_TRY(resumption_scope(options, scope, diag));
    if (SSL_CTX_set_session_id_context(ctx, scope, sizeof scope) != 1) {
        return sw_tls_fail(diag, SW_INVALID, "server", NULL);
    }
    if (options->client_auth == SW_TLS_CLIENT_NONE) {
        return SW_OK;
    }
    if (options->client_ca_file == NULL) {
        return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET,
                       "TLS: clients' certificates need a file of who may issue them");
    }
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(options->client_ca_file);
    if (names == NULL || SSL_CTX_load_verify_file(ctx, options->client_ca_file) != 1) {
        return sw_tls_fail(diag, SW_INVALID, "clients' issuers", options->client_ca_file);
    }
    SSL_CTX_set_client_CA_list(ctx, names);
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_verify(ctx, MODES[options->client_auth], NULL);
    return SW_OK;
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

static sw_status read_leaf(const char *path, X509 **ret_leaf, sw_diag *diag)
{
    BIO *bio = BIO_new_file(path, "r");
    X509 *leaf = bio == NULL ? NULL : PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    if (leaf == NULL) {
        return sw_tls_fail(diag, SW_INVALID, "certificate", path);
    }
    *ret_leaf = leaf;
    return SW_OK;
}

static sw_status add_cert(sw_tls *t, const sw_tls_cert *cert, const sw_tls_server_options *options,
                          sw_diag *diag)
{
    X509 *leaf = NULL;
    SW_TRY(read_leaf(cert->cert_file, &leaf, diag));
    sw_tls_entry *same = sw_tls_entry_find(t, leaf);
    X509_free(leaf);
    if (same != NULL) {
        return use_cert(same->ctx, cert, diag);
    }
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL) {
        return sw_tls_fail(diag, SW_NO_MEMORY, "server", NULL);
    }
    sw_tls_entry *entry = &t->entries[t->entry_count++];
    entry->ctx = ctx;
    SW_TRY(fill_server(ctx, t, options, diag));
    SW_TRY(use_cert(ctx, cert, diag));
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
    return options->cert == NULL ? SW_OK : use_cert(ctx, options->cert, diag);
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
