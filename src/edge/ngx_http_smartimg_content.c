
/*
 * Static content: files that are sent as they are, and texts that are wrapped
 * for a script.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "base/beneath.h"
#include "edge/ngx_http_smartimg_module.h"
#include "reply/replies.h"


/* of a text that is wrapped */
#define NGX_HTTP_SMARTIMG_WRAP  (2 * 1024 * 1024)


static ngx_int_t ngx_http_smartimg_open_content(ngx_http_request_t *r,
    si_plan *plan, ngx_file_t *file, struct stat *st);
static ngx_int_t ngx_http_smartimg_wrap(ngx_http_request_t *r, si_plan *plan,
    ngx_fd_t fd, size_t size);


ngx_int_t
ngx_http_smartimg_send_content(ngx_http_request_t *r, si_plan *plan)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;
    struct stat   st;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->file = ngx_pcalloc(r->pool, sizeof(ngx_file_t));
    if (b->file == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_smartimg_open_content(r, plan, b->file, &st);
    if (b->file->fd == NGX_INVALID_FILE) {
        return rc;
    }

    r->headers_out.content_type.data = (u_char *) plan->content_type;
    r->headers_out.content_type.len = ngx_strlen(plan->content_type);
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.last_modified_time = st.st_mtime;

    if (plan->content_handler) {
        return ngx_http_smartimg_wrap(r, plan, b->file->fd,
                                      (size_t) st.st_size);
    }

    r->headers_out.content_length_n = st.st_size;
    r->allow_ranges = 1;

    if (ngx_http_set_etag(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->file_pos = 0;
    b->file_last = st.st_size;
    b->in_file = b->file_last ? 1 : 0;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;
    b->sync = (b->last_buf || b->in_file) ? 0 : 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/*
 * The file is opened anew for each request, so a replaced one is sent whole.
 * It is closed with the request.  If it cannot be sent, its descriptor is
 * NGX_INVALID_FILE and the request ends with what is returned.
 */

static ngx_int_t
ngx_http_smartimg_open_content(ngx_http_request_t *r, si_plan *plan,
    ngx_file_t *file, struct stat *st)
{
    si_diag                         diag;
    ngx_fd_t                        fd;
    ngx_pool_cleanup_t             *cln;
    ngx_pool_cleanup_file_t        *clnf;
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);

    file->fd = NGX_INVALID_FILE;
    file->name.data = (u_char *) plan->content.path;
    file->name.len = ngx_strlen(plan->content.path);
    file->log = r->connection->log;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_pool_cleanup_file_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&diag, sizeof(si_diag));

    fd = si_root_open(smcf->root_fd, plan->content.path, &diag);
    if (fd == NGX_INVALID_FILE) {
        return ngx_http_smartimg_send_text(r, diag.code == SI_ERR_IO
                                              ? NGX_HTTP_SERVICE_UNAVAILABLE
                                              : NGX_HTTP_FORBIDDEN,
                                           (u_char *) diag.text,
                                           ngx_strlen(diag.text));
    }

    cln->handler = ngx_pool_cleanup_file;
    clnf = cln->data;
    clnf->fd = fd;
    clnf->name = file->name.data;
    clnf->log = r->pool->log;

    if (fstat(fd, st) == -1 || !S_ISREG(st->st_mode)) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    file->fd = fd;

    return NGX_OK;
}


/*
 * A handler, called with the text and the request's id (JSONP, as in property
 * replies).
 */

static ngx_int_t
ngx_http_smartimg_wrap(ngx_http_request_t *r, si_plan *plan, ngx_fd_t fd,
    size_t size)
{
    u_char                    *text;
    ssize_t                    n;
    si_reply                   reply;
    ngx_str_t                  type;
    ngx_http_complex_value_t   cv;

    if (size > NGX_HTTP_SMARTIMG_WRAP) {
        return NGX_HTTP_FORBIDDEN;
    }

    text = ngx_pnalloc(r->pool, size + 1);
    if (text == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    n = pread(fd, text, size, 0);
    if (n == -1) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&reply, sizeof(si_reply));
    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));

    if (si_reply_wrapped(plan->content_handler, plan->content_id, text,
                         (size_t) n, &reply))
    {
        cv.value.len = reply.body.len;
        cv.value.data = ngx_pnalloc(r->pool, cv.value.len);
    }

    if (cv.value.data == NULL) {
        si_bytes_free(&reply.body);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(cv.value.data, reply.body.data, cv.value.len);
    si_bytes_free(&reply.body);

    type = r->headers_out.content_type;

    return ngx_http_send_response(r, NGX_HTTP_OK, &type, &cv);
}

