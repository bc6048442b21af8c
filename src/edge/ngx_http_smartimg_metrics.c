
/*
 * The shared zone and the counters in it.
 */

#include "ngx_http_smartimg_module.h"
#include "base/wire.h"


static ngx_int_t ngx_http_smartimg_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static void ngx_http_smartimg_note_stored(ngx_http_request_t *r);
static void ngx_http_smartimg_count_reply(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx);
static ngx_uint_t ngx_http_smartimg_format_of(ngx_http_request_t *r);
static void ngx_http_smartimg_count_saved(ngx_http_request_t *r,
    ngx_uint_t company, ngx_uint_t format);
static void ngx_http_smartimg_count_network(si_network network);
static void ngx_http_smartimg_count_result(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx);


/* counted into when there is no zone */
static ngx_http_smartimg_counters_t  ngx_http_smartimg_private;

ngx_http_smartimg_counters_t  *ngx_http_smartimg_counters =
                                                  &ngx_http_smartimg_private;


char *
ngx_http_smartimg_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_smartimg_main_conf_t  *smcf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    static ngx_str_t  name = ngx_string("smartimg");

    if (smcf->zone) {
        return "is duplicate";
    }

    value = cf->args->elts;
    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR
        || size < (ssize_t) sizeof(ngx_http_smartimg_shared_t)
                  + (ssize_t) (16 * ngx_pagesize))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"smartimg_zone\" must be a size of at least %uz",
                           sizeof(ngx_http_smartimg_shared_t)
                           + 16 * ngx_pagesize);
        return NGX_CONF_ERROR;
    }

    smcf->zone = ngx_shared_memory_add(cf, &name, size,
                                       &ngx_http_smartimg_module);
    if (smcf->zone == NULL) {
        return NGX_CONF_ERROR;
    }

    smcf->zone->init = ngx_http_smartimg_init_zone;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_smartimg_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_slab_pool_t             *shpool;
    ngx_http_smartimg_shared_t  *shared;

    if (data) {
        shm_zone->data = data;
        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (shm_zone->shm.exists) {
        shm_zone->data = shpool->data;
        return NGX_OK;
    }

    shared = ngx_slab_calloc(shpool, sizeof(ngx_http_smartimg_shared_t));
    if (shared == NULL) {
        return NGX_ERROR;
    }

    shared->table = ngx_http_smartimg_table_create(shpool, shm_zone->shm.size);
    if (shared->table == NULL) {
        return NGX_ERROR;
    }

    shpool->data = shared;
    shm_zone->data = shared;

    return NGX_OK;
}


/*
 * Returns what the workers share, or NULL if no zone is configured.
 */

ngx_http_smartimg_shared_t *
ngx_http_smartimg_shared(void)
{
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_smartimg_module);

    return smcf && smcf->zone ? smcf->zone->data : NULL;
}


/*
 * Each process counts on cache lines of its own.  What a process that died
 * in this slot had in flight is gone with it.
 */

void
ngx_http_smartimg_init_counters(ngx_cycle_t *cycle)
{
    ngx_http_smartimg_shared_t     *shared;
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_smartimg_module);

    if (smcf == NULL || smcf->zone == NULL) {
        return;
    }

    shared = smcf->zone->data;

    ngx_http_smartimg_counters =
                 &shared->counters[ngx_process_slot % NGX_HTTP_SMARTIMG_SLOTS];

    if (ngx_process_slot < NGX_HTTP_SMARTIMG_SLOTS) {
        ngx_http_smartimg_counters->active = 0;
        ngx_http_smartimg_counters->waiting = 0;
        ngx_http_smartimg_counters->asked = 0;
        ngx_http_smartimg_counters->rendering = 0;
        ngx_http_smartimg_counters->rendering_dear = 0;
    }
}


ngx_int_t
ngx_http_smartimg_log_handler(ngx_http_request_t *r)
{
    ngx_http_smartimg_ctx_t       *ctx;
    ngx_http_smartimg_loc_conf_t  *slcf;

    if (r != r->main) {
        return NGX_OK;
    }

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_smartimg_module);

    if (slcf->ready && !r->internal && r->upstream
        && r->headers_out.status == NGX_HTTP_OK)
    {
        ngx_http_smartimg_note_answer();
    }

    ctx = ngx_http_smartimg_get_ctx(r);

    /* one of our own comes here only to be logged, and is no request */

    if (ctx == NULL || ctx->nobody) {
        return NGX_OK;
    }

    ngx_http_smartimg_note_stored(r);

    ngx_http_smartimg_count_reply(r, ctx);

    if (ctx->plan->plan.cache_command_ignored) {
        ngx_http_smartimg_count(ignored, 1);
    }

    if (ctx->plan->plan.network_adapts) {
        ngx_http_smartimg_count_network(ctx->plan->plan.client.network);
    }

    ngx_http_smartimg_count_result(r, ctx);

    return NGX_OK;
}


/* What was sent, by company and what else labels tell. */

