
/*
 * Who is at the other end of a connection, and how good the line to it is.
 *
 * A connection of a trusted proxy or edge, or one that tells the client's
 * address by the PROXY protocol, says nothing of the visitor's line.  Of any
 * other, TCP_INFO is read when a request comes in, at most every 50 ms, and
 * not for the first one, before which nothing was sent: so a request costs
 * next to nothing.  client/line.h has the rules.
 *
 * Connections of one client share its line, so their rates are added up; and
 * a new one begins with the class that was found last.  Both are in a table
 * of clients in the shared zone, whose size is fixed: the client that was
 * seen least lately goes first.
 *
 * What is known of a connection is kept in an array beside nginx's own.
 *
 * QUIC, Unix sockets and requests of our own have no TCP_INFO, and are not
 * judged.
 */

#include "ngx_http_smartimg_module.h"


#define NGX_HTTP_SMARTIMG_READ      50   /* ms between two readings */
#define NGX_HTTP_SMARTIMG_TOGETHER  3000  /* ms: it carries something now */
#define NGX_HTTP_SMARTIMG_RATE_MAX  100000000  /* kbit/s, so that sums fit */


typedef struct {
    ngx_atomic_uint_t  number;      /* of the connection, 0 = none */
    uint64_t           key;         /* of the client */
    ngx_msec_t         read;        /* when */
    ngx_msec_t         until;       /* how long `remembered` counts */
    si_network         remembered;  /* of its client */
    si_line            line;
    unsigned           edge:1;      /* trusted to tell the class */
    unsigned           proxy:1;     /* trusted to tell the client, or an edge */
    unsigned           judged:1;    /* its line is the client's */
    unsigned           known:1;     /* a request has come on it before */
} ngx_http_smartimg_peer_t;


static ngx_int_t ngx_http_smartimg_read_networks(ngx_conf_t *cf,
    ngx_array_t **networks);
static si_network ngx_http_smartimg_measured(ngx_http_smartimg_peer_t *peer);
static ngx_http_smartimg_peer_t *ngx_http_smartimg_peer_of(
    ngx_http_request_t *r);
static void ngx_http_smartimg_meet_peer(ngx_http_request_t *r,
    ngx_connection_t *c, ngx_http_smartimg_peer_t *peer);
static ngx_int_t ngx_http_smartimg_peer_address(ngx_connection_t *c,
    ngx_sockaddr_t *sa, socklen_t *len);
static void ngx_http_smartimg_remember_line(ngx_http_smartimg_peer_t *peer,
    ngx_http_smartimg_main_conf_t *smcf);
static void ngx_http_smartimg_read_line(ngx_connection_t *c,
    ngx_http_smartimg_peer_t *peer, ngx_http_smartimg_main_conf_t *smcf);
static ngx_uint_t ngx_http_smartimg_judge_line(
    ngx_http_smartimg_peer_t *peer, si_line_facts *facts,
    si_line_others *others, ngx_http_smartimg_main_conf_t *smcf);
static ngx_http_smartimg_visitor_t *ngx_http_smartimg_get_visitor(
    ngx_http_smartimg_shared_t *shared, uint64_t key);
static void ngx_http_smartimg_add_others(
    ngx_http_smartimg_visitor_t *visitor, ngx_http_smartimg_peer_t *peer,
    si_line_others *others);
static void ngx_http_smartimg_note_flow(ngx_http_smartimg_visitor_t *visitor,
    ngx_http_smartimg_peer_t *peer);
static void ngx_http_smartimg_count_judged(si_network network);


/* of nginx's connections, in the same order */

static ngx_http_smartimg_peer_t  *ngx_http_smartimg_peers;
static ngx_uint_t                 ngx_http_smartimg_npeers;


/* The directives smartimg_trusted_edges and smartimg_trusted_proxies. */

