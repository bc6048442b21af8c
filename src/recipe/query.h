/* A query string taken apart: what it says about the recipe, and what it says besides. */
#ifndef SI_RECIPE_QUERY_H
#define SI_RECIPE_QUERY_H

#include "catalog/catalog.h"
#include "recipe/recipe.h"

typedef enum si_switch { SI_SWITCH_UNSET, SI_SWITCH_OFF, SI_SWITCH_ON } si_switch;

typedef struct si_query {
    const si_catalog *catalog;
    const si_company *company;
    si_arena *arena;
    si_recipe *recipe;
    si_layer *base; /* layer 0 of the recipe's picture */
    si_diag *diag;

    /* what does not go into the recipe as it stands */
    si_switch bfc, dpr, network;
    double dpr_value; /* 0 = bare dpr=on */
    bool client_cache, server_cache, update;
    bool exists;               /* req=exists */
    const char *default_image; /* NULL = not given, "" = switched off */

    /* the parser's own state */
    bool layer0; /* in a layer=0 segment, else in comp */
    si_str layer0_name;
    bool replaced; /* a default image replaces the request: only wid hei fmt qlt and
                      the smart-imaging switches count (catalog.md section 9) */
    bool fit_given;
    int depth, commands;
} si_query;

/* Starts with the company's defaults in `recipe`, whose picture gets one layer. */
SI_NODISCARD si_result si_query_init(si_query *q, const si_catalog *catalog, const si_company *company,
    si_recipe *recipe, si_arena *arena, si_diag *diag);

/* Applies one query string (still percent-encoded); may be called several times, later ones win.
 * Presets are expanded in place. */
SI_NODISCARD si_result si_query_apply(si_query *q, si_str query);

/* Checks what can only be checked at the end. */
SI_NODISCARD si_result si_query_finish(si_query *q);

#endif