static void
ngx_http_smartimg_count_reply(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx)
{
    ngx_uint_t  status, company, format;

    status = r->err_status ? r->err_status : r->headers_out.status;
    company = ctx->plan->company;
    format = ngx_http_smartimg_format_of(r);

    ngx_http_smartimg_count_series(SI_METRIC_REQUESTS, company,
                                   ctx->plan->plan.client.formats, format,
                                   status, 1);
    ngx_http_smartimg_count_series(SI_METRIC_SENT, company, 0, 0, 0,
                                   r->connection->sent);

    if (status == NGX_HTTP_CLIENT_CLOSED_REQUEST) {
        /* nobody was answered; counted as cancelled */

    } else if (status >= NGX_HTTP_INTERNAL_SERVER_ERROR) {
        ngx_http_smartimg_count(failed, 1);

    } else if (status >= NGX_HTTP_BAD_REQUEST) {
        ngx_http_smartimg_count(refused, 1);

    } else if (status == NGX_HTTP_OK && r->method == NGX_HTTP_GET) {
        ngx_http_smartimg_count_saved(r, company, format);
    }
}


/* What the cache had for a request, and how long that took. */

static void
ngx_http_smartimg_count_result(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx)
{
    long         us;
    ngx_time_t  *tp;

    tp = ngx_timeofday();
    us = (tp->sec - r->start_sec) * 1000000
         + ((long) tp->msec - (long) r->start_msec) * 1000;
    us = ngx_max(us, 0);

    if (r->upstream == NULL) {

        if (ctx->memory) {
            ngx_http_smartimg_count(hits, 1);
            ngx_http_smartimg_count(memory, 1);
            ngx_http_smartimg_observe(time_hit, SI_BOUNDS_TIME, us);

        } else {
            ngx_http_smartimg_observe(time_none, SI_BOUNDS_TIME, us);
        }

        return;
    }

    switch (r->upstream->cache_status) {

    case 0:
        ngx_http_smartimg_observe(time_none, SI_BOUNDS_TIME, us);
        break;

    case NGX_HTTP_CACHE_HIT:
        ngx_http_smartimg_count(hits, 1);
        ngx_http_smartimg_observe(time_hit, SI_BOUNDS_TIME, us);
        break;

    case NGX_HTTP_CACHE_MISS:
        ngx_http_smartimg_count(misses, 1);
        ngx_http_smartimg_observe(time_miss, SI_BOUNDS_TIME, us);
        break;

    case NGX_HTTP_CACHE_BYPASS:
        ngx_http_smartimg_count(bypasses, 1);
        ngx_http_smartimg_observe(time_bypass, SI_BOUNDS_TIME, us);
        break;

    default:
        ngx_http_smartimg_count(refreshes, 1);
        ngx_http_smartimg_observe(time_refresh, SI_BOUNDS_TIME, us);
        break;
    }
}


/* As labels have it: the format of an image plus 1, or 0 for anything else. */

static ngx_uint_t
ngx_http_smartimg_format_of(ngx_http_request_t *r)
{
    ngx_str_t   *type;
    ngx_uint_t   i;
    const char  *mime;

    static char  image[] = "image/";

    type = &r->headers_out.content_type;

    if (type->len < sizeof(image)) {
        return 0;
    }

    for (i = 0; i < SI_FORMAT_COUNT; i++) {
        mime = si_format_mime(i);

        if (ngx_strncmp(type->data, mime, type->len) == 0
            && mime[type->len] == '\0')
        {
            return i + 1;
        }
    }

    return 0;
}


static void
ngx_http_smartimg_count_network(si_network network)
{
    switch (network) {

    case SI_NETWORK_POOR:
        ngx_http_smartimg_count(network_poor, 1);
        break;

    case SI_NETWORK_GOOD:
        ngx_http_smartimg_count(network_good, 1);
        break;

    default:
        ngx_http_smartimg_count(network_excellent, 1);
        break;
    }
}


/* A first answer may be refined from now on. */

static void
ngx_http_smartimg_note_stored(ngx_http_request_t *r)
{
    ngx_http_smartimg_ctx_t  *ctx;

    ctx = ngx_http_smartimg_get_ctx(r);

    if (ctx->first != SI_TIER_DEFAULT && ngx_http_smartimg_is_stored(r)) {
        (void) ngx_http_smartimg_note_first(r, ctx);
    }
}


static void
ngx_http_smartimg_count_saved(ngx_http_request_t *r, ngx_uint_t company,
    ngx_uint_t format)
{
    off_t             saved;
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string(SI_HEADER_SAVED);

    h = ngx_http_smartimg_find_header(&r->headers_out.headers, &name, NULL);

    if (h == NULL) {
        return;
    }

    /* not a number if negative: then nothing was saved */

    saved = ngx_atoof(h->value.data, h->value.len);

    if (saved > 0) {
        ngx_http_smartimg_count_series(SI_METRIC_SAVED, company, format, 0, 0,
                                       saved);
    }
}
