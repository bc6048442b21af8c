/* Who is asking: from request headers to a client class.
 *
 * The class says which formats the client can show. It is the only thing about the client that the
 * rest of smartimg sees; raw headers never reach a recipe, so two browsers of one class share every
 * cached derivative (reference/smart-imaging.md D-12). */
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

/* Headers a decision was based on, for Vary. */
enum { SI_USED_ACCEPT = 1, SI_USED_USER_AGENT = 2, SI_USED_DPR = 4 };

typedef struct si_client {
    unsigned formats; /* SI_FORMAT_BIT()s of AVIF, JXL, WEBP, JP2, JXR that the client can show;
                         JPEG, PNG and GIF are taken for granted and never in here */
    unsigned used;    /* SI_USED_* whose value (or absence) decided `formats` */
    double dpr;       /* device pixel ratio from client hints, 1 if unknown; 0.1…16 */
} si_client;

/* Classifies a client. Never fails: what cannot be understood counts as "shows nothing special".
 *
 * AVIF, JXL and WebP come from Accept alone: an explicit media range with q > 0 (RFC 9110 section
 * 12.5.1); wildcard ranges promise nothing, every browser sends them. JPEG XR comes from an explicit
 * image/jxr or image/vnd.ms-photo, else, like JPEG 2000, from the User-Agent, which is looked at
 * only when Accept names none of the formats (D-14). Time is linear in header length; headers over
 * 8 KB are read up to there. */
void si_client_classify(const si_client_headers *headers, si_client *out);

/* Short stable name of the class for logs and explain, such as "avif+webp", "jp2", "plain";
 * `out` needs 64 bytes. Returns out. */
char *si_client_name(const si_client *client, char *out);

#endif
