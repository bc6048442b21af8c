#include "quality/choose.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "quality/lossless.h"
#include "quality/network_steps.h"
#include "quality/predict.h"
#include "quality/search.h"
#include "quality/trials.h"

/* ---- the target ---- */

static void set_embeds(si_encode_params *p, const si_encode_params *from) {
    p->dpi = from->dpi;
    p->icc = from->icc;
    p->icc_len = from->icc_len;
    p->xmp = from->xmp;
    p->xmp_len = from->xmp_len;
    p->paths = from->paths;
    p->paths_len = from->paths_len;
    p->quantize.forced = from->quantize.forced;
    p->quantize.forced_count = from->quantize.forced_count;
}

float si_choose_quality(const si_recipe *r) {
    return r->network != SI_NETWORK_UNKNOWN && (SI_FORMATS_LOSSY & SI_FORMAT_BIT(r->format)) != 0
               ? si_network_quality(r->network, r->format, r->quality)
               : (float)r->quality;
}

si_encode_params si_choose_requested(
    const si_recipe *r, const si_image *image, const si_encode_params *embeds) {
    si_encode_params p = si_codec_defaults(r->format, image);
    p.quality = r->smart ? (float)r->quality : si_choose_quality(r);
    p.lossless = r->lossless;
    if (r->format == SI_FORMAT_JPEG || r->format == SI_FORMAT_TIFF || r->format == SI_FORMAT_PDF) {
        p.chroma_full = r->chroma_full; /* means nothing to the others (docs/decisions.md, SI-58) */
    }
    p.progressive = r->progressive;
    p.scans = r->scans;
    p.palette = r->palette;
    p.keep_alpha = r->alpha; /* docs/decisions.md, P35 */
    p.compression = r->compression;
    p.quantize = (si_quantize){.kind = (si_palette_kind)r->quantize.kind,
        .no_dither = r->quantize.no_dither,
        .colors = r->quantize.colors};
    p.dpi = r->print_res > 0 ? r->print_res : 0;
    if (embeds != NULL) {
        set_embeds(&p, embeds);
    }
    return p;
}

/* jpegSize: the best quality, up to the one asked for, whose file is small enough. */
static si_result fit_jpeg_size(
    const si_recipe *r, const si_image *image, si_encode_params *p, si_diag *diag) {
    si_bytes file = {0};
    si_result result = SI_OK;
    if (r->jpeg_size > 0 && r->format == SI_FORMAT_JPEG) {
        result =
            si_codec_encode_within(image, p, (size_t)r->jpeg_size * 1024, &file, &p->quality, diag);
    }
    si_bytes_free(&file);
    return result;
}

/* Lays an RGBA image on a grey level. */
static si_result flatten(const si_image *image, uint8_t level, si_image *out, si_diag *diag) {
    SI_TRY(si_image_alloc(out, image->width, image->height, 3, diag));
    out->grey = image->grey;
    for (int y = 0; y < image->height; y++) {
        const uint8_t *from = image->pixels + (size_t)y * image->stride;
        uint8_t *to = out->pixels + (size_t)y * out->stride;
        for (int x = 0; x < image->width; x++, from += 4, to += 3) {
            for (int k = 0; k < 3; k++) {
                to[k] = (uint8_t)((from[k] * from[3] + level * (255 - from[3]) + 127) / 255);
            }
        }
    }
    return SI_OK;
}

/* What looking as good means: the score to reach, and the JPEG that reached it. */
typedef struct target {
    double score;
    size_t jpeg_bytes;
} target;

/* The score of an opaque image as JPEG at the requested quality. */
static si_result score_of_jpeg(
    const si_image *image, const si_recipe *r, target *out, si_diag *diag) {
    si_encode_params p = si_codec_defaults(SI_FORMAT_JPEG, image);
    p.quality = (float)r->quality;
    p.chroma_full = r->chroma_full;
    si_bytes file = {0};
    si_image decoded = {0};
    si_score_ref *reference = NULL;
    si_result result = si_codec_encode(SI_FORMAT_JPEG, image, &p, &file, diag);
    if (result == SI_OK) {
        result = si_codec_decode(SI_FORMAT_JPEG, file.data, file.len, &decoded, diag);
    }
    if (result == SI_OK) {
        result = si_score_ref_new(image, SI_SCORE_ON_BLACK_AND_WHITE, &reference, diag);
    }
    if (result == SI_OK) {
        result = si_score_against(reference, &decoded, &out->score, diag);
    }
    out->jpeg_bytes = file.len;
    si_score_ref_free(reference);
    si_image_free(&decoded);
    si_bytes_free(&file);
    return result;
}

/* The target of a PNG request: what a JPEG at the effective qlt reaches; JPEG has no alpha, so
 * transparency is laid on black and on white and the worse score counts (docs/quality.md, Method).
 */
