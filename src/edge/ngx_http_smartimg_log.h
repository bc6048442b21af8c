
/*
 * What logs tell of a request: what it is called, and the line of the JSON
 * log.
 */

#ifndef _NGX_HTTP_SMARTIMG_LOG_H_INCLUDED_
#define _NGX_HTTP_SMARTIMG_LOG_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "base/request_id.h"
#include "base/trace.h"


/*
 * Fields of the JSON log, in their order: name, getter and what it is asked
 * for, bytes after which a text is cut (0 for what is no text), and what it
 * is.  A field without a value is left out.  docs/operation.md has the same
 * table.
 */

#define NGX_HTTP_SMARTIMG_LOG_FIELDS(X)                                       \
    X("time", time, 0, 24, "when the line was written, UTC")                  \
    X("kind", kind, 0, 16,                                                    \
      "`request`; or `refresh` or `refinement`, which have no client")        \
    X("id", identity, NGX_HTTP_SMARTIMG_ID, SI_REQUEST_ID_MAX,                \
      "the request's id, as in the reply's X-Request-ID and in messages of "  \
      "renderers")                                                            \
    X("trace_id", identity, NGX_HTTP_SMARTIMG_TRACE_ID, SI_TRACE_ID,          \
      "the trace it belongs to: of the client's traceparent, else its own")   \
    X("span_id", identity, NGX_HTTP_SMARTIMG_SPAN_ID, SI_SPAN_ID,             \
      "its own span")                                                         \
    X("parent_id", identity, NGX_HTTP_SMARTIMG_PARENT_ID, SI_SPAN_ID,         \
      "the span that asked for it: the client's; of a refresh, that of the "  \
      "request which found the reply stale")                                  \
    X("sampled", identity, NGX_HTTP_SMARTIMG_IS_SAMPLED, 0,                   \
      "whether the client keeps its trace; if it sent a traceparent")         \
    X("client", client, 0, 64,                                                \
      "its address: through trusted proxies, the one they tell")              \
    X("method", request, offsetof(ngx_http_request_t, method_name), 32,       \
      "of the request")                                                       \
    X("scheme", scheme, 0, 8, "`http` or `https`")                            \
    X("host", request, offsetof(ngx_http_request_t, headers_in.server), 256,  \
      "that was asked, without its port")                                     \
    X("uri", request, offsetof(ngx_http_request_t, unparsed_uri), 32768,      \
      "address, as it was sent")                                              \
    X("request", garbage, 0, 1024,                                            \
      "first line of a request without an address that could be read")        \
    X("protocol", request, offsetof(ngx_http_request_t, http_protocol), 16,   \
      "such as `HTTP/2.0`")                                                   \
    X("status", status, 0, 0, "of the reply")                                 \
    X("error", error, 0, 1024, "what was wrong, if no renderer was asked")    \
    X("bytes", bytes, 0, 0, "of the body, as sent")                           \
    X("took_ms", took, 0, 0, "from the request's first byte on")              \
    X("cache", cache, 0, 16, "`hit`, `miss`, `refresh` or `bypass`")          \
    X("type", type, 0, 128, "Content-Type of the reply")                      \
    X("class", class, 0, 1024, "class of the client")                         \
    X("line", line, 0, 32, "what its connection was found to be")             \
    X("recipe_hash", hash, 0, 32,                                             \
      "the same for all that get one cached reply: the name of its file in "  \
      "the cache")                                                            \
    X("recipe", recipe, 0, 8192, "what was rendered; not of hits")            \
    X("tier", receipt, NGX_HTTP_SMARTIMG_EFFORT, 16,                          \
      "work that went into the reply: `requested`, `quick`, `fast`, "         \
      "`better` or `best`")                                                   \
    X("saved", receipt, NGX_HTTP_SMARTIMG_SAVED, 0,                           \
      "bytes less than the requested encoding")                               \
    X("target", receipt, NGX_HTTP_SMARTIMG_TARGET, 0,                         \
      "score that was to be reached")                                         \
    X("score", receipt, NGX_HTTP_SMARTIMG_SCORE, 0, "score that was reached") \
    X("load", receipt, NGX_HTTP_SMARTIMG_LOAD, 16,                            \
      "step back for others' sake, if any")                                   \
    X("outcome", outcome, 0, 16,                                              \
      "of a refinement: `improved`, `kept`, `deferred` or `failed`")          \
    X("user_agent", header,                                                   \
      offsetof(ngx_http_request_t, headers_in.user_agent), 2048, "User-Agent")\
    X("referer", header, offsetof(ngx_http_request_t, headers_in.referer),    \
      4096, "Referer")


