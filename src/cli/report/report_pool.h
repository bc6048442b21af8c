/* The children of a report, from their parent's side. */
#ifndef SI_CLI_REPORT_REPORT_POOL_H
#define SI_CLI_REPORT_REPORT_POOL_H

#include "cli/report/report_worker.h"

/* Called in the parent for each job that has ended. A job that killed its child, by a crash or by
 * taking too long, has a result with status 500 or 503 and no pictures. The pictures may be moved
 * away. */
typedef void (*si_report_done)(void *context, const si_report_job *job,
    const si_report_result *result, si_report_picture pictures[2]);

/* Called now and then, at least four times a second. */
typedef void (*si_report_tick)(void *context);

/* Works on `count` jobs with at most `children` processes at a time. SIGINT, SIGTERM and SIGHUP let
 * those begun be finished, a second one ends them at once, unanswered. Children see the list as it
 * is now. Returns true if all jobs are done; false after such a signal, or, with `diag` set, if the
 * system refuses processes. */
bool si_report_pool_run(const si_report_work *work, const si_report_job *jobs, int count,
    int children, si_report_done done, si_report_tick tick, void *context, si_diag *diag);

#endif
