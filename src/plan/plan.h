/* From an HTTP request to a plan: the recipe, and how the reply may be cached.
 *
 * This is all that the edge, `smartimg render` and `smartimg explain` need from the front side. */
#ifndef SI_PLAN_PLAN_H
#define SI_PLAN_PLAN_H

#include "base/show.h"
#include "base/steps.h"
#include "catalog/catalog.h"
#include "catalog/origins.h" /* what is told of originals while a plan is made */
#include "client/client.h"
#include "reply/properties.h"

/* A request as it came in; borrowed. */
typedef struct si_request {
    si_str path;    /* raw (still percent-encoded) path, such as /is/image/demo/shoe */
    si_str query;   /* raw query without "?"; p == NULL = no "?" */
    si_str address; /* of the client, as text; may be empty */
    si_str session; /* key of the client's session (base/uploads.h); may be empty */
    int64_t now;    /* seconds since 1970, for addresses that end (plan/lock.h) */
    si_client_headers headers;
    si_steps *steps; /* get how the plan comes about, also if it does not; NULL = nobody asks */
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
    const si_client_headers *asked; /* of the request; only while the plan is made */

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

    unsigned vary;      /* SI_USED_*: request headers that this reply depends on */
    si_str vary_header; /* …, and the one in which an edge tells the pixel ratio; p == NULL = none.
                           As long as the catalog, or the request, see si_request.headers */
    unsigned accept_ch;   /* SI_USED_*: client hints that this reply is better with: ask for them */
    bool critical_ch;     /* …, and for the page to be asked for again with them */
    bool network_adapts;  /* the reply is made for the line to its client, client.network … */
    bool network_private; /* … which is another than headers tell, as it was measured: the reply is
                             for this client alone */
    const char *network_header; /* an edge's header that was looked for, with a class's name; NULL =
                                   none */
    int64_t ttl; /* seconds a client may keep the reply; 0 = not at all, −1 = for ever */
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

    si_show show; /* what a renderer is to show of its reply; of the playground alone (shown.h) */

    const si_plan_header *headers;
    int header_count;

    const struct si_dependency *dependencies; /* objects whose purge makes this plan stale */

    /* what errors are to look like; known even if the plan could not be made */
    si_shape shape;
    int error_detail;    /* attr::ErrorDetail */
    const char *company; /* root id of the main company, as long as the catalog or in the arena;
                            NULL = none was found, "" = the default one */
    const si_attributes *attributes; /* that govern the request, errors included, as far as they are
                                        known; NULL = not at all */
    const char *nearest; /* path and query that an error suggests instead; NULL = none */
} si_plan;

/* Makes a plan. Errors carry the status of base/result.h; on error plan->vary, shape and
 * error_detail are still valid. `generations` may be NULL. */
SI_NODISCARD si_result si_plan_make(const si_catalog *catalog, const si_generations *generations,
    const si_request *request, si_arena *arena, si_plan *plan, si_diag *diag);

/* The value of Vary: of plan->vary, of `more` SI_USED_*, vary_header and network_header; "" for
 * none. `plan` may be NULL, `out` needs SI_PLAN_VARY_SIZE bytes. Returns out. */
enum { SI_PLAN_VARY_SIZE = SI_CLIENT_VARY_SIZE + 2 * (SI_FIELD_NAME_MAX + 2) };
char *si_plan_vary(const si_plan *plan, unsigned more, char *out);
/* The network class that an edge tells in the header `name`; SI_NETWORK_UNKNOWN if it does not. */
si_network si_plan_edge_network(const si_client_headers *headers, const char *name);

/* Sum of the purge counters of all objects of a plan: recipe.generation as it is now. */
uint64_t si_plan_generation(const si_plan *plan, const si_generations *generations);

/* The body of an error reply in the encoding that was asked for, as much of it as the company's
 * ErrorDetail allows; in the arena or static. `type` gets its MIME type, a static string. */
si_str si_plan_error(const si_plan *plan, const si_diag *diag, si_arena *arena, const char **type);

#endif
