/* PEM files: read whole, by whoever may open them, and taken apart in memory. */
#include "internal.h"

#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

enum { FILE_MAX_BYTES = 16 << 20 };

struct sw_tls_pem {
    sw_file_data data;
    BIO *bio; /* over data */
    const char *what, *path;
};

/* Instead of OpenSSL's, which would ask the terminal. */
static int no_passphrase(char *buf, int size, int is_writing, void *arg)
{
    (void)buf, (void)size, (void)is_writing, (void)arg;
    return -1;
}

void sw_tls_pem_close(sw_tls_pem *p)
{
    if (p != NULL) {
        BIO_free(p->bio);
        OPENSSL_cleanse((void *)(uintptr_t)p->data.bytes.ptr, p->data.bytes.len);
        sw_file_data_clear(&p->data);
        sw_free(NULL, p, sizeof *p);
    }
}

static sw_status read_pem(sw_tls_pem *p, const sw_tls_opener *opener, sw_diag *diag)
{
    SW_AUTO(sw_fd_close) int fd = opener->open != NULL
                                      ? opener->open(opener->env, p->path)
                                      : open(p->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return sw_fail(diag, errno == ENOENT ? SW_NOT_FOUND : SW_IO, SW_NO_OFFSET,
                       "TLS: %s '%s': %s", p->what, p->path, strerror(errno));
    }
    SW_TRY(sw_file_read_fd(&p->data, fd, p->path, NULL, FILE_MAX_BYTES, diag));
    ERR_clear_error();
    p->bio = BIO_new_mem_buf(p->data.bytes.len == 0 ? "" : (const char *)p->data.bytes.ptr,
                             (int)p->data.bytes.len);
    return p->bio == NULL ? SW_NO_MEMORY : SW_OK;
}

sw_status sw_tls_pem_open(const sw_tls_opener *opener, const char *what, const char *path,
                          sw_diag *diag, sw_tls_pem **ret_pem)
{
    sw_tls_pem *p = sw_alloc(NULL, sizeof *p);
    if (p == NULL) {
        return SW_NO_MEMORY;
    }
    p->what = what;
    p->path = path;
    sw_status st = read_pem(p, opener, diag);
    if (st != SW_OK) {
        sw_tls_pem_close(p);
        return st;
    }
    *ret_pem = p;
    return SW_OK;
}

sw_bytes sw_tls_pem_bytes(const sw_tls_pem *p)
{
    return p->data.bytes;
}

static sw_status fail(const sw_tls_pem *p, sw_diag *diag)
{
    return sw_tls_fail(diag, SW_INVALID, p->what, p->path);
}

sw_status sw_tls_pem_leaf(sw_tls_pem *p, sw_diag *diag, X509 **ret_leaf)
{
    X509 *leaf = PEM_read_bio_X509_AUX(p->bio, NULL, no_passphrase, NULL);
    if (leaf == NULL) {
        return fail(p, diag);
    }
    *ret_leaf = leaf;
    return SW_OK;
}

/* Whether reading ended because there is nothing more. */
static bool is_at_end(void)
{
    unsigned long code = ERR_peek_last_error();
    bool is_end = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
    if (is_end) {
        ERR_clear_error();
    }
    return is_end;
}

sw_status sw_tls_pem_use_chain(sw_tls_pem *p, SSL_CTX *ctx, sw_diag *diag)
{
    X509 *cert = NULL;
    SW_TRY(sw_tls_pem_leaf(p, diag, &cert));
    bool is_used = SSL_CTX_use_certificate(ctx, cert) == 1 && SSL_CTX_clear_chain_certs(ctx) == 1;
    X509_free(cert);
    while (is_used && (cert = PEM_read_bio_X509(p->bio, NULL, no_passphrase, NULL)) != NULL) {
        is_used = SSL_CTX_add0_chain_cert(ctx, cert) == 1;
        if (!is_used) {
            X509_free(cert);
        }
    }
    return is_used && is_at_end() ? SW_OK : fail(p, diag);
}

/* Another key of the same type, or of another. */
static bool is_mismatch(unsigned long code)
{
    int reason = ERR_GET_REASON(code);
    return (ERR_GET_LIB(code) == ERR_LIB_X509 &&
            (reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH)) ||
           (ERR_GET_LIB(code) == ERR_LIB_SSL && reason == SSL_R_NO_CERTIFICATE_ASSIGNED);
}

sw_status sw_tls_pem_use_key(sw_tls_pem *p, SSL_CTX *ctx, const char *cert_file, sw_diag *diag)
{
    EVP_PKEY *key = PEM_read_bio_PrivateKey(p->bio, NULL, no_passphrase, NULL);
    bool is_used =
        key != NULL && SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;
    EVP_PKEY_free(key);
    if (!is_used && is_mismatch(ERR_peek_error())) {
        ERR_clear_error();
        return sw_fail(
            diag, SW_INVALID, SW_NO_OFFSET,
            "TLS: private key '%s' does not belong to certificate '%s', the first in its "
            "file",
            p->path, cert_file);
    }
    return is_used ? SW_OK : fail(p, diag);
}

/* One entry of the file: a certificate, a list of revoked ones, or something else. */
static bool add_issuer(SSL_CTX *ctx, const X509_INFO *entry, bool is_server)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    if (entry->crl != NULL && X509_STORE_add_crl(store, entry->crl) != 1) {
        return false;
    }
    return entry->x509 == NULL || (X509_STORE_add_cert(store, entry->x509) == 1 &&
                                   (!is_server || SSL_CTX_add_client_CA(ctx, entry->x509) == 1));
}

sw_status sw_tls_pem_use_issuers(sw_tls_pem *p, SSL_CTX *ctx, bool is_server, sw_diag *diag)
{
    STACK_OF(X509_INFO) *entries = PEM_X509_INFO_read_bio(p->bio, NULL, no_passphrase, NULL);
    bool is_used = entries != NULL;
    int certs = 0;
    for (int i = 0; is_used && i < sk_X509_INFO_num(entries); i++) {
        const X509_INFO *entry = sk_X509_INFO_value(entries, i);
        certs += entry->x509 != NULL;
        is_used = add_issuer(ctx, entry, is_server);
    }
    sk_X509_INFO_pop_free(entries, X509_INFO_free);
    if (is_used && certs == 0) {
        return sw_fail(diag, SW_INVALID, SW_NO_OFFSET,
                       "TLS: %s '%s': has no certificate in PEM form", p->what, p->path);
    }
    return is_used ? SW_OK : fail(p, diag);
}
