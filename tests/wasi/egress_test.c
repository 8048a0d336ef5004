/* Where guests may connect to: the grammar of grants, what they match, what addresses are for. */
#include "wasi/egress.h"
#include "wasi/grants.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* ---- Addresses ------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    sw_ip_class class;
} ADDRESSES[] = {
    {"1.1.1.1",                SW_IP_PUBLIC    },
    {"126.255.255.255",        SW_IP_PUBLIC    },
    {"127.0.0.1",              SW_IP_LOOPBACK  },
    {"127.255.255.255",        SW_IP_LOOPBACK  },
    {"128.0.0.1",              SW_IP_PUBLIC    },
    {"10.0.0.1",               SW_IP_PRIVATE   },
    {"172.15.255.255",         SW_IP_PUBLIC    },
    {"172.16.0.0",             SW_IP_PRIVATE   },
    {"172.31.255.255",         SW_IP_PRIVATE   },
    {"172.32.0.0",             SW_IP_PUBLIC    },
    {"192.168.1.1",            SW_IP_PRIVATE   },
    {"100.64.0.1",             SW_IP_PRIVATE   },
    {"100.128.0.1",            SW_IP_PUBLIC    },
    {"169.254.169.254",        SW_IP_LINK_LOCAL},
    {"0.0.0.0",                SW_IP_SPECIAL   },
    {"224.0.0.1",              SW_IP_SPECIAL   },
    {"255.255.255.255",        SW_IP_SPECIAL   },
    {"198.18.0.1",             SW_IP_SPECIAL   },
    {"192.0.2.1",              SW_IP_SPECIAL   },
    {"::1",                    SW_IP_LOOPBACK  },
    {"::",                     SW_IP_SPECIAL   },
    {"::2",                    SW_IP_SPECIAL   },
    {"fe80::1",                SW_IP_LINK_LOCAL},
    {"febf::1",                SW_IP_LINK_LOCAL},
    {"fec0::1",                SW_IP_PRIVATE   },
    {"fd00:ec2::254",          SW_IP_PRIVATE   },
    {"fc00::1",                SW_IP_PRIVATE   },
    {"ff02::1",                SW_IP_SPECIAL   },
    {"2001:db8::1",            SW_IP_SPECIAL   },
    {"2606:4700::1111",        SW_IP_PUBLIC    },
    {"::ffff:127.0.0.1",       SW_IP_LOOPBACK  },
    {"::ffff:169.254.169.254", SW_IP_LINK_LOCAL},
    {"::ffff:8.8.8.8",         SW_IP_PUBLIC    },
    {"64:ff9b::a00:1",         SW_IP_PRIVATE   },
    {"2002:7f00:1::1",         SW_IP_LOOPBACK  },
    {"2002:808:808::1",        SW_IP_PUBLIC    },
    {"64:ff9b::808:808",       SW_IP_PUBLIC    },
    {"9.255.255.255",          SW_IP_PUBLIC    },
    {"11.0.0.0",               SW_IP_PUBLIC    },
    {"100.63.255.255",         SW_IP_PUBLIC    },
    {"168.63.129.15",          SW_IP_PUBLIC    },
    {"168.63.129.17",          SW_IP_PUBLIC    },
    {"169.253.255.255",        SW_IP_PUBLIC    },
    {"169.255.0.0",            SW_IP_PUBLIC    },
    {"192.0.1.0",              SW_IP_PUBLIC    },
    {"192.167.255.255",        SW_IP_PUBLIC    },
    {"192.169.0.0",            SW_IP_PUBLIC    },
    {"198.17.255.255",         SW_IP_PUBLIC    },
    {"198.20.0.0",             SW_IP_PUBLIC    },
    {"223.255.255.255",        SW_IP_PUBLIC    },
    {"2000::",                 SW_IP_PUBLIC    },
    {"2001:200::",             SW_IP_PUBLIC    },
    {"2001:db7:ffff::",        SW_IP_PUBLIC    },
    {"2001:db9::",             SW_IP_PUBLIC    },
    {"3ffe:ffff::",            SW_IP_PUBLIC    },
    {"3fff:1000::",            SW_IP_PUBLIC    },
};

