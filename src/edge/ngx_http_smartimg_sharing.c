
/*
 * What pages of other origins may do with replies, and who asks beforehand.
 */

#include "ngx_http_smartimg_module.h"
#include "base/wire.h"
#include "plan/sharing.h"


#define NGX_HTTP_SMARTIMG_METHODS  "GET, HEAD, OPTIONS"


static ngx_int_t ngx_http_smartimg_add_field(ngx_http_request_t *r,
    ngx_str_t *name, si_str *value);
static ngx_int_t ngx_http_smartimg_send_preflight(ngx_http_request_t *r);


/* Errors are shared like images, or scripts could not tell what went wrong. */

ngx_int_t
ngx_http_smartimg_share_reply(ngx_http_request_t *r, si_plan *plan)
{
    si_str            origin;
    si_sharing        sharing;
    ngx_table_elt_t  *h;

    static ngx_str_t  origin_name = ngx_string("Origin");
    static ngx_str_t  allow_origin = ngx_string(SI_HEADER_ALLOW_ORIGIN);
    static ngx_str_t  timing_origin = ngx_string(SI_HEADER_TIMING_ORIGIN);
    static ngx_str_t  resource_policy = ngx_string(SI_HEADER_RESOURCE_POLICY);

    origin.p = NULL;
    origin.len = 0;

    if (plan->vary & SI_USED_ORIGIN) {
        h = ngx_http_smartimg_find_header(&r->headers_in.headers, &origin_name,
                                          NULL);
        if (h) {
            origin.p = (const char *) h->value.data;
            origin.len = h->value.len;
        }
    }

    si_sharing_of(plan, origin, &sharing);

    if (ngx_http_smartimg_add_field(r, &allow_origin, &sharing.allow_origin)
        != NGX_OK
        || ngx_http_smartimg_add_field(r, &timing_origin,
                                       &sharing.timing_origin)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_smartimg_add_field(r, &resource_policy,
                                       &sharing.resource_policy);
}


static ngx_int_t
ngx_http_smartimg_add_field(ngx_http_request_t *r, ngx_str_t *name,
    si_str *value)
{
    ngx_str_t  text;

    if (value->len == 0) {
        return NGX_OK;
    }

    text.data = (u_char *) value->p;
    text.len = value->len;

    return ngx_http_smartimg_add_header(r, name, &text);
}


/* What is neither GET nor HEAD: OPTIONS is answered, all else refused. */

ngx_int_t
ngx_http_smartimg_other_method(ngx_http_request_t *r)
{
    static ngx_str_t  allow = ngx_string("Allow");
    static ngx_str_t  methods = ngx_string(NGX_HTTP_SMARTIMG_METHODS);
    static ngx_str_t  text = ngx_string("only GET and HEAD are served here");

    if (ngx_http_smartimg_add_header(r, &allow, &methods) != NGX_OK) {
        return NGX_ERROR;
    }

    if (r->method == NGX_HTTP_OPTIONS) {
        return ngx_http_smartimg_send_preflight(r);
    }

    return ngx_http_smartimg_send_text(r, NGX_HTTP_NOT_ALLOWED, text.data,
                                       text.len);
}


/*
 * A browser asks before a script's request has fields of its own.  All of
 * them are allowed: nothing but images depends on them.  Whose origin may not
 * read replies is told nothing, which is a refusal.
 */

static ngx_int_t
ngx_http_smartimg_send_preflight(ngx_http_request_t *r)
{
    ngx_table_elt_t  *asked;

    static ngx_str_t  asked_name =
                                 ngx_string("Access-Control-Request-Headers");
    static ngx_str_t  method_name =
                                  ngx_string("Access-Control-Request-Method");
    static ngx_str_t  allow_methods =
                                   ngx_string("Access-Control-Allow-Methods");
    static ngx_str_t  allow_headers =
                                   ngx_string("Access-Control-Allow-Headers");
    static ngx_str_t  max_age = ngx_string("Access-Control-Max-Age");
    static ngx_str_t  methods = ngx_string(NGX_HTTP_SMARTIMG_METHODS);
    static ngx_str_t  day = ngx_string("86400");

    if (ngx_http_smartimg_find_header(&r->headers_in.headers, &method_name,
                                      NULL)
        != NULL)
    {
        if (ngx_http_smartimg_add_header(r, &allow_methods, &methods) != NGX_OK
            || ngx_http_smartimg_add_header(r, &max_age, &day) != NGX_OK)
        {
            return NGX_ERROR;
        }

        asked = ngx_http_smartimg_find_header(&r->headers_in.headers,
                                              &asked_name, NULL);

        if (asked
            && ngx_http_smartimg_add_header(r, &allow_headers, &asked->value)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->header_only = 1;
    ngx_http_clear_content_length(r);

    return ngx_http_send_header(r);
}
