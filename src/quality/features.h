/* Cheap facts about final pixels and their requested encoding, from which encoder parameters are
 * predicted.
 */
#ifndef SI_QUALITY_FEATURES_H
#define SI_QUALITY_FEATURES_H

#include "codec/image.h"

/* name, meaning; the predictor's tables and tools/train use them in this order */
#define SI_FEATURES(X)                                                                             \
    X(BPP, "log of the requested JPEG's bits per pixel")                                           \
    X(QUALITY, "requested JPEG quality, (q − 75) / 20")                                            \
    X(FULL, "1 if the requested JPEG has 4:4:4 chroma")                                            \
    X(AREA, "log of the number of megapixels")                                                     \
    X(DETAIL, "log of the mean luma gradient")                                                     \
    X(NOISE, "log of the gradient in the quietest quarter of the blocks that are not flat")        \
    X(FLAT, "share of 8×8 blocks without any texture")                                             \
    X(EDGES, "share of luma steps over 40")                                                        \
    X(CHROMA, "log of the mean chroma gradient")                                                   \
    X(COLOURS, "log of the number of different colours, of 4096")

typedef enum si_feature {
#define X(name, meaning) SI_FEATURE_##name,
    SI_FEATURES(X)
#undef X
        SI_FEATURE_COUNT
} si_feature;

typedef struct si_features {
    double v[SI_FEATURE_COUNT];
    double megapixels;
} si_features;

/* Measures `image`; `jpeg_bytes` is the size of the JPEG that was made of it (0 = unknown), at
 * `jpeg_quality` (1…100), 4:4:4 if `jpeg_full`. Reads every pixel once, allocates nothing large. */
void si_features_measure(const si_image *image, size_t jpeg_bytes, double jpeg_quality,
    bool jpeg_full, si_features *out);

/* True for drawings, text and screenshots: few colours or much flat ground, and hard edges. */
bool si_features_drawing(const si_features *f);

#endif
