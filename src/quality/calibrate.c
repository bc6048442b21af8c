#include "quality/calibrate.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "quality/jpeg_fit.h"
#include "quality/predict.h"
#include "quality/search.h"

enum { TRIES = 7 };

static const float jpeg_qualities[] = {70, 85};

/* A point this near the threshold is as good as one on it (points). */
static const double near_enough = 0.1;

/* A bias has to be this many times its standard error: without this rule, that of 8 pictures made
 * the first answers to others larger. */
static const double sure = 2.5;

static const double shortest_ms = 2; /* encodings below are too short to tell a cost from */

/* A picture with a JPEG to equal. */
struct subject {
    const si_image *image;
    const si_score_ref *reference;
    si_features features;
    double threshold;
};

/* ---- encodings ---- */

static double cpu_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Encodes as the tables were measured. */
static si_result score_encoding(const si_image *image, const si_score_ref *reference,
    si_format format, const si_encode_params *p, double *score, double *ms, size_t *bytes,
    si_diag *diag) {
    si_bytes file = {0};
    si_image decoded = {0};
    double start = cpu_ms();
    bool fitted = format == SI_FORMAT_JPEG && p->tune != 0;
    si_result result = fitted ? si_jpeg_fit_encode(image, p, &file, diag)
                              : si_codec_encode(format, image, p, &file, diag);
    *ms = cpu_ms() - start;
    *bytes = file.len;
    if (result == SI_OK) {
        result = si_codec_decode(format, file.data, file.len, &decoded, diag);
    }
    if (result == SI_OK) {
        result = si_score_against(reference, &decoded, score, diag);
    }
    si_image_free(&decoded);
    si_bytes_free(&file);
    return result;
}

/* ---- one trial ---- */

struct ends {
    double low, low_score, high, high_score; /* levels; NAN = none yet */
};

/* The level between the ends where a straight line crosses the threshold. */
static double crossing(const struct ends *e, double threshold) {
    double part = e->high_score > e->low_score
                      ? (threshold - e->low_score) / (e->high_score - e->low_score)
                      : 0.5;
    return e->low + part * (e->high - e->low);
}

static void note_cost(const struct subject *s, const si_encoder_setting_info *info, double ms,
    si_calibrate_trials *t) {
    double table = si_predict_cost(info->format, info->effort, &s->features);
    if (ms >= shortest_ms && table >= shortest_ms) {
        t->cost_logs += log(ms / table);
        t->cost_count++;
    }
}

/* Looks for the level that reaches the threshold, beginning with the predicted one. False if the
 * setting does not get there. */
static bool find_level(const struct subject *s, si_encoder_setting k, double level,
    si_calibrate_trials *t, double *found) {
    const si_encoder_setting_info *info = si_encoder_setting_get(k);
    const si_codec_info *codec = si_codec_get(info->format);
    si_encode_params p = si_encoder_setting_params(k, s->image);
    struct ends e = {NAN, NAN, NAN, NAN};
    float last = NAN;
    for (int tries = 0; tries < TRIES; tries++) {
        double wanted = fmin(
            fmax(si_encoder_setting_quality(k, level), codec->quality_min), codec->quality_max);
        p.quality = si_search_on_grid(info->format, wanted);
        double score, ms;
        size_t bytes;
        si_diag ignored = {0};
        if (p.quality == last || score_encoding(s->image, s->reference, info->format, &p, &score,
                                     &ms, &bytes, &ignored) != SI_OK) {
            break;
        }
        last = p.quality;
        note_cost(s, info, ms, t);
        level = si_encoder_setting_level(k, (double)p.quality);
        double missing = s->threshold - score, slope = si_predict_slope(k, s->threshold);
        if (fabs(missing) <= near_enough) {
            *found = level + missing * slope;
            return true;
        }
        *(missing > 0 ? &e.low : &e.high) = level;
        *(missing > 0 ? &e.low_score : &e.high_score) = score;
        if (isnan(e.low) || isnan(e.high)) { /* a little too far, for there to be two ends */
            level += missing * slope * 1.3 + copysign(1, missing);
        } else {
            double margin = (e.high - e.low) * 0.1, next = crossing(&e, s->threshold);
            level = fmin(fmax(next, e.low + margin), e.high - margin);
        }
    }
    *found = crossing(&e, s->threshold);
    return !isnan(*found);
}

static bool add_trial(si_calibrate_trials *t, const si_calibrate_trial *trial) {
    if (t->count == t->room) {
        int room = t->room == 0 ? 32 : t->room * 2;
        si_calibrate_trial *items = realloc(t->items, (size_t)room * sizeof *items);
        if (items == NULL) {
            return false;
        }
        t->items = items;
        t->room = room;
    }
    t->items[t->count++] = *trial;
    return true;
}

