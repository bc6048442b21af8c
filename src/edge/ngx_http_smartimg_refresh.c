
/*
 * Refreshes of stale replies, for nobody.
 *
 * nginx renews a stale reply in a subrequest of the request that it served
 * it to.  That request then stays until the render has ended, and with
 * HTTP/1.x its connection stays with it: it is not read, so a next request on
 * it waits, and the last bytes of the reply are held back by tcp_nopush,
 * which is lifted with the end of the request only (200 ms later the kernel
 * sends them all the same).
 *
 * So the refresh is taken away from the client's request, which then ends as
 * any other hit, and the cache is asked again by a request of our own that
 * has no client: its connection is a socket that leads nowhere, nothing is
 * sent or counted, and only the JSON log has a line of it.  To nginx it is a stale hit like the first one,
 * and what is said above happens to it, where it hurts nobody.
 */

#include "ngx_http_smartimg_module.h"


static void ngx_http_smartimg_cancel(ngx_http_request_t *r);
static void ngx_http_smartimg_unlock(ngx_http_cache_t *c);
static void ngx_http_smartimg_close(ngx_connection_t *c);
static ngx_int_t ngx_http_smartimg_init_connection(ngx_connection_t *c,
    ngx_http_smartimg_caller_t *caller);
static ngx_http_request_t *ngx_http_smartimg_create_request(
    ngx_connection_t *c, ngx_http_request_t *r);
static ngx_int_t ngx_http_smartimg_copy_str(ngx_pool_t *pool, ngx_str_t *dst,
    ngx_str_t *src);
static void ngx_http_smartimg_run(ngx_event_t *ev);


/*
 * Called when a stale reply is about to be sent to r: sees to it that it is
 * renewed, and that r need not wait for that.  If there is no memory or
 * connection for it now, the next stale hit tries again.
 */

void
ngx_http_smartimg_refresh(ngx_http_request_t *r, ngx_http_smartimg_ctx_t *ctx)
{
    ngx_connection_t            *c;
    ngx_http_request_t          *again;
    ngx_http_smartimg_caller_t   caller;

    ngx_http_smartimg_cancel(r);
    ngx_http_smartimg_unlock(r->cache);

    /* messages tell of the client that it was begun for */

    caller.log = r->connection->log;
    caller.action = "refreshing a stale reply";
    caller.listening = r->connection->listening;
    caller.sockaddr = r->connection->sockaddr;
    caller.socklen = r->connection->socklen;
    caller.addr_text = r->connection->addr_text;
    caller.http_connection = r->http_connection;

    c = ngx_http_smartimg_create_connection(&caller);
    if (c == NULL) {
        return;
    }

    again = ngx_http_smartimg_create_request(c, r);

    if (again == NULL) {
        return;
    }

    if (ngx_http_smartimg_share_plan(again, ctx->plan) != NGX_OK) {
        ngx_http_smartimg_drop(again);
        return;
    }

    ngx_http_smartimg_inherit_identity(again, r);

    /* r goes first: posted events are handled after what happens now */

    ngx_post_event(c->write, &ngx_posted_events);
}


/*
 * Undoes what nginx has done for the refresh so far: the subrequest is posted
 * and counted, but has not run, as it does only after its request.
 */

static void
ngx_http_smartimg_cancel(ngx_http_request_t *r)
{
    ngx_http_posted_request_t  **pr;

    r->cache->background = 0;

    for (pr = &r->main->posted_requests; *pr; pr = &(*pr)->next) {

        if ((*pr)->request->background && (*pr)->request->parent == r) {
            *pr = (*pr)->next;
            r->main->count--;
            return;
        }
    }
}


/* The refresh is no longer this request's: whoever asks next may begin one. */

static void
ngx_http_smartimg_unlock(ngx_http_cache_t *c)
{
    ngx_shmtx_lock(&c->file_cache->shpool->mutex);

    if (c->updating && c->node->lock_time == c->lock_time) {
        c->node->updating = 0;
    }

    c->updating = 0;

    ngx_shmtx_unlock(&c->file_cache->shpool->mutex);
}


/*
 * A real connection, so that nginx can do with it what it does with all, on
 * a socket without a peer: always ready to write, never to read.
 */

ngx_connection_t *
ngx_http_smartimg_create_connection(ngx_http_smartimg_caller_t *caller)
{
    ngx_log_t         *log;
    ngx_socket_t       s;
    ngx_connection_t  *c;

    log = caller->log;

    s = socket(AF_UNIX, SOCK_DGRAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);

    if (s == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_socket_errno,
                      "socket() of a request of our own failed");
        return NULL;
    }

    c = ngx_get_connection(s, log);

    if (c == NULL) {
        (void) ngx_close_socket(s);
        return NULL;
    }

    c->pool = ngx_create_pool(1024, log);

    if (c->pool == NULL
        || ngx_http_smartimg_init_connection(c, caller) != NGX_OK)
    {
        ngx_http_smartimg_close(c);
        return NULL;
    }

    return c;
}


/* A connection that no request has taken yet.  Its log is in its pool. */

static void
ngx_http_smartimg_close(ngx_connection_t *c)
{
    ngx_pool_t  *pool;

    pool = c->pool;

    ngx_close_connection(c);

    if (pool) {
        ngx_destroy_pool(pool);
    }
}


