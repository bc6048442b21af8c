/* How a reply was chosen, for people and programs: the words for what became of an encoding, and
 * JSON. `smartimg explain` and the playground's explanations are made from it. */
#ifndef SI_RENDERER_EXPLANATION_H
#define SI_RENDERER_EXPLANATION_H

#include "base/show.h"
#include "renderer/answer.h"

/* What became of candidate `i` of a choice: "winner", "below target" and others; static. */
const char *si_candidate_verdict(const si_choice *c, int i);

/* Appends all candidates, in the order in which they were tried, as a JSON array of objects with
 * format, settings, bytes, score, encode_ms, score_ms and verdict; numbers that are not known are
 * null. False if out of memory. */
bool si_candidates_json(const si_choice *c, si_bytes *out);

/* What an explanation is about; borrowed. */
typedef struct si_explained {
    si_str client; /* the class, as si_client_print() has it; may be empty */
    si_str recipe; /* text */
    const si_answer *answer;
    double total_ms; /* from the request's arrival at the renderer on */
} si_explained;

/* Appends a JSON object: of an answer with status 200 client, recipe, target, requested and sent
 * (format, settings, bytes and score each), candidates, width, height and total_ms; of others error
 * and status. False if out of memory. */
bool si_explanation_json(const si_explained *x, si_bytes *out);

/* Turns an answer into what is to be shown of it; SI_SHOW_REPLY leaves it alone. `x->answer` is
 * `a`. An explanation has status and Retry-After of the answer, and is like a PNG never one that a
 * better one may replace. `max_bytes` as of si_answer_options. */
void si_answer_show(si_answer *a, si_show show, const si_explained *x, int64_t max_bytes);

#endif
