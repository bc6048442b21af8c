/* Landing: a slow encoder near the threshold with one encoding or two.
 *
 * What the fast encodings of a picture have told is where its curve reaches the threshold; slower
 * ones score more at the same quality, by how much was measured (docs/quality.md). So the slow one
 * begins there, and what it then misses by is this picture's own and corrects the second. Levels
 * are steps of the codec's grid, on which score and bytes go about evenly. Only for quality/. */
#ifndef SI_QUALITY_LANDING_H
#define SI_QUALITY_LANDING_H

#include "quality/search.h"

typedef struct si_landing {
    si_search *s;
    si_encoder_setting setting; /* of the format, for slopes */
    si_encode_params like;      /* what to encode with; effort and quality are set by landing */
    int effort;                 /* which reaches the threshold … */
    double level;               /* … here … */
    double variance;            /* … with this uncertainty, points² */
    double per_point;           /* levels per point of score */
} si_landing;

/* True for formats that have slow encoders worth landing: AVIF and JPEG XL. */
bool si_landing_fits(si_format format);

/* Learns level, variance and slope from the candidates so far that were made with the parameters in
 * `like`, at any effort. False if none came near the threshold. */
bool si_landing_learn(si_landing *l);

/* The slowest effort that the tier's budget allows with such parameters; 0 if none is slower than
 * theirs. */
int si_landing_effort(const si_search *s, const si_encode_params *like, si_format format);

/* True if the best tier with any budget has a slower one. */
bool si_landing_has_slower(si_format format, int effort);

/* Log of bytes that an effort saves over another at equal score, about. */
double si_landing_gain(si_format format, int from, int to);

/* The quality at which an effort is foreseen to reach the threshold. */
float si_landing_quality(si_landing *l, int effort);

/* Encodes at `effort`, and once more if what came is poor, or good by so much that it pays and the
 * budget allows. */
void si_landing_land(si_landing *l, int effort);

#endif
