
/*
 * Questions for the origins process (base/origin_ask.h), over one connection
 * for each worker, which is made when there is a question.
 *
 * An original is asked for once at a time, however many requests wait for it.
 * They stand in the phase that they were in, and get another plan once all
 * that theirs lacked is known.  If the process ends, what it had not answered
 * is asked again.
 */

#include "ngx_http_smartimg_module.h"

#include <sys/un.h>


#define NGX_HTTP_SMARTIMG_QUESTIONS  1024  /* at a time */
#define NGX_HTTP_SMARTIMG_TIMES      3     /* that a question is sent */
#define NGX_HTTP_SMARTIMG_ROUNDS     8     /* plans of a request */
#define NGX_HTTP_SMARTIMG_SLACK      2000  /* ms, that an answer may be late */
#define NGX_HTTP_SMARTIMG_LATE       250   /* ms, between looks for late ones */


typedef struct {
    ngx_queue_t                queue;
    ngx_queue_t                waits;    /* of requests */
    ngx_http_smartimg_want_t   want;
    ngx_msec_t                 until;
    ngx_uint_t                 sent;     /* how often */
    ngx_uint_t                 unsent;
} ngx_http_smartimg_question_t;


/* a request that waits for the answer to a question */

typedef struct {
    ngx_queue_t                    queue;
    ngx_http_request_t            *request;
    ngx_http_smartimg_ctx_t       *ctx;
    ngx_uint_t                     left;   /* answers that it lacks; of [0] */
    ngx_uint_t                     count;  /* of the array; of [0] */
    ngx_uint_t                     queued;
} ngx_http_smartimg_wait_t;


static ngx_http_smartimg_question_t *ngx_http_smartimg_question(
    ngx_http_smartimg_want_t *want);
static void ngx_http_smartimg_flush(void);
static ngx_int_t ngx_http_smartimg_connect(void);
static void ngx_http_smartimg_forgive(void);
static void ngx_http_smartimg_disconnect(void);
static void ngx_http_smartimg_read_told(ngx_event_t *ev);
static void ngx_http_smartimg_write_asks(ngx_event_t *ev);
static void ngx_http_smartimg_take_told(si_origin_told *told);
static void ngx_http_smartimg_answered(ngx_http_smartimg_question_t *q,
    si_origin_told *told);
static void ngx_http_smartimg_end_late(ngx_event_t *ev);
static void ngx_http_smartimg_go_on(ngx_http_request_t *r);


static ngx_queue_t        ngx_http_smartimg_questions;
static ngx_uint_t         ngx_http_smartimg_nquestions;
static uint64_t           ngx_http_smartimg_number;
static ngx_connection_t  *ngx_http_smartimg_asking;
static ngx_event_t        ngx_http_smartimg_late;
static ngx_connection_t   ngx_http_smartimg_late_dummy;


void
ngx_http_smartimg_init_asking(ngx_cycle_t *cycle)
{
    ngx_queue_init(&ngx_http_smartimg_questions);

    ngx_http_smartimg_late_dummy.fd = (ngx_socket_t) -1;

    ngx_http_smartimg_late.handler = ngx_http_smartimg_end_late;
    ngx_http_smartimg_late.data = &ngx_http_smartimg_late_dummy;
    ngx_http_smartimg_late.log = cycle->log;
}


/*
 * A plan that lacks the states of originals is none yet: until they are known
 * it is the error that is sent if they do not become so.
 */

si_result
ngx_http_smartimg_take_lacks(ngx_http_smartimg_plan_t *plan, si_diag *diag)
{
    size_t                     size;
    ngx_uint_t                 n;
    ngx_http_smartimg_want_t  *wants;

    n = ngx_http_smartimg_take_wants(&wants);

    if (n == 0) {
        ngx_http_smartimg_take_seen(plan);
        return SI_OK;
    }

    size = n * sizeof(ngx_http_smartimg_want_t);
    plan->wants = si_arena_alloc(&plan->arena, size);

    if (plan->wants) {
        ngx_memcpy(plan->wants, wants, size);
        plan->nwants = n;
    }

    return si_fail(diag, SI_ERR_IO,
                   "where originals come from does not answer now");
}


/* Called when a worker ends: nobody waits any more. */

void
ngx_http_smartimg_stop_asking(void)
{
    if (ngx_http_smartimg_asking) {
        ngx_close_connection(ngx_http_smartimg_asking);
        ngx_http_smartimg_asking = NULL;
    }
}


