/* GIF files as players show them, frame by frame.
 *
 * libnsgif, inside libvips, decodes the frames; they are put onto each other here. By itself it
 * fills what a frame without transparency leaves behind with a colour of the palette, and has no
 * alpha for what no frame covers; players, and GIF's specification as they read it, show what lies
 * beneath. */
#ifndef SI_RENDER_READ_READ_GIF_H
#define SI_RENDER_READ_READ_GIF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "render/read/input.h"

typedef struct si_gif si_gif;

typedef struct si_gif_facts {
    int width, height; /* pixels of the screen, which a first frame beyond it enlarges */
    int frames;        /* ≥ 1 */
    int plays;         /* 0 = for ever */
    bool alpha;        /* some frame has transparent pixels */
    bool first_alpha;  /* the first has */
} si_gif_facts;

/* Reads the file at `fd` (borrowed) and finds its frames; decodes none. Owned by the caller, see
 * si_gif_close(). SI_ERR_SOURCE if it is broken or ends early, SI_ERR_LIMIT if the file has more
 * than 256 MB or the screen more pixels than limits->max_source_pixels, SI_ERR_MEMORY, SI_ERR_IO.
 */
SI_NODISCARD si_result si_gif_open(
    int fd, const si_render_limits *limits, si_gif **out, si_gif_facts *facts, si_diag *diag);

/* Draws the next frame, facts.frames times at most. *rgba is the screen, straight, width × height
 * pixels without gaps, valid until the next call. Same errors. */
SI_NODISCARD si_result si_gif_next(si_gif *g, const uint8_t **rgba, int *delay_ms, si_diag *diag);

/* NULL is allowed. */
void si_gif_close(si_gif *g);

#endif
