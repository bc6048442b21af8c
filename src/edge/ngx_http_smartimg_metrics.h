
/*
 * Numbers that processes share, and their page in Prometheus' text format.
 * What there is stands in base/metrics.h.
 *
 * Nobody waits for anybody: what has fixed labels is counted on cache lines
 * of the process' own and added up for the page; what has labels of requests
 * is counted in one table, by atomic operations.
 */

#ifndef _NGX_HTTP_SMARTIMG_METRICS_H_INCLUDED_
#define _NGX_HTTP_SMARTIMG_METRICS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "base/metrics.h"
#include "base/pool_status.h"


#define NGX_HTTP_SMARTIMG_SLOTS         64    /* processes */
#define NGX_HTTP_SMARTIMG_COMPANIES     256   /* the first is "other" */
#define NGX_HTTP_SMARTIMG_COMPANY_NAME  64    /* bytes, with its end */
#define NGX_HTTP_SMARTIMG_SERIES        4096  /* a power of two */
/* as many may be of requests, which have the most labels */
#define NGX_HTTP_SMARTIMG_MANY          (NGX_HTTP_SMARTIMG_SERIES / 4 * 3)
#define NGX_HTTP_SMARTIMG_LABELS        4     /* of a family, at most */


typedef struct {
    ngx_atomic_t                   buckets[SI_METRIC_BOUNDS_MAX + 1];
    ngx_atomic_t                   sum;    /* in the unit of its scale */
} ngx_http_smartimg_histogram_t;


/* counters of one worker process, on cache lines of its own */

typedef struct {
#define X(field, family, label)  ngx_atomic_t  field;
    SI_METRIC_ROWS(X)
#undef X
#define X(field, family, label, bounds)  ngx_http_smartimg_histogram_t  field;
    SI_METRIC_HISTOGRAMS(X)
#undef X
} __attribute__((aligned(128))) ngx_http_smartimg_counters_t;


/* the labels of a series and what it has come to */

typedef struct {
    ngx_atomic_t                   key;    /* 0 = free */
    ngx_atomic_t                   value;
} ngx_http_smartimg_number_t;


typedef struct {
    ngx_atomic_t                   ncompanies;
    u_char                         companies[NGX_HTTP_SMARTIMG_COMPANIES]
                                            [NGX_HTTP_SMARTIMG_COMPANY_NAME];
    ngx_atomic_t                   rest[SI_METRIC_COUNT]; /* found no room */
    ngx_atomic_t                   taken;  /* of numbers */
    ngx_http_smartimg_number_t     numbers[NGX_HTTP_SMARTIMG_SERIES];
} ngx_http_smartimg_series_t;


/* of the page, which ends at `last` */

typedef struct {
    u_char                        *p;
    u_char                        *last;
} ngx_http_smartimg_text_t;


/*
 * Adds n to the series of a family that has these labels, in the order in
 * which its row has them; those that it lacks are 0.  A company is as of
 * ngx_http_smartimg_company(), a class the formats of a client, a format an
 * si_format plus 1, or 0 for none.  A series that finds no room is counted
 * with the rest.
 */
void ngx_http_smartimg_count_series(si_metric family, ngx_uint_t first,
    ngx_uint_t second, ngx_uint_t third, ngx_uint_t fourth, ngx_uint_t n);

/* The number of a company of the catalog, by its id; 0 for any other. */
ngx_uint_t ngx_http_smartimg_company(const char *id);

ngx_int_t ngx_http_smartimg_init_series(ngx_cycle_t *cycle);
ngx_uint_t ngx_http_smartimg_count_numbers(ngx_http_smartimg_series_t *series);
void ngx_http_smartimg_print_series(ngx_http_smartimg_text_t *page,
    ngx_http_smartimg_series_t *series, si_metric family);

/* the pool's numbers, and directive that names their file */
char *ngx_http_smartimg_pool_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_uint_t ngx_http_smartimg_print_pool(ngx_http_smartimg_text_t *page,
    si_pool_status *status, si_metric family);

/* One row: a name, a label unless that is empty, a number over its unit. */
void ngx_http_smartimg_print_row(ngx_http_smartimg_text_t *page,
    si_metric family, const char *label, ngx_atomic_int_t n, long unit);

/* what a renderer says of its answer */
void ngx_http_smartimg_note_choice(ngx_http_request_t *r);

/* the counters of this process; never NULL */
extern ngx_http_smartimg_counters_t  *ngx_http_smartimg_counters;


#define ngx_http_smartimg_count(field, n)                                     \
    (void) ngx_atomic_fetch_add(&ngx_http_smartimg_counters->field, n)

/* an observation, in the unit of the scale */
#define ngx_http_smartimg_observe(field, scale, n)                            \
    ngx_http_smartimg_observe_at(&ngx_http_smartimg_counters->field, scale, n)


static ngx_inline void
ngx_http_smartimg_observe_at(ngx_http_smartimg_histogram_t *histogram,
    si_metric_bounds scale, long n)
{
    (void) ngx_atomic_fetch_add(&histogram->buckets[si_metric_bucket(scale, n)],
                                1);
    (void) ngx_atomic_fetch_add(&histogram->sum, n);
}


#endif /* _NGX_HTTP_SMARTIMG_METRICS_H_INCLUDED_ */
