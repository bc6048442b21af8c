
/*
 * The table is an array; chains by cache key find an entry for each hit on a
 * first answer, and all else looks through all of it, which takes less than a
 * tenth of a millisecond and happens beside a render only.
 */

#include "ngx_http_smartimg_table.h"


#define NGX_HTTP_SMARTIMG_PER_ENTRY      2048   /* bytes of the zone */
#define NGX_HTTP_SMARTIMG_ENTRIES        4096   /* at most */
#define NGX_HTTP_SMARTIMG_TRIES          3      /* that do not succeed */
#define NGX_HTTP_SMARTIMG_TAKEN_MS       90000  /* then its taker is dead */
/* after so many times room.quiet without a refinement there is one anyhow */
#define NGX_HTTP_SMARTIMG_PATIENCE    20

#define NGX_HTTP_SMARTIMG_NOT_NOW_MS     500    /* nobody tries for so long */
#define NGX_HTTP_SMARTIMG_AGAIN_MS       2000   /* the same entry */
#define NGX_HTTP_SMARTIMG_LATER_MS       30000  /* if it got no further, as
                                                   its machine was busy */

/* for one new entry: a long recipe is not to drive out all short ones */
#define NGX_HTTP_SMARTIMG_EVICTED_MAX    16

#define NGX_HTTP_SMARTIMG_NONE           ((uint32_t) -1)


typedef struct {
    u_char                     key[NGX_HTTP_CACHE_KEY_LEN];
    u_char                    *recipe;     /* NULL: the entry is free */
    uint32_t                   len;
    uint32_t                   place;
    uint32_t                   next;       /* in its chain or among the free */
    uint32_t                   hits;
    off_t                      bytes;
    ngx_uint_t                 serial;     /* of what it was taken for */
    ngx_int_t                  owner;      /* ngx_process_slot of its taker */
    ngx_msec_t                 until;      /* not to be taken before; while it
                                              is taken: its deadline */
    unsigned                   format:8;
    unsigned                   tier:8;
    unsigned                   tries:8;
    unsigned                   taken:1;
    unsigned                   final:1;
} ngx_http_smartimg_entry_t;


struct ngx_http_smartimg_table_s {
    ngx_slab_pool_t           *shpool;     /* its mutex guards all of this */
    ngx_uint_t                 size;
    ngx_uint_t                 used;       /* entries from the start on that
                                              have ever been used */
    ngx_uint_t                 waiting;    /* neither free nor final */
    ngx_uint_t                 serial;
    ngx_msec_t                 pause;      /* nothing is taken before */
    ngx_msec_t                 busy;       /* when there were first answers, */
    ngx_msec_t                 ended;      /* and a refinement, last */
    uint32_t                   free;
    uint32_t                  *chains;     /* as many as entries */
    ngx_http_smartimg_entry_t  entries[];
};


static ngx_uint_t ngx_http_smartimg_is_before(ngx_msec_t time,
    ngx_msec_t other);
static uint32_t *ngx_http_smartimg_chain(ngx_http_smartimg_table_t *table,
    u_char *key);
static ngx_http_smartimg_entry_t *ngx_http_smartimg_find(
    ngx_http_smartimg_table_t *table, u_char *key);
static ngx_http_smartimg_entry_t *ngx_http_smartimg_enter(
    ngx_http_smartimg_table_t *table, ngx_http_smartimg_answer_t *answer);
static ngx_uint_t ngx_http_smartimg_evict(ngx_http_smartimg_table_t *table,
    double worth);
static void ngx_http_smartimg_remove(ngx_http_smartimg_table_t *table,
    ngx_http_smartimg_entry_t *e);
static void ngx_http_smartimg_reopen(ngx_http_smartimg_table_t *table,
    ngx_http_smartimg_entry_t *e, ngx_http_smartimg_answer_t *answer);
static void ngx_http_smartimg_finish_entry(ngx_http_smartimg_table_t *table,
    ngx_http_smartimg_entry_t *e);
