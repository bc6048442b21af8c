/* The generation table: how a purge makes every derivative of an object unreachable at once.
 *
 * 65,536 counters, indexed by a hash of the object, one per company (also hashed, 1,024 of them)
 * and one of everything. Purging increments a counter; the sum of the three that concern an object
 * is part of its recipe, so old derivatives are never asked for again and leave the cache by LRU.
 * Two objects may share a counter: then purging one re-renders the other, which is harmless.
 *
 * On disk it is a journal, to which a purge appends a record and returns once that is on the disk.
 * Each process has counters of its own in memory and reads what was appended since, so nothing that
 * others do to the file can stop it. A file that was lost, cut short or damaged becomes a new one
 * with a later *base*, which all sums begin with: everything is rendered anew, and nothing that was
 * purged comes back. Records are small, and the file is written anew once it has grown. */
#ifndef SI_CATALOG_GENERATIONS_H
#define SI_CATALOG_GENERATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "base/str.h"

typedef struct si_generations si_generations;

/* Opens the table at `path`, making it (mode 0644, of the folder's owner if root does) if it is not
 * there or is damaged; that of a version before journals is taken over. SI_ERR_IO if it cannot be
 * read or made, or is something else, which is left alone. Close with si_generations_close(). */
SI_NODISCARD si_result si_generations_open(const char *path, si_generations **out, si_diag *diag);
void si_generations_close(si_generations *g);

/* Takes note of what other processes have purged: one fstat() if that is nothing. To be called
 * before sums that are to be right now. True if there was something. NULL: nothing happens. */
bool si_generations_refresh(si_generations *g);

/* What all sums begin with; less than 2^62. A NULL table has 0. */
uint64_t si_generation_base(const si_generations *g);

/* Sum of the counters of an object, and the base. `object` with or without its file extension
 * counts as the same object. A NULL table gives 0. */
uint64_t si_generation_of(const si_generations *g, si_str company, si_str object);

/* Purges: one object, one company, everything. On return it is on the disk, and seen by every
 * process that refreshes from then on. SI_ERR_IO if it could not be written, such as on a full
 * disk: then nothing was purged, and the table is as it was. */
SI_NODISCARD si_result si_generation_purge_object(
    si_generations *g, si_str company, si_str object, si_diag *diag);
SI_NODISCARD si_result si_generation_purge_company(
    si_generations *g, si_str company, si_diag *diag);
SI_NODISCARD si_result si_generation_purge_all(si_generations *g, si_diag *diag);

/* The same for many at a time, which takes no longer than one: by the places of their counters, up
 * to SI_GENERATION_PLACES of them. Either all are purged, or none. */
enum { SI_GENERATION_PLACES = 1024, SI_GENERATION_PLACE_ALL = 0 };
uint32_t si_generation_place_of_company(si_str company);
uint32_t si_generation_place_of_object(si_str company, si_str object);
SI_NODISCARD si_result si_generation_purge_places(
    si_generations *g, const uint32_t *places, int count, si_diag *diag);

#endif
