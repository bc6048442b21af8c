
/*
 * Making the plan of a request, and letting it go.
 */

#include "ngx_http_smartimg_module.h"
#include "plan/shown.h"


static ngx_http_smartimg_plan_t *ngx_http_smartimg_create_plan(
    ngx_http_request_t *r);
static void ngx_http_smartimg_fill_request(ngx_http_request_t *r,
    si_client_headers *headers, si_request *request);
static void ngx_http_smartimg_finish_plan(ngx_http_smartimg_plan_t *plan,
    si_result result, si_diag *diag);
static void ngx_http_smartimg_split_uri(ngx_str_t *uri, si_request *request);


ngx_http_smartimg_plan_t *
ngx_http_smartimg_make_plan(ngx_http_request_t *r, si_client_headers *headers)
{
    si_diag                         diag;
    si_result                       result;
    si_request                      request;
    ngx_http_smartimg_plan_t       *plan;
    ngx_http_smartimg_main_conf_t  *smcf;

    plan = ngx_http_smartimg_create_plan(r);
    if (plan == NULL) {
        return NULL;
    }

    ngx_http_smartimg_fill_request(r, headers, &request);
    ngx_memzero(&diag, sizeof(si_diag));

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);

    ngx_http_smartimg_begin_wants();

    result = si_plan_make(smcf->catalog, smcf->table, &request, &plan->arena,
                          &plan->plan, &diag);

    ngx_http_smartimg_finish_plan(plan, result, &diag);

    return plan;
}


/* A plan in the place of one that lacked the states of originals. */

ngx_http_smartimg_plan_t *
ngx_http_smartimg_plan_again(ngx_http_request_t *r,
    ngx_http_smartimg_plan_t *plan)
{
    si_client_headers  headers;

    if (plan->page) {
        return ngx_http_smartimg_plan_of_page(r,
                                   plan->page == NGX_HTTP_SMARTIMG_EXPLAIN);
    }

    ngx_memzero(&headers, sizeof(si_client_headers));
    ngx_http_smartimg_read_headers(r, &headers);

    return ngx_http_smartimg_make_plan(r, &headers);
}


/*
 * The plan of another request, whose image, or the explanation of it, a page
 * shows.
 */

ngx_http_smartimg_plan_t *
ngx_http_smartimg_plan_of_page(ngx_http_request_t *r, ngx_uint_t explanation)
{
    si_str                          text;
    si_diag                         diag;
    si_result                       result;
    si_request                      request;
    ngx_http_smartimg_plan_t       *plan;
    ngx_http_smartimg_main_conf_t  *smcf;

    plan = ngx_http_smartimg_create_plan(r);
    if (plan == NULL) {
        return NULL;
    }

    ngx_http_smartimg_request_of(r, &request);
    ngx_memzero(&diag, sizeof(si_diag));

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);

    plan->page = explanation ? NGX_HTTP_SMARTIMG_EXPLAIN
                             : NGX_HTTP_SMARTIMG_VIEW;

    ngx_http_smartimg_begin_wants();

    result = si_shown_plan(smcf->catalog, smcf->table, &request, explanation,
                           &plan->arena, &plan->plan, &diag);

    ngx_http_smartimg_finish_plan(plan, result, &diag);

    if (plan->failed) {
        text.p = (const char *) plan->text.data;
        text.len = plan->text.len;
        text = si_shown_error(text, plan->failed, &plan->arena);

        plan->text.data = (u_char *) text.p;
        plan->text.len = text.len;
        plan->type = "application/json";
    }

    return plan;
}


static ngx_http_smartimg_plan_t *
ngx_http_smartimg_create_plan(ngx_http_request_t *r)
{
    ngx_http_smartimg_plan_t  *plan;

    plan = ngx_calloc(sizeof(ngx_http_smartimg_plan_t), r->connection->log);
    if (plan == NULL) {
        return NULL;
    }

    plan->refs = 1;
    plan->made = ngx_current_msec;
    plan->tested = ngx_current_msec;

    return plan;
}


