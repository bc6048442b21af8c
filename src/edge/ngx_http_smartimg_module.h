
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

#include "base/tier.h"
#include "plan/plan.h"
#include "ngx_http_smartimg_table.h"


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
    X(waits, "smartimg_waits_total", "", "counter",                           \
      "Requests that waited for the render of another one")                   \
    X(renders, "smartimg_renders_total", "{kind=\"first\"}", "counter",       \
      "Requests passed to the renderers")                                     \
    X(updates, "smartimg_renders_total", "{kind=\"refresh\"}", "counter", "") \
    X(refinements, "smartimg_renders_total", "{kind=\"refinement\"}",         \
      "counter", "")                                                          \
    X(refine_improved, "smartimg_refinements_total",                          \
      "{result=\"improved\"}", "counter",                                     \
      "Refinements of first answers: smaller, not smaller, put off, in vain") \
    X(refine_kept, "smartimg_refinements_total", "{result=\"kept\"}",         \
      "counter", "")                                                          \
    X(refine_deferred, "smartimg_refinements_total",                          \
      "{result=\"deferred\"}", "counter", "")                                 \
    X(refine_failed, "smartimg_refinements_total", "{result=\"failed\"}",     \
      "counter", "")                                                          \
    X(refine_saved, "smartimg_refinement_saved_bytes_total", "", "counter",   \
      "Bytes that refined images are smaller than the ones they replaced")    \
    X(cancelled, "smartimg_cancelled_total", "{stage=\"render\"}", "counter", \
      "Requests ended because their clients had gone")                        \
    X(left, "smartimg_cancelled_total", "{stage=\"wait\"}", "counter", "")    \
    X(full, "smartimg_queue_full_total", "", "counter",                       \
      "Requests refused as they would have waited too long for a renderer")   \
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


typedef struct {
    ngx_http_smartimg_counters_t   counters[NGX_HTTP_SMARTIMG_SLOTS];
    ngx_http_smartimg_error_t      errors[NGX_HTTP_SMARTIMG_ERRORS];
    ngx_atomic_t                   nerrors;  /* recorded so far */
    ngx_atomic_t                   service;  /* see ngx_http_smartimg_queue.c; us */
    ngx_http_smartimg_table_t     *table;    /* never NULL */
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

    ngx_uint_t                     renderers;          /* 0 = not told */
    ngx_uint_t                     refine_share;       /* percent of them */
    ngx_array_t                    places;             /* ..._place_t */

    ngx_flag_t                     used;
} ngx_http_smartimg_main_conf_t;


/* of an upstream block */

typedef struct {
    ngx_msec_t                       limit;
    ngx_http_upstream_init_pt        init_upstream;  /* NULL = no limit */
    ngx_http_upstream_init_peer_pt   init_peer;
} ngx_http_smartimg_srv_conf_t;


typedef struct {
    ngx_flag_t                     enable;
} ngx_http_smartimg_loc_conf_t;


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
} ngx_http_smartimg_plan_t;


typedef struct ngx_http_smartimg_refinement_s  ngx_http_smartimg_refinement_t;


/* a location that answers for images; places outlive requests */

typedef struct {
    uint32_t                       id;
    ngx_http_conf_ctx_t            ctx;
} ngx_http_smartimg_place_t;


/* what a request of our own has instead of a client */

typedef struct {
    ngx_log_t                     *log;
    char                          *action;     /* for the log */
    ngx_listening_t               *listening;
    struct sockaddr               *sockaddr;
    socklen_t                      socklen;
    ngx_str_t                      addr_text;
    ngx_http_connection_t         *http_connection;
} ngx_http_smartimg_caller_t;


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

    /* of a reply that may be refined: the tier reached, else 0 */
    si_tier                        first;
    ngx_uint_t                     format;
    time_t                         fresh_until;

    ngx_http_smartimg_refinement_t  *refinement;  /* that it is, or NULL */

    unsigned                       queued:1;
    unsigned                       nobody:1; /* our own, without a client */
    unsigned                       refused:1;    /* the queue is full */
    unsigned                       abandoned:1;  /* queued for others' sake */
} ngx_http_smartimg_ctx_t;


ngx_http_smartimg_ctx_t *ngx_http_smartimg_get_ctx(ngx_http_request_t *r);
ngx_int_t ngx_http_smartimg_share_plan(ngx_http_request_t *r,
    ngx_http_smartimg_plan_t *plan);
ngx_http_smartimg_plan_t *ngx_http_smartimg_plan_of_recipe(ngx_str_t *recipe);
void ngx_http_smartimg_release_plan(ngx_http_smartimg_plan_t *plan);
ngx_int_t ngx_http_smartimg_send_text(ngx_http_request_t *r,
    ngx_uint_t status, u_char *text, size_t len);
ngx_int_t ngx_http_smartimg_add_header(ngx_http_request_t *r, ngx_str_t *key,
    ngx_str_t *value);
ngx_table_elt_t *ngx_http_smartimg_find_header(ngx_list_t *headers,
    ngx_str_t *name, ngx_table_elt_t *after);

ngx_int_t ngx_http_smartimg_send_content(ngx_http_request_t *r, si_plan *plan);
ngx_int_t ngx_http_smartimg_content_handler(ngx_http_request_t *r);
void ngx_http_smartimg_stop_waiting(ngx_http_smartimg_ctx_t *ctx);
ngx_str_t ngx_http_smartimg_unanswered(ngx_http_smartimg_ctx_t *ctx);
void ngx_http_smartimg_share_error(ngx_http_request_t *r, ngx_uint_t status);
void ngx_http_smartimg_init_waiting(ngx_cycle_t *cycle);

ngx_int_t ngx_http_smartimg_add_variables(ngx_conf_t *cf);
void ngx_http_smartimg_refresh(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx);
ngx_connection_t *ngx_http_smartimg_create_connection(
    ngx_http_smartimg_caller_t *caller);
ngx_http_request_t *ngx_http_smartimg_create_own_request(ngx_connection_t *c);
void ngx_http_smartimg_drop(ngx_http_request_t *r);

char *ngx_http_smartimg_refine(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_smartimg_init_places(ngx_conf_t *cf,
    ngx_http_smartimg_main_conf_t *smcf);
ngx_int_t ngx_http_smartimg_add_place(ngx_conf_t *cf);
ngx_http_smartimg_place_t *ngx_http_smartimg_place_of(ngx_http_request_t *r);
ngx_http_smartimg_place_t *ngx_http_smartimg_find_place(uint32_t id);
ngx_int_t ngx_http_smartimg_set_caller(ngx_http_smartimg_place_t *place,
    ngx_http_smartimg_caller_t *caller, ngx_http_connection_t *hc);

void ngx_http_smartimg_mark_final(ngx_http_cache_t *c, off_t bytes);
void ngx_http_smartimg_init_refining(ngx_cycle_t *cycle);
ngx_uint_t ngx_http_smartimg_note_first(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx);
ngx_uint_t ngx_http_smartimg_is_stored(ngx_http_request_t *r);
void ngx_http_smartimg_judge(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx, si_tier tier);
void ngx_http_smartimg_end_refinement(ngx_http_request_t *r,
    ngx_http_smartimg_refinement_t *re);
const char *ngx_http_smartimg_tier_asked_for(ngx_http_smartimg_ctx_t *ctx);

ngx_uint_t ngx_http_smartimg_first_rendering(void);
char *ngx_http_smartimg_queue_limit(ngx_conf_t *cf, ngx_command_t *cmd,
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
