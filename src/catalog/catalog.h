/* Companies: their attributes, presets, records, fonts, profiles and crops, and where their files
 * are (docs/attributes.md; the vendor's image catalog reference).
 *
 * A catalog is an immutable snapshot of the configuration folder; a reload makes a new one. With no
 * configuration every first-level folder below the root is a company with default attributes, and
 * those of SI_UNCONFIGURED_ATTRIBUTES are on.
 * Whatever these functions return belongs to the catalog, unless they take an arena. */
#ifndef SI_CATALOG_CATALOG_H
#define SI_CATALOG_CATALOG_H

#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/str.h"
#include "catalog/attributes.h"
#include "catalog/generations.h"
#include "catalog/record.h"

typedef struct si_catalog si_catalog;

typedef struct si_company {
    const char *id;           /* root id, "" = default company */
    si_attributes attributes; /* with the default company's filled in */
    int64_t time_ms;          /* TimeStamp, else when the company file was changed; ms since 1970,
                                 0 = there is no such file */
    const struct si_company_data *data; /* internal */
} si_company;

/* ---- loading ---- */

/* Called for everything found in the configuration: file (below the folder), line, text. Texts that
 * begin with "warning: " tell of something odd that is not used; all others are mistakes. */
typedef void (*si_catalog_report)(void *context, const char *file, int line, const char *text);

/* Whether a text of a report is a warning. */
bool si_catalog_is_warning(const char *text);

/* Loads companies/<rootId>.ini of `config_dir` (NULL = no configuration), with the data files and
 * rule sets they name, for images below `root`. Every mistake goes to `report` (may be NULL); the
 * first one also to `diag`, and any makes the load fail with SI_ERR_CONFIG. SI_ERR_IO if a folder
 * cannot be opened. */
SI_NODISCARD si_result si_catalog_load(const char *config_dir, const char *root,
    si_catalog_report report, void *context, si_catalog **out, si_diag *diag);

/* The same for whoever only looks for mistakes: with SI_ERR_CONFIG, too, *out is a catalog, without
 * what is wrong. */
SI_NODISCARD si_result si_catalog_load_to_check(const char *config_dir, const char *root,
    si_catalog_report report, void *context, si_catalog **out, si_diag *diag);

void si_catalog_free(si_catalog *c);

/* Looks for the folders, files and objects that attributes, records, fonts and profiles name, and
 * reports those that are not there or cannot be read, as warnings; of what a missing folder would
 * have, nothing more is told. Returns how many. */
int si_catalog_check_files(const si_catalog *c, si_catalog_report report, void *context);

/* A query that stands in the configuration. */
typedef struct si_catalog_query {
    const si_company *company;
    const char *what,
        *name; /* "preset" and its name, "Modifier" or "PostModifier" and a record's */
    bool of_record;
    const char *text; /* presets that it calls are not expanded */
    const char *file; /* where it is, as reports call it */
    int line;
} si_catalog_query;

/* Goes through all of them, in no order. */
void si_catalog_each_query(const si_catalog *c,
    void (*visit)(void *context, const si_catalog_query *query), void *context);

/* ---- companies ---- */

/* The default company. */
const si_company *si_catalog_default(const si_catalog *c);

/* The companies that have a file of their own, in the order of their names: the first is number 1.
 * NULL behind the last. */
const si_company *si_catalog_company(const si_catalog *c, int number);

/* The company of that root id (exact case), else the first-level folder of that name with default
 * attributes (made in the arena); NULL if there is neither. */
const si_company *si_catalog_find_company(const si_catalog *c, si_str root_id, si_arena *arena);

/* Whether a foreign image may be fetched from a server (lower-case name, without brackets; port):
 * AllowDirectUrls with ForeignHosts, or the server of RootUrl. */
bool si_attributes_allow_host(const si_attributes *a, si_str host, int port);

/* ---- what a company defines; each is looked up in the company, then in the default one ---- */

/* Body of the preset `name` (any case), with the presets that it calls expanded as they stood when
 * it was defined; NULL if unknown. $shadow$ and $glow$ are built in. */
const char *si_company_preset(const si_catalog *c, const si_company *company, si_str name);

