/* A request before it is parsed: its main company, rules, obfuscation and lock (docs/protocol.md,
 * Locks). */
#ifndef SI_PLAN_INCOMING_H
#define SI_PLAN_INCOMING_H

#include "catalog/rules.h"
#include "plan/plan.h"
#include "request/query.h"
#include "reply/replies.h"

typedef struct si_incoming {
    const si_request *request;
    si_rule_context context;
    si_str path, query; /* behind /is/image/ or /is/content/, raw; query.p == NULL = none */
    si_str object;      /* path, decoded */
    si_rule_output rules;
} si_incoming;

/* Finds the main company and its attributes (all->main, all->attributes), lets rules change path,
 * query and attributes, and takes obfuscation and lock off; static content, which has no query to
 * speak of, is never locked. `in` has request, context, path and query. Sets
 * plan->attributes, error_detail, by_address, expires and what the attributes vary by, on errors
 * too. SI_ERR_FORBIDDEN: refused, by rules, address filter, lock, the end of the address, or
 * PresetsOnly. */
SI_NODISCARD si_result si_incoming_admit(si_incoming *in, si_reading *all, si_plan *plan);

/* Makes a reply the plan's body, with its ETag, and releases it. */
SI_NODISCARD si_result si_plan_answer(
    si_plan *plan, si_reply *reply, si_arena *arena, si_diag *diag);

/* Gives the plan the response headers of matched rules, with `variables` put in. */
SI_NODISCARD si_result si_incoming_headers(
    const si_incoming *in, const si_variables *variables, const si_reading *all, si_plan *plan);

#endif
