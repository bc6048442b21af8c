
/*
 * Locations that answer for images.  They are known without any request to
 * them, so that requests of our own can be made for them.
 */

#include "ngx_http_smartimg_module.h"


static ngx_http_addr_conf_t *ngx_http_smartimg_addr_conf(
    ngx_listening_t *ls);


/* A location is known by its names, which survive a reload. */

ngx_int_t
ngx_http_smartimg_add_place(ngx_conf_t *cf)
{
    ngx_http_conf_ctx_t            *ctx;
    ngx_http_smartimg_place_t      *place;
    ngx_http_core_srv_conf_t       *cscf;
    ngx_http_core_loc_conf_t       *clcf;
    ngx_http_smartimg_main_conf_t  *smcf;

    ctx = cf->ctx;

    smcf = ctx->main_conf[ngx_http_smartimg_module.ctx_index];
    cscf = ctx->srv_conf[ngx_http_core_module.ctx_index];
    clcf = ctx->loc_conf[ngx_http_core_module.ctx_index];

    place = ngx_array_push(&smcf->places);
    if (place == NULL) {
        return NGX_ERROR;
    }

    place->ctx = *ctx;

    ngx_crc32_init(place->id);
    ngx_crc32_update(&place->id, cscf->server_name.data,
                     cscf->server_name.len);
    ngx_crc32_update(&place->id, clcf->name.data, clcf->name.len);
    ngx_crc32_final(place->id);

    return NGX_OK;
}


ngx_int_t
ngx_http_smartimg_init_places(ngx_conf_t *cf,
    ngx_http_smartimg_main_conf_t *smcf)
{
    return ngx_array_init(&smcf->places, cf->pool, 4,
                          sizeof(ngx_http_smartimg_place_t));
}


ngx_http_smartimg_place_t *
ngx_http_smartimg_place_of(ngx_http_request_t *r)
{
    ngx_uint_t                      i;
    ngx_http_smartimg_place_t      *place;
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);
    place = smcf->places.elts;

    for (i = 0; i < smcf->places.nelts; i++) {
        if (place[i].ctx.loc_conf == r->loc_conf) {
            return &place[i];
        }
    }

    return NULL;
}


ngx_http_smartimg_place_t *
ngx_http_smartimg_find_place(uint32_t id)
{
    ngx_uint_t                      i;
    ngx_http_smartimg_place_t      *place;
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_smartimg_module);
    place = smcf->places.elts;

    for (i = 0; i < smcf->places.nelts; i++) {
        if (place[i].id == id) {
            return &place[i];
        }
    }

    return NULL;
}


/* What a request for a location has instead of a client. */

ngx_int_t
ngx_http_smartimg_set_caller(ngx_http_smartimg_place_t *place,
    ngx_http_smartimg_caller_t *caller, ngx_http_connection_t *hc)
{
    ngx_uint_t        i;
    ngx_listening_t  *ls;

    static struct sockaddr  nowhere = { .sa_family = AF_UNIX };
    static ngx_str_t        name = ngx_string("unix:");

    /* nginx wants to know where a connection came in: anywhere */

    ls = ngx_cycle->listening.elts;

    for (i = 0; i < ngx_cycle->listening.nelts; i++) {
        if (ls[i].handler == ngx_http_init_connection && ls[i].servers) {
            break;
        }
    }

    if (i == ngx_cycle->listening.nelts) {
        return NGX_ERROR;
    }

    ngx_memzero(hc, sizeof(ngx_http_connection_t));

    hc->conf_ctx = &place->ctx;
    hc->addr_conf = ngx_http_smartimg_addr_conf(&ls[i]);

    caller->log = ngx_cycle->log;
    caller->action = "refining a first answer";
    caller->listening = &ls[i];
    caller->sockaddr = &nowhere;
    caller->socklen = sizeof(sa_family_t);
    caller->addr_text = name;
    caller->http_connection = hc;

    return NGX_OK;
}


static ngx_http_addr_conf_t *
ngx_http_smartimg_addr_conf(ngx_listening_t *ls)
{
    ngx_http_port_t      *port;
    ngx_http_in_addr_t   *addr;

#if (NGX_HAVE_INET6)
    ngx_http_in6_addr_t  *addr6;
#endif

    port = ls->servers;

#if (NGX_HAVE_INET6)
    if (ls->sockaddr->sa_family == AF_INET6) {
        addr6 = port->addrs;
        return &addr6->conf;
    }
#endif

    addr = port->addrs;

    return &addr->conf;
}
