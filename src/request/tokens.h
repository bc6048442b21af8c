/* A query string cut into its items (docs/protocol.md, URLs). */
#ifndef SI_REQUEST_TOKENS_H
#define SI_REQUEST_TOKENS_H

#include "base/arena.h"
#include "base/str.h"

typedef enum si_token_kind {
    SI_TOKEN_COMMAND, /* name, value */
    SI_TOKEN_BARE,    /* name without "=": counts as absent (docs/decisions.md, P3) */
    SI_TOKEN_PRESET,  /* name, without the dollars; "=" and nothing may follow */
    SI_TOKEN_VARIABLE /* name, without the dollar; value */
} si_token_kind;

typedef struct si_token {
    si_token_kind kind;
    si_str name;  /* decoded; borrowed from the query, or in the arena */
    si_str value; /* as it stands in the query, still percent-encoded */
} si_token;

/* Takes the next item; empty ones and comments are passed over. False at the end, or when memory
 * runs out (`*out_of_memory`). An item ends at "&", except between the brackets of a nested request
 * or set: `src=is(…)`, `ir(…)`, `fxg(…)`, `(…)`, the same with braces, and of mask=, imageSet= and
 * variables. */
bool si_token_next(si_str *query, si_arena *arena, si_token *out, bool *out_of_memory);

/* Whether a value is a nested request. */
typedef enum si_nesting {
    SI_NESTING_NONE,      /* it does not begin like one */
    SI_NESTING_WHOLE,     /* it is one */
    SI_NESTING_UNMATCHED, /* it begins like one, but its last bracket is missing or not the end */
} si_nesting;

/* If a value is a nested request: the text before its first bracket ("is", "" …), and what is
 * between the brackets; else neither is written. A bracket may be percent-encoded. */
si_nesting si_token_nested(si_str value, si_str *prefix, si_str *inner);

/* The text of imageSet=, without the braces around all of it, which may be missing. */
si_str si_token_set(si_str value);

#endif
