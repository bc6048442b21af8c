/* Companies: their attributes, presets and objects, and where their files are.
 *
 * A catalog is an immutable snapshot of the configuration folder; a reload makes a new one. With no
 * configuration every first-level folder below the root is a company with default attributes. */
#ifndef SI_CATALOG_CATALOG_H
#define SI_CATALOG_CATALOG_H

#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/str.h"
#include "catalog/attributes.h"
#include "catalog/generations.h"

typedef struct si_catalog si_catalog;

typedef struct si_company {
    const char *id;                           /* root id, "" = default company */
    si_attributes attributes;                 /* with the default company's filled in */
    const struct si_entry *presets, *objects; /* internal */
} si_company;

/* Called for every mistake found in the configuration: file (below the folder), line, text. */
typedef void (*si_catalog_report)(void *context, const char *file, int line, const char *text);

/* Loads companies/<rootId>.ini of `config_dir` (NULL = no configuration) for images below `root`.
 * Every mistake goes to `report` (may be NULL); the first one also to `diag`, and any makes the
 * load fail with SI_ERR_CONFIG. SI_ERR_IO if a folder cannot be opened. */
SI_NODISCARD si_result si_catalog_load(const char *config_dir, const char *root,
    si_catalog_report report, void *context, si_catalog **out, si_diag *diag);
void si_catalog_free(si_catalog *c);

/* The company of a path's first element, or the default company when there is no such company (then
 * `*matched` is false and the element belongs to the object). Storage: the catalog or `arena`. */
const si_company *si_catalog_company(
    const si_catalog *c, si_str root_id, si_arena *arena, bool *matched);

/* Body of the preset `name` (any case), looked up in the company, then in the default one; NULL if
 * unknown. */
const char *si_company_preset(const si_catalog *c, const si_company *company, si_str name);

/* The line of [objects] for a record id (exact case): a file path below the company's folder,
 * followed by `?` and the record's Modifier if it has one. NULL if there is no such record. */
const char *si_company_object(const si_company *company, si_str id);

/* A file behind an object. */
typedef struct si_file {
    const char *path; /* relative to the served root, in the arena */
    uint64_t size;    /* bytes */
    int64_t time_ns;  /* modification time, ns since 1970 */
} si_file;

/* Finds the file of `object` (percent-decoded path below the company's folder, with or without its
 * extension). Never reaches outside the root: "..", empty or "." elements, NUL and control bytes,
 * absolute paths and links that lead out are SI_ERR_FORBIDDEN or SI_ERR_NOT_FOUND. */
SI_NODISCARD si_result si_catalog_find(const si_catalog *c, const si_company *company,
    si_str object, si_arena *arena, si_file *out, si_diag *diag);

/* Opens a path relative to `root_fd` for reading, with the same guard; the broker's half of
 * si_catalog_find(). Returns a descriptor, or −1 with `diag` set. */
int si_root_open(int root_fd, const char *path, si_diag *diag);

#endif
