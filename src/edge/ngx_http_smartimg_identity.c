
/*
 * What requests are called, in replies, logs, and by those who are asked for
 * their sake.
 *
 * The id is that of a trusted proxy, or made here; so is the trace (W3C Trace
 * Context), which any client may tell, as it is but a name.  Ids that are
 * made are random, and no secrets.
 */

#include "ngx_http_smartimg_module.h"
#include <sys/random.h>


static void ngx_http_smartimg_name_request(ngx_http_request_t *r,
    ngx_http_smartimg_identity_t *identity);
static void ngx_http_smartimg_take_id(ngx_http_request_t *r,
    ngx_http_smartimg_identity_t *identity);
static void ngx_http_smartimg_take_trace(ngx_http_request_t *r,
    ngx_http_smartimg_identity_t *identity);
static void ngx_http_smartimg_keep_identity(void *data);
static uint64_t ngx_http_smartimg_random(void);
static void ngx_http_smartimg_set_value(ngx_http_variable_value_t *v,
    u_char *data, size_t len);


/* xoshiro256** of Blackman and Vigna, seeded by the kernel for each process */

static uint64_t  ngx_http_smartimg_state[4];


ngx_int_t
ngx_http_smartimg_init_identities(ngx_cycle_t *cycle)
{
    if (getrandom(ngx_http_smartimg_state, sizeof(ngx_http_smartimg_state), 0)
        != sizeof(ngx_http_smartimg_state))
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "getrandom() failed");
        return NGX_ERROR;
    }

    ngx_http_smartimg_state[0] |= 1;    /* they must not all be 0 */

    return NGX_OK;
}


static uint64_t
ngx_http_smartimg_random(void)
{
    uint64_t  *s, result, t;

    s = ngx_http_smartimg_state;

    result = s[1] * 5;
    result = (result << 7 | result >> 57) * 9;

    t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = s[3] << 45 | s[3] >> 19;

    return result;
}


/*
 * Subrequests are called as the request that they are part of.  Where there
 * is no context, which internal redirects clear, or none of ours, it hangs on
 * the pool.
 */

ngx_http_smartimg_identity_t *
ngx_http_smartimg_identity(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t            *cln;
    ngx_http_smartimg_ctx_t       *ctx;
    ngx_http_smartimg_identity_t  *identity;

    r = r->main;
    ctx = ngx_http_get_module_ctx(r, ngx_http_smartimg_module);

    if (ctx && ctx->identity) {
        return ctx->identity;
    }

    identity = NULL;

    for (cln = r->pool->cleanup; cln && identity == NULL; cln = cln->next) {
        if (cln->handler == ngx_http_smartimg_keep_identity) {
            identity = cln->data;
        }
    }

    if (identity == NULL) {
        cln = ngx_pool_cleanup_add(r->pool,
                                   sizeof(ngx_http_smartimg_identity_t));
        if (cln == NULL) {
            return NULL;
        }

        cln->handler = ngx_http_smartimg_keep_identity;
        identity = cln->data;

        ngx_http_smartimg_name_request(r, identity);
    }

    if (ctx) {
        ctx->identity = identity;
    }

    return identity;
}


/* There is nothing to clean up: it is found by this. */

static void
ngx_http_smartimg_keep_identity(void *data)
{
    return;
}


static void
ngx_http_smartimg_name_request(ngx_http_request_t *r,
    ngx_http_smartimg_identity_t *identity)
{
    si_hex_print(ngx_http_smartimg_random(), 16, identity->made);
    si_hex_print(ngx_http_smartimg_random(), 16, identity->made + 16);
    si_hex_print(ngx_http_smartimg_random() | 1, SI_SPAN_ID, identity->span);

    identity->id.data = (u_char *) identity->made;
    identity->id.len = sizeof(identity->made);

    ngx_memcpy(identity->trace.trace, identity->made, SI_TRACE_ID);
    identity->trace.flags = 0;
    identity->parent = 0;
    identity->came = 0;

    ngx_http_smartimg_take_id(r, identity);
    ngx_http_smartimg_take_trace(r, identity);
}


