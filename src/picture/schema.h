/* The recipe's structures as tables, from which recipe_text.c writes and reads them. */
#ifndef SI_PICTURE_SCHEMA_H
#define SI_PICTURE_SCHEMA_H

#include "base/bytes.h"
#include "picture/recipe.h"

typedef enum si_field_kind {
    SI_FIELD_TEXT,    /* const char *, percent-encoded */
    SI_FIELD_MAYBE,   /* the same, or NULL */
    SI_FIELD_INT,     /* int */
    SI_FIELD_BOOL,    /* bool, 0 or 1 */
    SI_FIELD_REAL,    /* double, at most 7 digits */
    SI_FIELD_U64,     /* uint64_t below 2^63 */
    SI_FIELD_I64,     /* int64_t */
    SI_FIELD_COLOR,   /* uint32_t, RRGGBB */
    SI_FIELD_PAINT,   /* si_paint, RRGGBBAA */
    SI_FIELD_ENUM,    /* an enumeration that counts along `names` */
    SI_FIELD_FILE,    /* si_file_ref, path,size,time */
    SI_FIELD_STRUCT,  /* an embedded structure, (…) */
    SI_FIELD_POINTER, /* a pointer to one, or NULL */
    SI_FIELD_LIST     /* a pointer to `count_offset` of them, each behind the key */
} si_field_kind;

struct si_schema;

/* One row a field. The order is the order in the text. Fields that hold their initial value are
 * left out, except those marked `always`, which a reader of a log wants to see. */
typedef struct si_field {
    const char *key; /* NULL ends the table */
    si_field_kind kind;
    size_t offset;
    int count; /* values in a row, separated by commas */
    bool always;
    double low, high; /* what a renderer may rely on; both 0 = anything */
    const char *const *names;
    const struct si_schema *schema;
    size_t count_offset; /* LIST: where the int is that counts */
} si_field;

typedef struct si_schema {
    const si_field *fields;
    size_t size;
    const void *(*initial)(void);     /* static, of that size */
    bool (*valid)(const void *value); /* what ranges of single fields cannot say; may be NULL */
    bool silent;                      /* initial values leave no trace: no field in it is written
                                         always */
} si_schema;

/* The outermost one; `ladder` is not in it. */
extern const si_schema si_schema_recipe;

/* Characters that stand for themselves in texts. NUL is not one. */
bool si_recipe_is_plain(char c);

#endif
