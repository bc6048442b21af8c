/* How long a foreign image may be kept, by the headers that came with it (docs/layers.md,
 * Foreign images; RFC 9111 for what they mean to a shared cache). */
#ifndef SI_SOURCE_FRESHNESS_H
#define SI_SOURCE_FRESHNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* What the headers say. Zero-initialize. */
typedef struct si_freshness {
    bool validator; /* there is an ETag or a Last-Modified */
    bool refused;   /* no-store, no-cache, private, Vary: * and the like */
    bool has_max_age, has_s_maxage, has_expires;
    int64_t max_age, s_maxage; /* seconds */
    int64_t age;               /* seconds it has spent in other caches */
    int64_t date, expires;     /* Unix time; date 0 = not told */
} si_freshness;

/* Takes one line of a reply's head, with or without its line end. A status line forgets what was
 * before: it belongs to another reply. */
void si_freshness_read(si_freshness *f, si_str line);

/* Seconds for which the image may be kept from `now` (Unix time) on, 0…a year. Without a validator
 * 0; `usual` seconds if the headers do not tell a life. */
long si_freshness_seconds(const si_freshness *f, long usual, int64_t now);

#endif
