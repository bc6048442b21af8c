
/*
 * The queue before the renderers is the backlog of their socket.  This keeps
 * it short in time: a first answer that would have to wait for longer than
 * the limit is refused at once, which its client can act upon.
 *
 * Foreseen is what first answers are at the renderers now, by the moving
 * average of what one took.  A renderer tells the latter, divided by the
 * number of renderers, in a header of its reply.  Refreshes are left out on
 * both sides: nobody waits for them.
 *
 * "smartimg_queue TIME;" stands in the upstream block, after a load balancing
 * method other than the default one.  Renderers are not spoken to over TLS,
 * so there are no sessions to be passed through.
 */

#include "ngx_http_smartimg_module.h"
#include "base/wire.h"


typedef struct {
    ngx_http_request_t            *request;
    void                          *data;
    ngx_event_get_peer_pt          get;
    ngx_event_free_peer_pt         free;
    unsigned                       counted:1;
    unsigned                       tried:1;
} ngx_http_smartimg_peer_t;


static ngx_int_t ngx_http_smartimg_init_upstream(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us);
static ngx_int_t ngx_http_smartimg_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us);
static ngx_int_t ngx_http_smartimg_get_peer(ngx_peer_connection_t *pc,
    void *data);
static void ngx_http_smartimg_free_peer(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state);
static ngx_uint_t ngx_http_smartimg_is_waited_for(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx);
static ngx_uint_t ngx_http_smartimg_full(ngx_http_request_t *r);


char *
ngx_http_smartimg_queue_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_smartimg_srv_conf_t  *sscf = conf;

    ngx_str_t                     *value;
    ngx_http_upstream_srv_conf_t  *uscf;

    if (sscf->init_upstream) {
        return "is duplicate";
    }

    value = cf->args->elts;
    sscf->limit = ngx_parse_time(&value[1], 0);

    if (sscf->limit == (ngx_msec_t) NGX_ERROR || sscf->limit == 0) {
        return "must be a time";
    }

    uscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_upstream_module);

    sscf->init_upstream = uscf->peer.init_upstream
                          ? uscf->peer.init_upstream
                          : ngx_http_upstream_init_round_robin;

    uscf->peer.init_upstream = ngx_http_smartimg_init_upstream;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_smartimg_init_upstream(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us)
{
    ngx_http_smartimg_srv_conf_t  *sscf;

    sscf = ngx_http_conf_upstream_srv_conf(us, ngx_http_smartimg_module);

    if (sscf->init_upstream(cf, us) != NGX_OK) {
        return NGX_ERROR;
    }

    sscf->init_peer = us->peer.init;
    us->peer.init = ngx_http_smartimg_init_peer;

    return NGX_OK;
}


static ngx_int_t
ngx_http_smartimg_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us)
{
    ngx_http_upstream_t           *u;
    ngx_http_smartimg_peer_t      *peer;
    ngx_http_smartimg_srv_conf_t  *sscf;

    sscf = ngx_http_conf_upstream_srv_conf(us, ngx_http_smartimg_module);

    peer = ngx_pcalloc(r->pool, sizeof(ngx_http_smartimg_peer_t));
    if (peer == NULL || sscf->init_peer(r, us) != NGX_OK) {
        return NGX_ERROR;
    }

    u = r->upstream;

    peer->request = r;
    peer->data = u->peer.data;
    peer->get = u->peer.get;
    peer->free = u->peer.free;

    u->peer.data = peer;
    u->peer.get = ngx_http_smartimg_get_peer;
    u->peer.free = ngx_http_smartimg_free_peer;

    return NGX_OK;
}


/*
 * A refused request ends like one that no renderer answered, with another
 * text; it has no other server to go to.
 */

static ngx_int_t
ngx_http_smartimg_get_peer(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_smartimg_peer_t  *peer = data;

    ngx_int_t                 rc;
    ngx_http_smartimg_ctx_t  *ctx;

    ctx = ngx_http_smartimg_get_ctx(peer->request);

    if (ctx && ngx_http_smartimg_is_waited_for(peer->request, ctx)
        && !peer->tried && ngx_http_smartimg_full(peer->request))
    {
        ctx->refused = 1;
        pc->tries = 0;
        ngx_http_smartimg_count(full, 1);

        return NGX_DECLINED;
    }

    peer->tried = 1;

    rc = peer->get(pc, peer->data);

    if (rc == NGX_OK && ctx
        && ngx_http_smartimg_is_waited_for(peer->request, ctx))
    {
        peer->counted = 1;
        ngx_http_smartimg_count(rendering, 1);
    }

    return rc;
}


/* Refreshes and refinements are nobody's. */

static ngx_uint_t
ngx_http_smartimg_is_waited_for(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx)
{
    return r == r->main && !ctx->nobody;
}


static void
ngx_http_smartimg_free_peer(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state)
{
    ngx_http_smartimg_peer_t  *peer = data;

    if (peer->counted) {
        peer->counted = 0;
        ngx_http_smartimg_count(rendering, -1);
    }

    peer->free(pc, peer->data, state);
}


/* First answers that renderers are asked for now, by all processes. */

ngx_uint_t
ngx_http_smartimg_first_rendering(void)
{
    ngx_uint_t                   i;
    ngx_atomic_int_t             n;
    ngx_http_smartimg_shared_t  *shared;

    shared = ngx_http_smartimg_shared();

    if (shared == NULL) {
        return 0;
    }

    n = 0;

    for (i = 0; i < NGX_HTTP_SMARTIMG_SLOTS; i++) {
        n += shared->counters[i].rendering;
    }

    return n > 0 ? n : 0;
}


static ngx_uint_t
ngx_http_smartimg_full(ngx_http_request_t *r)
{
    uint64_t                       wait;
    ngx_uint_t                     n;
    ngx_http_upstream_t           *u;
    ngx_http_smartimg_shared_t    *shared;
    ngx_http_smartimg_srv_conf_t  *sscf;

    u = r->upstream;
    shared = ngx_http_smartimg_shared();

    if (shared == NULL || shared->service == 0) {
        return 0;
    }

    n = ngx_http_smartimg_first_rendering();

    if (n == 0) {
        return 0;
    }

    sscf = ngx_http_conf_upstream_srv_conf(u->upstream,
                                           ngx_http_smartimg_module);

    wait = (uint64_t) n * shared->service / 1000;

    return wait > sscf->limit;
}


/*
 * Called with a reply of a renderer.  Two processes that do this at once lose
 * one of the two values, of many.
 */

void
ngx_http_smartimg_note_service(ngx_http_request_t *r)
{
    ngx_int_t                    us, average;
    ngx_table_elt_t             *h;
    ngx_http_smartimg_shared_t  *shared;

    static ngx_str_t  name = ngx_string(SI_HEADER_SERVICE);

    shared = ngx_http_smartimg_shared();

    if (shared == NULL || r->upstream->headers_in.headers.size == 0) {
        return;
    }

    h = ngx_http_smartimg_find_header(&r->upstream->headers_in.headers, &name,
                                      NULL);

    if (h == NULL) {
        return;
    }

    us = ngx_atoi(h->value.data, h->value.len);

    if (us > 0 && us < 1000000000) {
        average = shared->service;
        shared->service = average ? average + (us - average) / 8 : us;
    }
}
