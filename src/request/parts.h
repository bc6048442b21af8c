/* Reading a command's value part by part, as its row in the table says: kinds, bounds, words and
 * defaults are the row's, so setters state none of their own. */
#ifndef SI_REQUEST_PARTS_H
#define SI_REQUEST_PARTS_H

#include "request/command.h"

/* A value being read. */
typedef struct si_parts {
    const si_command_row *row;
    si_str rest; /* of the value; p == NULL = nothing is left */
    int next;    /* index of the next part */
    bool wrong;  /* a part was absent that is needed, or was not what the row says */
} si_parts;

/* A value from its first part on, or from part `first`, before which another reader was. */
si_parts si_parts_of(const si_command_target *s, si_str value);
si_parts si_parts_from(const si_command_target *s, si_str value, int first);

/* Each reads the next part, whose kind the row must have, and tells whether it was given. What is
 * absent is the default's part; where the row has none, *out stays as it is. Once a part is wrong
 * all that follow are left alone. A command of a single part has no commas: the part is the whole
 * value. */
bool si_part_text(si_parts *p, si_str *out); /* any kind, as it is written; "" = absent */
bool si_part_flag(si_parts *p, bool *out);
bool si_part_word(si_parts *p, int *out); /* index in the row's words; −1 = another, if lenient */
bool si_part_ints(si_parts *p, int *out); /* as many as the row says */
bool si_part_reals(si_parts *p, double *out);

/* Whether all parts read were right and nothing is left. */
static inline bool si_parts_done(const si_parts *p) {
    return !p->wrong && p->rest.len == 0;
}

/* Commands of a single part. SI_ERR_RANGE, told with the grammar; *out is left alone then. */
si_result si_command_flag(const si_command_target *s, si_str value, bool *out);
si_result si_command_word(const si_command_target *s, si_str value, int *out);
si_result si_command_int(const si_command_target *s, si_str value, int *out);
si_result si_command_real(const si_command_target *s, si_str value, double *out);

#endif
