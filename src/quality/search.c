#include "quality/search.h"

#include <math.h>

#include "base/clock.h"

/* Where to begin: a quality that lands near a score of 75 on photographs, how many points of score
 * a step of quality is worth around there, and the encoder effort of the search. Only speed depends
 * on the first two: the search corrects them by what it measures. */
static const struct prior {
    float quality; /* at a score of 75 */
    float slope;   /* points of score per unit of quality */
    int effort;
} priors[SI_FORMAT_COUNT] = {
    [SI_FORMAT_WEBP] = {80, 0.7f, 7},
    [SI_FORMAT_AVIF] = {62, 0.9f, 5},
    [SI_FORMAT_JXL] = {82, 0.9f, 6},
    [SI_FORMAT_JP2] = {55, 1.0f, 6},
    [SI_FORMAT_JXR] = {75, 0.8f, 6},
};

enum { MAX_TRIES = 9 };

/* A good candidate this close above the threshold is close enough. */
static const double tolerance = 0.15;

static bool out_of_time(si_search *s) {
    if (s->deadline_ns != 0 && si_now_ns() >= s->deadline_ns) {
        s->choice->full = false;
        return true;
    }
    return false;
}

static float on_grid(const si_codec_info *codec, float quality) {
    float step = codec->quality_step > 0 ? codec->quality_step : 1;
    float q = codec->quality_min + roundf((quality - codec->quality_min) / step) * step;
    return fminf(fmaxf(q, codec->quality_min), codec->quality_max);
}

/* Two points of the quality → score curve that enclose the threshold, as far as known. */
typedef struct bracket {
    float low, high;             /* highest quality known to be poor, lowest known to be good */
    double low_score, high_score;
    bool has_low, has_high;
} bracket;

/* The next quality to try. Inside a bracket: where the line between its ends meets the threshold,
 * but never on an end; outside: along the prior slope. */
static float next_quality(const bracket *b, const struct prior *prior, double aim, float step) {
    if (b->has_low && b->has_high) {
        double slope = (b->high_score - b->low_score) / (double)(b->high - b->low);
        float q = slope > 1e-6 ? b->low + (float)((aim - b->low_score) / slope)
                               : (b->low + b->high) / 2;
        /* keep clear of the ends, so that a curve that bends still halves the bracket soon */
        float margin = fmaxf(step, (b->high - b->low) * 0.1f);
        return fminf(fmaxf(q, b->low + margin), b->high - margin);
    }
    if (b->has_high) {
        return b->high - fmaxf(step, (float)((b->high_score - aim) / prior->slope));
    }
    return b->low + fmaxf(step, (float)((aim - b->low_score) / prior->slope) * 1.15f);
}

void si_search_format(si_search *s, si_format format) {
    const si_codec_info *codec = si_codec_get(format);
    const struct prior *prior = &priors[format];
    double threshold = s->choice->target - SI_SCORE_SLACK;
    if (!codec->available) {
        return;
    }
    si_encode_params p = si_codec_defaults(format, s->image);
    p.effort = prior->effort;
    p.chroma_full = true;
    p.bit_depth = 10;
    float step = codec->quality_step > 0 ? codec->quality_step : 1;
    bracket b = {0};
    p.quality =
        on_grid(codec, prior->quality + (float)((s->choice->target - 75) / prior->slope));
    for (int tries = 0; tries < MAX_TRIES && !out_of_time(s); tries++) {
        si_candidate *c = si_search_judge(s, format, &p);
        if (c == NULL || c->bytes == 0 || isnan(c->score)) {
            return;
        }
        bool good = si_search_is_good(s, c);
        if (good) {
            b.high = p.quality;
            b.high_score = c->score;
            b.has_high = true;
            if (c->score < threshold + tolerance) {
                return;
            }
        } else {
            b.low = p.quality;
            b.low_score = c->score;
            b.has_low = true;
            /* poor, and already no smaller than something good: this format cannot win */
            if (s->best >= 0 && c->bytes >= s->choice->candidates[s->best].bytes) {
                return;
            }
        }
        if ((b.has_low && b.has_high && b.high - b.low < 1.5f * step) ||
            (good && p.quality <= codec->quality_min)) {
            return;
        }
        if (!good && p.quality >= codec->quality_max) {
            si_search_lossless(s, format);
            return;
        }
        float next = on_grid(codec, next_quality(&b, prior, threshold + tolerance / 2, step));
        if (next == p.quality) {
            return;
        }
        p.quality = next;
    }
}

void si_search_lossless(si_search *s, si_format format) {
    const si_codec_info *codec = si_codec_get(format);
    if (!codec->available || out_of_time(s)) {
        return;
    }
    si_encode_params p = si_codec_defaults(format, s->image);
    p.lossless = true;
    p.chroma_full = true;
    p.bit_depth = 8;
    p.effort = priors[format].effort;
    (void)si_search_judge(s, format, &p);
}
