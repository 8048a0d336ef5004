/* Versions, statuses, errors. */
#include "api/api.h"

#include <stdio.h>

#define SAME(name) static_assert((int)SWELL_##name == (int)SW_##name, "statuses are the same")
SAME(OK);
SAME(NO_MEMORY);
SAME(MALFORMED);
SAME(INVALID);
SAME(LIMIT);
SAME(UNSUPPORTED);
SAME(UNLINKABLE);
SAME(NOT_FOUND);
SAME(DENIED);
SAME(IO);
SAME(ARGUMENT);
SAME(STALE);
SAME(TRAP);
SAME(EXIT);

const sw_features SW_API_FEATURES = {};

const char *swell_version(void)
{
    return SW_VERSION;
}

const char *swell_status_text(swell_status status)
{
    return sw_status_text((sw_status)status);
}

swell_status sw_api_result(sw_status st, const sw_diag *diag, swell_error *error)
{
    if (st == SW_OK || error == NULL) {
        return (swell_status)st;
    }
    bool has_report = diag->status != SW_OK;
    const char *text = has_report ? diag->text : sw_status_text(st);
    error->status = (swell_status)st;
    error->offset = has_report ? diag->offset : SWELL_NO_OFFSET;
    int len = snprintf(error->text, sizeof error->text, "%s", text);
    error->used = (uint16_t)SW_MIN((size_t)len, sizeof error->text - 1);
    return (swell_status)st;
}
