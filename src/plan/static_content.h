/* Static content: /is/content/… (docs/attributes.md, StaticContentRootPath). */
#ifndef SI_PLAN_STATIC_CONTENT_H
#define SI_PLAN_STATIC_CONTENT_H

#include "plan/plan.h"

/* True if a raw path belongs to static content. */
bool si_is_static_path(si_str path);

/* Makes the plan of a request for static content: plan->content names the file to be sent as it is,
 * or there is a body (properties, user data, text wrapped for `handler=`). Rules and address
 * filters are applied as to images, locks are not: there is no query to protect. Its commands are
 * type, req (exists, props, userdata), cache (client side), handler, id and locale; others are
 * ignored. Errors as si_plan_make(): SI_ERR_NOT_FOUND, SI_ERR_FORBIDDEN, SI_ERR_RANGE (type
 * mismatch, bad values). */
SI_NODISCARD si_result si_static_plan(const si_catalog *catalog, const si_request *request,
    si_arena *arena, si_plan *plan, si_diag *diag);

/* MIME type of static content by its extension (any case); application/octet-stream if unknown. */
const char *si_static_type(const char *path);

#endif