enum {
    NGX_HTTP_SMARTIMG_ID,
    NGX_HTTP_SMARTIMG_TRACE_ID,
    NGX_HTTP_SMARTIMG_SPAN_ID,
    NGX_HTTP_SMARTIMG_PARENT_ID,
    NGX_HTTP_SMARTIMG_IS_SAMPLED
};


/* what a receipt (X-Smart-Imaging) tells: its name there */

#define NGX_HTTP_SMARTIMG_RECEIPT(X)                                          \
    X(EFFORT, "effort")                                                       \
    X(SAVED, "saved")                                                         \
    X(TARGET, "target")                                                       \
    X(SCORE, "score")                                                         \
    X(LOAD, "load")

enum {
#define X(name, word)  NGX_HTTP_SMARTIMG_##name,
    NGX_HTTP_SMARTIMG_RECEIPT(X)
#undef X
    NGX_HTTP_SMARTIMG_RECEIPTS
};


/* what a request is called */

typedef struct {
    ngx_str_t                      id;
    si_trace                       trace;    /* and the parent's span, if any */
    char                           span[SI_SPAN_ID];
    char                           made[SI_TRACE_ID];   /* the id, unless a
                                                           proxy has told it */
    unsigned                       parent:1;
    unsigned                       came:1;   /* the trace is the client's */
} ngx_http_smartimg_identity_t;


/* a line in the making */

typedef struct {
    ngx_http_request_t            *request;
    ngx_http_request_t            *answer;   /* which has the reply */
    struct ngx_http_smartimg_ctx_s  *ctx;    /* or NULL */
    ngx_http_smartimg_identity_t  *identity;
    ngx_str_t                      receipt[NGX_HTTP_SMARTIMG_RECEIPTS];
    u_char                         text[64]; /* of a value */
} ngx_http_smartimg_line_t;


/* Gives a value, empty if there is none. */

typedef void (*ngx_http_smartimg_get_pt)(ngx_http_smartimg_line_t *line,
    uintptr_t data, ngx_str_t *value);

typedef struct {
    ngx_str_t                      name;     /* as JSON, with its colon */
    ngx_http_smartimg_get_pt       get;
    uintptr_t                      data;
    size_t                         room;     /* of a text, else 0 */
} ngx_http_smartimg_field_t;

/* in their order; the last has no getter */
extern ngx_http_smartimg_field_t  ngx_http_smartimg_fields[];


/* NULL if there is no memory; as long as the request */
ngx_http_smartimg_identity_t *ngx_http_smartimg_identity(
    ngx_http_request_t *r);
void ngx_http_smartimg_inherit_identity(ngx_http_request_t *r,
    ngx_http_request_t *from);
ngx_int_t ngx_http_smartimg_send_id(ngx_http_request_t *r);
ngx_int_t ngx_http_smartimg_init_identities(ngx_cycle_t *cycle);

/* handlers of variables */
ngx_int_t ngx_http_smartimg_id_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
ngx_int_t ngx_http_smartimg_trace_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
ngx_int_t ngx_http_smartimg_log_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


#endif /* _NGX_HTTP_SMARTIMG_LOG_H_INCLUDED_ */
