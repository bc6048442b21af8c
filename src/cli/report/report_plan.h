/* What the front side makes of a row's request, in the parent: renderers know recipes only. */
#ifndef SI_CLI_REPORT_REPORT_PLAN_H
#define SI_CLI_REPORT_REPORT_PLAN_H

#include "cli/report/report_worker.h"

/* Plans the request of a row. True if there is an image to be made: then `x`, which the caller ends
 * with si_exchange_end(), has the plan, and `result` nothing but its time so far. False if that is
 * all: `result` is whole, and there is nothing to end. */
bool si_report_plan(
    const si_report_work *work, const si_report_row *row, si_exchange *x, si_report_result *result);

#endif
