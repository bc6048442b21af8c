#include "plan/cost.h"

#include <math.h>
#include <strings.h>
#include <string.h>

/* Pixels per byte of an original whose size nobody has told: about a JPEG's at quality 85. */
static const double pixels_per_byte = 4;

/* The pixels of a picture's original are guessed within these bounds, megapixels. */
static const double least_original = 0.1, most_original = 50;

static const double unconverted = 1.0 / 3, drawn = 1.0 / 3, per_blur = 0.02, per_text = 0.2;
static const double per_megabyte = 0.2, per_megabyte_jpeg = 0.05, per_megabyte_moving = 3;

enum { NESTED_MAX = 32 }; /* deeper ones cost what they may */

static double cost_of_picture(const si_picture *p, double scale, bool moving, int depth);

static bool has_suffix(const char *path, const char *suffix) {
    size_t n = strlen(path), m = strlen(suffix);
    return n >= m && strcasecmp(path + n - m, suffix) == 0;
}

/* Megapixels of w × h, of which one may be free: then it is taken for a square. */
static double area(double w, double h) {
    return fmax(w > 0 ? w : h, 1) * fmax(h > 0 ? h : w, 1) / 1e6;
}

/* What layer 0's original has, megapixels. */
static double original_area(const si_picture *p) {
    const si_layer *l = &p->layers[0];
    double guess = (double)l->source.file.size * pixels_per_byte / 1e6;
    if (l->source.kind == SI_SOURCE_NESTED) {
        return least_original; /* its own cost has its pixels */
    }
    return fmin(fmax(guess, least_original), most_original);
}

/* The reply's megapixels, before the pixel ratio. */
static double reply_area(const si_picture *p) {
    const si_view *v = &p->view;
    const si_layer *l = &p->layers[0];
    double view = v->wid > 0 || v->hei > 0           ? area(v->wid, v->hei)
                  : l->size[0] > 0 || l->size[1] > 0 ? area(l->size[0], l->size[1])
                                                     : original_area(p);
    bool sized = v->wid > 0 || v->hei > 0 || v->scl > 0;
    if (!sized && (v->default_pix[0] > 0 || v->default_pix[1] > 0)) {
        view = fmin(view, area(v->default_pix[0], v->default_pix[1]));
    }
    if (v->has_rect && v->rect[2] > 0 && v->rect[3] > 0) {
        view = fmin(view, area(v->rect[2], v->rect[3]));
    }
    if (v->max_pix[0] > 0 || v->max_pix[1] > 0) {
        view = fmin(view, area(v->max_pix[0], v->max_pix[1]));
    }
    return view;
}

static double cost_of_source(const si_source *s, bool moving, int depth) {
    const char *path = s->file.path;
    double megabytes = (double)s->file.size / 1e6;
    switch (s->kind) {
    case SI_SOURCE_FILE:
        return megabytes * (moving && has_suffix(path, ".gif") ? per_megabyte_moving
                               : has_suffix(path, ".jpg") || has_suffix(path, ".jpeg")
                                   ? per_megabyte_jpeg
                                   : per_megabyte);
    case SI_SOURCE_NESTED:
        return cost_of_picture(s->nested, 1, false, depth + 1);
    case SI_SOURCE_URL:
        return SI_COST_FOREIGN;
    case SI_SOURCE_NONE:
        break;
    }
    return 0;
}

/* How often adjustments draw the pixels that they are made on, blurs included. */
static double passes(const si_adjustments *a) {
    double n = 1 + a->ops.blur * per_blur / drawn;
    for (int i = 0; i < a->effect_count; i++) {
        n += 1 + a->effects[i].blur * per_blur / drawn;
    }
    return n;
}

/* What a layer costs that is drawn on so many megapixels. */
static double cost_of_layer(const si_layer *l, double canvas) {
    bool turned = l->rotate != 0 || l->perspective.mode != SI_PERSPECTIVE_NONE;
    double text = l->kind == SI_LAYER_TEXT ? per_text : 0;
    return text + canvas * drawn * (passes(&l->adjustments) + turned);
}

/* All but the encoding. `scale`: pixel ratio of what is drawn. */
static double cost_of_picture(const si_picture *p, double scale, bool moving, int depth) {
    if (depth > NESTED_MAX) {
        return SI_COST_DEAR;
    }
    double canvas = reply_area(p) * scale * scale, cost = 0;
    for (int i = 0; i < p->layer_count; i++) {
        const si_layer *l = &p->layers[i];
        cost += l->hide ? 0 : cost_of_source(&l->source, moving, depth);
        cost += l->hide ? 0 : cost_of_source(&l->mask, false, depth);
        cost += l->hide || si_picture_is_simple(p) ? 0 : cost_of_layer(l, canvas);
    }
    return cost + (passes(&p->comp) - 1) * drawn * canvas;
}

static bool is_none(void *context, const si_file_ref *file) {
    (void)context, (void)file;
    return false;
}

bool si_cost_has_downloads(const si_recipe *r) {
    return !si_recipe_in_origins(r, is_none, NULL) || si_cost_has_foreign(r);
}

bool si_cost_has_foreign(const si_recipe *r) {
    return si_picture_is_foreign(&r->picture) ||
           (r->watermark != NULL && si_picture_is_foreign(&r->watermark->picture));
}

double si_cost_foresee(const si_recipe *r) {
    const si_picture *p = &r->picture;
    double scale = r->dpr > 0 ? r->dpr : 1;
    if (p->layer_count == 0) {
        return 0.1; /* a fact, or a set */
    }
    bool moving =
        r->format == SI_FORMAT_GIF || r->format == SI_FORMAT_WEBP || r->format == SI_FORMAT_AVIF;
    bool pixels = r->req == SI_REQ_IMG || r->req == SI_REQ_MASK;
    double encoding = pixels ? reply_area(p) * scale * scale * (r->smart ? 1 : unconverted) : 0;
    double cost = encoding + cost_of_picture(p, scale, moving, 0);
    if (r->watermark != NULL) {
        cost += cost_of_picture(&r->watermark->picture, 1, false, 0);
    }
    return fmax(cost, 0.01);
}
