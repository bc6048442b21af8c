
/*
 * The playground's own addresses, below /.smartimg/ (docs/playground.md):
 * which pictures there are, how a reply is chosen, and what a client of
 * another class gets.
 *
 * "smartimg_playground pictures|explain|view|uploads;" stands in a location.
 * Explanations and views are answered like any image once they have their
 * plan, in the location of images: limits of misses, lanes and queues hold.
 */

#include "ngx_http_smartimg_module.h"
#include "plan/picture_list.h"


static ngx_int_t ngx_http_smartimg_admit_reader(ngx_http_request_t *r);
static ngx_int_t ngx_http_smartimg_show_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_smartimg_pictures_handler(ngx_http_request_t *r);


static ngx_str_t  ngx_http_smartimg_images = ngx_string("/is/image");


char *
ngx_http_smartimg_playground(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_smartimg_loc_conf_t  *slcf = conf;

    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_http_core_loc_conf_t  *clcf;

    static const struct {
        char                 *name;
        ngx_uint_t            page;
        ngx_http_handler_pt   handler;
    } pages[] = {
        { "explain", NGX_HTTP_SMARTIMG_EXPLAIN,
          ngx_http_smartimg_show_handler },
        { "view", NGX_HTTP_SMARTIMG_VIEW, ngx_http_smartimg_show_handler },
        { "uploads", NGX_HTTP_SMARTIMG_UPLOADS,
          ngx_http_smartimg_uploads_handler },
        { "pictures", NGX_HTTP_SMARTIMG_PICTURES,
          ngx_http_smartimg_pictures_handler },
    };

    value = cf->args->elts;
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (ngx_strcmp(value[1].data, pages[i].name) == 0) {
            slcf->page = pages[i].page;
            clcf->handler = pages[i].handler;
            return NGX_CONF_OK;
        }
    }

    return "names no page of the playground";
}


/* Who only reads, and from a page of this server or none. */

static ngx_int_t
ngx_http_smartimg_admit_reader(ngx_http_request_t *r)
{
    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    if (ngx_http_smartimg_is_foreign_page(r)) {
        return NGX_HTTP_FORBIDDEN;
    }

    return ngx_http_discard_request_body(r);
}


static ngx_int_t
ngx_http_smartimg_show_handler(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_http_smartimg_plan_t      *plan;
    ngx_http_smartimg_loc_conf_t  *slcf;

    rc = ngx_http_smartimg_admit_reader(r);
    if (rc != NGX_OK) {
        return rc;
    }

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_smartimg_module);

    plan = ngx_http_smartimg_plan_of_page(r,
                                     slcf->page == NGX_HTTP_SMARTIMG_EXPLAIN);

    if (plan == NULL || ngx_http_smartimg_attach_plan(r, plan) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* the context, with its plan, goes with the request */

    return ngx_http_internal_redirect(r, &ngx_http_smartimg_images, NULL);
}


/* The list is short, and so is the time that it may take. */

static ngx_int_t
ngx_http_smartimg_pictures_handler(ngx_http_request_t *r)
{
    si_str                          kinds;
    si_bytes                        list;
    ngx_int_t                       rc;
    ngx_str_t                       type;
    si_request                      request;
    ngx_http_complex_value_t        cv;
    ngx_http_smartimg_main_conf_t  *smcf;

    rc = ngx_http_smartimg_admit_reader(r);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_http_smartimg_request_of(r, &request);
    ngx_memzero(&list, sizeof(si_bytes));
    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);

    kinds.p = (const char *) smcf->kinds.data;
    kinds.len = smcf->kinds.len;

    if (si_picture_list(smcf->catalog, &request, kinds, &list)) {
        cv.value.len = list.len;
        cv.value.data = ngx_pnalloc(r->pool, list.len);
    }

    if (cv.value.data) {
        ngx_memcpy(cv.value.data, list.data, list.len);
    }

    si_bytes_free(&list);

    if (cv.value.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&type, "application/json");

    return ngx_http_send_response(r, NGX_HTTP_OK, &type, &cv);
}


/*
 * Browsers tell whose page asks.  What costs a render or takes room is for the
 * playground's alone, and for whoever is no browser.
 */

ngx_uint_t
ngx_http_smartimg_is_foreign_page(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string("Sec-Fetch-Site");

    h = ngx_http_smartimg_find_header(&r->headers_in.headers, &name, NULL);

    return h && ngx_strcmp(h->value.data, "same-origin") != 0
           && ngx_strcmp(h->value.data, "none") != 0;
}
