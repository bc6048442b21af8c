/* Sections 4.1 to 4.4: what layers show, and where. */
#include "base/map_links.h"
#include "request/setters.h"

#include <math.h>

/* The second of two commands for one slot: cropN, mapA, op_usmR … */
static bool ends_with(const si_command_target *s, char letter) {
    return s->row->name.p[s->row->name.len - 1] == letter;
}

static si_unit unit_of(const si_command_target *s) {
    return ends_with(s, 'N') ? SI_UNIT_NORMALIZED : SI_UNIT_PIXELS;
}

/* ---- content ---- */

/* The last src=, text= or textPs= of a layer decides what it is: sources.c and layers.c. */
si_result si_set_src(const si_command_target *s, si_str value) {
    (void)s, (void)value;
    return SI_OK;
}

si_result si_set_mask(const si_command_target *s, si_str value) {
    (void)s, (void)value;
    return SI_OK;
}

si_result si_set_hide(const si_command_target *s, si_str value) {
    return si_command_flag(s, value, &s->draft->layer.hide);
}

si_result si_set_maskUse(const si_command_target *s, si_str value) {
    int index = 0;
    si_result result = si_command_word(s, value, &index);
    if (result == SI_OK) {
        *(s->effect != NULL ? &s->effect->effect.mask_use : &s->draft->layer.mask_use) =
            (si_mask_use)index;
    }
    return result;
}

si_result si_set_color(const si_command_target *s, si_str value) {
    si_paint paint;
    if (!si_value_paint(value, &paint)) {
        return si_command_bad_value(s, value);
    }
    if (s->effect != NULL) {
        s->effect->effect.color = paint;
        s->effect->has_color = true;
    } else {
        s->draft->layer.color = paint;
        s->draft->layer.has_color = true;
    }
    return SI_OK;
}

si_result si_set_bgColor(const si_command_target *s, si_str value) {
    return si_value_paint(value, &s->draft->layer.bg_color) ? SI_OK
                                                            : si_command_bad_value(s, value);
}

/* ---- geometry ---- */

/* crop and cropN share a slot; no size = the whole image (P7). */
si_result si_set_crop(const si_command_target *s, si_str value) {
    si_layer *l = &s->draft->layer;
    si_unit unit = unit_of(s);
    double v[4] = {0};
    si_parts p = si_parts_of(s, value);
    (void)si_part_reals(&p, v);
    (void)si_part_reals(&p, v + 2);
    if (!si_parts_done(&p)) {
        return si_command_bad_value(s, value);
    }
    for (int i = 0; unit == SI_UNIT_PIXELS && i < 4; i++) {
        v[i] = floor(v[i] + 0.5);
    }
    bool all = v[2] == 0 || v[3] == 0 ||
               (unit == SI_UNIT_NORMALIZED && v[0] == 0 && v[1] == 0 && v[2] == 1 && v[3] == 1);
    l->crop_unit = all ? SI_UNIT_NONE : unit;
    for (int i = 0; i < 4; i++) {
        l->crop[i] = all ? 0 : v[i];
    }
    return SI_OK;
}

si_result si_set_size(const si_command_target *s, si_str value) {
    si_parts p = si_parts_of(s, value);
    int v[2] = {0, 0};
    (void)si_part_ints(&p, v);
    if (p.wrong) {
        return si_command_bad_value(s, value);
    }
    si_layer *l = &s->draft->layer;
    memcpy(l->size, v, sizeof v);
    l->size_n[0] = l->size_n[1] = 0;
    s->draft->watermark_size[0] = s->draft->watermark_size[1] = 0;
    return SI_OK;
}

/* Relative to layer 0, so not for it, unless it is a watermark: then relative to what is marked. */
si_result si_set_sizeN(const si_command_target *s, si_str value) {
    double v[2] = {0};
    SI_TRY(si_command_real(s, value, v));
    bool base = s->draft->number <= 0;
    if (base && s->q->role != SI_ROLE_WATERMARK) {
        return si_fail(s->q->all->diag, SI_ERR_SYNTAX, "sizeN: layer 0 has no layer to refer to");
    }
    memcpy(base ? s->draft->watermark_size : s->draft->layer.size_n, v, sizeof v);
    s->draft->layer.size[0] = s->draft->layer.size[1] = 0;
    return SI_OK;
}

si_result si_set_scale(const si_command_target *s, si_str value) {
    return si_command_real(s, value, &s->draft->scale);
}

si_result si_set_res(const si_command_target *s, si_str value) {
    return si_command_real(s, value, &s->draft->res);
}

_Static_assert(SI_FLIP_LR == 1 && SI_FLIP_UD == 2, "flip's words count from 1");

si_result si_set_flip(const si_command_target *s, si_str value) {
    int index = 0;
    si_result result = si_command_word(s, value, &index);
    if (result == SI_OK) {
        s->draft->adjustments->flip = index + 1;
    }
    return result;
}

si_result si_set_rotate(const si_command_target *s, si_str value) {
    double v = 0;
    SI_TRY(si_command_real(s, value, &v));
    v = fmod(v, SI_DEGREES_MAX);
    v = si_canonical(v < 0 ? v + SI_DEGREES_MAX : v);
    s->draft->layer.rotate = v >= SI_DEGREES_MAX ? 0 : v + 0.0; /* no −0 */
    return SI_OK;
}

_Static_assert(SI_PERSPECTIVE_SUPER == SI_PERSPECTIVE_NEAREST + 2, "R1, R2, R3");

