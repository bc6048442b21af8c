/* What an answer will cost, foreseen from the recipe, so that cheap requests need not stand behind
 * dear ones (base/lane.h). Nothing is opened for it, so what only the original tells is guessed
 * from its file's size.
 *
 * The unit is a *megapixel equivalent*: what it takes to make a plain reply of a megapixel with
 * format conversion. It is the sum of
 *
 *  - the reply's pixels; without format conversion, a third of them;
 *  - for each source file, 0.05 per megabyte where the decoder can leave pixels out (JPEG), else
 *    0.2, and for animations that go on moving 3, as all frames are decoded and encoded;
 *  - for each layer beyond a plain picture a third of the pixels that it is drawn on, as much again
 *    for each of its effects, rotations and perspective, and 2 % more per pixel of blur radius;
 *  - for each text 0.2, as fonts are read for it;
 *  - for nested requests, what they would cost without an encoding.
 *
 * Foreign images are dear whatever their size, as nobody knows it; their downloads take as long as
 * somebody else's server likes, so what needs any waits in a lane of its own. */
#ifndef SI_PLAN_COST_H
#define SI_PLAN_COST_H

#include <stdbool.h>

#include "picture/recipe.h"

/* From here on a request is dear: as much as about ten replies of 600×600 pixels, or one as large
 * as a screen of 2400×1600. */
#define SI_COST_DEAR 4.0

/* What a foreign image counts for. */
#define SI_COST_FOREIGN SI_COST_DEAR

/* True if foreign images have to be downloaded for the answer. */
bool si_cost_has_foreign(const si_recipe *r);

/* True if anything has to be downloaded for it, be it originals in origins. */
bool si_cost_has_downloads(const si_recipe *r);

/* Megapixel equivalents, > 0. */
double si_cost_foresee(const si_recipe *r);

static inline bool si_cost_is_dear(const si_recipe *r) {
    return si_cost_foresee(r) >= SI_COST_DEAR;
}

#endif
