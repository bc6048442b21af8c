/* A hash table from names to things, built once when a catalog is loaded. */
#ifndef SI_CATALOG_NAMES_H
#define SI_CATALOG_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/* Zero-initialize, and set `nocase` before the first name if ASCII letters of either case are to
 * be the same. Everything is in the arena given to si_names_put(). */
typedef struct si_names {
    bool nocase;
    struct si_names_slot *slots;
    size_t room, count; /* room: 0 or a power of two, at least twice the count */
} si_names;

/* The thing of that name, or NULL. */
void *si_names_find(const si_names *names, si_str name);

/* Gives a name, which must live as long as the table, a thing that is not NULL, in place of the one
 * it had. False if memory runs out. */
bool si_names_put(si_names *names, si_arena *arena, const char *name, void *thing);

/* Goes through all of them, in no order: start with *at = 0; false after the last. */
bool si_names_next(const si_names *names, size_t *at, const char **name, void **thing);

#endif
