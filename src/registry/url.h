/* The little about URLs that redirects and uploads need. Results are whole or not at all. */
#pragma once

#include "base/span.h"

/* "https://host:port" of an absolute http or https URL without user information; len 0: it is none.
 */
sw_str sw_url_origin(sw_str url);

/* Whether the origins of both are the same, letters of the host in any case. */
bool sw_url_same_origin(sw_str a, sw_str b);
bool sw_url_same_scheme(sw_str a, sw_str b);

/* What a Location field means at an absolute URL, with a NUL. False: malformed, or too long. */
bool sw_url_resolve(sw_str at, sw_str location, char *out, size_t size);

/* Appends "?name=value" or "&name=value" with the value percent-encoded. False: too long. */
bool sw_url_add(char *url, size_t size, const char *name, sw_str value);
