
/*
 * What is known of originals in origins (base/origin.h): a table in shared
 * memory, of so many entries as it has room for, in sets of eight of which
 * what was asked for longest goes.
 *
 * It is looked into while a plan is made.  What is not known is noted as
 * wanted, and asked for when the plan is made (ngx_http_smartimg_ask.c); the
 * request then waits, and gets another plan.  What is known but not fresh any
 * more is used, and asked for meanwhile.  If the origin does not answer, what
 * is known counts for a while, and what is not known fails for a moment, so
 * that not each request waits anew.
 */

#include "ngx_http_smartimg_module.h"
#include "base/wire.h"

#include <ngx_md5.h>


#define NGX_HTTP_SMARTIMG_ORIGIN_WAYS   8
#define NGX_HTTP_SMARTIMG_ORIGIN_RETRY  5000  /* ms, after a failure */
#define NGX_HTTP_SMARTIMG_ORIGIN_LEAST  100   /* ms, for who waited to see it */
#define NGX_HTTP_SMARTIMG_SEEN          32


typedef enum {
    NGX_HTTP_SMARTIMG_ORIGIN_NONE = 0,
    NGX_HTTP_SMARTIMG_ORIGIN_FOUND,
    NGX_HTTP_SMARTIMG_ORIGIN_MISSING,
    NGX_HTTP_SMARTIMG_ORIGIN_FAILED
} ngx_http_smartimg_origin_e;


typedef struct {
    u_char             key[16];
    ngx_uint_t         state;    /* ..._origin_e */
    uint64_t           generation;
    si_origin_answer   answer;
    ngx_msec_t         fresh;    /* until then */
    ngx_msec_t         good;     /* until then if the origin is silent */
    ngx_msec_t         asking;   /* somebody does, until then at most; 0 = no */
    ngx_msec_t         used;
    ngx_uint_t         doubted;  /* a renderer found another one there */
} ngx_http_smartimg_known_t;


typedef struct {
    ngx_uint_t                  sets;
    ngx_http_smartimg_known_t   known[1];
} ngx_http_smartimg_origins_t;


static ngx_int_t ngx_http_smartimg_init_origins_zone(ngx_shm_zone_t *zone,
    void *data);
static void ngx_http_smartimg_origin_key(const si_origin_question *q,
    u_char key[16]);
static ngx_http_smartimg_known_t *ngx_http_smartimg_find_known(
    ngx_http_smartimg_origins_t *table, u_char key[16]);
static ngx_http_smartimg_known_t *ngx_http_smartimg_make_known(
    ngx_http_smartimg_origins_t *table, u_char key[16]);
static ngx_uint_t ngx_http_smartimg_is_over(ngx_msec_t until);
static si_origin_state ngx_http_smartimg_state(ngx_http_smartimg_known_t *known,
    si_origin_answer *out);
static void ngx_http_smartimg_want(ngx_http_smartimg_want_t *want);
static void ngx_http_smartimg_fill_want(ngx_http_smartimg_want_t *want,
    const si_origin_question *q, u_char key[16], uint64_t generation);


/* what the plan that is being made lacks */

static ngx_http_smartimg_want_t   ngx_http_smartimg_wants[
                                              NGX_HTTP_SMARTIMG_WANTS];
static ngx_uint_t                 ngx_http_smartimg_nwants;

/* what it was told, by key */

static u_char                     ngx_http_smartimg_seen[
                                              NGX_HTTP_SMARTIMG_SEEN][16];
static ngx_uint_t                 ngx_http_smartimg_nseen;


/* "smartimg_origins SOCKET SIZE": of the origins process, and of the table */

