#include "renderer/answer.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/wire.h"
#include "render/embeds.h"
#include "renderer/answer_facts.h"
#include "renderer/load.h"
#include "renderer/motion.h"
#include "renderer/readable.h"

/* ---- errors ---- */

void si_answer_error(const si_diag *diag, si_answer *out) {
    si_answer_free(out);
    si_result result = si_diag_result(diag, SI_ERR_INTERNAL);
    char text[512];
    int n = snprintf(text, sizeof text, "%s%s%s\n", si_result_title(result),
        diag->text[0] != '\0' ? ": " : "", diag->text);
    out->status = si_result_status(result);
    out->content_type = "text/plain; charset=utf-8";
    (void)si_bytes_append(&out->body, text, (size_t)(n < (int)sizeof text ? n : 0));
}

/* ---- images ---- */

static void set_etag(si_answer *a) {
    char hex[SI_DIGEST_HEX];
    si_digest_hex(a->body.data, a->body.len, hex);
    snprintf(a->etag, sizeof a->etag, "\"%s\"", hex);
}

static double scores_ms(const si_choice *c) {
    double score = 0;
    for (int i = 0; i < c->candidate_count; i++) {
        score += c->candidates[i].score_ms;
    }
    return score;
}

/* What the choice took that began at `since_ns`. Trials that are no candidates count as encodings.
 */
static void set_choice_stages(int64_t since_ns, si_answer *a) {
    double choose_us = (double)(si_now_ns() - since_ns) / 1e3;
    double score_us = fmin(scores_ms(&a->choice) * 1e3, choose_us);
    a->stages.us[SI_STAGE_ENCODE] = (int64_t)(choose_us - score_us);
    a->stages.us[SI_STAGE_SCORE] = (int64_t)score_us;
}

/* What came before a choice, or all of the answer if there was none. */
static void set_render_stage(const si_answer_options *options, int64_t start_ns, si_answer *a) {
    int64_t source_ns = options->source_ns != NULL ? *options->source_ns : 0;
    int64_t all_ns = si_now_ns() - start_ns;
    a->stages.us[SI_STAGE_SOURCE] = source_ns / 1000;
    a->stages.us[SI_STAGE_RENDER] = (all_ns > source_ns ? all_ns - source_ns : 0) / 1000;
}

static void set_timing(si_answer *a, double render_ms, double choose_ms) {
    double encode = 0, score = scores_ms(&a->choice);
    for (int i = 0; i < a->choice.candidate_count; i++) {
        encode += a->choice.candidates[i].encode_ms;
    }
    snprintf(a->server_timing, sizeof a->server_timing,
        "render;dur=%.1f, choose;dur=%.1f, encode;dur=%.1f;desc=\"%d encodings\", score;dur=%.1f",
        render_ms, choose_ms, encode, a->choice.candidate_count, score);
}

static void set_network(const si_recipe *r, si_answer *a) {
    a->network = r->network;
    a->quality = (int)si_choose_quality(r);
}

/* An animation as requested. *moved is false, and nothing is done, where the picture stands still.
 */
static si_result answer_moving(const si_recipe *r, const si_files *files,
    const si_answer_options *options, bool *moved, si_answer *out, si_diag *diag) {
    int64_t start = si_now_ns();
    si_result result = si_motion_answer(r, files, &options->limits, moved, &out->body, diag);
    if (result == SI_OK && *moved) {
        out->status = 200;
        out->content_type = si_format_mime(r->format);
        out->choice.format = r->format;
        out->choice.complete = true;
        out->choice.target = out->choice.score = NAN;
        set_network(r, out);
        set_etag(out);
        set_timing(out, (double)(si_now_ns() - start) / 1e6, 0);
    }
    return result;
}

/* What a choice alone says of its reply. */
static void describe(const si_recipe *r, si_answer *a) {
    a->status = 200;
    a->content_type = si_format_mime(a->choice.format);
    a->smart = r->smart;
    set_network(r, a);
    set_etag(a);
}

static bool is_too_large(const si_answer_options *options, const si_bytes *body) {
    return options->max_bytes > 0 && body->len > (uint64_t)options->max_bytes;
}