/* A request as plans are made for, with nothing but what it says itself. */

void
ngx_http_smartimg_request_of(ngx_http_request_t *r, si_request *request)
{
    si_client_headers  headers;

    ngx_memzero(&headers, sizeof(si_client_headers));
    ngx_http_smartimg_read_headers(r, &headers);

    ngx_http_smartimg_fill_request(r, &headers, request);
}


static void
ngx_http_smartimg_fill_request(ngx_http_request_t *r,
    si_client_headers *headers, si_request *request)
{
    ngx_memzero(request, sizeof(si_request));

    request->headers = *headers;
    request->address.p = (const char *) r->connection->addr_text.data;
    request->address.len = r->connection->addr_text.len;
    request->now = ngx_time();

    ngx_http_smartimg_read_session(r, &request->session);

    ngx_http_smartimg_split_uri(&r->unparsed_uri, request);
}


/* What the edge needs of a plan that was made, or could not be made. */

static void
ngx_http_smartimg_finish_plan(ngx_http_smartimg_plan_t *plan, si_result result,
    si_diag *diag)
{
    si_str  error;

    if (result == SI_OK) {
        result = ngx_http_smartimg_take_lacks(plan, diag);
    }

    if (result == SI_OK) {
        plan->text.data = (u_char *) plan->plan.recipe_text;
        plan->text.len = ngx_strlen(plan->text.data);
        ngx_http_smartimg_set_key(plan);

    } else {
        error = si_plan_error(&plan->plan, diag, &plan->arena, &plan->type);

        plan->text.data = (u_char *) error.p;
        plan->text.len = error.len;
        plan->failed = si_result_status(diag->code);
    }

    plan->company = ngx_http_smartimg_company(plan->plan.company);
    plan->client.data = si_arena_alloc(&plan->arena, SI_CLIENT_CLASS_SIZE);

    if (plan->client.data) {
        (void) si_client_print(&plan->plan.client,
                               (char *) plan->client.data);
        plan->client.len = ngx_strlen(plan->client.data);
    }
}


/*
 * A plan of which nothing is known but what a renderer and the cache are
 * told.
 */

ngx_http_smartimg_plan_t *
ngx_http_smartimg_plan_of_recipe(ngx_str_t *recipe)
{
    ngx_http_smartimg_plan_t  *plan;

    plan = ngx_calloc(sizeof(ngx_http_smartimg_plan_t), ngx_cycle->log);
    if (plan == NULL) {
        return NULL;
    }

    plan->refs = 1;
    plan->plan.server_cache = true;

    plan->text.len = recipe->len;
    plan->text.data = (u_char *) si_arena_copy(&plan->arena,
                                               (const char *) recipe->data,
                                               recipe->len);

    if (plan->text.data == NULL) {
        ngx_http_smartimg_release_plan(plan);
        return NULL;
    }

    ngx_http_smartimg_set_key(plan);

    return plan;
}


/* Names may hold encoded slashes, which r->uri does not tell from others. */

static void
ngx_http_smartimg_split_uri(ngx_str_t *uri, si_request *request)
{
    u_char  *p, *last;

    p = uri->data;
    last = p + uri->len;

    request->path.p = (const char *) p;

    while (p < last && *p != '?' && *p != '#') {
        p++;
    }

    request->path.len = (const char *) p - request->path.p;

    if (p == last || *p != '?') {
        return;
    }

    request->query.p = (const char *) ++p;

    while (p < last && *p != '#') {
        p++;
    }

    request->query.len = (const char *) p - request->query.p;
}


void
ngx_http_smartimg_release_plan(ngx_http_smartimg_plan_t *plan)
{
    if (--plan->refs) {
        return;
    }

    si_arena_free(&plan->arena);

    if (plan->reply) {
        ngx_http_smartimg_free_reply(plan->reply);
    }

    ngx_free(plan);
}
