/* Whether there is what is to be purged. */
#ifndef SI_CLI_PURGE_KNOWN_H
#define SI_CLI_PURGE_KNOWN_H

#include "catalog/catalog.h"

typedef enum si_known {
    SI_KNOWN_THERE,  /* a record, a file, a company */
    SI_KNOWN_CACHED, /* not any more, but the cache has derivatives of it */
    SI_KNOWN_NOT     /* neither */
} si_known;

/* An object as `company/name`, decoded, without slashes at its ends. `cache` is the cache folder.
 * Of what is not there, *nearest gets the nearest name of something that is, in the arena, or
 * NULL. */
si_known si_known_object(
    const si_catalog *c, si_str object, const char *cache, si_arena *arena, const char **nearest);

/* The same for the root id of a company. */
si_known si_known_company(
    const si_catalog *c, si_str root_id, const char *cache, si_arena *arena, const char **nearest);

#endif
