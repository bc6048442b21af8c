/* What pages of other origins may do with a reply (Fetch: CORS protocol and
 * Cross-Origin-Resource-Policy; Resource Timing: Timing-Allow-Origin). The company's attributes of
 * these names say; they hold for errors, too. */
#ifndef SI_PLAN_SHARING_H
#define SI_PLAN_SHARING_H

#include "plan/plan.h"

/* Values of header fields, "" = the field is not sent. Borrowed from the attributes or `origin`. */
typedef struct si_sharing {
    si_str allow_origin;    /* Access-Control-Allow-Origin */
    si_str timing_origin;   /* Timing-Allow-Origin */
    si_str resource_policy; /* Cross-Origin-Resource-Policy */
} si_sharing;

/* `origin` is the request's header Origin, empty if there was none. Of a plan without attributes
 * nothing is known, and nothing allowed. */
void si_sharing_of(const si_plan *plan, si_str origin, si_sharing *out);

/* Whether other origins may get other fields: replies vary by Origin. */
bool si_sharing_varies(const si_attributes *attributes);

#endif
