#include "quality/predict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "quality/calibration.h"

enum {
    TERMS = 4 + SI_FEATURE_COUNT + 12,
    EFFORTS = 10,
    LEARN_AFTER = 3, /* encodings, before the machine's own speed counts */
};

struct predictor {
    double low, high;                        /* range of scores that was fitted */
    double spread, probe_spread, probe_bias; /* points of score */
    double slope[3]; /* log of levels per point, parabola over (score − 75) / 10 */
    bool has_trial;
    double trial_spread[2][2]; /* log of points, over the same; photographs, drawings */
    double quality[2][TERMS], share[2][TERMS], trial[2][TERMS];
};

/* ms per megapixel = exp(a + b · log of the requested encoding's bits per pixel) */
struct cost {
    double a, b;
};

#include "quality/predictor_tables.h"

/* Beyond fitted scores: logs of bytes per point of score. */
static const double share_beyond = 0.04;

/* Speed of this machine against the one that the tables were made on. */
static struct {
    double average; /* log of measured ÷ table */
    int count;
} learned;

static double clamp(double v, double low, double high) {
    return v >= low ? (v <= high ? v : high) : low;
}

/* Keep in step with terms() in tools/train. */
static void list_terms(const si_features *f, double score, double *x) {
    double v[SI_FEATURE_COUNT], t = (score - 75) / 10;
    for (int i = 0; i < SI_FEATURE_COUNT; i++) {
        v[i] = clamp(f->v[i], feature_low[i], feature_high[i]);
    }
    double b = v[SI_FEATURE_BPP], q = v[SI_FEATURE_QUALITY], d = v[SI_FEATURE_DETAIL];
    double area = v[SI_FEATURE_AREA], noise = v[SI_FEATURE_NOISE], flat = v[SI_FEATURE_FLAT];
    const double powers[] = {1, t, t * t, t * t * t};
    const double products[] = {b * b, q * q, b * q, b * d, q * d, b * noise, t * b, t * q, t * area,
        t * d, t * noise, t * flat};
    memcpy(x, powers, sizeof powers);
    memcpy(x + 4, v, sizeof v);
    memcpy(x + 4 + SI_FEATURE_COUNT, products, sizeof products);
}

static double evaluate(const double weights[2][TERMS], const si_features *f, double score) {
    double x[TERMS], sum = 0;
    const double *w = weights[si_features_drawing(f)];
    list_terms(f, score, x);
    for (int i = 0; i < TERMS; i++) {
        sum += w[i] * x[i];
    }
    return sum;
}

double si_predict_slope(si_encoder_setting k, double score) {
    const struct predictor *p = &predictors[k];
    double t = (clamp(score, p->low, p->high) - 75) / 10;
    return exp(p->slope[0] + p->slope[1] * t + p->slope[2] * t * t);
}

double si_predict_level(si_encoder_setting k, const si_features *f, double score) {
    const struct predictor *p = &predictors[k];
    double inside = clamp(score, p->low, p->high);
    return evaluate(p->quality, f, inside) + (score - inside) * si_predict_slope(k, inside) +
           si_calibration_current()->bias[k];
}

double si_predict_share(si_encoder_setting k, const si_features *f, double score) {
    const struct predictor *p = &predictors[k];
    double inside = clamp(score, p->low, p->high);
    return exp(evaluate(p->share, f, inside) + (score - inside) * share_beyond);
}

double si_predict_spread(si_encoder_setting k) {
    return predictors[k].spread;
}

double si_predict_probe_spread(si_encoder_setting k) {
    return predictors[k].probe_spread;
}

double si_predict_probe_bias(si_encoder_setting k) {
    return predictors[k].probe_bias;
}

bool si_predict_trial(
    si_encoder_setting k, const si_features *f, double score, double *bias, double *spread) {
    const struct predictor *p = &predictors[k];
    const double *s = p->trial_spread[si_features_drawing(f)];
    double inside = clamp(score, p->low, p->high);
    *bias = evaluate(p->trial, f, inside);
    *spread = exp(s[0] + s[1] * (inside - 75) / 10);
    return p->has_trial;
}

/* What this machine's calibration says of an encoding's cost against the table: the mean of the
 * settings of the nearest effort. */
static double calibrated(si_format format, int effort) {
    const si_calibration *c = si_calibration_current();
    double sum = 0;
    int count = 0, nearest = EFFORTS;
    for (int k = 0; k < SI_SETTING_COUNT; k++) {
        const si_encoder_setting_info *info = si_encoder_setting_get((si_encoder_setting)k);
        int distance = abs(info->effort - effort);
        if (info->format != format || c->cost[k] <= 0 || distance > nearest) {
            continue;
        }
        if (distance < nearest) {
            nearest = distance;
            sum = count = 0;
        }
        sum += log(c->cost[k]);
        count++;
    }
    return count > 0 ? exp(sum / count) : 1;
}

double si_predict_cost(si_format format, int effort, const si_features *f) {
    const struct cost *c = &costs[format][effort];
    double bpp =
        clamp(f->v[SI_FEATURE_BPP], feature_low[SI_FEATURE_BPP], feature_high[SI_FEATURE_BPP]);
    return 0.3 + f->megapixels * exp(c->a + c->b * bpp) * calibrated(format, effort);
}

double si_predict_slowness(void) {
    return learned.count < LEARN_AFTER ? 1 : fmax(exp(learned.average), 1);
}

void si_predict_cost_learn(si_format format, int effort, const si_features *f, double ms) {
    double table = si_predict_cost(format, effort, f);
    if (ms < 2 || table < 2) { /* too short to tell */
        return;
    }
    double ratio = clamp(log(ms / table), -3, 3);
    learned.count++;
    double weight = learned.count < 16 ? 1.0 / learned.count : 1.0 / 16;
    learned.average += (ratio - learned.average) * weight;
}
