/* How long whom may keep a reply: Cache-Control, its like for shared caches, and Expires.
 *
 * Browsers keep any reply for the plan's time to live. A *first answer* will be replaced by a
 * refined one soon, so shared caches, which hand it to others, are to ask again after a few
 * seconds, and may serve it on meanwhile (RFC 5861). What they are told in Cache-Control stands in
 * a field of their own, too (RFC 9213), as some obey that alone. Nobody is told to keep a reply for
 * longer than its address is good (plan.expires). */
#ifndef SI_PLAN_LIFETIME_H
#define SI_PLAN_LIFETIME_H

#include <stdbool.h>
#include <stdint.h>

#include "plan/plan.h"

#define SI_FIRST_ANSWER_SECONDS 60               /* unless the server says otherwise */
#define SI_CDN_CACHE_CONTROL "CDN-Cache-Control" /* the field's name, likewise */

enum { SI_FRESH_FOR_EVER = -1 };

/* What a reply is, apart from its plan. */
typedef struct si_lifetime_of {
    bool first;          /* a first answer */
    int first_seconds;   /* for how long shared caches may take one for fresh, >= 0 */
    int64_t fresh_until; /* seconds since 1970: when the foreign images in it end; 0 = they may not
                            be kept at all; SI_FRESH_FOR_EVER = there are none */
    int64_t now;         /* seconds since 1970 */
} si_lifetime_of;

/* Values of header fields; "" = not sent. */
typedef struct si_lifetime {
    char cache_control[128];
    char cdn[64];    /* of the field for shared caches */
    int64_t expires; /* seconds since 1970; -1 = not sent */
    bool first;      /* it is a first answer that will be replaced: nothing but its ETag tells them
                        apart, so it is sent without Last-Modified */
} si_lifetime;

/* The lifetime of a reply that is no error. A reply that the server does not keep is never
 * refined, so it is no first answer; one that another address may be refused is for its client
 * alone, and so is one made for a line as it was measured (si_plan.network_private). */
void si_lifetime_make(const si_plan *plan, const si_lifetime_of *of, si_lifetime *out);

/* May a conditional request get 304 though its validators do not match? True for replies that
 * never expire, unless their body may be another than the one that the client has. */
bool si_lifetime_always_unmodified(
    const si_plan *plan, const si_lifetime_of *of, bool has_if_none_match);

#endif
