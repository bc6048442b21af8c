
/*
 * The shared zone, the counters in it, and their page in Prometheus' text
 * format.
 */

#include "ngx_http_smartimg_module.h"
#include "base/wire.h"


typedef struct {
    size_t       offset;
    const char  *name;
    const char  *labels;
    const char  *type;
    const char  *help;
} ngx_http_smartimg_row_t;


static ngx_int_t ngx_http_smartimg_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static void ngx_http_smartimg_note_stored(ngx_http_request_t *r);
static void ngx_http_smartimg_count_saved(ngx_http_request_t *r);
static void ngx_http_smartimg_count_network(si_network network);
static ngx_int_t ngx_http_smartimg_metrics_handler(ngx_http_request_t *r);
static u_char *ngx_http_smartimg_print_rows(u_char *p,
    ngx_http_smartimg_shared_t *shared);
static u_char *ngx_http_smartimg_copy_report(u_char *p, ngx_str_t *name);


static ngx_http_smartimg_row_t  ngx_http_smartimg_rows[] = {
#define X(field, metric, labels, type, help)                                  \
    { offsetof(ngx_http_smartimg_counters_t, field), metric, labels, type,    \
      help },
    NGX_HTTP_SMARTIMG_COUNTERS(X)
#undef X
};

#define NGX_HTTP_SMARTIMG_ROWS                                                \
    (sizeof(ngx_http_smartimg_rows) / sizeof(ngx_http_smartimg_row_t))


/* bytes of another process's report, at most */

#define NGX_HTTP_SMARTIMG_REPORT  16384


/* a row that is no counter */

#define NGX_HTTP_SMARTIMG_WAITING                                             \
    "# HELP smartimg_refinements_waiting "                                    \
    "First answers that are to be refined\n"                                  \
    "# TYPE smartimg_refinements_waiting gauge\n"                             \
    "smartimg_refinements_waiting "


/* counted into when there is no zone */
static ngx_http_smartimg_counters_t  ngx_http_smartimg_private;

ngx_http_smartimg_counters_t  *ngx_http_smartimg_counters =
                                                  &ngx_http_smartimg_private;


char *
ngx_http_smartimg_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_smartimg_main_conf_t  *smcf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    static ngx_str_t  name = ngx_string("smartimg");

    if (smcf->zone) {
        return "is duplicate";
    }

    value = cf->args->elts;
    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR
        || size < (ssize_t) sizeof(ngx_http_smartimg_shared_t)
                  + (ssize_t) (16 * ngx_pagesize))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"smartimg_zone\" must be a size of at least %uz",
                           sizeof(ngx_http_smartimg_shared_t)
                           + 16 * ngx_pagesize);
        return NGX_CONF_ERROR;
    }

    smcf->zone = ngx_shared_memory_add(cf, &name, size,
                                       &ngx_http_smartimg_module);
    if (smcf->zone == NULL) {
        return NGX_CONF_ERROR;
    }

    smcf->zone->init = ngx_http_smartimg_init_zone;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_smartimg_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_slab_pool_t             *shpool;
    ngx_http_smartimg_shared_t  *shared;

    if (data) {
        shm_zone->data = data;
        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (shm_zone->shm.exists) {
        shm_zone->data = shpool->data;
        return NGX_OK;
    }

    shared = ngx_slab_calloc(shpool, sizeof(ngx_http_smartimg_shared_t));
    if (shared == NULL) {
        return NGX_ERROR;
    }

    shared->table = ngx_http_smartimg_table_create(shpool, shm_zone->shm.size);
    if (shared->table == NULL) {
        return NGX_ERROR;
    }

    shpool->data = shared;
    shm_zone->data = shared;

    return NGX_OK;
}


/*
 * Returns what the workers share, or NULL if no zone is configured.
 */

ngx_http_smartimg_shared_t *
ngx_http_smartimg_shared(void)
{
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_smartimg_module);

    return smcf && smcf->zone ? smcf->zone->data : NULL;
}


/*
 * Each process counts on cache lines of its own.  What a process that died
 * in this slot had in flight is gone with it.
 */

void
ngx_http_smartimg_init_counters(ngx_cycle_t *cycle)
{
    ngx_http_smartimg_shared_t     *shared;
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_smartimg_module);

    if (smcf == NULL || smcf->zone == NULL) {
        return;
    }

    shared = smcf->zone->data;

    ngx_http_smartimg_counters =
                 &shared->counters[ngx_process_slot % NGX_HTTP_SMARTIMG_SLOTS];

    if (ngx_process_slot < NGX_HTTP_SMARTIMG_SLOTS) {
        ngx_http_smartimg_counters->active = 0;
        ngx_http_smartimg_counters->waiting = 0;
        ngx_http_smartimg_counters->asked = 0;
        ngx_http_smartimg_counters->rendering = 0;
        ngx_http_smartimg_counters->rendering_dear = 0;
    }
}


