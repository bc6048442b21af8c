
/*
 * Numbers whose labels come with requests: how many there are is bounded,
 * whatever is asked for.  A table that never forgets, in shared memory, whose
 * entries are taken by one atomic operation and added to by another.  The
 * companies that labels name are those of the configuration; all others are
 * one.
 */

#include "ngx_http_smartimg_module.h"


/* a label in a key; all of its bits: of the rest, which found no room */

#define NGX_HTTP_SMARTIMG_LABEL_BITS  14
#define NGX_HTTP_SMARTIMG_REST        ((1 << NGX_HTTP_SMARTIMG_LABEL_BITS) - 1)

/* entries that are looked at for a key */
#define NGX_HTTP_SMARTIMG_TRIES       64


typedef struct {
    const char  *name;
    u_char    *(*print)(u_char *p, u_char *last, ngx_uint_t value,
                        ngx_http_smartimg_series_t *series);
} ngx_http_smartimg_label_t;


static ngx_http_smartimg_number_t *ngx_http_smartimg_find_number(
    ngx_http_smartimg_series_t *series, ngx_atomic_uint_t key);
static ngx_uint_t ngx_http_smartimg_name_company(
    ngx_http_smartimg_series_t *series, const char *id);
static u_char *ngx_http_smartimg_print_labels(u_char *p, u_char *last,
    const char *names, ngx_atomic_uint_t key,
    ngx_http_smartimg_series_t *series);
static u_char *ngx_http_smartimg_print_company(u_char *p, u_char *last,
    ngx_uint_t value, ngx_http_smartimg_series_t *series);
static u_char *ngx_http_smartimg_print_class(u_char *p, u_char *last,
    ngx_uint_t value, ngx_http_smartimg_series_t *series);
static u_char *ngx_http_smartimg_print_format(u_char *p, u_char *last,
    ngx_uint_t value, ngx_http_smartimg_series_t *series);
static u_char *ngx_http_smartimg_print_status(u_char *p, u_char *last,
    ngx_uint_t value, ngx_http_smartimg_series_t *series);
static u_char *ngx_http_smartimg_print_tier(u_char *p, u_char *last,
    ngx_uint_t value, ngx_http_smartimg_series_t *series);


_Static_assert(sizeof(ngx_atomic_t) == 8, "a key has 64 bits");
_Static_assert((unsigned) SI_FORMAT_COUNT < NGX_HTTP_SMARTIMG_LABEL_BITS,
               "a class is a set of formats");


static ngx_http_smartimg_label_t  ngx_http_smartimg_labels[] = {
    { "company", ngx_http_smartimg_print_company },
    { "class", ngx_http_smartimg_print_class },
    { "format", ngx_http_smartimg_print_format },
    { "status", ngx_http_smartimg_print_status },
    { "tier", ngx_http_smartimg_print_tier },
    { NULL, NULL }
};


/* of this process: the numbers of the catalog's companies, by their ids */

typedef struct {
    const char  *id;
    ngx_uint_t   number;
} ngx_http_smartimg_company_t;

static ngx_http_smartimg_series_t   *ngx_http_smartimg_series;
static ngx_http_smartimg_company_t  *ngx_http_smartimg_companies;
static ngx_uint_t                    ngx_http_smartimg_ncompanies;


ngx_int_t
ngx_http_smartimg_init_series(ngx_cycle_t *cycle)
{
    ngx_uint_t                      i;
    ngx_slab_pool_t                *shpool;
    const si_company               *company;
    ngx_http_smartimg_shared_t     *shared;
    ngx_http_smartimg_company_t    *known;
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_smartimg_module);
    shared = ngx_http_smartimg_shared();

    if (shared == NULL || smcf->catalog == NULL) {
        return NGX_OK;
    }

    for (i = 0; si_catalog_company(smcf->catalog, i + 1); i++) { /* void */ }

    known = ngx_palloc(cycle->pool,
                       (i + 1) * sizeof(ngx_http_smartimg_company_t));
    if (known == NULL) {
        return NGX_ERROR;
    }

    shpool = (ngx_slab_pool_t *) smcf->zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    for (i = 0; /* void */; i++) {
        company = si_catalog_company(smcf->catalog, i + 1);

        if (company == NULL) {
            break;
        }

        known[i].id = company->id;
        known[i].number = ngx_http_smartimg_name_company(&shared->series,
                                                         company->id);
    }

    ngx_shmtx_unlock(&shpool->mutex);

    ngx_http_smartimg_series = &shared->series;
    ngx_http_smartimg_companies = known;
    ngx_http_smartimg_ncompanies = i;

    return NGX_OK;
}


