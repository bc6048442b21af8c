
/*
 * Errors for people.
 *
 * Whoever follows a link to an image that is not there reads a page rather
 * than a line of text.  A browser that wants a page says so: Accept has
 * text/html when it navigates, and never when it loads an image.  The line
 * becomes a paragraph on its way out, whoever wrote it, so the page says as
 * much as ErrorDetail lets the line say.
 */

#include "ngx_http_smartimg_module.h"
#include <openssl/sha.h>


#define NGX_HTTP_SMARTIMG_STYLE                                               \
    ":root{color-scheme:light dark}"                                          \
    "body{font:1.1em/1.5 system-ui,sans-serif;max-width:40em;"                \
    "margin:15vh auto;padding:0 1em}"                                         \
    "h1{font-size:1.4em}p{overflow-wrap:anywhere}"

#define NGX_HTTP_SMARTIMG_HEAD                                                \
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"         \
    "<meta name=\"viewport\" content=\"width=device-width, "                 \
    "initial-scale=1\">\n"                                                    \
    "<title>%s</title>\n<style>" NGX_HTTP_SMARTIMG_STYLE "</style>\n"         \
    "<h1>%s</h1>\n<p>"

#define NGX_HTTP_SMARTIMG_POLICY                                              \
    "default-src 'none'; base-uri 'none'; form-action 'none'; "               \
    "frame-ancestors 'none'; style-src 'sha256-"


/* of a request whose reply is a page; it is found by its cleanup */

typedef struct {
    ngx_uint_t                     begun;  /* what is before the text was sent */
} ngx_http_smartimg_page_t;


static ngx_uint_t ngx_http_smartimg_may_be_page(ngx_http_request_t *r);
static ngx_int_t ngx_http_smartimg_begin_page(ngx_http_request_t *r,
    ngx_uint_t *vary);
static ngx_http_smartimg_page_t *ngx_http_smartimg_find_page(
    ngx_http_request_t *r);
static ngx_http_smartimg_page_t *ngx_http_smartimg_create_page(
    ngx_http_request_t *r);
static void ngx_http_smartimg_page_cleanup(void *data);
static ngx_int_t ngx_http_smartimg_page_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_chain_t *ngx_http_smartimg_page_piece(ngx_http_request_t *r,
    ngx_chain_t **last, size_t size);
static ngx_int_t ngx_http_smartimg_page_head(ngx_http_request_t *r,
    ngx_chain_t **last);
static ngx_int_t ngx_http_smartimg_page_text(ngx_http_request_t *r,
    ngx_chain_t **last, ngx_buf_t *b);
static ngx_int_t ngx_http_smartimg_page_tail(ngx_http_request_t *r,
    ngx_chain_t **last);


static ngx_http_output_body_filter_pt  ngx_http_next_body_filter;

static ngx_str_t  ngx_http_smartimg_policy;


/* The directive of that name: pages for errors, with a link to a page. */

