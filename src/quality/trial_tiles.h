/* A small stand-in for a picture: tiles from all over it, put together.
 *
 * What a codec's quality means for a picture shows on a fifth of it already, if it is compared with
 * what the requested encoding's codec does to the same fifth. So trials whose outcome only steers
 * the next one are made on the stand-in. Scores of it differ from the whole picture's, but those of
 * two codecs differ alike; what is left is in the predictor's tables. */
#ifndef SI_QUALITY_TRIAL_TILES_H
#define SI_QUALITY_TRIAL_TILES_H

#include "codec/codec.h"
#include "quality/ssimulacra2.h"

enum { SI_TRIAL_TILE = 64 /* pixels, a multiple of every codec's block but AV1's largest */ };

/* Zero-initialize; release with si_trial_tiles_end(). */
typedef struct si_trial_tiles {
    si_image tiles;
    si_score_ref *ref;
    double target; /* score of the tiles as the JPEG that sets the target */
} si_trial_tiles;

/* Takes about `share` (0…1) of the image's tiles, evenly spread, and scores them as JPEG with
 * `jpeg`. False if the image is too small to gain by it, or transparent, or memory is short. */
bool si_trial_tiles_start(
    si_trial_tiles *p, const si_image *image, double share, const si_encode_params *jpeg);

/* The tiles' score with other parameters, less the target: how far above (> 0) or below the target
 * they are; NAN if the codec failed. */
double si_trial_tiles_margin(si_trial_tiles *p, si_format format, const si_encode_params *params);

void si_trial_tiles_end(si_trial_tiles *p);

#endif
