/* Looking for something in the files of a cache: nginx writes each derivative's key, which is its
 * recipe, in front of it. */
#ifndef SI_CLI_PURGE_CACHED_H
#define SI_CLI_PURGE_CACHED_H

#include "picture/recipe.h"

/* Whether `wanted` holds for the recipe of any derivative in the cache folder `cache`. All files of
 * it may be looked at, their first kilobytes. Those of recipes so long that their key is a digest,
 * and those of other versions, count as not wanted. */
bool si_cached_any(
    const char *cache, bool (*wanted)(void *context, const si_recipe *recipe), void *context);

#endif