typedef struct early {
    const si_recipe *recipe;
    const si_answer_options *options;
    si_tier tier;
    si_stage_times stages; /* until … */
    int64_t rendered_ns;   /* … the choice began (CLOCK_MONOTONIC) */
    bool cancelled;        /* it has been said that nobody waits */
} early;

/* Makes an answer of what a search has so far. */
static void hand_on(void *context, const si_choice *so_far, const si_bytes *file) {
    const early *e = context;
    if (is_too_large(e->options, file)) {
        return;
    }
    si_answer a = {.choice = *so_far, .body = *file}; /* borrowed, so never freed */
    a.choice.complete = false;
    a.choice.tier = si_tier_is_refined(e->tier) ? SI_TIER_FAST : e->tier;
    a.stages = e->stages;
    set_choice_stages(e->rendered_ns, &a);
    describe(e->recipe, &a);
    e->options->on_best(e->options->context, &a);
}

static bool is_cancelled(void *context) {
    early *e = context;
    e->cancelled = e->cancelled ||
                   (e->options->cancelled != NULL && e->options->cancelled(e->options->context));
    return e->cancelled;
}

static si_load load_now(const si_answer_options *options) {
    return options->load != NULL ? options->load(options->context) : SI_LOAD_IDLE;
}

static bool is_hurried(void *context) {
    const early *e = context;
    return load_now(e->options) != SI_LOAD_IDLE;
}

/* The search for the reply's encoding, as far as others leave the time for it. */
static si_result choose(const si_recipe *r, const si_image *image, early *e,
    const si_encode_params *embeds, si_answer *out, si_diag *diag) {
    const si_answer_options *options = e->options;
    bool refined = si_tier_is_refined(options->tier);
    si_load load = load_now(options);
    e->tier = refined || load == SI_LOAD_IDLE ? options->tier : si_load_tier(load);
    si_choose_options how = {.tier = e->tier,
        .quickest_format = !refined && load == SI_LOAD_QUICK_FORMAT,
        .deadline_ns = options->deadline_ns,
        .embeds = embeds,
        .on_best = options->on_best != NULL ? hand_on : NULL,
        .cancelled = is_cancelled,
        .hurried = is_hurried,
        .context = e};
    if (how.deadline_ns != 0 && options->waited_ns != NULL) {
        how.deadline_ns += *options->waited_ns;
    }
    si_result result = si_choose(r, image, &how, &out->choice, diag);
    if (result == SI_OK && !out->choice.complete) { /* else there was nothing to spare */
        bool hurried = out->choice.hurried;
        out->load = !refined && load != SI_LOAD_IDLE ? load
                    : hurried ? (refined ? SI_LOAD_REFINEMENT : SI_LOAD_QUICK)
                              : SI_LOAD_IDLE;
    }
    return result;
}

static si_result answer_image(const si_recipe *r, const si_files *files,
    const si_answer_options *options, bool *cancelled, si_answer *out, si_diag *diag) {
    si_image image = {0};
    si_output_embeds embeds = {0};
    bool moved;
    int64_t begun = si_now_ns();
    si_result result = answer_moving(r, files, options, &moved, out, diag);
    if (result != SI_OK || moved) {
        set_render_stage(options, begun, out);
        return result;
    }
    int64_t start = si_now_ns();
    result = si_render(r, files, &options->limits, &image, diag);
    if (result == SI_OK) {
        result = si_output_embeds_load(r, files, &options->limits, &embeds, diag);
    }
    set_render_stage(options, begun, out);
    int64_t rendered = si_now_ns();
    early e = {.recipe = r,
        .options = options,
        .tier = options->tier,
        .stages = out->stages,
        .rendered_ns = rendered};
    if (result == SI_OK && !is_cancelled(&e)) {
        result = choose(r, &image, &e, &embeds.params, out, diag);
        set_choice_stages(rendered, out);
    }
    *cancelled = e.cancelled;
    out->width = image.width;
    out->height = image.height;
    if (result == SI_OK && e.cancelled) { /* a search that was cut short is nobody's answer */
        result = si_fail(diag, SI_ERR_IO, "nobody waits for the image");
    }
    si_output_embeds_free(&embeds);
    si_image_free(&image);
    SI_TRY(result);
    si_bytes_move(&out->body, &out->choice.body);
    describe(r, out);
    double choose_ms = (double)(si_now_ns() - rendered) / 1e6;
    set_timing(out, (double)(rendered - start) / 1e6, choose_ms);
    out->search_us = (int64_t)(fmax(choose_ms - out->choice.candidates[0].encode_ms, 0) * 1000);
    return SI_OK;
}

