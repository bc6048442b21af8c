
/*
 * Replies that are asked for again and again, from memory.
 *
 * A hit costs nginx's cache two reads of its file, and its headers have to be
 * parsed anew: more than all else that a small reply takes.  So a reply that
 * the cache has just given for the second time within the life of a plan is
 * kept with the plan, and sent from there; a large body is sent from the
 * cache's file, which is held open.  It is as good as the plan, which lives
 * for a second at most and is looked after every millisecond (see
 * ngx_http_smartimg_plan.c): a purge counts at once, and a better answer that
 * has taken its place in the cache is sent a second later.
 */

#include "ngx_http_smartimg_module.h"


#define NGX_HTTP_SMARTIMG_MEMORY   16384  /* larger bodies stay in their file */
#define NGX_HTTP_SMARTIMG_HEADERS  16
#define NGX_HTTP_SMARTIMG_HITS     2      /* of the cache, before it is kept */


struct ngx_http_smartimg_reply_s {
    time_t                         valid;  /* as long as the cache says */
    u_char                         key[NGX_HTTP_CACHE_KEY_LEN];
    si_tier                        first;  /* these as of the context */
    ngx_uint_t                     format;
    time_t                         fresh_until;
    off_t                          length;
    off_t                          start;  /* of the body in the file ... */
    ngx_fd_t                       fd;     /* ... that has it, ... */
    u_char                        *body;   /* ... or NULL */
    ngx_str_t                      type;
    ngx_uint_t                     etag;   /* its place, or nheaders */
    ngx_uint_t                     nheaders;
    ngx_table_elt_t                headers[NGX_HTTP_SMARTIMG_HEADERS];
};


static ngx_int_t ngx_http_smartimg_keep_body(ngx_http_request_t *r,
    ngx_http_smartimg_reply_t *reply, u_char *p);
static ngx_buf_t *ngx_http_smartimg_create_body(ngx_http_request_t *r,
    ngx_http_smartimg_reply_t *reply);
static ngx_uint_t ngx_http_smartimg_worth_keeping(ngx_http_request_t *r,
    ngx_http_smartimg_plan_t *plan);
static size_t ngx_http_smartimg_measure_headers(ngx_http_request_t *r,
    ngx_http_smartimg_reply_t *reply);
static u_char *ngx_http_smartimg_copy_headers(
    ngx_http_smartimg_reply_t *reply, u_char *p);
static u_char *ngx_http_smartimg_copy(u_char *p, ngx_str_t *s);
static ngx_int_t ngx_http_smartimg_set_headers(ngx_http_request_t *r,
    ngx_http_smartimg_reply_t *reply);


/* Called with a reply: keeps it if it comes from the cache, whole. */

void
ngx_http_smartimg_keep_reply(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx)
{
    u_char                     *p;
    size_t                      size;
    ngx_http_smartimg_reply_t   found, *reply;

    if (!ngx_http_smartimg_worth_keeping(r, ctx->plan)) {
        return;
    }

    ngx_memzero(&found, sizeof(ngx_http_smartimg_reply_t));
    found.valid = r->cache->valid_sec;
    found.first = ctx->first;
    found.format = ctx->format;
    found.fresh_until = ctx->fresh_until;
    found.length = r->headers_out.content_length_n;
    found.start = r->cache->body_start;
    found.fd = NGX_INVALID_FILE;
    found.type = r->headers_out.content_type;

    ngx_memcpy(found.key, r->cache->key, NGX_HTTP_CACHE_KEY_LEN);

    size = ngx_http_smartimg_measure_headers(r, &found);

    if (size == 0) {
        return;
    }

    size += found.type.len;

    if (found.length <= NGX_HTTP_SMARTIMG_MEMORY) {
        size += found.length;
    }

    reply = ngx_alloc(sizeof(ngx_http_smartimg_reply_t) + size,
                      r->connection->log);
    if (reply == NULL) {
        return;
    }

    *reply = found;
    p = (u_char *) (reply + 1);

    p = ngx_http_smartimg_copy_headers(reply, p);
    p = ngx_http_smartimg_copy(p, &reply->type);

    if (ngx_http_smartimg_keep_body(r, reply, p) != NGX_OK) {
        ngx_http_smartimg_free_reply(reply);
        return;
    }

    ctx->plan->reply = reply;
}


static ngx_int_t
ngx_http_smartimg_keep_body(ngx_http_request_t *r,
    ngx_http_smartimg_reply_t *reply, u_char *p)
{
    ngx_fd_t  fd;

    fd = r->cache->file.fd;

    if (reply->length > NGX_HTTP_SMARTIMG_MEMORY) {
        reply->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);

        return (reply->fd == NGX_INVALID_FILE) ? NGX_ERROR : NGX_OK;
    }

    reply->body = p;

    return (pread(fd, p, reply->length, reply->start) == reply->length)
           ? NGX_OK : NGX_ERROR;
}


void
ngx_http_smartimg_free_reply(ngx_http_smartimg_reply_t *reply)
{
    if (reply->fd != NGX_INVALID_FILE) {
        (void) close(reply->fd);
    }

    ngx_free(reply);
}


