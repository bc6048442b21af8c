/* A request in the making: what its Modifier, query and PostModifier say, layer by layer.
 *
 * The steps (docs/architecture.md), one file a step:
 *   tokens.c     query text → items
 *   collect.c    items → statements of layers, presets expanded in place; variables
 *   variables.c  references → values
 *   setters_*.c  one function a command: value → field
 *   objects.c    objects → records and files
 *   sources.c    src= and mask= → sources; nested requests
 *   layers.c     what is left to say of each layer once all commands are known
 *   build.c      the steps in their order → picture
 *   plan.c       the outermost request → recipe and caching */
#ifndef SI_REQUEST_QUERY_H
#define SI_REQUEST_QUERY_H

#include "base/steps.h"
#include "catalog/access.h"
#include "picture/recipe.h"
#include "request/request.h"
#include "request/variables.h"

enum {
    SI_MAX_STATEMENTS = 4000, /* in one request, nested ones included */
    SI_MAX_LAYERS = 200,      /* likewise */
    SI_MAX_EFFECTS = 100,     /* likewise */
    SI_MAX_NESTING = 8
};

struct si_command_row;

/* An object that a reply depends on: purging it makes the reply unreachable. */
typedef struct si_dependency {
    struct si_dependency *next;
    const char *company, *object;
} si_dependency;

/* What a request and those nested in it share. */
typedef struct si_reading {
    const si_catalog *catalog;
    si_arena *arena;
    si_diag *diag;
    const si_company *main;          /* main company of the outermost request */
    const si_attributes *attributes; /* its attributes, with what matched rules override */
    si_str locale;                   /* locale=, p == NULL = not given */
    si_str session;                  /* of the client, for uploads; may be empty */
    si_access access;                /* what the request may use */

    int statements, layers, effects; /* so far */
    si_steps *steps;                 /* get how it comes about; NULL = nobody asks */

    /* found on the way */
    si_dependency *dependencies;
    bool has_hours;
    double hours;          /* smallest expiration, −1 = never */
    bool record_forever;   /* a record's own expiration is negative */
    bool image_missing;    /* a source's file is not there, and nothing took its place: */
    si_resolved missing;   /* what that source was */
    si_str unknown_preset; /* a preset that there is not; p == NULL = none ... */
    const si_company *preset_company; /* ... and whose it would have been */
    bool uploads;                     /* something that the client uploaded takes part */
    int64_t newest; /* date of the newest record, catalog and file, seconds; 0 = none */
} si_reading;

/* One command of a layer, an effect, the composite or the whole request. */
typedef struct si_statement {
    struct si_statement *next;
    const struct si_command_row *row;
    si_str raw; /* value, still percent-encoded */
    struct si_draft *draft;
    struct si_effect_draft *effect; /* NULL = the draft itself */
} si_statement;

typedef struct si_statements {
    si_statement *first, **last;
} si_statements;

typedef struct si_effect_draft {
    struct si_effect_draft *next; /* ascending number */
    si_effect effect;
    bool has_color;
} si_effect_draft;

/* An object of a path or a command, found. */
typedef struct si_found {
    si_resolved is;
    si_source source; /* kind NONE: a template, or missing */
    bool missing;     /* the file is not there */
} si_found;

/* A layer in the making, or the composite. */
typedef struct si_draft {
    int number;   /* −1 = the composite */
    bool touched; /* a command was given */
    si_layer layer;
    si_adjustments *adjustments; /* of the layer, or the picture's comp */
    si_effect_draft *effects;
    int effect_count;
    const si_statement *content, *mask; /* the last src=, text= or textPs=; the last mask= */
    double scale, res;                  /* 0 = not given */
    double watermark_size[2];           /* sizeN of a watermark's layer 0 */
    const si_statement *resolved;       /* the content that `found` belongs to */
    const si_found *found;              /* object of the source; NULL = none */
} si_draft;

/* A name given to a layer. */
typedef struct si_layer_name {
    struct si_layer_name *next;
    si_str name;
    int number; /* −1 = the composite */
} si_layer_name;

typedef enum si_role {
    SI_ROLE_REPLY,    /* the outermost request */
    SI_ROLE_NESTED,   /* is(…) */
    SI_ROLE_WATERMARK /* attr::Watermark */
} si_role;

/* What must be known of a query before anything else. */
enum {
    SI_FORESEEN_REQ,
    SI_FORESEEN_HANDLER,
    SI_FORESEEN_ID,
    SI_FORESEEN_LOCALE,
    SI_FORESEEN_TEMPLATE,
    SI_FORESEEN_COUNT
};

/* One request. */
typedef struct si_query {
    si_reading *all;
    const struct si_query *outer; /* NULL = outermost */
    si_role role;
    int depth;
    const si_company *company; /* main company */
    si_str object;             /* named by the path, percent-decoded; may be empty */
    si_str object_raw;         /* the same still encoded: $object$ */
    bool from_url;             /* it is a path, rather than a reference */
    bool replaced;  /* a default image replaces the request: only what survives that counts */
    bool read_only; /* req=validate: nothing is looked up */

    si_str foreseen[SI_FORESEEN_COUNT]; /* raw values, p == NULL = not given */
    si_diag shape_mistake;              /* in req=, handler= or id= */
    si_found found;                     /* the path's object, or that of template= */
    bool by_template;                   /* template=: the path's object is $object$ only */

    si_asked asked;
    si_recipe *recipe; /* where output commands go; that of a nested request is thrown away */
    si_picture picture;

    si_variables variables;
    si_statements statements;        /* of request, view, composite and layers, in order */
    si_statements record_statements; /* of the Modifiers of layers' records: weaker than those */
    si_layer_name *names;
    si_draft comp, **drafts; /* layers, ascending number */
    int draft_count, draft_room;
} si_query;

