/* The recipe: one canonical line that holds everything that determines the bytes of a reply.
 *
 * The front wing writes it from a URL, the company's settings and the client class; the renderer
 * reads it. Equal recipes give equal bytes. It is the cache key, the SCGI parameter, the log line,
 * and what `smartimg explain` prints. Whatever does not change the bytes never enters it: raw
 * headers, command order, comments, unknown commands, cache control, time to live. */
#ifndef SI_RECIPE_RECIPE_H
#define SI_RECIPE_RECIPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/format.h"
#include "base/result.h"
#include "base/str.h"

typedef enum si_req { SI_REQ_IMG, SI_REQ_EXISTS, SI_REQ_IMAGEPROPS } si_req;

/* Body format of property replies (reference/commands.md 7.1). */
typedef enum si_body { SI_BODY_TEXT, SI_BODY_JAVASCRIPT, SI_BODY_XML, SI_BODY_JSON } si_body;

/* reference/commands.md 3.1 */
typedef enum si_fit {
    SI_FIT_FIT,
    SI_FIT_CONSTRAIN,
    SI_FIT_CROP,
    SI_FIT_WRAP,
    SI_FIT_STRETCH,
    SI_FIT_HFIT,
    SI_FIT_VFIT
} si_fit;

/* Resampling kernels (6.2, formulas P34) */
typedef enum si_resmode {
    SI_RESMODE_BILIN,
    SI_RESMODE_BICUB,
    SI_RESMODE_SHARP2,
    SI_RESMODE_BISHARP
} si_resmode;

/* Which part of the source layer 0 shows (4.3). */
typedef enum si_crop_kind { SI_CROP_NONE, SI_CROP_PIXELS, SI_CROP_NORMALIZED } si_crop_kind;

/* Parameters of op_usm (section 5). amount 0 = no filter. */
typedef struct si_usm {
    double amount; /* 0…5 */
    double radius; /* 0…250 pixels, of the image it is applied to */
    int threshold; /* 0…255 levels */
    bool mono;     /* brightness only */
} si_usm;

enum { SI_LADDER_MAX = 5 };

/* Strings are NUL-terminated, never NULL, borrowed from the arena the recipe was made in. */
typedef struct si_recipe {
    /* what: the company, the object, and the state of the file behind it */
    const char *company;    /* root id, "" = default company */
    const char *object;     /* as asked for, without the company, percent-decoded; not in the text,
                               since the file behind it decides the bytes */
    const char *file;       /* file path below the served root, "" for requests without a source */
    uint64_t file_size;     /* bytes */
    int64_t file_time;      /* modification time, ns since 1970 */
    uint64_t generation;    /* sum of purge counters */
    si_req req;
    si_body body;           /* for property replies */
    const char *handler;    /* JSONP function name */
    const char *request_id; /* JSONP request id, "" if none */

    /* layer 0 */
    si_crop_kind crop_kind;
    double crop[4];         /* x, y, w, h: source pixels, or fractions of the source size */
    int size[2];            /* w, h pixels of the layer; 0 = free; both 0 = source size */
    si_usm layer_usm;       /* in a layer=0 segment: radius counts at layer resolution */
    bool layer_sharpen;

    /* composite → view (3.2) */
    int wid, hei;           /* pixels, 0 = not given */
    double scl;             /* inverse scale factor, 0 = not given */
    si_fit fit;
    bool upscale;           /* second value of fit */
    double align[2];        /* horizontal, vertical: −1…1 */
    bool has_rect;
    int rect[4];            /* x, y, w, h in view pixels at rect_scale */
    double rect_scale;      /* 1 = view resolution */
    uint32_t bgc;           /* 0xRRGGBB under transparency and in uncovered areas */
    double dpr;             /* pixel ratio, 1 = off; applied to the whole view after geometry */
    int max_pix[2];         /* largest reply, pixels; 0 = no limit */
    int default_pix[2];     /* view cap when wid, hei and scl are absent; 0 = none */
    si_resmode resmode;
    si_usm usm;             /* on the view */
    bool sharpen;           /* on the view */

    /* output as requested (section 6) */
    si_format format;
    bool alpha;             /* *-alpha formats: keep transparency, else flatten on bgc */
    bool progressive;       /* pjpeg */
    bool lossless;          /* explicit compression `lossless` */
    si_compression compression; /* TIFF only */
    si_pixel_type pixel_type;
    int quality;            /* 1…100 */
    bool chroma_full;       /* chroma flag of qlt: true = 4:4:4 */
    const char *icc;        /* output profile name, "" = sRGB */
    bool icc_embed;
    int print_res;          /* dpi tag, 0 = none */

    /* smart imaging */
    bool smart;             /* bfc is on and the output eligible: report savings, even with an empty ladder */
    int ladder_len;         /* 0…SI_LADDER_MAX */
    si_format ladder[SI_LADDER_MAX]; /* formats to try, in order of preference */
    int network;            /* network class, 0 = excellent or not considered */
} si_recipe;

/* A recipe with every default filled in and nothing named. */
void si_recipe_init(si_recipe *r);

/* Writes the canonical text into the arena: no blanks, printable ASCII, at most a few KB.
 * Fails only for lack of memory. */
SI_NODISCARD si_result si_recipe_print(
    const si_recipe *r, si_arena *arena, const char **text, si_diag *diag);

/* Reads a canonical text back; strings go into the arena. Anything that si_recipe_print() could not
 * have written is SI_ERR_SYNTAX, so a renderer may be handed a recipe by anyone.
 * print(scan(text)) is text. */
SI_NODISCARD si_result si_recipe_scan(si_str text, si_arena *arena, si_recipe *r, si_diag *diag);

#endif
