/* Who is asking: from request headers to a client class.
 *
 * The class says which formats the client can show. It is the only thing about the client that the
 * rest of smartimg sees; raw headers never reach a recipe, so two browsers of one class share every
 * cached derivative (docs/decisions.md, D-12). */
#ifndef SI_CLIENT_CLIENT_H
#define SI_CLIENT_CLIENT_H

#include <stdbool.h>

#include "base/format.h"
#include "base/str.h"

/* The request headers that may decide; borrowed, absent = {NULL, 0}. */
typedef struct si_client_headers {
    si_str accept;
    si_str user_agent;
    si_str dpr; /* Sec-CH-DPR, else DPR */
} si_client_headers;

/* Headers a decision was based on, for Vary. The classifier never sets SI_USED_DPR: the pixel ratio
 * matters to a reply only where the request asks for it, which the caller knows and then adds. */
enum { SI_USED_ACCEPT = 1, SI_USED_USER_AGENT = 2, SI_USED_DPR = 4 };

typedef struct si_client {
    unsigned formats; /* SI_FORMAT_BIT()s of AVIF, JXL, WEBP, JP2, JXR that the client can show;
                         JPEG, PNG and GIF are taken for granted and never in here */
    unsigned used;    /* SI_USED_ACCEPT always; SI_USED_USER_AGENT if it was looked at, whatever
                         came of it */
    double dpr;       /* device pixel ratio from client hints, 1 if absent, malformed or ≤ 0;
                         clamped to 0.1…16 */
} si_client;

/* Classifies a client. Never fails: what cannot be understood counts as "shows nothing special".
 *
 * Accept (RFC 9110 section 12.5.1) decides first. A format is shown if one of its media ranges is
 * there with q > 0, whatever its other parameters, and none of them with q = 0: a refusal wins over
 * any repetition. Wildcards promise nothing, since every browser sends them. An element whose
 * weight is no number from 0 to 1, or that is cut off inside a quoted string, says nothing.
 * JPEG XR answers to image/jxr and to image/vnd.ms-photo.
 *
 * Only if Accept promises no format at all, JPEG 2000 and JPEG XR come from the User-Agent
 * (docs/decisions.md, D-14, user_agent.h), each unless Accept excludes it: by q = 0 for its media
 * range, or by having no range that matches it, or a wildcard with q = 0. An absent or empty Accept
 * excludes nothing.
 *
 * Time is linear in header length; of a header over 8 KB only the whole elements of its first 8 KB
 * are read. */
void si_client_classify(const si_client_headers *headers, si_client *out);

/* Short stable name of the class for logs and explain, such as "avif+webp", "jp2", "plain";
 * `out` needs 64 bytes. Returns out. */
char *si_client_name(const si_client *client, char *out);

#endif
