#include "quality/choose.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "quality/search.h"

static double ms_since(int64_t start) {
    return (double)(si_now_ns() - start) / 1e6;
}

/* ---- one candidate ---- */

static void describe(si_candidate *c) {
    const si_encode_params *p = &c->params;
    size_t n = 0, room = sizeof c->settings;
#define SAY(...)                                                                                   \
    n += n < room ? (size_t)snprintf(c->settings + n, room - n, __VA_ARGS__) : 0
    if (p->lossless || c->format == SI_FORMAT_PNG || c->format == SI_FORMAT_GIF) {
        SAY("lossless");
    } else {
        SAY("quality %.4g", (double)p->quality);
    }
    if (c->format == SI_FORMAT_JPEG || c->format == SI_FORMAT_AVIF || c->format == SI_FORMAT_JXR) {
        SAY(" %s", p->chroma_full ? "4:4:4" : "4:2:0");
    }
    if (c->format == SI_FORMAT_AVIF && !p->lossless) {
        SAY(" %d bit", p->bit_depth);
    }
    if (c->format == SI_FORMAT_JPEG && p->progressive) {
        SAY(" progressive");
    }
    if (!c->baseline) {
        SAY(" effort %d", p->effort);
    }
#undef SAY
}

si_candidate *si_search_try(
    si_search *s, si_format format, const si_encode_params *params, si_diag *diag) {
    si_choice *choice = s->choice;
    if (choice->candidate_count == SI_CANDIDATES_MAX) {
        (void)si_fail(diag, SI_ERR_LIMIT, "too many candidates");
        return NULL;
    }
    si_candidate *c = &choice->candidates[choice->candidate_count++];
    *c = (si_candidate){
        .format = format, .params = *params, .score = NAN, .verdict = SI_VERDICT_FAILED};
    describe(c);
    si_image decoded = {0};
    si_bytes_free(&s->file);
    int64_t start = si_now_ns();
    if (si_codec_encode(format, s->image, params, &s->file, diag) != SI_OK) {
        return c;
    }
    c->encode_ms = ms_since(start);
    c->bytes = s->file.len;
    if (s->reference == NULL) {
        return c;
    }
    start = si_now_ns();
    if (si_codec_decode(format, s->file.data, s->file.len, &decoded, diag) != SI_OK ||
        si_score_against(s->reference, &decoded, &c->score, diag) != SI_OK) {
        c->score = NAN;
    }
    c->score_ms = ms_since(start);
    si_image_free(&decoded);
    return c;
}

/* ---- the target ---- */

/* What the request asks for, as encoder parameters. */
static si_encode_params requested_params(const si_recipe *r, const si_image *image) {
    si_encode_params p = si_codec_defaults(r->format, image);
    p.quality = (float)r->quality;
    p.lossless = r->lossless;
    if (r->format == SI_FORMAT_JPEG || r->format == SI_FORMAT_TIFF) {
        p.chroma_full = r->chroma_full; /* means nothing to the others (SI-58) */
    }
    p.progressive = r->progressive;
    p.dpi = r->print_res;
    p.tiff = (si_tiff_compression)r->compression;
    return p;
}

/* Lays an RGBA image on a grey level. */
static si_result flatten(const si_image *image, uint8_t level, si_image *out, si_diag *diag) {
    si_result result = si_image_alloc(out, image->width, image->height, 3, diag);
    if (result != SI_OK) {
        return result;
    }
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

/* The score of an opaque image as JPEG at the requested quality. */
static si_result score_of_jpeg(
    const si_image *image, const si_recipe *r, double *score, si_diag *diag) {
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
        result = si_score_against(reference, &decoded, score, diag);
    }
    si_score_ref_free(reference);
    si_image_free(&decoded);
    si_bytes_free(&file);
    return result;
}

/* The target of a PNG request: what a JPEG at the effective qlt reaches; JPEG has no alpha, so
 * transparency is laid on black and on white and the worse score counts (design.md "Quality"). */