/* R1, R2, R3 or R3Tn; case counts here. */
static bool read_quality(const si_part *row, si_str text, si_perspective *out) {
    int index = si_words_find(row->words, text, false);
    if (index >= 0) {
        out->mode = (si_perspective_mode)(SI_PERSPECTIVE_NEAREST + index);
        return true;
    }
    si_str jitter = {text.p + 3, text.len - 3};
    out->mode = SI_PERSPECTIVE_SUPER;
    return text.len > 3 && si_str_starts(text, SI_STR("R3T")) &&
           si_value_int(jitter, &out->jitter) && out->jitter >= 0 && out->jitter <= SI_JITTER_MAX;
}

si_result si_set_perspective(const si_command_target *s, si_str value) {
    si_perspective p = {.mode = SI_PERSPECTIVE_SUPER, .normalized = ends_with(s, 'N')};
    si_parts parts = si_parts_of(s, value);
    si_str quality;
    (void)si_part_reals(&parts, p.v);
    if ((si_part_text(&parts, &quality) && !read_quality(&s->row->parts[1], quality, &p)) ||
        !si_parts_done(&parts)) {
        return si_command_bad_value(s, value);
    }
    s->draft->layer.perspective = p;
    return SI_OK;
}

si_result si_set_extend(const si_command_target *s, si_str value) {
    si_layer *l = &s->draft->layer;
    si_unit unit = unit_of(s);
    double v[4] = {0};
    SI_TRY(si_command_real(s, value, v));
    for (int i = 0; unit == SI_UNIT_PIXELS && i < 4; i++) {
        v[i] = floor(v[i] + 0.5);
    }
    bool none = v[0] == 0 && v[1] == 0 && v[2] == 0 && v[3] == 0;
    l->extend_unit = none ? SI_UNIT_NONE : unit;
    memcpy(l->extend, v, sizeof v);
    return SI_OK;
}

/* A component beyond ±2147483648 is an error (1.1), as are all beyond SI_NUMBER_MAX. */
static si_result set_point(const si_command_target *s, si_str value, si_point *out) {
    si_point p = {.unit = unit_of(s)};
    SI_TRY(si_command_real(s, value, p.v));
    for (int i = 0; p.unit == SI_UNIT_PIXELS && i < 2; i++) {
        p.v[i] = floor(p.v[i] + 0.5) + 0.0; /* P39: reals are rounded; no −0 */
    }
    *out = p;
    return SI_OK;
}

si_result si_set_anchor(const si_command_target *s, si_str value) {
    return set_point(s, value, &s->draft->layer.anchor);
}

si_result si_set_origin(const si_command_target *s, si_str value) {
    return set_point(s, value, &s->draft->layer.origin);
}

si_result si_set_pos(const si_command_target *s, si_str value) {
    return set_point(s, value, s->effect != NULL ? &s->effect->effect.pos : &s->draft->layer.pos);
}

/* ---- look ---- */

si_result si_set_opac(const si_command_target *s, si_str value) {
    si_parts p = si_parts_of(s, value);
    int v[2] = {0};
    (void)si_part_ints(&p, &v[0]);
    (void)si_part_ints(&p, &v[1]);
    if (p.wrong) {
        return si_command_bad_value(s, value);
    }
    if (s->effect != NULL) { /* whose own fill opacity is ignored */
        s->effect->effect.opac = v[0];
    } else {
        memcpy(s->draft->adjustments->opac, v, sizeof v);
    }
    return SI_OK;
}

si_result si_set_blendMode(const si_command_target *s, si_str value) {
    int index = 0;
    si_result result = si_command_word(s, value, &index);
    if (result == SI_OK) {
        *(s->effect != NULL ? &s->effect->effect.blend : &s->draft->layer.blend) = (si_blend)index;
    }
    return result;
}

si_result si_set_clipPath(const si_command_target *s, si_str value) {
    return si_command_path_value(s, value, &s->draft->adjustments->clip_path);
}

si_result si_set_clipXPath(const si_command_target *s, si_str value) {
    return si_command_path_value(s, value, &s->draft->adjustments->clip_xpath);
}

/* Names of embedded paths: ASCII (1.5). */
static si_result set_path_names(const si_command_target *s, si_str value, const char **out) {
    for (size_t i = 0; i < value.len; i++) {
        if ((unsigned char)value.p[i] < 0x20 || (unsigned char)value.p[i] > 0x7e) {
            return si_command_bad_value(s, value);
        }
    }
    return si_command_copy_value(s, value, out);
}

si_result si_set_clipPathE(const si_command_target *s, si_str value) {
    return set_path_names(s, value, &s->draft->adjustments->clip_path_e);
}

si_result si_set_clipXPathE(const si_command_target *s, si_str value) {
    return set_path_names(s, value, &s->draft->adjustments->clip_xpath_e);
}

si_result si_set_cropPathE(const si_command_target *s, si_str value) {
    return set_path_names(s, value, &s->draft->adjustments->crop_path);
}

/* Only for req=map; map wins over mapA. Empty = the layer has none. */
si_result si_set_map(const si_command_target *s, si_str value) {
    si_adjustments *adjustments = s->draft->adjustments;
    const char **map = ends_with(s, 'A') ? &adjustments->map_source : &adjustments->map;
    *map = si_map_links_copy(value, SI_MAP_OF_REQUEST, s->q->all->arena);
    return *map != NULL ? SI_OK : si_no_memory(s->q->all->diag);
}
