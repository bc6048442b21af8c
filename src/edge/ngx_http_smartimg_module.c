
/*
 * Directives, phases and variables.
 */

#include "ngx_http_smartimg_module.h"

#include "base/clock.h"


static ngx_int_t ngx_http_smartimg_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_smartimg_send_error(ngx_http_request_t *r,
    ngx_http_smartimg_plan_t *plan);
static ngx_int_t ngx_http_smartimg_send_body(ngx_http_request_t *r,
    si_plan *plan);
static ngx_int_t ngx_http_smartimg_refuse_method(ngx_http_request_t *r);
static ngx_int_t ngx_http_smartimg_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_smartimg_add_variables(ngx_conf_t *cf);
static void *ngx_http_smartimg_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_smartimg_init_main_conf(ngx_conf_t *cf, void *conf);
static char *ngx_http_smartimg_load(ngx_conf_t *cf,
    ngx_http_smartimg_main_conf_t *smcf);
static void ngx_http_smartimg_report(void *context, const char *file, int line,
    const char *text);
static void ngx_http_smartimg_unload(void *data);
static void *ngx_http_smartimg_create_srv_conf(ngx_conf_t *cf);
static void *ngx_http_smartimg_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_smartimg_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_smartimg(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_smartimg_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_smartimg_init_process(ngx_cycle_t *cycle);


enum {
    NGX_HTTP_SMARTIMG_RECIPE,
    NGX_HTTP_SMARTIMG_KEY,
    NGX_HTTP_SMARTIMG_CLASS,
    NGX_HTTP_SMARTIMG_RENDER,
    NGX_HTTP_SMARTIMG_REFRESH,
    NGX_HTTP_SMARTIMG_HEAD_AT,
    NGX_HTTP_SMARTIMG_BYPASS,
    NGX_HTTP_SMARTIMG_NO_STORE,
    NGX_HTTP_SMARTIMG_CACHE,
    NGX_HTTP_SMARTIMG_QUEUED_AT,
    NGX_HTTP_SMARTIMG_UNANSWERED
};


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

    { ngx_string("smartimg_generations"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_smartimg_main_conf_t, generations),
      NULL },

    { ngx_string("smartimg_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_smartimg_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("smartimg_queue"),
      NGX_HTTP_UPS_CONF|NGX_CONF_TAKE1,
      ngx_http_smartimg_queue_limit,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("smartimg_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_smartimg_metrics,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_variable_t  ngx_http_smartimg_vars[] = {

    /* SCGI parameter and log line */
    { ngx_string("smartimg_recipe"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_RECIPE, 0, 0 },

    /* for scgi_cache_key: the recipe, or a digest of a long one */
    { ngx_string("smartimg_key"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_KEY, 0, 0 },

    { ngx_string("smartimg_class"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_CLASS, 0, 0 },

    /*
     * for scgi_param: evaluated only when a request to a renderer is built,
     * so it counts the renders
     */
    { ngx_string("smartimg_render"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_RENDER, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    /* for scgi_param: "1" if the reply replaces one that is being served */
    { ngx_string("smartimg_head_at"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_HEAD_AT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("smartimg_refresh"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_REFRESH, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    /* for scgi_cache_bypass and scgi_no_cache */
    { ngx_string("smartimg_bypass"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_BYPASS, 0, 0 },

    { ngx_string("smartimg_no_store"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_NO_STORE, 0, 0 },

    /* hit, miss, refresh or bypass */
    { ngx_string("smartimg_cache"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_CACHE, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    /* for scgi_param: when the request joins the renderers' queue */
    { ngx_string("smartimg_queued_at"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_QUEUED_AT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    /* why no renderer answered */
    { ngx_string("smartimg_unanswered"), NULL, ngx_http_smartimg_variable,
      NGX_HTTP_SMARTIMG_UNANSWERED, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
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
    NULL,                                  /* exit process */
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


static ngx_str_t  ngx_http_smartimg_one = ngx_string("1");


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

    if (!slcf->enable || r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_smartimg_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        rc = ngx_http_smartimg_refuse_method(r);
        ngx_http_finalize_request(r, rc);
        return NGX_DONE;
    }

    plan = ctx->plan;

    if (plan->failed) {
        rc = ngx_http_smartimg_send_error(r, plan);
        ngx_http_finalize_request(r, rc);
        return NGX_DONE;
    }

    if (plan->plan.body) {
        rc = ngx_http_smartimg_send_body(r, &plan->plan);
        ngx_http_finalize_request(r, rc);
        return NGX_DONE;
    }

    if (plan->plan.content.path) {
        rc = ngx_http_smartimg_send_content(r, &plan->plan);
        ngx_http_finalize_request(r, rc);
        return NGX_DONE;
    }

    if (r->content_handler) {
        r->content_handler = ngx_http_smartimg_content_handler;
    }

    return NGX_DECLINED;
}


/* The error's text is in the encoding that the request asked for. */

static ngx_int_t
ngx_http_smartimg_send_error(ngx_http_request_t *r,
    ngx_http_smartimg_plan_t *plan)
{
    ngx_str_t                  type;
    ngx_http_complex_value_t   cv;

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));
    cv.value = plan->text;

    type.data = (u_char *) plan->type;
    type.len = ngx_strlen(plan->type);

    return ngx_http_send_response(r, plan->failed, &type, &cv);
}


/*
 * Sends what the catalog alone has answered: nothing to render or to cache.
 * The plan outlives the request's output.
 */

static ngx_int_t
ngx_http_smartimg_send_body(ngx_http_request_t *r, si_plan *plan)
{
    ngx_str_t                  type;
    ngx_table_elt_t           *etag;
    ngx_http_complex_value_t   cv;

    if (plan->etag[0] != '\0') {
        etag = ngx_list_push(&r->headers_out.headers);
        if (etag == NULL) {
            return NGX_ERROR;
        }

        etag->hash = 1;
#if (nginx_version >= 1023000)
        etag->next = NULL;
#endif
        ngx_str_set(&etag->key, "ETag");
        etag->value.data = (u_char *) plan->etag;
        etag->value.len = ngx_strlen(plan->etag);

        r->headers_out.etag = etag;
    }

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));
    cv.value.data = (u_char *) plan->body;
    cv.value.len = plan->body_len;

    type.data = (u_char *) plan->content_type;
    type.len = ngx_strlen(plan->content_type);

    return ngx_http_send_response(r, NGX_HTTP_OK, &type, &cv);
}


static ngx_int_t
ngx_http_smartimg_refuse_method(ngx_http_request_t *r)
{
    static ngx_str_t  allow = ngx_string("Allow");
    static ngx_str_t  methods = ngx_string("GET, HEAD");
    static ngx_str_t  text = ngx_string("only GET and HEAD are served here");

    if (ngx_http_smartimg_add_header(r, &allow, &methods) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_smartimg_send_text(r, NGX_HTTP_NOT_ALLOWED, text.data,
                                       text.len);
}


/*
 * Sends a status with one line of text.  The header filter does the rest.
 */

ngx_int_t
ngx_http_smartimg_send_text(ngx_http_request_t *r, ngx_uint_t status,
    u_char *text, size_t len)
{
    u_char                    *line;
    ngx_str_t                  type;
    ngx_http_complex_value_t   cv;

    line = ngx_pnalloc(r->pool, len + 1);
    if (line == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    *ngx_cpymem(line, text, len) = LF;

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));
    cv.value.data = line;
    cv.value.len = len + 1;

    ngx_str_set(&type, "text/plain; charset=utf-8");

    return ngx_http_send_response(r, status, &type, &cv);
}


static ngx_int_t
ngx_http_smartimg_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_str_t                *value, text;
    ngx_uint_t                refresh;
    ngx_http_smartimg_ctx_t  *ctx;

    ctx = ngx_http_smartimg_get_ctx(r);

    if (ctx == NULL || ctx->plan->failed) {
        v->not_found = 1;
        return NGX_OK;
    }

    value = NULL;

    refresh = r != r->main && r->upstream
              && r->upstream->cache_status == NGX_HTTP_CACHE_EXPIRED;

    switch (data) {

    case NGX_HTTP_SMARTIMG_RECIPE:
        value = &ctx->plan->text;
        break;

    case NGX_HTTP_SMARTIMG_KEY:
        value = &ctx->plan->key;
        break;

    case NGX_HTTP_SMARTIMG_CLASS:
        value = &ctx->plan->client;
        break;

    case NGX_HTTP_SMARTIMG_RENDER:
        if (refresh) {
            ngx_http_smartimg_count(updates, 1);

        } else {
            ngx_http_smartimg_count(renders, 1);
        }

        value = &ngx_http_smartimg_one;
        break;

    case NGX_HTTP_SMARTIMG_REFRESH:
        value = refresh ? &ngx_http_smartimg_one : NULL;
        break;

    case NGX_HTTP_SMARTIMG_HEAD_AT:

        /*
         * Where the reply's head will stand in the cache file.  The renderer
         * fills it up so that the body begins with a page: sendfile() from
         * the middle of one costs a quarter of the speed.
         */

        if (r->cache && r->cache->header_start) {
            v->data = ngx_pnalloc(r->pool, NGX_SIZE_T_LEN);

            if (v->data == NULL) {
                return NGX_ERROR;
            }

            v->len = ngx_sprintf(v->data, "%uz", r->cache->header_start)
                     - v->data;
            v->valid = 1;
            v->no_cacheable = 0;
            v->not_found = 0;

            return NGX_OK;
        }

        break;

    case NGX_HTTP_SMARTIMG_BYPASS:
        if (ctx->plan->plan.update || !ctx->plan->plan.server_cache) {
            value = &ngx_http_smartimg_one;
        }

        break;

    case NGX_HTTP_SMARTIMG_NO_STORE:
        value = ctx->plan->plan.server_cache ? NULL : &ngx_http_smartimg_one;
        break;

    case NGX_HTTP_SMARTIMG_QUEUED_AT:
        text.data = ngx_pnalloc(r->pool, NGX_INT64_LEN);

        if (text.data == NULL) {
            return NGX_ERROR;
        }

        text.len = ngx_sprintf(text.data, "%L", si_now_ns()) - text.data;
        value = &text;
        break;

    case NGX_HTTP_SMARTIMG_UNANSWERED:
        text = ngx_http_smartimg_unanswered(ctx);
        value = &text;
        break;

    default: /* NGX_HTTP_SMARTIMG_CACHE */
        value = ngx_http_smartimg_cache_result(r);

        if (value == NULL) {
            v->not_found = 1;
            return NGX_OK;
        }

        break;
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = value ? value->data : (u_char *) "";
    v->len = value ? value->len : 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_smartimg_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_smartimg_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static void *
ngx_http_smartimg_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_smartimg_main_conf_t));
}


static char *
ngx_http_smartimg_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_smartimg_main_conf_t  *smcf = conf;

    smcf->root_fd = NGX_INVALID_FILE;

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


/*
 * The catalog and the mapped generation table are made once, in the master
 * process: workers inherit them.  If either is bad, a reload keeps the old
 * configuration running.
 */

static char *
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

    smcf->root_fd = open((char *) smcf->root.data,
                         O_PATH|O_DIRECTORY|O_CLOEXEC);

    if (smcf->root_fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, ngx_errno,
                      "open() \"%V\" failed", &smcf->root);
        return NGX_CONF_ERROR;
    }

    if (smcf->generations.len == 0) {
        return NGX_CONF_OK;
    }

    if (ngx_conf_full_name(cf->cycle, &smcf->generations, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

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

    return slcf;
}


static char *
ngx_http_smartimg_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_smartimg_loc_conf_t  *prev = parent;
    ngx_http_smartimg_loc_conf_t  *conf = child;

    ngx_conf_merge_value(conf->enable, prev->enable, 0);

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

    return ngx_http_smartimg_filter_init(cf);
}


static ngx_int_t
ngx_http_smartimg_init_process(ngx_cycle_t *cycle)
{
    ngx_http_smartimg_init_counters(cycle);
    ngx_http_smartimg_init_waiting(cycle);

    return NGX_OK;
}
