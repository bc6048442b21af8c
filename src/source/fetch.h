/* Foreign images over HTTP (reference/syntax.md section 10): src=(http://…).
 *
 * Which servers a company may ask is decided by the front wing (ForeignHosts), which puts the
 * address into the recipe. Here stands what no recipe can change: http and https only, no
 * redirects, no proxies, no credentials, limits on time and size, and no private, local or
 * otherwise special address behind a name; only a server that is itself written as an address may
 * be one of those, since then ForeignHosts lists it in so many words. */
#ifndef SI_SOURCE_FETCH_H
#define SI_SOURCE_FETCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/result.h"

enum {
    SI_FETCH_MS = 8000,          /* for all of it; connecting gets half */
    SI_FETCH_BYTES = 64 << 20    /* largest image */
};

/* Fetches `url` into an unnamed file in memory, sealed, positioned at its start; the caller closes
 * it. −1 with `diag` set: SI_ERR_SYNTAX, SI_ERR_FORBIDDEN (address, redirect), SI_ERR_LIMIT,
 * SI_ERR_TIMEOUT, SI_ERR_SOURCE (any other answer than 200 with a body). *keep is how many seconds
 * the answer may be kept by its own headers: Cache-Control, Expires, Age; 0 without ETag and
 * Last-Modified; SI_FETCH_KEEP where they leave it open. Takes as long as the server does. */
int si_fetch(const char *url, long *keep, si_diag *diag);

enum { SI_FETCH_KEEP = 300 };

/* True for addresses that a name may not stand for: `family` AF_INET with 4 or AF_INET6 with 16
 * bytes. */
bool si_fetch_is_special(int family, const void *address);

/* Lifetime in seconds by the header lines of a reply, each `Name: value`; `now` is seconds since
 * 1970. Zero-initialize si_fetch_life, add lines, then ask. */
typedef struct si_fetch_life {
    bool validator; /* ETag or Last-Modified */
    bool no_store;
    long max_age;   /* Cache-Control, s-maxage first */
    bool shared;    /* max_age is s-maxage */
    bool has_max_age;
    long age, expires; /* expires: seconds from now, at most 0 = stale */
    bool has_expires;
} si_fetch_life;

void si_fetch_life_add(si_fetch_life *l, const char *line, size_t len, long now);
long si_fetch_life_seconds(const si_fetch_life *l);

#endif
