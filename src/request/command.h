/* The commands of the protocol as a table (commands.h), from which parsing, `smartimg help`,
 * `explain`, `compat`, error messages and docs/protocol.md are made. */
#ifndef SI_REQUEST_COMMAND_H
#define SI_REQUEST_COMMAND_H

#include "picture/limits.h"
#include "request/query.h"

/* What a command is about (docs/protocol.md, All commands). */
typedef enum si_scope {
    SI_SCOPE_REQUEST, /* one value for the request, wherever it stands */
    SI_SCOPE_VIEW,    /* likewise: the step from composite to view */
    SI_SCOPE_LAYER,   /* the segment that layer= or effect= opened */
    SI_SCOPE_SOURCE   /* as LAYER, for layers with an image */
} si_scope;

/* Where a command of a layer goes that stands in the composite's segment. */
typedef enum si_comp {
    SI_COMP_NONE, /* not a command of layers */
    SI_COMP_LAYER0,
    SI_COMP_COMPOSITE,
    SI_COMP_VIEW,
    SI_COMP_IGNORED,
    SI_COMP_ERROR
} si_comp;

/* How common a command is in URLs. */
typedef enum si_class { SI_CLASS_CORE, SI_CLASS_COMMON, SI_CLASS_RARE, SI_CLASS_VENDOR } si_class;

enum {
    SI_TAKES_EMPTY =
        1, /* an empty value means something, rather than "absent" (docs/decisions.md, P3) */
    SI_EFFECTS = 2,     /* effect layers accept it */
    SI_NOT_NESTED = 4,  /* ignored in is(…) (docs/protocol.md, Nested images) */
    SI_SURVIVES = 8,    /* counts even if a default image replaces the request */
    SI_RAW = 16,        /* the setter decodes the value itself */
    SI_CONTENT = 32,    /* src, text, textPs: the last one decides what a layer is */
    SI_MASK = 64,       /* mask */
    SI_QUERY_ONLY = 128 /* means nothing in records */
};

/* What stands between two commas of a value. */
typedef enum si_part_kind {
    SI_PART_NONE, /* behind the last one */
    SI_PART_TEXT, /* what a setter makes of it */
    SI_PART_FLAG, /* 0, 1, false, true */
    SI_PART_WORDS,
    SI_PART_INT,
    SI_PART_REAL
} si_part_kind;

enum {
    SI_PART_NEEDED = 1,    /* an error if absent, rather than the default */
    SI_PART_LOW_HELD = 2,  /* numbers below `min` become it, rather than an error */
    SI_PART_HIGH_HELD = 4, /* likewise above `max` */
    SI_PART_LOW_OPEN = 8,  /* `min` itself is refused */
    SI_PART_HIGH_OPEN = 16,
    SI_PART_GAPS = 32,     /* each of `count` numbers may be absent */
    SI_PART_CASE = 64,     /* words count as they are written */
    SI_PART_LENIENT = 128, /* other words mean the default */
    SI_PART_UNIT = 256,    /* the grammar says the unit, rather than int or real */
    SI_MAX_PARTS = 4
};

typedef struct si_part {
    si_part_kind kind;
    unsigned flags;    /* SI_PART_… */
    int count;         /* numbers in a row, separated by commas, all with these bounds */
    double min, max;   /* of numbers, ±SI_NUMBER_MAX = as far as numbers go */
    const char *unit;  /* of numbers, "" = none */
    const char *words; /* "lr|ud|lrud" */
    const char *label; /* what the grammar shows instead; NULL = nothing */
} si_part;

/* Whether a part's numbers are bounded more closely than all numbers are. */
static inline bool si_part_has_min(const si_part *p) {
    return p->min > -SI_NUMBER_MAX;
}

static inline bool si_part_has_max(const si_part *p) {
    return p->max < SI_NUMBER_MAX;
}

/* What a setter works on. */
typedef struct si_command_target {
    si_query *q;
    const struct si_command_row *row;
    si_draft *draft;         /* layer or composite; the composite for requests and views */
    si_effect_draft *effect; /* NULL = not an effect */
} si_command_target;

typedef struct si_command_row {
    si_str name;         /* as people write it; names are found in any case */
    const char *handler; /* the same for spellings of one command */
    /* Applies a value, decoded unless SI_RAW; never empty unless SI_TAKES_EMPTY. */
    si_result (*set)(const si_command_target *s, si_str value);
    si_scope scope;
    si_comp comp;
    unsigned flags;
    si_class rank;
    const char *section; /* of docs/protocol.md, its title */
    si_part parts[SI_MAX_PARTS];
    const char *initial; /* default, "" = nothing */
    bool initial_told;   /* … in words, or the attribute it comes from; else a value */
    const char *help;    /* one line */
} si_command_row;

/* Space for the grammar of any command, bytes. */
enum { SI_GRAMMAR_MAX = 160 };

/* The grammar of a command's values for people, "0…100[,uniform|gaussian[,0|1]]", made from its
 * parts. `out` needs SI_GRAMMAR_MAX bytes. Returns out. */
const char *si_command_grammar(const si_command_row *row, char *out);

/* All rows, by name. */
extern const si_command_row si_command_rows[];
extern const int si_command_count;

/* The command of a name, in any case; NULL if there is none. Rows are in alphabetical order. */
const si_command_row *si_command_find(si_str name);

/* "request", "core" … for people. */
const char *si_scope_name(si_scope scope);
const char *si_comp_name(si_comp comp);
const char *si_class_name(si_class rank);

/* What a message shows of a bad value, for "%.*s". */
#define SHOWN(s) (int)((s).len > 40 ? 40 : (s).len), (s).len > 0 ? (s).p : ""

/* A value that does not fit the command's grammar: SI_ERR_RANGE, told with that grammar. */
si_result si_command_bad_value(const si_command_target *s, si_str value);

/* A copy of a value that lives as long as the recipe. */
SI_NODISCARD si_result si_command_copy_value(
    const si_command_target *s, si_str value, const char **out);

/* A path definition, checked, as its canonical text. */
SI_NODISCARD si_result si_command_path_value(
    const si_command_target *s, si_str value, const char **out);

#endif
