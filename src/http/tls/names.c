/* Which certificate a client gets: by the names in the certificates themselves, so that there is
 * nothing to configure twice. A handful of certificates are tried in turn; a handshake costs a
 * thousand times more. */
#include "internal.h"

#include <string.h>

#include <openssl/x509v3.h>

typedef enum match { MATCH_NONE, MATCH_WILDCARD, MATCH_EXACT } match;

static match match_name(X509 *leaf, const char *name, size_t len)
{
    char *matched = NULL;
    if (X509_check_host(leaf, name, len, 0, &matched) != 1) {
        return MATCH_NONE;
    }
    match m = matched != NULL && matched[0] == '*' ? MATCH_WILDCARD : MATCH_EXACT;
    OPENSSL_free(matched);
    return m;
}

const sw_tls_entry *sw_tls_entry_for(const sw_tls *t, const char *name)
{
    const sw_tls_entry *best = &t->entries[0];
    match best_match = MATCH_NONE;
    size_t len = strlen(name);
    for (size_t i = 0; i < t->entry_count && best_match != MATCH_EXACT; i++) {
        match m = match_name(t->entries[i].leaf, name, len);
        if (m > best_match) {
            best = &t->entries[i];
            best_match = m;
        }
    }
    return best;
}

/* The encoded list of alternative names; certificates of one order have it byte for byte. */
static const ASN1_OCTET_STRING *names_of(const X509 *leaf)
{
    int at = X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1);
    return at < 0 ? NULL : X509_EXTENSION_get_data(X509_get_ext(leaf, at));
}

static bool same_names(const X509 *a, const X509 *b)
{
    const ASN1_OCTET_STRING *x = names_of(a), *y = names_of(b);
    return x != NULL && y != NULL && ASN1_STRING_cmp(x, y) == 0;
}

sw_tls_entry *sw_tls_entry_find(sw_tls *t, const X509 *leaf)
{
    for (size_t i = 0; i < t->entry_count; i++) {
        const X509 *other = t->entries[i].leaf;
        if (same_names(other, leaf) && EVP_PKEY_get_base_id(X509_get0_pubkey(other)) !=
                                           EVP_PKEY_get_base_id(X509_get0_pubkey(leaf))) {
            return &t->entries[i];
        }
    }
    return NULL;
}