static ngx_uint_t ngx_http_smartimg_most(ngx_http_smartimg_room_t *room);
static ngx_http_smartimg_entry_t *ngx_http_smartimg_choose(
    ngx_http_smartimg_table_t *table, ngx_http_smartimg_room_t *room);
static void ngx_http_smartimg_pause(ngx_http_smartimg_table_t *table,
    ngx_http_smartimg_room_t *room, ngx_msec_t took);
static ngx_uint_t ngx_http_smartimg_settle(ngx_http_smartimg_table_t *table,
    ngx_http_smartimg_entry_t *e, ngx_http_smartimg_taken_t *taken,
    ngx_http_smartimg_outcome_t outcome, off_t bytes, si_tier tier);


ngx_http_smartimg_table_t *
ngx_http_smartimg_table_create(ngx_slab_pool_t *shpool, size_t size)
{
    ngx_uint_t                  i, n;
    ngx_http_smartimg_table_t  *table;

    n = ngx_min(size / NGX_HTTP_SMARTIMG_PER_ENTRY, NGX_HTTP_SMARTIMG_ENTRIES);

    table = ngx_slab_calloc(shpool, sizeof(ngx_http_smartimg_table_t)
                                    + n * (sizeof(ngx_http_smartimg_entry_t)
                                           + sizeof(uint32_t)));
    if (table == NULL) {
        return NULL;
    }

    table->shpool = shpool;
    table->size = n;
    table->free = NGX_HTTP_SMARTIMG_NONE;
    table->pause = ngx_current_msec;
    table->ended = ngx_current_msec;
    table->busy = ngx_current_msec;
    table->chains = (uint32_t *) &table->entries[n];

    for (i = 0; i < n; i++) {
        table->chains[i] = NGX_HTTP_SMARTIMG_NONE;
    }

    /* a full zone is no fault: what is worth least makes room */
    shpool->log_nomem = 0;

    return table;
}


static ngx_uint_t
ngx_http_smartimg_is_before(ngx_msec_t time, ngx_msec_t other)
{
    return (ngx_msec_int_t) (time - other) < 0;
}


static uint32_t *
ngx_http_smartimg_chain(ngx_http_smartimg_table_t *table, u_char *key)
{
    uint64_t  hash;

    ngx_memcpy(&hash, key, sizeof(hash));

    return &table->chains[hash % table->size];
}


static ngx_http_smartimg_entry_t *
ngx_http_smartimg_find(ngx_http_smartimg_table_t *table, u_char *key)
{
    uint32_t                    i;
    ngx_http_smartimg_entry_t  *e;

    for (i = *ngx_http_smartimg_chain(table, key);
         i != NGX_HTTP_SMARTIMG_NONE;
         i = e->next)
    {
        e = &table->entries[i];

        if (ngx_memcmp(e->key, key, NGX_HTTP_CACHE_KEY_LEN) == 0) {
            return e;
        }
    }

    return NULL;
}


static void
ngx_http_smartimg_remove(ngx_http_smartimg_table_t *table,
    ngx_http_smartimg_entry_t *e)
{
    uint32_t  *link, i;

    i = e - table->entries;

    for (link = ngx_http_smartimg_chain(table, e->key);
         *link != i;
         link = &table->entries[*link].next)
    {
        /* void */
    }

    *link = e->next;

    if (e->recipe) {
        ngx_slab_free_locked(table->shpool, e->recipe);
    }

    if (!e->final) {
        table->waiting--;
    }

    ngx_memzero(e, sizeof(ngx_http_smartimg_entry_t));
    e->next = table->free;
    table->free = i;
}


/* An answer that is new, or another one since the cache has lost the first. */

static void
ngx_http_smartimg_reopen(ngx_http_smartimg_table_t *table,
    ngx_http_smartimg_entry_t *e, ngx_http_smartimg_answer_t *answer)
{
    if (e->final) {
        e->final = 0;
        table->waiting++;
    }

    e->place = answer->place;
    e->format = answer->format;
    e->bytes = answer->bytes;
    e->tier = answer->tier;
    e->tries = 0;
}


