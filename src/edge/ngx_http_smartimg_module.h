
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

#include "base/lane.h"
#include "base/tier.h"
#include "client/line.h"
#include "picture/stages.h"
#include "plan/lifetime.h"
#include "plan/plan.h"
#include "base/origin_ask.h"
#include "ngx_http_smartimg_log.h"
#include "ngx_http_smartimg_metrics.h"
#include "ngx_http_smartimg_table.h"


#define NGX_HTTP_SMARTIMG_ERRORS  64
#define NGX_HTTP_SMARTIMG_TEXT    400
#define NGX_HTTP_SMARTIMG_FAILURES  128
#define NGX_HTTP_SMARTIMG_CHECKED   16384
#define NGX_HTTP_SMARTIMG_WORKERS   256
#define NGX_HTTP_SMARTIMG_CLIENTS 4096
#define NGX_HTTP_SMARTIMG_VISITORS  1024
#define NGX_HTTP_SMARTIMG_WAYS    8      /* entries that a client may have */
#define NGX_HTTP_SMARTIMG_FLOWS   8      /* connections of a client, added up */


/* the error that a render ended with, kept for those who waited for it */

typedef struct {
    u_char                         key[NGX_HTTP_CACHE_KEY_LEN];
    ngx_msec_t                     time;
    ngx_uint_t                     status;
    time_t                         retry;  /* s, 0 = not told */
    size_t                         len;
    u_char                         text[NGX_HTTP_SMARTIMG_TEXT];
} ngx_http_smartimg_error_t;


/* moving averages of what a first answer takes, see ngx_http_smartimg_queue.c */

typedef struct {
    ngx_atomic_t                   usual;  /* us */
    ngx_atomic_t                   least;  /* us, without a search */
} ngx_http_smartimg_service_t;


/* what is not tried again, see ngx_http_smartimg_failures.c */

typedef struct {
    u_char                         key[NGX_HTTP_CACHE_KEY_LEN];
    ngx_msec_t                     time;  /* 0 = none */
} ngx_http_smartimg_failure_t;


/* misses that a client may still have; see ngx_http_smartimg_misses.c */

typedef struct {
    uint64_t                       key;     /* address, 0 for none */
    ngx_msec_t                     seen;
    ngx_int_t                      tokens;  /* thousandths */
} ngx_http_smartimg_client_t;


/* a connection that carries something; see ngx_http_smartimg_connection.c */

typedef struct {
    ngx_atomic_uint_t              number;  /* 0 = none */
    ngx_msec_t                     seen;
    uint32_t                       rate;    /* kbit/s */
} ngx_http_smartimg_flow_t;


/* a client whose connections are judged */

typedef struct {
    uint64_t                       key;      /* address, 0 = none */
    ngx_msec_t                     seen;
    ngx_msec_t                     until;    /* how long `network` counts */
    si_network                     network;  /* found last */
    int                            agreeing; /* as of its connections */
    bool                           worse;
    ngx_http_smartimg_flow_t       flows[NGX_HTTP_SMARTIMG_FLOWS];
} ngx_http_smartimg_visitor_t;


typedef struct {
    ngx_http_smartimg_counters_t   counters[NGX_HTTP_SMARTIMG_SLOTS];
    ngx_http_smartimg_series_t     series;
    ngx_http_smartimg_error_t      errors[NGX_HTTP_SMARTIMG_ERRORS];
    ngx_http_smartimg_client_t     clients[NGX_HTTP_SMARTIMG_CLIENTS];
    ngx_http_smartimg_visitor_t    visitors[NGX_HTTP_SMARTIMG_VISITORS];
    ngx_atomic_t                   nerrors;  /* recorded so far */
    ngx_http_smartimg_failure_t    failures[NGX_HTTP_SMARTIMG_FAILURES];
    ngx_uint_t                     nfailures;  /* recorded so far */
    ngx_msec_t                     failed;     /* time of the newest, 0 = none */
    ngx_http_smartimg_service_t    service[2];  /* of cheap and dear ones */
    ngx_http_smartimg_table_t     *table;    /* never NULL */
    /* the cache's disk: when something was written to it, and what came of
       that; whether it takes nothing */
    ngx_msec_t                     disk_looked;
    ngx_err_t                      disk_error;
    ngx_uint_t                     disk_full;
    /* renderers, see ngx_http_smartimg_ready.c; times, or 0 for never */
    ngx_msec_t                     answered;    /* one, at last */
    ngx_msec_t                     asked;       /* when they had no work yet */
    ngx_msec_t                     questioned;  /* one, whether it is there */
    ngx_uint_t                     unready;
    /* nginx's workers by number; 0 = none, or one that has ended well */
    ngx_pid_t                      workers[NGX_HTTP_SMARTIMG_WORKERS];
    /* files of the cache whose bodies were checked */
    uint64_t                       checked[NGX_HTTP_SMARTIMG_CHECKED];
} ngx_http_smartimg_shared_t;


