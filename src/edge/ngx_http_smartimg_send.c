
/*
 * Replies that the edge has made: errors, what the catalog alone has
 * answered, and lines of text.
 */

#include "ngx_http_smartimg_module.h"
#include "base/wire.h"


/* The error's text is in the encoding that the request asked for. */

ngx_int_t
ngx_http_smartimg_send_error(ngx_http_request_t *r,
    ngx_http_smartimg_plan_t *plan)
{
    ngx_str_t                  type;
    ngx_http_complex_value_t   cv;

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));
    cv.value = plan->text;

    type.data = (u_char *) plan->type;
    type.len = ngx_strlen(plan->type);

    /* what cannot be told now may be in a moment */

    if (plan->failed == NGX_HTTP_SERVICE_UNAVAILABLE) {
        ngx_http_smartimg_add_retry(r, SI_RETRY_SECONDS);
    }

    return ngx_http_send_response(r, plan->failed, &type, &cv);
}


/*
 * Sends what the catalog alone has answered: nothing to render or to cache.
 * The plan outlives the request's output.
 */

ngx_int_t
ngx_http_smartimg_send_body(ngx_http_request_t *r, si_plan *plan)
{
    ngx_str_t                  type;
    ngx_table_elt_t           *etag;
    ngx_http_complex_value_t   cv;

    if (plan->etag[0] != '\0') {
        etag = ngx_list_push(&r->headers_out.headers);
        if (etag == NULL) {
            return NGX_ERROR;
        }

        etag->hash = 1;
#if (nginx_version >= 1023000)
        etag->next = NULL;
#endif
        ngx_str_set(&etag->key, "ETag");
        etag->value.data = (u_char *) plan->etag;
        etag->value.len = ngx_strlen(plan->etag);

        r->headers_out.etag = etag;
    }

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));
    cv.value.data = (u_char *) plan->body;
    cv.value.len = plan->body_len;

    type.data = (u_char *) plan->content_type;
    type.len = ngx_strlen(plan->content_type);

    return ngx_http_send_response(r, NGX_HTTP_OK, &type, &cv);
}


/*
 * Sends a status with one line of text.  The header filter does the rest.
 */

ngx_int_t
ngx_http_smartimg_send_text(ngx_http_request_t *r, ngx_uint_t status,
    u_char *text, size_t len)
{
    u_char                    *line;
    ngx_str_t                  type;
    ngx_http_complex_value_t   cv;

    line = ngx_pnalloc(r->pool, len + 1);
    if (line == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    *ngx_cpymem(line, text, len) = LF;

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));
    cv.value.data = line;
    cv.value.len = len + 1;

    ngx_str_set(&type, "text/plain; charset=utf-8");

    return ngx_http_send_response(r, status, &type, &cv);
}