/* A trial of each wanted setting. */
static si_result try_settings(const struct subject *s, int picture, const bool *wanted,
    si_calibrate_trials *trials, si_diag *diag) {
    for (int k = 0; k < SI_SETTING_COUNT; k++) {
        double predicted = si_predict_level((si_encoder_setting)k, &s->features, s->threshold),
               found;
        if (!wanted[k] ||
            !si_codec_get(si_encoder_setting_get((si_encoder_setting)k)->format)->available ||
            !find_level(s, (si_encoder_setting)k, predicted, &trials[k], &found)) {
            continue;
        }
        double levels = found - predicted,
               slope = si_predict_slope((si_encoder_setting)k, s->threshold);
        if (!add_trial(&trials[k], &(si_calibrate_trial){picture, levels, levels / slope})) {
            return si_fail(diag, SI_ERR_MEMORY, "too many pictures for this machine's memory");
        }
    }
    return SI_OK;
}

/* Mean of the trials, in levels, of all pictures but one; NAN if there are no others. */
static double mean_without(const si_calibrate_trials *t, int picture) {
    double sum = 0;
    int count = 0;
    for (int i = 0; i < t->count; i++) {
        if (t->items[i].picture != picture) {
            sum += t->items[i].levels;
            count++;
        }
    }
    return count > 0 ? sum / count : NAN;
}

/* ---- public functions ---- */

si_result si_calibrate_picture(const si_image *image, int picture,
    const bool wanted[SI_SETTING_COUNT], si_calibrate_trials trials[SI_SETTING_COUNT],
    si_diag *diag) {
    si_score_ref *reference = NULL;
    si_result result = si_score_ref_new(image, SI_SCORE_ON_BLACK_AND_WHITE, &reference, diag);
    for (size_t i = 0; result == SI_OK && i < sizeof jpeg_qualities / sizeof *jpeg_qualities; i++) {
        struct subject s = {.image = image, .reference = reference};
        si_encode_params jpeg = si_codec_defaults(SI_FORMAT_JPEG, image);
        double score = 0, ms;
        size_t bytes;
        jpeg.quality = jpeg_qualities[i];
        jpeg.chroma_full = false;
        result = score_encoding(image, reference, SI_FORMAT_JPEG, &jpeg, &score, &ms, &bytes, diag);
        if (result == SI_OK) {
            s.threshold = score - SI_SCORE_SLACK;
            si_features_measure(image, bytes, (double)jpeg.quality, false, &s.features);
            result = try_settings(&s, picture, wanted, trials, diag);
        }
    }
    si_score_ref_free(reference);
    return result;
}

void si_calibrate_fit_trials(const si_calibrate_trials *t, si_calibrate_fit *out) {
    *out = (si_calibrate_fit){.bias = mean_without(t, -1),
        .cost = t->cost_count > 0 ? exp(t->cost_logs / t->cost_count) : 0};
    double squares = 0, squares_before = 0, squares_after = 0;
    double points = 0;
    int before = 0, after = 0, pictures = 0;
    for (int i = 0; i < t->count; i++) {
        const si_calibrate_trial *x = &t->items[i];
        double per_point = x->points != 0 ? x->levels / x->points : 1;
        double rest = (x->levels - out->bias) / per_point;
        double other = (x->levels - mean_without(t, x->picture)) / per_point;
        squares += rest * rest;
        points += x->points;
        pictures += i == 0 || x->picture != x[-1].picture;
        squares_before += x->points * x->points;
        squares_after += other * other;
        before += fabs(x->points) <= 1;
        after += fabs(other) <= 1;
    }
    out->spread = sqrt(squares / t->count);
    out->before = (double)before / t->count;
    out->after = isnan(squares_after) ? NAN : (double)after / t->count;
    double error = out->spread / sqrt(pictures); /* of the mean: a picture's trials err alike */
    out->helps =
        squares_after < squares_before && after >= before && fabs(points / t->count) > sure * error;
}

void si_calibrate_keep(const si_calibrate_fit *fit, si_encoder_setting k, si_calibration *out) {
    double most = SI_CALIBRATION_BIAS_MAX;
    out->bias[k] = fit->helps ? fmin(fmax(fit->bias, -most), most) : 0;
    out->cost[k] =
        fit->cost > 0 ? fmin(fmax(fit->cost, SI_CALIBRATION_COST_MIN), SI_CALIBRATION_COST_MAX) : 0;
}

void si_calibrate_free(si_calibrate_trials *t) {
    free(t->items);
    *t = (si_calibrate_trials){0};
}
