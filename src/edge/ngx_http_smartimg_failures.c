
/*
 * What could not be rendered in time is not tried again for a while.
 *
 * A first answer that ran out of time, or whose renderer died although the
 * request had been tried twice or for long, would do so again: each request
 * for it would hold a renderer for as long as the limits let it.  So the key
 * of the cache is kept in shared memory, and who asks for it within half a
 * minute gets 503 at once.  The table is small: where there are more, the
 * oldest are forgotten first, and tried again.
 *
 * It is looked into when a renderer would be asked, so hits never wait for
 * it.  Refreshes are left out: they have an answer already.
 */

#include "ngx_http_smartimg_module.h"
#include "base/wire.h"


static time_t ngx_http_smartimg_left(ngx_msec_t failed);
static ngx_uint_t ngx_http_smartimg_out_of_time(ngx_http_request_t *r);
static ngx_uint_t ngx_http_smartimg_renderers_died(ngx_http_request_t *r);
static ngx_slab_pool_t *ngx_http_smartimg_shpool(ngx_http_request_t *r);


/* called with the reply to a first answer, or the one in place of it */

void
ngx_http_smartimg_note_failure(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx)
{
    ngx_slab_pool_t              *shpool;
    ngx_http_smartimg_shared_t   *shared;
    ngx_http_smartimg_failure_t  *failure;

    shared = ngx_http_smartimg_shared();

    if (shared == NULL || r->cache == NULL || ctx->refused || ctx->remembered
        || !(r->internal ? ngx_http_smartimg_renderers_died(r)
                         : ngx_http_smartimg_out_of_time(r)))
    {
        return;
    }

    shpool = ngx_http_smartimg_shpool(r);

    ngx_shmtx_lock(&shpool->mutex);

    failure = &shared->failures[shared->nfailures++
                                % NGX_HTTP_SMARTIMG_FAILURES];

    ngx_memcpy(failure->key, r->cache->key, NGX_HTTP_CACHE_KEY_LEN);
    failure->time = ngx_current_msec;
    shared->failed = failure->time;

    ngx_shmtx_unlock(&shpool->mutex);
}


/* Seconds for which the request is not tried again; 0 = it may be tried. */

time_t
ngx_http_smartimg_failed_lately(ngx_http_request_t *r)
{
    time_t                        left;
    ngx_uint_t                    i;
    ngx_slab_pool_t              *shpool;
    ngx_http_smartimg_shared_t   *shared;
    ngx_http_smartimg_failure_t  *failure;

    shared = ngx_http_smartimg_shared();

    /* read without the lock: what has just been added is found next time */

    if (shared == NULL || r->cache == NULL
        || ngx_http_smartimg_left(shared->failed) == 0)
    {
        return 0;
    }

    left = 0;
    shpool = ngx_http_smartimg_shpool(r);

    ngx_shmtx_lock(&shpool->mutex);

    for (i = 0; i < NGX_HTTP_SMARTIMG_FAILURES; i++) {
        failure = &shared->failures[i];

        if (ngx_memcmp(failure->key, r->cache->key, NGX_HTTP_CACHE_KEY_LEN)
            == 0)
        {
            left = ngx_max(left, ngx_http_smartimg_left(failure->time));
        }
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return left;
}


/* Seconds that are left of a failure's time, by a clock that nobody sets. */

static time_t
ngx_http_smartimg_left(ngx_msec_t failed)
{
    ngx_msec_t  past;

    past = ngx_current_msec - failed;

    if (failed == 0 || past >= SI_FAILED_SECONDS * 1000) {
        return 0;
    }

    return (SI_FAILED_SECONDS * 1000 - past + 999) / 1000;
}


/*
 * Seconds for Retry-After where no renderer answered, or where one answered
 * so; 0 = not to be told.
 */

time_t
ngx_http_smartimg_retry_after(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx)
{
    ngx_int_t         seconds;
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string(SI_HEADER_RETRY);

    if (ctx->remembered) {
        return ctx->remembered;
    }

    if (r->internal) {
        return !ctx->refused && ngx_http_smartimg_renderers_died(r)
               ? SI_FAILED_SECONDS : SI_RETRY_SECONDS;
    }

    if (r->upstream == NULL || r->upstream->headers_in.headers.size == 0) {
        return 0;
    }

    h = ngx_http_smartimg_find_header(&r->upstream->headers_in.headers, &name,
                                      NULL);

    if (h == NULL) {
        return 0;
    }

    seconds = ngx_atoi(h->value.data, h->value.len);

    return seconds == NGX_ERROR ? 0 : seconds;
}


static ngx_uint_t
ngx_http_smartimg_out_of_time(ngx_http_request_t *r)
{
    static ngx_str_t  name = ngx_string(SI_HEADER_OUT_OF_TIME);

    return r->upstream->headers_in.headers.size
           && ngx_http_smartimg_find_header(
                             &r->upstream->headers_in.headers, &name, NULL);
}


/*
 * True if renderers took the request, each time it was tried, and none of
 * them answered.  A pool that does not run says nothing of the request.
 */

static ngx_uint_t
ngx_http_smartimg_renderers_died(ngx_http_request_t *r)
{
    ngx_uint_t                  i;
    ngx_http_upstream_state_t  *state;

    if (r->upstream_states == NULL || r->upstream_states->nelts == 0) {
        return 0;
    }

    state = r->upstream_states->elts;

    for (i = 0; i < r->upstream_states->nelts; i++) {

        if (state[i].peer == NULL
            || state[i].connect_time == (ngx_msec_t) -1)
        {
            return 0;
        }
    }

    return 1;
}


static ngx_slab_pool_t *
ngx_http_smartimg_shpool(ngx_http_request_t *r)
{
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);

    return (ngx_slab_pool_t *) smcf->zone->shm.addr;
}
