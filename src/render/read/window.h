/* Windows on originals: any displayed part of a file, scaled, mirrored, at any place between the
 * pixels, with no more decoded than it takes. */
#ifndef SI_RENDER_READ_WINDOW_H
#define SI_RENDER_READ_WINDOW_H

#include "codec/image.h"
#include "render/read/original.h"

/* One displayed axis. */
typedef struct si_window_axis {
    double from, to; /* the part of the original that is scaled, full-size pixels; may reach beyond
                        it */
    double content;  /* its length when scaled, window pixels */
    double skip;     /* where in that the window begins; up to half a pixel before it */
    int count;       /* length of the window */
    bool mirror;     /* the scaled part runs the other way; `skip` counts in it as it is shown */
} si_window_axis;

/* Reads axes[0].count × axes[1].count pixels, 4 channels if the file has alpha or the part reaches
 * beyond it (transparent there), else 3. With `flat` the file counts as having no alpha: colours
 * come as they are stored, those of transparent parts too. Changes `o`: use it for one window only.
 * `out` is owned by the caller on success. Errors as
 * of si_original_reduce() and si_pixels_read(). */
SI_NODISCARD si_result si_window_read(si_original *o, const si_window_axis axes[2], si_resmode mode,
    bool flat, si_image *out, si_diag *diag);

/* The same from pixels in memory: sRGB, straight alpha. SI_ERR_MEMORY. */
SI_NODISCARD si_result si_window_of_image(const si_image *im, const si_window_axis axes[2],
    si_resmode mode, si_image *out, si_diag *diag);

#endif