/* For nobody: what is known is used until then. */

void
ngx_http_smartimg_ask_meanwhile(ngx_http_smartimg_want_t *want)
{
    if (ngx_http_smartimg_question(want)) {
        ngx_http_smartimg_flush();
    }
}


/*
 * Lets a request wait for what its plan lacks: NGX_AGAIN.  Otherwise
 * NGX_DECLINED, and its plan is an error.
 */

ngx_int_t
ngx_http_smartimg_ask_origins(ngx_http_request_t *r,
    ngx_http_smartimg_ctx_t *ctx)
{
    ngx_uint_t                     i, n;
    ngx_http_smartimg_plan_t      *plan;
    ngx_http_smartimg_wait_t      *wait;
    ngx_http_smartimg_question_t  *q;

    if (ctx->waits) {
        return NGX_AGAIN;
    }

    plan = ctx->plan;

    if (ctx->rounds++ == NGX_HTTP_SMARTIMG_ROUNDS) {
        return NGX_DECLINED;
    }

    wait = ngx_pcalloc(r->pool, plan->nwants * sizeof(ngx_http_smartimg_wait_t));
    if (wait == NULL) {
        return NGX_DECLINED;
    }

    n = 0;

    for (i = 0; i < plan->nwants; i++) {
        q = ngx_http_smartimg_question(&plan->wants[i]);

        if (q == NULL) {
            continue;
        }

        wait[n].request = r;
        wait[n].ctx = ctx;
        wait[n].queued = 1;
        ngx_queue_insert_tail(&q->waits, &wait[n].queue);
        n++;
    }

    if (n == 0) {
        return NGX_DECLINED;
    }

    wait[0].left = n;
    wait[0].count = n;
    ctx->waits = wait;

    ngx_http_smartimg_count(origin_waits, 1);

    /* a client that goes ends the request, and with it the wait */

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    ngx_http_smartimg_flush();

    return NGX_AGAIN;
}


/* Called when a request ends. */

void
ngx_http_smartimg_forget_waits(ngx_http_smartimg_ctx_t *ctx)
{
    ngx_uint_t                 i;
    ngx_http_smartimg_wait_t  *wait;

    wait = ctx->waits;

    if (wait == NULL) {
        return;
    }

    for (i = 0; i < wait[0].count; i++) {
        if (wait[i].queued) {
            ngx_queue_remove(&wait[i].queue);
        }
    }

    ctx->waits = NULL;
}


/* The question for an original: one that is asked already, or another. */

static ngx_http_smartimg_question_t *
ngx_http_smartimg_question(ngx_http_smartimg_want_t *want)
{
    ngx_queue_t                   *e;
    ngx_http_smartimg_question_t  *q;

    for (e = ngx_queue_head(&ngx_http_smartimg_questions);
         e != ngx_queue_sentinel(&ngx_http_smartimg_questions);
         e = ngx_queue_next(e))
    {
        q = ngx_queue_data(e, ngx_http_smartimg_question_t, queue);

        if (ngx_memcmp(q->want.key, want->key, 16) == 0
            && q->want.generation == want->generation)
        {
            return q;
        }
    }

    if (ngx_http_smartimg_nquestions == NGX_HTTP_SMARTIMG_QUESTIONS) {
        return NULL;
    }

    q = ngx_calloc(sizeof(ngx_http_smartimg_question_t), ngx_cycle->log);
    if (q == NULL) {
        return NULL;
    }

    q->want = *want;
    q->want.ask.number = ++ngx_http_smartimg_number;
    q->until = ngx_current_msec + want->origin->total_ms
               + NGX_HTTP_SMARTIMG_SLACK;
    q->unsent = 1;

    ngx_queue_init(&q->waits);
    ngx_queue_insert_tail(&ngx_http_smartimg_questions, &q->queue);
    ngx_http_smartimg_nquestions++;

    if (!ngx_http_smartimg_late.timer_set) {
        ngx_add_timer(&ngx_http_smartimg_late, NGX_HTTP_SMARTIMG_LATE);
    }

    return q;
}


/*
 * Sends what is not sent yet.  What cannot be, waits: for room, or, without a
 * connection, for the next look, as the process may be about to start.
 */

