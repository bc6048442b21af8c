
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
static void ngx_http_smartimg_read_network(ngx_http_request_t *r,
    si_network_hints *hints);
static ngx_table_elt_t *ngx_http_smartimg_read_header(ngx_http_request_t *r,
    ngx_str_t *name, si_str *value);


/* The directives of network classes: "MBIT,MS", from where on a line is. */

char *
ngx_http_smartimg_network_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    si_str             text;
    ngx_str_t         *value;
    si_network_limit  *limit;

    value = cf->args->elts;
    limit = (si_network_limit *) (p + cmd->offset);

    text.p = (const char *) value[1].data;
    text.len = value[1].len;

    return si_network_read_limit(text, limit)
           ? NGX_CONF_OK : "needs Mbit/s and milliseconds, such as 4,270";
}


/* The directive of that name: a header that edges tell the class by. */

char *
ngx_http_smartimg_network_header(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_smartimg_main_conf_t  *smcf = conf;

    si_str      name;
    ngx_str_t  *value;

    value = cf->args->elts;

    name.p = (const char *) value[1].data;
    name.len = value[1].len;

    if (!si_str_is_field_name(name)) {
        return "needs the name of a header";
    }

    smcf->client.network_header = name.p;

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

    headers->settings = &smcf->client;

    ngx_http_smartimg_read_connection(r, headers);
    ngx_http_smartimg_read_class(r, headers);
    ngx_http_smartimg_read_network(r, &headers->network);

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


/* What the client says of its line. */

static void
ngx_http_smartimg_read_network(ngx_http_request_t *r, si_network_hints *hints)
{
    static ngx_str_t  save_data = ngx_string("Save-Data");
    static ngx_str_t  downlink = ngx_string("Downlink");
    static ngx_str_t  rtt = ngx_string("RTT");
    static ngx_str_t  ect = ngx_string("ECT");

    ngx_http_smartimg_read_header(r, &save_data, &hints->save_data);
    ngx_http_smartimg_read_header(r, &downlink, &hints->downlink);
    ngx_http_smartimg_read_header(r, &rtt, &hints->rtt);
    ngx_http_smartimg_read_header(r, &ect, &hints->ect);
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
