/* Rules of rules.h, written as VCL, as nginx maps, and as JavaScript: the values of the names that
 * stand in templates/. */
#ifndef SI_CLI_EDGE_DIALECTS_H
#define SI_CLI_EDGE_DIALECTS_H

#include "base/arena.h"
#include "cli/edge/edge_config.h"
#include "cli/edge/rules.h"
#include "cli/nginx_conf.h"

enum { SI_EDGE_VALUES_MAX = 24 };

/* Fills in `values`, ended by a NULL name; texts are the arena's. False if out of memory. */
bool si_edge_values(si_arena *arena, si_edge_dialect dialect, const si_edge_rules *rules,
    si_template_value *values);

#endif
