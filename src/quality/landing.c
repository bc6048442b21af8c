#include "quality/landing.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "quality/predict.h"

enum { EFFORTS = 10, QUARTERS = 4, TRIES = 4, LEAST_WAY = 2 };

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
    /* on six of them */
    [SI_FORMAT_JXL] = {[0] = {-0.9, 0, 0, 0.1},
        [1] = {-0.9, 0, 0, 0.1},
        [2] = {-0.9, 0, 0, 0.1},
        [3] = {-0.9, 0, 0, 0.1},
        [4] = {-0.9, 0, 0, 0.1},
        [5] = {-0.15, 0, 0.5, 0},
        [6] = {0, 0, 0.54, 0},
        [7] = {0, 0, 0.54, 0},
        [8] = {-0.7, 0, 0.56, -0.024},
        [9] = {-0.65, 0, 0.57, -0.026}},
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
static const double room[2] = {1, 1.34};

/* A candidate further off (points) tells nothing of where the threshold is. */
static const double far_off = 6;

/* Scores are rough by this much (points²) from one step of a grid to the next, and slopes are wrong
 * by this part. */
static const double roughness = 0.03, slope_error = 0.25;

/* Slopes of pictures differ from the usual one by so many times; two points tell one that are so
 * many levels apart, as steps are uneven (AVIF's most where its quantization matrices change). */
static const double steepest[SI_FORMAT_COUNT] = {[SI_FORMAT_AVIF] = 1.5, [SI_FORMAT_JXL] = 2.5};
static const double least_run = 6;

/* A good file this many points above the threshold is worth another try, at either tier. */
static const double generous[2] = {1, 0.2};

/* Aims above the threshold, in deviations of what is foreseen: where a second try would cost as
 * much again as a better answer may; where there will be one anyway; after a poor first; and to
 * improve on a good one, where a poor one is worth nothing but costs nothing either. */
static const double aim_once = 0.5, aim_first = 0.25, aim_safe = 1.2, aim_improve = 0.5;

/* Pictures of less detail (log of the mean gradient) have something smooth. */
static const double smooth_detail = 2.75;

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

/* Sets the quality of a level. Where something is smooth the codec's own quarters (avif.c) are
 * even; elsewhere they have next to no effect, and steps of sharpness make them, 1 % of bytes each.
 * The tune sets 7; with slow efforts 3 to 6 take 0.5 to 1 % less at equal score. */
