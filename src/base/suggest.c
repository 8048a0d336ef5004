#include "suggest.h"

enum { SWAP = 1, INSERT = 2, SUBSTITUTE = 3, DELETE = 3, CASE_ONLY = 1 };

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* '-' and '_' are as easily confused as the two cases of a letter. */
static size_t substitution(char a, char b)
{
    if (a == b) {
        return 0;
    }
    bool alike = lower(a) == lower(b) || ((a == '-' || a == '_') && (b == '-' || b == '_'));
    return alike ? CASE_ONLY : SUBSTITUTE;
}

size_t sw_suggest_distance(sw_str a, sw_str b)
{
    /* Rows of the distances between the first i letters of a and the first k of b. */
    size_t rows[3][SW_SUGGEST_MAX_BYTES + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    if (a.len > SW_SUGGEST_MAX_BYTES || b.len > SW_SUGGEST_MAX_BYTES) {
        return SIZE_MAX;
    }
    for (size_t k = 0; k <= b.len; k++) {
        last[k] = before[k] = k * INSERT;
    }
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = i * DELETE;
        for (size_t k = 1; k <= b.len; k++) {
            size_t best = last[k - 1] + substitution(a.ptr[i - 1], b.ptr[k - 1]);
            best = SW_MIN(best, last[k] + DELETE);
            best = SW_MIN(best, row[k - 1] + INSERT);
            if (i > 1 && k > 1 && a.ptr[i - 1] == b.ptr[k - 2] && a.ptr[i - 2] == b.ptr[k - 1]) {
                best = SW_MIN(best, before[k - 2] + SWAP);
            }
            row[k] = best;
        }
        size_t *oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[b.len];
}

/* A word of n letters may differ by about n / 3 edits; a short one by a single edit. */
static size_t threshold(size_t len)
{
    return SW_MAX((size_t)DELETE, len / 3 * SUBSTITUTE);
}

const sw_str *sw_suggest(sw_str typed, const sw_str *candidates, size_t count)
{
    const sw_str *best = NULL;
    size_t best_distance = threshold(typed.len) + 1;
    for (size_t i = 0; i < count; i++) {
        bool starts = typed.len >= 3 && sw_str_starts(candidates[i], typed);
        size_t distance = starts ? 1 : sw_suggest_distance(typed, candidates[i]);
        if (distance < best_distance) {
            best_distance = distance;
            best = &candidates[i];
        }
    }
    return best;
}
