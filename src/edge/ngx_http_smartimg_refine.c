
/*
 * Refinement that starts by itself.
 *
 * First answers are entered into a table in shared memory when they have been
 * stored in the cache, and again by each hit, so a table that a restart has
 * emptied fills up by what is asked for.  A timer in each worker takes from it
 * what is worth most while renderers have nothing else to do, and asks for the
 * next better tier in a request of our own, without a client.  Like a request
 * with "cache=update" it does not read the cache, but stores its answer.
 *
 * The cache gets that answer only if it is whole, and no larger than what is
 * there.  If in the end nothing smaller was found, what is there is final, and
 * its copy in the cache is marked as such: one byte of the head in its file,
 * which also survives a restart.
 *
 * A worker that dies takes its timer and its requests with it.  The one that
 * replaces it sets the entries free that it had taken; a deadline does so if
 * none does.
 */

#include "ngx_http_smartimg_module.h"
#include "base/wire.h"
#include "plan/lifetime.h"


#define NGX_HTTP_SMARTIMG_LOOK  250   /* ms between two looks for work */

/* ms after a refinement, in which its renderer gives its slot back */
#define NGX_HTTP_SMARTIMG_NEXT  20

/* ms without first answers, after which refinements may begin */
#define NGX_HTTP_SMARTIMG_QUIET  1000

/* an answer with foreign images that ends before is not worth it, s */
#define NGX_HTTP_SMARTIMG_SOON  60


struct ngx_http_smartimg_refinement_s {
    ngx_http_smartimg_taken_t      taken;
    ngx_http_smartimg_outcome_t    outcome;
    off_t                          bytes;     /* of the new answer */
    si_tier                        reached;
};


static void ngx_http_smartimg_get_room(ngx_http_smartimg_room_t *room);
static void ngx_http_smartimg_schedule(ngx_msec_t delay);
static void ngx_http_smartimg_look_for_work(ngx_event_t *ev);
static ngx_int_t ngx_http_smartimg_ask(ngx_http_smartimg_taken_t *taken);
static ngx_int_t ngx_http_smartimg_ask_at(ngx_http_smartimg_place_t *place,
    ngx_http_smartimg_taken_t *taken, ngx_http_smartimg_plan_t *plan);
static void ngx_http_smartimg_begin(ngx_http_request_t *r);
static ngx_uint_t ngx_http_smartimg_came_late(ngx_http_request_t *r,
    ngx_uint_t status);
static void ngx_http_smartimg_count_outcome(
    ngx_http_smartimg_refinement_t *re);


static ngx_event_t       ngx_http_smartimg_timer;
static ngx_connection_t  ngx_http_smartimg_no_connection;


static void
ngx_http_smartimg_get_room(ngx_http_smartimg_room_t *room)
{
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_smartimg_module);

    room->renderers = smcf->renderers;
    room->share = smcf->refine_share;
    room->quiet = smcf->refine_quiet;
    room->first = ngx_http_smartimg_first_rendering();
}


void
ngx_http_smartimg_init_refining(ngx_cycle_t *cycle)
{
    ngx_http_smartimg_shared_t     *shared;
    ngx_http_smartimg_main_conf_t  *smcf;

    ngx_http_smartimg_no_connection.fd = (ngx_socket_t) -1;

    ngx_http_smartimg_timer.handler = ngx_http_smartimg_look_for_work;
    ngx_http_smartimg_timer.data = &ngx_http_smartimg_no_connection;
    ngx_http_smartimg_timer.log = cycle->log;
    ngx_http_smartimg_timer.cancelable = 1;

    smcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_smartimg_module);
    shared = ngx_http_smartimg_shared();

    /* the cache's manager and loader come here, too, and listen nowhere */

    if (smcf == NULL || shared == NULL || ngx_process == NGX_PROCESS_HELPER) {
        return;
    }

    ngx_http_smartimg_table_inherit(shared->table);

    if (ngx_http_smartimg_table_waiting(shared->table)) {
        ngx_http_smartimg_schedule(NGX_HTTP_SMARTIMG_LOOK);
    }
}


