/* The first answer: predict, encode once, score once; correct what missed. */
#include <math.h>

#include "quality/predict.h"
#include "quality/trial_tiles.h"
#include "quality/search.h"
#include "quality/trials.h"

enum { TRIES = 4, TINY_TRIES = 8, PROBES = 2, TRIALS = 2 };

/* How a tier searches. Fitted by quality-lab's `answers` on 13 of the photos (every other one);
 * the others came out alike (docs/quality.md). */
typedef struct manner {
    /* A good trial of the whole picture is sent if it lies at most so far above the threshold
     * (points): an encoding with a better setting is spared, and a tenth of the file lost. */
    double answer;
    double
        trial_aim; /* a trial aims so far above the threshold; NAN: where the next one will lie */
    double trial_near; /* no second trial if the first came so near to its aim (points) */
    /* After a trial, aim so far above the threshold, in spreads of what it tells, that most next
     * tries are good; a higher aim costs bytes on all pictures, a lower one another encoding on
     * some. */
    double margin;
    double generous;   /* a good try this many points above the threshold is worth another … */
    double stingy;     /* … or this many, if it is not even smaller than the requested encoding */
    double correction; /* corrections aim so far above it: they know the picture's own curve */
} manner;

static const manner quick_manner = {.answer = 0.75,
    .trial_aim = 0.35,
    .trial_near = 4,
    .margin = 0.7,
    .generous = 2,
    .stingy = 1.5,
    .correction = 0.5};
static const manner fast_manner = {.answer = -1,
    .trial_aim = NAN,
    .trial_near = 1.2,
    .margin = 0.8,
    .generous = 1.1,
    .stingy = 0.6,
    .correction = 0.25};

static const manner *manner_of(const si_search *s) {
    return s->options.tier == SI_TIER_QUICK ? &quick_manner : &fast_manner;
}

/* Of the points that a line has lowered the target by, so many more may be left in what is sent:
 * forecasts scatter more down there, and answers are to cost no more than those of others. */
static const double lenient = 0.1;

/* A trial of the whole picture costs at most so much of what it is for. */
static const double trial_share = 0.6;

/* The part of the picture that trials are made on, and how near they have to come (points). */
static const double probe_share = 0.2, probe_near = 1.5;

/* How much more the trials count than the features: errors of both are about independent. */
static const double trust = 0.75;

/* Aim so far above the threshold, in spreads of the prediction, if no trial of the whole picture
 * told more. Fitted by bench/quality. */
static const double margin = 0.5;

static bool is_tiny(const si_search *s) {
    return (int64_t)s->image->width * s->image->height < TINY_PIXELS;
}

/* The tables foresee too little for AVIF where the target is that of a JPEG of about half the bytes
 * (by 2 points at qlt=54, by 3 where a poor line lowers that of 85; 37 photos). Made good only
 * where a line lowers the target: for other requests that would be other bytes. */
static double foreseen_short(const si_search *s, si_encoder_setting k) {
    const double far = 10, points = 2.5;
    bool short_of = si_encoder_setting_get(k)->format == SI_FORMAT_AVIF && s->choice->lowered > far;
    return short_of ? points : 0;
}

