
/*
 * Directives and phases.
 */

#include "ngx_http_smartimg_module.h"
#include "picture/seal.h"

#include "base/clock.h"
#include "base/wire.h"


static ngx_int_t ngx_http_smartimg_handler(ngx_http_request_t *r);
static void *ngx_http_smartimg_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_smartimg_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_smartimg_create_srv_conf(ngx_conf_t *cf);
static void *ngx_http_smartimg_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_smartimg_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_smartimg(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_smartimg_init(ngx_conf_t *cf);
static char *ngx_http_smartimg_seal_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_smartimg_init_process(ngx_cycle_t *cycle);


static ngx_command_t  ngx_http_smartimg_commands[] = {

    { ngx_string("smartimg"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_http_smartimg,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_smartimg_loc_conf_t, enable),
      NULL },

    { ngx_string("smartimg_root"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_smartimg_main_conf_t, root),
      NULL },

    { ngx_string("smartimg_config"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_smartimg_main_conf_t, config),
      NULL },

    /*
     * whether renderers answer, for load balancers, in a location that asks
     * one through scgi_pass, and in the one where that leads to if none does;
     * how long the longest request takes
     */
    { ngx_string("smartimg_ready"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_smartimg_loc_conf_t, ready),
      NULL },

    /* folder of the cache, and what is to be left free on its disk */
    { ngx_string("smartimg_disk"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_http_smartimg_disk,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /* a file whose first bytes are the key that recipes are sealed with */
    { ngx_string("smartimg_seal_key"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_smartimg_seal_key,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("smartimg_generations"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_smartimg_main_conf_t, generations),
      NULL },

    /* the folder of what visitors of the playground upload */
    { ngx_string("smartimg_uploads"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_smartimg_main_conf_t, uploads),
      NULL },

    /* kinds of originals that the playground lists, parted by commas */
    { ngx_string("smartimg_kinds"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_smartimg_main_conf_t, kinds),
      NULL },

    /* for how many seconds shared caches may take a first answer for fresh */
    { ngx_string("smartimg_first_answer_seconds"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_smartimg_main_conf_t, first_answer),
      NULL },

    /* the header field that tells shared caches alone, or "off" */
    { ngx_string("smartimg_cdn_cache_control"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_smartimg_main_conf_t, cdn_cache_control),
      NULL },

    /* addresses and networks whose X-Smartimg-Class counts */
    { ngx_string("smartimg_trusted_edges"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_smartimg_trusted,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_smartimg_main_conf_t, trusted_edges),
      NULL },

    /* addresses and networks whose connections say nothing of the visitor */
    { ngx_string("smartimg_trusted_proxies"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_smartimg_trusted,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_smartimg_main_conf_t, trusted_proxies),
      NULL },

    /* how connections are judged, NAME=NUMBER (client/line.h) */
    { ngx_string("smartimg_network_line"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_smartimg_network_line,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /* Mbit/s and milliseconds from where on a line is good, or poor */
    { ngx_string("smartimg_network_good"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_smartimg_network_limit,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_smartimg_main_conf_t,
               client.limits.of[SI_NETWORK_GOOD]),
      NULL },

    { ngx_string("smartimg_network_poor"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_smartimg_network_limit,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_smartimg_main_conf_t,
               client.limits.of[SI_NETWORK_POOR]),
      NULL },

    /* the header by which edges tell the class of a line */
    { ngx_string("smartimg_network_header"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_smartimg_network_header,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /* the header in which a CDN tells the pixel ratio, or "akamai" */
    { ngx_string("smartimg_dpr_header"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_smartimg_main_conf_t, dpr_header),
      NULL },

    /* socket of the origins process, and room for what it tells */
    { ngx_string("smartimg_origins"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_http_smartimg_origins,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("smartimg_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_smartimg_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /*
     * how many renderers there are, the share of them that may refine, and
     * for how long no first answers have to be asked for before they do
     */
    { ngx_string("smartimg_refine"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE23,
      ngx_http_smartimg_refine,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("smartimg_queue"),
      NGX_HTTP_UPS_CONF|NGX_CONF_TAKE1,
      ngx_http_smartimg_queue_limit,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("smartimg_lanes"),
      NGX_HTTP_UPS_CONF|NGX_CONF_TAKE3,
      ngx_http_smartimg_lanes,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("smartimg_misses_per_client"),
      NGX_HTTP_UPS_CONF|NGX_CONF_TAKE1,
      ngx_http_smartimg_misses_per_client,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    /* what this location of the playground answers */
    { ngx_string("smartimg_playground"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_smartimg_playground,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    /* whether refreshes and refinements have lines in the access log */
    { ngx_string("smartimg_log_own"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_smartimg_main_conf_t, log_own),
      NULL },

    /* pages for errors, with a link to where people can begin */
    { ngx_string("smartimg_error_pages"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_smartimg_error_pages,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    /* the file in which the pool tells of its renderers */
    { ngx_string("smartimg_pool_status"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_smartimg_pool_status,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /* … and what another process has written for the same page into a file */
    { ngx_string("smartimg_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_smartimg_metrics,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_smartimg_module_ctx = {
    ngx_http_smartimg_add_variables,       /* preconfiguration */
    ngx_http_smartimg_init,                /* postconfiguration */

    ngx_http_smartimg_create_main_conf,    /* create main configuration */
    ngx_http_smartimg_init_main_conf,      /* init main configuration */

    ngx_http_smartimg_create_srv_conf,     /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_smartimg_create_loc_conf,     /* create location configuration */
    ngx_http_smartimg_merge_loc_conf       /* merge location configuration */
};


ngx_module_t  ngx_http_smartimg_module = {
    NGX_MODULE_V1,
    &ngx_http_smartimg_module_ctx,         /* module context */
    ngx_http_smartimg_commands,            /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_smartimg_init_process,        /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_smartimg_exit_worker,         /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/*
 * What auto/module would write.  There is no order list, so nginx puts the
 * module last, and its header filter runs first: the not modified and range
 * filters see the validators that it sets.
 */

ngx_module_t  *ngx_modules[] = {
    &ngx_http_smartimg_module,
    NULL
};

char  *ngx_module_names[] = {
    "ngx_http_smartimg_module",
    NULL
};

char  *ngx_module_order[] = {
    NULL
};


/*
 * Runs after access checks and limits, so nobody learns from an error text
 * what is behind them.
 */

static ngx_int_t
ngx_http_smartimg_handler(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_http_smartimg_ctx_t       *ctx;
    ngx_http_smartimg_plan_t      *plan;
    ngx_http_smartimg_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_smartimg_module);

    if (slcf->ready && r == r->main) {
        rc = ngx_http_smartimg_ready(r, slcf->ready);

        if (rc != NGX_DECLINED) {
            ngx_http_finalize_request(r, rc);
            return NGX_DONE;
        }
    }

    if (!slcf->enable || r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_smartimg_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        rc = ngx_http_smartimg_other_method(r);
        ngx_http_finalize_request(r, rc);
        return NGX_DONE;
    }

    plan = ctx->plan;

    if (plan->nwants && ngx_http_smartimg_ask_origins(r, ctx) == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (plan->failed) {
        rc = ngx_http_smartimg_send_error(r, plan);
        ngx_http_finalize_request(r, rc);
        return NGX_DONE;
    }

    if (plan->plan.kind == SI_PLAN_BODY) {
        rc = ngx_http_smartimg_send_body(r, &plan->plan);
        ngx_http_finalize_request(r, rc);
        return NGX_DONE;
    }

    if (plan->plan.kind == SI_PLAN_FILE) {
        rc = ngx_http_smartimg_send_content(r, &plan->plan);
        ngx_http_finalize_request(r, rc);
        return NGX_DONE;
    }

    rc = ngx_http_smartimg_send_reply(r, ctx);

    if (rc != NGX_DECLINED) {
        ngx_http_finalize_request(r, rc);
        return NGX_DONE;
    }

    if (r->content_handler) {
        r->content_handler = ngx_http_smartimg_content_handler;
    }

    return NGX_DECLINED;
}


static void *
ngx_http_smartimg_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_smartimg_main_conf_t));
    if (smcf == NULL) {
        return NULL;
    }

    smcf->first_answer = NGX_CONF_UNSET;
    smcf->log_own = NGX_CONF_UNSET;
    smcf->line_limits = si_line_limits_initial;
    smcf->client = si_client_usual_settings;

    return ngx_http_smartimg_init_places(cf, smcf) == NGX_OK ? smcf : NULL;
}


static char *
ngx_http_smartimg_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_smartimg_main_conf_t  *smcf = conf;

    smcf->root_fd = NGX_INVALID_FILE;
    smcf->uploads_fd = NGX_INVALID_FILE;

    ngx_conf_init_value(smcf->first_answer, SI_FIRST_ANSWER_SECONDS);
    ngx_conf_init_value(smcf->log_own, 0);

    if (smcf->cdn_cache_control.data == NULL) {
        ngx_str_set(&smcf->cdn_cache_control, SI_CDN_CACHE_CONTROL);

    } else if (ngx_strcmp(smcf->cdn_cache_control.data, "off") == 0) {
        ngx_str_null(&smcf->cdn_cache_control);
    }

    if (!smcf->used) {
        return NGX_CONF_OK;
    }

    if (smcf->root.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"smartimg on\" needs \"smartimg_root\"");
        return NGX_CONF_ERROR;
    }

    return ngx_http_smartimg_load(cf, smcf);
}


static void *
ngx_http_smartimg_create_srv_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_smartimg_srv_conf_t));
}


static void *
ngx_http_smartimg_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_smartimg_loc_conf_t  *slcf;

    slcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_smartimg_loc_conf_t));
    if (slcf == NULL) {
        return NULL;
    }

    slcf->enable = NGX_CONF_UNSET;
    slcf->pages = NGX_CONF_UNSET;
    slcf->ready = NGX_CONF_UNSET_MSEC;

    return slcf;
}


static char *
ngx_http_smartimg_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_smartimg_loc_conf_t  *prev = parent;
    ngx_http_smartimg_loc_conf_t  *conf = child;

    ngx_conf_merge_value(conf->enable, prev->enable, 0);
    ngx_conf_merge_msec_value(conf->ready, prev->ready, 0);

    if (conf->pages == NGX_CONF_UNSET) {
        conf->home = prev->home;
    }

    ngx_conf_merge_value(conf->pages, prev->pages, 0);

    if (conf->enable && ngx_http_smartimg_add_place(cf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_smartimg(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_smartimg_module);
    smcf->used = 1;

    return ngx_conf_set_flag_slot(cf, cmd, conf);
}


static char *
ngx_http_smartimg_seal_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_smartimg_main_conf_t  *smcf = conf;

    bool        read;
    ngx_fd_t    fd;
    ngx_err_t   err;
    ngx_str_t  *value;

    if (smcf->seal_key) {
        return "is duplicate";
    }

    value = cf->args->elts;

    smcf->seal_key = ngx_palloc(cf->pool, SI_SEAL_KEY);
    smcf->render_key = ngx_palloc(cf->pool, SI_SEAL_KEY);

    if (smcf->seal_key == NULL || smcf->render_key == NULL) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(value[1].data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    read = fd != NGX_INVALID_FILE && si_seal_read_key(fd, smcf->seal_key);
    err = ngx_errno;

    if (fd != NGX_INVALID_FILE) {
        (void) ngx_close_file(fd);
    }

    if (!read) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, err, "no key in \"%V\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    if (!si_seal_render_key(smcf->seal_key, smcf->render_key)) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_smartimg_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_smartimg_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_smartimg_log_handler;

    if (ngx_http_smartimg_page_init(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_smartimg_filter_init(cf);
}


static ngx_int_t
ngx_http_smartimg_init_process(ngx_cycle_t *cycle)
{
    ngx_http_smartimg_init_counters(cycle);
    ngx_http_smartimg_init_worker(cycle);
    ngx_http_smartimg_init_waiting(cycle);
    ngx_http_smartimg_init_refining(cycle);
    ngx_http_smartimg_init_uploads(cycle);
    ngx_http_smartimg_init_asking(cycle);

    if (ngx_http_smartimg_init_series(cycle) != NGX_OK
        || ngx_http_smartimg_init_identities(cycle) != NGX_OK
        || ngx_http_smartimg_init_peers(cycle) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_smartimg_confine(cycle);
}
