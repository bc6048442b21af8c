/* Typed values of attributes and record fields: how each type is written, read and kept
 * (docs/attributes.md). */
#ifndef SI_CATALOG_VALUE_H
#define SI_CATALOG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "catalog/address_filter.h"
#include "catalog/locale.h"

/* BOOL true|false|yes|no|on|off|1|0 */
typedef bool si_value_BOOL;
/* INT and REAL as in commands (docs/protocol.md, URLs) */
typedef int si_value_INT;
typedef double si_value_REAL;
/* PAIR "w,h" of ints */
typedef struct si_value_pair {
    int w, h;
} si_value_PAIR;
/* QUALITY "1…100[,0|1]" */
typedef struct si_value_quality {
    int quality;
    bool chroma_full;
} si_value_QUALITY;
/* COLOR as in commands (docs/protocol.md, URLs), kept as 0xRRGGBB */
typedef uint32_t si_value_COLOR;
/* RESMODE name or number, kept as a si_resmode */
typedef int si_value_RESMODE;
/* TEXT anything, never NULL, "" = absent */
typedef const char *si_value_TEXT;
/* HEADER name of a header field of HTTP (RFC 9110 section 5.1), up to SI_FIELD_NAME_MAX bytes;
 * never NULL, "" = absent */
typedef const char *si_value_HEADER;
/* PROPERTIES "name=value" lines parted by ?? or line ends; kept with CR LF between the lines. A
 * data field that is quoted as a whole keeps its ??: QUOTED_PROPERTIES */
typedef const char *si_value_PROPERTIES;
/* LIST texts parted by commas, none of them empty */
typedef struct si_value_list {
    int count;
    const char *const *items;
} si_value_LIST;
/* RATIOS numbers parted by commas, each larger than the one before; none = count 0 */
enum { SI_VALUE_RATIOS_MAX = 8 };
typedef struct si_value_ratios {
    int count;
    double at[SI_VALUE_RATIOS_MAX];
} si_value_RATIOS;
/* DATE milliseconds since 1970, or mm/dd/yyyy hh:mm:ss ZONE; 0 = absent */
typedef int64_t si_value_DATE;
/* ADDRESSES networks, NULL = all */
typedef const si_address_filter *si_value_ADDRESSES;
/* a list of locales, NULL = none */
typedef const si_locale_map *si_value_LOCALES;
/* CLASSES "[include:|exclude:]class,…", kept as a set of SI_CLASS_… bits that are allowed */
typedef unsigned si_value_CLASSES;
/* ASSET name of a si_asset */
typedef int si_value_ASSET;

/* Kinds of file that AllowDirectAccess tells apart. */
enum {
    SI_CLASS_SVG = 1,
    SI_CLASS_IS = 2, /* images */
    SI_CLASS_STATIC = 4,
    SI_CLASS_FXG = 8,
    SI_CLASS_FLA = 16,
    SI_CLASS_IR_VNT = 32,
    SI_CLASS_IR_MAT = 64
};

/* AssetType of a record. */
typedef enum si_asset {
    SI_ASSET_UNKNOWN,
    SI_ASSET_MEDIASET,
    SI_ASSET_SPINSET,
    SI_ASSET_SPINSET2D,
    SI_ASSET_VIDEOSET,
    SI_ASSET_IMAGESET,
    SI_ASSET_ECATALOG
} si_asset;

/* Smallest and largest number a value may have. */
typedef struct si_value_limits {
    double min, max;
} si_value_limits;

/* Reads a text of one type into `out`, whose type goes with the function; what it needs besides
 * is in the arena. False if the text is not of that type, or memory runs out. */
typedef bool (*si_value_reader)(si_str text, si_value_limits limits, si_arena *arena, void *out);

bool si_value_read_BOOL(si_str text, si_value_limits limits, si_arena *arena, void *out);
bool si_value_read_INT(si_str text, si_value_limits limits, si_arena *arena, void *out);
bool si_value_read_REAL(si_str text, si_value_limits limits, si_arena *arena, void *out);
bool si_value_read_PAIR(si_str text, si_value_limits limits, si_arena *arena, void *out);
bool si_value_read_QUALITY(si_str text, si_value_limits limits, si_arena *arena, void *out);
bool si_value_read_COLOR(si_str text, si_value_limits limits, si_arena *arena, void *out);
bool si_value_read_RESMODE(si_str text, si_value_limits limits, si_arena *arena, void *out);
bool si_value_read_TEXT(si_str text, si_value_limits limits, si_arena *arena, void *out);
bool si_value_read_HEADER(si_str text, si_value_limits limits, si_arena *arena, void *out);
bool si_value_read_PROPERTIES(si_str text, si_value_limits limits, si_arena *arena, void *out);
bool si_value_read_QUOTED_PROPERTIES(
    si_str text, si_value_limits limits, si_arena *arena, void *out);
bool si_value_read_LIST(si_str text, si_value_limits limits, si_arena *arena, void *out);
bool si_value_read_RATIOS(si_str text, si_value_limits limits, si_arena *arena, void *out);
bool si_value_read_DATE(si_str text, si_value_limits limits, si_arena *arena, void *out);
bool si_value_read_ADDRESSES(si_str text, si_value_limits limits, si_arena *arena, void *out);
bool si_value_read_LOCALES(si_str text, si_value_limits limits, si_arena *arena, void *out);
bool si_value_read_CLASSES(si_str text, si_value_limits limits, si_arena *arena, void *out);
bool si_value_read_ASSET(si_str text, si_value_limits limits, si_arena *arena, void *out);

/* Where in a struct a value is, and how it gets there. */
typedef struct si_value_field {
    si_value_reader read;
    size_t offset, size; /* bytes */
    si_value_limits limits;
} si_value_field;

/* The row for the field of a struct. */
#define SI_VALUE_FIELD(type_of_struct, field, type, minimum, maximum)                              \
    {                                                                                              \
        si_value_read_##type, offsetof(type_of_struct, field),                                     \
            sizeof(((type_of_struct *)0)->field), {                                                \
            minimum, maximum                                                                       \
        }                                                                                          \
    }

/* Reads a text into the field of the struct at `base`. */
bool si_value_set(const si_value_field *field, si_str text, si_arena *arena, void *base);

/* A value without the quotes around it, ' or ", in which doubled ones stand for themselves. The
 * text itself if it has none or cannot be copied into the arena. */
si_str si_value_unquote(si_str text, si_arena *arena);

#endif
