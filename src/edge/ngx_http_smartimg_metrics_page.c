
/*
 * /metrics: what was counted, in Prometheus' text format 0.0.4, family by
 * family as base/metrics.h has them.
 */

#include "ngx_http_smartimg_module.h"


/* bytes of the page: of all that has no labels of requests; of a series */

#define NGX_HTTP_SMARTIMG_PAGE_SIZE    65536
#define NGX_HTTP_SMARTIMG_SERIES_SIZE  320

/* bytes of another process's report, at most */

#define NGX_HTTP_SMARTIMG_REPORT  16384


static ngx_int_t ngx_http_smartimg_metrics_handler(ngx_http_request_t *r);
static void ngx_http_smartimg_print_family(ngx_http_smartimg_text_t *page,
    ngx_http_smartimg_shared_t *shared, si_metric family);
static ngx_uint_t ngx_http_smartimg_print_now(ngx_http_smartimg_text_t *page,
    ngx_http_smartimg_shared_t *shared, si_metric family);
static void ngx_http_smartimg_print_build(ngx_http_smartimg_text_t *page);
static void ngx_http_smartimg_print_sums(ngx_http_smartimg_text_t *page,
    ngx_http_smartimg_shared_t *shared, si_metric family);
static void ngx_http_smartimg_print_histograms(
    ngx_http_smartimg_text_t *page, ngx_http_smartimg_shared_t *shared,
    si_metric family);
static void ngx_http_smartimg_print_histogram(ngx_http_smartimg_text_t *page,
    si_metric family, const char *label, const si_metric_scale *scale,
    ngx_http_smartimg_histogram_t *histogram);
static void ngx_http_smartimg_print_decimal(ngx_http_smartimg_text_t *page,
    ngx_atomic_int_t n, long unit);
static ngx_atomic_int_t ngx_http_smartimg_sum(
    ngx_http_smartimg_shared_t *shared, size_t offset);
static ngx_http_file_cache_t *ngx_http_smartimg_find_cache(void);
static u_char *ngx_http_smartimg_copy_report(u_char *p, ngx_str_t *name);


/* numbers of processes: where they stand in the counters */

typedef struct {
    si_metric         family;
    size_t            offset;
    const char       *label;
    si_metric_bounds  scale;   /* of a histogram */
} ngx_http_smartimg_row_t;


static ngx_http_smartimg_row_t  ngx_http_smartimg_rows[] = {
#define X(field, family, label)                                               \
    { SI_METRIC_##family, offsetof(ngx_http_smartimg_counters_t, field),      \
      label, 0 },
    SI_METRIC_ROWS(X)
#undef X
};

#define NGX_HTTP_SMARTIMG_ROWS                                                \
    (sizeof(ngx_http_smartimg_rows) / sizeof(ngx_http_smartimg_row_t))


static ngx_http_smartimg_row_t  ngx_http_smartimg_histograms[] = {
#define X(field, family, label, bounds)                                       \
    { SI_METRIC_##family, offsetof(ngx_http_smartimg_counters_t, field),      \
      label, SI_BOUNDS_##bounds },
    SI_METRIC_HISTOGRAMS(X)
#undef X
};

#define NGX_HTTP_SMARTIMG_HISTOGRAMS                                          \
    (sizeof(ngx_http_smartimg_histograms) / sizeof(ngx_http_smartimg_row_t))


char *
ngx_http_smartimg_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_smartimg_loc_conf_t  *slcf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    if (cf->args->nelts == 2) {
        value = cf->args->elts;
        slcf->report = value[1];
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_smartimg_metrics_handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_smartimg_metrics_handler(ngx_http_request_t *r)
{
    size_t                       size;
    ngx_str_t                    type;
    ngx_uint_t                   i;
    ngx_http_complex_value_t     cv;
    ngx_http_smartimg_text_t     page;
    ngx_http_smartimg_shared_t  *shared;

    ngx_http_smartimg_loc_conf_t  *slcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    shared = ngx_http_smartimg_shared();

    if (shared == NULL) {
        return NGX_HTTP_NOT_FOUND;
    }

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_smartimg_module);

    size = NGX_HTTP_SMARTIMG_PAGE_SIZE
           + ngx_http_smartimg_count_numbers(&shared->series)
             * NGX_HTTP_SMARTIMG_SERIES_SIZE;

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));

    cv.value.data = ngx_pnalloc(r->pool, size + NGX_HTTP_SMARTIMG_REPORT);
    if (cv.value.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    page.p = cv.value.data;
    page.last = cv.value.data + size;

    for (i = 0; i < SI_METRIC_COUNT; i++) {
        ngx_http_smartimg_print_family(&page, shared, i);
    }

    if (page.p == page.last) {
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "the page of metrics is too long");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (slcf->report.len) {
        page.p = ngx_http_smartimg_copy_report(page.p, &slcf->report);
    }

    cv.value.len = page.p - cv.value.data;

    ngx_str_set(&type, "text/plain; version=0.0.4; charset=utf-8");

    return ngx_http_send_response(r, NGX_HTTP_OK, &type, &cv);
}


