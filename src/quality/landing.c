#include "quality/landing.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "quality/predict.h"

enum { EFFORTS = 10, QUARTERS = 4, TRIES = 3 };

/* How an effort differs from the format's middle one. */
static const struct effort {
    double points;   /* by which it scores more at equal quality, … */
    double per_bpp;  /* … and more per log of the requested JPEG's bits per pixel */
    double variance; /* of that between pictures, points²; it grows from effort to effort, so that
                        two of them differ by the difference */
    double bytes;    /* log of bytes at equal score */
} efforts[SI_FORMAT_COUNT][EFFORTS] = {
    /* fitted on 14 photos at JPEG 85 (docs/quality.md) */
    [SI_FORMAT_AVIF] = {[0] = {-0.37, -0.57, 0, 0.105},
        [1] = {-0.37, -0.57, 0, 0.105},
        [2] = {-0.37, -0.57, 0, 0.105},
        [3] = {0, 0, 0.29, 0},
        [4] = {0, 0, 0.29, 0},
        [5] = {0.67, -0.1, 0.3, -0.04},
        [6] = {0.72, -0.04, 0.31, -0.075},
        [7] = {0.93, 0.93, 0.38, -0.12},
        [8] = {1, 1.05, 0.41, -0.125},
        [9] = {1.12, 1.31, 0.43, -0.16}},
    [SI_FORMAT_JXL] = {[0] = {-0.5, 0, 0, 0.1},
        [1] = {-0.5, 0, 0, 0.1},
        [2] = {-0.5, 0, 0, 0.1},
        [3] = {-0.5, 0, 0, 0.1},
        [4] = {-0.5, 0, 0, 0.1},
        [5] = {0, 0, 0.3, 0},
        [6] = {0, 0, 0.3, 0},
        [7] = {0, 0, 0.3, 0},
        [8] = {0.8, 0, 0.4, -0.022},
        [9] = {0.8, 0, 0.4, -0.028}},
};

/* Beyond the bits per pixel that was fitted on (logs). */
static const double least_bpp = 0, most_bpp = 1.3;

/* Slow efforts, the slowest first, of each tier. */
static const struct slow {
    int efforts[4];
} slow[2][SI_FORMAT_COUNT] = {
    {[SI_FORMAT_AVIF] = {{7, 6}}, [SI_FORMAT_JXL] = {{8}}},
    {[SI_FORMAT_AVIF] = {{9, 8, 7, 6}}, [SI_FORMAT_JXL] = {{9, 8}}},
};

/* By so many times itself the budget has to allow an encoding: at the best tier half of them need a
 * second one, and a faster effort that lands gains more than a slower one that does not. */
static const double room[2] = {1, 1.5};

/* A candidate further off (points) tells nothing of where the threshold is. */
static const double far_off = 6;

/* Scores are rough by this much (points²) from one step of a grid to the next, and slopes are wrong
 * by this part. */
static const double roughness = 0.03, slope_error = 0.25;

/* Good by so many points or less, nothing is tried any more. */
static const double near_enough = 0.3;

/* Aims above the threshold, in deviations of what is foreseen: where a second try would cost as
 * much again as a better answer may; where there will be one anyway; after a poor first; and to
 * improve on a good one, where a poor one is worth nothing but costs nothing either. */
static const double aim_once = 0.8, aim_first = 0.25, aim_safe = 1.2, aim_improve = 0.5;

/* The quantizers of AV1, as parts of libavif's scale of qualities. */
static const double quantizer = 100.0 / 63;

static double level_step(si_format format) {
    return (double)si_search_step(format);
}

/* True where quarters between two quantizers can be had: with the tune made for the score. */
static bool has_quarters(si_format format) {
    return format == SI_FORMAT_AVIF && level_step(format) < 0.9 * quantizer;
}

static double level_of(si_format format, float quality) {
    return (double)quality / level_step(format);
}

/* Sets the quality of a level. AVIF's quarters are made by sharpness, whose steps are 1 % of bytes
 * on all pictures, where the codec's own way (avif.c) has no effect if nothing is smooth. The tune
 * sets 7; with slow efforts 3 to 6 take 0.5 to 1 % less at equal score. */
static void place(si_encode_params *p, si_format format, long level) {
    long coarse = level;
    if (has_quarters(format)) {
        coarse = (level + QUARTERS - 1) / QUARTERS * QUARTERS;
        p->avif.set = true;
        p->avif.sharpness = 6 - (int)(coarse - level);
    }
    p->quality = si_search_on_grid(format, (double)coarse * level_step(format));
}

static bool is_best(const si_search *s) {
    return s->options.tier == SI_TIER_BEST;
}

bool si_landing_fits(si_format format) {
    return slow[1][format].efforts[0] > 0;
}

double si_landing_gain(si_format format, int from, int to) {
    return efforts[format][from].bytes - efforts[format][to].bytes;
}

bool si_landing_has_slower(si_format format, int effort) {
    return effort < slow[1][format].efforts[0];
}

int si_landing_effort(const si_search *s, si_format format, int least) {
    const struct slow *list = &slow[is_best(s)][format];
    for (size_t i = 0; i < sizeof list->efforts / sizeof *list->efforts; i++) {
        int effort = list->efforts[i];
        if (effort > least && si_search_affords(s, format, effort, room[is_best(s)])) {
            return effort;
        }
    }
    return 0;
}

/* True if a candidate differs from `like` in quality and effort alone. */
static bool is_like(const si_candidate *c, si_format format, const si_encode_params *like) {
    si_encode_params p = *like;
    p.quality = c->params.quality;
    p.effort = c->params.effort;
    return c->format == format && c->bytes > 0 && !isnan(c->score) &&
           memcmp(&c->params, &p, sizeof p) == 0;
}

