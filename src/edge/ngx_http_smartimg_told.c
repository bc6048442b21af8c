
/*
 * What a renderer tells of its answer, in headers of its reply: the step that
 * it took for those who wait, the times of its stages, its choice.
 */

#include "ngx_http_smartimg_module.h"
#include "base/load.h"
#include "base/wire.h"


static long ngx_http_smartimg_read_hundredths(ngx_str_t *text,
    const char *name);
static ngx_uint_t ngx_http_smartimg_read_field(ngx_str_t *text,
    const char *name, ngx_str_t *value);


/* Counts the step that a renderer says it took for those who wait. */

void
ngx_http_smartimg_note_load(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string(SI_HEADER_LOAD);

    if (r->upstream->headers_in.headers.size == 0) {
        return;
    }

    h = ngx_http_smartimg_find_header(&r->upstream->headers_in.headers, &name,
                                      NULL);

    if (h == NULL) {
        return;
    }

    switch (si_load_by_name((char *) h->value.data, h->value.len)) {

    case SI_LOAD_REFINEMENT:
        ngx_http_smartimg_count(load_refinement, 1);
        break;

    case SI_LOAD_QUICK:
        ngx_http_smartimg_count(load_quick, 1);
        break;

    case SI_LOAD_QUICK_FORMAT:
        ngx_http_smartimg_count(load_quick_format, 1);
        break;

    case SI_LOAD_REQUESTED:
        ngx_http_smartimg_count(load_requested, 1);
        break;

    case SI_LOAD_REFUSED:
        ngx_http_smartimg_count(full, 1);
        break;

    case SI_LOAD_IDLE:
        break;
    }
}


/*
 * Takes what a renderer says its time went into, into the request's context.
 * What the cache keeps of that is of another request, and not looked at.
 */

void
ngx_http_smartimg_note_stages(ngx_http_request_t *r)
{
    si_str                    text;
    ngx_table_elt_t          *h;
    ngx_http_smartimg_ctx_t  *ctx;

    static ngx_str_t  name = ngx_string(SI_HEADER_STAGES);

    ctx = ngx_http_smartimg_get_ctx(r);

    if (ctx == NULL || r->upstream->headers_in.headers.size == 0) {
        return;
    }

    ctx->answered = r;

    h = ngx_http_smartimg_find_header(&r->upstream->headers_in.headers, &name,
                                      NULL);

    if (h) {
        text.p = (const char *) h->value.data;
        text.len = h->value.len;

        ctx->rendered = si_stages_read(text, &ctx->stages);
    }

    if (h && ctx->rendered) {
#define X(name, word, text)                                                   \
        ngx_http_smartimg_observe(stage_##name, SI_BOUNDS_TIME,               \
                                  ctx->stages.us[SI_STAGE_##name]);
        SI_STAGES(X)
#undef X
    }
}


/*
 * What a renderer says of its choice, in its receipt; refreshes and
 * refinements count like first answers.
 */

void
ngx_http_smartimg_note_choice(ngx_http_request_t *r)
{
    long              n;
    si_tier           tier;
    si_format         format;
    ngx_str_t         field;
    ngx_table_elt_t  *h;

    static ngx_str_t  choice = ngx_string(SI_HEADER_CHOICE);
    static ngx_str_t  encodings = ngx_string(SI_HEADER_ENCODINGS);

    if (r->upstream->headers_in.headers.size == 0
        || r->headers_out.status != NGX_HTTP_OK)
    {
        return;
    }

    h = ngx_http_smartimg_find_header(&r->upstream->headers_in.headers,
                                      &choice, NULL);

    if (h == NULL || !ngx_http_smartimg_read_field(&h->value, "effort", &field))
    {
        return;
    }

    tier = si_tier_by_name((char *) field.data, field.len);

    if (!ngx_http_smartimg_read_field(&h->value, "format", &field)
        || !si_format_by_name((char *) field.data, field.len, &format))
    {
        return;
    }

    ngx_http_smartimg_count_series(SI_METRIC_ANSWERS, tier, format + 1, 0, 0,
                                   1);

    n = ngx_http_smartimg_read_hundredths(&h->value, "target");

    if (n != NGX_ERROR) {
        ngx_http_smartimg_observe(target, SI_BOUNDS_SCORE, n);
    }

    n = ngx_http_smartimg_read_hundredths(&h->value, "score");

    if (n != NGX_ERROR) {
        ngx_http_smartimg_observe(score, SI_BOUNDS_SCORE, n);
    }

    h = ngx_http_smartimg_find_header(&r->upstream->headers_in.headers,
                                      &encodings, NULL);

    n = h ? ngx_atoi(h->value.data, h->value.len) : NGX_ERROR;

    if (n != NGX_ERROR) {
        ngx_http_smartimg_observe(encodings, SI_BOUNDS_ENCODINGS, n);
    }
}


/* A number of the receipt; scores below 0 are 0, as good for a histogram. */

static long
ngx_http_smartimg_read_hundredths(ngx_str_t *text, const char *name)
{
    ngx_str_t  field;

    if (!ngx_http_smartimg_read_field(text, name, &field)) {
        return NGX_ERROR;
    }

    if (field.len && field.data[0] == '-') {
        return 0;
    }

    return ngx_atofp(field.data, field.len, 2);
}


/* The value of "name=value" in a list that semicolons part. */

static ngx_uint_t
ngx_http_smartimg_read_field(ngx_str_t *text, const char *name,
    ngx_str_t *value)
{
    size_t   len;
    u_char  *p, *end, *last;

    len = ngx_strlen(name);
    last = text->data + text->len;

    for (p = text->data; p < last; p = end + 1) {

        while (p < last && *p == ' ') {
            p++;
        }

        end = ngx_strlchr(p, last, ';');
        end = end ? end : last;

        if (end - p > (ssize_t) len && p[len] == '='
            && ngx_strncmp(p, name, len) == 0)
        {
            value->data = p + len + 1;
            value->len = end - value->data;

            return 1;
        }
    }

    return 0;
}
