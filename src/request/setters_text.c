/* Section 4.5: text layers. */
#include "request/setters.h"

#include <math.h>

static si_text_ref *text(const si_command_target *s) {
    return &s->draft->layer.text;
}

/* text and textPs: layers.c reads the one that counts. */
si_result si_set_text(const si_command_target *s, si_str value) {
    (void)s, (void)value;
    return SI_OK;
}

si_result si_set_textAttr(const si_command_target *s, si_str value) {
    static const char *const aa[] = {"off", "norm", "crisp", "sharp", "strong", "smooth", NULL};
    static const char *const modes[] = {"fixedRes", "autoRes", "maxRes", NULL};
    static const char *const wraps[] = {"wrap", "noWrap", "nbWrap", NULL};
    si_str rest = value, part;
    int dpi = 72, antialias = 1, mode = 0, wrap = 0;
    if ((si_value_part(&rest, &part) && (!si_value_int(part, &dpi) || dpi <= 0)) ||
        (si_value_part(&rest, &part) && (antialias = si_value_keyword(part, aa)) < 0) ||
        (si_value_part(&rest, &part) && (mode = si_value_keyword(part, modes)) < 0) ||
        (si_value_part(&rest, &part) && (wrap = si_value_keyword(part, wraps)) < 0) ||
        rest.len > 0 || dpi > SI_TEXT_DPI_MAX) {
        return si_command_bad_value(s, value);
    }
    text(s)->dpi = dpi;
    text(s)->antialias = antialias;
    text(s)->resolution_mode = mode;
    text(s)->wrap = wrap;
    return SI_OK;
}

si_result si_set_textAngle(const si_command_target *s, si_str value) {
    double v;
    if (!si_value_real(value, &v)) {
        return si_command_bad_value(s, value);
    }
    text(s)->angle = si_canonical(fmod(v, SI_DEGREES_MAX)) + 0.0;
    return SI_OK;
}

si_result si_set_textPath(const si_command_target *s, si_str value) {
    return si_command_path_value(s, value, &text(s)->path);
}

si_result si_set_textFlowPath(const si_command_target *s, si_str value) {
    return si_command_path_value(s, value, &text(s)->flow_path);
}

si_result si_set_textFlowXPath(const si_command_target *s, si_str value) {
    return si_command_path_value(s, value, &text(s)->flow_xpath);
}

/* An end beyond 1 is for closed paths: once around and on. */
si_result si_set_pathAttr(const si_command_target *s, si_str value) {
    static const char *const ways[] = {"norm", "reverse", NULL};
    si_str rest = value, part;
    int way = 0;
    double start = 0, end = 1;
    if ((si_value_part(&rest, &part) && (way = si_value_keyword(part, ways)) < 0) ||
        (si_value_part(&rest, &part) && !si_value_real(part, &start)) ||
        (si_value_part(&rest, &part) && !si_value_real(part, &end)) || rest.len > 0 || start < 0 ||
        start >= 1 || end <= start || end > start + 1) {
        return si_command_bad_value(s, value);
    }
    text(s)->path_reverse = way == 1;
    text(s)->path_start = start;
    text(s)->path_end = end;
    return SI_OK;
}
