/* Section 5: operations. Strengths outside their range are clamped (P5). */
#include "request/setters.h"

#include "base/color.h"

static si_ops *ops(const si_command_target *s) {
    return &s->draft->adjustments->ops;
}

static si_result set_level(const si_command_target *s, si_str value, int most, int *out) {
    int v;
    if (!si_value_int(value, &v)) {
        return si_command_bad_value(s, value);
    }
    *out = si_clamp_int(v, -most, most);
    return SI_OK;
}

si_result si_set_op_brightness(const si_command_target *s, si_str value) {
    return set_level(s, value, SI_LEVEL_MAX, &ops(s)->brightness);
}

si_result si_set_op_contrast(const si_command_target *s, si_str value) {
    return set_level(s, value, SI_LEVEL_MAX, &ops(s)->contrast);
}

si_result si_set_op_hue(const si_command_target *s, si_str value) {
    return set_level(s, value, SI_HUE_MAX, &ops(s)->hue);
}

si_result si_set_op_saturation(const si_command_target *s, si_str value) {
    return set_level(s, value, SI_LEVEL_MAX, &ops(s)->saturation);
}

si_result si_set_op_colorBalance(const si_command_target *s, si_str value) {
    int v[3];
    if (!si_value_ints(value, v, 3)) {
        return si_command_bad_value(s, value);
    }
    for (int i = 0; i < 3; i++) {
        ops(s)->balance[i] = si_clamp_int(v[i], -SI_LEVEL_MAX, SI_LEVEL_MAX);
    }
    return SI_OK;
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

si_result si_set_op_colorize(const si_command_target *s, si_str value) {
    static const char *const modes[] = {"off", "norm", NULL};
    si_color color;
    size_t len = color_length(value);
    si_str rest =
        len < value.len ? (si_str){value.p + len + 1, value.len - len - 1} : (si_str){NULL, 0};
    si_str part;
    int mode = 1;
    double contrast = 0;
    if (!si_color_parse((si_str){value.p, len}, &color) || color.type != SI_COLOR_RGB ||
        (si_value_part(&rest, &part) && (mode = si_value_keyword(part, modes)) < 0) ||
        (si_value_part(&rest, &part) && !si_value_real(part, &contrast)) || rest.len > 0) {
        return si_command_bad_value(s, value);
    }
    ops(s)->colorize = mode == 0 ? SI_COLORIZE_OFF : SI_COLORIZE_NORM;
    ops(s)->colorize_rgb = si_color_rgb(&color);
    ops(s)->colorize_contrast = mode == 0 ? 0 : si_clamp_real(contrast, 0, SI_PERCENT_MAX);
    return SI_OK;
}

si_result si_set_op_invert(const si_command_target *s, si_str value) {
    return si_str_flag(value, &ops(s)->invert) ? SI_OK : si_command_bad_value(s, value);
}

si_result si_set_op_blur(const si_command_target *s, si_str value) {
    double v;
    if (!si_value_real(value, &v)) {
        return si_command_bad_value(s, value);
    }
    *(s->effect != NULL ? &s->effect->effect.blur : &ops(s)->blur) =
        si_clamp_real(v, 0, SI_BLUR_MAX);
    return SI_OK;
}

si_result si_set_op_grow(const si_command_target *s, si_str value) {
    return set_level(
        s, value, SI_LEVEL_MAX, s->effect != NULL ? &s->effect->effect.grow : &ops(s)->grow);
}

/* Both forms share a slot. */
si_result si_set_op_growMask(const si_command_target *s, si_str value) {
    si_result result = set_level(s, value, SI_LEVEL_MAX, &ops(s)->grow_mask);
    bool raw = s->row->name.p[s->row->name.len - 1] == 'R';
    ops(s)->grow_mask_raw = raw && ops(s)->grow_mask != 0;
    return result;
}

si_result si_set_op_noise(const si_command_target *s, si_str value) {
    static const char *const kinds[] = {"uniform", "gaussian", NULL};
    si_str rest = value, part;
    int v = 0, kind = 0;
    bool mono = false;
    if ((si_value_part(&rest, &part) && !si_value_int(part, &v)) ||
        (si_value_part(&rest, &part) && (kind = si_value_keyword(part, kinds)) < 0) ||
        (si_value_part(&rest, &part) && !si_str_flag(part, &mono)) || rest.len > 0) {
        return si_command_bad_value(s, value);
    }
    v = si_clamp_int(v, 0, SI_PERCENT_MAX);
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
    si_str rest = value, part;
    si_usm usm = {0};
    bool view = s->draft->number < 0;
    if ((si_value_part(&rest, &part) && !si_value_real(part, &usm.amount)) ||
        (si_value_part(&rest, &part) && !si_value_real(part, &usm.radius)) ||
        (si_value_part(&rest, &part) && !si_value_int(part, &usm.threshold)) ||
        (si_value_part(&rest, &part) && !si_str_flag(part, &usm.mono)) || rest.len > 0) {
        return si_command_bad_value(s, value);
    }
    usm.amount = si_clamp_real(usm.amount, 0, SI_USM_AMOUNT_MAX);
    usm.radius = si_clamp_real(usm.radius, 0, SI_USM_RADIUS_MAX);
    usm.threshold = si_clamp_int(usm.threshold, 0, SI_USM_THRESHOLD_MAX);
    usm.raw = !view && s->row->name.p[s->row->name.len - 1] == 'R';
    if (usm.amount == 0 || usm.radius == 0) {
        usm = (si_usm){0};
    }
    *(view ? &s->q->picture.view.usm : &ops(s)->usm) = usm;
    return SI_OK;
}
