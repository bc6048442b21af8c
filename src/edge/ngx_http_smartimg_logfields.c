
/*
 * Values of the fields of the JSON log.
 */

#include "ngx_http_smartimg_module.h"
#include <ngx_md5.h>


#define NGX_HTTP_SMARTIMG_GET(name)                                           \
static void ngx_http_smartimg_get_##name(ngx_http_smartimg_line_t *line,      \
    uintptr_t data, ngx_str_t *value)

NGX_HTTP_SMARTIMG_GET(time);
NGX_HTTP_SMARTIMG_GET(kind);
NGX_HTTP_SMARTIMG_GET(identity);
NGX_HTTP_SMARTIMG_GET(client);
NGX_HTTP_SMARTIMG_GET(request);
NGX_HTTP_SMARTIMG_GET(scheme);
NGX_HTTP_SMARTIMG_GET(garbage);
NGX_HTTP_SMARTIMG_GET(status);
NGX_HTTP_SMARTIMG_GET(error);
NGX_HTTP_SMARTIMG_GET(bytes);
NGX_HTTP_SMARTIMG_GET(took);
NGX_HTTP_SMARTIMG_GET(cache);
NGX_HTTP_SMARTIMG_GET(type);
NGX_HTTP_SMARTIMG_GET(class);
NGX_HTTP_SMARTIMG_GET(line);
NGX_HTTP_SMARTIMG_GET(hash);
NGX_HTTP_SMARTIMG_GET(recipe);
NGX_HTTP_SMARTIMG_GET(receipt);
NGX_HTTP_SMARTIMG_GET(outcome);
NGX_HTTP_SMARTIMG_GET(stage);
NGX_HTTP_SMARTIMG_GET(header);

static ngx_uint_t ngx_http_smartimg_is_number(ngx_str_t *value);
static void ngx_http_smartimg_print_number(ngx_http_smartimg_line_t *line,
    int64_t n, ngx_str_t *value);


