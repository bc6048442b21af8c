/* Plans of what the playground shows (docs/playground.md): another request's image as a client of
 * any class gets it, its requested encoding, or how the reply is chosen.
 *
 * The other request is planned as if it had come by itself: rules, address filters, locks and
 * limits of its company hold, and caching commands count as they would. Only the class of the
 * client may be another, which is possible here alone. */
#ifndef SI_PLAN_SHOWN_H
#define SI_PLAN_SHOWN_H

#include "base/show.h"
#include "plan/plan.h"

/* Whom a view is for may keep it for so long, seconds: refined answers are to be seen soon. */
enum { SI_SHOWN_SECONDS = 60 };

/* What is asked for, read from a query; borrowed from the arena. */
typedef struct si_shown {
    si_str path, query; /* of the other request, raw; query.p == NULL = none */
    si_str class;       /* in the grammar of client.h; empty = the headers tell */
    bool requested;     /* which=requested: the requested encoding; else what is sent */
    bool png;           /* as=png: its pixels in a PNG */
} si_shown;

/* Reads "url=URL&class=CLASS&which=sent|requested&as=png" in any order, values percent-encoded.
 * `url` is a path below /is/image/ with its query: no scheme, no host. SI_ERR_SYNTAX: anything
 * else, a name that is not known or comes twice, or characters that no address has. */
SI_NODISCARD si_result si_shown_read(si_str query, si_arena *arena, si_shown *out, si_diag *diag);

/* Makes the plan for `request`, whose path and query are the playground's own, and whose headers,
 * address and session count. The plan is a recipe of an image or mask with plan->show, kept by
 * nobody but its client, and an explanation not even by that one. Errors as of si_plan_make(), and
 * SI_ERR_UNSUPPORTED for replies that are no images. */
SI_NODISCARD si_result si_shown_plan(const si_catalog *catalog, const si_generations *generations,
    const si_request *request, bool explanation, si_arena *arena, si_plan *plan, si_diag *diag);

/* An error as JSON, {"error":"…","status":403}, with a line end; in the arena, or a static one. */
si_str si_shown_error(si_str text, int status, si_arena *arena);

#endif