static void addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(ADDRESSES); i++) {
        sw_ip ip;
        assert_true(sw_ip_parse(sw_str_of(ADDRESSES[i].text), &ip));
        if (sw_ip_classify(&ip) != ADDRESSES[i].class) {
            fail_msg("%s is %s address", ADDRESSES[i].text, sw_ip_class_name(sw_ip_classify(&ip)));
        }
    }
}

/* Every range that is not public, from its first address to its last, and what stands for it. */
static const struct {
    const char *first, *last;
    sw_ip_class class;
} RANGES[] = {
    {"0.0.0.0",            "0.255.255.255",                           SW_IP_SPECIAL   },
    {"10.0.0.0",           "10.255.255.255",                          SW_IP_PRIVATE   },
    {"100.64.0.0",         "100.127.255.255",                         SW_IP_PRIVATE   },
    {"127.0.0.0",          "127.255.255.255",                         SW_IP_LOOPBACK  },
    {"168.63.129.16",      "168.63.129.16",                           SW_IP_SPECIAL   },
    {"169.254.0.0",        "169.254.255.255",                         SW_IP_LINK_LOCAL},
    {"172.16.0.0",         "172.31.255.255",                          SW_IP_PRIVATE   },
    {"192.0.0.0",          "192.0.0.255",                             SW_IP_SPECIAL   },
    {"192.0.2.0",          "192.0.2.255",                             SW_IP_SPECIAL   },
    {"192.88.99.0",        "192.88.99.255",                           SW_IP_SPECIAL   },
    {"192.168.0.0",        "192.168.255.255",                         SW_IP_PRIVATE   },
    {"198.18.0.0",         "198.19.255.255",                          SW_IP_SPECIAL   },
    {"198.51.100.0",       "198.51.100.255",                          SW_IP_SPECIAL   },
    {"203.0.113.0",        "203.0.113.255",                           SW_IP_SPECIAL   },
    {"224.0.0.0",          "239.255.255.255",                         SW_IP_SPECIAL   },
    {"240.0.0.0",          "255.255.255.255",                         SW_IP_SPECIAL   },
    {"::",                 "::",                                      SW_IP_SPECIAL   },
    {"::1",                "::1",                                     SW_IP_LOOPBACK  },
    {"::2",                "::fffe:ffff:ffff",                        SW_IP_SPECIAL   },
    {"::ffff:0:0:0",       "::ffff:0:ffff:ffff",                      SW_IP_SPECIAL   },
    {"64:ff9b:1::",        "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",      SW_IP_SPECIAL   },
    {"100::",              "100::ffff:ffff:ffff:ffff",                SW_IP_SPECIAL   },
    {"100:0:0:1::",        "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", SW_IP_SPECIAL   },
    {"2001::",             "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",  SW_IP_SPECIAL   },
    {"2001:db8::",         "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",  SW_IP_SPECIAL   },
    {"3fff::",             "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",  SW_IP_SPECIAL   },
    {"4000::",             "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", SW_IP_SPECIAL   },
    {"fc00::",             "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", SW_IP_PRIVATE   },
    {"fe00::",             "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", SW_IP_SPECIAL   },
    {"fe80::",             "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", SW_IP_LINK_LOCAL},
    {"fec0::",             "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", SW_IP_PRIVATE   },
    {"ff00::",             "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", SW_IP_SPECIAL   },
    {"::ffff:127.0.0.0",   "::ffff:127.255.255.255",                  SW_IP_LOOPBACK  },
    {"::ffff:169.254.0.0", "::ffff:169.254.255.255",                  SW_IP_LINK_LOCAL},
    {"::ffff:10.0.0.0",    "::ffff:10.255.255.255",                   SW_IP_PRIVATE   },
    {"::ffff:0.0.0.0",     "::ffff:0.255.255.255",                    SW_IP_SPECIAL   },
    {"64:ff9b::7f00:0",    "64:ff9b::7fff:ffff",                      SW_IP_LOOPBACK  },
    {"64:ff9b::a9fe:0",    "64:ff9b::a9fe:ffff",                      SW_IP_LINK_LOCAL},
    {"64:ff9b::c0a8:0",    "64:ff9b::c0a8:ffff",                      SW_IP_PRIVATE   },
    {"2002:7f00::",        "2002:7fff:ffff:ffff:ffff:ffff:ffff:ffff", SW_IP_LOOPBACK  },
    {"2002:a9fe::",        "2002:a9fe:ffff:ffff:ffff:ffff:ffff:ffff", SW_IP_LINK_LOCAL},
    {"2002:a00::",         "2002:aff:ffff:ffff:ffff:ffff:ffff:ffff",  SW_IP_PRIVATE   },
    {"2002:e000::",        "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", SW_IP_SPECIAL   },
};

