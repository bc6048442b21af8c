/* What the tests of text layers share: fonts, and a text drawn with what can be read off it. Fonts
 * are those of the package fonts-dejavu-core; no sizes of its glyphs are assumed. Every test
 * program that includes this runs load_fonts and free_fonts around its tests. */
#ifndef SI_TESTS_TEXT_FIXTURE_H
#define SI_TESTS_TEXT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "render/text/text_layer.h"

/* ---- fonts ---- */

static struct {
    const char *face;
    const char *file;
    uint8_t *data;
    size_t len;
} fonts[] = {
    {"Sans", "DejaVuSans.ttf", NULL, 0},
    {"Bold", "DejaVuSans-Bold.ttf", NULL, 0},
    {"Serif", "DejaVuSerif.ttf", NULL, 0},
    {"Mono", "DejaVuSansMono.ttf", NULL, 0},
};

static inline int load_fonts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof fonts / sizeof *fonts; i++) {
        char path[200];
        snprintf(path, sizeof path, "/usr/share/fonts/truetype/dejavu/%s", fonts[i].file);
        FILE *f = fopen(path, "rb");
        if (f == NULL) {
            fprintf(stderr, "%s is missing; tools/setup --test installs it\n", path);
            return -1;
        }
        fonts[i].data = malloc(1 << 20);
        fonts[i].len = fread(fonts[i].data, 1, 1 << 20, f);
        fclose(f);
    }
    return 0;
}

static inline int free_fonts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof fonts / sizeof *fonts; i++) {
        free(fonts[i].data);
    }
    return 0;
}

/* The fonts of a text; bold and italic are always made up. */
static inline void find_fonts(const si_richtext *t, si_font_data out[SI_TEXT_MAX_FONTS]) {
    for (size_t i = 0; i < t->font_count; i++) {
        out[i] = (si_font_data){0};
        for (size_t k = 0; k < sizeof fonts / sizeof *fonts; k++) {
            if (si_str_eq(t->fonts[i].face, si_str_of(fonts[k].face))) {
                out[i].data = fonts[k].data;
                out[i].len = fonts[k].len;
            }
        }
        assert_non_null(out[i].data);
        out[i].embolden = t->fonts[i].bold;
        out[i].slant = t->fonts[i].italic;
    }
}

/* ---- rendering ---- */

typedef struct shown {
    si_arena arena;
    si_image im;
    si_text_metrics m;
    si_result code;
    si_diag diag;
    int ink[4]; /* x0, y0, x1, y1 of pixels with alpha ≥ 128; x1 = 0: none */
} shown;

static inline int alpha(const si_image *im, int x, int y) {
    return im->pixels[(size_t)y * im->stride + (size_t)x * 4 + 3];
}

static inline void find_ink(shown *s) {
    int *k = s->ink;
    k[0] = k[1] = 1 << 20;
    k[2] = k[3] = 0;
    for (int y = 0; y < s->im.height; y++) {
        for (int x = 0; x < s->im.width; x++) {
            if (alpha(&s->im, x, y) >= 128) {
                k[0] = x < k[0] ? x : k[0];
                k[1] = y < k[1] ? y : k[1];
                k[2] = x + 1 > k[2] ? x + 1 : k[2];
                k[3] = y + 1 > k[3] ? y + 1 : k[3];
            }
        }
    }
}

static const si_text_window WHOLE __attribute__((unused)) = {.scale = {1, 1}};

static inline shown draw(const char *rtf, si_richtext_mode mode, const si_text_style *style,
    const si_text_window *window) {
    shown s = {.code = SI_OK};
    si_richtext_options options = {.mode = mode, .default_font = SI_STR("Sans")};
    si_font_data data[SI_TEXT_MAX_FONTS];
    si_richtext t;
    if (si_richtext_parse(si_str_of(rtf), &options, &s.arena, &t, &s.diag) != SI_OK) {
        fail_msg("%s: %s", rtf, s.diag.text);
    }
    find_fonts(&t, data);
    s.code = si_text_render(&t, style, data, window, &s.im, &s.m, &s.diag);
    si_text_metrics measured;
    si_result measuring = si_text_measure(&t, style, data, &measured, NULL);
    if (s.code == SI_OK) {
        assert_int_equal(measuring, SI_OK);
        assert_int_equal(measured.width, s.m.width);
        assert_int_equal(measured.height, s.m.height);
        find_ink(&s);
    }
    si_arena_free(&s.arena);
    return s;
}

static inline shown show(const char *rtf, si_richtext_mode mode, double width, double height) {
    si_text_style style = {.width = width, .height = height};
    shown s = draw(rtf, mode, &style, &WHOLE);
    if (s.code != SI_OK) {
        fail_msg("%s: %s", rtf, s.diag.text);
    }
    return s;
}

static inline shown show_style(const char *rtf, si_richtext_mode mode, const si_text_style *style) {
    shown s = draw(rtf, mode, style, &WHOLE);
    if (s.code != SI_OK) {
        fail_msg("%s: %s", rtf, s.diag.text);
    }
    return s;
}

static inline void drop(shown *s) {
    si_image_free(&s->im);
}

/* Metrics alone. */
static inline si_text_metrics measure(
    const char *rtf, si_richtext_mode mode, double width, double height) {
    shown s = show(rtf, mode, width, height);
    drop(&s);
    return s.m;
}

static inline int width_of(const char *rtf) {
    return measure(rtf, SI_TEXT_PS, 0, 0).width;
}

static inline void near(double a, double b, double slack) {
    if (!(fabs(a - b) <= slack)) {
        fail_msg("%g is not %g ± %g", a, b, slack);
    }
}

static inline int ink_pixels(const shown *s, int x0, int y0, int x1, int y1) {
    int n = 0;
    for (int y = y0; y < y1; y++) {
        for (int x = x0; x < x1; x++) {
            n += alpha(&s->im, x, y) >= 128;
        }
    }
    return n;
}

#endif
