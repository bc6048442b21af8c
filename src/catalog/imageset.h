/* The grammar of ImageSet, and what type a set or an item has (the vendor's image
 * catalog reference, ImageSet).
 *
 * An ImageSet is a list of entries parted by commas; an entry has up to four parts parted by
 * semicolons: item, swatch, type, and one that the vendor reserves, which is not kept; the item of
 * an e-catalog is up to three pages parted by colons. A part is an id or path (percent-decoded
 * here, after the separators are found), a colour {0xrrggbb label}, or a set in brackets, { } or (
 * ). */
#ifndef SI_CATALOG_IMAGESET_H
#define SI_CATALOG_IMAGESET_H

#include "catalog/catalog.h"

enum {
    SI_SET_NESTING_LIMIT = 10,  /* sets inside sets; more is an error */
    SI_SET_BROCHURE_LIMIT = 20, /* items beyond which replies leave out private metadata */
    SI_SET_PAGES = 3
};

typedef enum si_set_type {
    SI_SET_UNKNOWN,
    SI_SET_IMAGE, /* images with swatches: img_set */
    SI_SET_MEDIA,
    SI_SET_ECATALOG,
    SI_SET_SPIN,
    SI_SET_SPIN_2D,
    SI_SET_VIDEO
} si_set_type;

typedef enum si_set_part_kind {
    SI_SET_PART_NONE, /* absent or empty */
    SI_SET_PART_ID,
    SI_SET_PART_COLOR,
    SI_SET_PART_SET
} si_set_part_kind;

typedef struct si_image_set si_image_set;

typedef struct si_set_part {
    si_set_part_kind kind;
    const char *text;        /* id or path; label of a colour, "" = none */
    uint32_t color;          /* 0xRRGGBB */
    const si_image_set *set; /* in brackets */
} si_set_part;

typedef struct si_set_entry {
    si_set_part pages[SI_SET_PAGES]; /* [0] is the item */
    int page_count;                  /* 1…3 */
    si_set_part swatch;
    const char *type; /* as written, "" = absent */
    int part_count;   /* 1…4, as many as were written */
} si_set_entry;

struct si_image_set {
    int count;
    const si_set_entry *entries;
    si_set_type shape; /* by its shape alone; SI_SET_UNKNOWN = a plain list */
};

/* How strings of a set are localized (locale.h); zero = they are not. */
typedef struct si_set_locale {
    const si_locale_map *map; /* LocaleStrMap */
    si_str locale;
} si_set_locale;

/* Reads the text of an ImageSet, without braces around it, into the arena. `asset` is the record's
 * AssetType: spin sets may part their images with semicolons as well as commas. `depth` is 0, or
 * how many sets this one is in already. SI_ERR_SYNTAX: brackets that do not match, too many parts
 * or pages, a media set directly inside a media set. SI_ERR_LIMIT: nested too deep. */
SI_NODISCARD si_result si_image_set_parse(si_str text, si_asset asset, int depth,
    si_set_locale locale, si_arena *arena, const si_image_set **out, si_diag *diag);

/* The type of a set: that of the record's AssetType, else of its shape, where entries that name
 * records which are sets themselves make a plain list a 2-D spin set. `record` may be NULL. */
si_set_type si_image_set_type(const si_catalog *c, const si_company *company,
    const si_record *record, const si_image_set *set);

/* Types of items in replies. */
typedef enum si_item_type {
    SI_ITEM_IMAGE,     /* img */
    SI_ITEM_IMAGE_SET, /* img_set */
    SI_ITEM_MEDIA_SET, /* media_set */
    SI_ITEM_ECATALOG,  /* ecat */
    SI_ITEM_SPIN,      /* spin */
    SI_ITEM_VIDEO,     /* video */
    SI_ITEM_VIDEO_SET, /* video_set */
    SI_ITEM_STATIC     /* static */
} si_item_type;

/* The name of a type in replies. */
const char *si_item_type_name(si_item_type type);

/* The type of an item by what is written beside it, with its aliases (basic, advanced_image,
 * advanced_image_set, advanced_swatchset); false if that is absent or unknown. */
bool si_item_type_written(si_str text, si_item_type *out);

/* The type of an item that is no set by where there are records of it: in both catalogs, in the
 * static one or in none a video if the file name says so, else image, static, image. */
si_item_type si_item_type_found(const si_catalog *c, const si_company *company, si_str id);

#endif
