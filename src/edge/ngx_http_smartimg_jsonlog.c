
/*
 * The JSON log: one line a request, as the variable $smartimg_log.
 *
 * It is made once, when its request is logged, in a buffer that has room for
 * the longest line there can be, from the table of fields.  Refreshes and
 * refinements, which nginx would not log, have lines of their own: then the
 * times of their renderers are told, too.
 */

#include "ngx_http_smartimg_module.h"
#include "base/json.h"
#include "base/wire.h"


#define NGX_HTTP_SMARTIMG_FIELD_ROOM  64   /* name, punctuation, a number */


static void ngx_http_smartimg_begin_line(ngx_http_smartimg_line_t *line,
    ngx_http_request_t *r);
static void ngx_http_smartimg_read_receipt(ngx_http_smartimg_line_t *line,
    ngx_str_t *text);
static u_char *ngx_http_smartimg_write_field(u_char *p,
    ngx_http_smartimg_field_t *field, ngx_str_t *value);
static size_t ngx_http_smartimg_cut(ngx_str_t *value, size_t room);


/* the longest line */

static u_char  ngx_http_smartimg_buffer[
#define X(name, getter, data, room, help)                                     \
    NGX_HTTP_SMARTIMG_FIELD_ROOM + SI_JSON_ROOM(room) +
    NGX_HTTP_SMARTIMG_LOG_FIELDS(X)
#undef X
    SI_STAGE_COUNT * NGX_HTTP_SMARTIMG_FIELD_ROOM + sizeof("{}")];


ngx_int_t
ngx_http_smartimg_log_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                     *p;
    ngx_str_t                   value;
    ngx_http_smartimg_line_t    line;
    ngx_http_smartimg_field_t  *field;

    ngx_http_smartimg_begin_line(&line, r);

    if (line.identity == NULL) {
        return NGX_ERROR;
    }

    p = ngx_http_smartimg_buffer;
    *p++ = '{';

    for (field = ngx_http_smartimg_fields; field->get; field++) {
        ngx_str_null(&value);

        field->get(&line, field->data, &value);

        if (value.len) {
            p = ngx_http_smartimg_write_field(p, field, &value);
        }
    }

    p[-1] = '}';    /* in place of the last comma; there is always a time */

    v->len = p - ngx_http_smartimg_buffer;
    v->data = ngx_pnalloc(r->pool, v->len);

    if (v->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(v->data, ngx_http_smartimg_buffer, v->len);

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


/*
 * A refresh is answered by a subrequest, and its own request by what is stale;
 * one that no renderer answered has no reply.
 */

static void
ngx_http_smartimg_begin_line(ngx_http_smartimg_line_t *line,
    ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string(SI_HEADER_CHOICE);

    r = r->main;

    line->request = r;
    line->ctx = ngx_http_smartimg_get_ctx(r);
    line->identity = ngx_http_smartimg_identity(r);
    line->answer = line->ctx && line->ctx->nobody ? line->ctx->answered : r;

    ngx_memzero(line->receipt, sizeof(line->receipt));

    if (line->answer == NULL || line->ctx == NULL) {
        return;
    }

    h = ngx_http_smartimg_find_header(&line->answer->headers_out.headers,
                                      &name, NULL);

    if (h) {
        ngx_http_smartimg_read_receipt(line, &h->value);
    }
}


/* "format=avif; saved=1234; score=80.12; target=80.00; effort=fast" */

static void
ngx_http_smartimg_read_receipt(ngx_http_smartimg_line_t *line, ngx_str_t *text)
{
    si_str      rest, part, name;
    ngx_uint_t  i;

    static ngx_str_t  names[] = {
#define X(name, word)  ngx_string(word),
        NGX_HTTP_SMARTIMG_RECEIPT(X)
#undef X
    };

    rest.p = (const char *) text->data;
    rest.len = text->len;

    while (si_str_next(&rest, ';', &part)) {
        part = si_str_trim(part);

        if (!si_str_next(&part, '=', &name) || part.p == NULL) {
            continue;
        }

        for (i = 0; i < NGX_HTTP_SMARTIMG_RECEIPTS; i++) {

            if (name.len == names[i].len
                && ngx_memcmp(name.p, names[i].data, name.len) == 0)
            {
                line->receipt[i].data = (u_char *) part.p;
                line->receipt[i].len = part.len;
            }
        }
    }
}


static u_char *
ngx_http_smartimg_write_field(u_char *p, ngx_http_smartimg_field_t *field,
    ngx_str_t *value)
{
    si_str  text;

    p = ngx_cpymem(p, field->name.data, field->name.len);

    if (field->room == 0) {
        p = ngx_cpymem(p, value->data, value->len);

    } else {
        text.p = (const char *) value->data;
        text.len = ngx_http_smartimg_cut(value, field->room);

        p = (u_char *) si_json_write(text, (char *) p);
    }

    *p++ = ',';

    return p;
}


/* Not in the middle of a character, if it is one. */

static size_t
ngx_http_smartimg_cut(ngx_str_t *value, size_t room)
{
    ngx_uint_t  i;

    if (value->len <= room) {
        return value->len;
    }

    for (i = 0; i < 3 && (value->data[room] & 0xc0) == 0x80; i++) {
        room--;
    }

    return room;
}
