/* Originals that move: GIF, WebP and AVIF sequences, one frame at a time. */
#ifndef SI_RENDER_FRAMES_H
#define SI_RENDER_FRAMES_H

#include "render/read/original.h"

typedef struct si_animation_facts {
    int frames;        /* ≥ 1; 1 = a still picture */
    int plays;         /* how often it is shown, 0 = for ever */
    int width, height; /* pixels of every frame */
    si_kind kind;
} si_animation_facts;

/* Takes a frame as a player shows it, full size; it must not be kept. */
typedef si_result (*si_page_fn)(
    void *context, si_original *page, int index, int delay_ms, si_diag *diag);

/* Reads from the header of the original at `fd` (borrowed) whether it moves. Kinds that cannot are
 * still pictures. Same errors as si_original_open(). */
SI_NODISCARD si_result si_animation_look(
    int fd, const si_render_limits *limits, si_animation_facts *out, si_diag *diag);

/* Hands each frame of a moving original to `fn`, in order, whose first failure ends it. All frames
 * together must not have more pixels than limits->max_source_pixels, nor be more than
 * SI_ANIMATION_MAX_FRAMES: SI_ERR_LIMIT. */
enum { SI_ANIMATION_MAX_FRAMES = 2000 };
SI_NODISCARD si_result si_animation_pages(
    int fd, const si_render_limits *limits, si_page_fn fn, void *context, si_diag *diag);

/* SI_ERR_LIMIT if the frames of `r`, whose original has these facts, cannot be made within the
 * limits, before the first of them is decoded: more pixels than may be read or shown, or more time
 * (scene/foresee.h). Errors of the geometry as of si_render(). */
SI_NODISCARD si_result si_animation_foresee(const si_recipe *r, const si_animation_facts *facts,
    const si_render_limits *limits, si_diag *diag);

/* Takes a rendered frame, in the reply's colours, valid during the call only. */
typedef si_result (*si_frame_sink)(
    void *context, const si_image *frame, int delay_ms, si_diag *diag);

/* True if `r` wants a format that can move, and its picture is one plain image (layers, masks and
 * effects show the first frame). Whether that image moves, si_animation_look() tells. */
bool si_animation_wanted(const si_recipe *r);

/* Renders every frame of layer 0's file as si_render() renders the first. Frames of the reply
 * together must not exceed limits->max_view_pixels. */
SI_NODISCARD si_result si_animation_render(const si_recipe *r, const si_files *files,
    const si_render_limits *limits, si_frame_sink sink, void *context, si_diag *diag);

#endif