/* Remembers of an entry only that there is nothing to be done about it. */

static void
ngx_http_smartimg_finish_entry(ngx_http_smartimg_table_t *table,
    ngx_http_smartimg_entry_t *e)
{
    e->taken = 0;
    e->final = 1;
    table->waiting--;
}


/* Makes room at the cost of what is worth least, and not more than that. */

static ngx_uint_t
ngx_http_smartimg_evict(ngx_http_smartimg_table_t *table, double worth)
{
    double                      its;
    ngx_uint_t                  i;
    ngx_http_smartimg_entry_t  *e, *least;

    least = NULL;

    for (i = 0; i < table->used; i++) {
        e = &table->entries[i];

        if (e->recipe == NULL || e->taken) {
            continue;
        }

        its = e->final ? 0
                       : ngx_http_smartimg_worth(e->format, e->tier, e->hits,
                                                 e->bytes);
        if (its <= worth) {
            least = e;
            worth = its;
        }
    }

    if (least == NULL) {
        return 0;
    }

    ngx_http_smartimg_remove(table, least);

    return 1;
}


static ngx_http_smartimg_entry_t *
ngx_http_smartimg_enter(ngx_http_smartimg_table_t *table,
    ngx_http_smartimg_answer_t *answer)
{
    double                      worth;
    u_char                     *recipe;
    uint32_t                   *chain;
    ngx_uint_t                  evicted;
    ngx_http_smartimg_entry_t  *e;

    worth = ngx_http_smartimg_worth(answer->format, answer->tier, 1,
                                    answer->bytes);

    if (table->free == NGX_HTTP_SMARTIMG_NONE && table->used == table->size
        && !ngx_http_smartimg_evict(table, worth))
    {
        return NULL;
    }

    for (evicted = 0; /* void */ ; evicted++) {
        recipe = ngx_slab_alloc_locked(table->shpool, answer->recipe.len);

        if (recipe) {
            break;
        }

        if (evicted == NGX_HTTP_SMARTIMG_EVICTED_MAX
            || !ngx_http_smartimg_evict(table, worth))
        {
            return NULL;
        }
    }

    if (table->free != NGX_HTTP_SMARTIMG_NONE) {
        e = &table->entries[table->free];
        table->free = e->next;

    } else {
        e = &table->entries[table->used++];
    }

    table->busy = ngx_current_msec;

    ngx_memcpy(recipe, answer->recipe.data, answer->recipe.len);
    ngx_memcpy(e->key, answer->key, NGX_HTTP_CACHE_KEY_LEN);

    e->recipe = recipe;
    e->len = answer->recipe.len;
    e->bytes = -1;
    e->until = ngx_current_msec;

    chain = ngx_http_smartimg_chain(table, answer->key);
    e->next = *chain;
    *chain = e - table->entries;

    table->waiting++;

    return e;
}


ngx_uint_t
ngx_http_smartimg_table_note(ngx_http_smartimg_table_t *table,
    ngx_http_smartimg_answer_t *answer)
{
    ngx_uint_t                  final;
    ngx_http_smartimg_entry_t  *e;

    if (answer->recipe.len == 0
        || answer->recipe.len > NGX_HTTP_SMARTIMG_RECIPE_MAX)
    {
        return 0;
    }

    ngx_shmtx_lock(&table->shpool->mutex);

    e = ngx_http_smartimg_find(table, answer->key);

    if (answer->memory && e && e->bytes != answer->bytes) {
        e = NULL;

    } else if (e == NULL && !answer->memory) {
        e = ngx_http_smartimg_enter(table, answer);
    }

    final = 0;

    if (e) {
        e->hits++;

        if (e->bytes != answer->bytes && !e->taken) {
            ngx_http_smartimg_reopen(table, e, answer);
        }

        final = e->final;
    }

    ngx_shmtx_unlock(&table->shpool->mutex);

    return !final;
}


