/* The recipe: one canonical line that holds everything that determines the bytes of a reply.
 *
 * The front side writes it from a URL, the company's settings and the client class; the renderer
 * reads it. Equal recipes give equal bytes. It is the cache key, the SCGI parameter, the log line,
 * and what `smartimg explain` prints. Whatever does not change the bytes never enters it: raw
 * headers, command order, comments, unknown commands, cache control, time to live.
 *
 * It begins with `smartimg/SYNTAX.REVISION`, so that a cache never serves what an older renderer
 * made of the same request:
 *
 * - SI_RECIPE_SYNTAX is raised when texts of before can no longer be read, or would mean something
 *   else.
 * - SI_RECIPE_REVISION is raised by a commit after which any recipe is answered with other bytes:
 *   pixels, what is embedded, settings of encoders, the choice among candidates, the text of
 *   properties. Not for new commands, which make texts that there were not before, nor for speed,
 *   headers or messages. One raise is enough between two releases. Distributions' libraries have
 *   revisions of their own, which nobody can count: `smartimg purge` is for them.
 *
 * `smartimg serve` forks the renderer pool from itself, so front side and renderers have the same
 * numbers unless nginx was started again after its module had been replaced, or a pool elsewhere is
 * older. A renderer refuses what it would make other bytes of: rendered, they would be kept under
 * the new revision. */
#ifndef SI_PICTURE_RECIPE_H
#define SI_PICTURE_RECIPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/format.h"
#include "base/network.h"
#include "base/result.h"
#include "base/str.h"
#include "picture/picture.h"

#define SI_RECIPE_SYNTAX 2
#define SI_RECIPE_REVISION 2
#define SI_RECIPE_TEXT_OF(number) #number
#define SI_RECIPE_NUMBERS(syntax, revision)                                                        \
    SI_RECIPE_TEXT_OF(syntax) "." SI_RECIPE_TEXT_OF(revision)
/* "SYNTAX.REVISION" */
#define SI_RECIPE_VERSION SI_RECIPE_NUMBERS(SI_RECIPE_SYNTAX, SI_RECIPE_REVISION)

/* Requests that a renderer answers (docs/protocol.md, Facts instead of pixels). Those about the
 * catalog alone are answered by the front side (plan.h) and have no recipe. */
typedef enum si_req {
    SI_REQ_IMG,        /* img, tile, tmb (view.thumb), loadcache */
    SI_REQ_MASK,       /* the composite's alpha */
    SI_REQ_PROPS,      /* facts about the reply */
    SI_REQ_IMAGEPROPS, /* facts about the source of layer 0 */
    SI_REQ_XMP,        /* its XMP packet */
    SI_REQ_MAP,        /* the composite's image map */
    SI_REQ_SET,        /* a media set, whose items' sizes and versions are wanted */
    SI_REQ_CROP,       /* userdata of a smart crop: its rectangle and colour */
    SI_REQ_SAVE        /* saveToFile */
} si_req;

/* Body format of property replies. */
typedef enum si_body { SI_BODY_TEXT, SI_BODY_JAVASCRIPT, SI_BODY_XML, SI_BODY_JSON } si_body;

/* How a property reply is to look. */
typedef struct si_shape {
    si_body body;
    const char *encoding;   /* of XML */
    const char *handler;    /* JSONP function */
    const char *request_id; /* JSONP request id, "" if none */
} si_shape;

/* Where the colours of a palette come from. */
typedef enum si_quantize_kind {
    SI_QUANTIZE_ADAPTIVE,
    SI_QUANTIZE_WEB,
    SI_QUANTIZE_MAC
} si_quantize_kind;

typedef enum si_intent {
    SI_INTENT_PERCEPTUAL,
    SI_INTENT_RELATIVE,
    SI_INTENT_SATURATION,
    SI_INTENT_ABSOLUTE
} si_intent;

/* quantize= as asked for; codec.h has what it means to an encoder. */
typedef struct si_quantize_command {
    si_quantize_kind kind;
    bool no_dither;
    int colors;         /* 2…256; 0 = as many as fit */
    const char *forced; /* "RRGGBB,RRGGBB…" in upper case, "" = none */
} si_quantize_command;

/* A property that the front side knows: part of req=props and imageprops, alphabetical. */
typedef struct si_fact {
    const char *name, *value;
} si_fact;

enum { SI_LADDER_MAX = 5 };

/* Strings are NUL-terminated, never NULL unless it says so, borrowed from the arena the recipe was
 * made in. */