char *
ngx_http_smartimg_error_pages(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_smartimg_loc_conf_t  *slcf = conf;

    ngx_str_t  *value;

    if (slcf->pages != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    slcf->pages = 1;

    if (cf->args->nelts > 1) {
        value = cf->args->elts;
        slcf->home = value[1];
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_smartimg_page_init(ngx_conf_t *cf)
{
    u_char     *p;
    ngx_str_t   hash, text;
    u_char      digest[SHA256_DIGEST_LENGTH];

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_smartimg_page_body_filter;

    SHA256((u_char *) NGX_HTTP_SMARTIMG_STYLE,
           sizeof(NGX_HTTP_SMARTIMG_STYLE) - 1, digest);

    hash.data = digest;
    hash.len = sizeof(digest);

    p = ngx_pnalloc(cf->pool, sizeof(NGX_HTTP_SMARTIMG_POLICY)
                              + ngx_base64_encoded_length(sizeof(digest)));
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_http_smartimg_policy.data = p;

    p = ngx_cpymem(p, NGX_HTTP_SMARTIMG_POLICY,
                   sizeof(NGX_HTTP_SMARTIMG_POLICY) - 1);
    text.data = p;
    ngx_encode_base64(&text, &hash);
    p += text.len;
    *p++ = '\'';

    ngx_http_smartimg_policy.len = p - ngx_http_smartimg_policy.data;

    return NGX_OK;
}


/*
 * Vary of any reply, and a page in place of an error.  No plan: there is none.
 */

ngx_int_t
ngx_http_smartimg_set_error_fields(ngx_http_request_t *r, si_plan *plan)
{
    ngx_str_t   vary;
    ngx_uint_t  by_accept;

    static ngx_str_t  vary_name = ngx_string("Vary");

    by_accept = 0;

    if (ngx_http_smartimg_begin_page(r, &by_accept) != NGX_OK) {
        return NGX_ERROR;
    }

    vary.data = ngx_pnalloc(r->pool, SI_PLAN_VARY_SIZE);
    if (vary.data == NULL) {
        return NGX_ERROR;
    }

    (void) si_plan_vary(plan, by_accept ? SI_USED_ACCEPT : 0,
                        (char *) vary.data);
    vary.len = ngx_strlen(vary.data);

    if (vary.len
        && ngx_http_smartimg_add_header(r, &vary_name, &vary) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* Whether the reply to be is an error in plain text that a page may replace. */

static ngx_uint_t
ngx_http_smartimg_may_be_page(ngx_http_request_t *r)
{
    ngx_str_t                     *type;
    ngx_uint_t                     status;
    ngx_http_smartimg_loc_conf_t  *slcf;

    static ngx_str_t  plain = ngx_string("text/plain");

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_smartimg_module);

    status = r->err_status ? r->err_status : r->headers_out.status;
    type = &r->headers_out.content_type;

    return r == r->main
           && slcf->pages
           && status >= NGX_HTTP_BAD_REQUEST
           && type->len >= plain.len
           && ngx_strncasecmp(type->data, plain.data, plain.len) == 0;
}


/*
 * Called with the head of each reply: makes it the head of a page if it is an
 * error that may be one and the client wants that.  *vary is set if another
 * Accept would have got another reply.
 */

static ngx_int_t
ngx_http_smartimg_begin_page(ngx_http_request_t *r, ngx_uint_t *vary)
{
    si_str            accept;
    ngx_table_elt_t  *h;

    static ngx_str_t  accept_name = ngx_string("Accept");
    static ngx_str_t  policy = ngx_string("Content-Security-Policy");

    if (!ngx_http_smartimg_may_be_page(r)) {
        return NGX_OK;
    }

    *vary = 1;

    h = ngx_http_smartimg_find_header(&r->headers_in.headers, &accept_name,
                                      NULL);
    if (h == NULL) {
        return NGX_OK;
    }

    accept.p = (const char *) h->value.data;
    accept.len = h->value.len;

    if (!si_client_wants_page(accept)) {
        return NGX_OK;
    }

    if (ngx_http_smartimg_create_page(r) == NULL
        || ngx_http_smartimg_add_header(r, &policy, &ngx_http_smartimg_policy)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&r->headers_out.content_type, "text/html; charset=utf-8");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_str_null(&r->headers_out.charset);

    ngx_http_clear_content_length(r);
    ngx_http_clear_accept_ranges(r);

    return NGX_OK;
}


static ngx_http_smartimg_page_t *
ngx_http_smartimg_create_page(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_smartimg_page_t));
    if (cln == NULL) {
        return NULL;
    }

    ngx_memzero(cln->data, sizeof(ngx_http_smartimg_page_t));
    cln->handler = ngx_http_smartimg_page_cleanup;

    return cln->data;
}


static void
ngx_http_smartimg_page_cleanup(void *data)
{
    /* the pool has it all */
}


static ngx_http_smartimg_page_t *
ngx_http_smartimg_find_page(ngx_http_request_t *r)
{
    ngx_uint_t           status;
    ngx_pool_cleanup_t  *cln;

    status = r->err_status ? r->err_status : r->headers_out.status;

    if (r != r->main || status < NGX_HTTP_BAD_REQUEST) {
        return NULL;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_smartimg_page_cleanup) {
            return cln->data;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_smartimg_page_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t                 *b;
    ngx_uint_t                 last_buf;
    ngx_chain_t               *out, **last;
    ngx_http_smartimg_page_t  *page;

    page = in ? ngx_http_smartimg_find_page(r) : NULL;

    if (page == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    out = NULL;
    last = &out;
    last_buf = 0;

    if (!page->begun) {
        page->begun = 1;

        if (ngx_http_smartimg_page_head(r, last) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    for ( /* void */ ; in; in = in->next) {
        b = in->buf;
        last_buf |= b->last_buf;

        while (*last) {
            last = &(*last)->next;
        }

        if (ngx_http_smartimg_page_text(r, last, b) != NGX_OK) {
            return NGX_ERROR;
        }

        /* texts are in memory; what is not would not be one */

        b->pos = b->last;
        b->file_pos = b->file_last;
    }

    while (*last) {
        last = &(*last)->next;
    }

    if (last_buf && ngx_http_smartimg_page_tail(r, last) != NGX_OK) {
        return NGX_ERROR;
    }

    return out ? ngx_http_next_body_filter(r, out) : NGX_OK;
}


/* A buffer of a page, which is filled from its last to its end. */

static ngx_chain_t *
ngx_http_smartimg_page_piece(ngx_http_request_t *r, ngx_chain_t **last,
    size_t size)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    cl = ngx_alloc_chain_link(r->pool);
    b = ngx_create_temp_buf(r->pool, size + 1);

    if (cl == NULL || b == NULL) {
        return NULL;
    }

    cl->buf = b;
    cl->next = NULL;
    *last = cl;

    return cl;
}


static ngx_int_t
ngx_http_smartimg_page_head(ngx_http_request_t *r, ngx_chain_t **last)
{
    char         *title;
    ngx_chain_t  *cl;

    switch (r->headers_out.status) {

    case NGX_HTTP_FORBIDDEN:
        title = "There is no picture to show";
        break;

    case NGX_HTTP_NOT_FOUND:
        title = "There is nothing at this address";
        break;

    case NGX_HTTP_SERVICE_UNAVAILABLE:
        title = "There is too much to do at the moment";
        break;

    default:
        title = "Something is wrong";
        break;
    }

    cl = ngx_http_smartimg_page_piece(r, last,
                                      sizeof(NGX_HTTP_SMARTIMG_HEAD)
                                      + 2 * ngx_strlen(title));
    if (cl == NULL) {
        return NGX_ERROR;
    }

    cl->buf->last = ngx_sprintf(cl->buf->last, NGX_HTTP_SMARTIMG_HEAD, title,
                                title);
    return NGX_OK;
}


static ngx_int_t
ngx_http_smartimg_page_text(ngx_http_request_t *r, ngx_chain_t **last,
    ngx_buf_t *b)
{
    size_t        len;
    ngx_chain_t  *cl;

    len = ngx_buf_in_memory(b) ? b->last - b->pos : 0;

    if (len == 0) {
        return NGX_OK;
    }

    cl = ngx_http_smartimg_page_piece(r, last,
                                      len + ngx_escape_html(NULL, b->pos, len));
    if (cl == NULL) {
        return NGX_ERROR;
    }

    cl->buf->last = (u_char *) ngx_escape_html(cl->buf->last, b->pos, len);

    return NGX_OK;
}


/* The links: to what was meant, perhaps, and to where one can begin. */

static ngx_int_t
ngx_http_smartimg_page_tail(ngx_http_request_t *r, ngx_chain_t **last)
{
    u_char                        *p;
    size_t                         len;
    ngx_str_t                      nearest, *home;
    ngx_chain_t                   *cl;
    ngx_http_smartimg_ctx_t       *ctx;
    ngx_http_smartimg_loc_conf_t  *slcf;

    static ngx_str_t  help = ngx_string("<p>At a terminal, "
                                        "<code>smartimg help commands</code> "
                                        "tells what addresses may say.\n");

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_smartimg_module);
    home = &slcf->home;

    ngx_str_null(&nearest);
    ctx = ngx_http_get_module_ctx(r, ngx_http_smartimg_module);

    if (ctx && ctx->plan->plan.nearest) {
        nearest.data = (u_char *) ctx->plan->plan.nearest;
        nearest.len = ngx_strlen(nearest.data);
    }

    /* a link has its address twice */

    len = 2 * (nearest.len + ngx_escape_html(NULL, nearest.data, nearest.len))
          + home->len + ngx_escape_html(NULL, home->data, home->len)
          + help.len + 128;

    cl = ngx_http_smartimg_page_piece(r, last, len);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    p = cl->buf->last;

    if (nearest.len) {
        p = ngx_cpymem(p, "<p><a href=\"", sizeof("<p><a href=\"") - 1);
        p = (u_char *) ngx_escape_html(p, nearest.data, nearest.len);
        p = ngx_cpymem(p, "\">", sizeof("\">") - 1);
        p = (u_char *) ngx_escape_html(p, nearest.data, nearest.len);
        p = ngx_cpymem(p, "</a>\n", sizeof("</a>\n") - 1);
    }

    if (home->len) {
        p = ngx_cpymem(p, "<p><a href=\"", sizeof("<p><a href=\"") - 1);
        p = (u_char *) ngx_escape_html(p, home->data, home->len);
        p = ngx_cpymem(p, "\">Try pictures and commands</a>\n",
                       sizeof("\">Try pictures and commands</a>\n") - 1);

    } else {
        p = ngx_cpymem(p, help.data, help.len);
    }

    cl->buf->last = p;
    cl->buf->last_buf = 1;
    cl->buf->last_in_chain = 1;

    return NGX_OK;
}
