#include "renderer/explanation.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/json.h"

static const char *const verdicts[] = {
    [SI_VERDICT_REQUESTED] = "requested",
    [SI_VERDICT_WINNER] = "winner",
    [SI_VERDICT_POOR] = "below target",
    [SI_VERDICT_ALPHA] = "alpha differs",
    [SI_VERDICT_LARGE] = "larger",
    [SI_VERDICT_FAILED] = "failed",
};

const char *si_candidate_verdict(const si_choice *c, int i) {
    bool winner = i == c->winner, requested = c->candidates[i].requested;
    return winner && requested ? "requested, winner"
           : winner            ? "winner"
           : requested         ? "requested"
                               : verdicts[c->candidates[i].verdict];
}

/* ---- JSON ---- */

static bool put_text(si_bytes *out, const char *name, si_str text) {
    return si_bytes_print(out, "\"%s\":", name) && si_json_put(out, text.p, text.len) &&
           si_bytes_print(out, ",");
}

static bool put_number(si_bytes *out, const char *name, double v, int decimals) {
    return isnan(v) ? si_bytes_print(out, "\"%s\":null,", name)
                    : si_bytes_print(out, "\"%s\":%.*f,", name, decimals, v);
}

/* What requested, sent and candidates have in common. */
static bool put_encoding(si_bytes *out, const si_candidate *k) {
    return si_bytes_print(out, "{") &&
           put_text(out, "format", si_str_of(si_format_name(k->format))) &&
           put_text(out, "settings", si_str_of(k->settings)) &&
           put_number(out, "bytes", (double)k->bytes, 0) && put_number(out, "score", k->score, 4);
}

bool si_candidates_json(const si_choice *c, si_bytes *out) {
    bool ok = si_bytes_print(out, "[");
    for (int i = 0; ok && i < c->candidate_count; i++) {
        const si_candidate *k = &c->candidates[i];
        ok = si_bytes_print(out, "%s\n", i > 0 ? "," : "") && put_encoding(out, k) &&
             put_number(out, "encode_ms", k->encode_ms, 3) &&
             put_number(out, "score_ms", k->score_ms, 3) &&
             si_bytes_print(out, "\"verdict\":\"%s\"}", si_candidate_verdict(c, i));
    }
    return ok && si_bytes_print(out, "]");
}

/* One of the two encodings that the page compares. What was sent without a choice, such as an
 * animation, has no candidates. */
static bool put_side(si_bytes *out, const char *name, const si_answer *a, int candidate) {
    const si_choice *c = &a->choice;
    const si_candidate alone = {.format = c->format, .bytes = a->body.len, .score = NAN};
    const si_candidate *k = c->candidate_count > 0 ? &c->candidates[candidate] : &alone;
    bool ok = si_bytes_print(out, "\"%s\":", name) && put_encoding(out, k);
    out->len -= ok; /* the comma behind the last member */
    return ok && si_bytes_print(out, "},");
}

static bool put_error(si_bytes *out, const si_answer *a) {
    si_str text = si_str_trim((si_str){(const char *)a->body.data, a->body.len});
    while (text.len > 0 && text.p[text.len - 1] == '\n') {
        text.len--;
    }
    return si_bytes_print(out, "{") && put_text(out, "error", text) &&
           si_bytes_print(out, "\"status\":%d}\n", a->status);
}

bool si_explanation_json(const si_explained *x, si_bytes *out) {
    const si_answer *a = x->answer;
    const si_choice *c = &a->choice;
    if (a->status != 200) {
        return put_error(out, a);
    }
    return si_bytes_print(out, "{") && put_text(out, "client", x->client) &&
           put_text(out, "recipe", x->recipe) && put_number(out, "target", c->target, 4) &&
           put_side(out, "requested", a, c->requested) && put_side(out, "sent", a, c->winner) &&
           si_bytes_print(out, "\"candidates\":") && si_candidates_json(c, out) &&
           si_bytes_print(out, ",") &&
           put_number(out, "width", a->width > 0 ? (double)a->width : NAN, 0) &&
           put_number(out, "height", a->height > 0 ? (double)a->height : NAN, 0) &&
           si_bytes_print(out, "\"total_ms\":%.1f}\n", x->total_ms);
}

/* ---- showing ---- */

static si_result encode_png(si_answer *a, int64_t max_bytes, si_bytes *out, si_diag *diag) {
    si_image image = {0};
    si_result result = si_codec_decode(a->choice.format, a->body.data, a->body.len, &image, diag);
    if (result == SI_OK) {
        si_encode_params how = si_codec_defaults(SI_FORMAT_PNG, &image);
        how.effort = 1;
        result = si_codec_encode(SI_FORMAT_PNG, &image, &how, out, diag);
    }
    if (result == SI_OK && max_bytes > 0 && out->len > (uint64_t)max_bytes) {
        result = si_fail(
            diag, SI_ERR_LIMIT, "the decoded reply of %zu bytes exceeds the limit", out->len);
    }
    si_image_free(&image);
    return result;
}

static void show_png(si_answer *a, int64_t max_bytes) {
    si_bytes png = {0};
    si_diag diag = {0};
    char hex[SI_DIGEST_HEX];
    if (a->status != 200) {
        return;
    }
    if (encode_png(a, max_bytes, &png, &diag) != SI_OK) {
        si_answer_error(&diag, a);
    } else {
        si_bytes_move(&a->body, &png);
        a->content_type = si_format_mime(SI_FORMAT_PNG);
        si_digest_hex(a->body.data, a->body.len, hex);
        snprintf(a->etag, sizeof a->etag, "\"%s\"", hex);
        a->choice.complete = true;
    }
    si_bytes_free(&png);
}

static void show_explanation(si_answer *a, const si_explained *x) {
    si_bytes text = {0};
    if (si_explanation_json(x, &text)) {
        si_bytes_move(&a->body, &text);
        a->content_type = "application/json";
        a->etag[0] = '\0';
        a->smart = false;
    } else {
        si_diag diag = {0};
        (void)si_fail(&diag, SI_ERR_MEMORY, "out of memory");
        si_answer_error(&diag, a);
    }
    si_bytes_free(&text);
}

void si_answer_show(si_answer *a, si_show show, const si_explained *x, int64_t max_bytes) {
    if (show == SI_SHOW_PNG) {
        show_png(a, max_bytes);
    } else if (show == SI_SHOW_EXPLANATION) {
        show_explanation(a, x);
    }
}
