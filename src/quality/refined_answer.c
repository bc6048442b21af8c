/* The refinement: the smallest good file over all parameters that matter for the picture.
 *
 * It begins where the first answer ended. One parameter after the other is turned with a fast
 * encoder, at about the same score, and kept where that makes the file smaller. Files of slightly
 * different scores are compared by what they would weigh at the threshold, as the slope of the
 * curve tells; so each step costs one encoding. At the end the slowest encoder that the budget
 * allows is brought to the threshold: AVIF's and JPEG XL's, which cost by far the most, by
 * landing.h.
 */
#include <math.h>
#include <string.h>

#include "quality/jpeg_fit.h"
#include "quality/landing.h"
#include "quality/predict.h"
#include "quality/search.h"

typedef enum parameter {
    CHROMA,
    DEPTH,
    TUNE,
    SNS,
    FILTER,
    SHARPNESS,
    PASSES,
    DELTAQ,
    FIT_LAMBDA,
    FIT_TILT,
    FIT_CHROMA,
    FIT_MASK
} parameter;

/* What to try, in this order: on all pictures or only on drawings, at both tiers or only at the
 * best. Fitted on the development corpus: steps that won less than 0.3 % anywhere are not listed
 * (docs/quality.md). */
static const struct step {
    si_format format;
    parameter parameter;
    int value;
    bool drawings;
    si_tier least;
} steps[] = {
    {SI_FORMAT_AVIF, CHROMA, 0, true, SI_TIER_BEST},
    {SI_FORMAT_AVIF, TUNE, 1, true, SI_TIER_BETTER},
    {SI_FORMAT_AVIF, DELTAQ, 0, true, SI_TIER_BEST},
    {SI_FORMAT_AVIF, DEPTH, 8, true, SI_TIER_BEST},
    {SI_FORMAT_WEBP, CHROMA, 0, false, SI_TIER_BETTER},
    {SI_FORMAT_WEBP, FILTER, 0, false, SI_TIER_BETTER},
    {SI_FORMAT_WEBP, SNS, 80, false, SI_TIER_BETTER},
    {SI_FORMAT_WEBP, SNS, 25, false, SI_TIER_BETTER},
    {SI_FORMAT_WEBP, SHARPNESS, 4, false, SI_TIER_BETTER},
    {SI_FORMAT_WEBP, TUNE, 1, true, SI_TIER_BETTER},
    {SI_FORMAT_WEBP, PASSES, 4, false, SI_TIER_BETTER},
    {SI_FORMAT_JXL, TUNE, 1, true, SI_TIER_BETTER},
    {SI_FORMAT_JXL, TUNE, 2, false, SI_TIER_BETTER},
    {SI_FORMAT_JXL, TUNE, 3, false, SI_TIER_BETTER},
    {SI_FORMAT_JPEG, CHROMA, 0, false, SI_TIER_BETTER},
    {SI_FORMAT_JPEG, CHROMA, 1, false, SI_TIER_BETTER},
    {SI_FORMAT_JPEG, FIT_MASK, 3, false, SI_TIER_BETTER},
    {SI_FORMAT_JPEG, FIT_MASK, 7, false, SI_TIER_BETTER},
    {SI_FORMAT_JPEG, FIT_CHROMA, 3, false, SI_TIER_BETTER},
    {SI_FORMAT_JPEG, FIT_CHROMA, 7, false, SI_TIER_BETTER},
    {SI_FORMAT_JPEG, FIT_TILT, 3, false, SI_TIER_BETTER},
    {SI_FORMAT_JPEG, FIT_TILT, 7, false, SI_TIER_BETTER},
    {SI_FORMAT_JPEG, FIT_LAMBDA, 35, false, SI_TIER_BETTER},
    {SI_FORMAT_JPEG, FIT_LAMBDA, 70, false, SI_TIER_BETTER},
    {SI_FORMAT_JPEG, FIT_LAMBDA, 85, false, SI_TIER_BETTER},
};

/* For each format: the setting that steps are tried with, whose curve the predictor knows. */
static const si_encoder_setting step_settings[SI_FORMAT_COUNT] = {
    [SI_FORMAT_AVIF] = SI_SETTING_AVIF_FAST,
    [SI_FORMAT_WEBP] = SI_SETTING_WEBP_FULL,
    [SI_FORMAT_JXL] = SI_SETTING_JXL_FULL,
    [SI_FORMAT_JP2] = SI_SETTING_JP2_FULL,
    [SI_FORMAT_JXR] = SI_SETTING_JXR_FULL,
    [SI_FORMAT_JPEG] = SI_SETTING_JPEG_FULL,
};

