
/*
 * How long a reply is good, by the headers for us alone that renderers and
 * the cache tell it in, and the headers that say so to clients.
 */

#include "ngx_http_smartimg_module.h"
#include "base/wire.h"


static void ngx_http_smartimg_drop_timing(ngx_http_request_t *r);
static time_t ngx_http_smartimg_fresh_until(ngx_http_request_t *r);
static ngx_uint_t ngx_http_smartimg_is_first(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx);
static ngx_int_t ngx_http_smartimg_add_text(ngx_http_request_t *r,
    ngx_str_t *key, char *text);


/* The stages of a render are no part of the time that a hit takes. */

static void
ngx_http_smartimg_drop_timing(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string(SI_HEADER_TIMING);

    for (h = ngx_http_smartimg_find_header(&r->headers_out.headers, &name,
                                           NULL);
         h;
         h = ngx_http_smartimg_find_header(&r->headers_out.headers, &name, h))
    {
        h->hash = 0;
    }
}


/*
 * Until when what the reply was made of is good, and 0 if it never was; that
 * header is for us alone.  SI_FRESH_FOR_EVER: it is good for good.
 */

static time_t
ngx_http_smartimg_fresh_until(ngx_http_request_t *r)
{
    time_t            until;
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string(SI_HEADER_FRESH_UNTIL);

    until = SI_FRESH_FOR_EVER;

    for (h = ngx_http_smartimg_find_header(&r->headers_out.headers, &name,
                                           NULL);
         h;
         h = ngx_http_smartimg_find_header(&r->headers_out.headers, &name, h))
    {
        h->hash = 0;
        until = ngx_atotm(h->value.data, h->value.len);
        until = (until == NGX_ERROR) ? 0 : until;
    }

    return until;
}


/*
 * The tier of a reply that a better one may replace, else 0.  The renderer
 * says so, in a header for us alone, and the cache keeps it with the reply.
 */

si_tier
ngx_http_smartimg_first_tier(ngx_http_request_t *r)
{
    si_tier           tier;
    ngx_table_elt_t  *header;

    static ngx_str_t  name = ngx_string(SI_HEADER_FIRST_ANSWER);

    header = ngx_http_smartimg_find_header(&r->headers_out.headers, &name,
                                           NULL);

    if (header == NULL) {
        return 0;
    }

    header->hash = 0;

    if (header->value.len == 0 || header->value.data[0] == SI_HEADER_FINAL) {
        return SI_TIER_DEFAULT;
    }

    tier = si_tier_by_name((char *) header->value.data, header->value.len);

    return tier ? tier : SI_TIER_FAST;
}


/*
 * Whether the reply is one that a better one will replace.  Hits are noted
 * here, conditional ones, too; replies of renderers once they are stored.
 */

static ngx_uint_t
ngx_http_smartimg_is_first(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx)
{
    ctx->first = ngx_http_smartimg_first_tier(r);

    if (ctx->first == SI_TIER_DEFAULT) {
        return 0;
    }

    ctx->format = ngx_http_smartimg_format(&r->headers_out.content_type);

    if (r->cached && r->upstream->cache_status == NGX_HTTP_CACHE_HIT) {
        return ngx_http_smartimg_note_first(r, ctx);
    }

    return 1;
}


/*
 * What the lifetime depends on; the headers that say so are for us alone, and
 * gone after this.  A reply that may be kept in memory is, as it is now.
 */

void
ngx_http_smartimg_read_lifetime(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx, si_lifetime_of *of)
{
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);

    of->first_seconds = smcf->first_answer;
    of->now = ngx_time();

    if (ctx->memory) {
        ngx_http_smartimg_kept_lifetime(ctx);

        of->fresh_until = ctx->fresh_until;
        of->first = ctx->first && ngx_http_smartimg_note_first(r, ctx);

        return;
    }

    if (r->cached) {
        ngx_http_smartimg_drop_timing(r);
    }

    ctx->fresh_until = ngx_http_smartimg_fresh_until(r);

    of->fresh_until = ctx->fresh_until;
    of->first = ngx_http_smartimg_is_first(r, ctx);

    ngx_http_smartimg_keep_reply(r, ctx);
}


/*
 * Cache-Control and Expires, counted from now: a reply from the cache is as
 * fresh as a new one, because the recipe holds the state of the original.
 * Not so with foreign images, which end at a moment of their own.
 */

ngx_int_t
ngx_http_smartimg_set_lifetime(ngx_http_request_t *r,
    ngx_http_smartimg_life_t *life)
{
    ngx_http_smartimg_main_conf_t  *smcf;

    static ngx_str_t  cache_control = ngx_string("Cache-Control");
    static ngx_str_t  expires = ngx_string("Expires");

    if (ngx_http_smartimg_add_text(r, &cache_control,
                                   life->life.cache_control)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);

    if (life->life.cdn[0] != '\0' && smcf->cdn_cache_control.len
        && ngx_http_smartimg_add_text(r, &smcf->cdn_cache_control,
                                      life->life.cdn)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (life->expires.len == 0) {
        return NGX_OK;
    }

    return ngx_http_smartimg_add_header(r, &expires, &life->expires);
}


/*
 * The lifetime is the same for all replies to a plan within a second, nearly
 * always.  It lives with the plan; headers are written before it changes.
 */

ngx_http_smartimg_life_t *
ngx_http_smartimg_make_lifetime(ngx_http_smartimg_plan_t *plan,
    si_lifetime_of *of)
{
    ngx_http_smartimg_life_t  *known;

    known = &plan->life;

    if (known->of.now == of->now
        && known->of.first == of->first
        && known->of.fresh_until == of->fresh_until)
    {
        return known;
    }

    known->of = *of;
    si_lifetime_make(&plan->plan, of, &known->life);

    known->expires.len = 0;

    if (known->life.expires != -1) {
        known->expires.data = known->text;
        known->expires.len = ngx_http_time(known->text, known->life.expires)
                             - known->text;
    }

    return known;
}


/* a header whose text lives as long as the plan */

static ngx_int_t
ngx_http_smartimg_add_text(ngx_http_request_t *r, ngx_str_t *key, char *text)
{
    ngx_str_t  value;

    value.data = (u_char *) text;
    value.len = ngx_strlen(text);

    return ngx_http_smartimg_add_header(r, key, &value);
}
