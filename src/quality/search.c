#include "quality/search.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "quality/jpeg_fit.h"
#include "quality/predict.h"
#include "quality/trials.h"

static double ms_since(int64_t start) {
    return (double)(si_now_ns() - start) / 1e6;
}

static double cpu_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* ---- one candidate ---- */

/* Adds " name N" for parameters that are set. */
static size_t describe_parameters(const si_candidate *c, char *out, size_t room) {
    const si_encode_params *p = &c->params;
    bool fitted = c->format == SI_FORMAT_JPEG && p->tune != 0;
    si_jpeg_fit fit = si_jpeg_fit_unpack(p->tune);
    const struct {
        const char *name;
        int value;
        bool shown;
    } parameters[] = {
        {"tune", p->tune, p->tune != 0 && c->format != SI_FORMAT_JPEG},
        {"lambda", fit.lambda, fitted},
        {"tilt", fit.tilt, fitted},
        {"chroma", fit.chroma, fitted},
        {"mask", fit.mask, fitted},
        {"sns", p->webp.sns_strength, p->webp.set},
        {"filter", p->webp.filter_strength, p->webp.set},
        {"sharpness", p->webp.filter_sharpness, p->webp.set},
        {"segments", p->webp.segments, p->webp.set},
        {"passes", p->webp.passes, p->webp.set},
        {"near-lossless", p->webp.near_lossless, p->webp.set},
        {"sharpness", p->avif.sharpness, p->avif.set},
        {"deltaq", p->avif.deltaq_mode, p->avif.set},
        {"cdef", p->avif.enable_cdef, p->avif.set},
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
        if (parameters[i].shown && parameters[i].value >= 0 && n < room) {
            n += (size_t)snprintf(
                out + n, room - n, " %s %d", parameters[i].name, parameters[i].value);
        }
    }
    return n;
}

static void describe(si_candidate *c) {
    const si_encode_params *p = &c->params;
    size_t n = 0, room = sizeof c->settings;
#define SAY(...) n += n < room ? (size_t)snprintf(c->settings + n, room - n, __VA_ARGS__) : 0
    bool lossless = p->lossless || c->format == SI_FORMAT_PNG || c->format == SI_FORMAT_GIF;
    if (lossless) {
        SAY("lossless");
    } else {
        SAY("quality %.4g", (double)p->quality);
    }
    if (c->format == SI_FORMAT_JPEG || (c->format == SI_FORMAT_AVIF && !lossless) ||
        c->format == SI_FORMAT_JXR) {
        SAY(" %s", p->chroma_full ? "4:4:4" : "4:2:0");
    }
    if (c->format == SI_FORMAT_AVIF && !lossless) {
        SAY(" %d bit", p->bit_depth);
    }
    if (c->format == SI_FORMAT_WEBP && !lossless && p->chroma_full) {
        SAY(" sharp");
    }
    if (c->format == SI_FORMAT_JPEG && p->progressive) {
        SAY(" progressive");
    }
    if (!c->requested && c->format != SI_FORMAT_JPEG) {
        SAY(" effort %d", p->effort);
    }
#undef SAY
    if (n < room) {
        describe_parameters(c, c->settings + n, room - n);
    }
}

/* Asks after an encoding whether others wait; then no other begins without need. */
static void look_who_waits(si_search *s) {
    si_choice *c = s->choice;
    if (!c->hurried && s->options.hurried != NULL) {
        c->hurried = s->options.tier >= SI_TIER_FAST && s->options.hurried(s->options.context);
        c->complete &= !c->hurried;
    }
}

static bool lossless_format(si_format format, const si_encode_params *params) {
    return params->lossless || format == SI_FORMAT_PNG;
}

static int alpha_at(const si_image *im, size_t offset) {
    return im->channels == 4 ? im->pixels[offset + 3] : 255;
}

/* True if two images of one size have the same alpha, and with `colour` the same pixels, but for
 * colour under full transparency. */
static bool same(const si_image *a, const si_image *b, bool colour) {
    if (a->width != b->width || a->height != b->height) {
        return false;
    }
    for (int y = 0; y < a->height; y++) {
        size_t i = (size_t)y * a->stride, j = (size_t)y * b->stride;
        for (int x = 0; x < a->width; x++, i += (size_t)a->channels, j += (size_t)b->channels) {
            int alpha = alpha_at(a, i);
            if (alpha != alpha_at(b, j) ||
                (colour && alpha > 0 && memcmp(a->pixels + i, b->pixels + j, 3) != 0)) {
                return false;
            }
        }
    }
    return true;
}

