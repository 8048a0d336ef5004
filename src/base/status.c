#include "status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *sw_status_text(sw_status st)
{
    static const char *const TEXT[] = {
#define X(name, text) [SW_##name] = (text),
        SW_STATUS_MAP(X)
#undef X
    };
    return (size_t)st < SW_COUNTOF(TEXT) ? TEXT[st] : "unknown status";
}

sw_status sw_fail(sw_diag *d, sw_status st, uint32_t offset, const char *fmt, ...)
{
    if (d != NULL && d->status == SW_OK) {
        va_list ap;
        va_start(ap, fmt);
        int n = vsnprintf(d->text, sizeof d->text, fmt, ap);
        va_end(ap);
        d->status = st;
        d->offset = offset;
        d->used =
            n < 0 ? 0 : (uint16_t)((size_t)n < sizeof d->text ? (size_t)n : sizeof d->text - 1);
    }
    return st;
}

sw_status sw_fail_context(sw_diag *d, sw_status st, const char *fmt, ...)
{
    char prefix[160];
    if (d == NULL) {
        return st;
    }
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(prefix, sizeof prefix - 2, fmt, ap);
    va_end(ap);
    if (n < 0) {
        return st;
    }
    size_t len = strlen(prefix);
    prefix[len++] = ':';
    prefix[len++] = ' ';
    size_t room = sizeof d->text - 1;
    size_t keep = d->used + len <= room ? d->used : room - len;
    memmove(d->text + len, d->text, keep);
    memcpy(d->text, prefix, len);
    d->used = (uint16_t)(len + keep);
    d->text[d->used] = '\0';
    return st;
}
