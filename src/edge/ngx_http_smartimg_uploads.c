
/*
 * What visitors of the playground upload (base/uploads.h).
 *
 * nginx writes a body into a file of its own, below the same folder's parent;
 * once it is there whole, its first bytes tell its kind, and it is moved to
 * its session's folder.  Whatever goes wrong before, the file goes with the
 * request.  What is too old is removed by a timer of one worker, and before
 * each upload; requests do not find it any more anyway (catalog/uploads.c).
 *
 * Only the page may upload: its request has a header that no form can send,
 * and browsers name the page's origin.
 */

#include "ngx_http_smartimg_module.h"
#include "base/uploads.h"
#include "plan/picture_list.h"

#include <dirent.h>
#include <openssl/sha.h>
#include <sys/random.h>
#include <sys/syscall.h>


#define NGX_HTTP_SMARTIMG_SWEEP    60000   /* ms between two looks */
#define NGX_HTTP_SMARTIMG_COOKIE   "smartimg_session"

/* names that are tried if there is one already */
#define NGX_HTTP_SMARTIMG_NAMES    SI_UPLOADS_OF_SESSION


/* what there is, as of a sweep */

typedef struct {
    ngx_uint_t  all;
    ngx_uint_t  own;   /* of a session */
} ngx_http_smartimg_uploaded_t;


static void ngx_http_smartimg_take_upload(ngx_http_request_t *r);
static ngx_int_t ngx_http_smartimg_store_upload(ngx_http_request_t *r,
    ngx_str_t *name);
static ngx_int_t ngx_http_smartimg_move_upload(ngx_http_request_t *r,
    ngx_str_t *name, char *key, const char *extension, ngx_file_t *file);
static ngx_int_t ngx_http_smartimg_send_uploaded(ngx_http_request_t *r,
    char *key, char *name, time_t arrived);
static ngx_int_t ngx_http_smartimg_refuse_upload(ngx_http_request_t *r,
    ngx_uint_t status, char *text);
static ngx_uint_t ngx_http_smartimg_is_own_origin(ngx_http_request_t *r);
static ngx_uint_t ngx_http_smartimg_find_token(ngx_http_request_t *r,
    si_str *token);
static void ngx_http_smartimg_key_of(si_str *token, char *key);
static ngx_int_t ngx_http_smartimg_begin_session(ngx_http_request_t *r,
    char *key);
static void ngx_http_smartimg_sweep(int fd, si_str *own,
    ngx_http_smartimg_uploaded_t *found);
static ngx_uint_t ngx_http_smartimg_sweep_session(int fd, const char *name);
static void ngx_http_smartimg_sweep_handler(ngx_event_t *ev);


static ngx_event_t  ngx_http_smartimg_sweeper;


ngx_int_t
ngx_http_smartimg_uploads_handler(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_table_elt_t                *h;
    ngx_http_smartimg_main_conf_t  *smcf;

    static ngx_str_t  name = ngx_string("X-File-Name");

    if (r->method != NGX_HTTP_POST) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);

    if (smcf->uploads_fd == NGX_INVALID_FILE) {
        return ngx_http_smartimg_refuse_upload(r, NGX_HTTP_FORBIDDEN,
                                               "uploads are switched off");
    }

    h = ngx_http_smartimg_find_header(&r->headers_in.headers, &name, NULL);

    if (h == NULL
        || ngx_http_smartimg_is_foreign_page(r)
        || !ngx_http_smartimg_is_own_origin(r))
    {
        return ngx_http_smartimg_refuse_upload(r, NGX_HTTP_FORBIDDEN,
                               "only the page of this server may upload");
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_smartimg_take_upload);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


static void
ngx_http_smartimg_take_upload(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string("X-File-Name");

    h = ngx_http_smartimg_find_header(&r->headers_in.headers, &name, NULL);

    ngx_http_finalize_request(r, ngx_http_smartimg_store_upload(r, &h->value));
}


