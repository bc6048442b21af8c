/* Origins (base/origin.h): their sections, and finding objects in them.
 *
 * The catalog touches no network. What is known of an original in an origin is asked from a
 * function that it is given. That may not know it yet: then the catalog goes on as if the original
 * were there, so that all those a request needs are asked for at once, and whoever has the request
 * throws away what came of it and begins again once they are known. */
#ifndef SI_CATALOG_ORIGINS_H
#define SI_CATALOG_ORIGINS_H

#include "base/origin.h"
#include "catalog/catalog.h"

/* A row of SI_ORIGIN_SETTINGS, for whoever goes through all of them. */
typedef struct si_origin_setting {
    const char *name;
    const char *type; /* as in the table */
    si_value_field value;
    const char *initial, *unit, *help;
} si_origin_setting;

extern const si_origin_setting si_origin_settings[];
extern const int si_origin_setting_count;

/* All origins of all companies. The list and the origins are the catalog's. */
si_origins si_catalog_origins(const si_catalog *c);

/* A catalog that has nothing but the origins of a configuration folder (NULL = none): quick, for
 * processes that ask them. Mistakes as si_catalog_load(). */
SI_NODISCARD si_result si_catalog_load_origins(const char *config_dir, si_catalog_report report,
    void *context, si_catalog **out, si_diag *diag);

/* What an object is looked for as. */
typedef struct si_origin_question {
    const si_origin *origin;
    const char *key; /* path in the origin, without Prefix; less than SI_ORIGIN_KEY_MAX bytes */
    const char *extension;     /* tried first if the key has none; "" = none. DefaultExt */
    const si_company *company; /* whose object it is, … */
    si_str object;             /* … and how it is called there: what purges name, … */
    const si_company *named_in; /* … and the object that it is a file of, such as a record, which */
    si_str named;               /* they may name, too; the same where it is none */
} si_origin_question;

typedef enum si_origin_state {
    SI_ORIGIN_UNKNOWN, /* nobody has asked yet */
    SI_ORIGIN_FOUND,
    SI_ORIGIN_MISSING,
    SI_ORIGIN_FAILED /* the origin does not tell, nor has lately */
} si_origin_state;

/* What is known of an original. */
typedef struct si_origin_answer {
    uint64_t size;    /* bytes, 0 = not told */
    int64_t time;     /* when it was changed, seconds since 1970, 0 = not told */
    uint64_t version; /* see base/origin.h */
    char
        extension[SI_ORIGIN_EXTENSION]; /* the key's with which it was found; "" = none was added */
} si_origin_answer;

/* Tells what is known; *out counts if it is SI_ORIGIN_FOUND. */
typedef si_origin_state (*si_origin_look)(
    void *context, const si_origin_question *q, si_origin_answer *out);

/* Without one, no original in an origin can be looked at (SI_ERR_IO). */
void si_catalog_on_origins(si_catalog *c, si_origin_look look, void *context);

/* The names that are tried in the origin for a key, in their order: what is put behind it. Returns
 * their number, 1…SI_ORIGIN_CANDIDATES. `first` and the origin's own are tried only for a key
 * without an extension that originals have. */
int si_origin_candidates(const si_origin *o, si_str key, si_str first,
    char out[SI_ORIGIN_CANDIDATES][SI_ORIGIN_EXTENSION]);

#endif
