
/*
 * Whether renderers answer: what /readyz tells a load balancer.  That nginx
 * lives says nothing of them.
 *
 * The last reply of a renderer tells, if it is fresh.  Otherwise one is asked
 * in the lane of cheap requests: it answers at once, as does the broker, which
 * it asks in turn.  Renderers that are all at work do not take the question;
 * so as long as they have requests, and have had them for less than the
 * longest of these takes, silence is no sign of death.  Once a question was
 * left unanswered without such an excuse, it takes an answer to be ready
 * again.
 *
 * The question goes through scgi_pass; where that fails, error_page leads to
 * a named location, which has the last word.
 */

#include "ngx_http_smartimg_module.h"


/* an answer is fresh for, and while there is none it is asked each, ms */

#define NGX_HTTP_SMARTIMG_FRESH_MS  1000
#define NGX_HTTP_SMARTIMG_ASK_MS    3000


static ngx_uint_t ngx_http_smartimg_have_work(
    ngx_http_smartimg_shared_t *shared, ngx_msec_t limit);
static ngx_int_t ngx_http_smartimg_tell(ngx_http_request_t *r,
    ngx_uint_t status, const char *text);


/* NGX_DECLINED: a renderer is to be asked. */

ngx_int_t
ngx_http_smartimg_ready(ngx_http_request_t *r, ngx_msec_t limit)
{
    ngx_http_smartimg_shared_t  *shared;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    shared = ngx_http_smartimg_shared();

    if (!r->internal) {

        if (shared == NULL) {
            return NGX_DECLINED;
        }

        if (shared->answered && !shared->unready
            && ngx_current_msec - shared->answered
               < NGX_HTTP_SMARTIMG_FRESH_MS)
        {
            return ngx_http_smartimg_tell(r, NGX_HTTP_OK, "ready");
        }

        if (!shared->unready
            || ngx_current_msec - shared->questioned
               >= NGX_HTTP_SMARTIMG_ASK_MS)
        {
            shared->questioned = ngx_current_msec;
            return NGX_DECLINED;
        }

    } else if (shared && !shared->unready
               && ngx_http_smartimg_have_work(shared, limit))
    {
        return ngx_http_smartimg_tell(r, NGX_HTTP_OK,
                                      "ready, all renderers are at work");
    }

    if (shared && !shared->unready) {
        shared->unready = 1;
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "not ready: no renderer answers");
    }

    return ngx_http_smartimg_tell(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                  "not ready: no renderer answers");
}


/* A renderer has answered, with whatever is not its own failure. */

void
ngx_http_smartimg_note_answer(void)
{
    ngx_http_smartimg_shared_t  *shared;

    shared = ngx_http_smartimg_shared();

    if (shared == NULL) {
        return;
    }

    shared->answered = ngx_current_msec;
    shared->unready = 0;
}


/* A renderer is to be asked; called before it is counted. */

void
ngx_http_smartimg_note_work(void)
{
    ngx_http_smartimg_shared_t  *shared;

    shared = ngx_http_smartimg_shared();

    if (shared && ngx_http_smartimg_asked(shared) == 0) {
        shared->asked = ngx_current_msec;
    }
}


/* What renderers have to do now, by all processes. */

ngx_uint_t
ngx_http_smartimg_asked(ngx_http_smartimg_shared_t *shared)
{
    ngx_uint_t        i;
    ngx_atomic_int_t  n;

    n = 0;

    for (i = 0; i < NGX_HTTP_SMARTIMG_SLOTS; i++) {
        n += shared->counters[i].asked;
    }

    return n > 0 ? n : 0;
}


static ngx_uint_t
ngx_http_smartimg_have_work(ngx_http_smartimg_shared_t *shared,
    ngx_msec_t limit)
{
    ngx_msec_t  quiet;

    if (ngx_http_smartimg_asked(shared) == 0) {
        return 0;
    }

    quiet = ngx_current_msec - shared->asked;

    if (shared->answered) {
        quiet = ngx_min(quiet, ngx_current_msec - shared->answered);
    }

    return quiet < limit;
}


static ngx_int_t
ngx_http_smartimg_tell(ngx_http_request_t *r, ngx_uint_t status,
    const char *text)
{
    return ngx_http_smartimg_send_text(r, status, (u_char *) text,
                                       ngx_strlen(text));
}