/* Levels per point between two candidates, the nearer to the threshold first, as far as they can
 * be trusted. */
static double slope_between(const si_landing *l, const si_candidate *a, const si_candidate *b) {
    si_format format = a->format;
    double usual = si_predict_slope(l->setting, l->s->threshold) / level_step(format);
    double rise = a->score - b->score;
    double run = level_of(format, a->params.quality) - level_of(format, b->params.quality);
    if (fabs(rise) < 0.3 || run / rise <= 0) {
        return usual;
    }
    double trust = fmin(fabs(rise) / 2, 1);
    double log_slope = trust * log(run / rise) + (1 - trust) * log(usual);
    return fmin(fmax(exp(log_slope), usual / 2), usual * 2);
}

bool si_landing_learn(si_landing *l) {
    const si_choice *choice = l->s->choice;
    si_format format = si_encoder_setting_get(l->setting)->format;
    double threshold = l->s->threshold, nearest = far_off;
    const si_candidate *best = NULL, *second = NULL;
    for (int i = 1; i < choice->candidate_count; i++) {
        const si_candidate *c = &choice->candidates[i];
        /* an effort is worth as much as being nearer by what it is nearer to slow ones */
        double off = fabs(c->score - threshold) * slope_error * 2 -
                     2 * efforts[format][c->params.effort].variance;
        if (is_like(c, format, &l->like) && fabs(c->score - threshold) < far_off &&
            (best == NULL || off < nearest)) {
            best = c;
            nearest = off;
        }
    }
    if (best == NULL) {
        return false;
    }
    for (int i = 1; i < choice->candidate_count; i++) {
        const si_candidate *c = &choice->candidates[i];
        if (c != best && is_like(c, format, &l->like) && c->params.effort == best->params.effort &&
            (second == NULL || fabs(c->score - threshold) < fabs(second->score - threshold))) {
            second = c;
        }
    }
    l->effort = best->params.effort;
    l->per_point = slope_between(l, best, second != NULL ? second : best);
    double off = best->score - threshold;
    l->level = level_of(format, best->params.quality) - off * l->per_point;
    l->variance = roughness + slope_error * slope_error * off * off;
    return true;
}

/* Takes in that an effort is slower than the one the level is known for. */
static void change_effort(si_landing *l, si_format format, int effort) {
    const struct effort *from = &efforts[format][l->effort], *to = &efforts[format][effort];
    double bpp = fmin(fmax(l->s->features.v[SI_FEATURE_BPP], least_bpp), most_bpp);
    double points = to->points - from->points + bpp * (to->per_bpp - from->per_bpp);
    l->level -= points * l->per_point;
    l->variance += fabs(to->variance - from->variance);
    l->effort = effort;
}

/* Takes in a candidate of the same effort: both estimates count as much as they are certain. */
static void correct(si_landing *l, long level, double score) {
    double off = score - l->s->threshold;
    double variance = roughness + slope_error * slope_error * off * off;
    double weight = l->variance / (l->variance + variance);
    l->level += weight * ((double)level - off * l->per_point - l->level);
    l->variance *= 1 - weight;
}

/* How far to aim above the threshold, in points. */
static double aim(const si_landing *l, int tries, bool good) {
    double deviation = sqrt(l->variance + roughness);
    double deviations = good             ? aim_improve
                        : tries > 0      ? aim_safe
                        : !is_best(l->s) ? aim_once
                                         : aim_first;
    return deviations * deviation;
}

/* True if another encoding may begin: the budget allows it, or nothing good came of the first ones,
 * which must not have been in vain; at the best tier an improvement may overdraw it, too. */
static bool may_try(const si_landing *l, si_format format, int tries, bool good) {
    si_search *s = l->s;
    double overdraft = tries == 0 ? 0 : good ? (is_best(s) ? 0.3 : 0) : is_best(s) ? 0.5 : 1;
    double ms = si_predict_cost(format, l->effort, &s->features);
    return si_search_affords_ms(s, ms, s->budget_ms + overdraft * s->options.budget_ms);
}

float si_landing_quality(si_landing *l, int effort) {
    si_format format = si_encoder_setting_get(l->setting)->format;
    change_effort(l, format, effort);
    return si_search_on_grid(format, l->level * level_step(format));
}

void si_landing_land(si_landing *l, int effort) {
    si_search *s = l->s;
    si_format format = si_encoder_setting_get(l->setting)->format;
    double low = -INFINITY, high = INFINITY, over = INFINITY; /* highest poor, lowest good level */
    assert(effort > 0 && effort < EFFORTS);
    change_effort(l, format, effort);
    for (int tries = 0; tries < TRIES && may_try(l, format, tries, high < INFINITY); tries++) {
        si_encode_params p = l->like;
        long level = lround(l->level + aim(l, tries, high < INFINITY) * l->per_point);
        level = (long)fmin(fmax((double)level, low + 1), high - 1);
        if ((double)level <= low || level < 1) {
            return;
        }
        p.effort = effort;
        place(&p, format, level);
        const si_candidate *c = si_search_judge(s, format, &p);
        if (c == NULL) {
            return;
        }
        bool good = si_search_is_good(s, c);
        if (good) {
            high = fmin(high, (double)level);
            over = fmin(over, c->score - s->threshold);
        } else {
            low = fmax(low, (double)level);
        }
        if (over <= near_enough || (!good && p.quality >= si_codec_get(format)->quality_max)) {
            return;
        }
        correct(l, level, c->score);
    }
}
