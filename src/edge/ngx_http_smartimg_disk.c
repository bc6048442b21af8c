
/*
 * Whether the cache's disk takes anything.  nginx writes what it stores to a
 * file first and sends it from there, so on a full disk, or one that has
 * become read-only, clients would get nothing at all.  What cannot be stored
 * is sent as it comes.
 */

#include "ngx_http_smartimg_module.h"
#include <sys/statvfs.h>


/* how often something is written to it */

#define NGX_HTTP_SMARTIMG_DISK_MS  1000


static ngx_err_t ngx_http_smartimg_disk_error(
    ngx_http_smartimg_shared_t *shared, ngx_http_smartimg_main_conf_t *smcf);
static ngx_err_t ngx_http_smartimg_try_disk(const char *folder);


/* The directive of that name: folder of the cache, bytes to be left free. */

char *
ngx_http_smartimg_disk(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_smartimg_main_conf_t  *smcf = conf;

    ngx_str_t  *value;

    if (smcf->disk.len) {
        return "is duplicate";
    }

    value = cf->args->elts;
    smcf->disk = value[1];
    smcf->disk_free = ngx_parse_offset(&value[2]);

    if (smcf->disk_free == NGX_ERROR) {
        return "takes a size";
    }

    return ngx_conf_full_name(cf->cycle, &smcf->disk, 0) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/*
 * To be asked before something is stored.  The first that finds out, and the
 * first to find it mended, says so in the log.  All workers know.
 */

ngx_uint_t
ngx_http_smartimg_disk_takes(ngx_http_request_t *r)
{
    ngx_err_t                       err;
    ngx_uint_t                      full;
    ngx_http_smartimg_shared_t     *shared;
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);
    shared = ngx_http_smartimg_shared();

    if (smcf->disk.len == 0 || shared == NULL) {
        return 1;
    }

    full = shared->disk_full;
    err = ngx_http_smartimg_disk_error(shared, smcf);

    if (err && !full) {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, err,
                      "nothing can be stored in \"%V\", "
                      "replies are sent uncached", &smcf->disk);
    }

    if (!err && full) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "replies are stored in \"%V\" again", &smcf->disk);
    }

    shared->disk_full = err ? 1 : 0;

    return !err;
}


/*
 * What is free is looked at for each reply, which takes a microsecond: a disk
 * may be full from one to the next.  All else shows only when something is
 * written.
 */

static ngx_err_t
ngx_http_smartimg_disk_error(ngx_http_smartimg_shared_t *shared,
    ngx_http_smartimg_main_conf_t *smcf)
{
    struct statvfs  fs;

    if (statvfs((char *) smcf->disk.data, &fs) != 0) {
        return ngx_errno;
    }

    if (fs.f_flag & ST_RDONLY) {
        return EROFS;
    }

    if ((off_t) fs.f_bavail * (off_t) fs.f_frsize < smcf->disk_free) {
        return NGX_ENOSPC;
    }

    if (!shared->disk_looked
        || ngx_current_msec - shared->disk_looked >= NGX_HTTP_SMARTIMG_DISK_MS)
    {
        shared->disk_looked = ngx_current_msec;
        shared->disk_error = ngx_http_smartimg_try_disk(
                                                  (char *) smcf->disk.data);
    }

    return shared->disk_error;
}


/* Writes a page to a file without a name: quotas and rights show only so. */

static ngx_err_t
ngx_http_smartimg_try_disk(const char *folder)
{
    ngx_fd_t   fd;
    ngx_err_t  err;

    static u_char  page[4096];

    fd = open(folder, O_WRONLY|O_TMPFILE|O_CLOEXEC, 0600);

    if (fd == NGX_INVALID_FILE) {

        /* a file system without such files, or a process short of them */

        return (ngx_errno == EOPNOTSUPP || ngx_errno == NGX_EMFILE
                || ngx_errno == NGX_ENFILE)
               ? 0 : ngx_errno;
    }

    err = (pwrite(fd, page, sizeof(page), 0) == sizeof(page)) ? 0 : NGX_ENOSPC;

    if (close(fd) != 0 && err == 0) {
        err = ngx_errno;
    }

    return err;
}
