/* Section 3: from the composite to the view. */
#include "request/setters.h"

#include "base/color.h"

si_result si_set_wid(const si_command_target *s, si_str value) {
    return si_command_int(s, value, &s->q->picture.view.wid);
}

si_result si_set_hei(const si_command_target *s, si_str value) {
    return si_command_int(s, value, &s->q->picture.view.hei);
}

si_result si_set_scl(const si_command_target *s, si_str value) {
    return si_command_real(s, value, &s->q->picture.view.scl);
}

si_result si_set_fit(const si_command_target *s, si_str value) {
    si_parts p = si_parts_of(s, value);
    int index = 0;
    bool upscale = false;
    (void)si_part_word(&p, &index);
    bool flagged = si_part_flag(&p, &upscale);
    if (p.wrong) {
        return si_command_bad_value(s, value);
    }
    s->q->picture.view.fit = (si_fit)index;
    s->q->picture.view.upscale = upscale;
    s->q->asked.fit_given = true;
    s->q->asked.fit_bare = !flagged;
    return SI_OK;
}

si_result si_set_align(const si_command_target *s, si_str value) {
    double v[2] = {0};
    si_result result = si_command_real(s, value, v);
    if (result == SI_OK) {
        memcpy(s->q->picture.view.align, v, sizeof v);
        s->q->asked.align_given = true;
    }
    return result;
}

si_result si_set_rgn(const si_command_target *s, si_str value) {
    int v[4] = {0};
    si_parts p = si_parts_of(s, value);
    (void)si_part_ints(&p, v);
    (void)si_part_ints(&p, v + 2);
    if (!si_parts_done(&p)) {
        return si_command_bad_value(s, value);
    }
    memcpy(s->q->picture.view.rgn, v, sizeof v);
    s->q->picture.view.has_rgn = true;
    return SI_OK;
}

si_result si_set_rect(const si_command_target *s, si_str value) {
    si_parts p = si_parts_of(s, value);
    int v[4] = {0};
    double scale = 1;
    (void)si_part_ints(&p, v);
    (void)si_part_ints(&p, v + 2);
    (void)si_part_reals(&p, &scale);
    if (!si_parts_done(&p)) {
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
    int index = -1;
    (void)si_command_word(s, value, &index);
    bool sharp = si_str_eq_nocase(value, SI_STR("sharp")); /* an old name of sharp2 */
    s->q->picture.view.resmode = index >= 0 ? (si_resmode)index
                                 : sharp    ? SI_RESMODE_SHARP2
                                            : (si_resmode)s->q->company->attributes.res_mode;
    return SI_OK;
}
