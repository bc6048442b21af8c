/* The invalidations process of `smartimg serve`: fleet/follower.h in a process of its own. */
#ifndef SI_CLI_INVALIDATIONS_H
#define SI_CLI_INVALIDATIONS_H

#include "cli/fleet_options.h"
#include "cli/site.h"

/* Checks the options. False, with a complaint. No password stays in the memory of this process,
 * which renderers are forked from, but for one that is part of --redis. */
bool si_invalidations_are_right(const si_fleet_options *options);

/* The life of the process, freshly forked: becomes the user of nginx's workers and follows the
 * stream until SIGTERM. */
_Noreturn void si_invalidations_run(const si_fleet_options *options, const si_site *site);

/* Whether the node may serve: it has caught up, or cannot. */
bool si_invalidations_ready(const si_site *site);

#endif