char *
ngx_http_smartimg_trusted(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    ngx_array_t  **networks;

    networks = (ngx_array_t **) (p + cmd->offset);

    if (*networks) {
        return "is duplicate";
    }

    return ngx_http_smartimg_read_networks(cf, networks) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_smartimg_read_networks(ngx_conf_t *cf, ngx_array_t **networks)
{
    ngx_str_t   *value;
    ngx_cidr_t  *cidr;
    ngx_uint_t   i;

    *networks = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                 sizeof(ngx_cidr_t));
    if (*networks == NULL) {
        return NGX_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        cidr = ngx_array_push(*networks);

        if (cidr == NULL) {
            return NGX_ERROR;
        }

        /* bits beyond the mask (NGX_DONE) are ignored */

        if (ngx_ptocidr(&value[i], cidr) == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid network \"%V\"", &value[i]);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* The directive smartimg_network_line: limits, as NAME=NUMBER. */

char *
ngx_http_smartimg_network_line(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_smartimg_main_conf_t  *smcf = conf;

    si_str       name, text;
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        text.p = (const char *) value[i].data;
        text.len = value[i].len;

        if (!si_str_next(&text, '=', &name)
            || !si_line_set_limit(&smcf->line_limits, name, text))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid limit \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_smartimg_init_peers(ngx_cycle_t *cycle)
{
    ngx_http_smartimg_npeers = cycle->connection_n;
    ngx_http_smartimg_peers = ngx_pcalloc(cycle->pool,
                                          cycle->connection_n
                                          * sizeof(ngx_http_smartimg_peer_t));

    return ngx_http_smartimg_peers ? NGX_OK : NGX_ERROR;
}


/*
 * Tells what the connection says of the client: whether it is a trusted
 * edge's, and else how good it was found to be.
 */

void
ngx_http_smartimg_read_connection(ngx_http_request_t *r,
    si_client_headers *headers)
{
    ngx_http_smartimg_peer_t       *peer;
    ngx_http_smartimg_main_conf_t  *smcf;

    peer = ngx_http_smartimg_peer_of(r);

    if (peer == NULL) {
        return;
    }

    headers->trusted_edge = peer->edge;

    if (!peer->judged) {
        return;
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);

    if (!peer->known) {
        peer->known = 1;
        peer->read = ngx_current_msec;
        ngx_http_smartimg_remember_line(peer, smcf);

    } else if (ngx_current_msec - peer->read >= NGX_HTTP_SMARTIMG_READ) {
        peer->read = ngx_current_msec;
        ngx_http_smartimg_read_line(r->connection, peer, smcf);
    }

    headers->measured = ngx_http_smartimg_measured(peer);
}


/* The name of what the request's connection was found to be, for the log. */

const char *
ngx_http_smartimg_line_name(ngx_http_request_t *r)
{
    ngx_http_smartimg_peer_t  *peer;

    peer = ngx_http_smartimg_peer_of(r);

    return si_network_name(peer ? ngx_http_smartimg_measured(peer)
                                : SI_NETWORK_UNKNOWN);
}


/* Its own class, and until it has one, that of its client. */

static si_network
ngx_http_smartimg_measured(ngx_http_smartimg_peer_t *peer)
{
    if (peer->line.network == SI_NETWORK_UNKNOWN
        && (ngx_msec_int_t) (peer->until - ngx_current_msec) > 0)
    {
        return peer->remembered;
    }

    return peer->line.network;
}


/*
 * NULL for requests of our own.  Streams of HTTP/2 and 3 have connections of
 * their own, which are copies of the real one or stand for it.
 */

static ngx_http_smartimg_peer_t *
ngx_http_smartimg_peer_of(ngx_http_request_t *r)
{
    ngx_uint_t                 n;
    ngx_connection_t          *c;
    ngx_http_smartimg_peer_t  *peer;

    c = r->connection;

#if defined(NGX_HTTP_V2)
    if (r->stream) {
        c = r->stream->connection->connection;
    }
#endif

#if defined(NGX_HTTP_V3)
    if (c->quic) {
        c = c->quic->parent;
    }
#endif

    if (c < ngx_cycle->connections) {
        return NULL;
    }

    n = c - ngx_cycle->connections;

    if (n >= ngx_http_smartimg_npeers) {
        return NULL;
    }

    peer = &ngx_http_smartimg_peers[n];

    if (peer->number != c->number) {
        ngx_http_smartimg_meet_peer(r, c, peer);
    }

    return peer;
}


/* Whether the other end is a trusted proxy or edge. */

ngx_uint_t
ngx_http_smartimg_is_by_proxy(ngx_http_request_t *r)
{
    ngx_http_smartimg_peer_t  *peer;

    peer = ngx_http_smartimg_peer_of(r);

    return peer && peer->proxy;
}


/*
 * The address of the other end itself: that of the connection may have been
 * replaced by what a proxy says (realip).  Where it was, the other end is a
 * proxy, if a trusted one or not.
 */

static void
ngx_http_smartimg_meet_peer(ngx_http_request_t *r, ngx_connection_t *c,
    ngx_http_smartimg_peer_t *peer)
{
    socklen_t                       len;
    ngx_uint_t                      proxy;
    ngx_sockaddr_t                  sa;
    ngx_http_smartimg_main_conf_t  *smcf;

    ngx_memzero(peer, sizeof(ngx_http_smartimg_peer_t));
    peer->number = c->number;

    if (ngx_http_smartimg_peer_address(c, &sa, &len) != NGX_OK) {
        return;
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);

    peer->edge = smcf->trusted_edges
                 && ngx_cidr_match(&sa.sockaddr, smcf->trusted_edges)
                    == NGX_OK;

    peer->proxy = peer->edge
                  || (smcf->trusted_proxies
                      && ngx_cidr_match(&sa.sockaddr, smcf->trusted_proxies)
                         == NGX_OK);

    proxy = peer->proxy
            || c->proxy_protocol
            || ngx_cmp_sockaddr(&sa.sockaddr, len, r->connection->sockaddr,
                                r->connection->socklen, 0)
               != NGX_OK;

    peer->key = proxy || c->type != SOCK_STREAM
                ? 0 : ngx_http_smartimg_client_key(&sa.sockaddr);
    peer->judged = peer->key != 0;
}


static ngx_int_t
ngx_http_smartimg_peer_address(ngx_connection_t *c, ngx_sockaddr_t *sa,
    socklen_t *len)
{
    *len = sizeof(ngx_sockaddr_t);

    if (c->type == SOCK_STREAM) {
        return getpeername(c->fd, &sa->sockaddr, len) == 0 ? NGX_OK
                                                           : NGX_ERROR;
    }

    /* QUIC has one socket for all, and realip leaves it alone */

    *len = ngx_min(*len, c->socklen);
    ngx_memcpy(sa, c->sockaddr, *len);

    return NGX_OK;
}


/* A new connection begins with what was found of others of its client. */

static void
ngx_http_smartimg_remember_line(ngx_http_smartimg_peer_t *peer,
    ngx_http_smartimg_main_conf_t *smcf)
{
    ngx_slab_pool_t              *shpool;
    ngx_http_smartimg_shared_t   *shared;
    ngx_http_smartimg_visitor_t  *visitor;

    shared = ngx_http_smartimg_shared();

    if (shared == NULL) {
        return;
    }

    shpool = (ngx_slab_pool_t *) smcf->zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    visitor = ngx_http_smartimg_get_visitor(shared, peer->key);

    peer->remembered = visitor->network;
    peer->until = visitor->until;

    ngx_http_smartimg_note_flow(visitor, peer);

    ngx_shmtx_unlock(&shpool->mutex);
}


static void
ngx_http_smartimg_read_line(ngx_connection_t *c,
    ngx_http_smartimg_peer_t *peer, ngx_http_smartimg_main_conf_t *smcf)
{
    si_line_facts                 facts;
    si_line_others                others;
    ngx_slab_pool_t              *shpool;
    ngx_http_smartimg_shared_t   *shared;
    ngx_http_smartimg_visitor_t  *visitor;

    if (!si_line_read(c->fd, &facts)) {
        return;
    }

    ngx_memzero(&others, sizeof(si_line_others));

    shared = ngx_http_smartimg_shared();

    if (shared == NULL) {
        ngx_http_smartimg_judge_line(peer, &facts, &others, smcf);
        return;
    }

    shpool = (ngx_slab_pool_t *) smcf->zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    visitor = ngx_http_smartimg_get_visitor(shared, peer->key);
    ngx_http_smartimg_add_others(visitor, peer, &others);

    /* readings of all connections of one class agree or do not */

    if (visitor->network == ngx_http_smartimg_measured(peer)) {
        peer->line.agreeing = visitor->agreeing;
        peer->line.worse = visitor->worse;
    }

    if (ngx_http_smartimg_judge_line(peer, &facts, &others, smcf)
        && (peer->line.network != SI_NETWORK_UNKNOWN
            || visitor->network == SI_NETWORK_UNKNOWN))
    {
        visitor->network = peer->line.network;
        visitor->agreeing = peer->line.agreeing;
        visitor->worse = peer->line.worse;
        visitor->until = ngx_current_msec + smcf->line_limits.memory * 1000;
    }

    ngx_http_smartimg_note_flow(visitor, peer);

    ngx_shmtx_unlock(&shpool->mutex);
}


/* Returns whether the reading counts. */

static ngx_uint_t
ngx_http_smartimg_judge_line(ngx_http_smartimg_peer_t *peer,
    si_line_facts *facts, si_line_others *others,
    ngx_http_smartimg_main_conf_t *smcf)
{
    si_network  before;

    before = peer->line.network;
    peer->line.network = ngx_http_smartimg_measured(peer);

    if (!si_line_judge(&peer->line, facts, others,
                       &smcf->client.limits, &smcf->line_limits)) {
        peer->line.network = before;
        return 0;
    }

    if (peer->line.network != before) {
        ngx_http_smartimg_count_judged(peer->line.network);
    }

    return 1;
}


/* The client's entry; for who has the lock. */

static ngx_http_smartimg_visitor_t *
ngx_http_smartimg_get_visitor(ngx_http_smartimg_shared_t *shared,
    uint64_t key)
{
    ngx_uint_t                    i;
    ngx_http_smartimg_visitor_t  *set, *visitor;

    i = ngx_murmur_hash2((u_char *) &key, sizeof(key));
    i %= NGX_HTTP_SMARTIMG_VISITORS / NGX_HTTP_SMARTIMG_WAYS;
    set = &shared->visitors[i * NGX_HTTP_SMARTIMG_WAYS];

    visitor = set;

    for (i = 0; i < NGX_HTTP_SMARTIMG_WAYS; i++) {
        if (set[i].key == key) {
            visitor = &set[i];
            break;
        }

        if (set[i].key == 0
            || (visitor->key
                && (ngx_msec_int_t) (set[i].seen - visitor->seen) < 0))
        {
            visitor = &set[i];
        }
    }

    if (visitor->key != key) {
        ngx_memzero(visitor, sizeof(ngx_http_smartimg_visitor_t));
        visitor->key = key;
    }

    if ((ngx_msec_int_t) (visitor->until - ngx_current_msec) <= 0) {
        visitor->network = SI_NETWORK_UNKNOWN;
        visitor->agreeing = 0;
    }

    visitor->seen = ngx_current_msec;

    return visitor;
}


/* What other connections of the client carry now. */

static void
ngx_http_smartimg_add_others(ngx_http_smartimg_visitor_t *visitor,
    ngx_http_smartimg_peer_t *peer, si_line_others *others)
{
    ngx_uint_t                 i;
    ngx_http_smartimg_flow_t  *flow;

    for (i = 0; i < NGX_HTTP_SMARTIMG_FLOWS; i++) {
        flow = &visitor->flows[i];

        if (flow->number == 0 || flow->number == peer->number
            || ngx_current_msec - flow->seen >= NGX_HTTP_SMARTIMG_TOGETHER)
        {
            continue;
        }

        others->rate += flow->rate;
        others->silent += flow->rate == 0;
    }
}


static void
ngx_http_smartimg_note_flow(ngx_http_smartimg_visitor_t *visitor,
    ngx_http_smartimg_peer_t *peer)
{
    ngx_uint_t                 i;
    ngx_http_smartimg_flow_t  *flow, *mine;

    mine = visitor->flows;

    for (i = 0; i < NGX_HTTP_SMARTIMG_FLOWS; i++) {
        flow = &visitor->flows[i];

        if (flow->number == peer->number) {
            mine = flow;
            break;
        }

        if (flow->number == 0
            || (mine->number
                && (ngx_msec_int_t) (flow->seen - mine->seen) < 0))
        {
            mine = flow;
        }
    }

    mine->number = peer->number;
    mine->rate = ngx_min(peer->line.rate, NGX_HTTP_SMARTIMG_RATE_MAX);
    mine->seen = ngx_current_msec;
}


static void
ngx_http_smartimg_count_judged(si_network network)
{
    switch (network) {

    case SI_NETWORK_EXCELLENT:
        ngx_http_smartimg_count(judged_excellent, 1);
        break;

    case SI_NETWORK_GOOD:
        ngx_http_smartimg_count(judged_good, 1);
        break;

    case SI_NETWORK_POOR:
        ngx_http_smartimg_count(judged_poor, 1);
        break;

    default:
        break;
    }
}
