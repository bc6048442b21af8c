/* What a rendering will cost, told before anything is decoded: from sizes of originals, of layers
 * and of the reply, radii, and how often each source is read. A request that cannot end within its
 * time or its memory is refused at once, with what it is that costs so much.
 *
 * Times are processor time by the table of foresee.c, whose figures bench-foresee prints. They
 * count what nearly all pictures cost at least: what windows look at beyond their edges is left
 * out, and so is all that only decoding can tell. So that nothing is refused which might end in
 * time, on a machine four times as fast or for a picture that is four times as easy, only
 * SI_FORESEE_SLACK times the limit is too much. Bytes are those of images that are in memory at one
 * time for certain; more than the limit is too much of them. */
#ifndef SI_RENDER_SCENE_FORESEE_H
#define SI_RENDER_SCENE_FORESEE_H

#include "render/scene/scene.h"

enum { SI_FORESEE_SLACK = 4 };

/* What costs time: id, words for the message of a refusal. */
#define SI_STAGES(X)                                                                               \
    X(DECODE, "decoding of originals")                                                             \
    X(RESAMPLE, "scaling")                                                                         \
    X(LAYERS, "layers")                                                                            \
    X(BLUR, "blurring and sharpening")                                                             \
    X(GROW, "growing")                                                                             \
    X(COLOUR, "changes of colours")                                                                \
    X(WARP, "rotation and perspective")                                                            \
    X(ENCODE, "encoding of frames")

typedef enum si_stage {
#define X(id, words) SI_STAGE_##id,
    SI_STAGES(X)
#undef X
        SI_STAGE_COUNT
} si_stage;

/* Zero-initialize. */
typedef struct si_forecast {
    double ns[SI_STAGE_COUNT]; /* processor time, nanoseconds */
    double bytes;              /* of images in memory at a time */
} si_forecast;

/* Adds the decoding of an original of `pixels`, of which `share` (0…1) is wanted, to be shown as
 * `shown` pixels, and its scaling. */
void si_forecast_original(si_forecast *f, si_kind kind, double pixels, double share, double shown);

/* Adds the turbulence of a drawing, shown as `shown` pixels (si_original.octaves). */
void si_forecast_octaves(si_forecast *f, double octaves, double shown);

/* Adds a filter over `pixels` of the rendering; `radius` in its pixels. */
void si_forecast_blur(si_forecast *f, double pixels, double radius);
void si_forecast_grow(si_forecast *f, double pixels, double radius);

/* Adds the encoding of frames that have so many pixels together. */
void si_forecast_frames(si_forecast *f, si_format format, double pixels);

/* Adds `times` as much time as `more`, after what is there: memory is that of the larger one. */
void si_forecast_add(si_forecast *f, const si_forecast *more, double times);

/* SI_ERR_LIMIT if it is too much for the limits. */
SI_NODISCARD si_result si_forecast_check(
    const si_forecast *f, const si_render_limits *limits, si_diag *diag);

/* The same for a picture of layers, of which nothing is decoded yet, and the view of it. */
SI_NODISCARD si_result si_foresee_scene(
    const si_render_context *rc, const si_scene *scene, const si_geometry *g, si_diag *diag);

#endif
