
/*
 * What the configuration names: the catalog, the folder of originals, and the
 * table of generations.
 */

#include "ngx_http_smartimg_module.h"


static ngx_int_t ngx_http_smartimg_open_uploads(ngx_conf_t *cf,
    ngx_http_smartimg_main_conf_t *smcf);
static char *ngx_http_smartimg_map_generations(ngx_conf_t *cf,
    ngx_http_smartimg_main_conf_t *smcf);
static void ngx_http_smartimg_report(void *context, const char *file, int line,
    const char *text);
static void ngx_http_smartimg_link_outside(void *context, const char *path);
static void ngx_http_smartimg_unload(void *data);


/*
 * The catalog and the mapped generation table are made once, in the master
 * process: workers inherit them.  If either is bad, a reload keeps the old
 * configuration running.
 */

char *
ngx_http_smartimg_load(ngx_conf_t *cf, ngx_http_smartimg_main_conf_t *smcf)
{
    si_diag              diag;
    const char          *config;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_smartimg_unload;
    cln->data = smcf;

    if (ngx_conf_full_name(cf->cycle, &smcf->root, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    config = NULL;

    if (smcf->config.len) {
        if (ngx_conf_full_name(cf->cycle, &smcf->config, 1) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        config = (const char *) smcf->config.data;
    }

    ngx_memzero(&diag, sizeof(si_diag));

    if (si_catalog_load(config, (const char *) smcf->root.data,
                        ngx_http_smartimg_report, cf, &smcf->catalog, &diag)
        != SI_OK)
    {
        /* mistakes in the configuration are reported already */

        if (diag.code != SI_ERR_CONFIG) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "smartimg: %s",
                          diag.text);
        }

        return NGX_CONF_ERROR;
    }

    si_catalog_on_outside(smcf->catalog, ngx_http_smartimg_link_outside, NULL);

    si_catalog_on_origins(smcf->catalog, ngx_http_smartimg_look_at_origin, smcf);

    smcf->root_fd = open((char *) smcf->root.data,
                         O_PATH|O_DIRECTORY|O_CLOEXEC);

    if (smcf->root_fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, ngx_errno,
                      "open() \"%V\" failed", &smcf->root);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_smartimg_open_uploads(cf, smcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_smartimg_map_generations(cf, smcf);
}


static ngx_int_t
ngx_http_smartimg_open_uploads(ngx_conf_t *cf,
    ngx_http_smartimg_main_conf_t *smcf)
{
    if (smcf->uploads.len == 0) {
        return NGX_OK;
    }

    if (ngx_conf_full_name(cf->cycle, &smcf->uploads, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    smcf->uploads_fd = open((char *) smcf->uploads.data,
                            O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (smcf->uploads_fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, ngx_errno,
                      "open() \"%V\" failed", &smcf->uploads);
        return NGX_ERROR;
    }

    si_catalog_set_uploads(smcf->catalog, smcf->uploads_fd);

    return NGX_OK;
}


static char *
ngx_http_smartimg_map_generations(ngx_conf_t *cf,
    ngx_http_smartimg_main_conf_t *smcf)
{
    si_diag  diag;

    if (smcf->generations.len == 0) {
        return NGX_CONF_OK;
    }

    if (ngx_conf_full_name(cf->cycle, &smcf->generations, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&diag, sizeof(si_diag));

    if (si_generations_open((const char *) smcf->generations.data,
                            &smcf->table, &diag)
        != SI_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "smartimg: %s", diag.text);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void
ngx_http_smartimg_report(void *context, const char *file, int line,
    const char *text)
{
    ngx_uint_t   level;
    ngx_conf_t  *cf = context;

    level = si_catalog_is_warning(text) ? NGX_LOG_INFO : NGX_LOG_EMERG;

    ngx_log_error(level, cf->log, 0, "smartimg: %s:%d: %s", file, line, text);
}


/* The client is told that there is no such image. */

static void
ngx_http_smartimg_link_outside(void *context, const char *path)
{
    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "smartimg: \"%s\" is not served: it is a link out of the root",
                  path);
}


static void
ngx_http_smartimg_unload(void *data)
{
    ngx_http_smartimg_main_conf_t  *smcf = data;

    if (smcf->catalog) {
        si_catalog_free(smcf->catalog);
    }

    if (smcf->table) {
        si_generations_close(smcf->table);
    }

    if (smcf->root_fd != NGX_INVALID_FILE) {
        (void) close(smcf->root_fd);
    }

    if (smcf->uploads_fd != NGX_INVALID_FILE) {
        (void) close(smcf->uploads_fd);
    }
}
