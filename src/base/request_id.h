/* Ids of requests: what a proxy in front calls a request, or what the edge calls it itself. */
#ifndef SI_BASE_REQUEST_ID_H
#define SI_BASE_REQUEST_ID_H

#include "base/str.h"

#define SI_HEADER_REQUEST_ID "X-Request-ID" /* from a trusted proxy, and in every reply */

enum { SI_REQUEST_ID_MAX = 128 }; /* bytes */

/* True if it is one that may stand in heads and logs as it is: 1 to SI_REQUEST_ID_MAX letters,
 * digits and "_.:+/=@-". */
bool si_request_id_is_good(si_str id);

#endif