/* Neither end of a range is reached by a grant for all, for whatever use. */
static void ranges(void **state)
{
    (void)state;
    static const sw_net_use USES[] = {SW_NET_TCP, SW_NET_UDP};
    for (size_t i = 0; i < SW_COUNTOF(RANGES); i++) {
        const char *const ends[] = {RANGES[i].first, RANGES[i].last};
        for (size_t k = 0; k < SW_COUNTOF(ends); k++) {
            sw_ip ip;
            assert_true(sw_ip_parse(sw_str_of(ends[k]), &ip));
            if (sw_ip_classify(&ip) != RANGES[i].class) {
                fail_msg("%s is %s address", ends[k], sw_ip_class_name(sw_ip_classify(&ip)));
            }
            const sw_grant_http http = {.has_http = true, .has_any_port = true};
            const sw_http_target target = {.host = SW_STR("any.example"), .port = 80};
            assert_false(sw_grant_http_opens(&http, 1, &target, &ip));
            for (size_t use = 0; use < SW_COUNTOF(USES); use++) {
                const sw_grant_net all = {.use = USES[use], .has_any_port = true};
                assert_false(sw_grant_net_allows(&all, 1, USES[use], &ip, 80, NULL, 0));
            }
        }
    }
}

static void no_addresses(void **state)
{
    static const char *const TEXTS[] = {"",          "1",     "1.2.3",    "1.2.3.4.5", "256.1.1.1",
                                        "1.2.3.04x", "[::1]", "fe80::1%", "::1/128",   "127.1"};
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(TEXTS); i++) {
        sw_ip ip;
        assert_false(sw_ip_parse(sw_str_of(TEXTS[i]), &ip));
    }
}

/* ---- The grammar ----------------------------------------------------------------------------- */

static void malformed(void **state)
{
    static const char *const PATTERNS[] = {
        "",
        "https://",
        "ftp://example.com",
        "https:///path",
        "example.com:",
        "example.com:0",
        "example.com:65536",
        "example.com:8o",
        "example.com:123456",
        "*.",
        "*.*",
        "a*.example.com",
        "**",
        "ex ample.com",
        "user@example.com",
        "example..com",
        ".example.com",
        "[::1",
        "[10.0.0.0/33]",
        "[::1/129]",
        "[10.0.0.0/]",
        "[]",
        "example.com/a*b",
        "example.com/a?b=1",
        "example.com/a#b",
        "example.com/a b",
    };
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(PATTERNS); i++) {
        sw_grants g;
        sw_diag diag = {};
        sw_grants_init(&g, NULL);
        if (sw_grants_add_http(&g, sw_str_of(PATTERNS[i]), &diag) != SW_ARGUMENT) {
            fail_msg("'%s' was taken", PATTERNS[i]);
        }
        assert_true(diag.used > 0);
        assert_int_equal(g.http.count, 0);
        sw_grants_clear(&g);
    }
}

/* ---- Requests -------------------------------------------------------------------------------- */

