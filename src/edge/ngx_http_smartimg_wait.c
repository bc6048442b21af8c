
/*
 * Identical misses in flight cause one render; the others wait for it.
 *
 * nginx's own cache lock knows without any race, across workers, which
 * request renders and when the cache file is in place, whether the client of
 * that request reads fast or slowly.  Its only fault is that it looks every
 * 500 ms.  So requests that wait for the lock stand in a queue here, and one
 * timer per worker looks as often as wanted: a look is a read of a bit in the
 * cache's shared memory.  Whoever may go on is woken through the lock's own
 * event.
 *
 * A render that ends with an error leaves nothing in the cache, and without
 * more each of N waiters would try in turn.  So the error is kept in our
 * shared memory for those who waited for that render, and only for them.
 *
 * Nobody waits for nobody: a request whose client has gone leaves the queue,
 * and its render ends unless others wait for it.  The cache counts in shared
 * memory, for all workers, how many requests hold an entry; a render whose
 * own client has gone stands in the queue, too, and ends once it is the only
 * one.  Who comes a moment later finds the lock free and renders anew.
 */

#include "ngx_http_smartimg_module.h"
#include "base/wire.h"


#define NGX_HTTP_SMARTIMG_TICK  4   /* ms between two looks */


static void ngx_http_smartimg_wait(ngx_http_smartimg_ctx_t *ctx);
static void ngx_http_smartimg_enqueue(ngx_http_smartimg_ctx_t *ctx);
static void ngx_http_smartimg_watch_client(ngx_http_request_t *r);
static void ngx_http_smartimg_check_client(ngx_http_request_t *r);
static ngx_uint_t ngx_http_smartimg_client_gone(ngx_http_request_t *r);
static ngx_uint_t ngx_http_smartimg_rendering(ngx_http_request_t *r);
static ngx_uint_t ngx_http_smartimg_alone(ngx_http_request_t *r);
static void ngx_http_smartimg_leave(ngx_http_smartimg_ctx_t *ctx);
static void ngx_http_smartimg_look(ngx_event_t *ev);
static void ngx_http_smartimg_resume(ngx_http_request_t *r);
static ngx_int_t ngx_http_smartimg_find_error(ngx_http_smartimg_ctx_t *ctx,
    ngx_http_smartimg_error_t *error);


static ngx_queue_t       ngx_http_smartimg_queue;
static ngx_event_t       ngx_http_smartimg_tick;
static ngx_connection_t  ngx_http_smartimg_dummy;


void
ngx_http_smartimg_init_waiting(ngx_cycle_t *cycle)
{
    ngx_queue_init(&ngx_http_smartimg_queue);

    /* a debug build of nginx logs the descriptor of an event's connection */
    ngx_http_smartimg_dummy.fd = (ngx_socket_t) -1;

    ngx_http_smartimg_tick.handler = ngx_http_smartimg_look;
    ngx_http_smartimg_tick.data = &ngx_http_smartimg_dummy;
    ngx_http_smartimg_tick.log = cycle->log;
}


/*
 * Runs the location's handler, and sees whether the request has to wait.
 */

ngx_int_t
ngx_http_smartimg_content_handler(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_http_smartimg_ctx_t   *ctx;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    /* the caller still has to finalize the request, so it is there after */

    rc = clcf->handler(r);

    if (r->cache && r->cache->waiting) {
        ctx = ngx_http_get_module_ctx(r, ngx_http_smartimg_module);

        if (ctx) {
            ngx_http_smartimg_wait(ctx);
        }
    }

    ngx_http_smartimg_watch_client(r);

    return rc;
}


static void
ngx_http_smartimg_wait(ngx_http_smartimg_ctx_t *ctx)
{
    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "smartimg waits");

    ctx->since = ngx_current_msec;
    ctx->resume = ctx->request->write_event_handler;

    ngx_http_smartimg_count(waits, 1);
    ngx_http_smartimg_count(waiting, 1);

    ngx_http_smartimg_enqueue(ctx);
}


