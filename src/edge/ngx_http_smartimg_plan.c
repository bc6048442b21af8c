
/*
 * Plans of requests.
 *
 * Making a plan takes about as long as sending a small reply from the cache,
 * so each worker remembers plans by address and client class.  A remembered
 * plan is good if the generation counters and the original's size and time
 * are what they were, which is asked once a millisecond, and if it is younger
 * than a second, because a new file may take precedence over the one that was
 * found.
 */

#include "ngx_http_smartimg_module.h"


#define NGX_HTTP_SMARTIMG_URI     2048   /* of a remembered plan */
#define NGX_HTTP_SMARTIMG_PLANS   512    /* remembered, about 9 KB each, ... */
#define NGX_HTTP_SMARTIMG_ROOM    65536  /* ... and at most so much */
#define NGX_HTTP_SMARTIMG_AGE     1000   /* ms */


static ngx_http_smartimg_ctx_t *ngx_http_smartimg_create_ctx(
    ngx_http_request_t *r);
static void ngx_http_smartimg_cleanup(void *data);
static ngx_http_smartimg_plan_t *ngx_http_smartimg_get_plan(
    ngx_http_request_t *r);
static ngx_uint_t ngx_http_smartimg_hash_edges(ngx_http_request_t *r,
    si_client_headers *headers);
static ngx_uint_t ngx_http_smartimg_is_plan_of(
    ngx_http_smartimg_plan_t *plan, ngx_http_request_t *r, ngx_uint_t hash,
    si_client_headers *headers, si_client *client);
static ngx_uint_t ngx_http_smartimg_is_same_line(si_plan *plan,
    si_client_headers *headers, si_client *client);
static bool ngx_http_smartimg_test_file(void *context,
    const si_file_ref *file);
static ngx_int_t ngx_http_smartimg_test_plan(ngx_http_request_t *r,
    ngx_http_smartimg_plan_t *plan);


static ngx_http_smartimg_plan_t  *ngx_http_smartimg_plans[
                                                     NGX_HTTP_SMARTIMG_PLANS];

/* how often somebody else's purges were taken note of */

static ngx_uint_t  ngx_http_smartimg_purges;


/*
 * Returns what is known of a request, or NULL if it is none of ours (or there
 * is no memory).  The plan is made when it is first asked for.  Background
 * subrequests share the plan of the request that they were started for, and
 * so does an error page that the request was redirected to.
 */

ngx_http_smartimg_ctx_t *
ngx_http_smartimg_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t            *cln;
    ngx_http_smartimg_ctx_t       *ctx;
    ngx_http_smartimg_loc_conf_t  *slcf;

    ctx = ngx_http_get_module_ctx(r->main, ngx_http_smartimg_module);

    if (ctx != NULL) {
        return ctx;
    }

    if (r->main->internal) {

        /* the context was cleared by an internal redirect */

        for (cln = r->pool->cleanup; cln; cln = cln->next) {
            if (cln->handler == ngx_http_smartimg_cleanup) {
                ctx = cln->data;
                ngx_http_set_ctx(r->main, ctx, ngx_http_smartimg_module);
                return ctx;
            }
        }
    }

    slcf = ngx_http_get_module_loc_conf(r->main, ngx_http_smartimg_module);

    return slcf->enable ? ngx_http_smartimg_create_ctx(r->main) : NULL;
}


static ngx_http_smartimg_ctx_t *
ngx_http_smartimg_create_ctx(ngx_http_request_t *r)
{
    ngx_http_smartimg_plan_t  *plan;

    plan = ngx_http_smartimg_get_plan(r);

    if (plan == NULL || ngx_http_smartimg_attach_plan(r, plan) != NGX_OK) {
        return NULL;
    }

    return ngx_http_get_module_ctx(r, ngx_http_smartimg_module);
}


/* Gives a request its plan, and with it the caller's reference. */

