/* Renderers on other machines: what `smartimg serve --renderers-at` makes of nginx's configuration.
 */
#ifndef SI_CLI_RENDERERS_AT_H
#define SI_CLI_RENDERERS_AT_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/lane.h"

enum {
    SI_MACHINES_MAX = 256,
    /* A machine that has failed so often within SI_MACHINE_REST_S is not asked for as long; its
     * share goes to the others. */
    SI_MACHINE_FAILS = 2,
    SI_MACHINE_REST_S = 5
};

/* How many machines a list ADDR:PORT,... names; 0 if it is not well formed, of too many, or has a
 * port with no room for the lanes behind it. */
int si_renderers_at_count(const char *list);

/* The lines of the upstream block of a lane: each machine with the lane's port, chosen by a
 * consistent hash of the recipe, and of those at hand for `any`, one after the other. */
const char *si_renderers_at_lines(si_arena *arena, const char *list, si_lane lane, bool any);

#endif