/* ---- public ---- */

void si_answer_make(
    const si_recipe *r, const si_files *files, const si_answer_options *options, si_answer *out) {
    si_diag diag = {0};
    bool cancelled = false;
    bool image = r->req == SI_REQ_IMG || r->req == SI_REQ_MASK;
    int64_t start = si_now_ns();
    si_result result = image ? answer_image(r, files, options, &cancelled, out, &diag)
                             : si_answer_facts(r, files, options, out, &diag);
    if (result == SI_OK && is_too_large(options, &out->body)) {
        result = si_fail(&diag, SI_ERR_LIMIT, "the reply of %zu bytes exceeds the limit of %lld",
            out->body.len, (long long)options->max_bytes);
    }
    if (result == SI_ERR_SOURCE) { /* the file's fault, or that of what it lies on? */
        si_diag other = {0};
        if (si_files_readable(r, files, &other) != SI_OK) {
            diag = other;
            result = diag.code;
        }
    }
    if (!image) {
        set_render_stage(options, start, out);
    }
    if (result == SI_OK && !image) {
        set_etag(out);
    }
    if (result != SI_OK) {
        si_stage_times stages = out->stages;
        diag.code = diag.code != SI_OK ? diag.code : result;
        si_answer_error(&diag, out);
        out->stages = stages;
    }
    out->cancelled = cancelled;
    assert(!cancelled || out->status != 200);
}

/* The receipt of a choice. */
static bool put_choice(const si_answer *a, si_bytes *out) {
    const si_choice *c = &a->choice;
    char score[32] = "", target[32] = "", network[48] = "", load[32] = "";
    if (!isnan(c->score)) {
        snprintf(score, sizeof score, "; score=%.2f", c->score);
    }
    if (!isnan(c->target)) {
        snprintf(target, sizeof target, "; target=%.2f", c->target);
    }
    if (a->network != SI_NETWORK_UNKNOWN) {
        snprintf(network, sizeof network, "; network=%s; lowered=%.2f", si_network_name(a->network),
            c->lowered);
    }
    if (a->load >= SI_LOAD_QUICK) {
        snprintf(load, sizeof load, "; load=%s", si_load_name(a->load));
    }
    return si_bytes_print(out, SI_HEADER_CHOICE ": format=%s; saved=%ld%s%s%s; effort=%s%s\r\n",
        si_format_name(c->format), c->saved, score, target, network, si_tier_name(c->tier), load);
}

bool si_answer_headers(const si_answer *a, si_bytes *out) {
    bool ok = si_bytes_print(out, "Status: %d\r\n", a->status) &&
              si_bytes_print(out, "Content-Type: %s\r\n", a->content_type) &&
              si_bytes_print(out, "Content-Length: %zu\r\n", a->body.len);
    if (a->etag[0] != '\0') {
        ok = ok && si_bytes_print(out, "ETag: %s\r\n", a->etag);
    }
    if (a->smart && a->status == 200) {
        ok = ok && si_bytes_print(out, SI_HEADER_SAVED ": %ld\r\n", a->choice.saved) &&
             put_choice(a, out);
    } else if (a->network != SI_NETWORK_UNKNOWN && a->status == 200) {
        ok = ok && si_bytes_print(out, SI_HEADER_CHOICE ": format=%s; network=%s; quality=%d\r\n",
                       si_format_name(a->choice.format), si_network_name(a->network), a->quality);
    }
    if (a->server_timing[0] != '\0') {
        ok = ok && si_bytes_print(out, SI_HEADER_TIMING ": %s\r\n", a->server_timing);
    }
    return ok;
}

void si_answer_free(si_answer *a) {
    si_choice_free(&a->choice);
    si_bytes_free(&a->body);
    *a = (si_answer){0};
}
