/* What a request asks for besides pixels: its type, the shape of a reply in text, and how replies
 * may be kept (docs/protocol.md, Facts instead of pixels and Caching). */
#ifndef SI_REQUEST_REQUEST_H
#define SI_REQUEST_REQUEST_H

#include "base/network.h"
#include "picture/recipe.h"

/* The values of req= (docs/protocol.md, Facts).
 *
 * X(id, name, reply, ttl, bodies): `reply` says who answers: RENDER = a renderer, with what si_req
 * says; CATALOG = the front side, replies.h; OFF = nobody. `ttl` E = of
 * images, N = of properties, 0 = never kept. `bodies` are the formats its option may name (t j x
 * J). */
#define SI_REQUEST_TYPES(X)                                                                        \
    X(IMG, "img", RENDER, 'E', "")                                                                 \
    X(TMB, "tmb", RENDER, 'E', "")                                                                 \
    X(MASK, "mask", RENDER, 'E', "")                                                               \
    X(TILE, "tile", RENDER, 'E', "")                                                               \
    X(PROPS, "props", RENDER, 'N', "tjxJ")                                                         \
    X(IMAGEPROPS, "imageprops", RENDER, 'N', "tjxJ")                                               \
    X(CATALOGPROPS, "catalogprops", CATALOG, 'N', "tjxJ")                                          \
    X(EXISTS, "exists", CATALOG, 'N', "tjxJ")                                                      \
    X(IMAGESET, "imageset", CATALOG, 'N', "tjxJ")                                                  \
    X(SET, "set", RENDER, 'N', "xJ")                                                               \
    X(TARGETS, "targets", CATALOG, 'E', "txJ")                                                     \
    X(USERDATA, "userdata", CATALOG, 'E', "txJ")                                                   \
    X(MAP, "map", RENDER, 'E', "txJ")                                                              \
    X(XMP, "xmp", RENDER, 'E', "")                                                                 \
    X(XLATE, "xlate", CATALOG, 'E', "tjxJ")                                                        \
    X(MBRSET, "mbrSet", CATALOG, 'N', "tx")                                                        \
    X(VALIDATE, "validate", CATALOG, '0', "tjxJ")                                                  \
    X(RESOLVE, "resolve", CATALOG, '0', "")                                                        \
    X(LOADCACHE, "loadcache", OFF, '0', "")                                                        \
    X(MESSAGE, "message", CATALOG, '0', "")                                                        \
    X(SAVETOFILE, "saveToFile", OFF, '0', "tjxJ")                                                  \
    X(BANNER, "", CATALOG, 'N', "") /* no object, no modifiers */

typedef enum si_request_type {
#define X(id, name, reply, ttl, bodies) SI_TYPE_##id,
    SI_REQUEST_TYPES(X)
#undef X
        SI_TYPE_COUNT
} si_request_type;

typedef enum si_switch { SI_SWITCH_UNSET, SI_SWITCH_OFF, SI_SWITCH_ON } si_switch;

/* Request-level commands. Texts are NUL-terminated and in the arena; NULL = not given. */
typedef struct si_asked {
    si_request_type type;
    si_shape shape; /* never NULL texts */

    si_switch bfc, dpr, network;
    double dpr_value;      /* 0 = bare dpr=on */
    si_network line_class; /* what the client's script found, in network=; unknown = not told */

    bool client_cache, server_cache, update;
    const char *default_image; /* "" = switched off */
    const char *locale;
    const char *image_set; /* without braces around it, still encoded */
    const char *label_key;
    const char *message;
    const char *save_name;
    const char *user_type;            /* type= */
    const char *manifest;             /* fmt=f4m or m3u8, for req=mbrSet */
    const char *icc;                  /* profile named by icc= */
    bool print_res_given, type_given; /* type_given: fmt= names a pixel type */
    bool fit_given, align_given, bgc_given;
    bool fit_bare; /* fit= without the flag of enlarging */
} si_asked;

/* "img", "mbrSet" … */
const char *si_request_type_name(si_request_type type);

/* The type of a name (any case); SI_TYPE_COUNT if there is none. */
si_request_type si_request_type_by_name(si_str name);

#endif