typedef struct request_case {
    const char *pattern;
    const char *scheme, *authority, *path;
    bool is_allowed;
} request_case;

static const request_case REQUESTS[] = {
    {"https://example.com",      "https", "example.com",          "/",                true },
    {"https://example.com",      "https", "EXAMPLE.com",          "/",                true },
    {"https://Example.COM",      "https", "example.com.",         "/",                true },
    {"https://example.com",      "https", "example.com:443",      "/any?q",           true },
    {"https://example.com",      "https", "example.com:8443",     "/",                false},
    {"https://example.com",      "http",  "example.com",          "/",                false},
    {"https://example.com",      "http",  "example.com:443",      "/",                false},
    {"https://example.com",      "https", "www.example.com",      "/",                false},
    {"https://example.com",      "https", "example.com.evil.org", "/",                false},
    {"https://example.com",      "https", "evilexample.com",      "/",                false},
    {"http://example.com",       "http",  "example.com",          "/",                true },
    {"http://example.com",       "https", "example.com",          "/",                false},
    {"example.com",              "http",  "example.com",          "/",                true },
    {"example.com",              "https", "example.com",          "/",                true },
    {"example.com:8080",         "http",  "example.com:8080",     "/",                true },
    {"example.com:8080",         "http",  "example.com",          "/",                false},
    {"example.com:*",            "http",  "example.com:1",        "/",                true },
    {"*.example.com",            "https", "a.example.com",        "/",                true },
    {"*.example.com",            "https", "a.b.example.com",      "/",                true },
    {"*.example.com",            "https", "example.com",          "/",                false},
    {"*.example.com",            "https", ".example.com",         "/",                false},
    {"*.example.com",            "https", "aexample.com",         "/",                false},
    {"*",                        "https", "anything.org",         "/",                true },
    {"*",                        "https", "anything.org:8443",    "/",                false},
    {"*:*",                      "https", "anything.org:8443",    "/",                true },
    {"https://example.com/v1/*", "https", "example.com",          "/v1/users",        true },
    {"https://example.com/v1/*", "https", "example.com",          "/v1/",             true },
    {"https://example.com/v1/*", "https", "example.com",          "/v1",              false},
    {"https://example.com/v1/*", "https", "example.com",          "/v10/x",           false},
    {"https://example.com/v1/*", "https", "example.com",          "/v1/../admin",     false},
    {"https://example.com/v1/*", "https", "example.com",          "/v1/%2e%2E/admin", false},
    {"https://example.com/v1/*", "https", "example.com",          "/v1/.%2e/admin",   false},
    {"https://example.com/v1/*", "https", "example.com",          "/v1/..",           false},
    {"https://example.com/v1/*", "https", "example.com",          "/v1/..%2fadmin",   false},
    {"https://example.com/v1/*", "https", "example.com",          "/v1/..\\admin",    false},
    {"https://example.com/v1/*", "https", "example.com",          "/v1/..%5cadmin",   false},
    {"https://example.com/v1/*", "https", "example.com",          "/v1/a..b/.well",   true },
    {"https://example.com/v1/*", "https", "example.com",          "/v1/...",          true },
    {"https://example.com/v1/*", "https", "example.com",          "/v1/x?a=/../",     true },
    {"https://example.com/v1/*", "https", "example.com",          "/v1/100%",         true },
    {"https://example.com/v1",   "https", "example.com",          "/v1",              true },
    {"https://example.com/v1",   "https", "example.com",          "/v1?q=1",          true },
    {"https://example.com/v1",   "https", "example.com",          "/v1/x",            false},
    {"https://example.com/",     "https", "example.com",          "",                 true },
    {"https://example.com/*",    "https", "example.com",          "?q",               true },
    {"http://127.0.0.1:8080",    "http",  "127.0.0.1:8080",       "/",                true },
    {"http://127.0.0.1:8080",    "http",  "127.0.0.2:8080",       "/",                false},
    {"http://127.0.0.1:8080",    "http",  "localhost:8080",       "/",                false},
    {"http://[127.0.0.0/8]:*",   "http",  "127.9.9.9:1",          "/",                true },
    {"http://[10.0.0.0/8]",      "http",  "11.0.0.1",             "/",                false},
    {"http://[::1]",             "http",  "[::1]",                "/",                true },
    {"http://[::1]",             "http",  "[0:0::1]",             "/",                true },
    {"http://[fd00::/8]",        "http",  "[fd12::1]",            "/",                true },
    {"http://[fd00::/8]",        "http",  "[fe12::1]",            "/",                false},
    {"*.0.0.1",                  "http",  "127.0.0.1",            "/",                false},
};