static si_result target_of_png(
    const si_recipe *r, const si_image *image, double *target, si_diag *diag) {
    if (!si_image_has_transparency(image)) {
        return score_of_jpeg(image, r, target, diag);
    }
    *target = INFINITY;
    for (int level = 0; level <= 255; level += 255) {
        si_image flat = {0};
        double score = 0;
        si_result result = flatten(image, (uint8_t)level, &flat, diag);
        if (result == SI_OK) {
            result = score_of_jpeg(&flat, r, &score, diag);
        }
        si_image_free(&flat);
        if (result != SI_OK) {
            return result;
        }
        *target = fmin(*target, score);
    }
    return SI_OK;
}

/* ---- the choice ---- */

/* Keeps the file of the candidate just tried if it is the smallest good one so far. */
static void keep_if_best(si_search *s, const si_candidate *c) {
    if (s->best < 0 || c->bytes < s->choice->candidates[s->best].bytes) {
        s->best = (int)(c - s->choice->candidates);
        si_bytes_move(&s->best_file, &s->file);
    }
}

bool si_search_is_good(const si_search *s, const si_candidate *c) {
    return c != NULL && c->bytes > 0 && c->score >= s->choice->target - SI_SCORE_SLACK;
}

si_candidate *si_search_judge(si_search *s, si_format format, const si_encode_params *params) {
    si_diag ignored = {0}; /* a codec that fails costs its candidate, not the reply */
    si_candidate *c = si_search_try(s, format, params, &ignored);
    if (c == NULL || c->bytes == 0 || isnan(c->score)) {
        return c;
    }
    c->verdict = SI_VERDICT_POOR;
    if (si_search_is_good(s, c)) {
        c->verdict = SI_VERDICT_LARGE; /* until it turns out the winner */
        keep_if_best(s, c);
    }
    return c;
}

si_result si_choose(const si_recipe *r, const si_image *image, int64_t deadline_ns, si_choice *out,
    si_diag *diag) {
    si_search s = {.image = image, .choice = out, .deadline_ns = deadline_ns, .best = -1};
    out->target = out->score = NAN;
    out->baseline = out->winner = -1;
    si_bytes baseline_file = {0};
    bool exact = r->format == SI_FORMAT_PNG && r->quality == 100; /* SI-24 */
    si_result result = SI_OK;
    if (r->ladder_len > 0) {
        result = si_score_ref_new(image, SI_SCORE_ON_BLACK_AND_WHITE, &s.reference, diag);
    }
    if (result != SI_OK) {
        goto done;
    }
    si_encode_params wanted = requested_params(r, image);
    si_candidate *baseline = si_search_try(&s, r->format, &wanted, diag);
    if (baseline == NULL || baseline->bytes == 0) {
        result = diag->code != SI_OK ? diag->code : SI_ERR_INTERNAL;
        goto done;
    }
    baseline->baseline = true;
    baseline->verdict = SI_VERDICT_BASELINE;
    describe(baseline);
    out->baseline = out->winner = 0;
    out->format = r->format;
    out->full = true;
    si_bytes_move(&baseline_file, &s.file);
    if (r->ladder_len > 0) {
        out->target = baseline->score;
        if (r->format == SI_FORMAT_PNG) {
            out->target = 100;
            if (!exact) {
                result = target_of_png(r, image, &out->target, diag);
            }
        }
        if (result != SI_OK || isnan(out->target)) {
            result = result != SI_OK ? result : SI_ERR_INTERNAL;
            goto done;
        }
    }
    for (int i = 0; i < r->ladder_len; i++) {
        if (exact) {
            si_search_lossless(&s, r->ladder[i]);
        } else {
            si_search_format(&s, r->ladder[i]);
        }
    }
    baseline = &out->candidates[0];
    if (s.best >= 0) {
        out->saved = (long)baseline->bytes - (long)out->candidates[s.best].bytes;
    }
    if (out->saved > 0) {
        out->winner = s.best;
        out->candidates[s.best].verdict = SI_VERDICT_WINNER;
        out->format = out->candidates[s.best].format;
        si_bytes_move(&out->body, &s.best_file);
    } else {
        si_bytes_move(&out->body, &baseline_file);
    }
    out->score = out->candidates[out->winner].score;
done:
    si_score_ref_free(s.reference);
    si_bytes_free(&s.file);
    si_bytes_free(&s.best_file);
    si_bytes_free(&baseline_file);
    return result;
}

void si_choice_free(si_choice *c) {
    si_bytes_free(&c->body);
    *c = (si_choice){0};
}
