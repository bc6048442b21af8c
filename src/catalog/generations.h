/* The generation table: how a purge makes every derivative of an object unreachable at once.
 *
 * 65,536 atomic 32-bit counters in a mapped file, indexed by a hash of the object, plus one per
 * company (also hashed, 1,024 of them) and one global. Purging increments a counter; the sum of the
 * three that concern an object is part of its recipe, so old derivatives are never asked for again
 * and leave the cache by LRU. Two objects may share a counter: then purging one re-renders the
 * other, which is harmless. Any number of processes may map the same file. */
#ifndef SI_CATALOG_GENERATIONS_H
#define SI_CATALOG_GENERATIONS_H

#include <stdint.h>

#include "base/result.h"
#include "base/str.h"

typedef struct si_generations si_generations;

/* Opens the table at `path`, creating it (mode 0644) if it is not there. SI_ERR_IO if it cannot be
 * opened or is not such a table. Close with si_generations_close(). */
SI_NODISCARD si_result si_generations_open(const char *path, si_generations **out, si_diag *diag);
void si_generations_close(si_generations *g);

/* Sum of the counters of an object. `object` with or without its file extension counts as the same
 * object. A NULL table gives 0. */
uint64_t si_generation_of(const si_generations *g, si_str company, si_str object);

/* Purges: one object, one company, everything. */
void si_generation_purge_object(si_generations *g, si_str company, si_str object);
void si_generation_purge_company(si_generations *g, si_str company);
void si_generation_purge_all(si_generations *g);

#endif
