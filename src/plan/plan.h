/* From an HTTP request to a plan: the recipe, and how the reply may be cached.
 *
 * This is all that the edge, `smartimg render` and `smartimg explain` need from the front side. */
#ifndef SI_PLAN_PLAN_H
#define SI_PLAN_PLAN_H

#include "catalog/catalog.h"
#include "client/client.h"
#include "reply/properties.h"

/* A request as it came in; borrowed. */
typedef struct si_request {
    si_str path;    /* raw (still percent-encoded) path, such as /is/image/demo/shoe */
    si_str query;   /* raw query without "?"; p == NULL = no "?" */
    si_str address; /* of the client, as text; may be empty */
    int64_t now;    /* seconds since 1970, for addresses that end (plan/lock.h) */
    si_client_headers headers;
} si_request;

/* A response header that a rule adds (catalog/rules.h). */
typedef struct si_plan_header {
    const char *name, *value;
    bool add; /* append behind a comma, rather than replace */
} si_plan_header;

/* What a plan holds. */
typedef enum si_plan_kind {
    SI_PLAN_RECIPE, /* a renderer is to answer: recipe, recipe_text */
    SI_PLAN_BODY,   /* the front side has answered: body, content_type, etag */
    SI_PLAN_FILE    /* static content, a file to be sent: content, content_type */
} si_plan_kind;

/* What to do. Everything is borrowed from the arena. */
typedef struct si_plan {
    si_plan_kind kind;
    si_recipe recipe;
    const char *recipe_text; /* canonical text of `recipe`: cache key and SCGI parameter; "" unless
                                the plan is one */
    si_client client;

    /* a reply that the front side makes itself, when the catalog alone knows the answer */
    const char *body;         /* NULL unless the plan is one */
    size_t body_len;          /* bytes */
    const char *content_type; /* static string */
    char etag[40];            /* of the body, strong, with quotes */

    /* static content (static_content.h): a file to be sent as it is */
    si_file_ref content;         /* path NULL unless the plan is one; its type is content_type */
    const char *content_handler; /* the file is a text to be wrapped as JSONP,
                                    "handler("text","id");"; NULL = send it as it is */
    const char *content_id;

    unsigned vary;  /* SI_USED_*: request headers that this reply depends on */
    bool accept_ch; /* the pixel ratio comes from client hints: ask for them (Accept-CH: DPR) */
    int64_t ttl;    /* seconds a client may keep the reply; 0 = not at all, −1 = for ever */
    int64_t last_modified; /* seconds since 1970, 0 = not sent */
    int64_t expires; /* seconds since 1970: the last moment that the address is good for, 0 = it
                        does not end; also if the plan could not be made */
    bool always_unmodified; /* ttl −1: every conditional GET gets 304 (docs/protocol.md, Caching) */
    bool client_cache;      /* false: cache=off, reply must not be kept by anyone downstream */
    bool server_cache;      /* false: neither look into the server's cache nor write to it */
    bool update;            /* cache=update: do not look into the cache, but store the reply */
    bool caching_by_address;    /* another client may get another plan, though the same reply */
    bool cache_command_ignored; /* cache=off or update of a client that may not (docs/attributes.md,
                                   CacheCommandAddresses): served like others */
    bool error_image;           /* in place of an error: status 200, kept by nobody */
    bool by_address;            /* another client may get another plan for the same address */

    const si_plan_header *headers;
    int header_count;

    const struct si_dependency *dependencies; /* objects whose purge makes this plan stale */

    /* what errors are to look like; known even if the plan could not be made */
    si_shape shape;
    int error_detail; /* attr::ErrorDetail */
} si_plan;

/* Makes a plan. Errors carry the status of base/result.h; on error plan->vary, shape and
 * error_detail are still valid. `generations` may be NULL. */
SI_NODISCARD si_result si_plan_make(const si_catalog *catalog, const si_generations *generations,
    const si_request *request, si_arena *arena, si_plan *plan, si_diag *diag);

/* Sum of the purge counters of all objects of a plan: recipe.generation as it is now. */
uint64_t si_plan_generation(const si_plan *plan, const si_generations *generations);

/* The body of an error reply in the encoding that was asked for, as much of it as the company's
 * ErrorDetail allows; in the arena or static. `type` gets its MIME type, a static string. */
si_str si_plan_error(const si_plan *plan, const si_diag *diag, si_arena *arena, const char **type);

#endif
