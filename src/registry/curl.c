#include "registry/curl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;
static sw_curl table;
static bool is_loaded;

static sw_status find_all(void *library, sw_diag *diag)
{
    static const struct {
        const char *name;
        size_t offset;
    } FUNCTIONS[] = {
#define X(name) {"curl_" #name, offsetof(sw_curl, name)},
        SW_CURL_MAP(X)
#undef X
    };
    for (size_t i = 0; i < SW_COUNTOF(FUNCTIONS); i++) {
        void *f = dlsym(library, FUNCTIONS[i].name);
        if (f == NULL) {
            return sw_fail(diag, SW_UNSUPPORTED, SW_NO_OFFSET, "libcurl: has no %s; it is too old",
                           FUNCTIONS[i].name);
        }
        memcpy((char *)&table + FUNCTIONS[i].offset, (const void *)&f, sizeof f);
    }
    return SW_OK;
}

static sw_status load(sw_diag *diag)
{
    static const char *const NAMES[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};
    void *library = NULL;
    for (size_t i = 0; i < SW_COUNTOF(NAMES) && library == NULL; i++) {
        library = dlopen(NAMES[i], RTLD_NOW | RTLD_LOCAL);
    }
    if (library == NULL) {
        return sw_fail(diag, SW_UNSUPPORTED, SW_NO_OFFSET,
                       "registries need libcurl (package libcurl4): %s", dlerror());
    }
    SW_TRY(find_all(library, diag));
    if (table.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return sw_fail(diag, SW_IO, SW_NO_OFFSET, "libcurl: does not start");
    }
    is_loaded = true;
    return SW_OK;
}

sw_status sw_curl_load(sw_diag *diag, const sw_curl **ret)
{
    pthread_mutex_lock(&loading);
    sw_status st = is_loaded ? SW_OK : load(diag);
    pthread_mutex_unlock(&loading);
    if (st == SW_OK) {
        *ret = &table;
    }
    return st;
}
