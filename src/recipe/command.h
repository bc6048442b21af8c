/* One command of a query: finding it, and applying its value. */
#ifndef SI_RECIPE_COMMAND_H
#define SI_RECIPE_COMMAND_H

#include "recipe/query.h"

/* What a message shows of a bad value, for "%.*s". */
#define SHOWN(s) (int)((s).len > 40 ? 40 : (s).len), (s).len > 0 ? (s).p : ""

typedef struct si_command_row {
    si_str name;
    /* Applies a decoded value, not empty, to the query's recipe or its own fields. */
    si_result (*set)(si_query *q, const char *name, si_str value);
    bool takes_empty; /* an empty value means something, rather than "absent" (P3) */
} si_command_row;

/* The command of a name, in any case; NULL if there is none. */
const si_command_row *si_command_find(si_str name);

/* Index of a keyword (any case, P1) in a NULL-ended list, or −1. */
int si_keyword(si_str value, const char *const *names);

#endif
