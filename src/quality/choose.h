/* The choice: the smallest encoding that looks as good as the one that was asked for.
 *
 * The requested encoding is made first. Its SSIMULACRA2 score on exactly these pixels is the
 * target; for a PNG request, the score of a JPEG at the effective qlt. A candidate of another
 * format is good if its file, decoded, scores at least target − SI_SCORE_SLACK. The smallest good
 * candidate wins if it is smaller than the requested encoding, else the requested encoding is sent
 * (docs/quality.md; numbers are of docs/decisions.md):
 *
 *  - a reply is never larger than the requested encoding; on a tie the requested encoding is
 *    sent (D-3);
 *  - a lossless candidate is tried where it may be smaller than all lossy ones (foreseen by
 *    lossless.h), or if no lossy one can reach the target; if it is sent, it looks better, too;
 *  - a PNG request becomes lossy (SI-23) unless something lossless is smaller still; at quality 100
 *    it stays exact (SI-24);
 *  - the requested format competes as well, whatever the client knows: a fitted JPEG for a JPEG
 *    request, the same pixels packed harder for a PNG request;
 *  - alpha is exact: a candidate whose alpha, decoded, is not that of the pixels is not good. (The
 *    requested encoding may have less: png8 and JPEG.)
 *  - transparency is scored on black and on white, and the worse counts;
 *  - for good and poor lines the target is lower than that score (network_steps.h). What is sent
 *    without a search has a lower quality for them.
 *
 * Pictures below 8×8 are extended to that for scoring (ssimulacra2.h). Below TINY_PIXELS, encodings
 * cost so little that a first answer takes as many as it needs. Above a megapixel, the budget of a
 * first answer grows with the pixels, as rendering does. A refinement's grows as well, as what it
 * saves does, up to a limit, from where on it uses faster encoder settings.
 *
 * A refinement begins as a first answer of the tier fast, whose encodings are candidates like
 * others: what it ends with is never larger. Encodings begin only if they are foreseen to end
 * before the deadline. */
#ifndef SI_QUALITY_CHOOSE_H
#define SI_QUALITY_CHOOSE_H

#include "base/tier.h"
#include "codec/codec.h"
#include "picture/recipe.h"

#define SI_SCORE_SLACK 0.5 /* a candidate may score this much below the target */

/* Who asks for a PNG asks for pixels as they are. JPEG does badly on small drawings, down to scores
 * below zero where the metric says nothing any more: the target of a PNG request is at least this,
 * a medium quality on SSIMULACRA2's scale. */
#define SI_SCORE_PNG_LEAST 50.0

enum {
    SI_CANDIDATES_MAX = 96,
    /* default budgets: of first answers for up to a megapixel, of refinements for up to
     * SI_REFINED_MEGAPIXELS; beyond they grow with the pixels */
    SI_QUICK_MS = 110,
    SI_FAST_MS = 170,
    SI_BETTER_MS = 1000,
    SI_BEST_MS = 4500,
    SI_BETTER_MOST_MS = 3000, /* of refinements, however large the picture */
    SI_BEST_MOST_MS = 8000
};

#define SI_REFINED_MEGAPIXELS 0.2

struct si_choice;

typedef struct si_choose_options {
    si_tier tier;  /* how long to search */
    int budget_ms; /* CPU time for encoding on top of the requested encoding, as foreseen by the
                      table of costs rather than measured, so that equal requests are answered
                      equally; 0 = the defaults above */
    int64_t deadline_ns;            /* CLOCK_MONOTONIC; no encoding starts later; 0 = none */
    const si_encode_params *embeds; /* icc, xmp, paths, dpi and quantize.forced of the requested
                                       encoding (borrowed); NULL = none but the recipe's own dpi */
    /* Called with each file that could be sent if the search had to end now: first the requested
     * encoding, then every good one that is smaller than those before. `so_far` says of it what it
     * says of a winner at the end, its body apart; both are borrowed. Not called where nothing is
     * searched. NULL = not wanted. */
    void (*on_best)(void *context, const struct si_choice *so_far, const si_bytes *file);
    /* Asked before each encoding but the requested one; true = nobody wants the choice any more, so
     * that the search ends with what it has. NULL = it is wanted. */
    bool (*cancelled)(void *context);
    /* Asked after each encoding but the requested one; true = others wait for the machine, so that
     * nothing better is looked for: a first answer ends as a quick one, a refinement with what it
     * has. NULL = nobody does. */
    bool (*hurried)(void *context);
    bool quickest_format; /* of the formats that convert, try the one alone that the table of costs
                             says is encoded quickest */
    void *context;
} si_choose_options;

typedef enum si_verdict {
    SI_VERDICT_REQUESTED, /* the requested encoding */
    SI_VERDICT_WINNER,
    SI_VERDICT_POOR,  /* scores below the target */
    SI_VERDICT_ALPHA, /* its alpha, decoded, is not the picture's */
    SI_VERDICT_LARGE, /* good, but larger than another good one */
    SI_VERDICT_FAILED /* the encoder or decoder refused */
} si_verdict;

/* One encoding that was tried. */
typedef struct si_candidate {
    si_format format;
    si_encode_params params;
    char settings[80]; /* the parameters in words, for explain */
    size_t bytes;      /* 0 if the encoder failed */
    double score;      /* SSIMULACRA2; NAN if not scored */
    double encode_ms, score_ms;
    si_verdict verdict;
    bool alpha_differs; /* its alpha, decoded, is not the picture's: never sent */
    bool requested;     /* made as requested; may also be the winner */
    bool trial;         /* made fast, to tell which quality the next one needs; it may also win */
} si_candidate;

/* What was chosen and why. Zero-initialize; release with si_choice_free(). */
typedef struct si_choice {
    si_bytes body;    /* the winner's file */
    si_format format; /* and its format */
    int candidate_count;
    si_candidate candidates[SI_CANDIDATES_MAX];
    int winner, requested; /* indices into candidates */
    double target;         /* score that candidates had to reach, without the slack; NAN if none */
    double lowered;        /* points that it is below what was asked for, as the client's line is
                              not excellent (network_steps.h) */
    double score;          /* the winner's; NAN if not scored */
    long saved;            /* requested bytes − converted bytes: > 0 the converted one was sent,
                              < 0 the best converted one (of another format, if any was good) was that
                              much larger; 0 tie or no candidate */
    si_tier tier;  /* the tier reached: lower than asked for if time ran out, SI_TIER_BEST if there
                      was nothing to search */
    bool complete; /* nothing is left to refine: searched to the end, or nothing to search */
    bool hurried;  /* ended early, as others waited */
} si_choice;

/* The quality of an encoding that is sent without a search: the one asked for, or a lower one for
 * good and poor lines (network_steps.h). */
float si_choose_quality(const si_recipe *r);

/* What the request asks for, as parameters of r->format's encoder; `embeds` as in the options.
 * Where r is not smart, that is what is sent, so its quality is lowered for good and poor lines. */
si_encode_params si_choose_requested(
    const si_recipe *r, const si_image *image, const si_encode_params *embeds);

/* Chooses for final pixels. Only r's output and smart-imaging fields are read. Where r is not
 * smart, or there is nothing to try, only the requested encoding is made, and not scored. `options`
 * may be NULL. Fails if the requested encoding cannot be encoded. */
SI_NODISCARD si_result si_choose(const si_recipe *r, const si_image *image,
    const si_choose_options *options, si_choice *out, si_diag *diag);

void si_choice_free(si_choice *c);

#endif