static ngx_int_t
ngx_http_smartimg_init_connection(ngx_connection_t *c,
    ngx_http_smartimg_caller_t *caller)
{
    ngx_log_t               *log;
    ngx_http_log_ctx_t      *lctx;
    ngx_http_connection_t   *hc;

    log = ngx_palloc(c->pool, sizeof(ngx_log_t));
    lctx = ngx_pcalloc(c->pool, sizeof(ngx_http_log_ctx_t));
    hc = ngx_palloc(c->pool, sizeof(ngx_http_connection_t));

    /* an empty buffer of request headers */
    c->buffer = ngx_calloc_buf(c->pool);

    c->sockaddr = ngx_palloc(c->pool, caller->socklen);

    if (log == NULL || lctx == NULL || hc == NULL || c->buffer == NULL
        || c->sockaddr == NULL
        || ngx_http_smartimg_copy_str(c->pool, &c->addr_text,
                                      &caller->addr_text)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(c->sockaddr, caller->sockaddr, caller->socklen);
    c->socklen = caller->socklen;

    *hc = *caller->http_connection;
    hc->busy = NULL;
    hc->nbusy = 0;
    hc->free = NULL;
    c->data = hc;

    lctx->connection = c;

    *log = *caller->log;
    log->connection = c->number = ngx_atomic_fetch_add(ngx_connection_counter,
                                                       1);
    log->data = lctx;
    log->action = caller->action;

    c->log = log;
    c->pool->log = log;
    c->read->log = log;
    c->write->log = log;

    c->listening = caller->listening;
    c->tcp_nodelay = NGX_TCP_NODELAY_DISABLED;
    c->tcp_nopush = NGX_TCP_NOPUSH_DISABLED;
    c->sent = 0;
    c->log_error = NGX_ERROR_INFO;

    c->read->handler = ngx_http_smartimg_run;
    c->write->handler = ngx_http_smartimg_run;
    c->write->ready = 1;

    return NGX_OK;
}


/*
 * A request without an address; its configuration is that of its caller.  It
 * takes c along: if it fails, c is closed.
 */

ngx_http_request_t *
ngx_http_smartimg_create_own_request(ngx_connection_t *c)
{
    ngx_http_request_t             *r;
    ngx_http_smartimg_main_conf_t  *smcf;

    static ngx_str_t  get = ngx_string("GET");

    r = ngx_http_create_request(c);

    if (r == NULL) {
        ngx_http_smartimg_close(c);
        return NULL;
    }

    c->data = r;

#if (NGX_STAT_STUB)
    /* closing the connection takes it off again */
    (void) ngx_atomic_fetch_add(ngx_stat_active, 1);
#endif

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);

    r->logged = !smcf->log_own;
    r->header_only = 1;

    r->method = NGX_HTTP_GET;
    r->method_name = get;
    r->headers_in.content_length_n = -1;

    return r;
}


/* A request for what r asks for, about to run its content handler. */

static ngx_http_request_t *
ngx_http_smartimg_create_request(ngx_connection_t *c, ngx_http_request_t *r)
{
    ngx_http_request_t  *again;

    again = ngx_http_smartimg_create_own_request(c);

    if (again == NULL) {
        return NULL;
    }

    again->main_conf = r->main_conf;
    again->srv_conf = r->srv_conf;
    again->loc_conf = r->loc_conf;
    again->content_handler = r->content_handler;
    again->phase_handler = r->phase_handler;
    again->write_event_handler = ngx_http_core_run_phases;

    again->valid_location = 1;
    again->valid_unparsed_uri = 1;

    if (ngx_http_smartimg_copy_str(again->pool, &again->uri, &r->uri) != NGX_OK
        || ngx_http_smartimg_copy_str(again->pool, &again->args, &r->args)
           != NGX_OK
        || ngx_http_smartimg_copy_str(again->pool, &again->exten, &r->exten)
           != NGX_OK
        || ngx_http_smartimg_copy_str(again->pool, &again->unparsed_uri,
                                      &r->unparsed_uri)
           != NGX_OK
        || ngx_http_smartimg_copy_str(again->pool, &again->request_line,
                                      &r->request_line)
           != NGX_OK
        || ngx_http_smartimg_copy_str(again->pool, &again->headers_in.server,
                                      &r->headers_in.server)
           != NGX_OK)
    {
        ngx_http_smartimg_drop(again);
        return NULL;
    }

    return again;
}


/* Ends a request of our own, with its connection, before it has begun. */

void
ngx_http_smartimg_drop(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->connection;

    ngx_http_finalize_request(r, NGX_ERROR);
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_smartimg_copy_str(ngx_pool_t *pool, ngx_str_t *dst, ngx_str_t *src)
{
    if (src->len == 0) {
        ngx_str_null(dst);
        return NGX_OK;
    }

    dst->data = ngx_pstrdup(pool, src);

    if (dst->data == NULL) {
        return NGX_ERROR;
    }

    dst->len = src->len;

    return NGX_OK;
}


/* What nginx's own handler of requests does, which modules cannot name. */

static void
ngx_http_smartimg_run(ngx_event_t *ev)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    c = ev->data;
    r = c->data;

    if (c->close) {

        /* the upstream gives one back when it is cleaned up, nginx the last */

        r->main->count++;
        ngx_http_finalize_request(r, NGX_ERROR);

    } else if (ev->write) {
        r->write_event_handler(r);

    } else {
        r->read_event_handler(r);
    }

    ngx_http_run_posted_requests(c);
}
