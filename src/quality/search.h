/* What the searches for the smallest good file share; only for quality/. */
#ifndef SI_QUALITY_SEARCH_H
#define SI_QUALITY_SEARCH_H

#include "codec/yuv_light.h"
#include "quality/choose.h"
#include "quality/features.h"
#include "quality/encoder_settings.h"
#include "quality/ssimulacra2.h"

enum { TINY_PIXELS = 64 * 64 };

typedef struct si_search {
    const si_image *image;     /* borrowed */
    si_choose_options options; /* with defaults filled in */
    si_score_ref *reference;   /* NULL: candidates are not scored */
    si_choice *choice;         /* where candidates are recorded */
    si_format requested;
    si_encode_params requested_params; /* the requested encoding's */
    bool exact;             /* only lossless candidates are good (docs/decisions.md, SI-24) */
    double threshold;       /* lowest score that is good */
    float jpeg_quality;     /* of the JPEG that sets the target … */
    bool jpeg_full;         /* … and whether it is 4:4:4 */
    float fitted_like;      /* quality of the plain JPEG that looks as good as the target */
    double requested_score; /* what the target is before a line lowers it */
    si_features features;
    double jpeg_bytes;     /* size of that which looks as good as the target */
    double lossless_bytes; /* foreseen of a lossless WebP (lossless.h) … */
    double alpha_bytes;    /* … and of its alpha alone; 0 = opaque */
    double misjudged;      /* real size of a lossy format's colour ÷ its forecast; 0 = not known */
    double budget_ms;      /* foreseen cost of encodings that is left, milliseconds */
    double wall_ms, cpu_ms; /* that encodings have taken so far */
    bool keeps_light;       /* what WebP's planes are made of is kept for its next encoding … */
    si_yuv_planes light;    /* … here; y owns the memory of all three, NULL = none yet */
    si_bytes file;          /* the candidate tried last */
    si_bytes best_file;     /* the smallest good one */
    int best;               /* its index, −1 = none yet */
    bool refining;          /* the tier asked for is a refined one, whose search begins as fast */
    bool unreachable;       /* even the best lossy quality of some format was poor */
    bool left_out;          /* a higher tier would try more */
} si_search;

/* Encodes, decodes and scores once; the file is left in s->file. The candidate is recorded even if
 * its codec fails (then its bytes are 0, or its score is NAN). NULL when the list is full
 * (SI_ERR_LIMIT), the choice is no longer wanted (SI_ERR_IO), or it is to be refined and others
 * wait (SI_ERR_TIMEOUT). */
si_candidate *si_search_try(
    si_search *s, si_format format, const si_encode_params *params, si_diag *diag);

/* Tells options.on_best of a candidate that could be sent. */
void si_search_offer(si_search *s, int index, const si_bytes *file);

/* Tries a candidate against the threshold and keeps its file if it is the smallest good one. NULL
 * if it could not be tried or scored. */
si_candidate *si_search_judge(si_search *s, si_format format, const si_encode_params *params);

bool si_search_is_good(const si_search *s, const si_candidate *c);

/* True if there is a good candidate that is smaller than the requested encoding. */
bool si_search_pays(const si_search *s);

/* True if an encoding may start: the foreseen cost of `count` of them is left in the budget, and
 * they will end before the deadline, as busy as the machine has been so far. */
bool si_search_affords(const si_search *s, si_format format, int effort, double count);

/* The same for any encoding that is foreseen to take `ms` milliseconds of CPU time, out of
 * `budget_ms`. */
bool si_search_affords_ms(const si_search *s, double ms, double budget_ms);

/* The smallest step of quality that changes files. */
float si_search_step(si_format format);

/* The nearest quality on that grid. */
float si_search_on_grid(si_format format, double quality);

/* Where a fitted JPEG (jpeg_fit.h) that is to look like a plain one usually ends. */
float si_search_fitted_quality(float plain);

/* ---- one quality scale ---- */

/* What is known of a scale: the highest poor and the lowest good point, and its last slope. */
typedef struct si_bracket {
    float low, high; /* qualities */
    double low_score, high_score;
    bool has_low, has_high;
    float last; /* the point added last … */
    double last_score;
    double per_point; /* … and levels per point of score before it; 0 = not known */
    int count;
} si_bracket;

void si_bracket_add(si_bracket *b, si_encoder_setting k, float quality, double score, bool good);

/* Where to look next for a score of `aim`: inside the bracket, or off its one end, as far as the
 * slope between the last two points says, or else the predictor. False if no point of the grid is
 * left. */
bool si_bracket_next(const si_bracket *b, si_encoder_setting k, double aim, float *next);

/* ---- the searches ---- */

/* A first answer: the trials that may win within the budget (trials.h). */
void si_search_first(si_search *s, const si_format *formats, int count);

/* The smallest good file of one format, over all parameters that matter. */
void si_search_refined(si_search *s, si_format format);

/* Tries a format's lossless mode; PNG's is the requested encoding packed harder. In refinements
 * that need not be exact, WebP's near-lossless modes too, unless lossless is more than twice as
 * large as the best so far. */
void si_search_lossless(si_search *s, si_format format, int effort);

#endif