static bool is_allowed(const char *pattern, const char *scheme, const char *authority,
                       const char *path, const char *address)
{
    sw_grants g;
    sw_diag diag = {};
    sw_http_target t;
    sw_ip ip;
    sw_grants_init(&g, NULL);
    assert_int_equal(sw_grants_add_http(&g, sw_str_of(pattern), &diag), SW_OK);
    bool is_secure = sw_str_eq(sw_str_of(scheme), SW_STR("https"));
    assert_true(sw_http_target_of(is_secure, sw_str_of(authority), sw_str_of(path), &t));
    bool allowed = sw_grant_http_allows(g.http.at, g.http.count, &t);
    if (address != NULL) {
        assert_true(sw_ip_parse(sw_str_of(address), &ip));
        allowed = allowed && sw_grant_http_opens(g.http.at, g.http.count, &t, &ip);
    }
    sw_grants_clear(&g);
    return allowed;
}

static void requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(REQUESTS); i++) {
        const request_case *c = &REQUESTS[i];
        if (is_allowed(c->pattern, c->scheme, c->authority, c->path, NULL) != c->is_allowed) {
            fail_msg("'%s' and %s://%s%s", c->pattern, c->scheme, c->authority, c->path);
        }
    }
}

static const struct {
    const char *pattern, *authority, *address;
    bool is_allowed;
} RESOLVED[] = {
    {"*",               "example.com",     "93.184.216.34",   true },
    {"*",               "example.com",     "127.0.0.1",       false},
    {"*",               "example.com",     "169.254.169.254", false},
    {"*",               "example.com",     "10.1.2.3",        false},
    {"*",               "example.com",     "::1",             false},
    {"*",               "169.254.169.254", "169.254.169.254", false},
    {"*",               "localhost",       "127.0.0.1",       false},
    {"*:*",             "2130706433",      "127.0.0.1",       false},
    {"example.com",     "example.com",     "127.0.0.1",       false},
    {"localhost",       "localhost",       "127.0.0.1",       true },
    {"localhost",       "LocalHost.",      "::1",             true },
    {"localhost",       "localhost",       "10.0.0.1",        false},
    {"*.localhost",     "app.localhost",   "127.0.0.1",       true },
    {"127.0.0.1",       "127.0.0.1",       "127.0.0.1",       true },
    {"169.254.169.254", "169.254.169.254", "169.254.169.254", true },
    {"[10.0.0.0/8]",    "10.1.2.3",        "10.1.2.3",        true },
    {"[::1]",           "[::1]",           "::1",             true },
    {"[10.0.0.0/8]",    "10.1.2.3",        "127.0.0.1",       false},
};

static void resolved(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(RESOLVED); i++) {
        if (is_allowed(RESOLVED[i].pattern, "http", RESOLVED[i].authority, "/",
                       RESOLVED[i].address) != RESOLVED[i].is_allowed) {
            fail_msg("'%s', %s at %s", RESOLVED[i].pattern, RESOLVED[i].authority,
                     RESOLVED[i].address);
        }
    }
}

