/*
 * libcurl, loaded when a registry is asked for the first time. It comes with two dozen libraries,
 * whose loading would cost every start of the program more than starting a guest does.
 */
#pragma once

#include "base/status.h"

/* Its macros that check types make statements of what are plain calls. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#define SW_CURL_MAP(X)     \
    X(global_init)         \
    X(easy_init)           \
    X(easy_setopt)         \
    X(easy_getinfo)        \
    X(easy_cleanup)        \
    X(easy_strerror)       \
    X(multi_init)          \
    X(multi_setopt)        \
    X(multi_add_handle)    \
    X(multi_remove_handle) \
    X(multi_perform)       \
    X(multi_poll)          \
    X(multi_info_read)     \
    X(multi_cleanup)       \
    X(multi_strerror)      \
    X(slist_append)        \
    X(slist_free_all)

typedef struct sw_curl {
#define X(name) __typeof__(curl_##name) *name;
    SW_CURL_MAP(X)
#undef X
} sw_curl;

/* SW_UNSUPPORTED, with the package's name, when it is not installed. */
SW_NODISCARD sw_status sw_curl_load(sw_diag *diag, const sw_curl **ret);
