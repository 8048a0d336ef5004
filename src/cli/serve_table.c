/* swell serve: its options and manual, which both programs have. */
#include "cli/cli.h"

// clang-format off
static const cli_option OPTIONS[] = {
    {"listen",          'l', "ADDRESS", "where to listen: 127.0.0.1:8080 (the default), [::1]:8080, '*:80' for every "
                                        "address; port 0 takes a free one; may be given several times", true},
    {"listen-fd",       0,   "NUMBER",  "serve on this open listening socket; with 'systemd' on all that the service "
                                        "manager passes", true},
    {"admin",           0,   "ADDRESS", "answer /metrics (Prometheus), /healthz and /readyz here; off by default", false},
    {"tls-cert",        0,   "FILE",    "speak TLS (HTTP/2 and 1.1), with this certificate and its chain in PEM; several are "
                                        "chosen from by the name a client asks for", true},
    {"tls-key",         0,   "FILE",    "the key, in PEM without a passphrase, of the certificate at the same place in the "
                                        "order; by default it is in the certificate's file", true},
    {"tls-client-ca",   0,   "FILE",    "clients must show a certificate issued by one in this PEM file", false},
    {"tls-client",      0,   "WHICH",   "with 'may', clients can do without a certificate: must (the default), may", false},
    {"workers",         0,   "NUMBER",  "threads that serve, default one a core", false},
    {"dir",             0,   "HOST[::GUEST][:ro]", "let guests see directory HOST, as GUEST; ':ro' read-only", true},
    {"env",             0,   "NAME[=VALUE]", "set an environment variable; without a value, the host's own", true},
    {"allow-http",      0,   "PATTERN", "let guests send requests to [http[s]://]HOST[:PORT][/PATH]", true},
    CLI_NETWORK_OPTIONS,
    {"quiet-denials",   0,   NULL,      "do not log what guests asked for and may not have", false},
    {"timeout",         0,   "DURATION", "longest time a guest may take for a request, default 30s: then 504", false},
    {"max-memory",      0,   "SIZE",    "most linear memory of an instance, default 256MiB", false},
    {"max-stack",       0,   "SIZE",    "stack of an instance, default 8MiB", false},
    {"max-host-memory", 0,   "SIZE",    "most memory the host may need for an instance, default 64MiB", false},
    {"reuse",           0,   "NUMBER",  "requests that an instance serves, one after the other, default 1: what one "
                                        "request leaves in memory the next one sees", false},
    {"max-requests",    0,   "NUMBER",  "requests that run at a time, default 1000", false},
    {"max-queue",       0,   "NUMBER",  "requests that wait for a place, default 1000; others get 503", false},
    {"queue-timeout",   0,   "DURATION", "longest wait for a place, default 5s: then 503", false},
    {"max-connections", 0,   "NUMBER",  "open connections, default 20000; beyond that idle ones are closed, then new ones "
                                        "wait", false},
    {"max-head",        0,   "SIZE",    "a request's head, default 32KiB: else 431", false},
    {"max-fields",      0,   "NUMBER",  "fields of a head, default 128: else 431", false},
    {"max-streams",     0,   "NUMBER",  "requests at a time on a connection of HTTP/2, default 128: others are told to try "
                                        "again", false},
    {"max-body",        0,   "SIZE",    "a request's body, default 1GiB: else 413", false},
    {"max-buffers",     0,   "SIZE",    "memory for connections and bodies in transit, default 512MiB", false},
    {"head-timeout",    0,   "DURATION", "from the first byte of a head to its last, default 10s: then 408", false},
    {"body-timeout",    0,   "DURATION", "between two reads of a body that is waited for, default 30s: then 408", false},
    {"idle-timeout",    0,   "DURATION", "of a connection without a request, default 60s", false},
    {"write-timeout",   0,   "DURATION", "without any progress of an answer, default 30s", false},
    {"drain-timeout",   0,   "DURATION", "for requests that run when the server is told to stop, default 30s", false},
    {"max-descriptors", 0,   "NUMBER",  "files and sockets that guests have open, default 4096 and at most a quarter of what "
                                        "the process may open", false},
    {"max-outgoing",    0,   "NUMBER",  "connections to other servers, kept ones too, default 1000; requests beyond that "
                                        "wait", false},
    {"max-outgoing-queue", 0, "NUMBER", "requests of guests that wait for a connection, default 1000; others fail", false},
    {"outgoing-connect-timeout", 0, "DURATION", "for name, connection and TLS of another server, default 10s", false},
    {"outgoing-response-timeout", 0, "DURATION", "from the end of a guest's request to the first byte of the response, "
                                        "default 60s", false},
    {"outgoing-body-timeout", 0, "DURATION", "between two bytes of such a body, default 60s", false},
    {"outgoing-idle-timeout", 0, "DURATION", "that a connection to another server is kept, default 30s", false},
    {"access-log",      0,   "FORMAT",  "log each request on standard error: text, json, or off (the default)", false},
    {"max-log",         0,   "SIZE",    "what the guest of a request may log, default 256KiB; the rest is dropped", false},
    {"otlp",            0,   "URL",     "export spans by OTLP over HTTP, to /v1/traces below the URL; 'env' takes URL, service, "
                                        "attributes and headers from the OTEL_... variables", false},
    {"service",         0,   "NAME",    "of the service in spans, default the program's", false},
    {"trace-one-in",    0,   "NUMBER",  "sample one in NUMBER of the requests that bring no trace context, default 1: all",
                                        false},
    {"allow-compiled",  0,   NULL,      "accept a file made by 'swell compile'; its code is trusted", false},
    {"user",            0,   "USER[:GROUP]", "who to be once ports and files are open; only the superuser may, and is "
                                        "'nobody' by default", false},
    {"no-sandbox",      0,   NULL,      "keep user, rights and system calls; otherwise the process is confined to what it "
                                        "and the options above need", false},
    {"require-sandbox", 0,   NULL,      "do not serve when the kernel can confine the process only in part", false},
    {"json",            0,   NULL,      "write everything on standard error as JSON, an object a line; accesses, too", false},
    CLI_CACHE_OPTIONS,
    CLI_PULL_OPTION,
    CLI_REGISTRY_OPTIONS,
};
// clang-format on