/* How many may run at once: the share, rounded up, and half of them. */

static ngx_uint_t
ngx_http_smartimg_most(ngx_http_smartimg_room_t *room)
{
    return ngx_min((room->renderers * room->share + 99) / 100,
                   ngx_max(room->renderers / 2, 1));
}


/*
 * Where first answers are asked for, more of them are likely to follow: what
 * is refined meanwhile takes processor time from them even if there is a
 * renderer left.  So there has to be a moment without any first, unless there
 * has been none for long.
 */

static ngx_uint_t
ngx_http_smartimg_is_quiet(ngx_http_smartimg_table_t *table,
    ngx_http_smartimg_room_t *room)
{
    ngx_msec_t  patience;

    if (room->first) {
        table->busy = ngx_current_msec;
    }

    patience = room->quiet * NGX_HTTP_SMARTIMG_PATIENCE;

    return !ngx_http_smartimg_is_before(ngx_current_msec,
                                        table->busy + room->quiet)
           || !ngx_http_smartimg_is_before(ngx_current_msec,
                                           table->ended + patience);
}


/*
 * First answers that wait come first: there has to be a renderer left.  Who
 * was taken by a process that died since may be taken again.
 */

static ngx_http_smartimg_entry_t *
ngx_http_smartimg_choose(ngx_http_smartimg_table_t *table,
    ngx_http_smartimg_room_t *room)
{
    double                      worth, most;
    ngx_uint_t                  i, running;
    ngx_http_smartimg_entry_t  *e, *best;

    if (table->waiting == 0
        || ngx_http_smartimg_is_before(ngx_current_msec, table->pause)
        || !ngx_http_smartimg_is_quiet(table, room))
    {
        return NULL;
    }

    best = NULL;
    most = -1;
    running = 0;

    for (i = 0; i < table->used; i++) {
        e = &table->entries[i];

        if (e->recipe == NULL || e->final) {
            continue;
        }

        if (ngx_http_smartimg_is_before(ngx_current_msec, e->until)) {
            running += e->taken;
            continue;
        }

        worth = ngx_http_smartimg_worth(e->format, e->tier, e->hits,
                                        e->bytes);
        if (worth > most) {
            most = worth;
            best = e;
        }
    }

    if (running >= ngx_http_smartimg_most(room)
        || running + room->first >= room->renderers)
    {
        return NULL;
    }

    return best;
}


ngx_uint_t
ngx_http_smartimg_table_take(ngx_http_smartimg_table_t *table,
    ngx_http_smartimg_room_t *room, ngx_http_smartimg_taken_t *taken)
{
    ngx_http_smartimg_entry_t  *e;

    static u_char  recipe[NGX_HTTP_SMARTIMG_RECIPE_MAX];

    ngx_shmtx_lock(&table->shpool->mutex);

    e = ngx_http_smartimg_choose(table, room);

    if (e) {
        e->taken = 1;
        e->serial = ++table->serial;
        e->owner = ngx_process_slot;
        e->until = ngx_current_msec + NGX_HTTP_SMARTIMG_TAKEN_MS;

        ngx_memcpy(recipe, e->recipe, e->len);

        taken->slot = e - table->entries;
        taken->serial = e->serial;
        taken->since = ngx_current_msec;
        taken->tier = e->tier < SI_TIER_BETTER ? SI_TIER_BETTER : SI_TIER_BEST;

        taken->recipe.data = recipe;
        taken->recipe.len = e->len;
        taken->place = e->place;
        taken->bytes = e->bytes;
    }

    ngx_shmtx_unlock(&table->shpool->mutex);

    return e != NULL;
}


/*
 * A share that is no whole number of renderers is one of time: who ran for so
 * long leaves so long a gap behind.
 */