ngx_int_t
ngx_http_smartimg_log_handler(ngx_http_request_t *r)
{
    ngx_uint_t                     status;
    ngx_http_smartimg_ctx_t       *ctx;
    ngx_http_smartimg_loc_conf_t  *slcf;

    if (r != r->main) {
        return NGX_OK;
    }

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_smartimg_module);

    if (slcf->ready && !r->internal && r->upstream
        && r->headers_out.status == NGX_HTTP_OK)
    {
        ngx_http_smartimg_note_answer();
    }

    ctx = ngx_http_smartimg_get_ctx(r);

    if (ctx == NULL) {
        return NGX_OK;
    }

    ngx_http_smartimg_note_stored(r);

    ngx_http_smartimg_count(requests, 1);
    ngx_http_smartimg_count(sent, r->connection->sent);

    status = r->err_status ? r->err_status : r->headers_out.status;

    if (status == NGX_HTTP_CLIENT_CLOSED_REQUEST) {
        /* nobody was answered; counted as cancelled */

    } else if (status >= NGX_HTTP_INTERNAL_SERVER_ERROR) {
        ngx_http_smartimg_count(failed, 1);

    } else if (status >= NGX_HTTP_BAD_REQUEST) {
        ngx_http_smartimg_count(refused, 1);

    } else if (status == NGX_HTTP_OK && r->method == NGX_HTTP_GET) {
        ngx_http_smartimg_count_saved(r);
    }

    if (ctx->plan->plan.cache_command_ignored && !ctx->nobody) {
        ngx_http_smartimg_count(ignored, 1);
    }

    if (ctx->plan->plan.network_adapts && !ctx->nobody) {
        ngx_http_smartimg_count_network(ctx->plan->plan.client.network);
    }

    if (r->upstream == NULL) {
        if (ctx->memory) {
            ngx_http_smartimg_count(hits, 1);
            ngx_http_smartimg_count(memory, 1);
        }

        return NGX_OK;
    }

    switch (r->upstream->cache_status) {

    case 0:
        break;

    case NGX_HTTP_CACHE_HIT:
        ngx_http_smartimg_count(hits, 1);
        break;

    case NGX_HTTP_CACHE_MISS:
        ngx_http_smartimg_count(misses, 1);
        break;

    case NGX_HTTP_CACHE_BYPASS:
        ngx_http_smartimg_count(bypasses, 1);
        break;

    default:
        ngx_http_smartimg_count(refreshes, 1);
        break;
    }

    return NGX_OK;
}


static void
ngx_http_smartimg_count_network(si_network network)
{
    switch (network) {

    case SI_NETWORK_POOR:
        ngx_http_smartimg_count(network_poor, 1);
        break;

    case SI_NETWORK_GOOD:
        ngx_http_smartimg_count(network_good, 1);
        break;

    default:
        ngx_http_smartimg_count(network_excellent, 1);
        break;
    }
}


/* A first answer may be refined from now on. */

static void
ngx_http_smartimg_note_stored(ngx_http_request_t *r)
{
    ngx_http_smartimg_ctx_t  *ctx;

    ctx = ngx_http_smartimg_get_ctx(r);

    if (ctx->first != SI_TIER_DEFAULT && ngx_http_smartimg_is_stored(r)) {
        (void) ngx_http_smartimg_note_first(r, ctx);
    }
}


static void
ngx_http_smartimg_count_saved(ngx_http_request_t *r)
{
    off_t             saved;
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string(SI_HEADER_SAVED);

    h = ngx_http_smartimg_find_header(&r->headers_out.headers, &name, NULL);

    if (h == NULL) {
        return;
    }

    /* not a number if negative: then nothing was saved */

    saved = ngx_atoof(h->value.data, h->value.len);

    if (saved > 0) {
        ngx_http_smartimg_count(saved, saved);
    }
}


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
    u_char                      *p;
    ngx_str_t                    type;
    ngx_uint_t                   i;
    ngx_http_complex_value_t     cv;
    ngx_http_smartimg_row_t     *row;
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

    size = sizeof(NGX_HTTP_SMARTIMG_WAITING) + NGX_INT_T_LEN
           + (slcf->report.len ? NGX_HTTP_SMARTIMG_REPORT : 0);

    for (i = 0; i < NGX_HTTP_SMARTIMG_ROWS; i++) {
        row = &ngx_http_smartimg_rows[i];
        size += sizeof("# HELP  " CRLF "# TYPE  " CRLF " " CRLF)
                + 3 * ngx_strlen(row->name) + ngx_strlen(row->labels)
                + ngx_strlen(row->type) + ngx_strlen(row->help)
                + NGX_ATOMIC_T_LEN;
    }

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));

    cv.value.data = ngx_pnalloc(r->pool, size);
    if (cv.value.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_http_smartimg_print_rows(cv.value.data, shared);

    if (slcf->report.len) {
        p = ngx_http_smartimg_copy_report(p, &slcf->report);
    }

    cv.value.len = p - cv.value.data;

    ngx_str_set(&type, "text/plain; version=0.0.4; charset=utf-8");

    return ngx_http_send_response(r, NGX_HTTP_OK, &type, &cv);
}


static u_char *
ngx_http_smartimg_print_rows(u_char *p, ngx_http_smartimg_shared_t *shared)
{
    ngx_uint_t                i, k, new;
    ngx_atomic_int_t          sum;
    ngx_http_smartimg_row_t  *row;

    for (i = 0; i < NGX_HTTP_SMARTIMG_ROWS; i++) {
        row = &ngx_http_smartimg_rows[i];

        new = i == 0 || ngx_strcmp(row[-1].name, row->name) != 0;

        if (new) {
            p = ngx_sprintf(p, "# HELP %s %s\n# TYPE %s %s\n", row->name,
                            row->help, row->name, row->type);
        }

        sum = 0;

        for (k = 0; k < NGX_HTTP_SMARTIMG_SLOTS; k++) {
            sum += *(ngx_atomic_t *) ((u_char *) &shared->counters[k]
                                      + row->offset);
        }

        p = ngx_sprintf(p, "%s%s %A\n", row->name, row->labels, sum);
    }

    return ngx_sprintf(p, NGX_HTTP_SMARTIMG_WAITING "%ui\n",
                       ngx_http_smartimg_table_waiting(shared->table));
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
