
/*
 * The queue before the renderers is the backlogs of their sockets, one for
 * each lane (base/lane.h).  This chooses the lane, and keeps the queue short
 * in time: a first answer that would have to wait for longer than
 * the limit is refused at once, which its client can act upon.
 *
 * Foreseen is what first answers are at the renderers now, by the moving
 * average of what one took, dear ones apart, and of what it would have taken
 * without a search, as they get quicker when many wait.  A renderer tells
 * both, divided by the number of renderers that may do it at a time, in a
 * header of its reply.  Refinements are left out on both sides: nobody waits
 * for them.
 *
 * "smartimg_queue TIME;" stands in the upstream blocks, after a load balancing
 * method other than the default one.  Renderers are not spoken to over TLS,
 * so there are no sessions to be passed through.
 */

#include "ngx_http_smartimg_module.h"
#include "base/wire.h"
#include "plan/cost.h"


typedef struct {
    ngx_http_request_t            *request;
    void                          *data;
    ngx_event_get_peer_pt          get;
    ngx_event_free_peer_pt         free;
    si_lane                        lane;
    ngx_msec_t                     since;    /* of a question to a renderer */
    unsigned                       asked:1;
    unsigned                       counted:1;
    unsigned                       dear:1;
    unsigned                       tried:1;
    unsigned                       running:1;
} ngx_http_smartimg_peer_t;


static si_lane ngx_http_smartimg_lane(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx);
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
static ngx_uint_t ngx_http_smartimg_full(ngx_http_request_t *r,
    ngx_uint_t dear);
static void ngx_http_smartimg_begin_asking(ngx_http_smartimg_peer_t *peer,
    ngx_http_smartimg_ctx_t *ctx);
static void ngx_http_smartimg_count_lane(si_lane lane, ngx_int_t n);
static void ngx_http_smartimg_count_waiting(ngx_http_smartimg_shared_t *shared,
    ngx_atomic_int_t *cheap, ngx_atomic_int_t *costly);
static void ngx_http_smartimg_average(ngx_atomic_t *average, ngx_int_t us);


char *
ngx_http_smartimg_queue_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_smartimg_srv_conf_t  *sscf = conf;

    ngx_str_t  *value;

    if (sscf->limit) {
        return "is duplicate";
    }

    value = cf->args->elts;
    sscf->limit = ngx_parse_time(&value[1], 0);

    if (sscf->limit == (ngx_msec_t) NGX_ERROR || sscf->limit == 0) {
        return "must be a time";
    }

    ngx_http_smartimg_take_upstream(cf, sscf);

    return NGX_CONF_OK;
}


/*
 * "smartimg_lanes DEAR FOREIGN REFINE;" names the upstream blocks of the lanes that
 * this one is not for.  The lane is chosen when a renderer is to be asked, as
 * hits should not pay for a forecast.
 */

