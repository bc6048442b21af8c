
/*
 * Variables: what the configuration asks the module about a request.
 */

#include "ngx_http_smartimg_module.h"
#include "base/clock.h"
#include "plan/shown.h"
#include "picture/seal.h"


static ngx_int_t ngx_http_smartimg_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_smartimg_value(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx, uintptr_t data, ngx_str_t *value);
static ngx_int_t ngx_http_smartimg_number(ngx_http_request_t *r, int64_t n,
    ngx_str_t *value);
static ngx_int_t ngx_http_smartimg_why_unanswered(
    ngx_http_smartimg_ctx_t *ctx, ngx_str_t *value);
static void ngx_http_smartimg_count_render(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx);
static ngx_uint_t ngx_http_smartimg_is_refresh(ngx_http_request_t *r);
static ngx_int_t ngx_http_smartimg_seal(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx, ngx_uint_t render, ngx_str_t *value);
static ngx_int_t ngx_http_smartimg_shard(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx, ngx_str_t *value);
static ngx_int_t ngx_http_smartimg_head_at(ngx_http_request_t *r,
    ngx_str_t *value);


enum {
    NGX_HTTP_SMARTIMG_RECIPE,
    NGX_HTTP_SMARTIMG_SEAL,
    NGX_HTTP_SMARTIMG_RENDER_SEAL,
    NGX_HTTP_SMARTIMG_SHARD,
    NGX_HTTP_SMARTIMG_KEY,
    NGX_HTTP_SMARTIMG_CLASS,
    NGX_HTTP_SMARTIMG_LINE,
    NGX_HTTP_SMARTIMG_RENDER,
    NGX_HTTP_SMARTIMG_TIER,
    NGX_HTTP_SMARTIMG_SHOW,
    NGX_HTTP_SMARTIMG_CHEAP,
    NGX_HTTP_SMARTIMG_HEAD_AT,
    NGX_HTTP_SMARTIMG_BYPASS,
    NGX_HTTP_SMARTIMG_NO_STORE,
    NGX_HTTP_SMARTIMG_QUEUED_AT,
    NGX_HTTP_SMARTIMG_UNANSWERED,
    NGX_HTTP_SMARTIMG_RETRY_AFTER,
    NGX_HTTP_SMARTIMG_CACHE
};


