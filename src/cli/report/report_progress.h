/* How far a report is: a bar on a terminal, elsewhere a line now and then. */
#ifndef SI_CLI_REPORT_REPORT_PROGRESS_H
#define SI_CLI_REPORT_REPORT_PROGRESS_H

#include "cli/report/report_list.h"

typedef struct si_report_progress {
    const char *title;
    bool terminal;
    int done, total; /* jobs; those known from before included */
    int known;       /* jobs done before the start */
    int64_t requested_bytes, sent_bytes;
    int64_t start_ns, shown_ns; /* CLOCK_MONOTONIC */
} si_report_progress;

/* Begins with `count` jobs to do. Rows of `list` that are answered already count as done and for
 * the savings; NULL = there are none, and savings are of no interest. */
void si_report_progress_start(
    si_report_progress *p, const char *title, const si_report_list *list, int count);

/* One job is done. */
void si_report_progress_add(si_report_progress *p, const si_report_result *result);

/* Shows it on stderr, if it is time to. */
void si_report_progress_show(si_report_progress *p);

/* Clears the bar, as something else is to be told; it is shown again in time. */
void si_report_progress_clear(const si_report_progress *p);

/* Clears the bar, and nothing is shown any more. */
void si_report_progress_end(si_report_progress *p);

#endif