/* The same, with where it is defined. */
typedef struct si_preset {
    const char *name;
    const char *body; /* with the presets that it calls in their place */
    const char *own;  /* as it was written */
    const char *file; /* as reports call it; NULL = built in */
    int line;
} si_preset;

const si_preset *si_catalog_preset(const si_catalog *c, const si_company *company, si_str name);

/* The record with exactly that id. `owner` (may be NULL) gets the company that has it, whose
 * RootPath and DefaultExt its paths go by. NULL if there is none. */
const si_record *si_catalog_record(const si_catalog *c, const si_company *company, si_str id,
    si_record_table table, const si_company **owner);

/* A font file (docs/text.md). */
typedef struct si_font {
    const char *name;
    bool bold, italic;
    const char *path, *metrics_path; /* below the owner's RootPath; metrics "" = same folder */
    const char *ps_name;             /* "" = none */
    const si_company *owner;
    const char *file; /* where it is defined, as reports call it */
    int line;
} si_font;

/* The styles of a font name (exact case): at most one each of plain, bold, italic and bold italic,
 * the company's own before the default company's. Fills `out` and returns how many, 0 if the name
 * is unknown. */
int si_catalog_font(
    const si_catalog *c, const si_company *company, si_str name, const si_font *out[4]);

/* A colour profile. */
typedef struct si_profile {
    const char *name;
    const char *path; /* below the owner's RootPath */
    const si_company *owner;
    const char *file; /* where it is defined, as reports call it */
    int line;
} si_profile;

/* The profile of that name (any case), or registered under the other standard name of the same
 * profile: short, such as AdobeRGB, or long, such as "Adobe RGB (1998)". NULL if there is none. */
const si_profile *si_catalog_profile(const si_catalog *c, const si_company *company, si_str name);

/* The short standard name of a short or long one in any case, or NULL. */
const char *si_profile_standard(si_str name);

/* A named smart crop: its size says the aspect ratio, and how large it is delivered. */
typedef struct si_crop {
    const char *name;
    int width, height;    /* pixels */
    struct si_crop *next; /* in the order of the file; NULL = last */
} si_crop;

/* The crop of that name (exact case), or NULL. */
const si_crop *si_company_crop(const si_catalog *c, const si_company *company, si_str name);

/* The crops a company has, first to last: its own, or the default company's if it has none. */
const si_crop *si_company_crops(const si_catalog *c, const si_company *company);

/* The crop of an object that was set by hand: x, y, width, height as fractions of the original,
 * inside of it. False if there is none. The object is a record id or a path, without extension
 * counting as equal to with one. */
bool si_catalog_crop_override(
    const si_catalog *c, const si_company *company, si_str object, si_str crop, double rect[4]);

/* ---- objects (docs/protocol.md, URLs) ---- */

/* What is to be resolved. */
typedef struct si_object_query {
    const si_company *main; /* main company of the request; with `from_url` it may be NULL, and is
                               then found from the object */
    si_str object;          /* percent-decoded, without the context */
    bool from_url;          /* the path of the request, not a reference in a command */
    si_str locale;          /* of the request; p == NULL = not given */
    si_record_table table;
} si_object_query;

/* What an object is. */
typedef struct si_resolved {
    const si_company *main;    /* as in the query, or found */
    const si_company *company; /* whose attributes govern the object */
    const si_record *record;   /* NULL = reached by its path */
    const si_company *owner;   /* who has the record; `company` if there is none */
    const char *object;        /* record id, or path; without the root id; in the arena */
    const char *path;          /* of the file, for si_catalog_find_of(): the record's Path, which
                                  is "" for templates, or the object */
    const char *mask_path;     /* the record's MaskPath, or "" */
    const si_crop *crop;       /* "object:Crop" names the crop of that name, NULL = none; all the
                                  rest is about the object before the ":" */
    bool swatch;               /* "object:Swatch" */
} si_resolved;

/* Finds out what an object names; touches no file. A record whose id has a ":" comes before a crop
 * or the swatch of an object. SI_ERR_FORBIDDEN: by its path, and
 * AllowDirectAccess does not allow that. SI_ERR_RANGE: the locale has no rule. Never
 * SI_ERR_NOT_FOUND: what is no record is a path. */
