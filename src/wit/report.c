/* Messages about WIT text: place, words, and a picture of the line. */
#include "wit/report.h"

#include "base/suggest.h"

#include <stdio.h>

enum { SHOWN_COLUMNS = 90 }; /* of a long line */

typedef struct position {
    uint32_t line, column; /* from 1; columns count bytes */
    sw_str text;           /* the line, without its end */
} position;

static position position_of(sw_str text, uint32_t offset)
{
    position p = {.line = 1};
    uint32_t start = 0;
    uint32_t limit = (uint32_t)SW_MIN((size_t)offset, text.len);
    for (uint32_t i = 0; i < limit; i++) {
        if (text.ptr[i] == '\n') {
            p.line++;
            start = i + 1;
        }
    }
    p.column = limit - start + 1;
    sw_str rest = sw_str_slice(text, start, text.len - start);
    p.text = sw_str_slice(rest, 0, sw_str_find(rest, '\n'));
    return p;
}

/* "   12 |     read: func();\n      |           ^---"; a window of the line when it is long. */
static void picture(const position *p, uint32_t len, char *out, size_t size)
{
    size_t from = p->column > SHOWN_COLUMNS ? p->column - SHOWN_COLUMNS / 2 : 0;
    from = SW_MIN(from, p->text.len);
    size_t shown = SW_MIN(p->text.len - from, (size_t)SHOWN_COLUMNS);
    sw_str line = sw_str_slice(p->text, from, shown);
    size_t caret = SW_MIN((size_t)(p->column - 1) - from, shown);
    int used = snprintf(out, size, "\n%5u | %.*s\n      | ", p->line, SW_STR_ARG(line));
    size_t at = used < 0 ? size : SW_MIN((size_t)used, size - 1);
    for (size_t i = 0; i < caret && at + 1 < size; i++) {
        out[at++] = line.ptr[i] == '\t' ? '\t' : ' ';
    }
    for (size_t i = 0; i < SW_MAX(len, 1u) && caret + i <= shown && at + 1 < size; i++) {
        out[at++] = i == 0 ? '^' : '-';
    }
    if (at < size) {
        out[at] = '\0';
    }
}

sw_status sw_wit_failv(const sw_wit *w, sw_status st, sw_wit_loc loc, const char *fmt, va_list args)
{
    const sw_wit_source *source = &w->sources[loc.source];
    position p = position_of(source->text, loc.offset);
    char words[256];
    char view[2 * SHOWN_COLUMNS + 40];
    (void)vsnprintf(words, sizeof words, fmt, args);
    picture(&p, loc.len, view, sizeof view);
    return sw_fail(w->diag, st, loc.offset, "%.*s:%u:%u: %s%s", SW_STR_ARG(source->path), p.line,
                   p.column, words, view);
}

sw_status sw_wit_fail(const sw_wit *w, sw_status st, sw_wit_loc loc, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    st = sw_wit_failv(w, st, loc, fmt, args);
    va_end(args);
    return st;
}

sw_status sw_wit_fail_unknown(const sw_wit *w, const char *what, const sw_wit_name *name,
                              const sw_str *candidates, size_t count)
{
    const sw_str *near = sw_suggest(name->text, candidates, count);
    if (near == NULL) {
        return sw_wit_fail(w, SW_INVALID, name->loc, "%s `%.*s` does not exist", what,
                           SW_STR_ARG(name->text));
    }
    return sw_wit_fail(w, SW_INVALID, name->loc, "%s `%.*s` does not exist; did you mean `%.*s`?",
                       what, SW_STR_ARG(name->text), SW_STR_ARG(*near));
}
