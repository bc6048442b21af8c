/* A row of a report: one URL, however often the list names it, and what became of it. All that its
 * writers need to know. */
#ifndef SI_CLI_REPORT_REPORT_ROW_H
#define SI_CLI_REPORT_REPORT_ROW_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/format.h"

/* What became of a request. Plain data: a child sends it as it is. */
typedef struct si_report_result {
    int status;                          /* HTTP status; 0 = not answered yet */
    bool image;                          /* an image with its receipt; false: error, properties */
    bool smart;                          /* conversion was allowed */
    bool full;                           /* a refined answer rather than a first one */
    bool graphics;                       /* a drawing, text or screenshot rather than a photo */
    bool lossless;                       /* what was sent is exact */
    si_format requested, sent;           /* formats */
    int width, height;                   /* pixels of the reply */
    int64_t requested_bytes, sent_bytes; /* of the requested encoding, and of what was sent */
    double target, score;                /* SSIMULACRA2; NAN if not scored */
    double ms;                           /* wall time of the whole answer */
    char settings[80];                   /* of the encoding that was sent, in words */
    char error[256];                     /* one line of text if the status is not 200, else "" */
} si_report_result;

/* A picture that every browser shows. */
typedef struct si_report_picture {
    si_format format;
    int reduced;    /* side length divided by this; 1 = as it was */
    bool reencoded; /* no longer the file itself, which browsers do not show or which is too large
                     */
    si_bytes file;
} si_report_picture;

enum { SI_REPORT_REQUESTED, SI_REPORT_SENT }; /* indices of a row's pictures */

typedef struct si_report_row {
    const char *url; /* path and query in printable ASCII, in the list's arena */
    long requests;   /* how often the list names it */
    si_report_result result;
    int64_t spool_at, spool_len;   /* bytes of the spool file that hold the sent file, for the HTML
                                      page; length 0 = none */
    si_report_picture pictures[2]; /* empty unless the page shows them */
} si_report_row;

/* True if something else than the requested encoding was sent. */
static inline bool si_report_converted(const si_report_result *r) {
    return r->image && r->sent_bytes != r->requested_bytes;
}

/* Share of the requested bytes that was saved, percent; 0 if there is nothing to compare. */
static inline double si_report_saving(const si_report_result *r) {
    return r->image && r->requested_bytes > 0
               ? 100.0 * (double)(r->requested_bytes - r->sent_bytes) / (double)r->requested_bytes
               : 0;
}

/* By how much a converted reply's score passes its target; NAN where that means nothing. */
static inline double si_report_margin(const si_report_result *r) {
    return si_report_converted(r) ? r->score - r->target : NAN;
}

#endif
