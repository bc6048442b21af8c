
/*
 * Renders that a worker began and did not live to end.  nginx's cache goes on
 * to believe that they are being made, and whoever asks for one of them waits
 * until its lock is thirty seconds old.  The worker that takes the place of
 * one that died takes these marks away.
 *
 * Whose mark is whose the cache does not know.  Renders of other workers lose
 * theirs, too: a picture that is asked for just then is made twice.
 */

#include "ngx_http_smartimg_module.h"


extern ngx_module_t  ngx_http_scgi_module;


static ngx_uint_t ngx_http_smartimg_died(ngx_pid_t pid);
static ngx_uint_t ngx_http_smartimg_release(ngx_http_file_cache_t *cache);


void
ngx_http_smartimg_init_worker(ngx_cycle_t *cycle)
{
    ngx_pid_t                   *pid;
    ngx_uint_t                   i, n;
    ngx_list_part_t             *part;
    ngx_shm_zone_t              *zone;
    ngx_http_smartimg_shared_t  *shared;

    shared = ngx_http_smartimg_shared();

    if (ngx_process != NGX_PROCESS_WORKER || shared == NULL
        || ngx_worker >= NGX_HTTP_SMARTIMG_WORKERS)
    {
        return;
    }

    pid = &shared->workers[ngx_worker];

    if (!ngx_http_smartimg_died(*pid)) {
        *pid = ngx_pid;
        return;
    }

    n = 0;
    part = &cycle->shared_memory.part;
    zone = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            zone = part->elts;
            i = 0;
        }

        if (zone[i].tag == &ngx_http_scgi_module && zone[i].data) {
            n += ngx_http_smartimg_release(zone[i].data);
        }
    }

    ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                  "worker process %P has died, "
                  "%ui pictures are no longer waited for", *pid, n);

    *pid = ngx_pid;
}


void
ngx_http_smartimg_exit_worker(ngx_cycle_t *cycle)
{
    ngx_http_smartimg_shared_t  *shared;

    ngx_http_smartimg_stop_asking();

    shared = ngx_http_smartimg_shared();

    if (ngx_process == NGX_PROCESS_WORKER && shared
        && ngx_worker < NGX_HTTP_SMARTIMG_WORKERS
        && shared->workers[ngx_worker] == ngx_pid)
    {
        shared->workers[ngx_worker] = 0;
    }
}


/* One that is told to end takes itself off; after a reload it is alive. */

static ngx_uint_t
ngx_http_smartimg_died(ngx_pid_t pid)
{
    return pid != 0 && kill(pid, 0) == -1 && ngx_errno == NGX_ESRCH;
}


static ngx_uint_t
ngx_http_smartimg_release(ngx_http_file_cache_t *cache)
{
    ngx_uint_t                   n;
    ngx_queue_t                 *q;
    ngx_http_file_cache_node_t  *node;

    n = 0;

    ngx_shmtx_lock(&cache->shpool->mutex);

    for (q = ngx_queue_head(&cache->sh->queue);
         q != ngx_queue_sentinel(&cache->sh->queue);
         q = ngx_queue_next(q))
    {
        node = ngx_queue_data(q, ngx_http_file_cache_node_t, queue);

        n += node->updating;
        node->updating = 0;
    }

    ngx_shmtx_unlock(&cache->shpool->mutex);

    return n;
}