static void
ngx_http_smartimg_pause(ngx_http_smartimg_table_t *table,
    ngx_http_smartimg_room_t *room, ngx_msec_t took)
{
    ngx_uint_t  have, may;

    have = ngx_http_smartimg_most(room) * 100;
    may = room->renderers * room->share;

    if (may && have > may) {
        table->pause = ngx_current_msec + took * (have - may) / may;
    }
}


ngx_uint_t
ngx_http_smartimg_table_give_back(ngx_http_smartimg_table_t *table,
    ngx_http_smartimg_room_t *room, ngx_http_smartimg_taken_t *taken,
    ngx_http_smartimg_outcome_t outcome, off_t bytes, si_tier tier)
{
    ngx_uint_t                  final;
    ngx_http_smartimg_entry_t  *e;

    final = 0;

    ngx_shmtx_lock(&table->shpool->mutex);

    e = &table->entries[taken->slot];

    /* else it came too late, and has been taken by another */

    if (e->taken && e->serial == taken->serial) {
        table->ended = ngx_current_msec;

        if (outcome == NGX_HTTP_SMARTIMG_DEFERRED) {
            table->pause = ngx_current_msec + NGX_HTTP_SMARTIMG_NOT_NOW_MS;

        } else {
            ngx_http_smartimg_pause(table, room,
                                    ngx_current_msec - taken->since);
        }

        final = ngx_http_smartimg_settle(table, e, taken, outcome, bytes,
                                         tier);
    }

    ngx_shmtx_unlock(&table->shpool->mutex);

    return final;
}


static ngx_uint_t
ngx_http_smartimg_settle(ngx_http_smartimg_table_t *table,
    ngx_http_smartimg_entry_t *e, ngx_http_smartimg_taken_t *taken,
    ngx_http_smartimg_outcome_t outcome, off_t bytes, si_tier tier)
{
    e->taken = 0;
    e->until = ngx_current_msec;

    switch (outcome) {

    case NGX_HTTP_SMARTIMG_DEFERRED:
        e->until += NGX_HTTP_SMARTIMG_AGAIN_MS;
        return 0;

    case NGX_HTTP_SMARTIMG_REFINED:
        e->bytes = bytes;

        if (tier == SI_TIER_BEST) {
            /* the cache says so itself */
            ngx_http_smartimg_remove(table, e);
            return 0;
        }

        break;

    case NGX_HTTP_SMARTIMG_KEPT:

        if (tier == SI_TIER_BEST) {
            ngx_http_smartimg_finish_entry(table, e);
            return 1;
        }

        break;

    default:
        tier = SI_TIER_DEFAULT;
        break;
    }

    if (tier > e->tier) {
        e->tier = tier;
        e->tries = 0;
        return 0;
    }

    /* later once more, and later still, but not for ever */

    e->until += (tier ? NGX_HTTP_SMARTIMG_LATER_MS
                      : NGX_HTTP_SMARTIMG_AGAIN_MS) << (2 * e->tries);

    if (++e->tries == NGX_HTTP_SMARTIMG_TRIES
        || outcome == NGX_HTTP_SMARTIMG_HOPELESS)
    {
        ngx_http_smartimg_finish_entry(table, e);

        return outcome == NGX_HTTP_SMARTIMG_KEPT
               || outcome == NGX_HTTP_SMARTIMG_REFINED;
    }

    return 0;
}


void
ngx_http_smartimg_table_inherit(ngx_http_smartimg_table_t *table)
{
    ngx_uint_t                  i;
    ngx_http_smartimg_entry_t  *e;

    ngx_shmtx_lock(&table->shpool->mutex);

    for (i = 0; i < table->used; i++) {
        e = &table->entries[i];

        if (e->taken && e->owner == ngx_process_slot) {
            e->taken = 0;
            e->until = ngx_current_msec;
        }
    }

    ngx_shmtx_unlock(&table->shpool->mutex);
}


ngx_uint_t
ngx_http_smartimg_table_waiting(ngx_http_smartimg_table_t *table)
{
    return table->waiting;
}
