/* A picture ready to be rendered: the headers of its sources are read, the geometry of its layers
 * and its view is solved, nothing is decoded yet.
 *
 * Nested pictures are scenes of their own. Everything lives in the arena of the render context. */
#ifndef SI_RENDER_SCENE_SCENE_H
#define SI_RENDER_SCENE_SCENE_H

#include "base/arena.h"
#include "base/path.h"
#include "richtext/rtf.h"
#include "render/geometry/geometry.h"
#include "render/read/original.h"
#include "render/read/input.h"
#include "render/text/text_layer.h"

/* What is known of a file or foreign image, once its header was read. */
typedef struct si_known_size {
    const char *path;     /* or address */
    double width, height; /* displayed pixels */
    double exact[2];      /* the same of a drawing, before rounding; else 0, 0 */
    bool alpha;
    si_kind kind;
    double octaves; /* si_original.octaves */
    struct si_known_size *next;
} si_known_size;

/* What all scenes of a request share. */
typedef struct si_render_context {
    const si_recipe *recipe;
    const si_files *files;
    si_render_limits limits;     /* none of them 0 */
    si_arena *arena;             /* borrowed */
    uint64_t seed;               /* of noise, dissolve, jitter: the same for all tiles and sizes */
    int depth;                   /* of nesting, so far */
    int layers;                  /* of all scenes, so far */
    si_known_size *known;        /* sizes of files and foreign images, so far */
    struct si_mapping *mappings; /* fonts in memory, to be released */
} si_render_context;

enum { SI_SCENE_MAX_DEPTH = 16, SI_SCENE_MAX_LAYERS = 500 };

/* A clip path, in pixels of the plain rectangle (or of the composite). */
typedef struct si_clip {
    si_path path;
    si_affine map; /* from the path's coordinates */
    bool outside;  /* what is inside the path goes */
    const struct si_clip *next;
} si_clip;

typedef struct si_scene_layer {
    const si_layer *layer;
    si_layer_box box;
    double content[2];             /* full size of image or mask, displayed pixels */
    bool alpha;                    /* the content has an alpha channel, or may have */
    double mask[2];                /* full size of a separate mask; 0,0 = none */
    bool mask_alpha;               /* it has an alpha channel, which is the mask then */
    double mask_part[4];           /* x, y, w, h of the mask that lie on … */
    double masked[4];              /* … these of the content: all on all, or a smart crop of the
                                      mask on what the layer shows of its source */
    const struct si_scene *source; /* of a nested picture, NULL otherwise */
    const struct si_scene *mask_source;
    const si_clip *clips;
    si_richtext text; /* text layers */
    si_text_style style;
    const si_font_data *fonts;
} si_scene_layer;

typedef struct si_scene {
    const si_picture *picture;
    si_scene_layer *layers; /* picture->layer_count */
    int canvas[2];          /* w, h of the composite, pixels */
    double exact[2];        /* the same, see si_layer_box */
    int cut[2];             /* its top-left in layer 0 (cropPathE of the composite) */
    const si_clip *clips;   /* of the composite */
    double detail[2];       /* si_geometry_view() */
    double view_scale[2];   /* of a nested picture: from its composite to its reply at scale 1 */
    bool padded;            /* likewise: its reply shows more than the composite */
    bool radii;             /* something in it has a radius, and so must not be stretched */
    const struct si_scene *mark; /* watermark, … */
    const si_watermark *watermark;
    double mark_box[4]; /* … and where it goes: x, y, w, h in composite pixels */
} si_scene;

/* Opens a picture: see above. `watermark` may be NULL. *out lives in the arena. Errors as of
 * si_render(). */
SI_NODISCARD si_result si_scene_open(si_render_context *rc, const si_picture *picture,
    const si_watermark *watermark, si_scene **out, si_diag *diag);

/* True if the layer has neither mask nor alpha, nor transparent margins. */
bool si_scene_layer_is_solid(const si_scene_layer *s);

/* True if no pixel of the composite can be transparent. */
bool si_scene_is_opaque(const si_scene *scene);

/* Releases what is not in the arena. */
void si_render_context_close(si_render_context *rc);

/* Opens the file or foreign image of `source` as an original; the caller closes both. */
SI_NODISCARD si_result si_render_context_open(
    si_render_context *rc, const si_source *source, si_original *o, int *fd, si_diag *diag);

/* Size of a file or foreign image, from its header; asked for once each. *out lives in the arena.
 */
SI_NODISCARD si_result si_render_context_size(
    si_render_context *rc, const si_source *s, const si_known_size **out, si_diag *diag);

/* The parts that smart crops of one file or foreign image show, x, y, w, h as fractions: found by
 * content on a small rendition, unless they are set by hand. `swatches`, unless NULL, get the
 * colours that most of each has, 0xRRGGBB. `count` is at least 1. */
SI_NODISCARD si_result si_render_context_crops(si_render_context *rc, const si_source *const *crops,
    int count, double (*rects)[4], uint32_t *swatches, si_diag *diag);

/* Text layers: reads the text, finds its fonts, measures. `size` is that of si_geometry_size(). */
SI_NODISCARD si_result si_scene_text(si_render_context *rc, si_scene_layer *s, const double size[2],
    si_content *content, si_diag *diag);

#endif
