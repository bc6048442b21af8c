/* The steps of si_plan_make(), one file each; only for plan/. Errors go to q->all->diag. */
#ifndef SI_PLAN_PLAN_STEPS_H
#define SI_PLAN_PLAN_STEPS_H

#include "plan/incoming.h"
#include "plan/plan.h"
#include "request/command.h"

/* Reads all of `query` into the recipe of an image, or of facts that need one, and notes in the
 * plan what the client decided. The request has been opened (si_query_open()). */
SI_NODISCARD si_result si_plan_image(si_query *q, si_str query, si_plan *plan);

/* The pixel ratio, and for images the formats that this client, this company and this request
 * allow; plan->vary, vary_header and accept_ch say which headers decided. (formats.c) */
void si_plan_formats(const si_query *q, si_plan *plan);

/* Whether the reply adapts to the line to its client, behind si_plan_formats(): the class that
 * counts goes to plan->client.network, what it changes to the recipe; plan->vary, network_adapts,
 * network_private and network_header say what decided. (network.c) */
void si_plan_network(const si_query *q, si_plan *plan);

/* After SI_ERR_NOT_FOUND: the default image takes the place of the whole request, where there is
 * one and DefaultImageMode is 0. Else the error stays as it is. (fallback.c) */
SI_NODISCARD si_result si_plan_default_image(si_query *q, si_str query, si_plan *plan);

/* After an error: ErrorImage, with the error's title and message as variables, takes its place,
 * where there is one. Else the error stays as it is. (fallback.c) */
SI_NODISCARD si_result si_plan_error_image(si_query *q, si_plan *plan);

/* After SI_ERR_NOT_FOUND: adds the nearest name to the error's text, where one is near, and for an
 * object of the path the address that the request meant (plan->nearest). (suggest.c) */
void si_plan_suggest(const si_incoming *in, const si_reading *all, si_plan *plan);

#endif
