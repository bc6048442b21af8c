#include "quality/encoder_settings.h"

#include "quality/jpeg_fit.h"

static const si_encoder_setting_info settings[SI_SETTING_COUNT] = {
#define X(name, format, effort, full, first, last, tier)                                           \
    {#name, SI_FORMAT_##format, effort, full, first, last, SI_TIER_##tier},
    SI_SETTINGS(X)
#undef X
};

const si_encoder_setting_info *si_encoder_setting_get(si_encoder_setting k) {
    return &settings[k];
}

si_encoder_setting si_encoder_setting_quickest(si_encoder_setting k) {
    while (k > 0 && settings[k - 1].format == settings[k].format) {
        k--;
    }
    return k;
}

double si_encoder_setting_level(si_encoder_setting k, double quality) {
    bool even = settings[k].format != SI_FORMAT_WEBP;
    return even ? quality : quality < 75 ? quality * 2 / 3 : 2 * quality - 100;
}

double si_encoder_setting_quality(si_encoder_setting k, double level) {
    bool even = settings[k].format != SI_FORMAT_WEBP;
    return even ? level : level < 50 ? level * 3 / 2 : (level + 100) / 2;
}

si_encode_params si_encoder_setting_params(si_encoder_setting k, const si_image *image) {
    const si_encoder_setting_info *s = &settings[k];
    si_encode_params p = si_codec_defaults(s->format, image);
    p.effort = s->effort;
    p.chroma_full = s->chroma_full && !image->grey;
    p.bit_depth = 10;
    p.optimize = true;
    p.progressive = s->format == SI_FORMAT_JPEG;
    if (s->format == SI_FORMAT_JPEG) {
        p.tune = si_jpeg_fit_pack(si_jpeg_fit_usual());
    }
    p.webp = (si_webp_params){false, -1, -1, -1, -1, -1, -1, -1};
    p.avif = (si_avif_params){false, -1, -1, -1, 0};
    return p;
}
