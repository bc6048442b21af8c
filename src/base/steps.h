/* How something came about, noted step by step as it is made, for people (`smartimg explain
 * --steps`). Whoever makes something adds steps to the list that it was given; NULL = nobody asks,
 * which is what a server does, and costs a comparison. */
#ifndef SI_BASE_STEPS_H
#define SI_BASE_STEPS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/result.h"

/* Kinds: name of the constant, what people and programs read. */
#define SI_STEP_KINDS(X)                                                                           \
    X(REQUEST, "request")     /* path and query as they came, or of a nested request */            \
    X(COMPANY, "company")     /* whose settings count */                                           \
    X(RULE, "rule")           /* of a rule set */                                                  \
    X(ATTRIBUTE, "attribute") /* changed by a rule */                                              \
    X(UNLOCKED, "unlocked")   /* obfuscation and lock taken off */                                 \
    X(OBJECT, "object")       /* what a name stands for */                                         \
    X(FILE, "file")                                                                                \
    X(PRESET, "preset")                                                                            \
    X(VARIABLE, "variable")                                                                        \
    X(VALUE, "value") /* of a command, with variables put in */                                    \
    X(COMMAND, "command")                                                                          \
    X(IGNORED, "ignored") /* part of a query that means nothing here, and why */                   \
    X(INSTEAD, "instead") /* a default or error image */                                           \
    X(FORMATS, "formats") /* what the reply may be, and for which screen and line */               \
    X(ERROR, "error")

typedef enum si_step_kind {
#define X(id, name) SI_STEP_##id,
    SI_STEP_KINDS(X)
#undef X
        SI_STEP_KIND_COUNT
} si_step_kind;

/* Where something is written. */
typedef struct si_step_from {
    const char *file; /* below the configuration folder; NULL = in none, such as the query */
    int line;         /* from 1; 0 = not known */
    const char *name; /* "query", "Modifier", "$thumb$"; NULL = nothing more to say */
} si_step_from;

/* What a command sets: the last one of equal keys counts. */
typedef struct si_step_key {
    const void *of[2];
    const char *what; /* NULL = there is no key */
} si_step_key;

typedef struct si_step {
    struct si_step *next;
    si_step_kind kind;
    int depth; /* of nested requests, 0 = the outermost one */
    si_step_from from;
    const char *text; /* never NULL */
    si_step_key key;
    bool weak;       /* any command of the same key that is not weak counts instead */
    bool overridden; /* another command counts instead */
} si_step;

/* Initialize with the arena; everything else is zero. */
typedef struct si_steps {
    si_arena *arena;
    si_step *first, **last;
    int depth;
    bool incomplete; /* memory ran out */
} si_steps;

/* Adds a step. `steps` and `from` may be NULL; strings of `from` are borrowed. */
void si_step_add(si_steps *steps, si_step_kind kind, const si_step_from *from, const char *fmt, ...)
    SI_PRINTF(4, 5);

/* Adds a command, and marks those that it overrides, or itself. */
void si_step_add_command(si_steps *steps, const si_step_from *from, const si_step_key *key,
    bool weak, const char *fmt, ...) SI_PRINTF(5, 6);

const char *si_step_kind_name(si_step_kind kind);

#endif