/* The predictor knows what the threshold takes; from there to the aim it is a slope. */
static float first_guess(const si_search *s, si_encoder_setting k, double aim) {
    aim += foreseen_short(s, k);
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
            double score = s->requested_score + margin_there + si_predict_probe_bias(k);
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

/* What trials of the whole picture told. */
typedef enum told {
    NOTHING, /* they would cost too much, or tell too little */
    QUALITY, /* where to begin */
    ANSWER   /* one of them is good enough to be sent */
} told;

/* True if a trial with the format's quickest setting pays for this one: what it costs, and tells.
 */
static bool trial_pays(const si_search *s, si_encoder_setting k, double spread, double *count) {
    const si_encoder_setting_info *info = si_encoder_setting_get(k);
    int effort = si_encoder_setting_get(si_encoder_setting_quickest(k))->effort;
    double cost = si_predict_cost(info->format, info->effort, &s->features);
    double trial_cost = si_predict_cost(info->format, effort, &s->features);
    *count = 1 + trial_cost / cost;
    return spread <= si_predict_probe_spread(k) && trial_cost <= trial_share * cost &&
           si_search_affords(s, info->format, info->effort, *count);
}

/* Where to begin with a setting, by trials of the whole picture with the format's quickest one.
 * They know the picture's own curve: `slope` becomes its levels per point, if two were made. */
static told begin_by_trials(si_search *s, si_encoder_setting k, float *quality, double *slope) {
    const manner *m = manner_of(s);
    const si_encoder_setting_info *info = si_encoder_setting_get(k);
    si_encoder_setting quickest = si_encoder_setting_quickest(k);
    double bias, spread, count;
    if (!si_predict_trial(k, &s->features, s->threshold, &bias, &spread) ||
        !trial_pays(s, k, spread, &count)) {
        return NOTHING;
    }
    double aim = s->threshold + m->margin * spread - bias;
    double answer = m->answer + (m->answer > 0 ? lenient * s->choice->lowered : 0);
    si_encode_params p = si_encoder_setting_params(quickest, s->image);
    si_bracket known = {0};
    p.quality = first_guess(s, quickest, isnan(m->trial_aim) ? aim : s->threshold + m->trial_aim);
    for (int tries = 0; tries < TRIALS; tries++) {
        si_candidate *c = si_search_judge(s, info->format, &p);
        if (c == NULL) {
            break;
        }
        c->trial = true;
        if (si_search_is_good(s, c) && si_search_pays(s) && c->score <= s->threshold + answer) {
            return ANSWER;
        }
        si_bracket_add(&known, quickest, p.quality, c->score, c->score >= aim);
        bool near = fabs(c->score - aim) < m->trial_near;
        if (!si_bracket_next(&known, quickest, aim, &p.quality)) {
            p.quality = known.has_high ? known.high : p.quality;
            break;
        }
        if (near || !si_search_affords(s, info->format, info->effort, count)) {
            break;
        }
    }
    *quality = p.quality;
    *slope = known.per_point;
    return known.count > 0 ? QUALITY : NOTHING;
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

/* Where the requested format, fitted anew, begins: its own scale tells what looks like what was
 * asked for; what a line has lowered the target to is foreseen as for other formats. */
static float own_quality(const si_search *s, si_encoder_setting k) {
    return s->choice->lowered > 0 ? first_guess(s, k, s->threshold + margin * si_predict_spread(k))
                                  : si_search_fitted_quality(s->requested_params.quality);
}

/* The quality to begin with; false if a trial was so good that nothing is left to do. */
static bool first_quality(si_search *s, si_encoder_setting k, si_encode_params *p, double *slope) {
    if (si_encoder_setting_get(k)->format == s->requested) {
        p->quality = own_quality(s, k);
        p->chroma_full = s->requested_params.chroma_full;
        return true;
    }
    told t = is_tiny(s) ? NOTHING : begin_by_trials(s, k, &p->quality, slope);
    if (t == NOTHING) {
        p->quality = begin(s, k, p);
    }
    return t != ANSWER;
}

/* One correction is always made unless a trial was good, as without it the first try would be
 * wasted. The overdraft is for the first one, and for all as long as nothing pays. */
static bool affords_correction(const si_search *s, const si_encoder_setting_info *info, int tries) {
    double cost = si_predict_cost(info->format, info->effort, &s->features);
    double overdraft = s->options.budget_ms * SI_TRIAL_OVERDRAFT;
    if (tries == 1 && s->best < 0) {
        cost = 0;
    }
    return si_search_affords_ms(
        s, cost, s->budget_ms - (tries > 1 && si_search_pays(s) ? overdraft : 0));
}

/* Tries one setting until it is good enough. */
static void approach(si_search *s, si_encoder_setting k) {
    const manner *m = manner_of(s);
    const si_encoder_setting_info *info = si_encoder_setting_get(k);
    si_encode_params p = si_encoder_setting_params(k, s->image);
    si_bracket known = {0};
    p.dpi = s->requested_params.dpi;
    if (!first_quality(s, k, &p, &known.per_point)) {
        return;
    }
    for (int tries = 1; tries <= (is_tiny(s) ? TINY_TRIES : TRIES); tries++) {
        si_candidate *c = si_search_judge(s, info->format, &p);
        if (c == NULL) {
            return;
        }
        bool good = si_search_is_good(s, c);
        si_bracket_add(&known, k, p.quality, c->score, good);
        double left = lenient * s->choice->lowered + (si_search_pays(s) ? m->generous : m->stingy);
        bool near = c->score < s->threshold + left;
        bool last = (good && near) || si_trial_is_lost(s, c) ||
                    (!good && p.quality >= si_codec_get(info->format)->quality_max);
        if (last || !affords_correction(s, info, tries) ||
            !si_bracket_next(&known, k, s->threshold + m->correction, &p.quality)) {
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
        if (n > 0 && s->choice->hurried) {
            break;
        }
        done[t.lossless] |= SI_FORMAT_BIT(t.format);
        if (t.lossless) {
            si_search_lossless(s, t.format, t.effort);
        } else {
            try_lossy(s, &t);
        }
    }
}