/* Log of bytes per point of score, until two points of a curve tell it. */
static const double usual_slope = 0.035;

/* A good file this close above the threshold is close enough: a tenth of a point is 0.3 % of bytes.
 */
static const double near_enough = 0.1;

/* A format is not tried whose forecast (predict.h), by as much as those err, is larger than what
 * there is: where another format has shown how they err for this picture, and where none has; and
 * the least share of the requested JPEG that a fitted one comes to; and where it was tried already.
 */
static const double known_least = 0.8, lossy_least = 0.55, fitted_least = 0.6, tried_least = 0.93;

/* The last try aims this many points higher: a poor one is worth nothing. */
static const double last_aim = 0.35;

/* A step must win this much, in logs of bytes. */
static const double least_gain = 0.002;

/* What formats further down the ladder are left of it at least. */
static const double reserve = 0.125;

/* A format that begins so much larger (log of bytes) than another has ended will not catch up. */
static const double hopeless = 0.12;

/* The way through the parameters of one format. */
typedef struct descent {
    si_search *s;
    si_encoder_setting setting; /* whose curve the way goes by */
    si_encode_params p;         /* the best so far */
    double weight;              /* log of the bytes they would take at the threshold */
    double slope;               /* log of bytes per point of score */
    double per_point;           /* levels per point of score; 0 = not known */
} descent;

static void set_parameter(si_encode_params *p, const struct step *t) {
    if (t->format == SI_FORMAT_WEBP && t->parameter >= SNS) {
        p->webp.set = true;
    } else if (t->format == SI_FORMAT_AVIF && t->parameter >= SNS) {
        p->avif.set = true;
    }
    si_jpeg_fit fit = si_jpeg_fit_unpack(p->tune);
    switch (t->parameter) {
    case CHROMA:
        p->chroma_full = t->value != 0;
        break;
    case DEPTH:
        p->bit_depth = t->value;
        break;
    case TUNE:
        p->tune = t->value;
        break;
    case SNS:
        p->webp.sns_strength = t->value;
        break;
    case FILTER:
        p->webp.filter_strength = t->value;
        break;
    case SHARPNESS:
        if (t->format == SI_FORMAT_AVIF) {
            p->avif.sharpness = t->value;
        } else {
            p->webp.filter_sharpness = t->value;
        }
        break;
    case PASSES:
        p->webp.passes = t->value;
        break;
    case DELTAQ:
        p->avif.deltaq_mode = t->value;
        break;
    case FIT_LAMBDA:
        fit.lambda = t->value;
        break;
    case FIT_TILT:
        fit.tilt = t->value;
        break;
    case FIT_CHROMA:
        fit.chroma = t->value;
        break;
    case FIT_MASK:
        fit.mask = t->value;
        break;
    }
    if (t->parameter >= FIT_LAMBDA) {
        p->tune = si_jpeg_fit_pack(fit);
    }
}

static double weigh(const descent *w, const si_candidate *c) {
    return log((double)c->bytes) - w->slope * (c->score - w->s->threshold);
}

/* Tries a candidate, unless it was tried before. */
static si_candidate *judge(si_search *s, si_format format, const si_encode_params *p) {
    for (int i = 1; i < s->choice->candidate_count; i++) {
        si_candidate *c = &s->choice->candidates[i];
        if (c->format == format && memcmp(&c->params, p, sizeof *p) == 0) {
            return isnan(c->score) ? NULL : c;
        }
    }
    return si_search_judge(s, format, p);
}

/* Brings w->p.quality towards the threshold in at most `tries` encodings, or until a good one is
 * within `tolerance` points of it. False if the codec failed or nothing could be tried. Leaves the
 * lowest good quality in w->p, or the best there is. */
