/* The first answer: predict, encode once, score once; correct what missed. */
#include <math.h>

#include "quality/predict.h"
#include "quality/trial_tiles.h"
#include "quality/search.h"
#include "quality/trials.h"

enum { TRIES = 4, TINY_TRIES = 8, PROBES = 2, TRIALS = 2 };

/* A trial of the whole picture costs at most so much of what it is for, and the next one is spared
 * if it came so near (points). */
static const double trial_share = 0.45, trial_near = 1.5;

/* The part of the picture that trials are made on, and how near they have to come (points). */
static const double probe_share = 0.2, probe_near = 1.5;

/* How much more the trials count than the features: errors of both are about independent. */
static const double trust = 0.75;

/* Aim so far above the threshold, in spreads of the prediction, that most first tries are good;
 * a higher aim costs bytes on all pictures, a lower one another encoding on some. Fitted by
 * bench/quality. */
static const double margin = 0.5;

/* The same after a trial of the whole picture: 0.5 makes WebP 0.3 % smaller, with more second
 * encodings, 1.0 makes it 0.5 % larger. */
static const double trial_margin = 0.8;

/* A good first try this many points above the threshold is worth another: 2.5 spares a quarter of
 * the encodings and costs 0.4 % of AVIF's bytes and 0.8 % of WebP's. */
static const double generous = 1.1;

/* The same if it is not even smaller than the requested encoding. */
static const double stingy = 0.6;

/* Corrections aim this far above the threshold: they know the picture's own curve. */
static const double correction_margin = 0.25;

static bool is_tiny(const si_search *s) {
    return (int64_t)s->image->width * s->image->height < TINY_PIXELS;
}

/* The predictor knows what the threshold takes; from there to the aim it is a slope. */
static float first_guess(const si_search *s, si_encoder_setting k, double aim) {
    double level = si_predict_level(k, &s->features, s->threshold) +
                   (aim - s->threshold) * si_predict_slope(k, s->threshold);
    return si_search_on_grid(
        si_encoder_setting_get(k)->format, si_encoder_setting_quality(k, level));
}

/* Corrects the predicted quality by trials on a fifth of the picture. */
static float steer(
    si_search *s, si_encoder_setting k, si_encode_params p, double aim, bool *steered) {
    const si_encoder_setting_info *info = si_encoder_setting_get(k);
    si_encode_params jpeg = si_codec_defaults(SI_FORMAT_JPEG, s->image);
    jpeg.quality = s->jpeg_quality;
    jpeg.chroma_full = s->jpeg_full;
    si_trial_tiles probe = {0};
    *steered = false;
    if (si_trial_tiles_start(&probe, s->image, probe_share, &jpeg)) {
        si_bracket known = {0};
        for (int tries = 0; tries < PROBES; tries++) {
            double margin_there = si_trial_tiles_margin(&probe, info->format, &p);
            if (isnan(margin_there)) {
                break;
            }
            double score = s->choice->target + margin_there + si_predict_probe_bias(k);
            s->budget_ms -= probe_share * si_predict_cost(info->format, info->effort, &s->features);
            *steered = true;
            si_bracket_add(&known, k, p.quality, score, score >= aim);
            if (!si_bracket_next(&known, k, aim, &p.quality) || fabs(score - aim) < probe_near) {
                break;
            }
        }
    }
    si_trial_tiles_end(&probe);
    return p.quality;
}

/* Where to begin with a setting, by trials of the whole picture with the format's quickest one.
 * They know the picture's own curve: `slope` becomes its levels per point, if two were made. False
 * if trials would cost too much. */
static bool begin_by_trials(si_search *s, si_encoder_setting k, float *quality, double *slope) {
    const si_encoder_setting_info *info = si_encoder_setting_get(k);
    si_encoder_setting quickest = si_encoder_setting_quickest(k);
    int effort = si_encoder_setting_get(quickest)->effort;
    double bias, spread, cost = si_predict_cost(info->format, info->effort, &s->features);
    double trial_cost = si_predict_cost(info->format, effort, &s->features);
    if (!si_predict_trial(k, &s->features, s->threshold, &bias, &spread) ||
        spread > si_predict_probe_spread(k) || trial_cost > trial_share * cost ||
        !si_search_affords(s, info->format, info->effort, 1 + trial_cost / cost)) {
        return false;
    }
    double aim = s->threshold + trial_margin * spread - bias;
    si_encode_params p = si_encoder_setting_params(quickest, s->image);
    si_bracket known = {0};
    p.quality = first_guess(s, quickest, aim);
    for (int tries = 0; tries < TRIALS; tries++) {
        si_candidate *c = si_search_judge(s, info->format, &p);
        if (c == NULL) {
            break;
        }
        c->trial = true;
        si_bracket_add(&known, quickest, p.quality, c->score, c->score >= aim);
        bool near = fabs(c->score - aim) < trial_near;
        if (!si_bracket_next(&known, quickest, aim, &p.quality)) {
            p.quality = known.has_high ? known.high : p.quality;
            break;
        }
        if (near || !si_search_affords(s, info->format, info->effort, 1 + trial_cost / cost)) {
            break;
        }
    }
    *quality = p.quality;
    *slope = known.per_point;
    return known.count > 0;
}