static bool same_pixels(const si_image *a, const si_image *b) {
    return same(a, b, true);
}

static bool same_alpha(const si_image *a, const si_image *b) {
    return (a->channels != 4 && b->channels != 4) || same(a, b, false);
}

/* The planes of every WebP of this image; NULL if they are not kept. */
static const si_yuv_planes *light_planes(si_search *s) {
    size_t width = (size_t)s->image->width, height = (size_t)s->image->height;
    size_t half = (width + 1) / 2, chroma = half * ((height + 1) / 2);
    if (!s->keeps_light || s->light.y != NULL) {
        return s->keeps_light ? &s->light : NULL;
    }
    uint8_t *memory = malloc(width * height + 2 * chroma);
    if (memory == NULL) {
        return NULL;
    }
    s->light = (si_yuv_planes){.y = memory,
        .u = memory + width * height,
        .v = memory + width * height + chroma,
        .y_stride = width,
        .uv_stride = half};
    if (si_yuv_light_from_rgb(s->image, &s->light, NULL) != SI_OK) {
        free(memory);
        s->light = (si_yuv_planes){0};
        return NULL;
    }
    return &s->light;
}

static si_result encode(
    si_search *s, si_format format, const si_encode_params *params, si_diag *diag) {
    si_encode_params p = *params;
    if (format == SI_FORMAT_JPEG && p.tune != 0) {
        return si_jpeg_fit_encode(s->image, &p, &s->file, diag);
    }
    if (format == SI_FORMAT_WEBP && p.chroma_full && !p.lossless) {
        p.light = light_planes(s);
    }
    return si_codec_encode(format, s->image, &p, &s->file, diag);
}

si_candidate *si_search_try(
    si_search *s, si_format format, const si_encode_params *params, si_diag *diag) {
    si_choice *choice = s->choice;
    assert(choice->candidate_count >= 0 && choice->candidate_count <= SI_CANDIDATES_MAX);
    if (choice->candidate_count == SI_CANDIDATES_MAX) {
        (void)si_fail(diag, SI_ERR_LIMIT, "too many candidates");
        return NULL;
    }
    if (choice->candidate_count > 0 && s->options.cancelled != NULL &&
        s->options.cancelled(s->options.context)) {
        (void)si_fail(diag, SI_ERR_IO, "nobody waits for the image");
        return NULL;
    }
    if (choice->hurried && s->refining) {
        (void)si_fail(diag, SI_ERR_TIMEOUT, "others wait");
        return NULL;
    }
    si_candidate *c = &choice->candidates[choice->candidate_count++];
    *c = (si_candidate){.format = format,
        .params = *params,
        .score = NAN,
        .verdict = SI_VERDICT_FAILED,
        .requested = choice->candidate_count == 1};
    describe(c);
    si_image decoded = {0};
    si_bytes_free(&s->file);
    int64_t start = si_now_ns();
    double cpu = cpu_ms();
    if (encode(s, format, params, diag) != SI_OK) {
        return c;
    }
    c->encode_ms = ms_since(start);
    s->wall_ms += c->encode_ms;
    s->cpu_ms += cpu_ms() - cpu;
    c->bytes = s->file.len;
    if (s->reference == NULL) {
        return c;
    }
    if (!c->requested && !params->lossless) {
        s->budget_ms -= si_predict_cost(format, params->effort, &s->features);
        if (params->tune == 0 && !params->webp.set && !params->avif.set) { /* as the table has it */
            si_predict_cost_learn(format, params->effort, &s->features, cpu_ms() - cpu);
        }
    }
    start = si_now_ns();
    if (si_codec_decode(format, s->file.data, s->file.len, &decoded, diag) != SI_OK) {
        c->score = NAN;
    } else if (lossless_format(format, params) && same_pixels(s->image, &decoded)) {
        c->score = 100;
    } else if (si_score_against(s->reference, &decoded, &c->score, diag) != SI_OK) {
        c->score = NAN;
    }
    c->alpha_differs =
        decoded.pixels != NULL && format != s->requested && !same_alpha(s->image, &decoded);
    c->score_ms = ms_since(start);
    si_image_free(&decoded);
    if (!c->requested) {
        look_who_waits(s);
    }
    return c;
}