ngx_int_t
ngx_http_smartimg_attach_plan(ngx_http_request_t *r,
    ngx_http_smartimg_plan_t *plan)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_smartimg_ctx_t  *ctx;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_smartimg_ctx_t));
    if (cln == NULL) {
        ngx_http_smartimg_release_plan(plan);
        return NGX_ERROR;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_smartimg_ctx_t));

    ctx->request = r;
    ctx->plan = plan;

    cln->handler = ngx_http_smartimg_cleanup;
    ngx_http_set_ctx(r, ctx, ngx_http_smartimg_module);

    ngx_http_smartimg_count(active, 1);

    return NGX_OK;
}


/* A request of our own, which has no client, takes part in a plan. */

ngx_int_t
ngx_http_smartimg_share_plan(ngx_http_request_t *r,
    ngx_http_smartimg_plan_t *plan)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_smartimg_ctx_t  *shared;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_smartimg_ctx_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    shared = cln->data;
    ngx_memzero(shared, sizeof(ngx_http_smartimg_ctx_t));

    shared->request = r;
    shared->plan = plan;
    shared->plan->refs++;
    shared->nobody = 1;

    cln->handler = ngx_http_smartimg_cleanup;
    ngx_http_set_ctx(r, shared, ngx_http_smartimg_module);

    ngx_http_smartimg_count(active, 1);

    return NGX_OK;
}


static void
ngx_http_smartimg_cleanup(void *data)
{
    ngx_http_smartimg_ctx_t  *ctx = data;

    ngx_http_smartimg_stop_waiting(ctx);
    ngx_http_smartimg_forget_waits(ctx);

    if (ctx->refinement) {
        ngx_http_smartimg_end_refinement(ctx->request, ctx->refinement);
    }

    ngx_http_smartimg_release_plan(ctx->plan);
    ngx_http_smartimg_count(active, -1);
}


/*
 * Returns a plan with a reference to it for the caller, or NULL if there is
 * no memory.
 */

static ngx_http_smartimg_plan_t *
ngx_http_smartimg_get_plan(ngx_http_request_t *r)
{
    si_client                   client;
    ngx_uint_t                  hash;
    si_client_headers           headers;
    ngx_http_smartimg_plan_t  **slot, *plan;

    ngx_http_smartimg_main_conf_t  *smcf;

    ngx_memzero(&headers, sizeof(si_client_headers));
    ngx_http_smartimg_read_headers(r, &headers);

    si_client_classify(&headers, &client);

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);

    /* what was purged before this request came is purged for it */
    if (si_generations_refresh(smcf->table)) {
        ngx_http_smartimg_purges++;
    }

    hash = ngx_murmur_hash2(r->unparsed_uri.data, r->unparsed_uri.len);
    hash = ngx_hash(hash, client.formats);
    hash = ngx_hash(hash, client.used);
    hash = ngx_hash(hash, (ngx_uint_t) (client.dpr * 1000));
    hash = ngx_hash(hash, (ngx_uint_t) client.width);
    hash = ngx_hash(hash, (ngx_uint_t) client.viewport_width);
    hash = ngx_hash(hash, ngx_http_smartimg_hash_edges(r, &headers));
    hash = ngx_hash(hash, client.network);

    slot = &ngx_http_smartimg_plans[hash % NGX_HTTP_SMARTIMG_PLANS];
    plan = *slot;

    if (plan
        && ngx_http_smartimg_is_plan_of(plan, r, hash, &headers, &client)
        && ngx_http_smartimg_test_plan(r, plan) == NGX_OK)
    {
        plan->refs++;
        return plan;
    }

    plan = ngx_http_smartimg_make_plan(r, &headers);

    if (plan == NULL || plan->failed || plan->plan.by_address
        || plan->plan.caching_by_address
        || plan->arena.total > NGX_HTTP_SMARTIMG_ROOM
        || r->unparsed_uri.len > NGX_HTTP_SMARTIMG_URI)
    {
        return plan;
    }

    plan->uri.data = (u_char *) si_arena_copy(&plan->arena,
                                          (const char *) r->unparsed_uri.data,
                                          r->unparsed_uri.len);
    if (plan->uri.data == NULL) {
        return plan;
    }

    plan->uri.len = r->unparsed_uri.len;
    plan->hash = hash;
    plan->asked = client;

    if (*slot) {
        ngx_http_smartimg_release_plan(*slot);
    }

    *slot = plan;
    plan->refs++;

    return plan;
}


