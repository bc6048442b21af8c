/* Localisation (the vendor's image catalog reference, LocaleMap and LocaleStrMap). */
#ifndef SI_CATALOG_LOCALE_H
#define SI_CATALOG_LOCALE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

/* One item "locale,value[,value]…" of LocaleMap or LocaleStrMap. */
typedef struct si_locale_rule {
    const char *locale; /* "" = every locale that has no rule, and none */
    int count;          /* ≥ 1 */
    const char *const *values;
} si_locale_rule;

typedef struct si_locale_map {
    int count;
    const si_locale_rule *rules;
} si_locale_map;

/* Reads "locale,value[,value]…|…" into the arena; an empty text gives NULL. False if an item has
 * no value, or memory runs out. */
bool si_locale_map_read(si_str text, si_arena *arena, const si_locale_map **out);

/* The rule for a locale (any case), else the rule with the empty locale, else NULL. */
const si_locale_rule *si_locale_find(const si_locale_map *map, si_str locale);

/* Localizes one string "default^loc=ID^text^loc=ID2^text2…" with LocaleStrMap: the text of the
 * first id of the locale's rule that the string has, where an empty id means the default; "" if it
 * has none of them or the locale has no rule. A string without tokens passes as it is, and so does
 * every string if `map` is NULL. Tokens may be percent-encoded (%5E, %3D); the text returned is as
 * it was written, borrowed from `text`. */
si_str si_locale_string(const si_locale_map *map, si_str locale, si_str text);

/* How the strings in a record's fields are localized, field by field. */
typedef enum si_locale_field {
    SI_LOCALE_USER_DATA, /* the value of each property; lines end with CR LF */
    SI_LOCALE_TARGETS,   /* the values of target.*.label and target.*.userdata alone */
    SI_LOCALE_MAP,       /* quoted attribute values, but those of coords= and shape= */
    SI_LOCALE_IMAGE_SET  /* whatever is between , ; : and brackets, but a colour before it */
} si_locale_field;

/* A whole field with its strings localized. Borrowed if `map` is NULL or there is nothing to do,
 * else in the arena; p == NULL if memory runs out. */
si_str si_locale_apply(
    const si_locale_map *map, si_str locale, si_locale_field field, si_str text, si_arena *arena);

#endif
