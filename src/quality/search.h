/* The search for a format's smallest good file; shared by choose.c and search.c only. */
#ifndef SI_QUALITY_SEARCH_H
#define SI_QUALITY_SEARCH_H

#include "quality/choose.h"
#include "quality/ssimulacra2.h"

typedef struct si_search {
    const si_image *image;    /* borrowed */
    si_score_ref *reference;  /* NULL: candidates are not scored */
    si_choice *choice;        /* where candidates are recorded; holds the target */
    si_bytes file;            /* the candidate tried last */
    si_bytes best_file;       /* the smallest good one */
    int best;                 /* its index, −1 = none yet */
    int64_t deadline_ns;      /* CLOCK_MONOTONIC, 0 = none */
} si_search;

/* Encodes, decodes and scores once; the file is left in s->file. The candidate is recorded even if
 * its codec fails (then its bytes are 0, or its score is NAN). NULL when the list is full. */
si_candidate *si_search_try(
    si_search *s, si_format format, const si_encode_params *params, si_diag *diag);

/* Tries a candidate against the target and keeps its file if it is the smallest good one. */
si_candidate *si_search_judge(si_search *s, si_format format, const si_encode_params *params);

bool si_search_is_good(const si_search *s, const si_candidate *c);

/* Looks for the smallest good file of a lossy format. */
void si_search_format(si_search *s, si_format format);

/* Tries a format's lossless mode. */
void si_search_lossless(si_search *s, si_format format);

#endif
