/* What a report was asked for with.
 *
 * `smartimg report` makes rows (report_row.h) of lists and folders (report_list.h), has them
 * filled in by child processes (report_pool.h, report_worker.h), keeps them in the state file
 * (report_state.h), sums them up (report_totals.h) and shows them (report_text.c, report_json.h,
 * report_html.h). */
#ifndef SI_CLI_REPORT_REPORT_H
#define SI_CLI_REPORT_REPORT_H

#include <stdbool.h>

/* Strings are never NULL. */
typedef struct si_report_settings {
    const char *root, *config, *accept, *user_agent, *query;
    bool fast;
} si_report_settings;

#endif
