/* A question to an origin (base/origin.h): whether it has an original and in which state, or the
 * original itself; with all its tries.
 *
 * It is GET or HEAD over http or https, signed for buckets (AWS Signature Version 4). Certificates
 * are verified, no proxy is used, and redirects lead to other paths of the same server only. Only
 * public addresses are connected to unless the origin says that it may have others
 * (public_address.h). What may pass by itself is tried again, after a wait that doubles and is
 * drawn at random up to that: no connection, or one that broke, and 429, 500, 502, 503 and 504; as
 * often and for as long in all as the origin's settings say.
 *
 * An original arrives as a whole or not at all, in a sealed file in memory. */
#ifndef SI_SOURCE_ORIGIN_REQUEST_H
#define SI_SOURCE_ORIGIN_REQUEST_H

#include <curl/curl.h>

#include "base/bytes.h"
#include "base/origin.h"
#include "base/result.h"
#include "source/origin_keys.h"

/* What is wanted. Borrowed for the call. */
typedef struct si_origin_wanted {
    const si_origin *origin; /* outlives the request */
    const char *key;         /* path in the origin, without Prefix */
    const char (
        *candidates)[SI_ORIGIN_EXTENSION]; /* what is put behind it, one after the other, … */
    int candidate_count;                   /* … 1…SI_ORIGIN_CANDIDATES */
    bool body;                             /* the original itself, which the only candidate names */
} si_origin_wanted;

/* What came of it. */
typedef struct si_origin_outcome {
    si_result result; /* SI_OK; SI_ERR_NOT_FOUND; SI_ERR_LIMIT: it is larger than MaxSize;
                         SI_ERR_IO: the origin does not tell */
    si_diag diag;     /* counts if result is not SI_OK: names neither host nor path */
    char detail[160]; /* the same for the log: status or libcurl's word, "" = nothing more */
    uint64_t size;    /* bytes, 0 = not told */
    int64_t time;     /* seconds since 1970, 0 = not told */
    uint64_t version; /* see base/origin.h */
    bool validated;   /* the version is more than a size: what has it is the same file */
    char extension[SI_ORIGIN_EXTENSION]; /* of the candidate that was found */
} si_origin_outcome;

typedef struct si_origin_request si_origin_request;

/* NULL if there is no memory. */
si_origin_request *si_origin_request_new(const si_origin_wanted *wanted);

/* Prepares the next try. Returns the handle to be performed, whose CURLOPT_PRIVATE is the request;
 * NULL if it cannot be made, and the request has its outcome. `keys` may be NULL: unsigned.
 * `authorities` is what the origin's CaFile has, and outlives the try; NULL or empty: libcurl reads
 * the file, if one is named. */
CURL *si_origin_request_try(
    si_origin_request *r, const si_origin_keys *keys, const si_bytes *authorities);

/* Takes note of the end of a try. True if the request has its outcome; else another try is to be
 * made, not before *at_ns. */
bool si_origin_request_end(si_origin_request *r, CURLcode code, int64_t *at_ns);

/* Gives the request an outcome from outside, such as that there are no keys for it. */
void si_origin_request_fail(si_origin_request *r, si_result result, const char *text);

/* Borrowed. */
const si_origin_outcome *si_origin_request_outcome(const si_origin_request *r);

/* The file in memory of an original, once the outcome is SI_OK: a read-only descriptor, the
 * request's. */
int si_origin_request_file(const si_origin_request *r);

void si_origin_request_free(si_origin_request *r);

/* All of it in this process, waiting. Returns the outcome; for an original *fd gets the descriptor,
 * which the caller closes, or −1. */
si_origin_outcome si_origin_request_run(
    const si_origin_wanted *wanted, const si_origin_keys *keys, int *fd);

#endif
