/* What a folder below the served root holds, for examples and for suggestions. */
#ifndef SI_CATALOG_LISTING_H
#define SI_CATALOG_LISTING_H

#include "catalog/catalog.h"

enum {
    SI_LISTING_MAX = 1000,       /* entries of a folder that are looked at */
    SI_LISTINGS_PER_SECOND = 100 /* of a process, for suggestions */
};

typedef enum si_listing_kind {
    SI_LISTING_FOLDERS,
    SI_LISTING_FILES /* with an extension of an original (extensions.h) */
} si_listing_kind;

/* Tells the names in `folder` (below the served root, "" = the root itself), in no order. Hidden
 * ones and those that hold control characters are left out; links count as files, wherever they
 * lead, and never as folders: whoever uses a name finds out what it is worth. Returns false if the
 * folder cannot be read, or if it has so many entries that only some of them were looked at. */
bool si_catalog_list(const si_catalog *c, const char *folder, si_listing_kind kind,
    void (*tell)(void *context, const char *name), void *context);

/* The nearest names to ones that are not there (base/nearest.h), for people who mistyped them; NULL
 * if none is near, or if it might be no business of theirs: what a company locks, obfuscates or
 * keeps to some addresses is never told, nor what is in a folder of more than SI_LISTING_MAX
 * entries. At most three folders are listed for a request, and SI_LISTINGS_PER_SECOND in all, as
 * each may take a millisecond of whoever answers requests: who asks for what is not there all the
 * time is told less. Results are in the arena. */

/* An object of the company, instead of one that it has not: a record, or a file that may be reached
 * by its path; without its extension. `object` has no root id. */
const char *si_catalog_nearest_object(
    const si_catalog *c, const si_company *company, si_str object, si_arena *arena);

/* A root id; first-level folders count if no company has a file of its own. */
const char *si_catalog_nearest_company(const si_catalog *c, si_str root_id, si_arena *arena);

/* A preset of the company or the default company. */
const char *si_catalog_nearest_preset(
    const si_catalog *c, const si_company *company, si_str name, si_arena *arena);

#endif
