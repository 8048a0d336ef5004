/* "Did you mean ...?": the nearest of the names that would have been right. */
#pragma once

#include "span.h"

#define SW_SUGGEST_MAX_BYTES 64 /* longer words get no suggestion */

/* How different two words are: the least number of insertions, deletions, substitutions and swaps
 * of neighbours, weighted so that likely slips cost less. SIZE_MAX if a word is too long. */
size_t sw_suggest_distance(sw_str a, sw_str b);

/* The candidate most like what was typed, or NULL if none is like it. The first of equals wins. */
const sw_str *sw_suggest(sw_str typed, const sw_str *candidates, size_t count);