static ngx_int_t
ngx_http_smartimg_store_upload(ngx_http_request_t *r, ngx_str_t *name)
{
    char                            key[SI_UPLOAD_TOKEN + 1];
    u_char                          begin[64];
    si_str                          own, served;
    ssize_t                         n;
    const char                     *extension;
    ngx_temp_file_t                *tf;
    ngx_http_smartimg_uploaded_t    found;
    ngx_http_smartimg_main_conf_t  *smcf;

    tf = r->request_body ? r->request_body->temp_file : NULL;

    if (tf == NULL || tf->offset == 0) {
        return ngx_http_smartimg_refuse_upload(r, NGX_HTTP_BAD_REQUEST,
                                               "the picture is empty");
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);

    n = pread(tf->file.fd, begin, sizeof(begin), 0);
    extension = n > 0 ? si_upload_kind(begin, n) : NULL;

    served.p = (const char *) smcf->kinds.data;
    served.len = smcf->kinds.len;

    if (extension == NULL || !si_kind_is_served(extension, served)) {
        return ngx_http_smartimg_refuse_upload(r,
                               NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                               "this is no picture of a kind that is served");
    }

    ngx_http_smartimg_read_session(r, &own);

    if (own.len) {
        ngx_memcpy(key, own.p, own.len);
        key[own.len] = '\0';

    } else if (ngx_http_smartimg_begin_session(r, key) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_smartimg_sweep(smcf->uploads_fd, &own, &found);

    if (found.own >= SI_UPLOADS_OF_SESSION) {
        return ngx_http_smartimg_refuse_upload(r, NGX_HTTP_FORBIDDEN,
                               "you have as many uploads as are allowed; the "
                               "oldest go after an hour");
    }

    if (found.all >= SI_UPLOADS_IN_ALL) {
        return ngx_http_smartimg_refuse_upload(r,
                               NGX_HTTP_SERVICE_UNAVAILABLE,
                               "there is no room for more uploads now");
    }

    return ngx_http_smartimg_move_upload(r, name, key, extension, &tf->file);
}


static ngx_int_t
ngx_http_smartimg_move_upload(ngx_http_request_t *r, ngx_str_t *name,
    char *key, const char *extension, ngx_file_t *file)
{
    char                            stored[SI_UPLOAD_NAME + 1];
    si_str                          wanted;
    ngx_fd_t                        fd;
    ngx_int_t                       i, rc;
    struct stat                     st;
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);

    if (mkdirat(smcf->uploads_fd, key, 0700) == -1 && ngx_errno != NGX_EEXIST)
    {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, ngx_errno,
                      "mkdirat() of a session in \"%V\" failed",
                      &smcf->uploads);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    fd = openat(smcf->uploads_fd, key,
                O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (fd == NGX_INVALID_FILE) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    wanted.p = (const char *) name->data;
    wanted.len = name->len;
    rc = -1;

    for (i = 1; rc == -1 && i <= NGX_HTTP_SMARTIMG_NAMES; i++) {
        (void) si_upload_make_name(wanted, i, extension, stored);

        rc = syscall(SYS_renameat2, AT_FDCWD, file->name.data, fd, stored,
                     RENAME_NOREPLACE);

        if (rc == -1 && ngx_errno != NGX_EEXIST) {
            ngx_log_error(NGX_LOG_CRIT, r->connection->log, ngx_errno,
                          "renameat2() of an upload failed");
            break;
        }
    }

    (void) close(fd);

    if (rc == -1 || fstat(file->fd, &st) == -1) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_smartimg_send_uploaded(r, key, stored, st.st_mtime);
}


static ngx_int_t
ngx_http_smartimg_send_uploaded(ngx_http_request_t *r, char *key, char *name,
    time_t arrived)
{
    u_char                    *p;
    ngx_str_t                  type;
    ngx_http_complex_value_t   cv;

    p = ngx_pnalloc(r->pool, 256);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));
    cv.value.data = p;
    cv.value.len = ngx_snprintf(p, 256,
                          "{\"id\":\"" SI_UPLOADS_COMPANY "/%s/%s\","
                          "\"expires\":%T}\n",
                          key, name, arrived + SI_UPLOAD_SECONDS)
                   - p;

    ngx_str_set(&type, "application/json");

    return ngx_http_send_response(r, NGX_HTTP_CREATED, &type, &cv);
}


/* `text` has no character that JSON would have to escape. */

