/* A folder of originals that came from origins, bounded in bytes: what was not used longest goes
 * first. It is a cache: whatever is not as it was written, shorter, longer or changed, is dropped
 * and comes from the origin again, and a disk that takes or gives nothing costs no more than that.
 */
#ifndef SI_SOURCE_ORIGINAL_CACHE_H
#define SI_SOURCE_ORIGINAL_CACHE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct si_original_cache si_original_cache;

/* What an original is kept as. Borrowed for the call. */
typedef struct si_original_name {
    uint64_t origin;  /* si_origin.id */
    uint64_t version; /* see base/origin.h */
    const char *key;
} si_original_name;

/* Takes over the folder `fd` with what is there of it, and removes what is beyond `most_bytes`. Not
 * more than these are used, and `least_free` bytes of the disk are left. NULL if there is no
 * memory, or the folder cannot be read. Owns the descriptor until si_original_cache_close(). */
si_original_cache *si_original_cache_open(int fd, int64_t most_bytes, int64_t least_free);

void si_original_cache_close(si_original_cache *c);

/* An original as a sealed file in memory, whose descriptor the caller closes; −1 if it is not
 * there. A NULL cache has none. */
int si_original_cache_get(si_original_cache *c, const si_original_name *name);

/* Keeps the original in `fd`, of `size` bytes, if it may. A NULL cache keeps none. */
void si_original_cache_put(
    si_original_cache *c, const si_original_name *name, int fd, int64_t size);

#endif
