/* A report for machines: JSON (RFC 8259). Field names are described in the help of the command. */
#ifndef SI_CLI_REPORT_REPORT_JSON_H
#define SI_CLI_REPORT_REPORT_JSON_H

#include "cli/report/report_totals.h"

/* Writes `"name":"text"`. Bytes that are no UTF-8 become U+FFFD. */
void si_json_text(FILE *to, const char *name, const char *text);

/* Writes "text": what is not UTF-8 becomes U+FFFD. */
void si_json_string(FILE *to, const char *text);

/* Writes `"name":v` with that many decimals at most; null if v is NAN. */
void si_json_number(FILE *to, const char *name, double v, int decimals);

/* Writes a row as an object on one line, without a line end. */
void si_report_json_row(FILE *to, const si_report_row *row);

/* Reads what si_report_json_row() wrote: `line` is taken apart in place. Sets `url`, which then
 * points into it, and all of `result`. False if it is nothing of the kind. */
bool si_report_json_read(char *line, const char **url, si_report_result *result);

/* Writes the settings as an object on one line, without a line end. */
void si_report_json_settings(FILE *to, const si_report_settings *settings);

/* Writes the whole report. */
void si_report_json(FILE *to, const si_report_settings *settings, const si_report_list *list,
    const si_report_totals *totals);

#endif