static void
ngx_http_smartimg_schedule(ngx_msec_t delay)
{
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_smartimg_module);

    if (smcf->refine_share == 0 || ngx_exiting) {
        return;
    }

    if (ngx_http_smartimg_timer.timer_set) {

        if ((ngx_msec_int_t) (ngx_http_smartimg_timer.timer.key
                              - ngx_current_msec - delay) <= 0)
        {
            return;
        }

        ngx_del_timer(&ngx_http_smartimg_timer);
    }

    ngx_add_timer(&ngx_http_smartimg_timer, delay);
}


/*
 * Called with a first answer that is in the cache and has been sent.  False
 * if that is the best there will be, though it does not say so.
 */

ngx_uint_t
ngx_http_smartimg_note_first(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx)
{
    ngx_uint_t                      open;
    ngx_http_smartimg_place_t      *place;
    ngx_http_smartimg_answer_t      answer;
    ngx_http_smartimg_shared_t     *shared;
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);
    shared = ngx_http_smartimg_shared();
    place = ngx_http_smartimg_place_of(r);

    if (shared == NULL || smcf->refine_share == 0 || place == NULL
        || !ctx->plan->plan.server_cache
        || (ctx->fresh_until != SI_FRESH_FOR_EVER
            && ctx->fresh_until < ngx_time() + NGX_HTTP_SMARTIMG_SOON))
    {
        return 1;
    }

    answer.memory = ctx->memory;

    if (ctx->memory) {
        ngx_http_smartimg_kept_answer(ctx->plan->reply, &answer);

    } else {
        ngx_memcpy(answer.key, r->cache->key, NGX_HTTP_CACHE_KEY_LEN);

        answer.bytes = r->cached
                       ? r->cache->length - (off_t) r->cache->body_start
                       : r->upstream->headers_in.content_length_n;
    }

    answer.recipe = ctx->plan->text;
    answer.place = place->id;
    answer.format = ctx->format;
    answer.tier = ctx->first;

    open = ngx_http_smartimg_table_note(shared->table, &answer);

    if (open) {
        ngx_http_smartimg_schedule(NGX_HTTP_SMARTIMG_LOOK);
    }

    return open;
}


/*
 * Whether the reply of a renderer is in the cache now, with all of its body.
 */

ngx_uint_t
ngx_http_smartimg_is_stored(ngx_http_request_t *r)
{
    ngx_temp_file_t      *tf;
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (u == NULL || r->cache == NULL || r->cached || !u->cacheable
        || !r->cache->updated || u->pipe == NULL
        || u->headers_in.content_length_n < 0)
    {
        return 0;
    }

    tf = u->pipe->temp_file;

    return tf && tf->offset == (off_t) r->cache->body_start
                               + u->headers_in.content_length_n;
}


static void
ngx_http_smartimg_look_for_work(ngx_event_t *ev)
{
    ngx_http_smartimg_room_t     room;
    ngx_http_smartimg_taken_t    taken;
    ngx_http_smartimg_shared_t  *shared;

    shared = ngx_http_smartimg_shared();

    if (shared == NULL || ngx_exiting) {
        return;
    }

    ngx_http_smartimg_get_room(&room);

    while (ngx_http_smartimg_table_take(shared->table, &room, &taken)) {

        if (ngx_http_smartimg_ask(&taken) != NGX_OK) {
            ngx_http_smartimg_count(refine_failed, 1);

            (void) ngx_http_smartimg_table_give_back(shared->table, &room,
                                           &taken, NGX_HTTP_SMARTIMG_FAILED,
                                           0, SI_TIER_DEFAULT);
        }
    }

    if (ngx_http_smartimg_table_waiting(shared->table)) {
        ngx_http_smartimg_schedule(NGX_HTTP_SMARTIMG_LOOK);
    }
}


