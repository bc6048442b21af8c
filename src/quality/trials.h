/* What a first answer tries, in which order, and what that is worth: every decision about cost that
 * is not the search for a quality stands here. Only for quality/.
 *
 * A trial is a format, lossy or lossless. For each the size is foreseen, and how small it may turn
 * out if the forecast is as wrong as it was on any picture of the development corpus
 * (docs/quality.md). The trial that is foreseen to be smallest goes first; others follow as long as
 * they may still beat what there is, and as the budget (si_search.budget_ms) allows; where others
 * wait (SI_TIER_QUICK), as long as they are foreseen to. A smaller budget tries less; nothing else
 * depends on it. */
#ifndef SI_QUALITY_TRIALS_H
#define SI_QUALITY_TRIALS_H

#include "quality/search.h"

typedef struct si_trial {
    si_format format;
    bool lossless;
    si_encoder_setting setting; /* lossy: what to encode with; … */
    int effort;                 /* … lossless: how hard to try */
    double foreseen;            /* bytes */
    double least;               /* bytes, at the very best */
} si_trial;

/* The most trials of a first answer, whatever they cost. */
enum { SI_TRIALS_MAX = 4 };

/* By so many times itself the budget may be overdrawn for corrections, without which a first try is
 * wasted, and for the requested format, which a client that knows nothing else gets for less. */
#define SI_TRIAL_OVERDRAFT 2.0

/* The trial of `formats` to make next. `done` are the formats (as SI_FORMAT_BITs) of lossy and of
 * lossless trials so far. False if there is none left that may win and fits the budget. */
bool si_trial_next(
    const si_search *s, const si_format *formats, int count, const unsigned done[2], si_trial *out);

/* The lossless trial of a format, for searches that have to be exact, whatever the budget. */
si_trial si_trial_lossless(const si_search *s, si_format format);

/* Milliseconds of CPU time that it takes. */
double si_trial_lossless_ms(const si_search *s, si_format format, int effort);

/* True if it fits into a first answer: it may take as long as all of its lossy trials. */
bool si_trial_affords_lossless(const si_search *s, si_format format);

/* True if a lossy trial cannot win any more after this encoding of it: even at the threshold it
 * would be larger than the best. */
bool si_trial_is_lost(const si_search *s, const si_candidate *c);

#endif
