
/*
 * Fields of heads: finding and adding one.
 */

#include "ngx_http_smartimg_module.h"


/*
 * Returns the next header of a name behind one that was found before, or the
 * first if that is NULL, or NULL if there is none.  Headers that are not sent
 * (hash 0) do not count.
 */

ngx_table_elt_t *
ngx_http_smartimg_find_header(ngx_list_t *headers, ngx_str_t *name,
    ngx_table_elt_t *after)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &headers->part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (after) {
                if (&h[i] == after) {
                    after = NULL;
                }

                continue;
            }

            if (h[i].hash
                && h[i].key.len == name->len
                && ngx_strncasecmp(h[i].key.data, name->data, name->len) == 0)
            {
                return &h[i];
            }
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_smartimg_add_header(ngx_http_request_t *r, ngx_str_t *key,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key = *key;
    h->value = *value;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    return NGX_OK;
}