/* Its head, and its rows; a family without rows is left out. */

static void
ngx_http_smartimg_print_family(ngx_http_smartimg_text_t *page,
    ngx_http_smartimg_shared_t *shared, si_metric family)
{
    u_char                         *start, *rows;
    const si_metric_family         *f;
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_smartimg_module);
    f = &si_metric_families[family];

    start = page->p;
    page->p = ngx_slprintf(page->p, page->last, "# HELP %s %s\n# TYPE %s %s\n",
                           f->name, f->help, f->name, f->type);
    rows = page->p;

    if (!ngx_http_smartimg_print_now(page, shared, family)
        && (smcf->pool == NULL
            || !ngx_http_smartimg_print_pool(page, smcf->pool, family)))
    {
        ngx_http_smartimg_print_sums(page, shared, family);
        ngx_http_smartimg_print_histograms(page, shared, family);
        ngx_http_smartimg_print_series(page, &shared->series, family);
    }

    if (page->p == rows) {
        page->p = start;
    }
}


/* What is found out for the page; false if the family is none of these. */

static ngx_uint_t
ngx_http_smartimg_print_now(ngx_http_smartimg_text_t *page,
    ngx_http_smartimg_shared_t *shared, si_metric family)
{
    ngx_http_file_cache_t  *cache;

    switch (family) {

    case SI_METRIC_BUILD:
        ngx_http_smartimg_print_build(page);
        return 1;

    case SI_METRIC_CACHE_FULL:
        ngx_http_smartimg_print_row(page, family, "", shared->disk_full, 1);
        return 1;

    case SI_METRIC_REFINING:
        ngx_http_smartimg_print_row(page, family, "",
                             ngx_http_smartimg_table_waiting(shared->table), 1);
        return 1;

    case SI_METRIC_FORESEEN:
        ngx_http_smartimg_print_row(page, family, "",
                                    ngx_http_smartimg_foreseen(shared),
                                    1000000);
        return 1;

    case SI_METRIC_CACHE_BYTES:
    case SI_METRIC_CACHE_LIMIT:
        cache = ngx_http_smartimg_find_cache();

        if (cache) {
            ngx_http_smartimg_print_row(page, family, "",
                                        (family == SI_METRIC_CACHE_BYTES
                                         ? cache->sh->size : cache->max_size)
                                        * (off_t) cache->bsize, 1);
        }

        return 1;

    default:
        return 0;
    }
}


/* nginx's cache of renderers' replies, or NULL */

static ngx_http_file_cache_t *
ngx_http_smartimg_find_cache(void)
{
    ngx_uint_t        i;
    ngx_shm_zone_t   *zone;
    ngx_list_part_t  *part;

    extern ngx_module_t  ngx_http_scgi_module;

    for (part = (ngx_list_part_t *) &ngx_cycle->shared_memory.part; part;
         part = part->next)
    {
        zone = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (zone[i].tag == &ngx_http_scgi_module && zone[i].data) {
                return zone[i].data;
            }
        }
    }

    return NULL;
}


static void
ngx_http_smartimg_print_build(ngx_http_smartimg_text_t *page)
{
    page->p = ngx_slprintf(page->p, page->last,
                           "%s{version=\"%s\",revision=\"%d\",nginx=\"%s\"} 1\n",
                           si_metric_families[SI_METRIC_BUILD].name,
                           SMARTIMG_VERSION, (int) SI_RECIPE_REVISION,
                           NGINX_VERSION);
}


static void
ngx_http_smartimg_print_sums(ngx_http_smartimg_text_t *page,
    ngx_http_smartimg_shared_t *shared, si_metric family)
{
    ngx_uint_t                i;
    ngx_http_smartimg_row_t  *row;

    for (i = 0; i < NGX_HTTP_SMARTIMG_ROWS; i++) {
        row = &ngx_http_smartimg_rows[i];

        if (row->family == family) {
            ngx_http_smartimg_print_row(page, family, row->label,
                                        ngx_http_smartimg_sum(shared,
                                                              row->offset), 1);
        }
    }
}


/* What a number has come to in all processes. */

static ngx_atomic_int_t
ngx_http_smartimg_sum(ngx_http_smartimg_shared_t *shared, size_t offset)
{
    ngx_uint_t        k;
    ngx_atomic_int_t  sum;

    sum = 0;

    for (k = 0; k < NGX_HTTP_SMARTIMG_SLOTS; k++) {
        sum += *(ngx_atomic_t *) ((u_char *) &shared->counters[k] + offset);
    }

    return sum;
}


