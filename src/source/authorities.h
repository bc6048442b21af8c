/* Certificates of CaFile (base/origin.h): who may vouch for an origin, instead of the system's. */
#ifndef SI_SOURCE_AUTHORITIES_H
#define SI_SOURCE_AUTHORITIES_H

#include "base/bytes.h"
#include "base/result.h"

enum { SI_AUTHORITIES_MAX = 1 << 20 }; /* bytes of such a file */

/* Reads a file in PEM into `out`, the caller's to free. SI_ERR_IO; SI_ERR_CONFIG: there is no
 * certificate in it, or it is larger than SI_AUTHORITIES_MAX. Messages do not hold the path. */
SI_NODISCARD si_result si_authorities_read(const char *path, si_bytes *out, si_diag *diag);

#endif