/* A name and an address in different grants: together they open what the name resolves to. */
static void two_grants(void **state)
{
    (void)state;
    sw_grants g;
    sw_diag diag = {};
    sw_http_target t;
    sw_ip ip;
    sw_grants_init(&g, NULL);
    assert_int_equal(sw_grants_add_http(&g, SW_STR("http://intern.example:81"), &diag), SW_OK);
    assert_int_equal(sw_grants_add_http(&g, SW_STR("http://10.0.0.7:81/api/*"), &diag), SW_OK);
    assert_true(sw_ip_parse(SW_STR("10.0.0.7"), &ip));
    assert_true(sw_http_target_of(false, SW_STR("intern.example:81"), SW_STR("/api/x"), &t));
    assert_true(sw_grant_http_allows(g.http.at, g.http.count, &t));
    assert_true(sw_grant_http_opens(g.http.at, g.http.count, &t, &ip));
    t.path = SW_STR("/other");
    assert_false(sw_grant_http_opens(g.http.at, g.http.count, &t, &ip));
    t.path = SW_STR("/api/x");
    t.port = 80;
    assert_false(sw_grant_http_opens(g.http.at, g.http.count, &t, &ip));
    sw_grants_clear(&g);
}

/* ---- Sockets --------------------------------------------------------------------------------- */

static void malformed_net(void **state)
{
    static const struct {
        sw_net_use use;
        const char *pattern;
    } ROWS[] = {
        {SW_NET_TCP,    "example.com"      },
        {SW_NET_TCP,    "example.com:"     },
        {SW_NET_TCP,    "example.com:0"    },
        {SW_NET_TCP,    "example.com:65536"},
        {SW_NET_TCP,    "example.com:80/x" },
        {SW_NET_TCP,    ":80"              },
        {SW_NET_UDP,    "[::1]"            },
        {SW_NET_UDP,    "10.0.0.0/8:53"    },
        {SW_NET_LISTEN, "example.com:80"   },
        {SW_NET_LISTEN, "*.localhost:80"   },
        {SW_NET_LISTEN, "127.0.0.1"        },
        {SW_NET_DNS,    "example.com:53"   },
        {SW_NET_DNS,    "127.0.0.1"        },
        {SW_NET_DNS,    ""                 },
    };
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        sw_grants g;
        sw_diag diag = {};
        sw_grants_init(&g, NULL);
        if (sw_grants_add_net(&g, ROWS[i].use, sw_str_of(ROWS[i].pattern), &diag) != SW_ARGUMENT) {
            fail_msg("'%s' was taken", ROWS[i].pattern);
        }
        assert_true(diag.used > 0);
        sw_grants_clear(&g);
    }
}

