/* Section 3: from the composite to the view. */
#include "request/setters.h"

#include "base/color.h"

static si_result set_side(const si_command_target *s, si_str value, int *out) {
    int v;
    if (!si_value_int(value, &v) || v <= 0) {
        return si_command_bad_value(s, value);
    }
    *out = v;
    return SI_OK;
}

si_result si_set_wid(const si_command_target *s, si_str value) {
    return set_side(s, value, &s->q->picture.view.wid);
}

si_result si_set_hei(const si_command_target *s, si_str value) {
    return set_side(s, value, &s->q->picture.view.hei);
}

si_result si_set_scl(const si_command_target *s, si_str value) {
    double v;
    if (!si_value_real(value, &v) || v <= 0) {
        return si_command_bad_value(s, value);
    }
    s->q->picture.view.scl = v;
    return SI_OK;
}

si_result si_set_fit(const si_command_target *s, si_str value) {
    static const char *const modes[] = {
        "fit", "constrain", "crop", "wrap", "stretch", "hfit", "vfit", NULL};
    si_str rest = value, mode, upscale;
    bool flag = false;
    int index = si_value_part(&rest, &mode) ? si_value_keyword(mode, modes) : -1;
    bool flagged = index >= 0 && si_value_part(&rest, &upscale);
    if (index < 0 || (flagged && !si_str_flag(upscale, &flag))) {
        return si_command_bad_value(s, value);
    }
    s->q->picture.view.fit = (si_fit)index;
    s->q->picture.view.upscale = flag;
    s->q->asked.fit_given = true;
    s->q->asked.fit_bare = !flagged;
    return SI_OK;
}

si_result si_set_align(const si_command_target *s, si_str value) {
    double v[2];
    if (!si_value_reals(value, v, 2)) {
        return si_command_bad_value(s, value);
    }
    s->q->picture.view.align[0] = si_clamp_real(v[0], -SI_ALIGN_MAX, SI_ALIGN_MAX);
    s->q->picture.view.align[1] = si_clamp_real(v[1], -SI_ALIGN_MAX, SI_ALIGN_MAX);
    s->q->asked.align_given = true;
    return SI_OK;
}

si_result si_set_rgn(const si_command_target *s, si_str value) {
    int v[4];
    if (!si_value_ints(value, v, 4) || v[2] <= 0 || v[3] <= 0) {
        return si_command_bad_value(s, value);
    }
    memcpy(s->q->picture.view.rgn, v, sizeof v);
    s->q->picture.view.has_rgn = true;
    return SI_OK;
}

si_result si_set_rect(const si_command_target *s, si_str value) {
    si_str rest = value, part;
    int v[4];
    double scale = 1;
    for (int i = 0; i < 4; i++) {
        if (!si_value_part(&rest, &part) || !si_value_int(part, &v[i])) {
            return si_command_bad_value(s, value);
        }
    }
    if ((si_value_part(&rest, &part) && (!si_value_real(part, &scale) || scale < SI_FACTOR_MIN)) ||
        rest.len > 0 || v[2] <= 0 || v[3] <= 0) {
        return si_command_bad_value(s, value);
    }
    si_view *view = &s->q->picture.view;
    memcpy(view->rect, v, sizeof v);
    view->rect_scale = scale;
    view->has_rect = true;
    return SI_OK;
}

/* Its alpha and the suffix s mean nothing here. */
si_result si_set_bgc(const si_command_target *s, si_str value) {
    si_color color;
    if (!si_color_parse(value, &color)) {
        return si_command_bad_value(s, value);
    }
    s->q->recipe->bgc = si_color_rgb(&color);
    s->q->asked.bgc_given = true;
    return SI_OK;
}

/* An unknown name means the company's kernel (P25). */
si_result si_set_resMode(const si_command_target *s, si_str value) {
    static const char *const modes[] = {"bilin", "bicub", "sharp2", "bisharp", "sharp", NULL};
    int index = si_value_keyword(value, modes);
    s->q->picture.view.resmode = index < 0    ? (si_resmode)s->q->company->attributes.res_mode
                                 : index == 4 ? SI_RESMODE_SHARP2
                                              : (si_resmode)index;
    return SI_OK;
}
