/* The requests of a report: from lists of URLs, access logs and folders. */
#ifndef SI_CLI_REPORT_REPORT_LIST_H
#define SI_CLI_REPORT_REPORT_LIST_H

#include "base/arena.h"
#include "base/result.h"
#include "cli/report/report_row.h"

/* Zero-initialize; release with si_report_list_free(). */
typedef struct si_report_list {
    si_arena arena; /* of the URLs */
    si_report_row *rows;
    int count, room;
    long requests;   /* all rows' together */
    long not_images; /* log lines about something else: other addresses, methods, failed requests */
    long unreadable; /* lines that are neither a URL nor a line of a log */
    int *slots;      /* hash table of rows by URL: index + 1, 0 = free */
    int slot_count;  /* a power of two */
} si_report_list;

/* Adds the requests of a text file, one per line:
 *
 *  - a URL, or its path and query. Scheme, host and fragment are dropped; what is not printable
 *    ASCII is percent-encoded, as browsers do;
 *  - a line of an access log (common, combined, our own in both formats, and whatever else has
 *    the request in quotes and the status behind it). Only requests for images that were answered
 * with 200, 206 or 304 count; the rest is counted in `not_images`;
 *  - nothing, or a comment that begins with `#`.
 *
 * `query` goes behind the query of each URL. Equal URLs become one row. SI_ERR_IO if the file
 * cannot be read. */
SI_NODISCARD si_result si_report_list_read(
    si_report_list *list, const char *path, const char *query, si_diag *diag);

/* Adds a request for each image file below `folder`, which is `root` or below it: those with a file
 * extension of catalog/extensions.h, apart from hidden ones, in the order of their names.
 * SI_ERR_IO, SI_ERR_FORBIDDEN if the folder is elsewhere. */
SI_NODISCARD si_result si_report_list_folder(
    si_report_list *list, const char *root, const char *folder, const char *query, si_diag *diag);

/* The row of a URL as it stands in rows, or NULL. */
si_report_row *si_report_list_find(const si_report_list *list, const char *url);

void si_report_list_free(si_report_list *list);

#endif