typedef struct si_recipe {
    const char *company; /* root id of the main company, "" = default company */
    const char *object;  /* as asked for, without the company, percent-decoded; not in the text,
                            since the files behind it decide the bytes */
    uint64_t generation; /* sum of purge counters */
    si_req req;
    si_body body;           /* for property replies */
    const char *encoding;   /* of XML bodies: "UTF-8" and four others */
    const char *handler;    /* JSONP function name */
    const char *request_id; /* JSONP request id, "" if none */
    const si_fact *facts;   /* for property replies */
    int fact_count;
    const char *set;       /* req=set: the media set as the catalog has it, "" otherwise */
    const char *save_name; /* req=saveToFile: below SavePath */

    si_picture picture;
    const struct si_watermark *watermark; /* NULL = none */

    uint32_t bgc;  /* 0xRRGGBB under transparency and in uncovered areas */
    double dpr;    /* pixel ratio, 1 = off; applied to the whole view after geometry */
    bool dpr_held; /* … but not beyond the original's resolution */

    /* output as requested */
    si_format format;
    bool alpha;                 /* *-alpha formats: keep transparency, else flatten on bgc */
    bool progressive;           /* pjpeg */
    int scans;                  /* pscan, 0 = auto */
    bool palette;               /* png8 */
    bool lossless;              /* explicit compression `lossless` */
    si_compression compression; /* TIFF and PDF only */
    si_pixel_type pixel_type;
    bool pixel_keep; /* the composite's pixel type, where the format can (docs/decisions.md, P23) */
    int quality;     /* 1…100 */
    bool chroma_full;             /* chroma flag of qlt: true = 4:4:4 */
    int jpeg_size;                /* kilobytes of 1024 bytes, 0 = off */
    si_quantize_command quantize; /* GIF, png8 */
    si_file_ref icc;              /* output profile, path "" = sRGB (or naive for gray and CMYK) */
    const char *icc_name;         /* as req=props shows it, "" = none */
    si_intent intent;
    bool black_point, dither;
    bool icc_embed, xmp_embed, path_embed;
    int print_res; /* dpi tag, 0 = none, −1 = the source file's */

    /* default profiles of sources that embed none: RGB, gray, CMYK (attr::IccProfileSrc*) */
    si_file_ref assumed[3];

    /* smart imaging */
    bool smart; /* bfc is on and the output eligible: report savings, even with an empty ladder */
    int ladder_len;                  /* 0…SI_LADDER_MAX */
    si_format ladder[SI_LADDER_MAX]; /* formats to try, in order of preference */
    si_network network; /* good or poor: encoded for such a line; unknown = as asked for */
} si_recipe;

/* The shape of a reply in text. */
static inline si_shape si_recipe_shape(const si_recipe *r) {
    return (si_shape){r->body, r->encoding, r->handler, r->request_id};
}

/* attr::Watermark (docs/attributes.md): drawn over the composite, never over padding. */
typedef struct si_watermark {
    si_picture picture;
    double size_n[2]; /* of the target; both 0 = native pixels */
    double align[2];  /* −1…1 */
    si_blend blend;
    int opac; /* 0…100 */
} si_watermark;

/* A recipe with every default filled in and nothing named; its picture has no layers. */
void si_recipe_init(si_recipe *r);

/* Calls `visit` for every file the recipe needs: those of its pictures, then profiles. */
bool si_recipe_files(
    const si_recipe *r, bool (*visit)(void *context, const si_file_ref *file), void *context);

/* Calls `visit` for every original of the recipe that is in an origin (base/origin.h), the same one
 * perhaps several times, in the order in which they are looked at; stops when it returns false, and
 * returns that. si_recipe_files() leaves them out. */
bool si_recipe_in_origins(
    const si_recipe *r, bool (*visit)(void *context, const si_file_ref *file), void *context);

/* Writes the canonical text into the arena: no blanks, printable ASCII, at most SI_RECIPE_TEXT_MAX
 * bytes (more is SI_ERR_LIMIT). Fails only for that or for lack of memory. */
enum { SI_RECIPE_TEXT_MAX = 32768 };
SI_NODISCARD si_result si_recipe_print(
    const si_recipe *r, si_arena *arena, const char **text, si_diag *diag);

/* Reads a canonical text back; strings go into the arena. A text of another version is
 * SI_ERR_CONFIG, anything else that si_recipe_print() could not have written SI_ERR_SYNTAX, so a
 * renderer may be handed a recipe by anyone.
 * print(scan(text)) is text. */
SI_NODISCARD si_result si_recipe_scan(si_str text, si_arena *arena, si_recipe *r, si_diag *diag);

#endif
