/* Encoder settings that the predictor knows: for each, how quality and score go together was
 * measured (tools/train). They are ordered from fast to small within a format. */
#ifndef SI_QUALITY_ENCODER_SETTINGS_H
#define SI_QUALITY_ENCODER_SETTINGS_H

#include "base/tier.h"
#include "codec/codec.h"

/* name, format, effort, 4:4:4 (WebP: chroma by light), first and last quality of tools/train's
 * curves, the lowest tier whose first answers may use it */
#define SI_SETTINGS(X)                                                                             \
    X(AVIF_QUICK, AVIF, 1, true, 28, 92, QUICK)                                                    \
    X(AVIF_FAST, AVIF, 3, true, 28, 92, QUICK)                                                     \
    X(AVIF_GOOD, AVIF, 5, true, 28, 92, FAST)                                                      \
    X(AVIF_FULL, AVIF, 6, true, 28, 92, FAST)                                                      \
    X(WEBP_QUICK, WEBP, 3, true, 30, 98, QUICK)                                                    \
    X(WEBP_FAST, WEBP, 6, true, 30, 98, QUICK)                                                     \
    X(WEBP_GOOD, WEBP, 8, true, 30, 98, FAST)                                                      \
    X(WEBP_FULL, WEBP, 9, true, 30, 98, FAST)                                                      \
    X(JXL_QUICK, JXL, 3, false, 40, 97, QUICK)                                                     \
    X(JXL_FAST, JXL, 5, false, 40, 97, QUICK)                                                      \
    X(JXL_FULL, JXL, 7, false, 40, 97, BETTER)                                                     \
    X(JP2_FULL, JP2, 6, false, 15, 85, QUICK)                                                      \
    X(JXR_FULL, JXR, 6, true, 35, 96, QUICK)                                                       \
    X(JPEG_FULL, JPEG, 6, false, 25, 97, QUICK)

typedef enum si_encoder_setting {
#define X(name, format, effort, full, first, last, tier) SI_SETTING_##name,
    SI_SETTINGS(X)
#undef X
        SI_SETTING_COUNT
} si_encoder_setting;

typedef struct si_encoder_setting_info {
    const char *name;
    si_format format;
    int effort;
    bool chroma_full;
    float first, last;
    si_tier tier;
} si_encoder_setting_info;

/* Static; never NULL for a valid setting. */
const si_encoder_setting_info *si_encoder_setting_get(si_encoder_setting k);

/* The quickest setting of the same format. */
si_encoder_setting si_encoder_setting_quickest(si_encoder_setting k);

/* Quality as an even scale, on which score and quality go together smoothly; the predictor counts
 * in its units. libwebp's own has a kink at 75, above which a step does three times as much. */
double si_encoder_setting_level(si_encoder_setting k, double quality);
double si_encoder_setting_quality(si_encoder_setting k, double level);

/* What a setting means for this image; only the quality is left to set. */
si_encode_params si_encoder_setting_params(si_encoder_setting k, const si_image *image);

#endif
