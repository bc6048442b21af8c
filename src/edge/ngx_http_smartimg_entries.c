
/*
 * The entries of the table: chains by cache key find one for each hit on a
 * first answer; what is worth least makes room for new ones.
 */

#include "ngx_http_smartimg_entries.h"


#define NGX_HTTP_SMARTIMG_PER_ENTRY      2048   /* bytes of the zone */
#define NGX_HTTP_SMARTIMG_ENTRIES        4096   /* at most */

/* for one new entry: a long recipe is not to drive out all short ones */
#define NGX_HTTP_SMARTIMG_EVICTED_MAX    16


static uint32_t *ngx_http_smartimg_chain(ngx_http_smartimg_table_t *table,
    u_char *key);
static ngx_http_smartimg_entry_t *ngx_http_smartimg_find(
    ngx_http_smartimg_table_t *table, u_char *key);
static ngx_http_smartimg_entry_t *ngx_http_smartimg_enter(
    ngx_http_smartimg_table_t *table, ngx_http_smartimg_answer_t *answer);
static ngx_uint_t ngx_http_smartimg_evict(ngx_http_smartimg_table_t *table,
    double worth);
static void ngx_http_smartimg_reopen(ngx_http_smartimg_table_t *table,
    ngx_http_smartimg_entry_t *e, ngx_http_smartimg_answer_t *answer);


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


void
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

void
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
