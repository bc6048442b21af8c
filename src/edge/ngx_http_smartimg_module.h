
/*
 * The front side of smartimg inside nginx: it makes a plan of every request,
 * names the cache key, wakes the requests that wait for another's render, and
 * writes the headers that only the edge can know.  It never touches a pixel
 * and never blocks.
 */

#ifndef _NGX_HTTP_SMARTIMG_MODULE_H_INCLUDED_
#define _NGX_HTTP_SMARTIMG_MODULE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "plan/lifetime.h"
#include "plan/plan.h"


/*
 * Counters: field, metric, labels, type, help.  Rows of one metric stand
 * together.
 */

#define NGX_HTTP_SMARTIMG_COUNTERS(X)                                         \
    X(requests, "smartimg_requests_total", "", "counter",                     \
      "Requests for images and their properties")                             \
    X(hits, "smartimg_cache_total", "{result=\"hit\"}", "counter",            \
      "Requests by what the cache had for them")                              \
    X(misses, "smartimg_cache_total", "{result=\"miss\"}", "counter", "")     \
    X(refreshes, "smartimg_cache_total", "{result=\"refresh\"}", "counter",   \
      "")                                                                     \
    X(bypasses, "smartimg_cache_total", "{result=\"bypass\"}", "counter", "") \
    X(ignored, "smartimg_cache_commands_ignored_total", "", "counter",        \
      "Requests with cache=off or update of clients that may not")            \
    X(memory, "smartimg_memory_hits_total", "", "counter",                    \
      "Hits that did not need nginx's cache")                                 \
    X(waits, "smartimg_waits_total", "", "counter",                           \
      "Requests that waited for the render of another one")                   \
    X(renders, "smartimg_renders_total", "{kind=\"first\"}", "counter",       \
      "Requests passed to the renderers")                                     \
    X(updates, "smartimg_renders_total", "{kind=\"refresh\"}", "counter", "") \
    X(deferred, "smartimg_deferred_total", "", "counter",                     \
      "Refreshes that no renderer had time for")                              \
    X(cancelled, "smartimg_cancelled_total", "{stage=\"render\"}", "counter", \
      "Requests ended because their clients had gone")                        \
    X(left, "smartimg_cancelled_total", "{stage=\"wait\"}", "counter", "")    \
    X(full, "smartimg_queue_full_total", "", "counter",                       \
      "Requests refused as they would have waited too long for a renderer")   \
    X(limited, "smartimg_client_limited_total", "", "counter",                \
      "Requests refused as their client asked for too much that was new")     \
    X(refused, "smartimg_errors_total", "{class=\"4xx\"}", "counter",         \
      "Requests answered with an error")                                      \
    X(failed, "smartimg_errors_total", "{class=\"5xx\"}", "counter", "")      \
    X(sent, "smartimg_sent_bytes_total", "", "counter",                       \
      "Bytes sent to clients, headers included")                              \
    X(saved, "smartimg_saved_bytes_total", "", "counter",                     \
      "Bytes that whole images sent were smaller than the ones asked for")    \
    X(active, "smartimg_requests_active", "", "gauge",                        \
      "Requests being answered now")                                          \
    X(rendering, "smartimg_requests_rendering", "", "gauge",                  \
      "First answers that renderers are asked for now")                       \
    X(waiting, "smartimg_requests_waiting", "", "gauge",                      \
      "Requests waiting now for the render of another one")


#define NGX_HTTP_SMARTIMG_SLOTS   64
#define NGX_HTTP_SMARTIMG_ERRORS  64
#define NGX_HTTP_SMARTIMG_TEXT    400
#define NGX_HTTP_SMARTIMG_CLIENTS 4096


/* counters of one worker process, on cache lines of its own */

typedef struct {
#define X(field, metric, labels, type, help)  ngx_atomic_t  field;
    NGX_HTTP_SMARTIMG_COUNTERS(X)
#undef X
} __attribute__((aligned(128))) ngx_http_smartimg_counters_t;


/* the error that a render ended with, kept for those who waited for it */

typedef struct {
    u_char                         key[NGX_HTTP_CACHE_KEY_LEN];
    ngx_msec_t                     time;
    ngx_uint_t                     status;
    size_t                         len;
    u_char                         text[NGX_HTTP_SMARTIMG_TEXT];
} ngx_http_smartimg_error_t;


/* misses that a client may still have; see ngx_http_smartimg_clients.c */

typedef struct {
    uint64_t                       key;     /* address, 0 for none */
    ngx_msec_t                     seen;
    ngx_int_t                      tokens;  /* thousandths */
} ngx_http_smartimg_client_t;


typedef struct {
    ngx_http_smartimg_counters_t   counters[NGX_HTTP_SMARTIMG_SLOTS];
    ngx_http_smartimg_error_t      errors[NGX_HTTP_SMARTIMG_ERRORS];
    ngx_http_smartimg_client_t     clients[NGX_HTTP_SMARTIMG_CLIENTS];
    ngx_atomic_t                   nerrors;  /* recorded so far */
    ngx_atomic_t                   service;  /* see ngx_http_smartimg_queue.c; us */
} ngx_http_smartimg_shared_t;


typedef struct {
    ngx_str_t                      root;
    ngx_str_t                      config;
    ngx_str_t                      generations;

    ngx_int_t                      first_answer;       /* s, shared caches */
    ngx_str_t                      cdn_cache_control;  /* field, "" for none */

    si_catalog                    *catalog;
    si_generations                *table;
    ngx_fd_t                       root_fd;
    ngx_shm_zone_t                *zone;

    ngx_flag_t                     used;
} ngx_http_smartimg_main_conf_t;