char *
ngx_http_smartimg_lanes(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_smartimg_srv_conf_t  *sscf = conf;

    ngx_url_t    u;
    ngx_str_t   *value;
    ngx_uint_t   i;

    static si_lane  others[] = { SI_LANE_DEAR, SI_LANE_FOREIGN,
                                 SI_LANE_REFINE };

    value = cf->args->elts;

    for (i = 0; i < 3; i++) {

        if (sscf->lanes[others[i]]) {
            return "is duplicate";
        }

        ngx_memzero(&u, sizeof(ngx_url_t));
        u.url = value[i + 1];
        u.no_resolve = 1;

        sscf->lanes[others[i]] = ngx_http_upstream_add(cf, &u, 0);

        if (sscf->lanes[others[i]] == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    ngx_http_smartimg_take_upstream(cf, sscf);

    return NGX_CONF_OK;
}


/* Sees to it that each request for the upstream block comes through here. */

void
ngx_http_smartimg_take_upstream(ngx_conf_t *cf,
    ngx_http_smartimg_srv_conf_t *sscf)
{
    ngx_http_upstream_srv_conf_t  *uscf;

    if (sscf->init_upstream) {
        return;
    }

    uscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_upstream_module);

    sscf->init_upstream = uscf->peer.init_upstream
                          ? uscf->peer.init_upstream
                          : ngx_http_upstream_init_round_robin;

    uscf->peer.init_upstream = ngx_http_smartimg_init_upstream;
}


/*
 * Who renews or refines what is there stands behind who waits for an answer,
 * and what the playground asks for behind what visitors do;
 * but nobody waits for foreign images with a renderer in hand.
 */

static si_lane
ngx_http_smartimg_lane(ngx_http_request_t *r, ngx_http_smartimg_ctx_t *ctx)
{
    if (si_cost_has_downloads(&ctx->plan->plan.recipe)) {
        return SI_LANE_FOREIGN;
    }

    if (!ngx_http_smartimg_is_waited_for(r, ctx)) {
        return SI_LANE_REFINE;
    }

    return ctx->plan->plan.show != SI_SHOW_REPLY
           || si_cost_is_dear(&ctx->plan->plan.recipe)
           ? SI_LANE_DEAR : SI_LANE_CHEAP;
}


/*
 * Whether a request in the lane of foreign images would be in that of cheap
 * ones, were its originals in the folder: then it is as soon as they are here.
 */

ngx_uint_t
ngx_http_smartimg_is_cheap_elsewhere(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx)
{
    si_recipe  *recipe;

    recipe = &ctx->plan->plan.recipe;

    return ctx->plan->plan.show == SI_SHOW_REPLY
           && ngx_http_smartimg_is_waited_for(r, ctx)
           && si_cost_has_downloads(recipe)
           && !si_cost_has_foreign(recipe)
           && !si_cost_is_dear(recipe);
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
    si_lane                        lane;
    ngx_http_upstream_t           *u;
    ngx_http_smartimg_ctx_t       *ctx;
    ngx_http_smartimg_peer_t      *peer;
    ngx_http_smartimg_srv_conf_t  *sscf;

    sscf = ngx_http_conf_upstream_srv_conf(us, ngx_http_smartimg_module);

    ctx = ngx_http_smartimg_get_ctx(r);
    lane = ctx ? ngx_http_smartimg_lane(r, ctx) : SI_LANE_CHEAP;

    if (ctx && ngx_http_smartimg_is_waited_for(r, ctx)) {
        ctx->limited |= ngx_http_smartimg_is_one_too_many(r, sscf->misses);
    }

    if (ctx && sscf->lanes[lane] && sscf->lanes[lane] != us) {
        r->upstream->upstream = sscf->lanes[lane];
        ctx->downloads = lane == SI_LANE_FOREIGN;

        return sscf->lanes[lane]->peer.init(r, sscf->lanes[lane]);
    }

    peer = ngx_pcalloc(r->pool, sizeof(ngx_http_smartimg_peer_t));
    if (peer == NULL || sscf->init_peer(r, us) != NGX_OK) {
        return NGX_ERROR;
    }

    u = r->upstream;

    peer->request = r;
    peer->lane = lane;
    peer->dear = lane == SI_LANE_DEAR || lane == SI_LANE_FOREIGN;
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

    if (ctx && ctx->limited) {
        pc->tries = 0;

        return NGX_DECLINED;
    }

    if (ctx && ngx_http_smartimg_is_waited_for(peer->request, ctx)
        && !peer->tried)
    {
        ctx->remembered = ngx_http_smartimg_failed_lately(peer->request);

        if (ctx->remembered) {
            pc->tries = 0;
            ngx_http_smartimg_count(remembered, 1);

            return NGX_DECLINED;
        }
    }

    if (ctx && ngx_http_smartimg_is_waited_for(peer->request, ctx)
        && !peer->tried && ngx_http_smartimg_full(peer->request, peer->dear))
    {
        ctx->refused = 1;
        pc->tries = 0;
        ngx_http_smartimg_count(full, 1);

        return NGX_DECLINED;
    }

    peer->tried = 1;

    rc = peer->get(pc, peer->data);

    if (rc == NGX_OK && ctx) {
        ngx_http_smartimg_begin_asking(peer, ctx);
    }

    return rc;
}


static void
ngx_http_smartimg_begin_asking(ngx_http_smartimg_peer_t *peer,
    ngx_http_smartimg_ctx_t *ctx)
{
    if (!peer->running) {
        peer->running = 1;
        peer->since = ngx_current_msec;
        ngx_http_smartimg_count_lane(peer->lane, 1);
    }

    /* what is downloaded for has no renderer, and nobody stands behind it */

    if (ctx->downloads) {
        return;
    }

    ngx_http_smartimg_note_work();
    peer->asked = 1;
    ngx_http_smartimg_count(asked, 1);

    if (ngx_http_smartimg_is_waited_for(peer->request, ctx)) {
        peer->counted = 1;
        ngx_http_smartimg_count(rendering, 1);
        ngx_http_smartimg_count(rendering_dear, peer->dear);
    }
}


/* Who is asked for in a lane now; and those who come are counted for good. */

static void
ngx_http_smartimg_count_lane(si_lane lane, ngx_int_t n)
{
    switch (lane) {

    case SI_LANE_DEAR:
        ngx_http_smartimg_count(now_dear, n);
        ngx_http_smartimg_count(lane_dear, n > 0);
        break;

    case SI_LANE_FOREIGN:
        ngx_http_smartimg_count(now_foreign, n);
        ngx_http_smartimg_count(lane_foreign, n > 0);
        break;

    case SI_LANE_REFINE:
        ngx_http_smartimg_count(now_refine, n);
        ngx_http_smartimg_count(lane_refine, n > 0);
        break;

    default:
        ngx_http_smartimg_count(now_cheap, n);
        ngx_http_smartimg_count(lane_cheap, n > 0);
        break;
    }
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

    if (peer->running) {
        peer->running = 0;
        ngx_http_smartimg_count_lane(peer->lane, -1);
        ngx_http_smartimg_observe(render_time, SI_BOUNDS_TIME,
                                  (ngx_current_msec - peer->since) * 1000);
    }

    if (peer->asked) {
        peer->asked = 0;
        ngx_http_smartimg_count(asked, -1);
    }

    if (peer->counted) {
        peer->counted = 0;
        ngx_http_smartimg_count(rendering, -1);
        ngx_http_smartimg_count(rendering_dear, -(ngx_atomic_int_t) peer->dear);
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


/*
 * Cheap requests overtake dear ones, so they wait for their like alone; and
 * dear ones wait for both.  For half of the limit, what waits is answered as
 * it usually is; the rest of it then without a search (base/load.h).
 */

static ngx_uint_t
ngx_http_smartimg_full(ngx_http_request_t *r, ngx_uint_t dear)
{
    uint64_t                       usual, least, half;
    ngx_atomic_int_t               cheap, costly;
    ngx_http_upstream_t           *u;
    ngx_http_smartimg_shared_t    *shared;
    ngx_http_smartimg_srv_conf_t  *sscf;

    u = r->upstream;
    shared = ngx_http_smartimg_shared();

    if (shared == NULL) {
        return 0;
    }

    ngx_http_smartimg_count_waiting(shared, &cheap, &costly);

    costly = dear ? costly : 0;

    sscf = ngx_http_conf_upstream_srv_conf(u->upstream,
                                           ngx_http_smartimg_module);

    usual = ((uint64_t) cheap * shared->service[0].usual
             + (uint64_t) costly * shared->service[1].usual) / 1000;
    least = ((uint64_t) cheap * shared->service[0].least
             + (uint64_t) costly * shared->service[1].least) / 1000;
    half = sscf->limit / 2;

    if (sscf->limit == 0 || usual <= half) {
        return 0;
    }

    return half + least - least * half / usual > sscf->limit;
}


/* First answers that renderers are asked for now, cheap ones and dear ones. */

static void
ngx_http_smartimg_count_waiting(ngx_http_smartimg_shared_t *shared,
    ngx_atomic_int_t *cheap, ngx_atomic_int_t *costly)
{
    ngx_uint_t  i;

    *cheap = 0;
    *costly = 0;

    for (i = 0; i < NGX_HTTP_SMARTIMG_SLOTS; i++) {
        *cheap += shared->counters[i].rendering
                  - shared->counters[i].rendering_dear;
        *costly += shared->counters[i].rendering_dear;
    }

    *cheap = ngx_max(*cheap, 0);
    *costly = ngx_max(*costly, 0);
}


/* Microseconds that a dear first answer would wait for now. */

uint64_t
ngx_http_smartimg_foreseen(ngx_http_smartimg_shared_t *shared)
{
    ngx_atomic_int_t  cheap, costly;

    ngx_http_smartimg_count_waiting(shared, &cheap, &costly);

    return (uint64_t) cheap * shared->service[0].usual
           + (uint64_t) costly * shared->service[1].usual;
}


/*
 * Called with a reply of a renderer.  Two processes that do this at once lose
 * one of the two values, of many.
 */

void
ngx_http_smartimg_note_service(ngx_http_request_t *r)
{
    u_char                       *last, *space;
    si_lane                       lane;
    ngx_int_t                     usual, least;
    ngx_table_elt_t              *h;
    ngx_http_smartimg_ctx_t      *ctx;
    ngx_http_smartimg_shared_t   *shared;
    ngx_http_smartimg_service_t  *service;

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

    last = h->value.data + h->value.len;
    space = ngx_strlchr(h->value.data, last, ' ');

    usual = ngx_atoi(h->value.data, (space ? space : last) - h->value.data);
    least = space ? ngx_atoi(space + 1, last - space - 1) : usual;

    if (usual > 0 && usual < 1000000000 && least > 0 && least <= usual) {
        ctx = ngx_http_smartimg_get_ctx(r);

        lane = ctx ? ngx_http_smartimg_lane(r, ctx) : SI_LANE_CHEAP;

        service = &shared->service[lane == SI_LANE_DEAR
                                   || lane == SI_LANE_FOREIGN];

        ngx_http_smartimg_average(&service->usual, usual);
        ngx_http_smartimg_average(&service->least, least);
    }
}


static void
ngx_http_smartimg_average(ngx_atomic_t *average, ngx_int_t us)
{
    ngx_int_t  before;

    before = *average;
    *average = before ? before + (us - before) / 8 : us;
}