static void
ngx_http_smartimg_enqueue(ngx_http_smartimg_ctx_t *ctx)
{
    ctx->queued = 1;
    ngx_queue_insert_tail(&ngx_http_smartimg_queue, &ctx->queue);

    if (!ngx_http_smartimg_tick.timer_set) {
        ngx_add_timer(&ngx_http_smartimg_tick, NGX_HTTP_SMARTIMG_TICK);
    }
}


void
ngx_http_smartimg_stop_waiting(ngx_http_smartimg_ctx_t *ctx)
{
    if (!ctx->queued) {
        return;
    }

    ctx->queued = 0;
    ngx_queue_remove(&ctx->queue);

    if (!ctx->abandoned) {
        ngx_http_smartimg_count(waiting, -1);
    }

    ctx->abandoned = 0;
}


/*
 * Whether the client is still there, is looked at whenever something happens
 * to its connection from now on.  nginx's own way to do that ends requests
 * that others wait for, or none that may be cached.
 */

static void
ngx_http_smartimg_watch_client(ngx_http_request_t *r)
{
    if (r != r->main || r->upstream == NULL
        || ngx_http_get_module_ctx(r, ngx_http_smartimg_module) == NULL
        || (!ngx_http_smartimg_rendering(r)
            && !(r->cache && r->cache->waiting)))
    {
        return;
    }

    r->read_event_handler = ngx_http_smartimg_check_client;

    /* the event may have come already: look once all this is done */

    if (ngx_http_smartimg_client_gone(r)) {
        ngx_post_event(r->connection->read, &ngx_posted_events);
    }
}


static void
ngx_http_smartimg_check_client(ngx_http_request_t *r)
{
    ngx_http_smartimg_ctx_t  *ctx;

    if (!ngx_http_smartimg_client_gone(r)) {
        return;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_smartimg_module);

    if (ctx == NULL) {
        return;
    }

    if (r->cache && r->cache->waiting) {
        ngx_http_smartimg_leave(ctx);
        return;
    }

    if (ctx->abandoned || !ngx_http_smartimg_rendering(r)) {
        return;
    }

    ngx_http_smartimg_stop_waiting(ctx);

    if (ngx_http_smartimg_alone(r)) {
        ngx_http_smartimg_count(cancelled, 1);

        /* the upstream gives one back when it is cleaned up, nginx the last */

        r->main->count++;
        ngx_http_finalize_request(r, NGX_HTTP_CLIENT_CLOSED_REQUEST);
        return;
    }

    ctx->abandoned = 1;
    ngx_http_smartimg_enqueue(ctx);
}


static ngx_uint_t
ngx_http_smartimg_client_gone(ngx_http_request_t *r)
{
    u_char             byte;
    ssize_t            n;
    ngx_connection_t  *c;

    c = r->connection;

    if (c->error) {
        return 1;
    }

#if (NGX_HTTP_V2)
    if (r->stream) {
        return 0;
    }
#endif

    if (c->read->eof || c->read->pending_eof) {
        return 1;
    }

    n = recv(c->fd, &byte, 1, MSG_PEEK);

    return n == 0
           || (n == -1 && ngx_socket_errno != NGX_EAGAIN
               && ngx_socket_errno != NGX_EINTR);
}


/* true from the choice of a renderer to its reply's head */

static ngx_uint_t
ngx_http_smartimg_rendering(ngx_http_request_t *r)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    return u && u->peer.connection && !u->header_sent && !r->header_sent;
}


/* read without the cache's lock: a wrong answer costs one more render or look */

static ngx_uint_t
ngx_http_smartimg_alone(ngx_http_request_t *r)
{
    ngx_http_cache_t  *c;

    c = r->cache;

    return c == NULL || c->updated || c->node == NULL || c->node->count <= 1;
}


/*
 * Ends a request that waits for the lock, as far as the cache does not do it
 * by itself.  If it was terminated meanwhile, the lock's event ends it.
 */