static si_result target_of_png(
    const si_recipe *r, const si_image *image, target *out, si_diag *diag) {
    if (!si_image_has_transparency(image)) {
        return score_of_jpeg(image, r, out, diag);
    }
    *out = (target){.score = INFINITY};
    for (int level = 0; level <= 255; level += 255) {
        si_image flat = {0};
        target t = {0};
        si_result result = flatten(image, (uint8_t)level, &flat, diag);
        if (result == SI_OK) {
            result = score_of_jpeg(&flat, r, &t, diag);
        }
        si_image_free(&flat);
        SI_TRY(result);
        if (t.score < out->score) {
            *out = t;
        }
    }
    return SI_OK;
}

/* ---- the choice ---- */

static const int budgets_ms[] = {[SI_TIER_REQUESTED] = 0,
    [SI_TIER_QUICK] = SI_QUICK_MS,
    [SI_TIER_FAST] = SI_FAST_MS,
    [SI_TIER_BETTER] = SI_BETTER_MS,
    [SI_TIER_BEST] = SI_BEST_MS};

enum { FORMATS_MAX = SI_LADDER_MAX + 1 };

/* The formats to try: the ladder, and the requested one itself, which can be encoded better. */
static int formats_to_try(const si_recipe *r, si_format formats[FORMATS_MAX]) {
    int count = 0;
    while (count < r->ladder_len) {
        formats[count] = r->ladder[count];
        count++;
    }
    if (r->smart && (r->format == SI_FORMAT_JPEG || r->format == SI_FORMAT_PNG)) {
        formats[count++] = r->format;
    }
    return count;
}

/* False for photographs that no lossless file can be small for. The forecast reads every pixel,
 * which takes half as long as the fastest encoders: of the development corpus' pictures with less
 * flat ground, no lossless file may have less than the JPEG's bytes. */
static bool may_repeat(const si_features *f) {
    const double little = 0.1;
    return f->v[SI_FEATURE_FLAT] >= little || si_features_drawing(f);
}

/* Log of encoding time per log of bytes, about: a first answer is not to spend on more encodings
 * what smaller files save. */
static const double cost_slope = 0.5;

/* The JPEG that looks as good as the target, where a line lowers it: what is foreseen is foreseen
 * from that, as it was fitted to JPEGs that set their targets. It is not made, only guessed. */
static void lower_expectations(si_search *s, const si_recipe *r, target *t) {
    double points = s->choice->lowered;
    s->fitted_like = si_network_quality_below(SI_FORMAT_JPEG, r->quality, points);
    double share = si_network_share(r->network, t->score, points);
    t->jpeg_bytes = (size_t)(share * (double)t->jpeg_bytes);
    if (!si_tier_is_refined(s->options.tier)) {
        s->options.budget_ms = (int)(s->options.budget_ms * pow(share, cost_slope));
    }
}

/* Sets target and threshold, and measures the features. The requested encoding has been tried. */
static si_result prepare(si_search *s, const si_recipe *r, si_diag *diag) {
    const si_candidate *requested = &s->choice->candidates[0];
    target t = {.score = requested->score, .jpeg_bytes = requested->bytes};
    if (s->exact) {
        t = (target){.score = 100};
    } else if (r->format == SI_FORMAT_PNG) {
        SI_TRY(target_of_png(r, s->image, &t, diag));
        t.score = fmax(t.score, SI_SCORE_PNG_LEAST);
    }
    if (isnan(t.score)) {
        return si_diag_result(diag, SI_ERR_INTERNAL);
    }
    s->requested_score = t.score;
    s->choice->target = s->exact ? t.score : si_network_target(r->network, t.score);
    s->choice->lowered = t.score - s->choice->target;
    s->threshold = s->exact ? 100 : s->choice->target - SI_SCORE_SLACK;
    lower_expectations(s, r, &t);
    si_features_measure(
        s->image, t.jpeg_bytes, (double)s->fitted_like, r->chroma_full, &s->features);
    s->budget_ms = s->options.budget_ms * fmax(1, s->features.megapixels);
    s->jpeg_bytes = (double)t.jpeg_bytes;
    s->lossless_bytes = may_repeat(&s->features) ? si_lossless_foresee(s->image, false) : INFINITY;
    s->alpha_bytes = si_image_has_transparency(s->image) ? si_lossless_foresee(s->image, true) : 0;
    return SI_OK;
}

/* Lossless tries beyond those of a first answer: all there is if the request is exact; else where a
 * refinement is on and they may win, or where nothing lossy reached the target. */
