/* For people who see a server for the first time: an address that shows something, and what to
 * type for more. */
#ifndef SI_CLI_EXAMPLE_H
#define SI_CLI_EXAMPLE_H

#include "catalog/catalog.h"

typedef enum si_example {
    SI_EXAMPLE_FOUND,
    SI_EXAMPLE_NONE,  /* there is no picture that could be asked for by its path */
    SI_EXAMPLE_UNSEEN /* none was found in as many folders as are looked at */
} si_example;

/* Looks for a picture that a request without any secret gets, in the order of names: of companies
 * that are configured, then of those that are folders, and of the root itself. At most a hundred
 * folders are read. *address gets its path and query, in the arena. */
si_example si_example_find(const si_catalog *c, si_arena *arena, const char **address);

/* How this program is called at a shell: its name alone if the PATH finds it by that, else its
 * path. In the arena; NULL if neither is known. */
const char *si_example_call(si_arena *arena);

#endif