static void
ngx_http_smartimg_leave(ngx_http_smartimg_ctx_t *ctx)
{
    ngx_http_cache_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->cache;

    if (!ctx->queued
        || (r->write_event_handler != ctx->resume
            && r->write_event_handler != ngx_http_smartimg_resume))
    {
        return;
    }

    ngx_http_smartimg_stop_waiting(ctx);

    if (c->wait_event.timer_set) {
        ngx_del_timer(&c->wait_event);
    }

    if (c->wait_event.posted) {
        ngx_delete_posted_event(&c->wait_event);
    }

    c->waiting = 0;
    r->main->blocked--;
    r->write_event_handler = ctx->resume;

    ngx_http_smartimg_count(left, 1);
    ngx_http_finalize_request(r, NGX_HTTP_CLIENT_CLOSED_REQUEST);
}


static void
ngx_http_smartimg_look(ngx_event_t *ev)
{
    ngx_queue_t              *q, *next;
    ngx_http_cache_t         *c;
    ngx_http_request_t       *r;
    ngx_http_smartimg_ctx_t  *ctx;

    for (q = ngx_queue_head(&ngx_http_smartimg_queue);
         q != ngx_queue_sentinel(&ngx_http_smartimg_queue);
         q = next)
    {
        next = ngx_queue_next(q);

        ctx = ngx_queue_data(q, ngx_http_smartimg_ctx_t, queue);
        r = ctx->request;
        c = r->cache;

        if (ctx->abandoned) {

            if (!ngx_http_smartimg_rendering(r)) {
                ngx_http_smartimg_stop_waiting(ctx);

            } else if (ngx_http_smartimg_alone(r)) {
                ngx_http_smartimg_stop_waiting(ctx);
                ngx_post_event(r->connection->read, &ngx_posted_events);
            }

            continue;
        }

        if (c == NULL || !c->waiting) {
            ngx_http_smartimg_stop_waiting(ctx);
            continue;
        }

        /*
         * read without the lock: an old value only means one more round, and
         * the event's handler looks again with the lock held
         */

        if (c->node == NULL || c->node->updating || c->wait_event.posted) {
            continue;
        }

        /* a request that was terminated meanwhile has got another handler */

        if (r->write_event_handler == ctx->resume) {
            r->write_event_handler = ngx_http_smartimg_resume;
        }

        /* posted events are handled right after the timers */

        if (c->wait_event.timer_set) {
            ngx_del_timer(&c->wait_event);
        }

        ngx_post_event(&c->wait_event, &ngx_posted_events);
    }

    if (!ngx_queue_empty(&ngx_http_smartimg_queue)) {
        ngx_add_timer(ev, NGX_HTTP_SMARTIMG_TICK);
    }
}


/*
 * Called instead of the upstream module when the lock is free: answers with
 * the error that was waited for, or lets the upstream module go on, which
 * finds the file in the cache, or renders, or waits again.
 */

static void
ngx_http_smartimg_resume(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_http_smartimg_ctx_t   *ctx;
    ngx_http_smartimg_error_t  error;

    if (r->cache->waiting) {
        return;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_smartimg_module);

    if (ngx_http_smartimg_find_error(ctx, &error) == NGX_OK) {
        ngx_http_smartimg_stop_waiting(ctx);
        ngx_http_smartimg_add_retry(r, error.retry);

        rc = ngx_http_smartimg_send_text(r, error.status, error.text,
                                         error.len);
        ngx_http_finalize_request(r, rc);
        return;
    }

    r->write_event_handler = ctx->resume;
    r->write_event_handler(r);
}


/* without memory the reply does without it */

void
ngx_http_smartimg_add_retry(ngx_http_request_t *r, time_t seconds)
{
    ngx_str_t  value;

    static ngx_str_t  name = ngx_string(SI_HEADER_RETRY);

    if (seconds == 0) {
        return;
    }

    value.data = ngx_pnalloc(r->pool, NGX_TIME_T_LEN);

    if (value.data) {
        value.len = ngx_sprintf(value.data, "%T", seconds) - value.data;
        (void) ngx_http_smartimg_add_header(r, &name, &value);
    }
}


