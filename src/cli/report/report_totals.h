/* What the rows of a report come to.
 *
 * Everything counts requests: a URL that the list names three times counts three times, also in the
 * means, the median and the histograms. Bytes are of images that were answered with status 200. */
#ifndef SI_CLI_REPORT_REPORT_TOTALS_H
#define SI_CLI_REPORT_REPORT_TOTALS_H

#include <stdio.h>

#include "cli/report/report_row.h"

struct si_report_list;

enum { SI_REPORT_SAVING_BINS = 11, SI_REPORT_MARGIN_BINS = 10, SI_REPORT_SHOWN = 10 };

/* Requests of one sort. */
typedef struct si_report_share {
    const char *name; /* static string */
    long requests;
    int64_t requested_bytes, sent_bytes;
} si_report_share;

/* A bar of a histogram: from ≤ value < to; NAN = no such end. */
typedef struct si_report_bin {
    char name[24];
    double from, to;
    long requests;
    bool bad; /* what must not happen */
} si_report_bin;

/* Zero-initialize; release with si_report_totals_free(). */
typedef struct si_report_totals {
    long requests, urls; /* as listed, and different ones */
    long unanswered;     /* requests that are still to be answered */
    long ok, errors;     /* requests with status 200 and with another */
    long images;         /* of the ok ones, those answered with an image */
    long converted;      /* of these, those where not the requested encoding was sent */
    long below_target;   /* converted, but scoring less than target − SI_SCORE_SLACK */
    long larger;         /* larger than the requested encoding */
    long not_images;     /* lines of logs about something else */
    long unreadable;     /* lines that are no request */
    int64_t requested_bytes, sent_bytes;
    double mean_saving, median_saving;           /* percent, over requests for images */
    si_report_share by_format[SI_FORMAT_COUNT];  /* that was sent */
    si_report_share by_request[SI_FORMAT_COUNT]; /* format that was asked for */
    si_report_share by_kind[2];                  /* photos, graphics */
    si_report_bin savings[SI_REPORT_SAVING_BINS], margins[SI_REPORT_MARGIN_BINS];
    const si_report_row **order; /* rows with images, best saving first */
    int order_count;
    int shown; /* of best and worst */
    const si_report_row *best[SI_REPORT_SHOWN], *worst[SI_REPORT_SHOWN];
} si_report_totals;

/* Sums up the rows that have been answered. False if memory runs out. */
bool si_report_sum_up(const struct si_report_list *list, si_report_totals *out);

void si_report_totals_free(si_report_totals *t);

/* True if all requests were answered with 200, every converted reply reached its target, and none
 * is larger than what was asked for. */
bool si_report_passed(const si_report_totals *t);

/* "photo-like" or "graphics". */
const char *si_report_kind_name(bool graphics);

/* Bytes saved, percent of those requested; 0 of nothing. */
double si_report_percent(int64_t requested_bytes, int64_t sent_bytes);

/* Bytes for people, such as "98 B", "12.3 kB", "1.21 GB" (powers of 1000). `out` needs 32 bytes. */
char *si_report_bytes(int64_t bytes, char *out);

/* Prints totals, histograms, best, worst and failed requests of the `count` rows as text. */
void si_report_print(FILE *to, const si_report_row *rows, int count, const si_report_totals *t);

#endif