static ngx_int_t
ngx_http_smartimg_ask(ngx_http_smartimg_taken_t *taken)
{
    ngx_int_t                   rc;
    ngx_http_smartimg_plan_t   *plan;
    ngx_http_smartimg_place_t  *place;

    place = ngx_http_smartimg_find_place(taken->place);

    if (place == NULL) {
        return NGX_ERROR;
    }

    plan = ngx_http_smartimg_plan_of_recipe(&taken->recipe);

    if (plan == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_smartimg_ask_at(place, taken, plan);

    ngx_http_smartimg_release_plan(plan);

    return rc;
}


/* Once the request has its context, it gives the entry back at its end. */

static ngx_int_t
ngx_http_smartimg_ask_at(ngx_http_smartimg_place_t *place,
    ngx_http_smartimg_taken_t *taken, ngx_http_smartimg_plan_t *plan)
{
    ngx_connection_t                *c;
    ngx_http_request_t              *r;
    ngx_http_connection_t            hc;
    ngx_http_smartimg_ctx_t         *ctx;
    ngx_http_smartimg_caller_t       caller;
    ngx_http_smartimg_refinement_t  *re;

    if (ngx_http_smartimg_set_caller(place, &caller, &hc) != NGX_OK) {
        return NGX_ERROR;
    }

    c = ngx_http_smartimg_create_connection(&caller);
    if (c == NULL) {
        return NGX_ERROR;
    }

    r = ngx_http_smartimg_create_own_request(c);
    if (r == NULL) {
        return NGX_ERROR;
    }

    r->write_event_handler = ngx_http_smartimg_begin;

    re = ngx_pcalloc(r->pool, sizeof(ngx_http_smartimg_refinement_t));

    if (re == NULL || ngx_http_smartimg_share_plan(r, plan) != NGX_OK) {
        ngx_http_smartimg_drop(r);
        return NGX_ERROR;
    }

    re->taken = *taken;
    re->taken.recipe = plan->text;
    re->outcome = NGX_HTTP_SMARTIMG_FAILED;

    ctx = ngx_http_get_module_ctx(r, ngx_http_smartimg_module);
    ctx->refinement = re;

    ngx_post_event(c->write, &ngx_posted_events);

    return NGX_OK;
}


/* A tier's name, or an empty text if it is no refinement. */

const char *
ngx_http_smartimg_tier_asked_for(ngx_http_smartimg_ctx_t *ctx)
{
    return ctx->refinement ? si_tier_name(ctx->refinement->taken.tier) : "";
}


/* What nginx's phase of contents does. */

static void
ngx_http_smartimg_begin(ngx_http_request_t *r)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    r->write_event_handler = ngx_http_request_empty_handler;

    ngx_http_finalize_request(r, clcf->handler ? clcf->handler(r)
                                               : NGX_HTTP_NOT_FOUND);
}


/* A request that waited in the renderers' queue for too long. */

static ngx_uint_t
ngx_http_smartimg_came_late(ngx_http_request_t *r, ngx_uint_t status)
{
    static ngx_str_t  retry = ngx_string(SI_HEADER_RETRY);

    return status == NGX_HTTP_SERVICE_UNAVAILABLE && !r->internal
           && ngx_http_smartimg_find_header(&r->headers_out.headers, &retry,
                                            NULL);
}


/*
 * The head of a reply to a request of ours: the cache does not get an answer
 * that is larger than what it has.
 */

void
ngx_http_smartimg_judge(ngx_http_request_t *r, ngx_http_smartimg_ctx_t *ctx,
    si_tier tier)
{
    ngx_uint_t                       status;
    ngx_http_smartimg_refinement_t  *re;

    re = ctx->refinement;
    status = r->err_status ? r->err_status : r->headers_out.status;

    if (r->upstream == NULL || r->cached || status != NGX_HTTP_OK) {

        if (status == NGX_HTTP_NOT_MODIFIED
            || ngx_http_smartimg_came_late(r, status))
        {
            re->outcome = NGX_HTTP_SMARTIMG_DEFERRED;

        } else if (status >= NGX_HTTP_BAD_REQUEST
                   && status < NGX_HTTP_INTERNAL_SERVER_ERROR)
        {
            re->outcome = NGX_HTTP_SMARTIMG_HOPELESS;
        }

        return;
    }

    if (!r->upstream->cacheable) {
        return;
    }

    re->bytes = r->upstream->headers_in.content_length_n;
    re->reached = tier ? tier : SI_TIER_BEST;

    if (re->bytes > re->taken.bytes) {
        r->upstream->cacheable = 0;
        re->outcome = NGX_HTTP_SMARTIMG_KEPT;
        return;
    }

    /* unless it turns out to be torn */

    re->outcome = NGX_HTTP_SMARTIMG_REFINED;
}


