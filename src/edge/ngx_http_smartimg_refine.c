
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

/* an answer with foreign images that ends before is not worth it, s */
#define NGX_HTTP_SMARTIMG_SOON  60


/* a location that answers for images; places outlive requests */

typedef struct {
    uint32_t                       id;
    ngx_http_conf_ctx_t            ctx;
} ngx_http_smartimg_place_t;


struct ngx_http_smartimg_refinement_s {
    ngx_http_smartimg_taken_t      taken;
    ngx_http_smartimg_outcome_t    outcome;
    off_t                          bytes;     /* of the new answer */
    si_tier                        reached;
};


static ngx_http_smartimg_place_t *ngx_http_smartimg_place_of(
    ngx_http_request_t *r);
static ngx_http_smartimg_place_t *ngx_http_smartimg_find_place(uint32_t id);
static void ngx_http_smartimg_get_room(ngx_http_smartimg_room_t *room);
static void ngx_http_smartimg_schedule(ngx_msec_t delay);
static void ngx_http_smartimg_look_for_work(ngx_event_t *ev);
static ngx_int_t ngx_http_smartimg_ask(ngx_http_smartimg_taken_t *taken);
static ngx_int_t ngx_http_smartimg_ask_at(ngx_http_smartimg_place_t *place,
    ngx_http_smartimg_taken_t *taken, ngx_http_smartimg_plan_t *plan);
static ngx_int_t ngx_http_smartimg_set_caller(
    ngx_http_smartimg_place_t *place, ngx_http_smartimg_caller_t *caller,
    ngx_http_connection_t *hc);
static ngx_http_addr_conf_t *ngx_http_smartimg_addr_conf(
    ngx_listening_t *ls);
static void ngx_http_smartimg_begin(ngx_http_request_t *r);
static ngx_uint_t ngx_http_smartimg_came_late(ngx_http_request_t *r,
    ngx_uint_t status);
static void ngx_http_smartimg_count_outcome(
    ngx_http_smartimg_refinement_t *re);
static void ngx_http_smartimg_mark_final(ngx_http_request_t *r, off_t bytes);
static ngx_int_t ngx_http_smartimg_find_mark(ngx_fd_t fd, off_t bytes,
    off_t *at);


static ngx_event_t       ngx_http_smartimg_timer;
static ngx_connection_t  ngx_http_smartimg_no_connection;


/* A location is known by its names, which survive a reload. */

ngx_int_t
ngx_http_smartimg_add_place(ngx_conf_t *cf)
{
    ngx_http_conf_ctx_t            *ctx;
    ngx_http_smartimg_place_t      *place;
    ngx_http_core_srv_conf_t       *cscf;
    ngx_http_core_loc_conf_t       *clcf;
    ngx_http_smartimg_main_conf_t  *smcf;

    ctx = cf->ctx;

    smcf = ctx->main_conf[ngx_http_smartimg_module.ctx_index];
    cscf = ctx->srv_conf[ngx_http_core_module.ctx_index];
    clcf = ctx->loc_conf[ngx_http_core_module.ctx_index];

    place = ngx_array_push(&smcf->places);
    if (place == NULL) {
        return NGX_ERROR;
    }

    place->ctx = *ctx;

    ngx_crc32_init(place->id);
    ngx_crc32_update(&place->id, cscf->server_name.data,
                     cscf->server_name.len);
    ngx_crc32_update(&place->id, clcf->name.data, clcf->name.len);
    ngx_crc32_final(place->id);

    return NGX_OK;
}


ngx_int_t
ngx_http_smartimg_init_places(ngx_conf_t *cf,
    ngx_http_smartimg_main_conf_t *smcf)
{
    return ngx_array_init(&smcf->places, cf->pool, 4,
                          sizeof(ngx_http_smartimg_place_t));
}


static ngx_http_smartimg_place_t *
ngx_http_smartimg_place_of(ngx_http_request_t *r)
{
    ngx_uint_t                      i;
    ngx_http_smartimg_place_t      *place;
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_smartimg_module);
    place = smcf->places.elts;

    for (i = 0; i < smcf->places.nelts; i++) {
        if (place[i].ctx.loc_conf == r->loc_conf) {
            return &place[i];
        }
    }

    return NULL;
}


static ngx_http_smartimg_place_t *
ngx_http_smartimg_find_place(uint32_t id)
{
    ngx_uint_t                      i;
    ngx_http_smartimg_place_t      *place;
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_smartimg_module);
    place = smcf->places.elts;

    for (i = 0; i < smcf->places.nelts; i++) {
        if (place[i].id == id) {
            return &place[i];
        }
    }

    return NULL;
}


static void
ngx_http_smartimg_get_room(ngx_http_smartimg_room_t *room)
{
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_smartimg_module);

    room->renderers = smcf->renderers;
    room->share = smcf->refine_share;
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

    if (shared == NULL || smcf->refine_share == 0 || place == NULL || !ctx->plan->plan.server_cache
        || (ctx->fresh_until != SI_FRESH_FOR_EVER
            && ctx->fresh_until < ngx_time() + NGX_HTTP_SMARTIMG_SOON))
    {
        return 1;
    }

    ngx_memcpy(answer.key, r->cache->key, NGX_HTTP_CACHE_KEY_LEN);

    answer.recipe = ctx->plan->text;
    answer.place = place->id;
    answer.format = ctx->format;
    answer.bytes = r->cached ? r->cache->length - (off_t) r->cache->body_start
                             : r->upstream->headers_in.content_length_n;
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

    place = ngx_http_smartimg_find_place(taken->answer.place);

    if (place == NULL) {
        return NGX_ERROR;
    }

    plan = ngx_http_smartimg_plan_of_recipe(&taken->answer.recipe);

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
    re->taken.answer.recipe = plan->text;
    re->outcome = NGX_HTTP_SMARTIMG_FAILED;

    ctx = ngx_http_get_module_ctx(r, ngx_http_smartimg_module);
    ctx->refinement = re;

    ngx_post_event(c->write, &ngx_posted_events);

    return NGX_OK;
}


