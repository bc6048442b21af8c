/* The refinement: the smallest good file over all parameters that matter for the picture.
 *
 * One parameter after the other is turned, at about the same score, and kept where that makes the
 * file smaller. Files of slightly different scores are compared by what they would weigh at the
 * threshold, as the slope of the curve tells; so each step costs one encoding. At the end the
 * slowest setting that the budget allows is brought as close to the threshold as its grid permits.
 */
#include <math.h>
#include <string.h>

#include "quality/jpeg_fit.h"
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

/* What to try, in this order; those for drawings on drawings only. Fitted on the development
 * corpus: steps that won less than 0.3 % anywhere are not listed (docs/quality.md). */
static const struct step {
    si_format format;
    parameter parameter;
    int value;
    bool drawings;
} steps[] = {
    {SI_FORMAT_AVIF, CHROMA, 0, false},
    {SI_FORMAT_AVIF, TUNE, 1, true},
    {SI_FORMAT_AVIF, SHARPNESS, 5, false},
    {SI_FORMAT_AVIF, DELTAQ, 0, false},
    {SI_FORMAT_AVIF, DEPTH, 8, true},
    {SI_FORMAT_WEBP, CHROMA, 0, false},
    {SI_FORMAT_WEBP, FILTER, 0, false},
    {SI_FORMAT_WEBP, SNS, 80, false},
    {SI_FORMAT_WEBP, SNS, 25, false},
    {SI_FORMAT_WEBP, SHARPNESS, 4, false},
    {SI_FORMAT_WEBP, TUNE, 1, true},
    {SI_FORMAT_WEBP, PASSES, 4, false},
    {SI_FORMAT_JXL, TUNE, 1, true},
    {SI_FORMAT_JXL, TUNE, 2, false},
    {SI_FORMAT_JXL, TUNE, 3, false},
    {SI_FORMAT_JPEG, CHROMA, 0, false},
    {SI_FORMAT_JPEG, CHROMA, 1, false},
    {SI_FORMAT_JPEG, FIT_MASK, 3, false},
    {SI_FORMAT_JPEG, FIT_MASK, 7, false},
    {SI_FORMAT_JPEG, FIT_CHROMA, 3, false},
    {SI_FORMAT_JPEG, FIT_CHROMA, 7, false},
    {SI_FORMAT_JPEG, FIT_TILT, 3, false},
    {SI_FORMAT_JPEG, FIT_TILT, 7, false},
    {SI_FORMAT_JPEG, FIT_LAMBDA, 35, false},
    {SI_FORMAT_JPEG, FIT_LAMBDA, 70, false},
    {SI_FORMAT_JPEG, FIT_LAMBDA, 85, false},
};

/* For each format: the setting whose curve the predictor knows and that steps are tried with, and
 * the efforts to end with, the slowest that the budget allows. */
static const struct plan {
    si_encoder_setting search;
    int efforts[3];
    double gains[3]; /* points of score by which those are better at the same quality */
} plans[SI_FORMAT_COUNT] = {
    [SI_FORMAT_AVIF] = {SI_SETTING_AVIF_FULL, {9, 8, 7}, {0.9, 0.6, 0.5}},
    [SI_FORMAT_WEBP] = {SI_SETTING_WEBP_FULL, {9, 9, 9}, {0, 0, 0}},
    [SI_FORMAT_JXL] = {SI_SETTING_JXL_FULL, {9, 8, 7}, {0.8, 0.8, 0}},
    [SI_FORMAT_JP2] = {SI_SETTING_JP2_FULL, {6, 6, 6}, {0, 0, 0}},
    [SI_FORMAT_JXR] = {SI_SETTING_JXR_FULL, {6, 6, 6}, {0, 0, 0}},
    [SI_FORMAT_JPEG] = {SI_SETTING_JPEG_FULL, {9, 9, 9}, {0, 0, 0}},
};

/* Log of bytes per point of score, until two points of a curve tell it. */
static const double usual_slope = 0.035;

/* A good file this close above the threshold is close enough: a tenth of a point is 0.3 % of bytes.
 */
static const double near_enough = 0.1;

