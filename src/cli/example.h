/* An address that shows something: for people who see a server for the first time. */
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

#endif
