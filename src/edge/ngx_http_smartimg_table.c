
/*
 * Entries are taken for refinement, and given back.  Whoever takes one looks
 * through all of the table, an array, which takes less than a tenth of a
 * millisecond and happens beside a render only.
 */

#include "ngx_http_smartimg_entries.h"


#define NGX_HTTP_SMARTIMG_TRIES          3      /* that do not succeed */
#define NGX_HTTP_SMARTIMG_TAKEN_MS       90000  /* then its taker is dead */
/* after so many times room.quiet without a refinement there is one anyhow */
#define NGX_HTTP_SMARTIMG_PATIENCE    20

#define NGX_HTTP_SMARTIMG_NOT_NOW_MS     500    /* nobody tries for so long */
#define NGX_HTTP_SMARTIMG_AGAIN_MS       2000   /* the same entry */
#define NGX_HTTP_SMARTIMG_LATER_MS       30000  /* if it got no further, as
                                                   its machine was busy */


static ngx_uint_t ngx_http_smartimg_is_before(ngx_msec_t time,
    ngx_msec_t other);
static ngx_uint_t ngx_http_smartimg_most(ngx_http_smartimg_room_t *room);
static ngx_http_smartimg_entry_t *ngx_http_smartimg_choose(
    ngx_http_smartimg_table_t *table, ngx_http_smartimg_room_t *room);
static void ngx_http_smartimg_pause(ngx_http_smartimg_table_t *table,
    ngx_http_smartimg_room_t *room, ngx_msec_t took);
static ngx_uint_t ngx_http_smartimg_settle(ngx_http_smartimg_table_t *table,
    ngx_http_smartimg_entry_t *e, ngx_http_smartimg_taken_t *taken,
    ngx_http_smartimg_outcome_t outcome, off_t bytes, si_tier tier);


static ngx_uint_t
ngx_http_smartimg_is_before(ngx_msec_t time, ngx_msec_t other)
{
    return (ngx_msec_int_t) (time - other) < 0;
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
