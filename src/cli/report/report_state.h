/* The state file of a report: rows as JSON lines, so that an interrupted report can go on.
 *
 * Its first line holds the settings that decide what rows look like; the others are as
 * si_report_json_row() writes them. A last line that was cut short is dropped. */
#ifndef SI_CLI_REPORT_REPORT_STATE_H
#define SI_CLI_REPORT_REPORT_STATE_H

#include <stdio.h>

#include "base/result.h"
#include "cli/report/report.h"
#include "cli/report/report_list.h"

/* Opens the state file, making it if need be, and fills in the rows that it holds; rows of URLs
 * that are not in the list are left alone. The file is locked until it is closed. `filled` gets the
 * number of rows filled in. Returns the file, ready for si_report_state_add(), or NULL with `diag`
 * set: SI_ERR_IO; SI_ERR_CONFIG if it belongs to a report with other settings, is no state file, or
 * is in use. */
FILE *si_report_state_open(const char *path, const si_report_settings *settings,
    si_report_list *list, int *filled, si_diag *diag);

/* Appends a row. False if it could not be written. */
bool si_report_state_add(FILE *state, const si_report_row *row);

#endif
