
/*
 * What a request tells of its client: headers, and whose word counts.
 */

#include "ngx_http_smartimg_module.h"
#include "base/wire.h"


#define NGX_HTTP_SMARTIMG_ACCEPT  8192   /* client.h: more is never read */


static void ngx_http_smartimg_read_class(ngx_http_request_t *r,
    si_client_headers *headers);
static void ngx_http_smartimg_read_hint(ngx_http_request_t *r,
    ngx_str_t *name, si_str *value);
static si_str ngx_http_smartimg_find_by_name(void *context, si_str name);
static ngx_table_elt_t *ngx_http_smartimg_read_header(ngx_http_request_t *r,
    ngx_str_t *name, si_str *value);


/* The directive of that name: addresses and networks. */

char *
ngx_http_smartimg_trusted_edges(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_smartimg_main_conf_t  *smcf = conf;

    ngx_str_t   *value;
    ngx_cidr_t  *cidr;
    ngx_uint_t   i;

    if (smcf->trusted_edges) {
        return "is duplicate";
    }

    smcf->trusted_edges = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                           sizeof(ngx_cidr_t));
    if (smcf->trusted_edges == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        cidr = ngx_array_push(smcf->trusted_edges);

        if (cidr == NULL) {
            return NGX_CONF_ERROR;
        }

        /* bits beyond the mask (NGX_DONE) are ignored */

        if (ngx_ptocidr(&value[i], cidr) == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid network \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/*
 * A list may come as several fields of one name, so the values of Accept are
 * joined; of the others, which are no lists, the first counts.
 */

void
ngx_http_smartimg_read_headers(ngx_http_request_t *r,
    si_client_headers *headers)
{
    u_char                         *joined;
    si_str                         *accept;
    ngx_table_elt_t                *h;
    ngx_http_smartimg_main_conf_t  *smcf;

    static ngx_str_t  name = ngx_string("Accept");
    static ngx_str_t  user_agent = ngx_string("User-Agent");
    static ngx_str_t  dpr = ngx_string("Sec-CH-DPR");
    static ngx_str_t  width = ngx_string("Sec-CH-Width");
    static ngx_str_t  viewport_width = ngx_string("Sec-CH-Viewport-Width");

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);

    headers->find = ngx_http_smartimg_find_by_name;
    headers->context = r;
    headers->dpr_header.p = (const char *) smcf->dpr_header.data;
    headers->dpr_header.len = smcf->dpr_header.len;

    ngx_http_smartimg_read_class(r, headers);

    ngx_http_smartimg_read_header(r, &user_agent, &headers->user_agent);

    ngx_http_smartimg_read_hint(r, &dpr, &headers->dpr);
    ngx_http_smartimg_read_hint(r, &width, &headers->width);
    ngx_http_smartimg_read_hint(r, &viewport_width, &headers->viewport_width);

    accept = &headers->accept;
    h = ngx_http_smartimg_read_header(r, &name, accept);

    while (h && accept->len <= NGX_HTTP_SMARTIMG_ACCEPT) {
        h = ngx_http_smartimg_find_header(&r->headers_in.headers, &name, h);

        if (h == NULL) {
            break;
        }

        joined = ngx_pnalloc(r->pool, accept->len + 2 + h->value.len);
        if (joined == NULL) {
            break;
        }

        (void) ngx_sprintf(joined, "%*s, %V", accept->len, accept->p,
                           &h->value);

        accept->p = (const char *) joined;
        accept->len += 2 + h->value.len;
    }
}


/*
 * The class that a trusted edge tells.  Others may not tell any, and nothing
 * that reads headers, such as a log, is to believe that they did.
 */

static void
ngx_http_smartimg_read_class(ngx_http_request_t *r, si_client_headers *headers)
{
    ngx_table_elt_t                *h;
    ngx_http_smartimg_main_conf_t  *smcf;

    static ngx_str_t  name = ngx_string(SI_HEADER_CLASS);

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);

    if (smcf->trusted_edges
        && ngx_cidr_match(r->connection->sockaddr, smcf->trusted_edges)
           == NGX_OK)
    {
        headers->trusted_edge = true;
        ngx_http_smartimg_read_header(r, &name, &headers->edge_class);
        return;
    }

    while ((h = ngx_http_smartimg_find_header(&r->headers_in.headers, &name,
                                              NULL)))
    {
        h->hash = 0;
    }
}


/* A client hint, by its name or by the older one, without "Sec-CH-". */

static void
ngx_http_smartimg_read_hint(ngx_http_request_t *r, ngx_str_t *name,
    si_str *value)
{
    ngx_str_t  older;

    older.data = name->data + sizeof("Sec-CH-") - 1;
    older.len = name->len - (sizeof("Sec-CH-") - 1);

    if (ngx_http_smartimg_read_header(r, name, value) == NULL) {
        ngx_http_smartimg_read_header(r, &older, value);
    }
}


/* What an edge tells in this header of the pixel ratio, 0 = nothing. */

double
ngx_http_smartimg_edge_ratio(ngx_http_request_t *r, si_str setting)
{
    return setting.len == 0
           ? 0
           : si_density_edge(setting, ngx_http_smartimg_find_by_name(r,
                                                 si_density_header(setting)));
}


static si_str
ngx_http_smartimg_find_by_name(void *context, si_str name)
{
    si_str     value = { NULL, 0 };
    ngx_str_t  wanted;

    wanted.data = (u_char *) name.p;
    wanted.len = name.len;

    ngx_http_smartimg_read_header(context, &wanted, &value);

    return value;
}


static ngx_table_elt_t *
ngx_http_smartimg_read_header(ngx_http_request_t *r, ngx_str_t *name,
    si_str *value)
{
    ngx_table_elt_t  *h;

    h = ngx_http_smartimg_find_header(&r->headers_in.headers, name, NULL);

    if (h) {
        value->p = (const char *) h->value.data;
        value->len = h->value.len;
    }

    return h;
}