static void place(si_encode_params *p, const si_features *f, si_format format, long level) {
    long coarse = level;
    if (has_quarters(format)) {
        p->avif.set = true;
        if (f->v[SI_FEATURE_DETAIL] < smooth_detail) {
            p->avif.sharpness = 5;
            coarse = level + 1; /* which this sharpness takes back */
        } else {
            coarse = (level + QUARTERS - 1) / QUARTERS * QUARTERS;
            p->avif.sharpness = 6 - (int)(coarse - level);
        }
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

/* Encodings' times, of those in the table: screen-content tools double it. */
static double times(si_format format, const si_encode_params *p) {
    return format == SI_FORMAT_AVIF && p->tune == 1 ? 2 : 1;
}

int si_landing_effort(const si_search *s, const si_encode_params *like, si_format format) {
    double count = room[is_best(s)] * times(format, like);
    const struct slow *list = &slow[is_best(s)][format];
    for (size_t i = 0; i < sizeof list->efforts / sizeof *list->efforts; i++) {
        int effort = list->efforts[i];
        if (effort > like->effort && si_search_affords(s, format, effort, count)) {
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

static bool is_near(const si_landing *l, const si_candidate *c) {
    return fabs(c->score - l->s->threshold) < far_off;
}

/* Levels per point of this picture: between the two candidates of one kind that are furthest apart
 * near the threshold, as far as that can be trusted; what else they were made with matters little.
 */
static double slope_of(const si_landing *l) {
    const si_choice *choice = l->s->choice;
    si_format format = si_encoder_setting_get(l->setting)->format;
    double usual = si_predict_slope(l->setting, l->s->threshold) / level_step(format);
    double most = 0, slope = usual;
    for (int i = 1; i < choice->candidate_count; i++) {
        const si_candidate *a = &choice->candidates[i];
        for (int j = 1; j < i; j++) {
            const si_candidate *b = &choice->candidates[j];
            double rise = a->score - b->score;
            double run = level_of(format, a->params.quality) - level_of(format, b->params.quality);
            if (is_like(a, format, &b->params) && a->params.effort == b->params.effort &&
                is_near(l, a) && is_near(l, b) && fabs(rise) > most && run * rise > 0 &&
                fabs(run) >= least_run) {
                most = fabs(rise);
                slope = run / rise;
            }
        }
    }
    double trust = fmin(most / 2, 1);
    slope = exp(trust * log(slope) + (1 - trust) * log(usual));
    return fmin(fmax(slope, usual / steepest[format]), usual * steepest[format]);
}

/* How little a candidate tells of the threshold for slow efforts: being off costs as much as being
 * of a faster effort. */
static double remoteness(const si_landing *l, const si_candidate *c) {
    return slope_error * fabs(c->score - l->s->threshold) -
           efforts[c->format][c->params.effort].variance;
}

bool si_landing_learn(si_landing *l) {
    const si_choice *choice = l->s->choice;
    si_format format = si_encoder_setting_get(l->setting)->format;
    const si_candidate *best = NULL;
    for (int i = 1; i < choice->candidate_count; i++) {
        const si_candidate *c = &choice->candidates[i];
        if (is_like(c, format, &l->like) && is_near(l, c) &&
            (best == NULL || remoteness(l, c) < remoteness(l, best))) {
            best = c;
        }
    }
    if (best == NULL) {
        return false;
    }
    double off = best->score - l->s->threshold;
    l->effort = best->params.effort;
    l->per_point = slope_of(l);
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

/* Takes in a candidate of the same effort: both estimates count as much as they are certain, but
 * this one most, as it is of the very curve that is looked for. */
static void correct(si_landing *l, long level, double score) {
    double off = score - l->s->threshold;
    double variance = roughness + slope_error * slope_error * off * off;
    double weight = fmax(l->variance / (l->variance + variance), 0.75);
    l->level += weight * ((double)level - off * l->per_point - l->level);
    l->variance *= 1 - weight;
}

/* What came of the tries so far. */
typedef struct tries {
    int count;
    double low, high; /* highest poor and lowest good level, ∓INFINITY if there is none */
    double over;      /* points of the nearest good one above the threshold, or INFINITY */
} tries;

/* The level to try next; to improve on a good one at least two steps lower, as one may change
 * nothing. */
static long next_level(const si_landing *l, const tries *t) {
    double deviation = sqrt(l->variance + roughness);
    double deviations = t->high < INFINITY ? aim_improve
                        : t->count > 0     ? aim_safe
                        : !is_best(l->s)   ? aim_once
                                           : aim_first;
    double level = round(l->level + deviations * deviation * l->per_point);
    return (long)fmin(fmax(level, t->low + 1), t->high - LEAST_WAY);
}

/* True if another encoding is worth it and may begin: the budget allows it, or nothing good came of
 * the first ones, which must not have been in vain; an improvement may overdraw it a little. */
static bool may_try(const si_landing *l, si_format format, const tries *t, long level) {
    si_search *s = l->s;
    bool good = t->high < INFINITY, best = is_best(s);
    if ((double)level <= t->low || level < 1 || (good && t->over < generous[best])) {
        return false;
    }
    double overdraft = t->count == 0 ? 0 : good ? (best ? 0.3 : 0.7) : best ? 0.5 : 1;
    double ms = times(format, &l->like) * si_predict_cost(format, l->effort, &s->features);
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
    tries t = {.low = -INFINITY, .high = INFINITY, .over = INFINITY};
    assert(effort > 0 && effort < EFFORTS);
    change_effort(l, format, effort);
    for (long level = next_level(l, &t); t.count < TRIES && may_try(l, format, &t, level);
         level = next_level(l, &t)) {
        si_encode_params p = l->like;
        p.effort = effort;
        place(&p, &s->features, format, level);
        const si_candidate *c = si_search_judge(s, format, &p);
        if (c == NULL) {
            return;
        }
        t.count++;
        if (si_search_is_good(s, c)) {
            t.high = fmin(t.high, (double)level);
            t.over = fmin(t.over, c->score - s->threshold);
        } else if (p.quality >= si_codec_get(format)->quality_max) {
            return;
        } else {
            t.low = fmax(t.low, (double)level);
        }
        correct(l, level, c->score);
    }
}
