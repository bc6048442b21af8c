/* Substitution variables (docs/protocol.md, Records, presets, templates): `$name=value`, used as
 * `$name$`. */
#ifndef SI_REQUEST_VARIABLES_H
#define SI_REQUEST_VARIABLES_H

#include "base/arena.h"
#include "base/result.h"
#include "base/str.h"

/* Who defines a variable, weakest first: definitions are collected by precedence, not by place. */
typedef enum si_level {
    SI_LEVEL_PREDEFINED, /* $object$ */
    SI_LEVEL_LAYER,      /* Modifier of a record that a layer names */
    SI_LEVEL_MODIFIER,   /* of the path's record or the template */
    SI_LEVEL_OUTER,      /* the request around a nested one */
    SI_LEVEL_QUERY,
    SI_LEVEL_POSTMODIFIER
} si_level;

/* A dollar that an inserted raw value brings along, so that no reference begins with it. It stands
 * for "$" until the text is decoded; addresses hold no such byte, since nginx refuses it. */
enum { SI_QUOTED_DOLLAR = 1 };

enum { SI_VARIABLE_BUCKETS = 32 };

/* Zero-initialize. Everything is borrowed, or in the arena. */
typedef struct si_variables {
    struct si_variable *buckets[SI_VARIABLE_BUCKETS];
    struct si_variable *first, **last; /* in the order of definition */
} si_variables;

typedef struct si_variable {
    struct si_variable *next, *next_defined;
    si_str name;
    si_str raw; /* still percent-encoded */
    si_level level;
} si_variable;

/* Defines a variable (any case), or redefines one of the same or a lower level. False if memory
 * runs out. */
bool si_variable_define(
    si_variables *vars, si_str name, si_str raw, si_level level, si_arena *arena);

/* What becomes of a variable's value. */
typedef enum si_insert {
    SI_INSERT_DECODED, /* it and the text around it are percent-decoded, once: values of commands */
    SI_INSERT_RAW,     /* both stay encoded: nested requests, which decode themselves */
    SI_INSERT_URL,     /* it is decoded, the text stays: foreign addresses */
    SI_INSERT_REQUEST  /* as RAW, but its dollars count: values that are nested requests, as if they
                          were written where the reference is */
} si_insert;

/* Replaces references in a raw value, once: what an inserted value says is never looked at. A
 * reference may be encoded (%24name%24); one to an unknown name stays as it is. Without anything to
 * replace or to decode the value itself is returned, else a copy in the arena. SI_ERR_LIMIT if the
 * result is over 64 KB. */
SI_NODISCARD si_result si_variables_expand(const si_variables *vars, si_str raw, si_insert how,
    si_arena *arena, si_str *out, si_diag *diag);

#endif