typedef struct {
    ngx_str_t                      root;
    ngx_str_t                      config;
    ngx_str_t                      generations;
    ngx_str_t                      uploads;            /* folder, "" for none */
    ngx_str_t                      kinds;              /* that are listed, "" = all */
    u_char                        *seal_key;           /* or NULL, with ... */
    u_char                        *render_key;         /* ... for renderers */
    ngx_str_t                      disk;               /* cache, or empty */
    off_t                          disk_free;          /* bytes to be left */

    ngx_int_t                      first_answer;       /* s, shared caches */
    ngx_str_t                      cdn_cache_control;  /* field, "" for none */
    ngx_array_t                   *trusted_edges;      /* ngx_cidr_t, or NULL */
    ngx_str_t                      dpr_header;         /* or "akamai", or "" */
    ngx_array_t                   *trusted_proxies;    /* the same */
    si_line_limits                 line_limits;
    si_client_settings             client;

    si_catalog                    *catalog;
    si_generations                *table;
    ngx_fd_t                       root_fd;
    ngx_fd_t                       uploads_fd;         /* or NGX_INVALID_FILE */
    ngx_shm_zone_t                *zone;
    si_pool_status                *pool;               /* mapped, or NULL */

    ngx_str_t                      origins_socket;     /* "" for none */
    ngx_shm_zone_t                *origins_zone;       /* or NULL */

    ngx_uint_t                     renderers;          /* 0 = not told */
    ngx_uint_t                     refine_share;       /* percent of them */
    ngx_msec_t                     refine_quiet;
    ngx_array_t                    places;             /* ..._place_t */

    ngx_flag_t                     log_own;   /* requests without a client */

    ngx_flag_t                     used;
} ngx_http_smartimg_main_conf_t;


/* of an upstream block */

typedef struct {
    ngx_msec_t                       limit;          /* 0 = none */
    ngx_http_upstream_srv_conf_t    *lanes[SI_LANE_COUNT];  /* NULL = this */
    ngx_http_upstream_init_pt        init_upstream;  /* NULL = not ours */
    ngx_http_upstream_init_peer_pt   init_peer;

    ngx_uint_t                       misses;  /* a second and client, 0 = any */
} ngx_http_smartimg_srv_conf_t;


/* what a location of the playground answers, see ..._playground.c */

typedef enum {
    NGX_HTTP_SMARTIMG_PICTURES = 1,
    NGX_HTTP_SMARTIMG_EXPLAIN,
    NGX_HTTP_SMARTIMG_VIEW,
    NGX_HTTP_SMARTIMG_UPLOADS
} ngx_http_smartimg_page_e;