/* A company keeps its number while the zone lives; 0: there is no more room. */

static ngx_uint_t
ngx_http_smartimg_name_company(ngx_http_smartimg_series_t *series,
    const char *id)
{
    size_t      len;
    ngx_uint_t  i;

    len = ngx_strlen(id);

    for (i = 1; i <= series->ncompanies; i++) {
        if (ngx_strcmp(series->companies[i], id) == 0) {
            return i;
        }
    }

    if (i == NGX_HTTP_SMARTIMG_COMPANIES
        || len >= NGX_HTTP_SMARTIMG_COMPANY_NAME)
    {
        return 0;
    }

    ngx_memcpy(series->companies[i], id, len + 1);
    series->ncompanies = i;

    return i;
}


/* They stand in the order of their names. */

ngx_uint_t
ngx_http_smartimg_company(const char *id)
{
    ngx_int_t   rc;
    ngx_uint_t  low, high, middle;

    low = 0;
    high = id ? ngx_http_smartimg_ncompanies : 0;

    while (low < high) {
        middle = (low + high) / 2;
        rc = ngx_strcmp(id, ngx_http_smartimg_companies[middle].id);

        if (rc == 0) {
            return ngx_http_smartimg_companies[middle].number;
        }

        if (rc < 0) {
            high = middle;

        } else {
            low = middle + 1;
        }
    }

    return 0;
}


void
ngx_http_smartimg_count_series(si_metric family, ngx_uint_t first,
    ngx_uint_t second, ngx_uint_t third, ngx_uint_t fourth, ngx_uint_t n)
{
    ngx_atomic_t                *value;
    ngx_atomic_uint_t            key;
    ngx_http_smartimg_number_t  *number;

    if (ngx_http_smartimg_series == NULL) {
        return;
    }

    key = family + 1;
    key = key << NGX_HTTP_SMARTIMG_LABEL_BITS | first;
    key = key << NGX_HTTP_SMARTIMG_LABEL_BITS | second;
    key = key << NGX_HTTP_SMARTIMG_LABEL_BITS | third;
    key = key << NGX_HTTP_SMARTIMG_LABEL_BITS | fourth;

    number = ngx_http_smartimg_find_number(ngx_http_smartimg_series, key);

    value = number ? &number->value : &ngx_http_smartimg_series->rest[family];

    (void) ngx_atomic_fetch_add(value, n);
}


/* Takes a free entry for a new key; NULL: none is near. */

static ngx_http_smartimg_number_t *
ngx_http_smartimg_find_number(ngx_http_smartimg_series_t *series,
    ngx_atomic_uint_t key)
{
    ngx_uint_t                   i, at, most;
    ngx_http_smartimg_number_t  *number;

    most = key >> (4 * NGX_HTTP_SMARTIMG_LABEL_BITS) == SI_METRIC_REQUESTS + 1
           ? NGX_HTTP_SMARTIMG_MANY : NGX_HTTP_SMARTIMG_SERIES;

    /* of the product, only the highest bits depend on all labels */

    at = (key * UINT64_C(0x9e3779b97f4a7c15) >> 32) * NGX_HTTP_SMARTIMG_SERIES
         >> 32;

    for (i = 0; i < NGX_HTTP_SMARTIMG_TRIES; i++) {
        number = &series->numbers[(at + i) % NGX_HTTP_SMARTIMG_SERIES];

        if (number->key == 0) {

            if (series->taken >= most) {
                return NULL;
            }

            if (ngx_atomic_cmp_set(&number->key, 0, key)) {
                (void) ngx_atomic_fetch_add(&series->taken, 1);
            }
        }

        if (number->key == key) {
            return number;
        }
    }

    return NULL;
}


/* ---- the page ---- */

ngx_uint_t
ngx_http_smartimg_count_numbers(ngx_http_smartimg_series_t *series)
{
    ngx_uint_t  i, n;

    n = 0;

    for (i = 0; i < NGX_HTTP_SMARTIMG_SERIES; i++) {
        n += series->numbers[i].key != 0;
    }

    return n;
}


