/* A report as one HTML page that needs nothing else: no server, no network. */
#ifndef SI_CLI_REPORT_REPORT_HTML_H
#define SI_CLI_REPORT_REPORT_HTML_H

#include "cli/report/report.h"
#include "cli/report/report_totals.h"

/* Writes the page, of `count` rows. Those that have pictures show them, and a slider to compare
 * them. */
void si_report_html(FILE *to, const si_report_settings *settings, const si_report_row *rows,
    int count, const si_report_totals *totals);

/* The fixed parts of the page (report_page.c): what goes into <style> and <script>. */
extern const char si_report_page_style[], si_report_page_script[];

#endif