static ngx_int_t
ngx_http_smartimg_refuse_upload(ngx_http_request_t *r, ngx_uint_t status,
    char *text)
{
    u_char                    *p;
    size_t                     size;
    ngx_int_t                  rc;
    ngx_str_t                  type;
    ngx_http_complex_value_t   cv;

    /* before it was read, it is the connection that ends */

    if (r->request_body == NULL) {
        rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    size = ngx_strlen(text) + 64;

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));
    cv.value.data = p;
    cv.value.len = ngx_snprintf(p, size, "{\"error\":\"%s\",\"status\":%ui}\n",
                                text, status)
                   - p;

    ngx_str_set(&type, "application/json");

    return ngx_http_send_response(r, status, &type, &cv);
}


/*
 * Browsers say where a page is from that sends something.  Those that tell
 * Sec-Fetch-Site, too, have compared themselves, and a proxy in between that
 * changes Host is in nobody's way then.
 */

static ngx_uint_t
ngx_http_smartimg_is_own_origin(ngx_http_request_t *r)
{
    u_char           *p;
    ngx_str_t        *host;
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string("Origin");
    static ngx_str_t  site = ngx_string("Sec-Fetch-Site");

    h = ngx_http_smartimg_find_header(&r->headers_in.headers, &name, NULL);

    if (h == NULL
        || ngx_http_smartimg_find_header(&r->headers_in.headers, &site, NULL))
    {
        return 1;
    }

    if (r->headers_in.host == NULL) {
        return 0;
    }

    host = &r->headers_in.host->value;
    p = (u_char *) ngx_strstr(h->value.data, "://");

    return p
           && h->value.data + h->value.len - (p + 3) == (ssize_t) host->len
           && ngx_strncasecmp(p + 3, host->data, host->len) == 0;
}


/* ---- sessions ---- */

/*
 * The key of a request's session, in the request's memory; empty if it has
 * none, or if there are no uploads.
 */

void
ngx_http_smartimg_read_session(ngx_http_request_t *r, si_str *key)
{
    char                           *p;
    si_str                          token;
    ngx_http_smartimg_main_conf_t  *smcf;

    key->p = NULL;
    key->len = 0;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);

    if (smcf->uploads_fd == NGX_INVALID_FILE
        || !ngx_http_smartimg_find_token(r, &token))
    {
        return;
    }

    p = ngx_pnalloc(r->pool, SI_UPLOAD_TOKEN + 1);
    if (p == NULL) {
        return;
    }

    ngx_http_smartimg_key_of(&token, p);

    key->p = p;
    key->len = SI_UPLOAD_TOKEN;
}


static ngx_uint_t
ngx_http_smartimg_find_token(ngx_http_request_t *r, si_str *token)
{
    si_str            rest, name, value;
    ngx_table_elt_t  *h;

    static ngx_str_t  cookie = ngx_string("Cookie");

    h = NULL;

    while ((h = ngx_http_smartimg_find_header(&r->headers_in.headers, &cookie,
                                              h)))
    {
        rest.p = (const char *) h->value.data;
        rest.len = h->value.len;

        while (si_str_next(&rest, ';', &value)) {
            (void) si_str_next(&value, '=', &name);

            if (si_str_eq(si_str_trim(name),
                          SI_STR(NGX_HTTP_SMARTIMG_COOKIE)))
            {
                *token = si_str_trim(value);
                return si_upload_is_token(*token);
            }
        }
    }

    return 0;
}


/* Who sees the key, as it stands in addresses, cannot tell the token. */

static void
ngx_http_smartimg_key_of(si_str *token, char *key)
{
    u_char  digest[SHA256_DIGEST_LENGTH];

    SHA256((const u_char *) token->p, token->len, digest);

    *ngx_hex_dump((u_char *) key, digest, SI_UPLOAD_TOKEN / 2) = '\0';
}


