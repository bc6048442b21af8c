
/*
 * What is final though it does not say so: a first answer than which nothing
 * smaller was found.
 */

#include "ngx_http_smartimg_module.h"
#include "base/wire.h"


static ngx_int_t ngx_http_smartimg_find_mark(ngx_fd_t fd, off_t bytes,
    off_t *at);


/*
 * Takes back, in the file of the cache, that a better answer will come.  That
 * is one byte, so whoever reads it meanwhile sees the old one or the new one.
 * Anything unexpected in there is left alone: then only the table knows.
 */

void
ngx_http_smartimg_mark_final(ngx_http_cache_t *c, off_t bytes)
{
    off_t        at;
    u_char      *p, byte, name[NGX_MAX_PATH];
    ngx_fd_t     fd;
    ngx_path_t  *path;

    if (c == NULL || c->file_cache == NULL) {
        return;
    }

    path = c->file_cache->path;

    if (path->name.len + 1 + path->len + 2 * NGX_HTTP_CACHE_KEY_LEN
        >= sizeof(name))
    {
        return;
    }

    p = ngx_cpymem(name, path->name.data, path->name.len);
    p = ngx_hex_dump(p + 1 + path->len, c->key, NGX_HTTP_CACHE_KEY_LEN);
    *p = '\0';

    ngx_create_hashed_filename(path, name, p - name);

    fd = ngx_open_file(name, NGX_FILE_RDWR, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        return;
    }

    byte = SI_HEADER_FINAL;

    if (ngx_http_smartimg_find_mark(fd, bytes, &at) == NGX_OK
        && pwrite(fd, &byte, 1, at) != 1)
    {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      "pwrite() to \"%s\" failed", name);
    }

    (void) ngx_close_file(fd);
}


/* Where the tier stands in the file of an answer of so many bytes. */

static ngx_int_t
ngx_http_smartimg_find_mark(ngx_fd_t fd, off_t bytes, off_t *at)
{
    u_char                        *p;
    ssize_t                        n;
    struct stat                    st;
    ngx_http_file_cache_header_t  *h;

    static union {
        ngx_http_file_cache_header_t  header;
        u_char                        bytes[65536];   /* >= body_start */
    }  start;

    static u_char  mark[] = CRLF SI_HEADER_FIRST_ANSWER ": ";

    n = pread(fd, start.bytes, sizeof(start.bytes), 0);
    h = &start.header;

    if (n < (ssize_t) sizeof(ngx_http_file_cache_header_t)
        || h->version != NGX_HTTP_CACHE_VERSION
        || h->header_start >= h->body_start || h->body_start > n
        || fstat(fd, &st) != 0 || st.st_size != h->body_start + bytes)
    {
        return NGX_DECLINED;
    }

    p = ngx_strlcasestrn(start.bytes + h->header_start,
                         start.bytes + h->body_start, mark,
                         sizeof(mark) - 2);
    if (p == NULL) {
        return NGX_DECLINED;
    }

    *at = p + sizeof(mark) - 1 - start.bytes;

    return NGX_OK;
}