static bool settle(descent *w, int tries, double tolerance) {
    si_search *s = w->s;
    si_format format = si_encoder_setting_get(w->setting)->format;
    si_bracket known = {.per_point = w->per_point};
    const si_candidate *last = NULL;
    double nearest = INFINITY;
    for (si_encode_params p = w->p; tries > 0; tries--) {
        if (!si_search_affords(s, format, p.effort, 1)) {
            break;
        }
        si_candidate *c = judge(s, format, &p);
        if (c == NULL) {
            return false;
        }
        bool good = si_search_is_good(s, c);
        si_bracket_add(&known, w->setting, p.quality, c->score, good);
        if (last != NULL && fabs(c->score - last->score) > 0.2) {
            double slope = log((double)c->bytes / (double)last->bytes) / (c->score - last->score);
            w->slope = fmin(fmax(slope, usual_slope / 3), usual_slope * 3);
        }
        last = c;
        w->per_point = known.per_point;
        bool once_more = si_search_affords(s, format, p.effort, 2);
        double aim = s->threshold + (once_more ? tolerance / 2 : last_aim);
        double off = fabs(c->score - s->threshold);
        if (off < nearest) {
            nearest = off;
            w->p.quality = p.quality;
            w->weight = weigh(w, c);
        }
        if ((good && off <= tolerance) ||
            (!good && p.quality >= si_codec_get(format)->quality_max) ||
            !si_bracket_next(&known, w->setting, aim, &p.quality)) {
            break;
        }
    }
    if (known.has_high) {
        w->p.quality = known.high;
    }
    return last != NULL;
}

/* Turns one parameter and keeps it so if that makes the file smaller at equal score. */
static void try_step(descent *w, const struct step *t) {
    si_search *s = w->s;
    si_encode_params p = w->p;
    set_parameter(&p, t);
    if (memcmp(&p, &w->p, sizeof p) == 0 || !si_search_affords(s, t->format, p.effort, 1)) {
        return;
    }
    /* screen-content tools more than double the time of all that follows */
    double gain = t->format == SI_FORMAT_AVIF && t->parameter == TUNE ? 0.015 : least_gain;
    for (int tries = 2; tries > 0; tries--) {
        si_candidate *c = judge(s, t->format, &p);
        if (c == NULL) {
            return;
        }
        double weight = weigh(w, c), off = s->threshold - c->score;
        si_bracket known = {0};
        si_bracket_add(&known, w->setting, p.quality, c->score, si_search_is_good(s, c));
        bool better = weight < w->weight - gain;
        float quality = p.quality;
        bool more = si_bracket_next(&known, w->setting, s->threshold + near_enough, &quality);
        if (fabs(off) < 1 || !more || weight > w->weight + 0.1) {
            if (better) {
                w->p = p;
                w->p.quality = more ? quality : p.quality;
                w->weight = weight;
            }
            return;
        }
        p.quality = quality;
    }
}

/* Ends with the best parameters: by a slow encoder where the format has one and the budget allows
 * it, else as near to the threshold as the grid permits. */
static void end(descent *w) {
    si_search *s = w->s;
    const si_encoder_setting_info *info = si_encoder_setting_get(w->setting);
    si_landing l = {.s = s, .setting = w->setting, .like = w->p};
    int effort = si_landing_effort(s, &w->p, info->format);
    bool better = s->options.tier == SI_TIER_BETTER;
    if (effort > 0 && (!si_landing_learn(&l) || l.effort < info->effort) && settle(w, 2, 1)) {
        (void)si_landing_learn(&l);
    }
    if (effort > 0 && l.effort > 0) {
        si_landing_land(&l, effort);
    } else {
        (void)settle(w, 6, near_enough);
    }
    s->left_out |= better && si_landing_has_slower(info->format, effort);
    s->budget_ms = fmax(s->budget_ms, s->options.budget_ms * reserve);
}

/* The slowest setting of the format, from the plan's downwards, that leaves time for three tries.
 */
static si_encoder_setting affordable(const si_search *s, si_encoder_setting wanted) {
    if (wanted == SI_SETTING_WEBP_FULL && s->alpha_bytes > 0) {
        wanted = SI_SETTING_WEBP_GOOD; /* 1 % larger, but forty times as fast: method 6 tries
                                          everything on alpha, which the table does not count */
    }
    const si_encoder_setting_info *info = si_encoder_setting_get(wanted);
    si_encoder_setting k = wanted;
    while (!si_search_affords(s, info->format, si_encoder_setting_get(k)->effort, 3) && k > 0 &&
           si_encoder_setting_get(k - 1)->format == info->format) {
        k--;
    }
    return k;
}

/* Where to begin: at what was tried nearest to the threshold with the same parameters, or where
 * other efforts say, or else where the predictor does. */