static ngx_int_t
ngx_http_smartimg_begin_session(ngx_http_request_t *r, char *key)
{
    u_char     *p, token[SI_UPLOAD_TOKEN / 2];
    si_str      hex;
    ngx_str_t   value;
    ngx_uint_t  secure;

    static ngx_str_t  set_cookie = ngx_string("Set-Cookie");

    if (getrandom(token, sizeof(token), 0) != sizeof(token)) {
        return NGX_ERROR;
    }

    value.data = ngx_pnalloc(r->pool, 128 + SI_UPLOAD_TOKEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

#if (NGX_HTTP_SSL)
    secure = r->connection->ssl != NULL;
#else
    secure = 0;
#endif

    p = ngx_cpymem(value.data, NGX_HTTP_SMARTIMG_COOKIE "=",
                   sizeof(NGX_HTTP_SMARTIMG_COOKIE "=") - 1);

    hex.p = (const char *) p;
    hex.len = SI_UPLOAD_TOKEN;

    p = ngx_hex_dump(p, token, sizeof(token));
    p = ngx_sprintf(p, "; Path=/; HttpOnly; SameSite=Strict%s",
                    secure ? "; Secure" : "");

    value.len = p - value.data;

    ngx_http_smartimg_key_of(&hex, key);

    return ngx_http_smartimg_add_header(r, &set_cookie, &value);
}


/* ---- expiry ---- */

/*
 * Removes what is too old, and tells how many uploads there are, and how many
 * of a session (`own` may be NULL).  There are never many: each session has at
 * least one.
 */

static void
ngx_http_smartimg_sweep(int fd, si_str *own,
    ngx_http_smartimg_uploaded_t *found)
{
    DIR            *dir;
    ngx_uint_t      n;
    struct dirent  *entry;

    ngx_memzero(found, sizeof(ngx_http_smartimg_uploaded_t));

    fd = openat(fd, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    dir = fd == -1 ? NULL : fdopendir(fd);

    if (dir == NULL) {
        if (fd != -1) {
            (void) close(fd);
        }

        found->all = SI_UPLOADS_IN_ALL;
        return;
    }

    while ((entry = readdir(dir)) != NULL) {
        if (!si_upload_is_token(si_str_of(entry->d_name))) {
            continue;
        }

        n = ngx_http_smartimg_sweep_session(dirfd(dir), entry->d_name);

        found->all += n;

        if (own && si_str_eq(*own, si_str_of(entry->d_name))) {
            found->own = n;
        }
    }

    (void) closedir(dir);
}


/* Returns how many uploads are left; a folder without any goes, too. */

static ngx_uint_t
ngx_http_smartimg_sweep_session(int fd, const char *name)
{
    int             session;
    DIR            *dir;
    ngx_uint_t      n;
    struct stat     st;
    struct dirent  *entry;

    session = openat(fd, name, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
    dir = session == -1 ? NULL : fdopendir(session);

    if (dir == NULL) {
        if (session != -1) {
            (void) close(session);
        }

        return 0;
    }

    n = 0;

    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.'
            || fstatat(session, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == -1)
        {
            continue;
        }

        if (st.st_mtime + SI_UPLOAD_SECONDS <= ngx_time()
            && unlinkat(session, entry->d_name, 0) == 0)
        {
            continue;
        }

        n++;
    }

    (void) closedir(dir);

    if (n == 0) {
        (void) unlinkat(fd, name, AT_REMOVEDIR);
    }

    return n;
}


static void
ngx_http_smartimg_sweep_handler(ngx_event_t *ev)
{
    ngx_http_smartimg_uploaded_t    found;
    ngx_http_smartimg_main_conf_t  *smcf = ev->data;

    ngx_http_smartimg_sweep(smcf->uploads_fd, NULL, &found);

    ngx_add_timer(ev, NGX_HTTP_SMARTIMG_SWEEP);
}


/* One worker is enough. */

void
ngx_http_smartimg_init_uploads(ngx_cycle_t *cycle)
{
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_smartimg_module);

    if (ngx_worker != 0 || smcf == NULL
        || smcf->uploads_fd == NGX_INVALID_FILE)
    {
        return;
    }

    ngx_memzero(&ngx_http_smartimg_sweeper, sizeof(ngx_event_t));

    ngx_http_smartimg_sweeper.handler = ngx_http_smartimg_sweep_handler;
    ngx_http_smartimg_sweeper.data = smcf;
    ngx_http_smartimg_sweeper.log = cycle->log;
    ngx_http_smartimg_sweeper.cancelable = 1;

    ngx_add_timer(&ngx_http_smartimg_sweeper, 1);
}
