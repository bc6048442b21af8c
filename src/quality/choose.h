/* The choice: the smallest encoding that looks as good as the one that was asked for.
 *
 * The requested encoding is made first; it is the baseline. Its SSIMULACRA2 score on exactly these
 * pixels is the target. Each format of the ladder is searched for its smallest file that scores at
 * least target − 0.5. The smallest good candidate wins if it is smaller than the baseline, else the
 * baseline is sent (design.md "Quality", reference/smart-imaging.md sections 3 to 5). */
#ifndef SI_QUALITY_CHOOSE_H
#define SI_QUALITY_CHOOSE_H

#include "codec/codec.h"
#include "recipe/recipe.h"

#define SI_SCORE_SLACK 0.5 /* a candidate may score this much below the target */

enum { SI_CANDIDATES_MAX = 96 };

typedef enum si_verdict {
    SI_VERDICT_BASELINE, /* the requested encoding */
    SI_VERDICT_WINNER,
    SI_VERDICT_POOR,     /* scores below the target */
    SI_VERDICT_LARGE,    /* good, but larger than another good one */
    SI_VERDICT_FAILED    /* the encoder or decoder refused */
} si_verdict;

/* One encoding that was tried. */
typedef struct si_candidate {
    si_format format;
    si_encode_params params;
    char settings[80];  /* the parameters in words, for explain */
    size_t bytes;       /* 0 if the encoder failed */
    double score;       /* SSIMULACRA2; NAN if not scored */
    double encode_ms, score_ms;
    si_verdict verdict;
    bool baseline;      /* made as requested; may also be the winner */
} si_candidate;

/* What was chosen and why. Zero-initialize; release with si_choice_free(). */
typedef struct si_choice {
    si_bytes body;        /* the winner's file */
    si_format format;     /* and its format */
    int candidate_count;
    si_candidate candidates[SI_CANDIDATES_MAX];
    int winner, baseline; /* indices into candidates */
    double target;        /* score that candidates had to reach, without the slack; NAN if none */
    double score;         /* the winner's; NAN if not scored */
    long saved;           /* requested bytes − converted bytes: > 0 the converted one was sent,
                             < 0 the best converted one was that much larger; 0 tie or no candidate */
    bool full;            /* searched to the end, rather than stopped by the deadline */
} si_choice;

/* Chooses for final pixels. Only r's output and smart-imaging fields are read. With an empty ladder
 * only the baseline is made, and not scored. Fails if the baseline cannot be encoded. */
SI_NODISCARD si_result si_choose(const si_recipe *r, const si_image *image, int64_t deadline_ns,
    si_choice *out, si_diag *diag);

void si_choice_free(si_choice *c);

#endif
