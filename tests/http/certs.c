#include "certs.h"

#include <stdio.h>
#include <stdlib.h>

static char folder[64];

static const char SCRIPT[] =
    "cd '%s' && exec >log 2>&1 && set -e\n"
    "ec='-newkey ec -pkeyopt ec_paramgen_curve:P-256'\n"
    "ca() { openssl req -x509 $ec -nodes -days 2 -subj \"/CN=$2\" -keyout $1.key -out $1.pem; }\n"
    "leaf() { # ca name type subject [alternative-names]\n"
    "    openssl req -x509 -CA $1.pem -CAkey $1.key $3 -nodes -days 2 -subj \"/CN=$4\" \\\n"
    "        ${5:+-addext subjectAltName=$5} -addext basicConstraints=critical,CA:FALSE \\\n"
    "        -keyout $2.key -out $2.pem; }\n"
    "ca ca 'Test issuer'; ca other-ca 'Other issuer'\n"
    "leaf ca one \"$ec\" one DNS:one.example\n"
    "leaf ca one-rsa '-newkey rsa:2048' one-rsa DNS:one.example\n"
    "leaf ca wild \"$ec\" wild 'DNS:*.wild.example'\n"
    "leaf ca special \"$ec\" special DNS:special.wild.example\n"
    "leaf ca local \"$ec\" local DNS:localhost,IP:127.0.0.1,IP:::1\n"
    "leaf ca alice \"$ec\" alice\n"
    "leaf other-ca mallory \"$ec\" mallory\n"
    "openssl ec -in one.key -aes128 -passout pass:secret -out locked.key\n";

int certs_make(void **state)
{
    (void)state;
    char command[sizeof SCRIPT + sizeof folder];
    (void)snprintf(folder, sizeof folder, "/tmp/swell-certs-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(command, sizeof command, SCRIPT, folder);
    return system(command);
}

int certs_remove(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

const char *cert_file(const char *name)
{
    static char paths[32][128];
    static unsigned next;
    char *path = paths[next++ % 32];
    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}
