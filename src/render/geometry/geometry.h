/* Geometry, free of pixels: where every layer lies in the composite, and the composite in the reply
 * (docs/protocol.md, View and Geometry of layers; numbers are of docs/decisions.md).
 *
 * Layers are solved one after another, layer 0 first since it is the canvas; then the view. All
 * rounding by P15. */
#ifndef SI_RENDER_GEOMETRY_GEOMETRY_H
#define SI_RENDER_GEOMETRY_GEOMETRY_H

#include "base/result.h"
#include "picture/recipe.h"

/* An affine map: x' = m[0]·x + m[1]·y + m[2], y' = m[3]·x + m[4]·y + m[5]. */
typedef struct si_map {
    double m[6];
} si_map;

#define SI_MAP_IDENTITY ((si_map){{1, 0, 0, 0, 1, 0}})

/* first, then second */
si_map si_map_chain(const si_map *first, const si_map *second);
void si_map_point(const si_map *map, double x, double y, double out[2]);
/* False if the map flattens the plane. */
bool si_map_invert(const si_map *map, si_map *out);
/* Smallest box around the mapped box {x0, y0, x1, y1}. */
void si_map_box(const si_map *map, const double box[4], double out[4]);

/* What the geometry of a layer starts from. */
typedef struct si_content {
    /* Pixels that there are: the image, displayed upright; the mask of a solid layer; the box of a
     * text layer. 0×0: none (solid layers). */
    double width, height;
    /* The same before it was rounded to whole pixels, which drawings (SVG) may have; 0, 0: no
     * different. */
    double exact[2];
    /* The part of them that takes their place (smart crops, cropPathE): x, y, w, h in their pixels;
     * w = 0: all. */
    double part[4];
    /* Extent of the layer's clipPath: x0, y0, x1, y1 in path coordinates. Self-sizing layers. */
    bool has_path;
    double path[4];
    /* Default origin of self-sizing text layers: layer pixels. */
    bool has_origin;
    double origin[2];
} si_content;

/* A layer in the composite. Pixels are composite pixels unless it says otherwise. */
typedef struct si_layer_box {
    double crop[4];    /* x, y, w, h in pixels of the content; may reach beyond it */
    int size[2];       /* w, h after crop and scale: the plain rectangle, in which masks, op_* and
                          clip paths work */
    double path_at[2]; /* path coordinates of the plain rectangle's top-left */
    int turned[2];     /* w, h after rotate, or of the canvas for perspective */
    int extend[4];     /* left, top, right, bottom, whole pixels */
    int rect[2];       /* w, h of the finished layer */
    double exact[2];   /* the same; of a drawing as large as it is, before it was rounded */
    double origin[2];  /* in the finished layer */
    int at[2];         /* top-left of the finished layer in the composite */
    bool has_quad;     /* perspective: … */
    double quad[8];    /* … where the corners of the plain rectangle go: TL, TR, BR, BL */
    si_map fit;        /* content → plain rectangle: crop, scale, flip */
    si_map plain;      /* plain rectangle → composite; not with has_quad */
} si_layer_box;

/* size= or sizeN= in pixels, 0 = free. `canvas` as below. */
void si_geometry_size(const si_layer *l, const si_layer_box *canvas, double size[2]);

/* Solves layer `l`. `canvas` is the solved layer 0, NULL for layer 0 itself. `view` is that of the
 * picture, for thumbnails. Errors: SI_ERR_RANGE (nothing left, or what solid layers may not
 * have), SI_ERR_LIMIT. */
SI_NODISCARD si_result si_geometry_layer(const si_layer *l, const si_content *content,
    const si_view *view, const si_layer_box *canvas, si_layer_box *out, si_diag *diag);

/* How the composite becomes the reply.
 *
 * The scaled region (rgn, else the composite) fills its box S exactly on both axes: rounding S to
 * whole pixels stretches it by less than a pixel instead of leaving a seam of background.
 *
 * Pixel ratio. The geometry is solved at ratio 1, then the whole view (content, padding, rect) is
 * multiplied by the ratio (P10); box edges are rounded in view coordinates, so tiles of one view
 * agree on them. The ratio is reduced in two cases, but never below 1:
 *
 *  - D-7, the original's resolution: a detected ratio ends where one source pixel becomes one reply
 *    pixel, at 1 ÷ the larger of the two axes' scales from source to reply at ratio 1. Of several
 *    layers the one with the most pixels counts. This is for views that promise never to enlarge:
 *    wid and hei are both given, `scl` is not, and `fit` does not allow it. All others may enlarge
 *    at ratio 1 already. A ratio that the request names is obeyed, whatever the original has (the
 *    table on the vendor's page about dpr): 816×500 at 2 is always 1632×1000.
 *  - D-5, MaxPix: min(dpr, maxW/w, maxH/h). 1600×1000 at 2 under 3000×3000 is 3000×1875.
 *
 * A ratio below 1 shrinks. MaxPix is checked on the reply at ratio 1 first (SI-37). */
typedef struct si_geometry {
    double scale[2]; /* composite → view content, x and y, without dpr and rect scale */
    int scaled[2];   /* size of the scaled region S at 1×, pixels */
    int offset[2];   /* where S lies in the view at 1×; negative = cropped amount */
    int view[2];     /* view size V at 1×, pixels */
    double dpr;      /* ratio really used, after MaxPix (D-5) and source size (D-7) */
    int out[2];      /* reply size, pixels */
    /* Where the whole composite lies in the reply: x, y, w, h in reply pixels, whole ones but for
     * requests with rgn; nothing of it is shown outside out_view. */
    double out_content[4];
    double out_view[4]; /* x, y, w, h: where the view lies in the reply, whole reply pixels */
    double origin[2];   /* reply pixel 0,0 in the grid that all tiles of this view share */
} si_geometry;

/* Computes the view of a composite of `canvas` pixels at pixel ratio `dpr`. Scales start from these
 * numbers as they are; that `canvas` is not whole for drawings keeps the shape of small ones. The
 * composite itself, and what rgn counts in, is the rounded number of pixels. `detail` is the scale
 * from source to composite pixels of the layer that has the most of them (D-7), 0 = endless (text,
 * colours, and si_detail_endless where nothing is to be held). Errors: SI_ERR_LIMIT (over MaxPix at
 * ratio 1, SI-37), SI_ERR_RANGE. */
SI_NODISCARD si_result si_geometry_view(const si_view *v, const double canvas[2],
    const double detail[2], double dpr, si_geometry *out, si_diag *diag);

extern const double si_detail_endless[2];

/* Half up (P15). */
double si_round(double v);

/* The same as a coordinate that can be counted with: held to ±2^29. */
int si_pixel(double v);

#endif