static const cli_example EXAMPLES[] = {
    {"swell serve hello.wasm",                                                        "Serve on http://127.0.0.1:8080."},
    {"swell serve --listen '*:80' --admin 127.0.0.1:9090 --access-log json app.wasm",
     "Serve the world, with metrics for the machine itself."                                                           },
    {"swell serve --listen '*:443' --tls-cert site.pem --tls-key site.key site.wasm",
     "Serve HTTPS; after a new certificate: kill -HUP."                                                                },
    {"swell serve --dir site::/:ro --timeout 2s --max-memory 32MiB site.wasm",
     "Let it read ./site, and bound it tightly."                                                                       },
};

const cli_verb CLI_SERVE = {
    .name = "serve",
    .operands = "FILE",
    .summary = "serve HTTP with a component",
    .description =
        "Answers HTTP requests with a component that exports wasi:http/incoming-handler\n"
        "(0.2). Every request gets a fresh instance: what one request does, no other\n"
        "sees. When the server is ready, the first line on standard error says where.\n"
        "\n"
        "FILE may also be a reference into an OCI registry ('swell help pull').\n"
        "\n"
        "Guests get clocks and randomness; everything else must be granted with the\n"
        "options below. What they write to their standard streams is logged line by\n"
        "line on standard error, with the name of the program and the number of the\n"
        "request; so is why a request failed, and what was refused and would have to be\n"
        "granted.\n"
        "\n"
        "Every limit is on. A guest that computes for long runs only when no other\n"
        "request could, until its time is over. A peer that is slow, silent or sends too\n"
        "much is answered or cut; a peer that goes away stops its guest.\n"
        "\n"
        "Once ports and certificates are open the process confines itself: it becomes\n"
        "another user when it was the superuser, and may use only the system calls, files\n"
        "and TCP ports that it and the grants need. The line after the addresses says what\n"
        "is in force.\n"
        "\n"
        "SIGTERM or SIGINT stops: no new connections, running requests are finished; the\n"
        "second one ends them. SIGHUP reads FILE again, and requests from then on run the\n"
        "new program; none is dropped. If the new file cannot be served, the old one stays.\n"
        "Certificates are read again, too, for connections from then on.\n"
        "\n"
        "With --otlp, requests and those that guests send become spans for a collector;\n"
        "W3C trace contexts of requests are continued, sampled or not as they say. From\n"
        "the environment --otlp env reads OTEL_EXPORTER_OTLP_ENDPOINT,\n"
        "OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.\n"
        "\n"
        "Exit codes: 0 after a stop, 2 for a wrong command line or a malformed file,\n"
        "1 for other failures.",
    .options = OPTIONS,
    .options_count = sizeof OPTIONS / sizeof OPTIONS[0],
    .examples = EXAMPLES,
    .examples_count = sizeof EXAMPLES / sizeof EXAMPLES[0],
    .operands_min = 1,
    .operands_max = 1,
    .run = cli_serve,
};