/* Where to begin with a setting otherwise. */
static float begin(si_search *s, si_encoder_setting k, const si_encode_params *p) {
    bool steered;
    si_encode_params trial = *p;
    trial.quality = first_guess(s, k, s->threshold + margin * si_predict_probe_spread(k));
    trial.quality =
        steer(s, k, trial, s->threshold + margin * si_predict_probe_spread(k), &steered);
    float guess = first_guess(s, k, s->threshold + margin * si_predict_probe_spread(k));
    double mixed = (double)guess + trust * (double)(trial.quality - guess);
    return steered || is_tiny(s) ? si_search_on_grid(si_encoder_setting_get(k)->format, mixed)
                                 : first_guess(s, k, s->threshold + margin * si_predict_spread(k));
}

/* Tries one setting until it is good enough. Unless a trial was good, one correction is always
 * made, as without it the first try would be wasted; more of them within the overdraft. */
static void approach(si_search *s, si_encoder_setting k) {
    const si_encoder_setting_info *info = si_encoder_setting_get(k);
    si_encode_params p = si_encoder_setting_params(k, s->image);
    si_bracket known = {0};
    p.dpi = s->requested_params.dpi;
    if (info->format == s->requested) { /* the same codec's own scale tells all */
        p.quality = si_search_fitted_quality(s->requested_params.quality);
        p.chroma_full = s->requested_params.chroma_full;
    } else if (is_tiny(s) || !begin_by_trials(s, k, &p.quality, &known.per_point)) {
        p.quality = begin(s, k, &p);
    }
    for (int tries = 1; tries <= (is_tiny(s) ? TINY_TRIES : TRIES); tries++) {
        si_candidate *c = si_search_judge(s, info->format, &p);
        if (c == NULL) {
            return;
        }
        bool good = si_search_is_good(s, c);
        si_bracket_add(&known, k, p.quality, c->score, good);
        bool near = c->score < s->threshold + (si_search_pays(s) ? generous : stingy);
        if ((good && near) || si_trial_is_lost(s, c) ||
            (!good && p.quality >= si_codec_get(info->format)->quality_max) ||
            !si_search_affords(s, info->format, info->effort, tries == 1 && s->best < 0 ? 0 : 1) ||
            !si_bracket_next(&known, k, s->threshold + correction_margin, &p.quality)) {
            return;
        }
    }
}

/* The smallest good lossy file of a format so far; 0 if there is none. */
static size_t smallest(const si_search *s, si_format format) {
    size_t bytes = 0;
    for (int i = 1; i < s->choice->candidate_count; i++) {
        const si_candidate *c = &s->choice->candidates[i];
        if (c->format == format && !c->params.lossless && si_search_is_good(s, c) &&
            (bytes == 0 || c->bytes < bytes)) {
            bytes = c->bytes;
        }
    }
    return bytes;
}

static void try_lossy(si_search *s, const si_trial *t) {
    s->budget_ms += s->options.budget_ms * SI_TRIAL_OVERDRAFT;
    approach(s, t->setting);
    s->budget_ms -= s->options.budget_ms * SI_TRIAL_OVERDRAFT;
    double alpha = s->alpha_bytes;
    size_t bytes = smallest(s, t->format);
    if (bytes > 0 && t->format != SI_FORMAT_JPEG && s->misjudged == 0 && t->foreseen > alpha) {
        double colour = fmax((double)bytes - alpha, 0.1 * t->foreseen);
        s->misjudged = fmin(fmax(colour / (t->foreseen - alpha), 0.3), 3);
    }
}

void si_search_first(si_search *s, const si_format *formats, int count) {
    unsigned done[2] = {0};
    si_trial t;
    for (int n = 0; n < SI_TRIALS_MAX && si_trial_next(s, formats, count, done, &t); n++) {
        done[t.lossless] |= SI_FORMAT_BIT(t.format);
        if (t.lossless) {
            si_search_lossless(s, t.format, t.effort);
        } else {
            try_lossy(s, &t);
        }
    }
}