void
ngx_http_smartimg_print_series(ngx_http_smartimg_text_t *page,
    ngx_http_smartimg_series_t *series, si_metric family)
{
    ngx_uint_t               i;
    ngx_atomic_uint_t        key, value;
    const si_metric_family  *f;

    f = &si_metric_families[family];

    for (i = 0; i <= NGX_HTTP_SMARTIMG_SERIES; i++) {

        if (i < NGX_HTTP_SMARTIMG_SERIES) {
            key = series->numbers[i].key;
            value = series->numbers[i].value;

        } else {
            value = series->rest[family];
            key = value ? (ngx_atomic_uint_t) (family + 1)
                          << (4 * NGX_HTTP_SMARTIMG_LABEL_BITS)
                          | ((UINT64_C(1) << 4 * NGX_HTTP_SMARTIMG_LABEL_BITS)
                             - 1)
                        : 0;
        }

        if (key >> (4 * NGX_HTTP_SMARTIMG_LABEL_BITS) != family + 1) {
            continue;
        }

        page->p = ngx_slprintf(page->p, page->last, "%s{", f->name);
        page->p = ngx_http_smartimg_print_labels(page->p, page->last,
                                                 f->labels, key, series);
        page->p = ngx_slprintf(page->p, page->last, "} %uA\n", value);
    }
}


/* `names` are parted by commas. */

static u_char *
ngx_http_smartimg_print_labels(u_char *p, u_char *last, const char *names,
    ngx_atomic_uint_t key, ngx_http_smartimg_series_t *series)
{
    size_t                      len;
    ngx_uint_t                  shift, value;
    ngx_http_smartimg_label_t  *label;

    shift = (NGX_HTTP_SMARTIMG_LABELS - 1) * NGX_HTTP_SMARTIMG_LABEL_BITS;

    for ( ;; ) {
        len = strcspn(names, ",");
        value = key >> shift & NGX_HTTP_SMARTIMG_REST;

        for (label = ngx_http_smartimg_labels; label->name; label++) {
            if (ngx_strncmp(label->name, names, len) == 0
                && label->name[len] == '\0')
            {
                break;
            }
        }

        p = ngx_slprintf(p, last, "%*s=\"", len, names);

        if (value == NGX_HTTP_SMARTIMG_REST || label->name == NULL) {
            p = ngx_slprintf(p, last, "other");

        } else {
            p = label->print(p, last, value, series);
        }

        names += len;

        if (*names++ == '\0') {
            return ngx_slprintf(p, last, "\"");
        }

        p = ngx_slprintf(p, last, "\",");
        shift -= NGX_HTTP_SMARTIMG_LABEL_BITS;
    }
}


/* (names of companies have no characters that would have to be escaped) */

static u_char *
ngx_http_smartimg_print_company(u_char *p, u_char *last, ngx_uint_t value,
    ngx_http_smartimg_series_t *series)
{
    if (value == 0 || value > series->ncompanies) {
        return ngx_slprintf(p, last, "other");
    }

    return ngx_slprintf(p, last, "%s", series->companies[value]);
}


static u_char *
ngx_http_smartimg_print_class(u_char *p, u_char *last, ngx_uint_t value,
    ngx_http_smartimg_series_t *series)
{
    char       name[64];
    si_client  client;

    ngx_memzero(&client, sizeof(si_client));
    client.formats = value;

    return ngx_slprintf(p, last, "%s", si_client_name(&client, name));
}


static u_char *
ngx_http_smartimg_print_format(u_char *p, u_char *last, ngx_uint_t value,
    ngx_http_smartimg_series_t *series)
{
    return ngx_slprintf(p, last, "%s",
                        value ? si_format_name(value - 1) : "none");
}


static u_char *
ngx_http_smartimg_print_status(u_char *p, u_char *last, ngx_uint_t value,
    ngx_http_smartimg_series_t *series)
{
    return ngx_slprintf(p, last, "%ui", value);
}


static u_char *
ngx_http_smartimg_print_tier(u_char *p, u_char *last, ngx_uint_t value,
    ngx_http_smartimg_series_t *series)
{
    return ngx_slprintf(p, last, "%s", si_tier_name(value));
}
