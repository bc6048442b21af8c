/* The renderer's side of SCGI: one request in, one reply out, over a local or TCP connection.
 *
 * A request is a netstring of NUL-terminated name and value pairs, then a body
 * (https://python.ca/scgi/protocol.txt). Whoever can connect may send anything, so nothing here
 * trusts a length, and a sender that goes silent costs no more than the time it is given. */
#ifndef SI_RENDERER_SCGI_H
#define SI_RENDERER_SCGI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "base/show.h"
#include "base/str.h"
#include "base/tier.h"

enum { SI_SCGI_LIMIT = 64 * 1024 }; /* longest request head accepted, bytes, length included */

/* What a renderer wants to know of a request. */
typedef struct si_scgi_request {
    si_str recipe;      /* SI_PARAM_RECIPE, borrowed from the buffer; none in a ping */
    si_str seal;        /* SI_PARAM_SEAL, borrowed from the buffer; empty = not told */
    si_str render_seal; /* SI_PARAM_RENDER_SEAL, likewise */
    si_tier tier;  /* SI_PARAM_TIER: of a refined answer; else SI_TIER_DEFAULT, a first answer */
    si_show show;  /* SI_PARAM_SHOW */
    si_str client; /* SI_PARAM_CLASS, borrowed as well; may be empty */
    si_str id;     /* SI_PARAM_ID, borrowed; a good one (base/request_id.h), or empty */
    si_str trace;  /* SI_PARAM_TRACE, borrowed; a traceparent (base/trace.h), or empty */
    int64_t queued_at_ns; /* SI_PARAM_QUEUED_AT: CLOCK_MONOTONIC of the edge's machine; 0 = not
                             told */
    size_t head_at; /* SI_PARAM_HEAD_AT: bytes that will precede the reply's head in the edge's
                       cache file; 0 = not told */
    bool cheap;     /* SI_PARAM_CHEAP */
    bool ping;      /* SI_PARAM_PING */
} si_scgi_request;

/* Says from the first `len` bytes how long the whole head is: `*need` bytes, or 0 if even that
 * cannot be told yet. SI_ERR_SYNTAX if it cannot become a netstring, SI_ERR_LIMIT if it is too
 * long. */
SI_NODISCARD si_result si_scgi_measure(const char *data, size_t len, size_t *need, si_diag *diag);

/* Parses a complete head of exactly the length that si_scgi_measure() gave. SI_ERR_SYNTAX if it is
 * not well formed, names SI_PARAM_RECIPE not exactly once (a ping: more than once), or claims
 * another protocol version. */
SI_NODISCARD si_result si_scgi_parse(
    const char *data, size_t len, si_scgi_request *out, si_diag *diag);

/* Reads and parses the head of one request from the connection `fd` into `buffer` (SI_SCGI_LIMIT
 * bytes). Everything must be there by `deadline_ns` (CLOCK_MONOTONIC), else SI_ERR_TIMEOUT.
 * SI_ERR_IO if the connection fails or ends early. A body is left unread: no request has one. */
SI_NODISCARD si_result si_scgi_read(
    int fd, int64_t deadline_ns, char *buffer, si_scgi_request *out, si_diag *diag);

/* Writes all bytes to the connection by `deadline_ns`. SI_ERR_TIMEOUT, SI_ERR_IO. */
SI_NODISCARD si_result si_scgi_write(
    int fd, int64_t deadline_ns, const void *data, size_t len, si_diag *diag);

/* Ends the connection so that the other side gets all that was written: closing a socket with
 * unread bytes in it would reset it. What has arrived is read away; with `linger` also what is
 * still on its way, for a fifth of a second at most. */
void si_scgi_close(int fd, bool linger);

#endif
