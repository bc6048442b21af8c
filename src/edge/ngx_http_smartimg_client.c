
/*
 * What a request tells of its client: headers, and whose word counts.
 */

#include "ngx_http_smartimg_module.h"
#include "base/wire.h"


#define NGX_HTTP_SMARTIMG_ACCEPT  8192   /* client.h: more is never read */


static void ngx_http_smartimg_read_class(ngx_http_request_t *r,
    si_client_headers *headers);
static ngx_table_elt_t *ngx_http_smartimg_read_header(ngx_http_request_t *r,
    ngx_str_t *name, si_str *value);


/*
 * A list may come as several fields of one name, so the values of Accept are
 * joined; of the others, which are no lists, the first counts.
 */

void
ngx_http_smartimg_read_headers(ngx_http_request_t *r,
    si_client_headers *headers)
{
    u_char           *joined;
    si_str           *accept;
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string("Accept");
    static ngx_str_t  user_agent = ngx_string("User-Agent");
    static ngx_str_t  sec_ch_dpr = ngx_string("Sec-CH-DPR");
    static ngx_str_t  dpr = ngx_string("DPR");

    ngx_http_smartimg_read_connection(r, headers);
    ngx_http_smartimg_read_class(r, headers);

    ngx_http_smartimg_read_header(r, &user_agent, &headers->user_agent);
    ngx_http_smartimg_read_header(r, &sec_ch_dpr, &headers->dpr);

    if (headers->dpr.p == NULL) {
        ngx_http_smartimg_read_header(r, &dpr, &headers->dpr);
    }

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
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string(SI_HEADER_CLASS);

    if (headers->trusted_edge) {
        ngx_http_smartimg_read_header(r, &name, &headers->edge_class);
        return;
    }

    while ((h = ngx_http_smartimg_find_header(&r->headers_in.headers, &name,
                                              NULL)))
    {
        h->hash = 0;
    }
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