SI_NODISCARD si_result si_catalog_resolve(const si_catalog *c, const si_object_query *query,
    si_arena *arena, si_resolved *out, si_diag *diag);

/* The rectangle that was set by hand for the crop or swatch of an object, as
 * si_catalog_crop_override() gives it: that of the record, else that of its file, which several
 * records may share. False if there is none, or the object is no crop. */
bool si_catalog_crop_by_hand(const si_catalog *c, const si_resolved *object, double rect[4]);

/* The crop that an object's name ends with, a swatch's included; NULL if it names none. */
const si_crop *si_resolved_crop(const si_resolved *object);

/* The ids of records that LocaleMap may turn a record id into, for req=xlate: those that exist,
 * each once, the plain id first. Returns how many; *out is in the arena. −1 if memory runs out. */
int si_catalog_translations(const si_catalog *c, const si_company *main, si_str id,
    si_record_table table, si_arena *arena, const char *const **out);

/* ---- files ---- */

/* A file behind an object. */
typedef struct si_file {
    const char *path; /* relative to the served root, in the arena */
    uint64_t size;    /* bytes */
    int64_t time_ns;  /* modification time, ns since 1970 */
} si_file;

/* Finds the file of `object` (percent-decoded path below the company's folder, with or without its
 * extension, whose letters may be of either case: shoe, shoe.jpg and shoe.JPG are shoe.JPG or
 * shoe.Jpg, if nothing else has the name). Never reaches outside the root: "..", empty or "."
 * elements, NUL and control bytes, absolute paths and links that lead out are SI_ERR_FORBIDDEN or
 * SI_ERR_NOT_FOUND. What is hidden, an element that begins with ".", is not found either. SI_ERR_IO
 * if files cannot be looked at now. */
SI_NODISCARD si_result si_catalog_find(const si_catalog *c, const si_company *company,
    si_str object, si_arena *arena, si_file *out, si_diag *diag);

/* The same for a file of an object, at `path`: is->path or is->mask_path. What is known of it in an
 * origin counts until the path, or the object, is purged. */
SI_NODISCARD si_result si_catalog_find_of(const si_catalog *c, const si_resolved *is,
    const char *path, si_arena *arena, si_file *out, si_diag *diag);

/* The same for static content, below StaticContentRootPath and by its exact name. */
SI_NODISCARD si_result si_catalog_find_static(const si_catalog *c, const si_company *company,
    si_str object, si_arena *arena, si_file *out, si_diag *diag);

/* The same for fonts and profiles: below RootPath, by exact name. */
SI_NODISCARD si_result si_catalog_find_exact(const si_catalog *c, const si_company *company,
    si_str path, si_arena *arena, si_file *out, si_diag *diag);

/* Who is told of each link met by these functions that leads out of the root, which they take for
 * not there, with all behind it: its path below the root, and not again within a minute. For logs,
 * never for clients. */
typedef void (*si_catalog_outside)(void *context, const char *path);
void si_catalog_on_outside(si_catalog *c, si_catalog_outside tell, void *context);
/* Lets requests name what visitors of the playground uploaded, as objects of the company
 * SI_UPLOADS_COMPANY, which has the default company's attributes and converts (base/uploads.h).
 * `folder_fd` is borrowed as long as the catalog lives. */
void si_catalog_set_uploads(si_catalog *c, int folder_fd);

bool si_catalog_has_uploads(const si_catalog *c);
bool si_company_has_uploads(const si_company *company);

/* Finds an upload: `object` is KEY/NAME. Of another session, or past its time, or not there:
 * SI_ERR_CONTEXT, with one text for all. `session` is the client's key, empty = it has none. */
SI_NODISCARD si_result si_catalog_find_upload(const si_catalog *c, si_str object, si_str session,
    si_arena *arena, si_file *out, si_diag *diag);

/* Opens such a file for reading. Returns a descriptor that the caller closes, or −1 with `diag`
 * set. */
int si_catalog_open(const si_catalog *c, const si_file *file, si_diag *diag);

#endif
