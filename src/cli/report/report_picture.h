/* Pictures for the HTML page: files that every browser shows, of bounded size. */
#ifndef SI_CLI_REPORT_REPORT_PICTURE_H
#define SI_CLI_REPORT_REPORT_PICTURE_H

#include "base/result.h"
#include "cli/report/report_row.h"

enum {
    SI_REPORT_PICTURE_BYTES = 300000, /* a file of more is shown smaller */
    SI_REPORT_PICTURE_SIDE = 640      /* than this, pixels */
};

/* Makes both pictures fit for the page. A file that browsers show and that is small enough stays as
 * it is, so that it is seen exactly as it was scored. Otherwise it is decoded and encoded anew,
 * JPEG at a high quality, or PNG if it is transparent; if one has to be shown smaller, both are, by
 * the same whole factor, so that they can be compared. */
SI_NODISCARD si_result si_report_pictures_fit(si_report_picture pictures[2], si_diag *diag);

#endif
