/* A report for machines: JSON (RFC 8259). Field names are described in the help of the command. */
#ifndef SI_CLI_REPORT_REPORT_JSON_H
#define SI_CLI_REPORT_REPORT_JSON_H

#include "cli/report/report.h"
#include "cli/report/report_totals.h"

/* Writes a row as an object on one line, without a line end. */
void si_report_json_row(FILE *to, const si_report_row *row);

/* Reads what si_report_json_row() wrote: `line` is taken apart in place. Sets `url`, which then
 * points into it, and all of `result`. False if it is nothing of the kind. */
bool si_report_json_read(char *line, const char **url, si_report_result *result);

/* Writes the settings as an object on one line, without a line end. */
void si_report_json_settings(FILE *to, const si_report_settings *settings);

/* Writes the whole report, of `count` rows. */
void si_report_json(FILE *to, const si_report_settings *settings, const si_report_row *rows,
    int count, const si_report_totals *totals);

#endif