static void try_lossless(si_search *s, const si_format *formats, int count) {
    const int slow = 8;
    bool refined = si_tier_is_refined(s->options.tier);
    bool needed = s->exact || (s->best < 0 && s->unreachable);
    for (int i = 0; i < count; i++) {
        const si_candidate *c = s->choice->candidates;
        si_trial t = si_trial_lossless(s, formats[i]);
        bool may_win = t.least < (double)c[s->best >= 0 ? s->best : 0].bytes;
        bool png = s->requested == SI_FORMAT_PNG && refined;
        if (formats[i] == SI_FORMAT_PNG && !refined && !si_trial_affords_lossless(s, formats[i])) {
            continue; /* something exact is there already */
        }
        if (formats[i] != SI_FORMAT_JPEG && (needed || png || (refined && may_win))) {
            si_search_lossless(s, formats[i], refined ? slow : t.effort);
        }
    }
}

/* A refinement's budget grows with the pixels, as what it saves does, up to a limit: a worker is
 * not to be busy for longer with one picture. */
static double refined_budget(const si_search *s) {
    int given = s->options.budget_ms;
    int most = s->options.tier == SI_TIER_BEST ? SI_BEST_MOST_MS : SI_BETTER_MOST_MS;
    return fmin(given * fmax(1, s->features.megapixels / SI_REFINED_MEGAPIXELS), fmax(given, most));
}

/* Makes a first answer. A refinement begins as the one for idle machines, so that it never ends
 * larger, and knows the picture's curves from it. */
static void search_first(si_search *s, const si_format *formats, int count) {
    si_choose_options whole = s->options;
    if (si_tier_is_refined(whole.tier)) {
        s->options.tier = SI_TIER_FAST;
        s->options.budget_ms = whole.budget_ms < SI_FAST_MS ? whole.budget_ms : SI_FAST_MS;
    }
    s->budget_ms = s->options.budget_ms * fmax(1, s->features.megapixels);
    si_search_first(s, formats, count);
    s->options = whole;
    if (si_tier_is_refined(whole.tier)) {
        s->budget_ms = refined_budget(s);
        s->options.budget_ms = (int)s->budget_ms;
    }
}

/* Milliseconds of CPU time that the quickest setting of a format takes. */
static double quickest_ms(const si_search *s, si_format format) {
    double least = INFINITY;
    for (int k = 0; k < SI_SETTING_COUNT; k++) {
        const si_encoder_setting_info *info = si_encoder_setting_get((si_encoder_setting)k);
        if (info->format == format) {
            least = fmin(least, si_predict_cost(format, info->effort, &s->features));
        }
    }
    return least;
}

/* Leaves the format that is encoded quickest, of those that convert, and the requested one. Returns
 * how many there are. */
static int keep_quickest(const si_search *s, si_format *formats, int count) {
    int quickest = -1, kept = 0;
    for (int i = 0; i < count; i++) {
        if (formats[i] != s->requested && si_codec_get(formats[i])->available &&
            (quickest < 0 || quickest_ms(s, formats[i]) < quickest_ms(s, formats[quickest]))) {
            quickest = i;
        }
    }
    for (int i = 0; i < count; i++) {
        if (i == quickest || formats[i] == s->requested) {
            formats[kept++] = formats[i];
        }
    }
    return kept;
}

static void search(si_search *s, const si_format *formats, int count) {
    if (!s->exact) {
        search_first(s, formats, count);
    }
    bool refined = si_tier_is_refined(s->options.tier);
    for (int i = 0; !s->exact && refined && i < count; i++) {
        si_search_refined(s, formats[i]);
    }
    try_lossless(s, formats, count);
}

/* Bytes that the best conversion saves, < 0 if it is larger. The requested format packed anew
 * counts as one only where it is smaller, or nothing else was good. */
static long savings(const si_search *s) {
    const si_candidate *c = s->choice->candidates;
    int best = s->best;
    if (best < 0 || si_search_pays(s)) {
        return best < 0 ? 0 : (long)c[0].bytes - (long)c[best].bytes;
    }
    for (int i = 1; i < s->choice->candidate_count; i++) {
        bool same = c[best].format == s->requested;
        if (c[i].verdict == SI_VERDICT_LARGE && c[i].format != s->requested &&
            (same || c[i].bytes < c[best].bytes)) {
            best = i;
        }
    }
    return (long)c[0].bytes - (long)c[best].bytes;
}

/* Decides between the requested encoding and the best candidate. */
static void settle(si_search *s, si_bytes *requested_file) {
    si_choice *c = s->choice;
    c->saved = savings(s);
    if (si_search_pays(s)) {
        c->winner = s->best;
        c->candidates[s->best].verdict = SI_VERDICT_WINNER;
        c->format = c->candidates[s->best].format;
        si_bytes_move(&c->body, &s->best_file);
    } else {
        si_bytes_move(&c->body, requested_file);
    }
    assert(c->winner >= 0 && c->winner < c->candidate_count);
    c->score = c->candidates[c->winner].score;
}

