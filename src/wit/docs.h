/* What comments and gates say, apart from how they are written. */
#pragma once

#include "wit/wit.h"

/* The text of comments: lines without slashes and the indentation that all share, joined by '\n'.
 * All comments in front of an item are its docs, whether they begin with two slashes or three. raw
 * is a span of source text as sw_wit_head.docs has it. Empty when there is none; ptr NULL when out
 * of memory. */
sw_str sw_wit_docs_text(sw_arena *arena, sw_str raw);

/* The reverse: a span that sw_wit_docs_text gives the text for. */
sw_str sw_wit_docs_raw(sw_arena *arena, sw_str text);

static inline bool sw_wit_has_gate(const sw_wit_gate *g)
{
    return g->since.len > 0 || g->feature.len > 0 || g->deprecated.len > 0;
}