typedef struct {
    ngx_flag_t                     enable;
    ngx_flag_t                     pages;    /* errors for people ... */
    ngx_str_t                      home;     /* ... with this link, or none */
    ngx_uint_t                     page;   /* ..._page_e, 0 for none */
    ngx_msec_t                     ready;   /* /readyz: longest request, or 0 */
    ngx_str_t                      report;  /* file that /metrics adds, or "" */
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


/* an original whose state is to be asked for */

typedef struct {
    u_char                         key[16];  /* of the table of origins */
    const si_origin               *origin;
    uint64_t                       generation;
    si_origin_ask                  ask;
} ngx_http_smartimg_want_t;

#define NGX_HTTP_SMARTIMG_WANTS   32     /* of a plan, at a time */


/*
 * A plan, shared by requests for one address from clients of one class.  Who
 * uses it holds a reference.
 */

typedef struct {
    ngx_uint_t                     refs;

    /* what it is the plan of */
    ngx_uint_t                     hash;
    ngx_str_t                      uri;
    si_client                      asked;    /* what the headers said before
                                                the company was known */
    ngx_msec_t                     made;
    ngx_msec_t                     tested;
    ngx_uint_t                     purges;   /* seen until then */

    si_arena                       arena;
    si_plan                        plan;

    ngx_uint_t                     company;  /* as ..._company() has it */
    ngx_str_t                      client;   /* the class, as si_client_print()
                                                has it */
    ngx_str_t                      text;     /* recipe, or of an error */
    ngx_str_t                      key;      /* of the cache */
    u_char                         hex[2 * NGX_HTTP_CACHE_KEY_LEN];
                                             /* what the cache makes of it, for
                                                the log; begins with 0 until it
                                                is asked for */
    ngx_uint_t                     failed;   /* status of the error or 0 */
    const char                    *type;     /* MIME type of the error's text */

    /* originals in origins: keys of those that it is made of (16 bytes each) */
    u_char                       (*origins)[16];
    ngx_uint_t                     norigins;
    ngx_http_smartimg_want_t      *wants;    /* that it lacks, allocated */
    ngx_uint_t                     nwants;
    ngx_uint_t                     page;     /* how it was made: ..._page_e */
    ngx_uint_t                     doubted;  /* one is another by now */

    ngx_uint_t                     hits;     /* of the cache */
    ngx_http_smartimg_reply_t     *reply;    /* allocated, or NULL */
    ngx_http_smartimg_life_t       life;
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

typedef struct ngx_http_smartimg_ctx_s {
    ngx_http_request_t            *request;
    ngx_http_smartimg_plan_t      *plan;     /* never NULL */

    /*
     * waiting for another request's render, or rendering for others while
     * its own client has gone
     */
    ngx_queue_t                    queue;
    ngx_msec_t                     since;
    ngx_http_event_handler_pt      resume;

    /* the upstream module's, around which ours stands */
    ngx_int_t                    (*process_header)(ngx_http_request_t *r);

    time_t                         remembered;  /* s for which it is refused */

    /* of a reply that may be refined: the tier reached, else 0 */
    si_tier                        first;
    ngx_uint_t                     format;
    time_t                         fresh_until;

    ngx_http_request_t            *answered;  /* that a renderer has: it, or
                                                 its subrequest, or NULL */
    si_stage_times                 stages;   /* if `rendered` */

    ngx_http_smartimg_identity_t  *identity;  /* once it is asked for */

    ngx_http_smartimg_refinement_t  *refinement;  /* that it is, or NULL */

    /* waiting for the states of originals */
    void                          *waits;   /* ngx_http_smartimg_wait_t */
    ngx_uint_t                     rounds;  /* how often it has */

    unsigned                       queued:1;
    unsigned                       memory:1;     /* a hit, from memory */
    unsigned                       nobody:1; /* our own, without a client */
    unsigned                       refused:1;    /* the queue is full */
    unsigned                       limited:1;    /* too many of one client */
    unsigned                       downloads:1;  /* asked in the foreign lane */
    unsigned                       abandoned:1;  /* queued for others' sake */
    unsigned                       rendered:1;   /* a renderer answered it, and
                                                    told its stages */
} ngx_http_smartimg_ctx_t;


ngx_http_smartimg_ctx_t *ngx_http_smartimg_get_ctx(ngx_http_request_t *r);
ngx_int_t ngx_http_smartimg_share_plan(ngx_http_request_t *r,
    ngx_http_smartimg_plan_t *plan);
ngx_int_t ngx_http_smartimg_attach_plan(ngx_http_request_t *r,
    ngx_http_smartimg_plan_t *plan);
ngx_http_smartimg_plan_t *ngx_http_smartimg_plan_of_page(
    ngx_http_request_t *r, ngx_uint_t explanation);
ngx_int_t ngx_http_smartimg_uploads_handler(ngx_http_request_t *r);
void ngx_http_smartimg_init_uploads(ngx_cycle_t *cycle);
void ngx_http_smartimg_read_session(ngx_http_request_t *r, si_str *key);
ngx_uint_t ngx_http_smartimg_is_foreign_page(ngx_http_request_t *r);
void ngx_http_smartimg_request_of(ngx_http_request_t *r, si_request *request);
ngx_int_t ngx_http_smartimg_send_error(ngx_http_request_t *r,
    ngx_http_smartimg_plan_t *plan);
char *ngx_http_smartimg_playground(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_http_smartimg_plan_t *ngx_http_smartimg_make_plan(
    ngx_http_request_t *r, si_client_headers *headers);
ngx_http_smartimg_plan_t *ngx_http_smartimg_plan_of_recipe(ngx_str_t *recipe);
void ngx_http_smartimg_set_key(ngx_http_smartimg_plan_t *plan);
void ngx_http_smartimg_release_plan(ngx_http_smartimg_plan_t *plan);
char *ngx_http_smartimg_load(ngx_conf_t *cf,
    ngx_http_smartimg_main_conf_t *smcf);
ngx_int_t ngx_http_smartimg_send_body(ngx_http_request_t *r,
    si_plan *plan);
ngx_int_t ngx_http_smartimg_send_text(ngx_http_request_t *r,
    ngx_uint_t status, u_char *text, size_t len);
ngx_int_t ngx_http_smartimg_add_header(ngx_http_request_t *r, ngx_str_t *key,
    ngx_str_t *value);
ngx_table_elt_t *ngx_http_smartimg_find_header(ngx_list_t *headers,
    ngx_str_t *name, ngx_table_elt_t *after);

double ngx_http_smartimg_edge_ratio(ngx_http_request_t *r, si_str setting);
void ngx_http_smartimg_read_headers(ngx_http_request_t *r,
    si_client_headers *headers);
char *ngx_http_smartimg_trusted(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_smartimg_network_line(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_smartimg_init_peers(ngx_cycle_t *cycle);
const char *ngx_http_smartimg_line_name(ngx_http_request_t *r);
ngx_uint_t ngx_http_smartimg_is_by_proxy(ngx_http_request_t *r);
void ngx_http_smartimg_read_connection(ngx_http_request_t *r,
    si_client_headers *headers);
char *ngx_http_smartimg_network_limit(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_smartimg_network_header(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_http_smartimg_keep_reply(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx);
void ngx_http_smartimg_kept_lifetime(ngx_http_smartimg_ctx_t *ctx);
void ngx_http_smartimg_kept_answer(ngx_http_smartimg_reply_t *reply,
    ngx_http_smartimg_answer_t *answer);
void ngx_http_smartimg_free_reply(ngx_http_smartimg_reply_t *reply);
ngx_int_t ngx_http_smartimg_send_reply(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx);
ngx_int_t ngx_http_smartimg_send_content(ngx_http_request_t *r, si_plan *plan);
ngx_int_t ngx_http_smartimg_content_handler(ngx_http_request_t *r);
void ngx_http_smartimg_stop_waiting(ngx_http_smartimg_ctx_t *ctx);
ngx_str_t ngx_http_smartimg_unanswered(ngx_http_smartimg_ctx_t *ctx);
void ngx_http_smartimg_share_error(ngx_http_request_t *r, ngx_uint_t status);
void ngx_http_smartimg_init_waiting(ngx_cycle_t *cycle);
void ngx_http_smartimg_init_worker(ngx_cycle_t *cycle);
void ngx_http_smartimg_exit_worker(ngx_cycle_t *cycle);

char *ngx_http_smartimg_disk(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_uint_t ngx_http_smartimg_disk_takes(ngx_http_request_t *r);
void ngx_http_smartimg_check_stored(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx);

ngx_int_t ngx_http_smartimg_add_variables(ngx_conf_t *cf);
void ngx_http_smartimg_refresh(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx);
char *ngx_http_smartimg_lanes(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
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

char *ngx_http_smartimg_origins(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
si_origin_state ngx_http_smartimg_look_at_origin(void *context,
    const si_origin_question *q, si_origin_answer *out);
void ngx_http_smartimg_begin_wants(void);
ngx_uint_t ngx_http_smartimg_take_wants(ngx_http_smartimg_want_t **wants);
void ngx_http_smartimg_take_seen(ngx_http_smartimg_plan_t *plan);
void ngx_http_smartimg_note_origin(ngx_http_smartimg_want_t *want,
    si_origin_told *told);
void ngx_http_smartimg_doubt_origins(ngx_http_smartimg_plan_t *plan);
void ngx_http_smartimg_note_changed(ngx_http_request_t *r);
void ngx_http_smartimg_add_retry(ngx_http_request_t *r, time_t seconds);
void ngx_http_smartimg_init_asking(ngx_cycle_t *cycle);
si_result ngx_http_smartimg_take_lacks(ngx_http_smartimg_plan_t *plan,
    si_diag *diag);
void ngx_http_smartimg_stop_asking(void);
void ngx_http_smartimg_ask_meanwhile(ngx_http_smartimg_want_t *want);
ngx_int_t ngx_http_smartimg_ask_origins(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx);
void ngx_http_smartimg_forget_waits(ngx_http_smartimg_ctx_t *ctx);
ngx_http_smartimg_plan_t *ngx_http_smartimg_plan_again(ngx_http_request_t *r,
    ngx_http_smartimg_plan_t *plan);

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
const char *ngx_http_smartimg_refined_as(ngx_http_request_t *r,
    ngx_http_smartimg_refinement_t *re);

ngx_int_t ngx_http_smartimg_ready(ngx_http_request_t *r, ngx_msec_t limit);
void ngx_http_smartimg_note_answer(void);
void ngx_http_smartimg_note_work(void);
ngx_uint_t ngx_http_smartimg_asked(ngx_http_smartimg_shared_t *shared);

ngx_uint_t ngx_http_smartimg_is_cheap_elsewhere(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx);
ngx_uint_t ngx_http_smartimg_first_rendering(void);
uint64_t ngx_http_smartimg_foreseen(ngx_http_smartimg_shared_t *shared);
char *ngx_http_smartimg_queue_limit(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_http_smartimg_note_failure(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx);
time_t ngx_http_smartimg_failed_lately(ngx_http_request_t *r);
time_t ngx_http_smartimg_retry_after(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx);
void ngx_http_smartimg_take_upstream(ngx_conf_t *cf,
    ngx_http_smartimg_srv_conf_t *sscf);
char *ngx_http_smartimg_misses_per_client(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
uint64_t ngx_http_smartimg_client_key(struct sockaddr *sa);
ngx_uint_t ngx_http_smartimg_is_one_too_many(ngx_http_request_t *r,
    ngx_uint_t rate);
void ngx_http_smartimg_note_service(ngx_http_request_t *r);
void ngx_http_smartimg_note_load(ngx_http_request_t *r);
void ngx_http_smartimg_note_stages(ngx_http_request_t *r);

ngx_int_t ngx_http_smartimg_filter_init(ngx_conf_t *cf);
si_tier ngx_http_smartimg_first_tier(ngx_http_request_t *r);
void ngx_http_smartimg_read_lifetime(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx, si_lifetime_of *of);
ngx_http_smartimg_life_t *ngx_http_smartimg_make_lifetime(
    ngx_http_smartimg_plan_t *plan, si_lifetime_of *of);
ngx_int_t ngx_http_smartimg_set_lifetime(ngx_http_request_t *r,
    ngx_http_smartimg_life_t *life);
ngx_int_t ngx_http_smartimg_share_reply(ngx_http_request_t *r, si_plan *plan);
ngx_int_t ngx_http_smartimg_other_method(ngx_http_request_t *r);
char *ngx_http_smartimg_error_pages(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_smartimg_page_init(ngx_conf_t *cf);
ngx_int_t ngx_http_smartimg_set_error_fields(ngx_http_request_t *r,
    si_plan *plan);
ngx_str_t *ngx_http_smartimg_cache_result(ngx_http_request_t *r);

char *ngx_http_smartimg_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_smartimg_metrics(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_http_smartimg_shared_t *ngx_http_smartimg_shared(void);
ngx_int_t ngx_http_smartimg_confine(ngx_cycle_t *cycle);
void ngx_http_smartimg_init_counters(ngx_cycle_t *cycle);
ngx_int_t ngx_http_smartimg_log_handler(ngx_http_request_t *r);


extern ngx_module_t  ngx_http_smartimg_module;


#endif /* _NGX_HTTP_SMARTIMG_MODULE_H_INCLUDED_ */