/* what there is to say if no renderer did; ctx may be NULL */

ngx_str_t
ngx_http_smartimg_unanswered(ngx_http_smartimg_ctx_t *ctx)
{
    static ngx_str_t  full = ngx_string("too many requests wait for a renderer");
    static ngx_str_t  none = ngx_string("no renderer answered");
    static ngx_str_t  late = ngx_string("took too long: the image was not "
                                        "ready in time, and is not tried "
                                        "again so soon");

    static ngx_str_t  many = ngx_string("too many new pictures at a time are "
                                        "asked for from this address");

    if (ctx && ctx->remembered) {
        return late;
    }

    if (ctx && ctx->limited) {
        return many;
    }

    return ctx && ctx->refused ? full : none;
}


/*
 * Keeps the error reply of a renderer (or of nginx, if no renderer answered)
 * for the requests that wait for it.  Called before the reply goes out, so
 * the text is still in the upstream's buffer; what has not arrived of it yet,
 * or does not fit, they do without.  That one client asks for too much is
 * nothing to the others.
 */

void
ngx_http_smartimg_share_error(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_str_t                    text;
    ngx_slab_pool_t             *shpool;
    ngx_http_upstream_t         *u;
    ngx_http_smartimg_ctx_t     *ctx;
    ngx_http_smartimg_error_t   *error;
    ngx_http_smartimg_shared_t  *shared;
    ngx_http_smartimg_main_conf_t  *smcf;

    u = r->upstream;
    ctx = ngx_http_smartimg_get_ctx(r);
    shared = ngx_http_smartimg_shared();

    if (shared == NULL || r->cache == NULL || (ctx && ctx->limited)
        || u->cache_status != NGX_HTTP_CACHE_MISS)
    {
        return;
    }

    if (r->internal) {
        text = ngx_http_smartimg_unanswered(ctx);

    } else {
        text.data = u->buffer.pos;
        text.len = u->buffer.last - u->buffer.pos;

        if (text.len && text.data[text.len - 1] == LF) {
            text.len--;
        }

        text.len = ngx_min(text.len, NGX_HTTP_SMARTIMG_TEXT);
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);
    shpool = (ngx_slab_pool_t *) smcf->zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    error = &shared->errors[shared->nerrors++ % NGX_HTTP_SMARTIMG_ERRORS];

    ngx_memcpy(error->key, r->cache->key, NGX_HTTP_CACHE_KEY_LEN);
    ngx_memcpy(error->text, text.data, text.len);
    error->len = text.len;
    error->time = ngx_current_msec;
    error->status = status;
    error->retry = ctx ? ngx_http_smartimg_retry_after(r, ctx) : 0;

    ngx_shmtx_unlock(&shpool->mutex);
}


static ngx_int_t
ngx_http_smartimg_find_error(ngx_http_smartimg_ctx_t *ctx,
    ngx_http_smartimg_error_t *error)
{
    ngx_int_t                       rc;
    ngx_uint_t                      i;
    ngx_slab_pool_t                *shpool;
    ngx_http_cache_t               *c;
    ngx_http_smartimg_shared_t     *shared;
    ngx_http_smartimg_main_conf_t  *smcf;

    shared = ngx_http_smartimg_shared();

    if (shared == NULL) {
        return NGX_DECLINED;
    }

    c = ctx->request->cache;
    rc = NGX_DECLINED;

    smcf = ngx_http_get_module_main_conf(ctx->request,
                                         ngx_http_smartimg_module);
    shpool = (ngx_slab_pool_t *) smcf->zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    for (i = 0; i < NGX_HTTP_SMARTIMG_ERRORS; i++) {

        if (shared->errors[i].status == 0
            || (ngx_msec_int_t) (shared->errors[i].time - ctx->since) < 0
            || ngx_memcmp(shared->errors[i].key, c->key,
                          NGX_HTTP_CACHE_KEY_LEN)
               != 0)
        {
            continue;
        }

        *error = shared->errors[i];
        rc = NGX_OK;
        break;
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return rc;
}
