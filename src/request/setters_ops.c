/* Section 5: operations. Strengths outside their range are clamped (P5). */
#include "request/setters.h"

#include "base/color.h"

static si_ops *ops(const si_command_target *s) {
    return &s->draft->adjustments->ops;
}

si_result si_set_op_brightness(const si_command_target *s, si_str value) {
    return si_command_int(s, value, &ops(s)->brightness);
}

si_result si_set_op_contrast(const si_command_target *s, si_str value) {
    return si_command_int(s, value, &ops(s)->contrast);
}

si_result si_set_op_hue(const si_command_target *s, si_str value) {
    return si_command_int(s, value, &ops(s)->hue);
}

si_result si_set_op_saturation(const si_command_target *s, si_str value) {
    return si_command_int(s, value, &ops(s)->saturation);
}

si_result si_set_op_colorBalance(const si_command_target *s, si_str value) {
    int v[3] = {0};
    si_result result = si_command_int(s, value, v);
    if (result == SI_OK) {
        memcpy(ops(s)->balance, v, sizeof v);
    }
    return result;
}

/* How many parts of a value belong to a colour that options follow: decimals, three of them for an
 * RGB colour, or one of hex digits. */
static size_t color_length(si_str value) {
    si_str rest = value, part;
    size_t len = 0;
    double ignored;
    for (int i = 0; i < 3 && si_str_next(&rest, ',', &part); i++) {
        si_str digits = si_str_trim(part);
        while (digits.len > 1 && strchr("rRsS", digits.p[digits.len - 1]) != NULL) {
            digits.len--; /* the suffix of the last one */
        }
        bool number = si_str_real(digits, &ignored);
        if (i > 0 && !number) {
            break;
        }
        len = (size_t)(part.p + part.len - value.p);
        if (i == 0 && (!number || part.len >= 6)) {
            break;
        }
    }
    return len;
}

_Static_assert(SI_COLORIZE_NORM == SI_COLORIZE_OFF + 1, "words of the mode");

si_result si_set_op_colorize(const si_command_target *s, si_str value) {
    si_color color;
    size_t len = color_length(value);
    si_str rest =
        len < value.len ? (si_str){value.p + len + 1, value.len - len - 1} : (si_str){NULL, 0};
    si_parts p = si_parts_from(s, rest, 1);
    int index = 0;
    double contrast = 0;
    (void)si_part_word(&p, &index);
    (void)si_part_reals(&p, &contrast);
    if (!si_color_parse((si_str){value.p, len}, &color) || color.type != SI_COLOR_RGB ||
        !si_parts_done(&p)) {
        return si_command_bad_value(s, value);
    }
    si_colorize mode = (si_colorize)(SI_COLORIZE_OFF + index);
    ops(s)->colorize = mode;
    ops(s)->colorize_rgb = si_color_rgb(&color);
    ops(s)->colorize_contrast = mode == SI_COLORIZE_OFF ? 0 : contrast;
    return SI_OK;
}

si_result si_set_op_invert(const si_command_target *s, si_str value) {
    return si_command_flag(s, value, &ops(s)->invert);
}

si_result si_set_op_blur(const si_command_target *s, si_str value) {
    return si_command_real(s, value, s->effect != NULL ? &s->effect->effect.blur : &ops(s)->blur);
}

si_result si_set_op_grow(const si_command_target *s, si_str value) {
    return si_command_int(s, value, s->effect != NULL ? &s->effect->effect.grow : &ops(s)->grow);
}

/* Both forms share a slot. */
si_result si_set_op_growMask(const si_command_target *s, si_str value) {
    si_result result = si_command_int(s, value, &ops(s)->grow_mask);
    bool raw = s->row->name.p[s->row->name.len - 1] == 'R';
    ops(s)->grow_mask_raw = raw && ops(s)->grow_mask != 0;
    return result;
}

si_result si_set_op_noise(const si_command_target *s, si_str value) {
    si_parts p = si_parts_of(s, value);
    int v = 0, kind = 0;
    bool mono = false;
    (void)si_part_ints(&p, &v);
    (void)si_part_word(&p, &kind);
    (void)si_part_flag(&p, &mono);
    if (!si_parts_done(&p)) {
        return si_command_bad_value(s, value);
    }
    bool gaussian = v > 0 && kind == 1;
    mono = v > 0 && mono;
    if (s->effect != NULL) {
        s->effect->effect.noise = v;
        s->effect->effect.noise_gaussian = gaussian;
        s->effect->effect.noise_mono = mono;
    } else {
        ops(s)->noise = v;
        ops(s)->noise_gaussian = gaussian;
        ops(s)->noise_mono = mono;
    }
    return SI_OK;
}

/* At comp it is the view that is sharpened (8.2). */
si_result si_set_op_sharpen(const si_command_target *s, si_str value) {
    bool view = s->draft->number < 0;
    bool *slot = view ? &s->q->picture.view.sharpen : &ops(s)->sharpen;
    return si_str_flag(value, slot) ? SI_OK : si_command_bad_value(s, value);
}

/* Both forms share a slot. At comp radii are taken as they are either way (P19). */
si_result si_set_op_usm(const si_command_target *s, si_str value) {
    si_parts p = si_parts_of(s, value);
    si_usm usm = {0};
    bool view = s->draft->number < 0;
    (void)si_part_reals(&p, &usm.amount);
    (void)si_part_reals(&p, &usm.radius);
    (void)si_part_ints(&p, &usm.threshold);
    (void)si_part_flag(&p, &usm.mono);
    if (!si_parts_done(&p)) {
        return si_command_bad_value(s, value);
    }
    usm.raw = !view && s->row->name.p[s->row->name.len - 1] == 'R';
    if (usm.amount == 0 || usm.radius == 0) {
        usm = (si_usm){0};
    }
    *(view ? &s->q->picture.view.usm : &ops(s)->usm) = usm;
    return SI_OK;
}
