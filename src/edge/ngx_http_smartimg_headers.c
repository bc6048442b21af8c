
/*
 * Headers that only the edge can know: what the reply varies by, how long a
 * client may keep it, and where it came from.  The renderer's own (type,
 * ETag, savings) pass through.
 */

#include "ngx_http_smartimg_module.h"
#include "base/wire.h"


static ngx_int_t ngx_http_smartimg_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_smartimg_forbid_sniffing(ngx_http_request_t *r);
static void ngx_http_smartimg_check_upstream(ngx_http_request_t *r);
static ngx_int_t ngx_http_smartimg_type_explanation(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx);
static ngx_int_t ngx_http_smartimg_set_validity(ngx_http_request_t *r,
    ngx_http_smartimg_plan_t *known, si_lifetime_of *of);
static ngx_int_t ngx_http_smartimg_ask_for_hints(ngx_http_request_t *r,
    si_plan *plan);
static ngx_int_t ngx_http_smartimg_add_rule_headers(ngx_http_request_t *r,
    si_plan *plan);
static void ngx_http_smartimg_not_modified(ngx_http_request_t *r);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


ngx_int_t
ngx_http_smartimg_filter_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_smartimg_header_filter;

    return NGX_OK;
}


static ngx_int_t
ngx_http_smartimg_header_filter(ngx_http_request_t *r)
{
    ngx_str_t                      *result;
    si_lifetime_of                  of;
    ngx_http_smartimg_ctx_t        *ctx;

    static ngx_str_t  x_cache = ngx_string(SI_HEADER_CACHE);

    if (r->upstream && !r->cached) {
        ngx_http_smartimg_note_service(r);
        ngx_http_smartimg_note_load(r);
        ngx_http_smartimg_note_choice(r);
        ngx_http_smartimg_note_stages(r);
        ngx_http_smartimg_note_changed(r);
        ngx_http_smartimg_check_upstream(r);
    }

    if (r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_smartimg_get_ctx(r);

    if (ctx == NULL) {

        /* an address that is none of ours */

        if (ngx_http_smartimg_send_id(r) != NGX_OK
            || ngx_http_smartimg_set_error_fields(r, NULL) != NGX_OK) {
            return NGX_ERROR;
        }

        return ngx_http_smartimg_forbid_sniffing(r);
    }

    if (ctx->nobody) {

        if (ctx->refinement) {
            ngx_http_smartimg_judge(r, ctx, ngx_http_smartimg_first_tier(r));
        }

        return NGX_OK;
    }

    if (r->cache && r->cache->background) {
        ngx_http_smartimg_refresh(r, ctx);
    }

    if (ngx_http_smartimg_type_explanation(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    /* a renderer gives the number only; nginx knows the words */
    r->headers_out.status_line.len = 0;

    ngx_http_smartimg_read_lifetime(r, ctx, &of);

    if (ngx_http_smartimg_send_id(r) != NGX_OK
        || ngx_http_smartimg_set_error_fields(r, &ctx->plan->plan) != NGX_OK
        || ngx_http_smartimg_share_reply(r, &ctx->plan->plan) != NGX_OK)
    {
        return NGX_ERROR;
    }

    result = ngx_http_smartimg_cache_result(r);

    if (result
        && ngx_http_smartimg_add_header(r, &x_cache, result) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_smartimg_set_validity(r, ctx->plan, &of) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_smartimg_forbid_sniffing(r);
}


/*
 * The last word on a head: every reply of the server is what its type says,
 * nginx's own error pages, too, and whatever a company's rules say.
 */

static ngx_int_t
ngx_http_smartimg_forbid_sniffing(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string(SI_HEADER_SNIFF);
    static ngx_str_t  value = ngx_string("nosniff");

    h = ngx_http_smartimg_find_header(&r->headers_out.headers, &name, NULL);

    if (h) {
        h->value = value;

    } else if (ngx_http_smartimg_add_header(r, &name, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/* That no renderer answered is told in JSON, too, see @no_renderer. */

static ngx_int_t
ngx_http_smartimg_type_explanation(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx)
{
    static ngx_str_t  text = ngx_string("text/plain");
    static ngx_str_t  options = ngx_string("X-Content-Type-Options");
    static ngx_str_t  nosniff = ngx_string("nosniff");

    if (ctx->plan->plan.show != SI_SHOW_EXPLANATION) {
        return NGX_OK;
    }

    if (r->headers_out.content_type.len == text.len
        && ngx_memcmp(r->headers_out.content_type.data, text.data, text.len)
           == 0)
    {
        ngx_str_set(&r->headers_out.content_type, "application/json");
        r->headers_out.content_type_len = r->headers_out.content_type.len;
    }

    return ngx_http_smartimg_add_header(r, &options, &nosniff);
}


/* How long a reply is good, which an error is not, and what else says so. */

static ngx_int_t
ngx_http_smartimg_set_validity(ngx_http_request_t *r,
    ngx_http_smartimg_plan_t *known, si_lifetime_of *of)
{
    si_plan                   *plan;
    ngx_http_smartimg_life_t  *life;

    static ngx_str_t  cache_control = ngx_string("Cache-Control");
    static ngx_str_t  no_store = ngx_string("no-store");

    if (r->err_status >= NGX_HTTP_BAD_REQUEST
        || r->headers_out.status >= NGX_HTTP_BAD_REQUEST
        || r->method == NGX_HTTP_OPTIONS)
    {
        return ngx_http_smartimg_add_header(r, &cache_control, &no_store);
    }

    plan = &known->plan;
    life = ngx_http_smartimg_make_lifetime(known, of);

    if (ngx_http_smartimg_set_lifetime(r, life) != NGX_OK
        || ngx_http_smartimg_add_rule_headers(r, plan) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (plan->accept_ch && ngx_http_smartimg_ask_for_hints(r, plan) != NGX_OK) {
        return NGX_ERROR;
    }

    /*
     * Our files tell nothing of images that came from elsewhere, nor of which
     * of the answers made of them this is.
     */

    if (plan->last_modified > 0 && of->fresh_until == SI_FRESH_FOR_EVER
        && !life->life.first)
    {
        r->headers_out.last_modified_time = plan->last_modified;
    }

    if (r->headers_out.status == NGX_HTTP_OK
        && (r->headers_in.if_none_match || r->headers_in.if_modified_since)
        && si_lifetime_always_unmodified(plan, of,
                                         r->headers_in.if_none_match != NULL))
    {
        ngx_http_smartimg_not_modified(r);
    }

    return NGX_OK;
}


/* The client hints that would make the reply better. */

static ngx_int_t
ngx_http_smartimg_ask_for_hints(ngx_http_request_t *r, si_plan *plan)
{
    ngx_str_t  hints;

    static ngx_str_t  accept_ch = ngx_string("Accept-CH");
    static ngx_str_t  critical_ch = ngx_string("Critical-CH");

    hints.data = ngx_pnalloc(r->pool, SI_CLIENT_VARY_SIZE);
    if (hints.data == NULL) {
        return NGX_ERROR;
    }

    (void) si_client_vary(plan->accept_ch, (char *) hints.data);
    hints.len = ngx_strlen(hints.data);

    if (ngx_http_smartimg_add_header(r, &accept_ch, &hints) != NGX_OK) {
        return NGX_ERROR;
    }

    if (plan->critical_ch) {
        return ngx_http_smartimg_add_header(r, &critical_ch, &hints);
    }

    return NGX_OK;
}


/*
 * Only whole images and properties go into the cache, whatever the renderer
 * or the configuration says.  A reply of unknown length could be one that a
 * dying renderer left unfinished.  Errors are kept for who waits for them.
 */

static void
ngx_http_smartimg_check_upstream(ngx_http_request_t *r)
{
    ngx_uint_t                status;
    ngx_http_upstream_t      *u;
    ngx_http_smartimg_ctx_t  *ctx;

    u = r->upstream;
    ctx = ngx_http_smartimg_get_ctx(r);

    if (ctx == NULL) {
        return;
    }

    status = r->err_status ? r->err_status : r->headers_out.status;

    if (status == NGX_HTTP_OK && u->headers_in.content_length_n >= 0) {
        return;
    }

    if (u->cacheable && status == NGX_HTTP_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "the renderer sent no Content-Length, "
                      "its reply is not cached");
    }

    u->cacheable = 0;

    if (status >= NGX_HTTP_BAD_REQUEST && r == r->main && u->state) {
        ngx_http_smartimg_share_error(r, status);
        ngx_http_smartimg_note_failure(r, ctx);
    }
}


/*
 * Headers of the company's rules: "set" replaces what is there, "add" appends
 * to it.  The strings live as long as the plan.
 */

static ngx_int_t
ngx_http_smartimg_add_rule_headers(ngx_http_request_t *r, si_plan *plan)
{
    int                    i;
    ngx_str_t              name, value;
    ngx_table_elt_t       *header;
    const si_plan_header  *rule;

    for (i = 0; i < plan->header_count; i++) {
        rule = &plan->headers[i];

        name.data = (u_char *) rule->name;
        name.len = ngx_strlen(rule->name);
        value.data = (u_char *) rule->value;
        value.len = ngx_strlen(rule->value);

        header = ngx_http_smartimg_find_header(&r->headers_out.headers, &name,
                                               NULL);

        if (header == NULL) {
            if (ngx_http_smartimg_add_header(r, &name, &value) != NGX_OK) {
                return NGX_ERROR;
            }

            continue;
        }

        if (rule->add) {
            value.data = ngx_pnalloc(r->pool, header->value.len + 2
                                              + value.len);
            if (value.data == NULL) {
                return NGX_ERROR;
            }

            value.len = ngx_sprintf(value.data, "%V, %s", &header->value,
                                    rule->value)
                        - value.data;
        }

        header->value = value;
    }

    return NGX_OK;
}


/* the same that nginx's own filter does after its comparisons */

static void
ngx_http_smartimg_not_modified(ngx_http_request_t *r)
{
    r->headers_out.status = NGX_HTTP_NOT_MODIFIED;
    r->headers_out.status_line.len = 0;
    r->headers_out.content_type.len = 0;
    ngx_http_clear_content_length(r);
    ngx_http_clear_accept_ranges(r);
}


/*
 * What the cache had for a request, or NULL if it was not asked.  Who waited
 * for a render got a hit.
 */

ngx_str_t *
ngx_http_smartimg_cache_result(ngx_http_request_t *r)
{
    static ngx_str_t  hit = ngx_string("hit");
    static ngx_str_t  miss = ngx_string("miss");
    static ngx_str_t  refresh = ngx_string("refresh");
    static ngx_str_t  bypass = ngx_string("bypass");

    ngx_http_smartimg_ctx_t  *ctx;

    if (r->upstream == NULL) {
        ctx = ngx_http_get_module_ctx(r, ngx_http_smartimg_module);

        return ctx && ctx->memory ? &hit : NULL;
    }

    switch (r->upstream->cache_status) {

    case NGX_HTTP_CACHE_HIT:
        return &hit;

    case NGX_HTTP_CACHE_MISS:
        return &miss;

    case NGX_HTTP_CACHE_BYPASS:
        return &bypass;

    case NGX_HTTP_CACHE_EXPIRED:
    case NGX_HTTP_CACHE_STALE:
    case NGX_HTTP_CACHE_UPDATING:
    case NGX_HTTP_CACHE_REVALIDATED:
        return &refresh;

    default:
        return NULL;
    }
}
