
/*
 * The inside of the table, for those who enter answers and who take them.
 */

#ifndef _NGX_HTTP_SMARTIMG_ENTRIES_H_INCLUDED_
#define _NGX_HTTP_SMARTIMG_ENTRIES_H_INCLUDED_


#include "ngx_http_smartimg_table.h"


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


/* Takes an entry out of the table; its mutex is held, here and below. */
void ngx_http_smartimg_remove(ngx_http_smartimg_table_t *table,
    ngx_http_smartimg_entry_t *e);

/* Remembers of an entry only that there is nothing to be done about it. */
void ngx_http_smartimg_finish_entry(ngx_http_smartimg_table_t *table,
    ngx_http_smartimg_entry_t *e);


#endif /* _NGX_HTTP_SMARTIMG_ENTRIES_H_INCLUDED_ */