void si_search_offer(si_search *s, int index, const si_bytes *file) {
    si_choice *c = s->choice;
    if (s->options.on_best == NULL) {
        return;
    }
    assert(index >= 0 && index < c->candidate_count);
    c->winner = index;
    c->format = c->candidates[index].format;
    c->score = c->candidates[index].score;
    c->saved = (long)c->candidates[c->requested].bytes - (long)c->candidates[index].bytes;
    s->options.on_best(s->options.context, c, file);
}

/* Keeps the file of the candidate just tried if it is the smallest good one so far. */
static void keep_if_best(si_search *s, const si_candidate *c) {
    if (s->best < 0 || c->bytes < s->choice->candidates[s->best].bytes) {
        s->best = (int)(c - s->choice->candidates);
        si_bytes_move(&s->best_file, &s->file);
        if (si_search_pays(s)) {
            si_search_offer(s, s->best, &s->best_file);
        }
    }
}

bool si_search_is_good(const si_search *s, const si_candidate *c) {
    if (c->format == SI_FORMAT_PNG && s->requested == SI_FORMAT_PNG) {
        return c->score == s->choice->candidates[0].score; /* what was asked for, packed anew */
    }
    return !c->alpha_differs && c->score >= s->threshold && (!s->exact || c->params.lossless);
}

si_candidate *si_search_judge(si_search *s, si_format format, const si_encode_params *params) {
    si_diag ignored = {0}; /* a codec that fails costs its candidate, not the reply */
    si_candidate *c = si_search_try(s, format, params, &ignored);
    if (c == NULL || c->bytes == 0 || isnan(c->score)) {
        return NULL;
    }
    c->verdict = c->alpha_differs ? SI_VERDICT_ALPHA : SI_VERDICT_POOR;
    if (!params->lossless && params->quality >= si_codec_get(format)->quality_max) {
        s->unreachable |= !si_search_is_good(s, c);
    }
    if (si_search_is_good(s, c)) {
        c->verdict = SI_VERDICT_LARGE; /* until it turns out the winner */
        keep_if_best(s, c);
    }
    return c;
}

bool si_search_pays(const si_search *s) {
    const si_choice *c = s->choice;
    return s->best >= 0 && c->candidates[s->best].bytes < c->candidates[c->requested].bytes;
}

/* Wall time per CPU time of the encodings so far: above 1 where others want the machine, too. */
static double busyness(const si_search *s) {
    const double enough = 20; /* milliseconds, to tell */
    return s->cpu_ms >= enough ? fmax(s->wall_ms / s->cpu_ms, 1) : 1;
}

bool si_search_affords(const si_search *s, si_format format, int effort, double count) {
    double cost = si_predict_cost(format, effort, &s->features) * count;
    return si_search_affords_ms(s, cost, s->budget_ms);
}

bool si_search_affords_ms(const si_search *s, double ms, double budget_ms) {
    int64_t now = si_now_ns();
    double real_ms = ms * si_predict_slowness();
    int64_t alone = now + (int64_t)(real_ms * SI_MILLISECOND);
    int64_t ends = now + (int64_t)(real_ms * busyness(s) * SI_MILLISECOND);
    if (s->options.deadline_ns != 0 && ends >= s->options.deadline_ns) {
        /* what takes too long by itself always will; what is late now may not be next time */
        s->choice->complete &= now < s->options.deadline_ns && alone >= s->options.deadline_ns;
        return false;
    }
    bool hurried = s->choice->hurried && s->best >= 0; /* until then there is nothing to send */
    return s->choice->candidate_count < SI_CANDIDATES_MAX && ms <= budget_ms && !hurried;
}

float si_search_step(si_format format) {
    /* libwebp rounds to quantizers for each segment of the picture by itself, so parts of its steps
     * change something too; so do tables that are fitted */
    bool fine = format == SI_FORMAT_WEBP || format == SI_FORMAT_JPEG;
    float step = fine ? 0.25f : si_codec_get(format)->quality_step;
    return step > 0 ? step : 1;
}

float si_search_on_grid(si_format format, double quality) {
    const si_codec_info *codec = si_codec_get(format);
    float step = si_search_step(format);
    float q = codec->quality_min + roundf(((float)quality - codec->quality_min) / step) * step;
    return fminf(fmaxf(q, codec->quality_min), codec->quality_max);
}

