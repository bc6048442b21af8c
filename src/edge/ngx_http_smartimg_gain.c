
/*
 * What a refinement is worth.
 */

#include "ngx_http_smartimg_table.h"


/*
 * What a refinement saves, per mille of the bytes of an answer of the tier
 * below, and what processor time its choice costs, ms.  AVIF, and WebP's step
 * to "better": from quick and fast answers to the targets that "better" and
 * "best" are made for; the others: the table of docs/quality.md, as their
 * refinements get all at the first step.  Only ratios matter.
 */

typedef struct {
    ngx_uint_t   saves;
    ngx_uint_t   costs;
} ngx_http_smartimg_step_t;

typedef struct {
    ngx_str_t                  type;
    ngx_http_smartimg_step_t   quick_to_better;
    ngx_http_smartimg_step_t   fast_to_better;
    ngx_http_smartimg_step_t   better_to_best;
} ngx_http_smartimg_gain_t;


/* a search was not even tried, whatever it may find */
static ngx_http_smartimg_step_t  ngx_http_smartimg_from_requested =
                                                                { 250, 600 };

static ngx_http_smartimg_gain_t  ngx_http_smartimg_gains[] = {
    { ngx_string("image/avif"), { 140, 600 }, { 70, 600 }, { 50, 2500 } },
    { ngx_string("image/webp"), {  60, 600 }, { 30, 600 }, { 10, 1400 } },
    { ngx_string("image/jxl"),  {  60, 600 }, { 40, 600 }, { 20, 3700 } },
    { ngx_string("image/jpeg"), {  50, 500 }, { 25, 500 }, {  5,  500 } },

    /* any other: the first row that is not found by its type */
    { ngx_null_string,          {  15, 400 }, { 10, 400 }, {  5,  400 } }
};


ngx_uint_t
ngx_http_smartimg_format(ngx_str_t *type)
{
    ngx_uint_t                 i;
    ngx_http_smartimg_gain_t  *gain;

    for (i = 0; ngx_http_smartimg_gains[i].type.len; i++) {
        gain = &ngx_http_smartimg_gains[i];

        if (gain->type.len == type->len
            && ngx_strncmp(gain->type.data, type->data, type->len) == 0)
        {
            break;
        }
    }

    return i;
}


double
ngx_http_smartimg_worth(ngx_uint_t format, ngx_uint_t tier, ngx_uint_t hits,
    off_t bytes)
{
    ngx_http_smartimg_gain_t  *gain;
    ngx_http_smartimg_step_t  *step;

    gain = &ngx_http_smartimg_gains[format];

    if (tier == SI_TIER_REQUESTED) {
        step = &ngx_http_smartimg_from_requested;

    } else if (tier == SI_TIER_QUICK) {
        step = &gain->quick_to_better;

    } else if (tier < SI_TIER_BETTER) {
        step = &gain->fast_to_better;

    } else {
        step = &gain->better_to_best;
    }

    return (double) hits * bytes * step->saves / step->costs;
}