/* The last try aims this many points higher: a poor one is worth nothing. */
static const double last_aim = 0.35;

/* A step must win this much, in logs of bytes. */
static const double least_gain = 0.002;

/* The end may overdraw the budget by this part of it, for a correction, without which a slow
 * encoding may have been in vain. */
static const double overdraft = 0.25;

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

/* Points of score that the slowest setting that leaves room for a correction gains at the same
 * quality; sets it. */
static double slow_down(descent *w, const struct plan *plan, double overdrawn) {
    si_search *s = w->s;
    si_format format = si_encoder_setting_get(w->setting)->format;
    double times = format == SI_FORMAT_AVIF && w->p.tune == 1 ? 2 : 1; /* of plain encodings */
    for (size_t i = 0; i < sizeof plan->efforts / sizeof *plan->efforts; i++) {
        int effort = plan->efforts[i];
        if (effort > w->p.effort && si_search_affords(s, format, effort, 1.1 * times) &&
            2.1 * times * si_predict_cost(format, effort, &s->features) <=
                s->budget_ms + overdrawn) {
            w->p.effort = effort;
            return plan->gains[i];
        }
    }
    return 0;
}

static void end_with_slowest(descent *w, const struct plan *plan) {
    si_search *s = w->s;
    double overdrawn = s->options.budget_ms * overdraft;
    double gain = slow_down(w, plan, overdrawn);
    if (gain > 0) {
        si_format format = si_encoder_setting_get(w->setting)->format;
        double level = si_encoder_setting_level(w->setting, (double)w->p.quality) -
                       gain * si_predict_slope(w->setting, s->threshold);
        w->p.quality = si_search_on_grid(format, si_encoder_setting_quality(w->setting, level));
    }
    s->budget_ms += overdrawn;
    (void)settle(w, 6, near_enough);
    s->budget_ms = fmax(s->budget_ms - overdrawn, s->options.budget_ms * reserve);
}

/* The slowest setting of the format, from the plan's downwards, that leaves time for three tries.
 */
static si_encoder_setting affordable(const si_search *s, si_encoder_setting wanted) {
    const si_encoder_setting_info *info = si_encoder_setting_get(wanted);
    si_encoder_setting k = wanted;
    while (!si_search_affords(s, info->format, si_encoder_setting_get(k)->effort, 3) && k > 0 &&
           si_encoder_setting_get(k - 1)->format == info->format) {
        k--;
    }
    return k;
}

/* Where to begin: at what was tried nearest to the threshold with the same parameters, or else
 * where the predictor says. */
static float begin(const descent *w) {
    const si_search *s = w->s;
    si_format format = si_encoder_setting_get(w->setting)->format;
    si_encode_params p = w->p;
    double nearest = INFINITY;
    float quality =
        si_search_on_grid(format, si_encoder_setting_quality(w->setting,
                                      si_predict_level(w->setting, &s->features, s->threshold)));
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

void si_search_refined(si_search *s, si_format format) {
    const struct plan *plan = &plans[format];
    const si_codec_info *codec = si_codec_get(format);
    if (!codec->available || format == SI_FORMAT_PNG ||
        (codec->blurs_alpha && s->alpha_bytes > 0)) { /* lossless or nothing */
        return;
    }
    si_encoder_setting k = affordable(s, plan->search);
    descent w = {.s = s, .setting = k, .slope = usual_slope};
    w.p = si_encoder_setting_params(k, s->image);
    w.p.dpi = s->requested_params.dpi;
    if (format == s->requested) {
        w.p.chroma_full = s->requested_params.chroma_full;
    }
    w.p.quality = begin(&w);
    if (!settle(&w, 3, 0.4)) {
        return;
    }
    if (s->best >= 0 && w.weight > log((double)s->choice->candidates[s->best].bytes) + hopeless) {
        return;
    }
    bool drawing = si_features_drawing(&s->features);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (steps[i].format == format && (drawing || !steps[i].drawings) &&
            !(s->image->grey && steps[i].parameter == CHROMA)) {
            try_step(&w, &steps[i]);
        }
    }
    end_with_slowest(&w, plan);
}