static void
ngx_http_smartimg_take_id(ngx_http_request_t *r,
    ngx_http_smartimg_identity_t *identity)
{
    si_str            text;
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string(SI_HEADER_REQUEST_ID);

    h = ngx_http_smartimg_find_header(&r->headers_in.headers, &name, NULL);

    if (h == NULL || !ngx_http_smartimg_is_by_proxy(r)) {
        return;
    }

    text.p = (const char *) h->value.data;
    text.len = h->value.len;

    if (si_request_id_is_good(text)) {
        identity->id = h->value;
    }
}


/* Two headers are as good as none. */

static void
ngx_http_smartimg_take_trace(ngx_http_request_t *r,
    ngx_http_smartimg_identity_t *identity)
{
    si_str            text;
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string(SI_HEADER_TRACE);

    h = ngx_http_smartimg_find_header(&r->headers_in.headers, &name, NULL);

    if (h == NULL
        || ngx_http_smartimg_find_header(&r->headers_in.headers, &name, h))
    {
        return;
    }

    text.p = (const char *) h->value.data;
    text.len = h->value.len;

    if (si_trace_read(text, &identity->trace)) {
        identity->parent = 1;
        identity->came = 1;
    }
}


/* A request of our own is part of what it is done for. */

void
ngx_http_smartimg_inherit_identity(ngx_http_request_t *r,
    ngx_http_request_t *from)
{
    ngx_http_smartimg_identity_t  *own, *theirs;

    own = ngx_http_smartimg_identity(r);
    theirs = ngx_http_smartimg_identity(from);

    if (own == NULL || theirs == NULL) {
        return;
    }

    own->trace = theirs->trace;
    ngx_memcpy(own->trace.span, theirs->span, SI_SPAN_ID);
    own->parent = 1;
    own->came = theirs->came;
}


/* Tells the client what its request is called. */

ngx_int_t
ngx_http_smartimg_send_id(ngx_http_request_t *r)
{
    ngx_http_smartimg_identity_t  *identity;

    static ngx_str_t  name = ngx_string(SI_HEADER_REQUEST_ID);

    identity = ngx_http_smartimg_identity(r);

    if (identity == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_smartimg_add_header(r, &name, &identity->id);
}


static void
ngx_http_smartimg_set_value(ngx_http_variable_value_t *v, u_char *data,
    size_t len)
{
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = data;
    v->len = len;
}


ngx_int_t
ngx_http_smartimg_id_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_smartimg_identity_t  *identity;

    identity = ngx_http_smartimg_identity(r);

    if (identity == NULL) {
        return NGX_ERROR;
    }

    ngx_http_smartimg_set_value(v, identity->id.data, identity->id.len);

    return NGX_OK;
}


/*
 * What to tell others who are asked for the sake of the request: its trace, if
 * that is known beyond this server, with its own span.
 */

ngx_int_t
ngx_http_smartimg_trace_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                        *text;
    si_trace                       trace;
    ngx_http_smartimg_identity_t  *identity;

    identity = ngx_http_smartimg_identity(r);

    if (identity == NULL) {
        return NGX_ERROR;
    }

    if (!identity->came) {
        ngx_http_smartimg_set_value(v, (u_char *) "", 0);
        return NGX_OK;
    }

    text = ngx_pnalloc(r->pool, SI_TRACE_TEXT);
    if (text == NULL) {
        return NGX_ERROR;
    }

    trace = identity->trace;
    ngx_memcpy(trace.span, identity->span, SI_SPAN_ID);

    (void) si_trace_print(&trace, (char *) text);

    ngx_http_smartimg_set_value(v, text, SI_TRACE_TEXT - 1);

    return NGX_OK;
}