/* ---- collect.c ---- */

/* Where a text's commands go. */
typedef struct si_collecting {
    si_level level;
    si_draft *only;            /* commands of layers go to this layer; NULL = where they say */
    const si_company *company; /* whose presets count */
    const si_record *record;   /* whose Modifier or PostModifier it is; NULL = the query */
} si_collecting;

/* Reads what must be known before anything else from a query, and its variables. Mistakes are left
 * to si_query_collect(). */
SI_NODISCARD si_result si_query_foresee(si_query *q, si_str text);

/* Reads a query, Modifier or PostModifier into statements. */
SI_NODISCARD si_result si_query_collect(si_query *q, si_str text, const si_collecting *how);

/* The layer of a number, made if there is none; NULL when there are too many. */
si_draft *si_query_layer(si_query *q, int number);

/* ---- sources.c ---- */

/* Finds the source of each layer and reads its record's Modifier. */
SI_NODISCARD si_result si_query_sources(si_query *q);

/* Makes sources of the masks. */
SI_NODISCARD si_result si_query_masks(si_query *q);

/* ---- layers.c ---- */

/* Completes, checks and orders the layers, and puts them into the picture. */
SI_NODISCARD si_result si_query_layers(si_query *q);

/* ---- build.c ---- */

/* Starts a request: defaults of its main company. `q` is zero but for all, outer, role, depth,
 * company, object, object_raw, from_url, replaced, read_only and recipe. */
void si_query_init(si_query *q);

/* What is known of `text` (a raw query) without its layers: q->foreseen, q->asked.type and shape,
 * the locale, and the object of the path (q->found). */
SI_NODISCARD si_result si_query_open(si_query *q, si_str text);

/* Reads all of `text`, after si_query_open(), into q->picture, q->recipe and q->asked.
 * SI_ERR_NOT_FOUND: an image is missing, and a default image may take its place. */
SI_NODISCARD si_result si_query_build(si_query *q, si_str text);

/* Looks at a text of the configuration, a preset or a record's Modifier, after si_query_init() and
 * with q->read_only, which looks nothing up: SI_OK, or the first value that cannot be. Values with
 * variables pass. */
SI_NODISCARD si_result si_query_check(si_query *q, si_str text, si_level level);

/* ---- objects.c ---- */

/* Merges doubled slashes of a path, as web servers do: `path` becomes a copy in the arena if there
 * are any. False if memory runs out. */
bool si_object_path_merge(si_str *path, si_arena *arena);

/* Decodes the path of an object element by element (docs/protocol.md, URLs): the elements joined by
 * "/", in the arena. SI_ERR_FORBIDDEN: one decodes to something with a "/" or NUL in it, which
 * could lead elsewhere than the rules saw. */
SI_NODISCARD si_result si_object_decode(si_str raw, si_arena *arena, si_str *out, si_diag *diag);

/* The path as rules and caches know it, without slashes that add nothing (`raw` is changed to
 * that), and the same decoded. One behind a single element stays if it tells a company from an
 * object of the default one. Errors as si_object_decode(). */
SI_NODISCARD si_result si_object_path_read(
    const si_catalog *c, si_str *raw, si_arena *arena, si_str *out, si_diag *diag);

/* Resolves an object, notes that the reply depends on it, and finds its file. A missing file is
 * SI_ERR_NOT_FOUND with the record found all the same; templates and companies that are named alone
 * have none. */
SI_NODISCARD si_result si_query_resolve(
    si_query *q, si_str object, bool from_url, si_found *out, si_diag *diag);

/* A file of an object, at its path or mask_path, as a reference that the reply depends on.
 * SI_ERR_FORBIDDEN: it belongs to a company that does not admit the request. */
SI_NODISCARD si_result si_query_file(
    si_query *q, const si_resolved *is, const char *path, si_file_ref *out, si_diag *diag);

/* The profile of that name or path. sRGB has path "", another one that smartimg makes itself "/"
 * and its standard name. `type` gets its kind of colour. SI_ERR_NOT_FOUND, SI_ERR_SOURCE. */
SI_NODISCARD si_result si_query_profile(
    si_query *q, const si_company *company, si_str name, si_file_ref *out, si_pixel_type *type);

/* Lets the reply live no longer than an object allows. */
void si_query_expire(si_query *q, const si_found *found);

/* Hours, −1 = for ever. */
void si_reading_expire(si_reading *all, double hours);

/* The attributes that govern a company's objects: those that rules have changed, if it is the main
 * company of the outermost request. */
static inline const si_attributes *si_reading_attributes(
    const si_reading *all, const si_company *company) {
    return company == all->main ? all->attributes : &company->attributes;
}

/* The locale of the request, else DefaultLocale. */
static inline si_str si_reading_locale(const si_reading *all) {
    return all->locale.p != NULL ? all->locale : si_str_of(all->attributes->default_locale);
}

/* Says that the request is not admitted to what it names, and nothing of that: SI_ERR_FORBIDDEN. */
static inline si_result si_refuse(si_diag *diag) {
    return si_fail(diag, SI_ERR_FORBIDDEN, "request refused");
}

/* Says that memory ran out: SI_ERR_MEMORY. */
static inline si_result si_no_memory(si_diag *diag) {
    return si_fail(diag, SI_ERR_MEMORY, "out of memory");
}

/* ---- output.c ---- */

/* What is left to do once every command of the outermost request is known: decides formats,
 * profiles and thumbnails, and sets what has no effect to its initial value, so that equal replies
 * have equal recipes. */
SI_NODISCARD si_result si_query_output(si_query *q);

#endif