float si_search_fitted_quality(float plain) {
    const float coarser = 1.35f; /* its tables, by their own scale (tools/fit-jpeg) */
    float q = plain >= 50 ? 100 - (100 - plain) * coarser : plain / coarser;
    return si_search_on_grid(SI_FORMAT_JPEG, (double)q);
}

/* From weak to strong, as long as that is good. */
static void try_near_lossless(si_search *s, const si_encode_params *lossless) {
    static const int levels[] = {60, 40, 20, 0};
    si_encode_params p = *lossless;
    p.webp = (si_webp_params){true, -1, -1, -1, -1, -1, -1, -1};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        p.webp.near_lossless = levels[i];
        if (!si_search_affords_ms(s, si_trial_lossless_ms(s, SI_FORMAT_WEBP, p.effort), INFINITY)) {
            return;
        }
        const si_candidate *c = si_search_judge(s, SI_FORMAT_WEBP, &p);
        if (c == NULL || !si_search_is_good(s, c)) {
            return;
        }
    }
}

void si_search_lossless(si_search *s, si_format format, int effort) {
    double ms = si_trial_lossless_ms(s, format, effort);
    if (!si_codec_get(format)->available || !si_search_affords_ms(s, ms, INFINITY)) {
        return;
    }
    bool png = format == SI_FORMAT_PNG;
    si_encode_params p = png ? s->requested_params : si_codec_defaults(format, s->image);
    p.lossless = true;
    p.chroma_full = true;
    p.bit_depth = 8;
    p.effort = effort;
    const si_candidate *c = si_search_judge(s, format, &p);
    bool near =
        format == SI_FORMAT_WEBP && !s->exact && si_tier_is_refined(s->options.tier) && c != NULL;
    if (near && (s->best < 0 || c->bytes < 2 * s->choice->candidates[s->best].bytes)) {
        try_near_lossless(s, &p);
    }
}

/* ---- one quality scale ---- */

void si_bracket_add(si_bracket *b, si_encoder_setting k, float quality, double score, bool good) {
    double rise = score - b->last_score;
    if (b->count > 0 && fabs(rise) > 0.1 && (quality > b->last) == (rise > 0)) {
        b->per_point = (si_encoder_setting_level(k, (double)quality) -
                           si_encoder_setting_level(k, (double)b->last)) /
                       rise;
    }
    b->last = quality;
    b->last_score = score;
    b->count++;
    if (good && (!b->has_high || quality < b->high)) {
        b->high = quality;
        b->high_score = score;
        b->has_high = true;
    } else if (!good && (!b->has_low || quality > b->low)) {
        b->low = quality;
        b->low_score = score;
        b->has_low = true;
    }
}

/* The quality that is as far from another as two scores are from each other. */
static float way(const si_bracket *b, si_encoder_setting k, float quality, double from, double to) {
    double usual = si_predict_slope(k, (from + to) / 2), slope = usual;
    if (b->per_point > 0) { /* two near points tell less than they seem to: steps are uneven */
        slope = fmin(fmax(b->per_point, usual / 2), usual * 2);
    }
    return (float)si_encoder_setting_quality(
        k, si_encoder_setting_level(k, (double)quality) + slope * (to - from));
}

bool si_bracket_next(const si_bracket *b, si_encoder_setting k, double aim, float *next) {
    si_format format = si_encoder_setting_get(k)->format;
    float step = si_search_step(format), q;
    if (b->has_low && b->has_high) {
        if (b->high - b->low < 1.5f * step) {
            return false;
        }
        double slope = (b->high_score - b->low_score) / (double)(b->high - b->low);
        q = slope > 1e-6 ? b->low + (float)((aim - b->low_score) / slope) : (b->low + b->high) / 2;
        /* clear of the ends, so that a curve that bends still halves the bracket soon */
        float margin = fmaxf(step, (b->high - b->low) * 0.1f);
        q = fminf(fmaxf(q, b->low + margin), b->high - margin);
    } else if (b->has_high) {
        q = fminf(way(b, k, b->high, b->high_score, aim), b->high - step);
    } else {
        q = fmaxf(way(b, k, b->low, b->low_score, aim), b->low + step);
    }
    *next = si_search_on_grid(format, (double)q);
    return !(b->has_high && *next >= b->high) && !(b->has_low && *next <= b->low);
}
