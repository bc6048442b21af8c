#include "quality/trials.h"

#include <math.h>

#include "quality/predict.h"

enum { SMALL_PIXELS = 40000 };

/* Forecasts of lossless files err to one side (repeats further apart are not seen), and such a file
 * is good at any rate: where it may be this share of its forecast, it goes first. */
static const double lossless_first = 0.45;

/* Lossless modes: how hard to try in a first answer, CPU time, bytes as multiples of the forecast
 * for WebP (lossless.h), and bytes of lossless alpha as multiples of the forecast for that. WebP's
 * effort 7 is where more stops to pay: on the graphics of the corpus, at their own size, 3 %
 * smaller than 4 at the same time, and 1 % larger than 9, which takes 20 times as long; JPEG XL's 5
 * is 2 % larger than 7 at a third of the time. */
static const struct lossless {
    int effort;
    double ms_per_megapixel;
    double usual, least;
    double alpha;
} modes[SI_FORMAT_COUNT] = {
    [SI_FORMAT_WEBP] = {7, 250, 1, 0.35, 1},
    [SI_FORMAT_JXL] = {5, 700, 1.1, 0.35, 1},
    [SI_FORMAT_AVIF] = {4, 300, 2, 1, 2},
    [SI_FORMAT_JP2] = {6, 200, 2, 1, 1},
    [SI_FORMAT_JXR] = {6, 100, 2.5, 1.2, 2},
    [SI_FORMAT_PNG] = {8, 250, 0, 0, 1},
};

/* The same pixels packed anew as PNG, as shares of the requested file. */
static const double repacked_usual = 0.9, repacked_least = 0.65;

/* The least share of its forecast that a fitted JPEG has. */
static const double fitted_least = 0.87;

/* Where others wait, a second format is tried only if it is foreseen to save this share of what
 * there is. */
static const double worth_waiting = 0.06;

/* The least share of its forecast that a lossy format's file has, if the forecast is all there is;
 * on small pictures, which it foresees badly; and after another format has shown how it errs for
 * this picture, as formats err alike. */
static const double lossy_least = 0.6, small_least = 0.4, known_least = 0.85;

/* Log of bytes per point of score, where a curve is flattest and steepest. */
static const double flat_slope = 0.025, steep_slope = 0.1;

static double best_bytes(const si_search *s) {
    return si_search_pays(s) ? (double)s->choice->candidates[s->best].bytes
                             : (double)s->choice->candidates[0].bytes;
}

/* The budget of a whole first answer. */
static double whole_budget(const si_search *s) {
    return s->options.budget_ms * fmax(1, s->features.megapixels);
}

/* The setting of a format with the smallest files that the budget allows. The requested format may
 * overdraw it, as a client that knows nothing else gets it for less. False if none fits. */
static bool best_setting(const si_search *s, si_format format, si_encoder_setting *out) {
    si_tier tier = s->options.tier == SI_TIER_DEFAULT ? SI_TIER_FAST : s->options.tier;
    double overdrawn = s->budget_ms + s->options.budget_ms * SI_TRIAL_OVERDRAFT;
    for (int k = SI_SETTING_COUNT - 1; k >= 0; k--) {
        const si_encoder_setting_info *info = si_encoder_setting_get((si_encoder_setting)k);
        if (info->format == format && info->tier <= tier &&
            si_search_affords(s, format, info->effort, 1)) {
            *out = (si_encoder_setting)k;
            return true;
        }
    }
    for (int k = 0; format == s->requested && k < SI_SETTING_COUNT; k++) {
        const si_encoder_setting_info *info = si_encoder_setting_get((si_encoder_setting)k);
        if (info->format == format) {
            *out = (si_encoder_setting)k;
            return si_search_affords_ms(
                s, si_predict_cost(format, info->effort, &s->features), overdrawn);
        }
    }
    return false;
}

static bool lossy_trial(const si_search *s, si_format format, si_trial *out) {
    *out = (si_trial){.format = format};
    if (s->exact || format == SI_FORMAT_PNG ||
        (s->alpha_bytes > 0 && si_codec_get(format)->blurs_alpha) ||
        !best_setting(s, format, &out->setting)) {
        return false;
    }
    double colour = si_predict_share(out->setting, &s->features, s->threshold) * s->jpeg_bytes;
    if (format == SI_FORMAT_JPEG) {
        out->foreseen = colour;
        out->least = fitted_least * colour;
        return true;
    }
    bool small = (int64_t)s->image->width * s->image->height < SMALL_PIXELS;
    bool known = s->misjudged > 0;
    double alpha = modes[format].alpha * s->alpha_bytes;
    out->foreseen = colour * (known ? s->misjudged : 1) + alpha;
    out->least = out->foreseen * (small ? small_least : known ? known_least : lossy_least);
    return true;
}

si_trial si_trial_lossless(const si_search *s, si_format format) {
    const struct lossless *m = &modes[format];
    double asked = (double)s->choice->candidates[0].bytes;
    bool png = format == SI_FORMAT_PNG;
    return (si_trial){.format = format,
        .lossless = true,
        .effort = m->effort,
        .foreseen = png ? repacked_usual * asked : m->usual * s->lossless_bytes,
        .least = png ? repacked_least * asked : m->least * s->lossless_bytes};
}

double si_trial_lossless_ms(const si_search *s, si_format format, int effort) {
    double harder = effort > modes[format].effort ? 2 : 1; /* WebP 7 to 8, JPEG XL 5 to 8 */
    return modes[format].ms_per_megapixel * harder * s->features.megapixels;
}

bool si_trial_affords_lossless(const si_search *s, si_format format) {
    const struct lossless *m = &modes[format];
    double ms = si_trial_lossless_ms(s, format, m->effort);
    return m->effort > 0 && si_search_affords_ms(s, ms, whole_budget(s));
}

bool si_trial_next(const si_search *s, const si_format *formats, int count, const unsigned done[2],
    si_trial *out) {
    double earliest = INFINITY;
    for (int i = 0; i < 2 * count; i++) {
        si_format f = formats[i / 2];
        bool lossless = i % 2 == 1;
        if (!si_codec_get(f)->available || (done[lossless] & SI_FORMAT_BIT(f))) {
            continue;
        }
        si_trial t = si_trial_lossless(s, f);
        bool fits = lossless ? si_trial_affords_lossless(s, f) : lossy_trial(s, f, &t);
        if (!lossless && s->options.tier == SI_TIER_QUICK && si_search_pays(s)) {
            t.least = fmax(t.least, t.foreseen / (1 - worth_waiting));
        }
        double turn = t.foreseen * (lossless && f != SI_FORMAT_PNG ? lossless_first : 1);
        if (fits && t.least < best_bytes(s) && turn < earliest) {
            *out = t;
            earliest = turn;
        }
    }
    return earliest < INFINITY;
}

bool si_trial_is_lost(const si_search *s, const si_candidate *c) {
    if (!si_search_pays(s) || s->choice->candidates[s->best].format == c->format) {
        return false;
    }
    double over = c->score - s->threshold;
    double least = (double)c->bytes * exp(-over * (over > 0 ? steep_slope : flat_slope));
    return least > best_bytes(s);
}