static void
ngx_http_smartimg_print_histograms(ngx_http_smartimg_text_t *page,
    ngx_http_smartimg_shared_t *shared, si_metric family)
{
    size_t                         at;
    ngx_uint_t                     i, k;
    ngx_http_smartimg_row_t       *row;
    ngx_http_smartimg_histogram_t  sums;

    for (i = 0; i < NGX_HTTP_SMARTIMG_HISTOGRAMS; i++) {
        row = &ngx_http_smartimg_histograms[i];

        if (row->family != family) {
            continue;
        }

        at = row->offset + offsetof(ngx_http_smartimg_histogram_t, buckets);

        for (k = 0; k <= SI_METRIC_BOUNDS_MAX; k++) {
            sums.buckets[k] = ngx_http_smartimg_sum(shared,
                                                at + k * sizeof(ngx_atomic_t));
        }

        sums.sum = ngx_http_smartimg_sum(shared, row->offset
                             + offsetof(ngx_http_smartimg_histogram_t, sum));

        ngx_http_smartimg_print_histogram(page, family, row->label,
                                          &si_metric_scales[row->scale],
                                          &sums);
    }
}


static void
ngx_http_smartimg_print_histogram(ngx_http_smartimg_text_t *page,
    si_metric family, const char *label, const si_metric_scale *scale,
    ngx_http_smartimg_histogram_t *histogram)
{
    int                      i;
    u_char                   labels[64];
    ngx_atomic_int_t         n;
    const si_metric_family  *f;

    f = &si_metric_families[family];
    labels[0] = '\0';

    if (*label) {
        (void) ngx_snprintf(labels, sizeof(labels), "%s=\"%s\"%Z", f->labels,
                            label);
    }

    n = 0;

    for (i = 0; i <= scale->count; i++) {
        n += histogram->buckets[i];

        page->p = ngx_slprintf(page->p, page->last, "%s_bucket{%s%sle=\"",
                               f->name, labels, *label ? "," : "");

        if (i < scale->count) {
            ngx_http_smartimg_print_decimal(page, scale->bounds[i],
                                            scale->unit);

        } else {
            page->p = ngx_slprintf(page->p, page->last, "+Inf");
        }

        page->p = ngx_slprintf(page->p, page->last, "\"} %A\n", n);
    }

    page->p = ngx_slprintf(page->p, page->last, "%s_sum%s%s%s ", f->name,
                           *label ? "{" : "", labels, *label ? "}" : "");
    ngx_http_smartimg_print_decimal(page, histogram->sum, scale->unit);

    page->p = ngx_slprintf(page->p, page->last, "\n%s_count%s%s%s %A\n",
                           f->name, *label ? "{" : "", labels,
                           *label ? "}" : "", n);
}


void
ngx_http_smartimg_print_row(ngx_http_smartimg_text_t *page,
    si_metric family, const char *label, ngx_atomic_int_t n, long unit)
{
    const si_metric_family  *f;

    f = &si_metric_families[family];

    page->p = ngx_slprintf(page->p, page->last, "%s", f->name);

    if (*label) {
        page->p = ngx_slprintf(page->p, page->last, "{%s=\"%s\"}", f->labels,
                               label);
    }

    page->p = ngx_slprintf(page->p, page->last, " ");
    ngx_http_smartimg_print_decimal(page, n, unit);
    page->p = ngx_slprintf(page->p, page->last, "\n");
}


/* n over a power of ten, with as many places as it needs. */

static void
ngx_http_smartimg_print_decimal(ngx_http_smartimg_text_t *page,
    ngx_atomic_int_t n, long unit)
{
    ngx_atomic_int_t  rest;

    page->p = ngx_slprintf(page->p, page->last, "%s%A", n < 0 ? "-" : "",
                           (n < 0 ? -n : n) / unit);

    rest = (n < 0 ? -n : n) % unit;

    if (rest) {
        page->p = ngx_slprintf(page->p, page->last, ".");
    }

    while (rest) {
        unit /= 10;
        page->p = ngx_slprintf(page->p, page->last, "%A", rest / unit);
        rest %= unit;
    }
}


/*
 * What another process has written, in whole and a second ago at most; nothing
 * if it has written nothing yet.
 */

static u_char *
ngx_http_smartimg_copy_report(u_char *p, ngx_str_t *name)
{
    ssize_t   n;
    ngx_fd_t  fd;

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        return p;
    }

    n = ngx_read_fd(fd, p, NGX_HTTP_SMARTIMG_REPORT);

    (void) ngx_close_file(fd);

    return n > 0 ? p + n : p;
}