static ngx_int_t
ngx_http_smartimg_set_caller(ngx_http_smartimg_place_t *place,
    ngx_http_smartimg_caller_t *caller, ngx_http_connection_t *hc)
{
    ngx_uint_t        i;
    ngx_listening_t  *ls;

    static struct sockaddr  nowhere = { .sa_family = AF_UNIX };
    static ngx_str_t        name = ngx_string("unix:");

    /* nginx wants to know where a connection came in: anywhere */

    ls = ngx_cycle->listening.elts;

    for (i = 0; i < ngx_cycle->listening.nelts; i++) {
        if (ls[i].handler == ngx_http_init_connection && ls[i].servers) {
            break;
        }
    }

    if (i == ngx_cycle->listening.nelts) {
        return NGX_ERROR;
    }

    ngx_memzero(hc, sizeof(ngx_http_connection_t));

    hc->conf_ctx = &place->ctx;
    hc->addr_conf = ngx_http_smartimg_addr_conf(&ls[i]);

    caller->log = ngx_cycle->log;
    caller->action = "refining a first answer";
    caller->listening = &ls[i];
    caller->sockaddr = &nowhere;
    caller->socklen = sizeof(sa_family_t);
    caller->addr_text = name;
    caller->http_connection = hc;

    return NGX_OK;
}


static ngx_http_addr_conf_t *
ngx_http_smartimg_addr_conf(ngx_listening_t *ls)
{
    ngx_http_port_t      *port;
    ngx_http_in_addr_t   *addr;

#if (NGX_HAVE_INET6)
    ngx_http_in6_addr_t  *addr6;
#endif

    port = ls->servers;

#if (NGX_HAVE_INET6)
    if (ls->sockaddr->sa_family == AF_INET6) {
        addr6 = port->addrs;
        return &addr6->conf;
    }
#endif

    addr = port->addrs;

    return &addr->conf;
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

    if (re->bytes > re->taken.answer.bytes) {
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
        ngx_http_smartimg_mark_final(r,
                                     re->outcome == NGX_HTTP_SMARTIMG_REFINED
                                     ? re->bytes : re->taken.answer.bytes);
    }

    ngx_http_smartimg_schedule(NGX_HTTP_SMARTIMG_NEXT);
}


static void
ngx_http_smartimg_count_outcome(ngx_http_smartimg_refinement_t *re)
{
    off_t  saved;

    saved = re->taken.answer.bytes - re->bytes;

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


/*
 * Takes back, in the file of the cache, that a better answer will come.  That
 * is one byte, so whoever reads it meanwhile sees the old one or the new one.
 * Anything unexpected in there is left alone: then only the table knows.
 */

static void
ngx_http_smartimg_mark_final(ngx_http_request_t *r, off_t bytes)
{
    off_t        at;
    u_char      *p, byte, name[NGX_MAX_PATH];
    ngx_fd_t     fd;
    ngx_path_t  *path;

    if (r->cache == NULL || r->cache->file_cache == NULL) {
        return;
    }

    path = r->cache->file_cache->path;

    if (path->name.len + 1 + path->len + 2 * NGX_HTTP_CACHE_KEY_LEN
        >= sizeof(name))
    {
        return;
    }

    p = ngx_cpymem(name, path->name.data, path->name.len);
    p = ngx_hex_dump(p + 1 + path->len, r->cache->key, NGX_HTTP_CACHE_KEY_LEN);
    *p = '\0';

    ngx_create_hashed_filename(path, name, p - name);

    fd = ngx_open_file(name, NGX_FILE_RDWR, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        return;
    }

    byte = SI_HEADER_FINAL;

    if (ngx_http_smartimg_find_mark(fd, bytes, &at) == NGX_OK
        && pwrite(fd, &byte, 1, at) != 1)
    {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      "pwrite() to \"%s\" failed", name);
    }

    (void) ngx_close_file(fd);
}


/* Where the tier stands in a file of the cache whose body has so many bytes. */

static ngx_int_t
ngx_http_smartimg_find_mark(ngx_fd_t fd, off_t bytes, off_t *at)
{
    u_char                        *p;
    ssize_t                        n;
    struct stat                    st;
    ngx_http_file_cache_header_t  *h;

    static union {
        ngx_http_file_cache_header_t  header;
        u_char                        bytes[65536];   /* >= body_start */
    }  start;

    static u_char  mark[] = CRLF SI_HEADER_FIRST_ANSWER ": ";

    n = pread(fd, start.bytes, sizeof(start.bytes), 0);
    h = &start.header;

    if (n < (ssize_t) sizeof(ngx_http_file_cache_header_t)
        || h->version != NGX_HTTP_CACHE_VERSION
        || h->header_start >= h->body_start || h->body_start > n
        || fstat(fd, &st) != 0 || st.st_size != h->body_start + bytes)
    {
        return NGX_DECLINED;
    }

    p = ngx_strlcasestrn(start.bytes + h->header_start,
                         start.bytes + h->body_start, mark,
                         sizeof(mark) - 2);
    if (p == NULL) {
        return NGX_DECLINED;
    }

    *at = p + sizeof(mark) - 1 - start.bytes;

    return NGX_OK;
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

    smcf->renderers = renderers;
    smcf->refine_share = share;

    return NGX_CONF_OK;
}