ngx_http_smartimg_field_t  ngx_http_smartimg_fields[] = {

#define X(name, getter, data, room, help)                                     \
    { ngx_string("\"" name "\":"), ngx_http_smartimg_get_##getter, data, room },
    NGX_HTTP_SMARTIMG_LOG_FIELDS(X)
#undef X

#define X(name, word, help)                                                   \
    { ngx_string("\"" word "_us\":"), ngx_http_smartimg_get_stage,            \
      SI_STAGE_##name, 0 },
    SI_STAGES(X)
#undef X

    { ngx_null_string, NULL, 0, 0 }
};


static void
ngx_http_smartimg_print_number(ngx_http_smartimg_line_t *line, int64_t n,
    ngx_str_t *value)
{
    u_char    *p;
    uint64_t   left;

    p = line->text + sizeof(line->text);
    left = n < 0 ? -(uint64_t) n : (uint64_t) n;

    do {
        *--p = '0' + left % 10;
        left /= 10;
    } while (left);

    if (n < 0) {
        *--p = '-';
    }

    value->data = p;
    value->len = line->text + sizeof(line->text) - p;
}


/* What may stand in JSON as it is, and has room. */

static ngx_uint_t
ngx_http_smartimg_is_number(ngx_str_t *value)
{
    size_t  i, digits;

    digits = 0;

    for (i = value->len && value->data[0] == '-'; i < value->len; i++) {

        if (value->data[i] >= '0' && value->data[i] <= '9') {
            digits++;

        } else if (value->data[i] != '.' || digits != i - (value->data[0] == '-')
                   || digits == 0 || i + 1 == value->len)
        {
            return 0;
        }
    }

    return digits > 0 && value->len < 24;
}


NGX_HTTP_SMARTIMG_GET(time)
{
    ngx_tm_t     tm;
    ngx_time_t  *now;

    static time_t  sec = -1;
    static u_char  text[sizeof("1970-09-28T12:00:00.000Z")];

    now = ngx_timeofday();

    if (now->sec != sec) {
        sec = now->sec;
        ngx_gmtime(sec, &tm);
        ngx_sprintf(text, "%4d-%02d-%02dT%02d:%02d:%02d.000Z", tm.ngx_tm_year,
                    tm.ngx_tm_mon, tm.ngx_tm_mday, tm.ngx_tm_hour,
                    tm.ngx_tm_min, tm.ngx_tm_sec);
    }

    text[sizeof("1970-09-28T12:00:00.") - 1] = '0' + now->msec / 100;
    text[sizeof("1970-09-28T12:00:00.0") - 1] = '0' + now->msec / 10 % 10;
    text[sizeof("1970-09-28T12:00:00.00") - 1] = '0' + now->msec % 10;

    value->data = text;
    value->len = sizeof(text) - 1;
}


NGX_HTTP_SMARTIMG_GET(kind)
{
    if (line->ctx == NULL || !line->ctx->nobody) {
        ngx_str_set(value, "request");

    } else if (line->ctx->refinement) {
        ngx_str_set(value, "refinement");

    } else {
        ngx_str_set(value, "refresh");
    }
}


NGX_HTTP_SMARTIMG_GET(identity)
{
    ngx_http_smartimg_identity_t  *identity;

    identity = line->identity;

    switch (data) {

    case NGX_HTTP_SMARTIMG_ID:
        *value = identity->id;
        return;

    case NGX_HTTP_SMARTIMG_TRACE_ID:
        value->data = (u_char *) identity->trace.trace;
        value->len = SI_TRACE_ID;
        return;

    case NGX_HTTP_SMARTIMG_SPAN_ID:
        value->data = (u_char *) identity->span;
        value->len = SI_SPAN_ID;
        return;

    case NGX_HTTP_SMARTIMG_PARENT_ID:
        if (identity->parent) {
            value->data = (u_char *) identity->trace.span;
            value->len = SI_SPAN_ID;
        }

        return;

    default: /* NGX_HTTP_SMARTIMG_IS_SAMPLED */
        if (identity->came && identity->trace.flags & SI_TRACE_SAMPLED) {
            ngx_str_set(value, "true");

        } else if (identity->came) {
            ngx_str_set(value, "false");
        }
    }
}


NGX_HTTP_SMARTIMG_GET(client)
{
    if (line->ctx == NULL || !line->ctx->nobody) {
        *value = line->request->connection->addr_text;
    }
}


/* a string of the request itself; a refresh has some of them, too */

NGX_HTTP_SMARTIMG_GET(request)
{
    *value = *(ngx_str_t *) ((u_char *) line->request + data);
}


NGX_HTTP_SMARTIMG_GET(scheme)
{
    if (line->ctx && line->ctx->nobody) {
        return;
    }

    ngx_str_set(value, "http");

#if (NGX_HTTP_SSL)
    if (line->request->connection->ssl) {
        ngx_str_set(value, "https");
    }
#endif
}


NGX_HTTP_SMARTIMG_GET(garbage)
{
    u_char              *p;
    ngx_http_request_t  *r;

    r = line->request;

    if (r->unparsed_uri.len || r->request_start == NULL || r->header_in == NULL
        || (line->ctx && line->ctx->nobody))
    {
        return;
    }

    value->data = r->request_start;

    for (p = r->request_start; p < r->header_in->last; p++) {
        if (*p == CR || *p == LF) {
            break;
        }
    }

    value->len = p - r->request_start;
}


NGX_HTTP_SMARTIMG_GET(status)
{
    ngx_uint_t  status;

    if (line->answer == NULL) {
        return;
    }

    status = line->answer->err_status ? line->answer->err_status
                                      : line->answer->headers_out.status;

    if (status) {
        ngx_http_smartimg_print_number(line, status, value);
    }
}


NGX_HTTP_SMARTIMG_GET(error)
{
    if (line->ctx && line->ctx->plan->failed) {
        *value = line->ctx->plan->text;

        /* the text is a whole body */

        while (value->len && value->data[value->len - 1] == LF) {
            value->len--;
        }
    }
}


NGX_HTTP_SMARTIMG_GET(bytes)
{
    off_t                sent;
    ngx_http_request_t  *r;

    r = line->request;

    if (line->ctx == NULL || !line->ctx->nobody) {
        sent = r->connection->sent - r->header_size;
        ngx_http_smartimg_print_number(line, ngx_max(sent, 0), value);

    } else if (line->answer
               && line->answer->upstream->headers_in.content_length_n >= 0)
    {
        ngx_http_smartimg_print_number(line,
                         line->answer->upstream->headers_in.content_length_n,
                         value);
    }
}


NGX_HTTP_SMARTIMG_GET(took)
{
    int64_t              ms;
    ngx_time_t          *now;
    ngx_http_request_t  *r;

    r = line->request;
    now = ngx_timeofday();

    ms = (int64_t) (now->sec - r->start_sec) * 1000
         + ((int64_t) now->msec - (int64_t) r->start_msec);

    ngx_http_smartimg_print_number(line, ngx_max(ms, 0), value);
}


NGX_HTTP_SMARTIMG_GET(cache)
{
    ngx_str_t  *result;

    if (line->ctx && !line->ctx->nobody) {
        result = ngx_http_smartimg_cache_result(line->request);

        if (result) {
            *value = *result;
        }
    }
}


NGX_HTTP_SMARTIMG_GET(type)
{
    if (line->answer) {
        *value = line->answer->headers_out.content_type;
    }
}


NGX_HTTP_SMARTIMG_GET(class)
{
    if (line->ctx) {
        *value = line->ctx->plan->client;
    }
}


NGX_HTTP_SMARTIMG_GET(line)
{
    if (line->ctx && !line->ctx->nobody) {
        value->data = (u_char *) ngx_http_smartimg_line_name(line->request);
        value->len = ngx_strlen(value->data);
    }
}


/* what the cache calls its file; it is kept with the plan */

NGX_HTTP_SMARTIMG_GET(hash)
{
    u_char                     digest[16];
    ngx_md5_t                  md5;
    ngx_http_smartimg_plan_t  *plan;

    if (line->ctx == NULL || line->ctx->plan->failed
        || line->ctx->plan->key.len == 0)
    {
        return;
    }

    plan = line->ctx->plan;

    if (plan->hex[0] == '\0') {
        ngx_md5_init(&md5);
        ngx_md5_update(&md5, plan->key.data, plan->key.len);
        ngx_md5_final(digest, &md5);

        ngx_hex_dump(plan->hex, digest, sizeof(digest));
    }

    value->data = plan->hex;
    value->len = sizeof(plan->hex);
}


NGX_HTTP_SMARTIMG_GET(recipe)
{
    if (line->ctx && !line->ctx->plan->failed && line->ctx->answered) {
        *value = line->ctx->plan->text;
    }
}


NGX_HTTP_SMARTIMG_GET(receipt)
{
    *value = line->receipt[data];

    if ((data == NGX_HTTP_SMARTIMG_SAVED || data == NGX_HTTP_SMARTIMG_TARGET
         || data == NGX_HTTP_SMARTIMG_SCORE)
        && !ngx_http_smartimg_is_number(value))
    {
        value->len = 0;
    }
}


NGX_HTTP_SMARTIMG_GET(outcome)
{
    const char  *word;

    if (line->ctx && line->ctx->refinement) {
        word = ngx_http_smartimg_refined_as(line->request,
                                            line->ctx->refinement);

        value->data = (u_char *) word;
        value->len = ngx_strlen(word);
    }
}


NGX_HTTP_SMARTIMG_GET(stage)
{
    if (line->ctx && line->ctx->rendered) {
        ngx_http_smartimg_print_number(line, line->ctx->stages.us[data],
                                       value);
    }
}


NGX_HTTP_SMARTIMG_GET(header)
{
    ngx_table_elt_t  *h;

    h = *(ngx_table_elt_t **) ((u_char *) line->request + data);

    if (h) {
        *value = h->value;
    }
}
