
/*
 * What the cache has on the disk is looked at before its head is sent: a file
 * that was cut short, or whose body is another than the renderer's, is taken
 * away, and the request goes on as a miss.
 *
 * A body is read for that once in a server's life, by whoever asks for it
 * first.  nginx reads the head with the function of the upstream module, so
 * this stands around that.
 */

#include "ngx_http_smartimg_module.h"
#include "base/wire.h"
#include "picture/checksum.h"


#define NGX_HTTP_SMARTIMG_PIECE        65536

/*
 * What is read of a body at once holds the worker up: at some GB/s, for some
 * milliseconds.  Of a larger one the length is checked alone.
 */

#define NGX_HTTP_SMARTIMG_CHECKED_MAX  (32 * 1024 * 1024)


static ngx_int_t ngx_http_smartimg_process_header(ngx_http_request_t *r);
static ngx_uint_t ngx_http_smartimg_is_whole(ngx_http_request_t *r);
static ngx_uint_t ngx_http_smartimg_has_sum(ngx_http_request_t *r,
    ngx_str_t *wanted);
static uint64_t *ngx_http_smartimg_checked(ngx_http_request_t *r,
    uint64_t *fingerprint);


/* To be called once the request has its upstream, before the cache is read. */

void
ngx_http_smartimg_check_stored(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (u && u->process_header != ngx_http_smartimg_process_header) {
        ctx->process_header = u->process_header;
        u->process_header = ngx_http_smartimg_process_header;
    }
}


static ngx_int_t
ngx_http_smartimg_process_header(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    ngx_http_upstream_t      *u;
    ngx_http_smartimg_ctx_t  *ctx;

    u = r->upstream;
    ctx = ngx_http_get_module_ctx(r, ngx_http_smartimg_module);

    /* which may name another function for the rest of the head */

    u->process_header = ctx->process_header;
    rc = u->process_header(r);
    ctx->process_header = u->process_header;
    u->process_header = ngx_http_smartimg_process_header;

    if (rc == NGX_OK && !r->cached
        && u->headers_in.status_n < NGX_HTTP_INTERNAL_SERVER_ERROR)
    {
        ngx_http_smartimg_note_answer();
    }

    if (rc != NGX_OK || !r->cached || ngx_http_smartimg_is_whole(r)) {
        return rc;
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "cache file \"%V\" is damaged, it is dropped",
                  &r->cache->file.name);

    (void) ngx_delete_file(r->cache->file.name.data);

    ngx_http_smartimg_count(damaged, 1);

    return NGX_HTTP_UPSTREAM_INVALID_HEADER;
}


static ngx_uint_t
ngx_http_smartimg_is_whole(ngx_http_request_t *r)
{
    off_t             length;
    struct stat       st;
    uint64_t          fingerprint, *checked;
    ngx_table_elt_t  *sum;

    static ngx_str_t  name = ngx_string(SI_HEADER_SUM);

    /* nginx may have kept the file open, and its size from then */

    if (fstat(r->cache->file.fd, &st) != 0
        || st.st_size != r->cache->length)
    {
        return 0;
    }

    length = r->cache->length - (off_t) r->cache->body_start;

    if (r->upstream->headers_in.content_length_n != length) {
        return 0;
    }

    sum = ngx_http_smartimg_find_header(&r->upstream->headers_in.headers,
                                        &name, NULL);

    if (sum == NULL || ngx_http_smartimg_shared() == NULL
        || length > NGX_HTTP_SMARTIMG_CHECKED_MAX) {
        return 1;
    }

    checked = ngx_http_smartimg_checked(r, &fingerprint);

    if (*checked == fingerprint) {
        return 1;
    }

    if (!ngx_http_smartimg_has_sum(r, &sum->value)) {
        return 0;
    }

    *checked = fingerprint;

    return 1;
}


static ngx_uint_t
ngx_http_smartimg_has_sum(ngx_http_request_t *r, ngx_str_t *wanted)
{
    char                text[SI_CHECKSUM_TEXT];
    off_t               at;
    size_t              size;
    ssize_t             n;
    ngx_fd_t            fd;
    uint64_t            sum;
    si_checksum_state  *state;

    static u_char  piece[NGX_HTTP_SMARTIMG_PIECE];

    state = si_checksum_begin();
    if (state == NULL) {
        return 1;
    }

    fd = r->cache->file.fd;

    for (at = (off_t) r->cache->body_start; at < r->cache->length; at += n) {
        size = ngx_min((off_t) sizeof(piece), r->cache->length - at);
        n = pread(fd, piece, size, at);

        if (n <= 0) {
            break;
        }

        si_checksum_add(state, piece, (size_t) n);
    }

    sum = si_checksum_end(state);

    return at == r->cache->length
           && wanted->len == SI_CHECKSUM_TEXT - 1
           && ngx_memcmp(wanted->data, si_checksum_print(sum, text),
                         SI_CHECKSUM_TEXT - 1)
              == 0;
}


/*
 * Where it is noted that this file was checked, and as what.  Files may take
 * each other's place there; then they are checked again.
 */

static uint64_t *
ngx_http_smartimg_checked(ngx_http_request_t *r, uint64_t *fingerprint)
{
    uint64_t                     facts[4];
    ngx_http_smartimg_shared_t  *shared;

    ngx_memcpy(facts, r->cache->key, NGX_HTTP_CACHE_KEY_LEN);

    facts[2] = (uint64_t) r->cache->uniq;
    facts[3] = (uint64_t) r->cache->length;

    *fingerprint = si_checksum(facts, sizeof(facts));

    shared = ngx_http_smartimg_shared();

    return &shared->checked[*fingerprint % NGX_HTTP_SMARTIMG_CHECKED];
}