static float begin(const descent *w) {
    const si_search *s = w->s;
    si_format format = si_encoder_setting_get(w->setting)->format;
    si_encode_params p = w->p;
    double nearest = INFINITY;
    float quality =
        si_search_on_grid(format, si_encoder_setting_quality(w->setting,
                                      si_predict_level(w->setting, &s->features, s->threshold)));
    si_landing l = {.s = w->s, .setting = w->setting, .like = w->p};
    if (si_landing_fits(format) && si_landing_learn(&l)) {
        quality = si_landing_quality(&l, w->p.effort);
    }
    for (int i = 1; i < s->choice->candidate_count; i++) {
        const si_candidate *c = &s->choice->candidates[i];
        p.quality = c->params.quality;
        if (c->format == format && memcmp(&c->params, &p, sizeof p) == 0 &&
            fabs(c->score - s->threshold) < nearest) {
            nearest = fabs(c->score - s->threshold);
            quality = p.quality;
        }
    }
    return quality;
}

/* What the best of a format's candidates would weigh at the threshold; INFINITY if there is none.
 */
static double weight_so_far(const si_search *s, si_format format) {
    double least = INFINITY;
    for (int i = 1; i < s->choice->candidate_count; i++) {
        const si_candidate *c = &s->choice->candidates[i];
        if (c->format == format && !c->params.lossless && c->bytes > 0 && !isnan(c->score)) {
            double off = fmax(c->score - s->threshold, 0);
            least = fmin(least, (double)c->bytes * exp(-off * usual_slope));
        }
    }
    return least;
}

/* True if the smallest file that a format may come to is larger than what there is. */
static bool cannot_win(const si_search *s, si_encoder_setting k) {
    const si_encoder_setting_info *info = si_encoder_setting_get(k);
    if (s->best < 0 || s->choice->candidates[s->best].format == info->format) {
        return false;
    }
    double least = fitted_least * s->jpeg_bytes, so_far = weight_so_far(s, info->format);
    if (so_far < INFINITY) {
        least = so_far * tried_least - s->alpha_bytes;
    } else if (info->format != SI_FORMAT_JPEG) {
        bool known = s->misjudged > 0;
        double foreseen = si_predict_share(k, &s->features, s->threshold) * s->jpeg_bytes *
                          (known ? s->misjudged : 1);
        least = foreseen * (known ? known_least : lossy_least);
    }
    least *= exp(-si_landing_gain(info->format, info->effort, 9));
    return least + s->alpha_bytes > (double)s->choice->candidates[s->best].bytes;
}

/* Turns what is worth it on this picture, beginning at about the threshold. False if the format
 * will not win, or failed. */
static bool take_steps(descent *w) {
    si_search *s = w->s;
    const si_encoder_setting_info *info = si_encoder_setting_get(w->setting);
    bool drawing = si_features_drawing(&s->features), begun = false;
    bool lands = si_landing_fits(info->format);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const struct step *t = &steps[i];
        if (t->format != info->format || (!drawing && t->drawings) ||
            (s->image->grey && t->parameter == CHROMA)) {
            continue;
        }
        if (s->options.tier < t->least) {
            s->left_out = true;
            continue;
        }
        if (!begun && !settle(w, lands ? 1 : 3, lands ? 1 : 0.4)) {
            return false;
        }
        begun = true;
        if (s->best >= 0 && w->weight > log((double)s->choice->candidates[s->best].bytes) +
                                            hopeless +
                                            si_landing_gain(info->format, info->effort, 9)) {
            return false;
        }
        try_step(w, t);
    }
    return true;
}

void si_search_refined(si_search *s, si_format format) {
    const si_codec_info *codec = si_codec_get(format);
    si_encoder_setting k = affordable(s, step_settings[format]);
    if (!codec->available || format == SI_FORMAT_PNG || cannot_win(s, k) ||
        (codec->blurs_alpha && s->alpha_bytes > 0)) { /* lossless or nothing */
        return;
    }
    descent w = {.s = s, .setting = k, .slope = usual_slope};
    w.p = si_encoder_setting_params(k, s->image);
    w.p.dpi = s->requested_params.dpi;
    if (format == s->requested) {
        w.p.chroma_full = s->requested_params.chroma_full;
    }
    w.p.quality = begin(&w);
    if (take_steps(&w)) {
        end(&w);
    }
}