static void
ngx_http_smartimg_flush(void)
{
    size_t                         len;
    ssize_t                        n;
    ngx_err_t                      err;
    ngx_queue_t                   *e;
    ngx_connection_t              *c;
    ngx_http_smartimg_question_t  *q;

    if (ngx_http_smartimg_asking == NULL
        && ngx_http_smartimg_connect() != NGX_OK)
    {
        return;
    }

    c = ngx_http_smartimg_asking;

    for (e = ngx_queue_head(&ngx_http_smartimg_questions);
         e != ngx_queue_sentinel(&ngx_http_smartimg_questions);
         e = ngx_queue_next(e))
    {
        q = ngx_queue_data(e, ngx_http_smartimg_question_t, queue);

        if (!q->unsent) {
            continue;
        }

        len = offsetof(si_origin_ask, key) + ngx_strlen(q->want.ask.key) + 1;

        n = send(c->fd, &q->want.ask, len, MSG_NOSIGNAL);

        if (n == (ssize_t) len) {
            q->unsent = 0;
            q->sent++;
            continue;
        }

        err = ngx_socket_errno;

        if (err == NGX_EAGAIN) {
            c->write->ready = 0;

            if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
                ngx_http_smartimg_disconnect();
            }

            return;
        }

        ngx_http_smartimg_disconnect();
        return;
    }
}


static ngx_int_t
ngx_http_smartimg_connect(void)
{
    ngx_socket_t                    s;
    ngx_connection_t               *c;
    struct sockaddr_un              sun;
    ngx_http_smartimg_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_smartimg_module);

    if (smcf->origins_socket.len == 0
        || smcf->origins_socket.len >= sizeof(sun.sun_path))
    {
        return NGX_ERROR;
    }

    ngx_memzero(&sun, sizeof(struct sockaddr_un));
    sun.sun_family = AF_UNIX;
    ngx_memcpy(sun.sun_path, smcf->origins_socket.data,
               smcf->origins_socket.len);

    s = socket(AF_UNIX, SOCK_SEQPACKET|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);

    if (s == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_socket_errno,
                      "socket() for the origins process failed");
        return NGX_ERROR;
    }

    if (connect(s, (struct sockaddr *) &sun, sizeof(sun)) == -1) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_socket_errno,
                      "connect() to the origins process failed");
        (void) ngx_close_socket(s);
        return NGX_ERROR;
    }

    c = ngx_get_connection(s, ngx_cycle->log);

    if (c == NULL) {
        (void) ngx_close_socket(s);
        return NGX_ERROR;
    }

    c->log = ngx_cycle->log;
    c->read->log = c->log;
    c->write->log = c->log;
    c->read->handler = ngx_http_smartimg_read_told;
    c->write->handler = ngx_http_smartimg_write_asks;
    c->write->ready = 1;

    /* a worker that is to end does not wait for it */
    c->idle = 1;

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_close_connection(c);
        return NGX_ERROR;
    }

    ngx_http_smartimg_asking = c;

    return NGX_OK;
}


static void
ngx_http_smartimg_forgive(void)
{
    ngx_queue_t                   *e;
    ngx_http_smartimg_question_t  *q;

    for (e = ngx_queue_head(&ngx_http_smartimg_questions);
         e != ngx_queue_sentinel(&ngx_http_smartimg_questions);
         e = ngx_queue_next(e))
    {
        q = ngx_queue_data(e, ngx_http_smartimg_question_t, queue);
        q->sent = 0;
    }
}


/* What was sent and not answered is to be sent again, so often. */

static void
ngx_http_smartimg_disconnect(void)
{
    ngx_queue_t                   *e, *next;
    ngx_http_smartimg_question_t  *q;

    if (ngx_http_smartimg_asking) {
        ngx_close_connection(ngx_http_smartimg_asking);
        ngx_http_smartimg_asking = NULL;
    }

    for (e = ngx_queue_head(&ngx_http_smartimg_questions);
         e != ngx_queue_sentinel(&ngx_http_smartimg_questions);
         e = next)
    {
        next = ngx_queue_next(e);
        q = ngx_queue_data(e, ngx_http_smartimg_question_t, queue);

        if (q->unsent) {
            continue;
        }

        if (q->sent == NGX_HTTP_SMARTIMG_TIMES) {
            ngx_http_smartimg_answered(q, NULL);

        } else {
            q->unsent = 1;
        }
    }
}