static void sockets(void **state)
{
    static const struct {
        sw_net_use use;
        const char *pattern, *address;
        uint16_t port;
        bool is_allowed;
    } ROWS[] = {
        {SW_NET_TCP,    "8.8.8.8:53",         "8.8.8.8",         53,  true },
        {SW_NET_TCP,    "8.8.8.8:53",         "8.8.8.8",         54,  false},
        {SW_NET_TCP,    "8.8.8.8:53",         "8.8.4.4",         53,  false},
        {SW_NET_UDP,    "8.8.8.8:*",          "8.8.8.8",         1,   true },
        {SW_NET_TCP,    "*:443",              "8.8.8.8",         443, true },
        {SW_NET_TCP,    "*:443",              "127.0.0.1",       443, false},
        {SW_NET_TCP,    "*:443",              "169.254.169.254", 443, false},
        {SW_NET_TCP,    "*:443",              "10.1.2.3",        443, false},
        {SW_NET_TCP,    "*:443",              "::1",             443, false},
        {SW_NET_TCP,    "*:443",              "::ffff:10.0.0.1", 443, false},
        {SW_NET_TCP,    "[10.0.0.0/8]:*",     "10.1.2.3",        443, true },
        {SW_NET_TCP,    "[10.0.0.0/8]:*",     "11.1.2.3",        443, false},
        {SW_NET_TCP,    "169.254.169.254:80", "169.254.169.254", 80,  true },
        {SW_NET_TCP,    "localhost:80",       "127.0.0.1",       80,  true },
        {SW_NET_TCP,    "localhost:80",       "::1",             80,  true },
        {SW_NET_TCP,    "localhost:80",       "10.0.0.1",        80,  false},
        {SW_NET_TCP,    "example.com:80",     "8.8.8.8",         80,  false},
        {SW_NET_LISTEN, "127.0.0.1:0",        "127.0.0.1",       0,   true },
        {SW_NET_LISTEN, "127.0.0.1:0",        "127.0.0.1",       80,  false},
        {SW_NET_LISTEN, "127.0.0.1:80",       "0.0.0.0",         80,  false},
        {SW_NET_LISTEN, "localhost:80",       "0.0.0.0",         80,  false},
        {SW_NET_LISTEN, "*:80",               "0.0.0.0",         80,  true },
        {SW_NET_LISTEN, "*:80",               "127.0.0.1",       80,  true },
    };
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        sw_grants g;
        sw_diag diag = {};
        sw_ip ip;
        sw_grants_init(&g, NULL);
        assert_int_equal(sw_grants_add_net(&g, ROWS[i].use, sw_str_of(ROWS[i].pattern), &diag),
                         SW_OK);
        assert_true(sw_ip_parse(sw_str_of(ROWS[i].address), &ip));
        for (unsigned use = SW_NET_TCP; use <= SW_NET_LISTEN; use++) {
            bool is_allowed = sw_grant_net_allows(g.net.at, g.net.count, (sw_net_use)use, &ip,
                                                  ROWS[i].port, NULL, 0);
            if (is_allowed != (ROWS[i].is_allowed && use == ROWS[i].use)) {
                fail_msg("'%s' and %s:%u, use %u", ROWS[i].pattern, ROWS[i].address, ROWS[i].port,
                         use);
            }
        }
        sw_grants_clear(&g);
    }
}

/* A name stands for what it resolved to, if that is public, and only for its own grant. */
static void names_of_sockets(void **state)
{
    (void)state;
    sw_grants g;
    sw_diag diag = {};
    sw_ip public, private;
    sw_grants_init(&g, NULL);
    assert_int_equal(sw_grants_add_net(&g, SW_NET_TCP, SW_STR("*.example.com:80"), &diag), SW_OK);
    assert_int_equal(sw_grants_add_net(&g, SW_NET_DNS, SW_STR("other.example"), &diag), SW_OK);
    assert_true(sw_ip_parse(SW_STR("8.8.8.8"), &public));
    assert_true(sw_ip_parse(SW_STR("10.0.0.1"), &private));
    const sw_net_known known = {public, 0};
    const sw_grant_net *at = g.net.at;
    assert_true(sw_grant_net_allows_name(at, 2, SW_STR("a.Example.com")));
    assert_true(sw_grant_net_allows_name(at, 2, SW_STR("other.example")));
    assert_false(sw_grant_net_allows_name(at, 2, SW_STR("example.com")));
    assert_true(sw_grant_net_stands_for(&at[0], SW_STR("a.example.com"), &public));
    assert_false(sw_grant_net_stands_for(&at[0], SW_STR("a.example.com"), &private));
    assert_false(sw_grant_net_stands_for(&at[1], SW_STR("other.example"), &public));
    assert_true(sw_grant_net_allows(at, 2, SW_NET_TCP, &public, 80, &known, 1));
    assert_false(sw_grant_net_allows(at, 2, SW_NET_TCP, &public, 81, &known, 1));
    assert_false(sw_grant_net_allows(at, 2, SW_NET_UDP, &public, 80, &known, 1));
    assert_false(sw_grant_net_allows(at, 2, SW_NET_TCP, &public, 80, NULL, 0));
    sw_grants_clear(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),    cmocka_unit_test(ranges),
        cmocka_unit_test(no_addresses), cmocka_unit_test(malformed),
        cmocka_unit_test(requests),     cmocka_unit_test(resolved),
        cmocka_unit_test(two_grants),   cmocka_unit_test(malformed_net),
        cmocka_unit_test(sockets),      cmocka_unit_test(names_of_sockets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
