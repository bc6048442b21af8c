
/*
 * How many pictures that are not cached one client may ask for.
 *
 * nginx's limit_req runs before the cache is looked at, and so counts hits,
 * of which a page may have any number.  Here a request counts once it is
 * known that a renderer is needed: each client has a bucket of tokens, filled
 * at the rate of the directive up to what ten seconds bring, and each miss
 * takes one.  Who finds none is answered like one that no renderer answered,
 * with another text.  Those who wait for the same render take their turn.
 *
 * Refreshes have no client, and count for nobody.  A client is an IPv4
 * address or an IPv6 network of 64 bits; behind a proxy it is the one that
 * nginx takes for it (set_real_ip_from).
 *
 * "smartimg_misses_per_client NUMBER;" stands in the upstream block of
 * ngx_http_smartimg_queue.c, which asks here; 0 switches it off.
 */

#include "ngx_http_smartimg_module.h"


#define NGX_HTTP_SMARTIMG_BURST   10     /* seconds' worth of tokens */
#define NGX_HTTP_SMARTIMG_TOKEN   1000   /* parts of one */


static ngx_uint_t ngx_http_smartimg_take_token(ngx_http_request_t *r,
    uint64_t key, ngx_uint_t rate);


char *
ngx_http_smartimg_misses_per_client(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_smartimg_srv_conf_t  *sscf = conf;

    ngx_int_t   rate;
    ngx_str_t  *value;

    if (sscf->misses) {
        return "is duplicate";
    }

    value = cf->args->elts;
    rate = ngx_atoi(value[1].data, value[1].len);

    if (rate == NGX_ERROR || rate > 1000000) {
        return "must be a number of misses a second";
    }

    sscf->misses = rate;

    if (rate) {
        ngx_http_smartimg_take_upstream(cf, sscf);
    }

    return NGX_CONF_OK;
}


/*
 * Called once for each request that the cache had nothing for: whether its
 * client may have no more.
 */

ngx_uint_t
ngx_http_smartimg_is_one_too_many(ngx_http_request_t *r, ngx_uint_t rate)
{
    uint64_t  key;

    key = rate ? ngx_http_smartimg_client_key(r->connection->sockaddr) : 0;

    if (key == 0 || ngx_http_smartimg_take_token(r, key, rate)) {
        return 0;
    }

    ngx_http_smartimg_count(limited, 1);

    return 1;
}


/* 0 for clients without an address, which are not limited */

uint64_t
ngx_http_smartimg_client_key(struct sockaddr *sa)
{
    uint64_t             key;
    struct sockaddr_in  *sin;
#if (NGX_HAVE_INET6)
    u_char              *p;

    if (sa->sa_family == AF_INET6) {
        p = ((struct sockaddr_in6 *) sa)->sin6_addr.s6_addr;

        if (!IN6_IS_ADDR_V4MAPPED((struct in6_addr *) p)) {
            ngx_memcpy(&key, p, sizeof(key));
            return key;
        }

        key = 0;
        ngx_memcpy(&key, p + 12, 4);

        return key | (uint64_t) 1 << 32;
    }
#endif

    if (sa->sa_family != AF_INET) {
        return 0;
    }

    sin = (struct sockaddr_in *) sa;
    key = sin->sin_addr.s_addr;

    return key | (uint64_t) 1 << 32;
}


/*
 * A client's bucket is one of a few that its address leads to.  A new client
 * takes the one that was used least lately: if so many clients came that it
 * was still needed, that one's limit is higher for once.
 */

static ngx_uint_t
ngx_http_smartimg_take_token(ngx_http_request_t *r, uint64_t key,
    ngx_uint_t rate)
{
    ngx_int_t                       full;
    ngx_uint_t                      i, taken;
    ngx_msec_t                      passed;
    ngx_slab_pool_t                *shpool;
    ngx_http_smartimg_client_t     *set, *client;
    ngx_http_smartimg_shared_t     *shared;
    ngx_http_smartimg_main_conf_t  *smcf;

    shared = ngx_http_smartimg_shared();

    if (shared == NULL) {
        return 1;
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);
    shpool = (ngx_slab_pool_t *) smcf->zone->shm.addr;

    full = rate * NGX_HTTP_SMARTIMG_BURST * NGX_HTTP_SMARTIMG_TOKEN;

    i = ngx_murmur_hash2((u_char *) &key, sizeof(key));
    i %= NGX_HTTP_SMARTIMG_CLIENTS / NGX_HTTP_SMARTIMG_WAYS;
    set = &shared->clients[i * NGX_HTTP_SMARTIMG_WAYS];

    ngx_shmtx_lock(&shpool->mutex);

    client = set;

    for (i = 0; i < NGX_HTTP_SMARTIMG_WAYS; i++) {
        if (set[i].key == key) {
            client = &set[i];
            break;
        }

        if (set[i].key == 0
            || (client->key
                && (ngx_msec_int_t) (set[i].seen - client->seen) < 0))
        {
            client = &set[i];
        }
    }

    if (client->key != key) {
        client->key = key;
        client->tokens = full;
        client->seen = ngx_current_msec;
    }

    passed = ngx_min(ngx_current_msec - client->seen,
                     NGX_HTTP_SMARTIMG_BURST * 1000);

    client->tokens = ngx_min(full,
                             client->tokens + (ngx_int_t) (passed * rate));
    client->seen = ngx_current_msec;

    taken = client->tokens >= NGX_HTTP_SMARTIMG_TOKEN;

    if (taken) {
        client->tokens -= NGX_HTTP_SMARTIMG_TOKEN;
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return taken;
}