/* Says how far the search came. */
static void tell_tier(const si_search *s) {
    si_choice *c = s->choice;
    si_tier asked = s->options.tier;
    bool late = si_tier_is_refined(asked) && !c->complete;
    c->complete &= !s->left_out;
    c->tier = c->complete                           ? SI_TIER_BEST
              : late                                ? SI_TIER_FAST
              : c->hurried && asked > SI_TIER_QUICK ? SI_TIER_QUICK
                                                    : asked;
}

/* Passes on why a search did not go well: SI_ERR_MEMORY only means that there is none, since the
 * requested encoding takes less than scores and candidates do, and no score beats no image. */
static si_result without_search(si_search *s, si_result result, const si_diag *why, si_diag *diag) {
    if (result != SI_ERR_MEMORY) {
        return result == SI_OK ? SI_OK : si_fail(diag, result, "%s", why->text);
    }
    s->options.tier = s->refining ? s->options.tier : SI_TIER_REQUESTED;
    return SI_OK;
}

/* Makes the requested encoding into `file`, scores it if `*count` formats are to be tried, and
 * prepares the search. 0 formats are left if there is no memory for that. */
static si_result try_requested(
    si_search *s, const si_recipe *r, int *count, si_bytes *file, si_diag *diag) {
    si_diag why = {0};
    if (*count > 0) {
        si_result scores =
            si_score_ref_new(s->image, SI_SCORE_ON_BLACK_AND_WHITE, &s->reference, &why);
        *count = scores == SI_OK ? *count : 0;
        SI_TRY(without_search(s, scores, &why, diag));
    }
    why = (si_diag){0};
    const si_candidate *requested = si_search_try(s, r->format, &s->requested_params, &why);
    if (requested == NULL || requested->bytes == 0) {
        return si_fail(diag, si_diag_result(&why, SI_ERR_INTERNAL), "%s", why.text);
    }
    s->choice->candidates[0].verdict = SI_VERDICT_REQUESTED;
    si_bytes_move(file, &s->file);
    if (*count == 0) {
        return SI_OK;
    }
    si_search_offer(s, 0, file);
    si_result ready = prepare(s, r, &why);
    *count = ready == SI_OK ? *count : 0;
    return without_search(s, ready, &why, diag);
}

si_result si_choose(const si_recipe *r, const si_image *image, const si_choose_options *options,
    si_choice *out, si_diag *diag) {
    si_search s = {.image = image,
        .choice = out,
        .best = -1,
        .requested = r->format,
        .keeps_light = true,
        .jpeg_quality = (float)r->quality,
        .jpeg_full = r->chroma_full,
        .requested_params = si_choose_requested(r, image, options != NULL ? options->embeds : NULL),
        .exact =
            r->format == SI_FORMAT_PNG && (r->quality == 100 /* SI-24 */ || r->ladder_len == 0)};
    s.options = options != NULL ? *options : (si_choose_options){0};
    if (s.options.tier == SI_TIER_DEFAULT) {
        s.options.tier = SI_TIER_FAST;
    }
    s.refining = si_tier_is_refined(s.options.tier);
    if (s.options.budget_ms == 0) {
        s.options.budget_ms = budgets_ms[s.options.tier];
    }
    si_format formats[FORMATS_MAX];
    int count = image->cmyk ? 0 : formats_to_try(r, formats); /* no score for inks */
    bool search_later = count > 0 && s.options.tier == SI_TIER_REQUESTED;
    if (search_later) {
        s.requested_params.quality = si_choose_quality(r);
    }
    count = search_later ? 0 : count;
    out->target = out->score = NAN;
    out->requested = out->winner = 0;
    out->format = r->format;
    /* unless the deadline comes first, or something is left to a higher tier */
    out->complete = si_tier_is_refined(s.options.tier) || (count == 0 && !search_later);
    si_bytes requested_file = {0};
    si_result result = fit_jpeg_size(r, image, &s.requested_params, diag);
    if (result == SI_OK) {
        result = try_requested(&s, r, &count, &requested_file, diag);
    }
    if (result != SI_OK) {
        goto done;
    }
    if (count > 0) {
        if (s.options.quickest_format) {
            count = keep_quickest(&s, formats, count);
        }
        search(&s, formats, count);
    }
    settle(&s, &requested_file);
    tell_tier(&s);
done:
    for (int i = 0; i < out->candidate_count; i++) { /* nothing borrowed leaves here */
        set_embeds(&out->candidates[i].params, &(si_encode_params){0});
    }
    si_score_ref_free(s.reference);
    free(s.light.y);
    si_bytes_free(&s.file);
    si_bytes_free(&s.best_file);
    si_bytes_free(&requested_file);
    return result;
}

void si_choice_free(si_choice *c) {
    si_bytes_free(&c->body);
    *c = (si_choice){0};
}