char *
ngx_http_smartimg_origins(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_smartimg_main_conf_t  *smcf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    static ngx_str_t  name = ngx_string("smartimg_origins");

    if (smcf->origins_zone) {
        return "is duplicate";
    }

    value = cf->args->elts;
    smcf->origins_socket = value[1];

    size = ngx_parse_size(&value[2]);

    if (size == NGX_ERROR || size < (ssize_t) (16 * ngx_pagesize)) {
        return "needs a size of 64k at least";
    }

    smcf->origins_zone = ngx_shared_memory_add(cf, &name, size,
                                               &ngx_http_smartimg_module);
    if (smcf->origins_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    smcf->origins_zone->init = ngx_http_smartimg_init_origins_zone;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_smartimg_init_origins_zone(ngx_shm_zone_t *zone, void *data)
{
    size_t                        size, set;
    ngx_uint_t                    sets;
    ngx_slab_pool_t              *shpool;
    ngx_http_smartimg_origins_t  *table;

    if (data) {
        zone->data = data;
        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    if (zone->shm.exists) {
        zone->data = shpool->data;
        return NGX_OK;
    }

    set = NGX_HTTP_SMARTIMG_ORIGIN_WAYS * sizeof(ngx_http_smartimg_known_t);
    size = shpool->end - shpool->start;

    /* pages have a head each, and the slab's own are there, too */

    sets = (size - size / 64 - 8 * ngx_pagesize) / set;

    table = ngx_slab_calloc(shpool, sizeof(ngx_http_smartimg_origins_t)
                                    + sets * set);
    if (table == NULL) {
        return NGX_ERROR;
    }

    table->sets = sets;

    shpool->data = table;
    zone->data = table;

    return NGX_OK;
}


/* Of the origin's settings, too: after a change nothing is known. */

static void
ngx_http_smartimg_origin_key(const si_origin_question *q, u_char key[16])
{
    ngx_md5_t  md5;

    ngx_md5_init(&md5);
    ngx_md5_update(&md5, &q->origin->id, sizeof(q->origin->id));
    ngx_md5_update(&md5, q->extension, ngx_strlen(q->extension) + 1);
    ngx_md5_update(&md5, q->key, ngx_strlen(q->key) + 1);

    /*
     * each object has what it knows of its file for itself: a purge of one
     * would make what others know old, and theirs what it knows, in turns
     */

    ngx_md5_update(&md5, q->named_in->id, ngx_strlen(q->named_in->id) + 1);
    ngx_md5_update(&md5, q->named.p, q->named.len);

    ngx_md5_final(key, &md5);
}


static ngx_http_smartimg_known_t *
ngx_http_smartimg_find_known(ngx_http_smartimg_origins_t *table,
    u_char key[16])
{
    uint32_t                    hash;
    ngx_uint_t                  i;
    ngx_http_smartimg_known_t  *set;

    ngx_memcpy(&hash, key, sizeof(hash));

    set = &table->known[hash % table->sets * NGX_HTTP_SMARTIMG_ORIGIN_WAYS];

    for (i = 0; i < NGX_HTTP_SMARTIMG_ORIGIN_WAYS; i++) {
        if (set[i].state != NGX_HTTP_SMARTIMG_ORIGIN_NONE
            && ngx_memcmp(set[i].key, key, 16) == 0)
        {
            set[i].used = ngx_current_msec;
            return &set[i];
        }
    }

    return NULL;
}


/* An entry of that key, in the place of the one that was used least lately. */

static ngx_http_smartimg_known_t *
ngx_http_smartimg_make_known(ngx_http_smartimg_origins_t *table,
    u_char key[16])
{
    uint32_t                    hash;
    ngx_uint_t                  i;
    ngx_http_smartimg_known_t  *set, *known;

    known = ngx_http_smartimg_find_known(table, key);

    if (known) {
        return known;
    }

    ngx_memcpy(&hash, key, sizeof(hash));

    set = &table->known[hash % table->sets * NGX_HTTP_SMARTIMG_ORIGIN_WAYS];
    known = set;

    for (i = 0; i < NGX_HTTP_SMARTIMG_ORIGIN_WAYS; i++) {

        if (set[i].state == NGX_HTTP_SMARTIMG_ORIGIN_NONE) {
            known = &set[i];
            break;
        }

        if ((ngx_msec_int_t) (set[i].used - known->used) < 0) {
            known = &set[i];
        }
    }

    ngx_memzero(known, sizeof(ngx_http_smartimg_known_t));
    ngx_memcpy(known->key, key, 16);
    known->used = ngx_current_msec;

    return known;
}


static ngx_uint_t
ngx_http_smartimg_is_over(ngx_msec_t until)
{
    return (ngx_msec_int_t) (until - ngx_current_msec) <= 0;
}


static si_origin_state
ngx_http_smartimg_state(ngx_http_smartimg_known_t *known,
    si_origin_answer *out)
{
    switch (known->state) {

    case NGX_HTTP_SMARTIMG_ORIGIN_FOUND:
        *out = known->answer;
        return SI_ORIGIN_FOUND;

    case NGX_HTTP_SMARTIMG_ORIGIN_MISSING:
        return SI_ORIGIN_MISSING;

    default:
        return SI_ORIGIN_FAILED;
    }
}


/* An si_origin_look; `context` is the main configuration. */

si_origin_state
ngx_http_smartimg_look_at_origin(void *context, const si_origin_question *q,
    si_origin_answer *out)
{
    ngx_http_smartimg_main_conf_t  *smcf = context;

    u_char                        key[16];
    uint64_t                      generation;
    ngx_uint_t                    ask, wait;
    si_origin_state               state;
    ngx_slab_pool_t              *shpool;
    ngx_http_smartimg_want_t      want;
    ngx_http_smartimg_known_t    *known;
    ngx_http_smartimg_origins_t  *table;

    if (smcf->origins_zone == NULL) {
        return SI_ORIGIN_FAILED;
    }

    ngx_http_smartimg_origin_key(q, key);

    generation = si_generation_of(smcf->table, si_str_of(q->company->id),
                                  q->object)
                 + si_generation_of(smcf->table, si_str_of(q->named_in->id),
                                    q->named);

    table = smcf->origins_zone->data;
    shpool = (ngx_slab_pool_t *) smcf->origins_zone->shm.addr;

    ask = 0;
    wait = 0;

    ngx_shmtx_lock(&shpool->mutex);

    known = ngx_http_smartimg_find_known(table, key);

    if (known == NULL || known->doubted || known->generation != generation) {
        state = SI_ORIGIN_UNKNOWN;
        wait = 1;

    } else if (!ngx_http_smartimg_is_over(known->fresh)) {
        state = ngx_http_smartimg_state(known, out);

    } else if (known->state != NGX_HTTP_SMARTIMG_ORIGIN_FOUND
               || ngx_http_smartimg_is_over(known->good))
    {
        state = SI_ORIGIN_UNKNOWN;
        wait = 1;

    } else {
        state = ngx_http_smartimg_state(known, out);
        ask = known->asking == 0 || ngx_http_smartimg_is_over(known->asking);

        if (ask) {
            known->asking = ngx_current_msec + q->origin->total_ms + 1000;
        }
    }

    ngx_shmtx_unlock(&shpool->mutex);

    if (state == SI_ORIGIN_FOUND
        && ngx_http_smartimg_nseen < NGX_HTTP_SMARTIMG_SEEN)
    {
        ngx_memcpy(ngx_http_smartimg_seen[ngx_http_smartimg_nseen++], key, 16);
    }

    if (ask || wait) {
        ngx_http_smartimg_fill_want(&want, q, key, generation);
    }

    if (ask) {
        ngx_http_smartimg_ask_meanwhile(&want);
    }

    if (wait) {
        ngx_http_smartimg_want(&want);
    }

    return state;
}


static void
ngx_http_smartimg_fill_want(ngx_http_smartimg_want_t *want,
    const si_origin_question *q, u_char key[16], uint64_t generation)
{
    si_str  whole, first;

    ngx_memzero(want, sizeof(ngx_http_smartimg_want_t));

    ngx_memcpy(want->key, key, 16);
    want->origin = q->origin;
    want->generation = generation;

    whole = si_str_of(q->key);
    first = si_str_of(q->extension);

    want->ask.id = q->origin->id;
    want->ask.candidate_count = si_origin_candidates(q->origin, whole, first,
                                                     want->ask.candidates);

    (void) ngx_snprintf((u_char *) want->ask.origin,
                        sizeof(want->ask.origin), "%s@%s%Z",
                        q->origin->name, q->origin->owner);

    ngx_memcpy(want->ask.key, q->key, whole.len + 1);
}


static void
ngx_http_smartimg_want(ngx_http_smartimg_want_t *want)
{
    ngx_uint_t  i;

    for (i = 0; i < ngx_http_smartimg_nwants; i++) {
        if (ngx_memcmp(ngx_http_smartimg_wants[i].key, want->key, 16) == 0) {
            return;
        }
    }

    /* those that do not fit are wanted again by the next plan */

    if (i < NGX_HTTP_SMARTIMG_WANTS) {
        ngx_http_smartimg_wants[ngx_http_smartimg_nwants++] = *want;
    }
}


/* Called before a plan is made. */

void
ngx_http_smartimg_begin_wants(void)
{
    ngx_http_smartimg_nwants = 0;
    ngx_http_smartimg_nseen = 0;
}


/* … and whose state it is made of, in the plan's arena. */

void
ngx_http_smartimg_take_seen(ngx_http_smartimg_plan_t *plan)
{
    size_t  size;

    size = ngx_http_smartimg_nseen * 16;

    if (size == 0) {
        return;
    }

    plan->origins = si_arena_alloc(&plan->arena, size);

    if (plan->origins) {
        ngx_memcpy(plan->origins, ngx_http_smartimg_seen, size);
        plan->norigins = ngx_http_smartimg_nseen;
    }
}


/* Called after that: what it lacks.  Returns how many. */

ngx_uint_t
ngx_http_smartimg_take_wants(ngx_http_smartimg_want_t **wants)
{
    *wants = ngx_http_smartimg_wants;

    return ngx_http_smartimg_nwants;
}


/* Called with an answer of the origins process, or NULL if there is none. */

void
ngx_http_smartimg_note_origin(ngx_http_smartimg_want_t *want,
    si_origin_told *told)
{
    si_result                       code;
    ngx_msec_t                      now;
    ngx_slab_pool_t                *shpool;
    const si_origin                *o;
    ngx_http_smartimg_known_t      *known;
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_smartimg_module);

    o = want->origin;
    now = ngx_current_msec;
    code = told ? (si_result) told->code : SI_ERR_IO;
    shpool = (ngx_slab_pool_t *) smcf->origins_zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    known = ngx_http_smartimg_make_known(smcf->origins_zone->data, want->key);

    known->asking = 0;
    known->doubted = 0;
    known->generation = want->generation;

    switch (code) {

    case SI_OK:
        known->state = NGX_HTTP_SMARTIMG_ORIGIN_FOUND;
        known->answer.size = told->size;
        known->answer.time = told->time;
        known->answer.version = told->version;
        ngx_memcpy(known->answer.extension, told->extension,
                   SI_ORIGIN_EXTENSION);
        known->fresh = now + ngx_max((ngx_msec_t) o->fresh * 1000,
                                     NGX_HTTP_SMARTIMG_ORIGIN_LEAST);
        known->good = known->fresh + (ngx_msec_t) o->stale * 1000;
        break;

    case SI_ERR_NOT_FOUND:
        known->state = NGX_HTTP_SMARTIMG_ORIGIN_MISSING;
        known->fresh = now + ngx_max((ngx_msec_t) o->missing * 1000,
                                     NGX_HTTP_SMARTIMG_ORIGIN_LEAST);
        known->good = known->fresh + (ngx_msec_t) o->stale * 1000;
        break;

    default:

        if (known->state == NGX_HTTP_SMARTIMG_ORIGIN_NONE
            || known->state == NGX_HTTP_SMARTIMG_ORIGIN_FAILED
            || ngx_http_smartimg_is_over(known->good))
        {
            known->state = NGX_HTTP_SMARTIMG_ORIGIN_FAILED;
        }

        known->fresh = now + NGX_HTTP_SMARTIMG_ORIGIN_RETRY;
    }

    ngx_shmtx_unlock(&shpool->mutex);

    if (code == SI_OK) {
        ngx_http_smartimg_count(origin_found, 1);

    } else if (code == SI_ERR_NOT_FOUND) {
        ngx_http_smartimg_count(origin_missing, 1);

    } else {
        ngx_http_smartimg_count(origin_failed, 1);
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "smartimg: source %s: nothing is told of an original: "
                      "%s", o->name, told ? told->text : "no answer");
    }
}


/* Called when a renderer has found an original to be another one by now. */

void
ngx_http_smartimg_doubt_origins(ngx_http_smartimg_plan_t *plan)
{
    ngx_uint_t                      i;
    ngx_slab_pool_t                *shpool;
    ngx_http_smartimg_known_t      *known;
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_smartimg_module);

    if (smcf->origins_zone == NULL || plan->norigins == 0) {
        return;
    }

    shpool = (ngx_slab_pool_t *) smcf->origins_zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    for (i = 0; i < plan->norigins; i++) {
        known = ngx_http_smartimg_find_known(smcf->origins_zone->data,
                                             plan->origins[i]);

        if (known && known->state == NGX_HTTP_SMARTIMG_ORIGIN_FOUND) {

            /* it is waited for, not used meanwhile */

            known->doubted = 1;
        }
    }

    ngx_shmtx_unlock(&shpool->mutex);

    plan->doubted = 1;
}


/* Called with a reply of a renderer. */

void
ngx_http_smartimg_note_changed(ngx_http_request_t *r)
{
    ngx_http_smartimg_ctx_t  *ctx;

    static ngx_str_t  name = ngx_string(SI_HEADER_CHANGED);

    ctx = ngx_http_smartimg_get_ctx(r);

    if (ctx == NULL || ctx->plan->norigins == 0
        || r->upstream->headers_in.headers.size == 0)
    {
        return;
    }

    if (ngx_http_smartimg_find_header(&r->upstream->headers_in.headers, &name,
                                      NULL))
    {
        ngx_http_smartimg_doubt_origins(ctx->plan);
    }
}