/*
 * What edges tell of the pixel ratio, so that plans that depend on it find
 * different slots.  Which header counts is known with the company only: this
 * is the one that most of them have.
 */

static ngx_uint_t
ngx_http_smartimg_hash_edges(ngx_http_request_t *r,
    si_client_headers *headers)
{
    si_str                          setting;
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);

    setting = si_str_of(si_catalog_default(smcf->catalog)
                        ->attributes.dpr_header);

    if (setting.len == 0) {
        setting = headers->dpr_header;
    }

    return (ngx_uint_t) (ngx_http_smartimg_edge_ratio(r, setting) * 1000);
}


static ngx_uint_t
ngx_http_smartimg_is_plan_of(ngx_http_smartimg_plan_t *plan,
    ngx_http_request_t *r, ngx_uint_t hash, si_client_headers *headers,
    si_client *client)
{
    si_client  *known = &plan->asked;

    return plan->hash == hash
           && plan->uri.len == r->unparsed_uri.len
           && ngx_memcmp(plan->uri.data, r->unparsed_uri.data, plan->uri.len)
              == 0
           && known->formats == client->formats
           && known->used == client->used
           && known->dpr == client->dpr
           && known->dpr_used == client->dpr_used
           && known->dpr_source == client->dpr_source
           && known->width == client->width
           && known->viewport_width == client->viewport_width
           && (plan->plan.vary_header.p == NULL
               || ngx_http_smartimg_edge_ratio(r, plan->plan.vary_header)
                  == plan->plan.client.dpr_edge)
           && ngx_http_smartimg_is_same_line(&plan->plan, headers, client);
}


/*
 * Whether the same was told of the line to the client.  What an edge tells in
 * a header that the company names is known only to the plan.
 */

static ngx_uint_t
ngx_http_smartimg_is_same_line(si_plan *plan, si_client_headers *headers,
    si_client *client)
{
    si_network_told  *told, *known;

    told = &client->told;
    known = &plan->client.told;

    if (plan->network_header && told->edge == SI_NETWORK_UNKNOWN) {
        told->edge = si_plan_edge_network(headers, plan->network_header);
    }

    return known->saves_data == told->saves_data
           && known->measured == told->measured
           && known->hinted == told->hinted
           && known->edge == told->edge;
}


/*
 * Asks for a file's size and time without opening it.  If its path leads
 * elsewhere by now, that is for the renderer to find.
 */

static bool
ngx_http_smartimg_test_file(void *context, const si_file_ref *file)
{
    ngx_fd_t     *root_fd = context;
    struct stat   st;

    return fstatat(*root_fd, file->path, &st, 0) == 0
           && (uint64_t) st.st_size == file->size
           && (int64_t) st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec
              == file->time;
}


static ngx_int_t
ngx_http_smartimg_test_plan(ngx_http_request_t *r,
    ngx_http_smartimg_plan_t *plan)
{
    si_recipe                      *recipe;
    ngx_http_smartimg_main_conf_t  *smcf;

    if (ngx_current_msec - plan->made >= NGX_HTTP_SMARTIMG_AGE
        || plan->doubted)
    {
        return NGX_DECLINED;
    }

    if (plan->plan.expires && ngx_time() > plan->plan.expires) {
        return NGX_DECLINED;
    }

    if (ngx_current_msec == plan->tested
        && ngx_http_smartimg_purges == plan->purges)
    {
        return NGX_OK;
    }

    recipe = &plan->plan.recipe;
    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);

    if (si_plan_generation(&plan->plan, smcf->table) != recipe->generation) {
        return NGX_DECLINED;
    }

    if (plan->plan.kind == SI_PLAN_FILE
        && !ngx_http_smartimg_test_file(&smcf->root_fd, &plan->plan.content))
    {
        return NGX_DECLINED;
    }

    if (!si_recipe_files(recipe, ngx_http_smartimg_test_file,
                         &smcf->root_fd))
    {
        return NGX_DECLINED;
    }

    plan->tested = ngx_current_msec;
    plan->purges = ngx_http_smartimg_purges;

    return NGX_OK;
}