/* of an upstream block */

typedef struct {
    ngx_msec_t                       limit;
    ngx_http_upstream_init_pt        init_upstream;  /* NULL = no limit */
    ngx_http_upstream_init_peer_pt   init_peer;

    ngx_uint_t                       misses;  /* a second and client */
    ngx_http_upstream_init_pt        clients_init_upstream;
    ngx_http_upstream_init_peer_pt   clients_init_peer;
} ngx_http_smartimg_srv_conf_t;


typedef struct {
    ngx_flag_t                     enable;
} ngx_http_smartimg_loc_conf_t;


/* a reply that is sent from memory; see ngx_http_smartimg_memory.c */
typedef struct ngx_http_smartimg_reply_s  ngx_http_smartimg_reply_t;


/* the last lifetime that was made for a plan, with Expires as text */

typedef struct {
    si_lifetime_of                 of;
    si_lifetime                    life;
    ngx_str_t                      expires;
    u_char                         text[sizeof("Mon, 28 Sep 1970 06:00:00 GMT")];
} ngx_http_smartimg_life_t;


/*
 * A plan, shared by requests for one address from clients of one class.  Who
 * uses it holds a reference.
 */

typedef struct {
    ngx_uint_t                     refs;

    /* what it is the plan of */
    ngx_uint_t                     hash;
    ngx_str_t                      uri;
    ngx_msec_t                     made;
    ngx_msec_t                     tested;

    si_arena                       arena;
    si_plan                        plan;

    ngx_str_t                      client;   /* name of the class */
    ngx_str_t                      text;     /* recipe, or of an error */
    ngx_str_t                      key;      /* of the cache */
    ngx_uint_t                     failed;   /* status of the error or 0 */
    const char                    *type;     /* MIME type of the error's text */

    ngx_uint_t                     hits;     /* of the cache */
    ngx_http_smartimg_reply_t     *reply;    /* allocated, or NULL */
    ngx_http_smartimg_life_t       life;
} ngx_http_smartimg_plan_t;


/* what the module knows of a request; lives as long as the request's pool */

typedef struct {
    ngx_http_request_t            *request;
    ngx_http_smartimg_plan_t      *plan;     /* never NULL */

    /*
     * waiting for another request's render, or rendering for others while
     * its own client has gone
     */
    ngx_queue_t                    queue;
    ngx_msec_t                     since;
    ngx_http_event_handler_pt      resume;

    unsigned                       queued:1;
    unsigned                       memory:1;     /* a hit, from memory */
    unsigned                       nobody:1; /* a refresh, without a client */
    unsigned                       refused:1;    /* the queue is full */
    unsigned                       limited:1;    /* too many of one client */
    unsigned                       abandoned:1;  /* queued for others' sake */
} ngx_http_smartimg_ctx_t;


ngx_http_smartimg_ctx_t *ngx_http_smartimg_get_ctx(ngx_http_request_t *r);
ngx_int_t ngx_http_smartimg_share_ctx(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx);
ngx_int_t ngx_http_smartimg_send_text(ngx_http_request_t *r,
    ngx_uint_t status, u_char *text, size_t len);
ngx_int_t ngx_http_smartimg_add_header(ngx_http_request_t *r, ngx_str_t *key,
    ngx_str_t *value);
ngx_table_elt_t *ngx_http_smartimg_find_header(ngx_list_t *headers,
    ngx_str_t *name, ngx_table_elt_t *after);

void ngx_http_smartimg_keep_reply(ngx_http_request_t *r,
    ngx_http_smartimg_plan_t *plan, si_lifetime_of *of);
void ngx_http_smartimg_kept_lifetime(ngx_http_smartimg_plan_t *plan,
    si_lifetime_of *of);
void ngx_http_smartimg_free_reply(ngx_http_smartimg_reply_t *reply);
ngx_int_t ngx_http_smartimg_send_reply(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx);
ngx_int_t ngx_http_smartimg_send_content(ngx_http_request_t *r, si_plan *plan);
ngx_int_t ngx_http_smartimg_content_handler(ngx_http_request_t *r);
void ngx_http_smartimg_stop_waiting(ngx_http_smartimg_ctx_t *ctx);
ngx_str_t ngx_http_smartimg_unanswered(ngx_http_smartimg_ctx_t *ctx);
void ngx_http_smartimg_share_error(ngx_http_request_t *r, ngx_uint_t status);
void ngx_http_smartimg_init_waiting(ngx_cycle_t *cycle);

ngx_int_t ngx_http_smartimg_add_variables(ngx_conf_t *cf);
void ngx_http_smartimg_refresh(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx);
char *ngx_http_smartimg_queue_limit(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_smartimg_misses_per_client(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_http_smartimg_note_service(ngx_http_request_t *r);

ngx_int_t ngx_http_smartimg_filter_init(ngx_conf_t *cf);
ngx_str_t *ngx_http_smartimg_cache_result(ngx_http_request_t *r);

char *ngx_http_smartimg_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_smartimg_metrics(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_http_smartimg_shared_t *ngx_http_smartimg_shared(void);
void ngx_http_smartimg_init_counters(ngx_cycle_t *cycle);
ngx_int_t ngx_http_smartimg_log_handler(ngx_http_request_t *r);


/* the counters of this process; never NULL */
extern ngx_http_smartimg_counters_t  *ngx_http_smartimg_counters;

extern ngx_module_t  ngx_http_smartimg_module;

#define ngx_http_smartimg_count(field, n)                                     \
    (void) ngx_atomic_fetch_add(&ngx_http_smartimg_counters->field, n)


#endif /* _NGX_HTTP_SMARTIMG_MODULE_H_INCLUDED_ */
