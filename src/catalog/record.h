/* Records of image, SVG and static content catalogs (docs/attributes.md), with their
 * fields as one table.
 *
 * X(name, field, type, tables, minimum, maximum, help) */
#ifndef SI_CATALOG_RECORD_H
#define SI_CATALOG_RECORD_H

#include "catalog/value.h"

typedef enum si_record_table {
    SI_TABLE_IMAGE = 1, /* images and SVG, one name space */
    SI_TABLE_STATIC = 2 /* /is/content, a name space of its own */
} si_record_table;

#define SI_RECORD_FIELDS(X)                                                                        \
    X(Path, path, TEXT, 3, 0, 0, "file below RootPath; empty for templates")                       \
    X(MaskPath, mask_path, TEXT, 1, 0, 0, "mask: 8-bit grey, of the size of the image")            \
    X(Modifier, modifier, TEXT, 1, 0, 0, "commands that the request may override")                 \
    X(PostModifier, post_modifier, TEXT, 1, 0, 0, "commands that override the request")            \
    X(Anchor, anchor, PAIR, 1, -1000000, 1000000,                                                  \
        "origin as a layer, x,y in pixels of the original")                                        \
    X(Resolution, resolution, REAL, 1, 0, 1000000, "for res=; 0 = the attribute")                  \
    X(PrintResolution, print_resolution, INT, 1, 0, 10000, "density tag, dpi; 0 = the attribute")  \
    X(Size, size, PAIR, 1, 0, 1000000,                                                             \
        "width,height of the original in pixels, trusted without opening it")                      \
    X(IccProfile, icc_profile, TEXT, 1, 0, 0, "profile of the original, a name or path")           \
    X(Expiration, expiration, REAL, 3, -2, 87600,                                                  \
        "time to live, hours; -1 = never expires, -2 = the attribute")                             \
    X(TimeStamp, time_stamp, DATE, 3, 0, 0, "date of the record; empty = the attribute")           \
    X(ThumbType, thumb_type, INT, 1, 0, 3, "1 crop, 2 fit, 3 texture; 0 = the attribute")          \
    X(ThumbRes, thumb_res, REAL, 1, 0, 1000000,                                                    \
        "resolution of texture thumbnails; 0 = the attribute")                                     \
    X(AssetType, asset_type, ASSET, 1, 0, 0,                                                       \
        "MEDIASET SPINSET SPINSET2D VIDEOSET IMAGESET ECATALOG")                                   \
    X(ImageSet, image_set, TEXT, 1, 0, 0, "members of a set")                                      \
    X(Map, map, TEXT, 1, 0, 0, "AREA elements in pixels of the original")                          \
    X(Targets, targets, PROPERTIES, 1, 0, 0,                                                       \
        "zoom targets: Target.N.rect, .label, .userData, .frame")                                  \
    X(UserData, user_data, PROPERTIES, 3, 0, 0,                                                    \
        "properties that req=userdata returns, parted by ??")                                      \
    X(UserType, user_type, TEXT, 3, 0, 0, "what type= is compared with")                           \
    X(DigimarcInfo, digimarc_info, TEXT, 1, 0, 0, "read and kept")                                 \
    X(VideoBitRate, video_bit_rate, INT, 2, 0, 2000000000, "bit/s; 0 = the attribute")             \
    X(AudioBitRate, audio_bit_rate, INT, 2, 0, 2000000000, "bit/s; 0 = the attribute")             \
    X(TotalStreamBitRate, total_bit_rate, INT, 2, 0, 2000000000, "bit/s; 0 = the attribute")       \
    X(VideoSize, video_size, PAIR, 2, 0, 65500, "width,height in pixels; 0,0 = the attribute")

/* A record. Texts are never NULL; "" = absent. */
typedef struct si_record {
    const char *id;
#define X(name, field, type, tables, minimum, maximum, help) si_value_##type field;
    SI_RECORD_FIELDS(X)
#undef X
    unsigned present; /* which fields have a value: bit SI_FIELD_… */
    bool svg;         /* from SvgCatalogFile */
    const char *file; /* where it is defined, as reports call it */
    int line;
} si_record;

enum {
#define X(name, field, type, tables, minimum, maximum, help) SI_FIELD_##field,
    SI_RECORD_FIELDS(X)
#undef X
        SI_FIELD_COUNT
};

/* Whether a record says something about a field, such as SI_RECORD_HAS(r, anchor). */
#define SI_RECORD_HAS(record, field) (((record)->present >> SI_FIELD_##field & 1) != 0)

/* Expiration of records that leave it to the attribute. */
#define SI_EXPIRATION_INHERIT (-2.0)

/* A row of the table, for whoever goes through all of them. */
typedef struct si_record_field {
    const char *name;
    const char *type;
    si_value_field value;
    unsigned tables; /* SI_TABLE_… bits */
    const char *help;
} si_record_field;

extern const si_record_field si_record_fields[SI_FIELD_COUNT];

#endif