static ngx_http_variable_t  ngx_http_smartimg_vars[] = {

    /* SCGI parameter and log line */
    { ngx_string("smartimg_recipe"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_RECIPE, 0, 0 },

    /* for scgi_param: proves to the fetcher whose recipe it is */
    { ngx_string("smartimg_seal"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_SEAL, 0, 0 },

    /* ... and to renderers on other machines */
    { ngx_string("smartimg_render_seal"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_RENDER_SEAL, 0, 0 },

    /* for hash, over machines with renderers */
    { ngx_string("smartimg_shard"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_SHARD, 0, 0 },

    /* for scgi_cache_key: the recipe, or a digest of a long one */
    { ngx_string("smartimg_key"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_KEY, 0, 0 },

    { ngx_string("smartimg_class"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_CLASS, 0, 0 },

    /* what the connection was found to be, for the log */
    { ngx_string("smartimg_line"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_LINE, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    /*
     * for scgi_param: evaluated only when a request to a renderer is built,
     * so it counts the renders
     */
    { ngx_string("smartimg_render"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_RENDER, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    /* for scgi_param: where the reply's head will stand in the cache file */
    { ngx_string("smartimg_head_at"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_HEAD_AT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    /* for scgi_param: the tier of a refinement, else empty */
    { ngx_string("smartimg_tier"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_TIER, 0, 0 },

    /* for scgi_param: what is wanted in the reply's place (base/show.h) */
    { ngx_string("smartimg_show"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_SHOW, 0, 0 },

    /* for scgi_param: 1 = its originals are in origins, and the rest is cheap */
    { ngx_string("smartimg_cheap"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_CHEAP, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    /* for scgi_cache_bypass and scgi_no_cache */
    { ngx_string("smartimg_bypass"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_BYPASS, 0, 0 },

    { ngx_string("smartimg_no_store"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_NO_STORE, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    /* hit, miss, refresh or bypass */
    { ngx_string("smartimg_cache"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_CACHE, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    /* for scgi_param: when the request joins the renderers' queue */
    { ngx_string("smartimg_queued_at"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_QUEUED_AT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    /* why no renderer answered */
    { ngx_string("smartimg_unanswered"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_UNANSWERED, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    /* … and when it may be tried again, seconds */
    { ngx_string("smartimg_retry_after"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_RETRY_AFTER, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    /* what the request is called: SCGI parameter, reply and log */
    { ngx_string("smartimg_id"), NULL, ngx_http_smartimg_id_variable, 0, 0, 0 },

    /* for scgi_param: the traceparent to be passed on, if there is one */
    { ngx_string("smartimg_trace"), NULL, ngx_http_smartimg_trace_variable,
      0, 0, 0 },

    /* a line of the JSON log */
    { ngx_string("smartimg_log"), NULL, ngx_http_smartimg_log_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


static ngx_int_t
ngx_http_smartimg_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_int_t                 rc;
    ngx_str_t                 value;
    ngx_http_smartimg_ctx_t  *ctx;

    ctx = ngx_http_smartimg_get_ctx(r);

    if (ctx == NULL || ctx->plan->failed) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_str_set(&value, "");

    rc = ngx_http_smartimg_value(r, ctx, data, &value);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = value.data;
    v->len = value.len;

    return NGX_OK;
}


/* NGX_DECLINED: there is no such value; the empty one is there already. */

static ngx_int_t
ngx_http_smartimg_value(ngx_http_request_t *r, ngx_http_smartimg_ctx_t *ctx,
    uintptr_t data, ngx_str_t *value)
{
    ngx_str_t  *result;
    ngx_uint_t  yes;

    switch (data) {

    case NGX_HTTP_SMARTIMG_RECIPE:
        *value = ctx->plan->text;
        return NGX_OK;

    case NGX_HTTP_SMARTIMG_SEAL:
        return ngx_http_smartimg_seal(r, ctx, 0, value);

    case NGX_HTTP_SMARTIMG_RENDER_SEAL:
        return ngx_http_smartimg_seal(r, ctx, 1, value);

    case NGX_HTTP_SMARTIMG_SHARD:
        return ngx_http_smartimg_shard(r, ctx, value);

    case NGX_HTTP_SMARTIMG_KEY:

        /* it is asked for before the cache is read, and not long before */
        ngx_http_smartimg_check_stored(r, ctx);

        *value = ctx->plan->key;
        return NGX_OK;

    case NGX_HTTP_SMARTIMG_CLASS:
        *value = ctx->plan->client;
        return NGX_OK;

    case NGX_HTTP_SMARTIMG_LINE:
        value->data = (u_char *) ngx_http_smartimg_line_name(r);
        value->len = ngx_strlen(value->data);
        return NGX_OK;

    case NGX_HTTP_SMARTIMG_RENDER:
        ngx_http_smartimg_count_render(r, ctx);
        yes = 1;
        break;

    case NGX_HTTP_SMARTIMG_TIER:
        value->data = (u_char *) ngx_http_smartimg_tier_asked_for(ctx);
        value->len = ngx_strlen(value->data);
        return NGX_OK;

    case NGX_HTTP_SMARTIMG_SHOW:
        value->data = (u_char *) si_show_word(ctx->plan->plan.show);
        value->len = ngx_strlen(value->data);
        return NGX_OK;

    case NGX_HTTP_SMARTIMG_CHEAP:
        yes = ngx_http_smartimg_is_cheap_elsewhere(r, ctx);
        break;

    case NGX_HTTP_SMARTIMG_HEAD_AT:
        return ngx_http_smartimg_head_at(r, value);

    case NGX_HTTP_SMARTIMG_BYPASS:
        yes = ctx->refinement || ctx->plan->plan.update
              || !ctx->plan->plan.server_cache;
        break;

    case NGX_HTTP_SMARTIMG_NO_STORE:
        yes = !ctx->plan->plan.server_cache
              || !ngx_http_smartimg_disk_takes(r);
        break;

    case NGX_HTTP_SMARTIMG_QUEUED_AT:
        return ngx_http_smartimg_number(r, si_now_ns(), value);

    case NGX_HTTP_SMARTIMG_UNANSWERED:
        return ngx_http_smartimg_why_unanswered(ctx, value);

    case NGX_HTTP_SMARTIMG_RETRY_AFTER:
        return ngx_http_smartimg_number(r,
                                        ngx_http_smartimg_retry_after(r, ctx),
                                        value);

    default: /* NGX_HTTP_SMARTIMG_CACHE */
        result = ngx_http_smartimg_cache_result(r);

        if (result == NULL) {
            return NGX_DECLINED;
        }

        *value = *result;
        return NGX_OK;
    }

    if (yes) {
        ngx_str_set(value, "1");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_smartimg_number(ngx_http_request_t *r, int64_t n, ngx_str_t *value)
{
    value->data = ngx_pnalloc(r->pool, NGX_INT64_LEN);

    if (value->data == NULL) {
        return NGX_ERROR;
    }

    value->len = ngx_sprintf(value->data, "%L", n) - value->data;

    return NGX_OK;
}


/* Who asked for an explanation gets JSON; the configuration ends the line. */

static ngx_int_t
ngx_http_smartimg_why_unanswered(ngx_http_smartimg_ctx_t *ctx,
    ngx_str_t *value)
{
    si_str  text;

    *value = ngx_http_smartimg_unanswered(ctx);

    if (ctx->plan->plan.show == SI_SHOW_EXPLANATION) {
        text.p = (const char *) value->data;
        text.len = value->len;
        text = si_shown_error(text, NGX_HTTP_SERVICE_UNAVAILABLE,
                              &ctx->plan->arena);

        value->data = (u_char *) text.p;
        value->len = text.len - 1;
    }

    return NGX_OK;
}


static void
ngx_http_smartimg_count_render(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx)
{
    if (ctx->refinement) {
        ngx_http_smartimg_count(refinements, 1);

    } else if (ngx_http_smartimg_is_refresh(r)) {
        ngx_http_smartimg_count(updates, 1);

    } else {
        ngx_http_smartimg_count(renders, 1);
    }
}


/* A new reply for a stale one that is being served. */

static ngx_uint_t
ngx_http_smartimg_is_refresh(ngx_http_request_t *r)
{
    return r != r->main && r->upstream
           && r->upstream->cache_status == NGX_HTTP_CACHE_EXPIRED;
}


/*
 * Where the reply's head will stand in the cache file.  The renderer fills it
 * up so that the body begins with a page: sendfile() from the middle of one
 * costs a quarter of the speed.
 */

static ngx_int_t
ngx_http_smartimg_head_at(ngx_http_request_t *r, ngx_str_t *value)
{
    if (r->cache == NULL || r->cache->header_start == 0) {
        return NGX_OK;
    }

    value->data = ngx_pnalloc(r->pool, NGX_SIZE_T_LEN);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    value->len = ngx_sprintf(value->data, "%uz", r->cache->header_start)
                 - value->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_smartimg_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_smartimg_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_smartimg_seal(ngx_http_request_t *r, ngx_http_smartimg_ctx_t *ctx,
    ngx_uint_t render, ngx_str_t *value)
{
    si_str                          recipe;
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);

    if (smcf->seal_key == NULL) {
        return NGX_OK;
    }

    recipe.p = (const char *) ctx->plan->text.data;
    recipe.len = ctx->plan->text.len;

    value->len = SI_SEAL_TEXT - 1;
    value->data = ngx_pnalloc(r->pool, SI_SEAL_TEXT);

    if (value->data == NULL
        || !si_seal_print(render ? smcf->render_key : smcf->seal_key, recipe,
                          (char *) value->data))
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * The recipe without its generation: a purge does not move a picture, and it
 * has the same place for all edges, whose generations differ.
 */

static ngx_int_t
ngx_http_smartimg_shard(ngx_http_request_t *r, ngx_http_smartimg_ctx_t *ctx,
    ngx_str_t *value)
{
    u_char     *p, *gen, *end, *last;
    ngx_str_t  *text;

    static ngx_str_t  name = ngx_string("&gen=");

    text = &ctx->plan->text;
    last = text->data + text->len;

    *value = *text;

    gen = ngx_strlcasestrn(text->data, last, name.data, name.len - 1);
    if (gen == NULL) {
        return NGX_OK;
    }

    end = ngx_strlchr(gen + name.len, last, '&');
    if (end == NULL) {
        return NGX_OK;
    }

    value->data = ngx_pnalloc(r->pool, text->len);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(value->data, text->data, gen - text->data);
    p = ngx_cpymem(p, end, last - end);

    value->len = p - value->data;

    return NGX_OK;
}
