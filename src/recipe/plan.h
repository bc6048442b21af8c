/* From an HTTP request to a plan: the recipe, and how the reply may be cached.
 *
 * This is all that the edge, `smartimg render` and `smartimg explain` need from the front wing. */
#ifndef SI_RECIPE_PLAN_H
#define SI_RECIPE_PLAN_H

#include "catalog/catalog.h"
#include "client/client.h"
#include "recipe/recipe.h"

/* A request as it came in; borrowed. */
typedef struct si_request {
    si_str path;  /* raw (still percent-encoded) path, such as /is/image/demo/shoe */
    si_str query; /* raw query without "?", may be empty */
    si_client_headers headers;
} si_request;

/* What to do. Everything is borrowed from the arena. */
typedef struct si_plan {
    si_recipe recipe;
    const char *recipe_text; /* canonical text of `recipe`: cache key and SCGI parameter; "" if
                                there is a body */
    si_client client;

    /* a reply that the front wing makes itself, when the catalog alone knows the answer */
    const char *body;         /* NULL = ask a renderer for the recipe */
    size_t body_len;          /* bytes */
    const char *content_type; /* static string */
    char etag[40];            /* of the body, strong, with quotes */

    /* static content (content.h): a file to be sent as it is */
    si_file_ref content;         /* path NULL = none; its type is content_type */
    const char *content_handler; /* the file is a text to be wrapped as JSONP, "handler("text","id");";
                                    NULL = send it as it is */
    const char *content_id;

    unsigned vary;  /* SI_USED_*: request headers that this reply depends on */
    bool accept_ch; /* density comes from client hints: ask for them (Accept-CH: DPR) */
    int64_t ttl;    /* seconds a client may keep the reply; 0 = not at all, −1 = for ever */
    int64_t last_modified;  /* seconds since 1970, 0 = not sent */
    bool always_unmodified; /* ttl −1: every conditional GET gets 304 (server.md section 1) */
    bool client_cache;      /* false: cache=off, reply must not be kept by anyone downstream */
    bool server_cache;      /* false: neither look into the server's cache nor write to it */
    bool update;            /* cache=update: do not look into the cache, but store the reply */
} si_plan;

/* Makes a plan. Errors carry the status of commands.md section 9; on error `plan->vary` is still
 * valid. `generations` may be NULL. */
SI_NODISCARD si_result si_plan_make(const si_catalog *catalog, const si_generations *generations,
    const si_request *request, si_arena *arena, si_plan *plan, si_diag *diag);

/* One line of text for an error reply, as much of it as the company's ErrorDetail allows. */
const char *si_plan_error_text(const si_diag *diag, si_arena *arena);

#endif
