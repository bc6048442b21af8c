
/*
 * What was answered first, and may be refined: a table in the shared zone.
 * It knows neither requests nor configurations.
 *
 * An entry that is taken for refinement is nobody else's until it is given
 * back, or until a deadline, if its taker dies.  Of entries that may be taken
 * the one goes first that is expected to save most bytes per second of
 * processor time; the least such makes room for new ones.
 */

#ifndef _NGX_HTTP_SMARTIMG_TABLE_H_INCLUDED_
#define _NGX_HTTP_SMARTIMG_TABLE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "base/tier.h"


/* longest recipe that is kept; composites of more layers stay as they are */
#define NGX_HTTP_SMARTIMG_RECIPE_MAX  16384


typedef struct ngx_http_smartimg_table_s  ngx_http_smartimg_table_t;


/* an answer in the cache */

typedef struct {
    u_char       key[NGX_HTTP_CACHE_KEY_LEN];
    ngx_str_t    recipe;
    uint32_t     place;    /* the location that answers it */
    ngx_uint_t   format;   /* ngx_http_smartimg_format() */
    off_t        bytes;    /* of its body */
    si_tier      tier;     /* that it has reached */
    ngx_uint_t   memory;   /* it comes from memory, and may have been replaced in
                              the cache since */
} ngx_http_smartimg_answer_t;


/* how many refinements may run, which depends on the configuration */

typedef struct {
    ngx_uint_t   renderers;
    ngx_uint_t   share;      /* percent of them */
    ngx_uint_t   first;      /* first answers at the renderers now */
    ngx_msec_t   quiet;      /* for which there have to be none */
} ngx_http_smartimg_room_t;


/* an entry taken for refinement */

typedef struct {
    ngx_uint_t   slot;
    ngx_uint_t   serial;
    ngx_msec_t   since;
    ngx_str_t    recipe;   /* valid until the next one is taken */
    uint32_t     place;
    off_t        bytes;    /* of what the cache has */
    si_tier      tier;     /* asked for */
} ngx_http_smartimg_taken_t;


/* what became of it */

typedef enum {
    NGX_HTTP_SMARTIMG_REFINED,   /* the cache has the new answer */
    NGX_HTTP_SMARTIMG_KEPT,      /* the new one is larger */
    NGX_HTTP_SMARTIMG_DEFERRED,  /* no renderer had time */
    NGX_HTTP_SMARTIMG_FAILED,    /* may go well another time */
    NGX_HTTP_SMARTIMG_HOPELESS   /* will not */
} ngx_http_smartimg_outcome_t;


/* Makes a table that fits a zone of so many bytes; NULL if it does not. */
ngx_http_smartimg_table_t *ngx_http_smartimg_table_create(
    ngx_slab_pool_t *shpool, size_t size);

/* What the table calls a format of answers, by its MIME type. */
ngx_uint_t ngx_http_smartimg_format(ngx_str_t *type);

/* Bytes expected to be saved per second of processor time, up to a factor. */
double ngx_http_smartimg_worth(ngx_uint_t format, ngx_uint_t tier,
    ngx_uint_t hits, off_t bytes);

/*
 * Notes that an answer was sent once more; it need not be in the table yet.
 * False if it is known that it cannot be refined any further.
 */
ngx_uint_t ngx_http_smartimg_table_note(ngx_http_smartimg_table_t *table,
    ngx_http_smartimg_answer_t *answer);

/* Takes the entry of most worth if there is room to refine one more. */
ngx_uint_t ngx_http_smartimg_table_take(ngx_http_smartimg_table_t *table,
    ngx_http_smartimg_room_t *room, ngx_http_smartimg_taken_t *taken);

/*
 * Gives an entry back: bytes and tier are of the new answer if it is REFINED
 * or KEPT.  Returns 1 if the cache's answer is thereby known to be final
 * though it does not say so itself.
 */
ngx_uint_t ngx_http_smartimg_table_give_back(ngx_http_smartimg_table_t *table,
    ngx_http_smartimg_room_t *room, ngx_http_smartimg_taken_t *taken,
    ngx_http_smartimg_outcome_t outcome, off_t bytes, si_tier tier);

/*
 * Called by a process that begins: what another one with its number took is
 * free again.
 */
void ngx_http_smartimg_table_inherit(ngx_http_smartimg_table_t *table);

/* Entries that wait for a refinement or are being refined. */
ngx_uint_t ngx_http_smartimg_table_waiting(ngx_http_smartimg_table_t *table);


#endif /* _NGX_HTTP_SMARTIMG_TABLE_H_INCLUDED_ */