static void
ngx_http_smartimg_read_told(ngx_event_t *ev)
{
    ssize_t            n;
    si_origin_told     told;
    ngx_connection_t  *c;

    c = ev->data;

    if (c->close) {

        /*
         * the worker is to end; what is still waited for is asked again, and
         * that is no failure of the process
         */

        ngx_http_smartimg_forgive();
        ngx_http_smartimg_disconnect();
        return;
    }

    for ( ;; ) {
        n = recv(c->fd, &told, sizeof(told), 0);

        if (n == (ssize_t) sizeof(told)) {
            told.extension[SI_ORIGIN_EXTENSION - 1] = '\0';
            told.text[sizeof(told.text) - 1] = '\0';
            ngx_http_smartimg_take_told(&told);
            continue;
        }

        if (n == -1 && ngx_socket_errno == NGX_EAGAIN) {
            ev->ready = 0;

            if (ngx_handle_read_event(ev, 0) == NGX_OK) {
                return;
            }

        } else if (n == -1 && ngx_socket_errno == NGX_EINTR) {
            continue;
        }

        break;
    }

    /* it has ended; another one starts when it is asked */

    ngx_http_smartimg_disconnect();

    if (!ngx_queue_empty(&ngx_http_smartimg_questions)) {
        ngx_http_smartimg_flush();
    }
}


static void
ngx_http_smartimg_write_asks(ngx_event_t *ev)
{
    ngx_http_smartimg_flush();
}


static void
ngx_http_smartimg_take_told(si_origin_told *told)
{
    ngx_queue_t                   *e;
    ngx_http_smartimg_question_t  *q;

    for (e = ngx_queue_head(&ngx_http_smartimg_questions);
         e != ngx_queue_sentinel(&ngx_http_smartimg_questions);
         e = ngx_queue_next(e))
    {
        q = ngx_queue_data(e, ngx_http_smartimg_question_t, queue);

        if (q->want.ask.number == told->number) {
            ngx_http_smartimg_answered(q, told);
            return;
        }
    }
}


/* Ends a question: those who wait for nothing else go on. */

static void
ngx_http_smartimg_answered(ngx_http_smartimg_question_t *q,
    si_origin_told *told)
{
    ngx_queue_t               *e;
    ngx_http_request_t        *r;
    ngx_http_smartimg_ctx_t   *ctx;
    ngx_http_smartimg_wait_t  *wait, *first;

    ngx_http_smartimg_note_origin(&q->want, told);

    ngx_queue_remove(&q->queue);
    ngx_http_smartimg_nquestions--;

    while (!ngx_queue_empty(&q->waits)) {
        e = ngx_queue_head(&q->waits);
        wait = ngx_queue_data(e, ngx_http_smartimg_wait_t, queue);

        ngx_queue_remove(e);
        wait->queued = 0;

        ctx = wait->ctx;
        r = wait->request;
        first = ctx->waits;

        if (--first->left) {
            continue;
        }

        ctx->waits = NULL;

        r->read_event_handler = ngx_http_block_reading;
        r->write_event_handler = ngx_http_smartimg_go_on;

        ngx_post_event(r->connection->write, &ngx_posted_events);
    }

    ngx_free(q);
}


static void
ngx_http_smartimg_end_late(ngx_event_t *ev)
{
    ngx_queue_t                   *e, *next;
    ngx_http_smartimg_question_t  *q;

    for (e = ngx_queue_head(&ngx_http_smartimg_questions);
         e != ngx_queue_sentinel(&ngx_http_smartimg_questions);
         e = next)
    {
        next = ngx_queue_next(e);
        q = ngx_queue_data(e, ngx_http_smartimg_question_t, queue);

        if ((ngx_msec_int_t) (q->until - ngx_current_msec) <= 0) {
            ngx_http_smartimg_answered(q, NULL);
        }
    }

    if (!ngx_queue_empty(&ngx_http_smartimg_questions)) {
        ngx_http_smartimg_flush();
        ngx_add_timer(ev, NGX_HTTP_SMARTIMG_LATE);
    }
}


/* Makes another plan, and goes on with the phase that the request stood in. */

static void
ngx_http_smartimg_go_on(ngx_http_request_t *r)
{
    ngx_http_smartimg_ctx_t   *ctx;
    ngx_http_smartimg_plan_t  *plan;

    ctx = ngx_http_get_module_ctx(r, ngx_http_smartimg_module);

    plan = ngx_http_smartimg_plan_again(r, ctx->plan);

    if (plan == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    ngx_http_smartimg_release_plan(ctx->plan);
    ctx->plan = plan;

    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}
