/* Invalidations: what a purge is about, as it is applied to a generation table and as it travels to
 * the nodes of a fleet. */
#ifndef SI_FLEET_INVALIDATION_H
#define SI_FLEET_INVALIDATION_H

#include "base/result.h"
#include "base/str.h"
#include "catalog/generations.h"

/* name on the wire, words for people before the name */
#define SI_INVALIDATIONS(X)                                                                        \
    X(OBJECT, "object", "")                                                                        \
    X(COMPANY, "company", "all of company ")                                                       \
    X(ALL, "all", "everything")

typedef enum si_invalidation_kind {
#define X(id, name, words) SI_INVALIDATION_##id,
    SI_INVALIDATIONS(X)
#undef X
        SI_INVALIDATION_KINDS
} si_invalidation_kind;

enum { SI_INVALIDATION_NAME = 1024 }; /* bytes of a name, at most, with its NUL */

typedef struct si_invalidation {
    si_invalidation_kind kind;
    char name[SI_INVALIDATION_NAME]; /* of an object, "company/name", decoded, without slashes at
                                        its ends; of a company; "" of all */
} si_invalidation;

/* Reads what a purge names: an object as "company/name" or as the path of a request,
 * percent-encoded or not, whose query is ignored; a company; or anything for all. SI_ERR_SYNTAX if
 * it names nothing, or too much. */
SI_NODISCARD si_result si_invalidation_read(
    si_invalidation_kind kind, const char *text, si_invalidation *out, si_diag *diag);

/* Reads one that has travelled: the kind's name, and the name. False if it is not well formed. */
bool si_invalidation_receive(si_str kind, si_str name, si_invalidation *out);

/* The name of a kind on the wire. */
const char *si_invalidation_kind_name(si_invalidation_kind kind);

/* What was purged, for people: "acme/shoe", "all of company acme", "everything". */
enum { SI_INVALIDATION_TEXT = SI_INVALIDATION_NAME + 40 };
const char *si_invalidation_text(const si_invalidation *i, char out[SI_INVALIDATION_TEXT]);

/* The counters of the table that it is about, for si_generation_purge_places(): returns how many.
 * An object is purged as that of the company that its first element names and as one of the default
 * company: which of them it is, only the catalog of a running server knows, and purging too much
 * costs a render at most. */
enum { SI_INVALIDATION_PLACES = 2 };
int si_invalidation_places(const si_invalidation *i, uint32_t out[SI_INVALIDATION_PLACES]);

/* Applies it to the table; on return it is on the disk. Applying it once more does the same.
 * SI_ERR_IO as si_generation_purge_object(). */
SI_NODISCARD si_result si_invalidation_apply(
    const si_invalidation *i, si_generations *g, si_diag *diag);

#endif
