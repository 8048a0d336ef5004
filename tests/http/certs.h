/* Certificates for tests, made by the openssl command in a temporary folder:
 *
 *   ca.pem                 who issued the others
 *   one.pem one.key        one.example, elliptic curve
 *   one-rsa.pem ...        one.example, RSA
 *   wild.pem wild.key      *.wild.example, special.wild.example has its own: special.pem
 *   local.pem local.key    localhost, 127.0.0.1, ::1
 *   alice.pem alice.key    a client
 *   other-ca.pem, mallory.pem, mallory.key     a client that another one vouches for
 *   locked.key             one.key under a passphrase
 */
#pragma once

/* For cmocka: 0 is success. */
int certs_make(void **state);
int certs_remove(void **state);

/* The path of one of the files; good for 32 calls. */
const char *cert_file(const char *name);
