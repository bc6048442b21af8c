
/*
 * What the pool tells of its renderers (base/pool_status.h): a file that it
 * writes through memory, and that is mapped here for reading.
 */

#include "ngx_http_smartimg_module.h"
#include "base/clock.h"


static void ngx_http_smartimg_unmap_status(void *data);
static void ngx_http_smartimg_print_numbers(ngx_http_smartimg_text_t *page,
    si_metric family, const char *const *labels, _Atomic uint64_t *numbers,
    ngx_uint_t n);


static const char *const  ngx_http_smartimg_ends[] = {
#define X(id, label, help)  label,
    SI_RENDERER_ENDS(X)
#undef X
};

static const char *const  ngx_http_smartimg_spared[] = {
#define X(id, label, help)  label,
    SI_RENDERER_SPARED(X)
#undef X
};

static const char *const  ngx_http_smartimg_helpers[] = {
#define X(id, label, help)  label,
    SI_POOL_HELPERS(X)
#undef X
};


/* The directive of that name; the master maps the file, workers inherit it. */

char *
ngx_http_smartimg_pool_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_smartimg_main_conf_t  *smcf = conf;

    void                *map;
    ngx_fd_t             fd;
    ngx_err_t            err;
    ngx_str_t           *value;
    struct stat          st;
    ngx_pool_cleanup_t  *cln;

    if (smcf->pool) {
        return "is duplicate";
    }

    value = cf->args->elts;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    map = MAP_FAILED;
    fd = ngx_open_file(value[1].data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd != NGX_INVALID_FILE && fstat(fd, &st) == 0
        && st.st_size >= (off_t) sizeof(si_pool_status))
    {
        map = mmap(NULL, sizeof(si_pool_status), PROT_READ, MAP_SHARED, fd, 0);
    }

    err = ngx_errno;

    if (fd != NGX_INVALID_FILE) {
        (void) ngx_close_file(fd);
    }

    if (map == MAP_FAILED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, err, "no pool tells in \"%V\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    smcf->pool = map;
    cln->handler = ngx_http_smartimg_unmap_status;
    cln->data = map;

    return NGX_CONF_OK;
}


static void
ngx_http_smartimg_unmap_status(void *data)
{
    (void) munmap(data, sizeof(si_pool_status));
}


/* False if the family is none of the pool's. */

ngx_uint_t
ngx_http_smartimg_print_pool(ngx_http_smartimg_text_t *page,
    si_pool_status *status, si_metric family)
{
    int64_t  age;

    switch (family) {

    case SI_METRIC_WANTED:
        ngx_http_smartimg_print_row(page, family, "", status->wanted, 1);
        return 1;

    case SI_METRIC_UP:
        ngx_http_smartimg_print_row(page, family, "", status->up, 1);
        return 1;

    case SI_METRIC_BUSY:
        ngx_http_smartimg_print_row(page, family, "", status->busy, 1);
        return 1;

    case SI_METRIC_POOL_STARTS:
        ngx_http_smartimg_print_row(page, family, "", status->starts, 1);
        return 1;

    case SI_METRIC_POOL_SEEN:
        age = (si_now_ns() - status->seen_ns) / SI_MILLISECOND;
        ngx_http_smartimg_print_row(page, family, "", ngx_max(age, 0), 1000);
        return 1;

    case SI_METRIC_ENDS:
        ngx_http_smartimg_print_numbers(page, family, ngx_http_smartimg_ends,
                                        status->ends, SI_RENDERER_END_COUNT);
        return 1;

    case SI_METRIC_SPARED:
        ngx_http_smartimg_print_numbers(page, family,
                                        ngx_http_smartimg_spared,
                                        status->spared,
                                        SI_RENDERER_SPARED_COUNT);
        return 1;

    case SI_METRIC_HELPERS:
        ngx_http_smartimg_print_numbers(page, family,
                                        ngx_http_smartimg_helpers,
                                        status->helper_ends,
                                        SI_POOL_HELPER_COUNT);
        return 1;

    default:
        return 0;
    }
}


static void
ngx_http_smartimg_print_numbers(ngx_http_smartimg_text_t *page,
    si_metric family, const char *const *labels, _Atomic uint64_t *numbers,
    ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        ngx_http_smartimg_print_row(page, family, labels[i], numbers[i], 1);
    }
}