/* The end of a request of ours, however it came. */

void
ngx_http_smartimg_end_refinement(ngx_http_request_t *r,
    ngx_http_smartimg_refinement_t *re)
{
    ngx_http_smartimg_room_t     room;
    ngx_http_smartimg_shared_t  *shared;

    shared = ngx_http_smartimg_shared();

    if (re->outcome == NGX_HTTP_SMARTIMG_REFINED
        && !ngx_http_smartimg_is_stored(r))
    {
        re->outcome = NGX_HTTP_SMARTIMG_FAILED;
    }

    ngx_http_smartimg_count_outcome(re);

    if (shared == NULL) {
        return;
    }

    ngx_http_smartimg_get_room(&room);

    if (ngx_http_smartimg_table_give_back(shared->table, &room, &re->taken,
                                          re->outcome, re->bytes, re->reached))
    {
        ngx_http_smartimg_mark_final(r->cache,
                                     re->outcome == NGX_HTTP_SMARTIMG_REFINED
                                     ? re->bytes : re->taken.bytes);
    }

    ngx_http_smartimg_schedule(NGX_HTTP_SMARTIMG_NEXT);
}


/* Its outcome in a word, once its request has ended. */

const char *
ngx_http_smartimg_refined_as(ngx_http_request_t *r,
    ngx_http_smartimg_refinement_t *re)
{
    switch (re->outcome) {

    case NGX_HTTP_SMARTIMG_REFINED:
        if (!ngx_http_smartimg_is_stored(r)) {
            return "failed";
        }

        return re->bytes < re->taken.bytes ? "improved" : "kept";

    case NGX_HTTP_SMARTIMG_KEPT:
        return "kept";

    case NGX_HTTP_SMARTIMG_DEFERRED:
        return "deferred";

    default:
        return "failed";
    }
}


static void
ngx_http_smartimg_count_outcome(ngx_http_smartimg_refinement_t *re)
{
    off_t  saved;

    saved = re->taken.bytes - re->bytes;

    switch (re->outcome) {

    case NGX_HTTP_SMARTIMG_REFINED:

        if (saved > 0) {
            ngx_http_smartimg_count(refine_improved, 1);
            ngx_http_smartimg_count(refine_saved, saved);
            break;
        }

        /* fall through */

    case NGX_HTTP_SMARTIMG_KEPT:
        ngx_http_smartimg_count(refine_kept, 1);
        break;

    case NGX_HTTP_SMARTIMG_DEFERRED:
        ngx_http_smartimg_count(refine_deferred, 1);
        break;

    default:
        ngx_http_smartimg_count(refine_failed, 1);
        break;
    }
}


char *
ngx_http_smartimg_refine(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_smartimg_main_conf_t  *smcf = conf;

    ngx_int_t   renderers, share;
    ngx_str_t  *value;

    if (smcf->renderers) {
        return "is duplicate";
    }

    value = cf->args->elts;

    renderers = ngx_atoi(value[1].data, value[1].len);
    share = ngx_atoi(value[2].data, value[2].len);

    if (renderers < 1 || share < 0 || share > 100) {
        return "must be a number of renderers and a share of them in percent";
    }

    smcf->refine_quiet = NGX_HTTP_SMARTIMG_QUIET;

    if (cf->args->nelts == 4) {
        smcf->refine_quiet = ngx_parse_time(&value[3], 0);

        if (smcf->refine_quiet == (ngx_msec_t) NGX_ERROR) {
            return "must have a time without first answers";
        }
    }

    smcf->renderers = renderers;
    smcf->refine_share = share;

    return NGX_CONF_OK;
}
