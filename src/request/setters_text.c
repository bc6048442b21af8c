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
    si_parts p = si_parts_of(s, value);
    int dpi = 0, antialias = 0, mode = 0, wrap = 0;
    (void)si_part_ints(&p, &dpi);
    (void)si_part_word(&p, &antialias);
    (void)si_part_word(&p, &mode);
    (void)si_part_word(&p, &wrap);
    if (!si_parts_done(&p)) {
        return si_command_bad_value(s, value);
    }
    text(s)->dpi = dpi;
    text(s)->antialias = antialias;
    text(s)->resolution_mode = mode;
    text(s)->wrap = wrap;
    return SI_OK;
}

si_result si_set_textAngle(const si_command_target *s, si_str value) {
    double v = 0;
    si_result result = si_command_real(s, value, &v);
    if (result == SI_OK) {
        text(s)->angle = si_canonical(fmod(v, SI_DEGREES_MAX)) + 0.0;
    }
    return result;
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
    si_parts p = si_parts_of(s, value);
    int way = 0;
    double start = 0, end = 0;
    (void)si_part_word(&p, &way);
    (void)si_part_reals(&p, &start);
    (void)si_part_reals(&p, &end);
    if (!si_parts_done(&p) || end <= start || end > start + 1) {
        return si_command_bad_value(s, value);
    }
    text(s)->path_reverse = way == 1;
    text(s)->path_start = start;
    text(s)->path_end = end;
    return SI_OK;
}
