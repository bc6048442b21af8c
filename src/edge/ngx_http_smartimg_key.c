
/*
 * Keys of the cache.
 */

#include "ngx_http_smartimg_module.h"
#include <openssl/sha.h>


#define NGX_HTTP_SMARTIMG_KEY_MAX 1024   /* of a recipe that is its own key */


static void ngx_http_smartimg_mark_key(ngx_http_smartimg_plan_t *plan);


/*
 * A cache file begins with its key, which each hit reads: long ones are
 * replaced by a digest, for which nobody can find a second recipe, and the
 * begin.
 */

void
ngx_http_smartimg_set_key(ngx_http_smartimg_plan_t *plan)
{
    u_char     *p, digest[SHA256_DIGEST_LENGTH];
    ngx_str_t   key;

    plan->key = plan->text;

    if (plan->plan.show != SI_SHOW_REPLY) {
        ngx_http_smartimg_mark_key(plan);
    }

    if (plan->key.len <= NGX_HTTP_SMARTIMG_KEY_MAX) {
        return;
    }

    p = si_arena_alloc(&plan->arena, NGX_HTTP_SMARTIMG_KEY_MAX);
    if (p == NULL) {
        return;
    }

    key = plan->key;
    plan->key.data = p;
    plan->key.len = NGX_HTTP_SMARTIMG_KEY_MAX;

    SHA256(key.data, key.len, digest);

    p = ngx_hex_dump(p, digest, sizeof(digest));
    ngx_memcpy(p, key.data, NGX_HTTP_SMARTIMG_KEY_MAX - 2 * sizeof(digest));
}


/*
 * What is shown in a reply's place has a key of its own: it is in no cache,
 * but that it was not ready in time says nothing of the reply.
 */

static void
ngx_http_smartimg_mark_key(ngx_http_smartimg_plan_t *plan)
{
    u_char      *p;
    const char  *word;

    word = si_show_word(plan->plan.show);

    p = si_arena_alloc(&plan->arena, ngx_strlen(word) + 1 + plan->text.len);
    if (p == NULL) {
        return;
    }

    plan->key.data = p;
    plan->key.len = ngx_sprintf(p, "%s %V", word, &plan->text) - p;
}