/* What the context knows of a reply by its headers, for one from memory. */

void
ngx_http_smartimg_kept_lifetime(ngx_http_smartimg_ctx_t *ctx)
{
    ctx->first = ctx->plan->reply->first;
    ctx->format = ctx->plan->reply->format;
    ctx->fresh_until = ctx->plan->reply->fresh_until;
}


void
ngx_http_smartimg_kept_answer(ngx_http_smartimg_reply_t *reply,
    ngx_http_smartimg_answer_t *answer)
{
    ngx_memcpy(answer->key, reply->key, NGX_HTTP_CACHE_KEY_LEN);

    answer->bytes = reply->length;
}


static ngx_uint_t
ngx_http_smartimg_worth_keeping(ngx_http_request_t *r,
    ngx_http_smartimg_plan_t *plan)
{
    off_t  len;

    len = r->headers_out.content_length_n;

    if (plan->reply || plan->uri.len == 0 || !r->cached || r->cache == NULL
        || r->upstream->cache_status != NGX_HTTP_CACHE_HIT
        || r->method != NGX_HTTP_GET
        || r->headers_out.status != NGX_HTTP_OK
        || len <= 0
        || (off_t) r->cache->body_start + len != r->cache->length)
    {
        return 0;
    }

    return ++plan->hits >= NGX_HTTP_SMARTIMG_HITS;
}


/*
 * Notes the headers, where they are, and returns the bytes that their texts
 * take; 0 if there are too many.
 */

static size_t
ngx_http_smartimg_measure_headers(ngx_http_request_t *r,
    ngx_http_smartimg_reply_t *reply)
{
    size_t            size;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    size = 0;
    reply->etag = NGX_HTTP_SMARTIMG_HEADERS;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].hash == 0) {
                continue;
            }

            if (reply->nheaders == NGX_HTTP_SMARTIMG_HEADERS) {
                return 0;
            }

            if (&h[i] == r->headers_out.etag) {
                reply->etag = reply->nheaders;
            }

            reply->headers[reply->nheaders++] = h[i];
            size += h[i].key.len + h[i].value.len;
        }
    }

    return size;
}


static u_char *
ngx_http_smartimg_copy_headers(ngx_http_smartimg_reply_t *reply, u_char *p)
{
    ngx_uint_t  i;

    for (i = 0; i < reply->nheaders; i++) {
        p = ngx_http_smartimg_copy(p, &reply->headers[i].key);
        p = ngx_http_smartimg_copy(p, &reply->headers[i].value);
    }

    return p;
}


static u_char *
ngx_http_smartimg_copy(u_char *p, ngx_str_t *s)
{
    u_char  *last;

    last = ngx_cpymem(p, s->data, s->len);
    s->data = p;

    return last;
}


/*
 * Sends the kept reply of the request's plan, which holds it until the
 * request has ended.  NGX_DECLINED: there is none.
 */

ngx_int_t
ngx_http_smartimg_send_reply(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx)
{
    ngx_int_t                   rc;
    ngx_chain_t                 out;
    ngx_http_smartimg_reply_t  *reply;

    reply = ctx->plan->reply;

    if (reply == NULL || reply->valid <= ngx_time()) {
        return NGX_DECLINED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    ctx->memory = 1;

    if (ngx_http_smartimg_set_headers(r, reply) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    out.buf = ngx_http_smartimg_create_body(r, reply);
    out.next = NULL;

    if (out.buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, &out);
}


static ngx_buf_t *
ngx_http_smartimg_create_body(ngx_http_request_t *r,
    ngx_http_smartimg_reply_t *reply)
{
    ngx_buf_t  *b;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NULL;
    }

    b->last_buf = 1;
    b->last_in_chain = 1;

    if (reply->body) {
        b->pos = reply->body;
        b->last = reply->body + reply->length;
        b->memory = 1;

        return b;
    }

    b->file = ngx_pcalloc(r->pool, sizeof(ngx_file_t));
    if (b->file == NULL) {
        return NULL;
    }

    b->file->fd = reply->fd;
    b->file->log = r->connection->log;
    ngx_str_set(&b->file->name, "a kept reply");

    b->file_pos = reply->start;
    b->file_last = reply->start + reply->length;
    b->in_file = 1;

    return b;
}


static ngx_int_t
ngx_http_smartimg_set_headers(ngx_http_request_t *r,
    ngx_http_smartimg_reply_t *reply)
{
    ngx_uint_t        i;
    ngx_table_elt_t  *h;

    for (i = 0; i < reply->nheaders; i++) {
        h = ngx_list_push(&r->headers_out.headers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = reply->headers[i];
#if (nginx_version >= 1023000)
        h->next = NULL;
#endif

        if (i == reply->etag) {
            r->headers_out.etag = h;
        }
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_type = reply->type;
    r->headers_out.content_type_len = reply->type.len;
    r->headers_out.content_length_n = reply->length;
    r->allow_ranges = 1;

    return NGX_OK;
}
