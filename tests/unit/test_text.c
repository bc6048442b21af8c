/* Layout of text layers: facts that can be read off sizes and pixels. */
#include "text_fixture.h"

/* ---- self-sizing text ---- */

static void test_self_sizing(void **state) {
    (void)state;
    shown s = show("\\fs60 HHH", SI_TEXT_NORM, 0, 0);
    assert_true(s.m.has_origin);
    assert_int_equal(s.m.lines, 1);
    assert_int_equal(s.im.width, s.m.width);
    /* H stands on the baseline, which is where the origin lies */
    assert_int_equal(s.ink[3], (int)s.m.origin[1]);
    near(s.m.origin[1], s.m.baseline, 0.01);
    near(s.m.origin[0], 0, 1);
    drop(&s);
    /* no wrapping, however long */
    s = show("one two three four five six seven eight nine ten \\line two\\par three", SI_TEXT_NORM,
        0, 0);
    assert_int_equal(s.m.lines, 3);
    drop(&s);
}

static void test_origin_by_alignment(void **state) {
    (void)state;
    si_text_metrics l = measure("\\ql HHHH\\par HH", SI_TEXT_NORM, 0, 0);
    si_text_metrics c = measure("\\qc HHHH\\par HH", SI_TEXT_NORM, 0, 0);
    si_text_metrics r = measure("\\qr HHHH\\par HH", SI_TEXT_NORM, 0, 0);
    near(l.origin[0], 0, 1);
    near(c.origin[0], c.width / 2.0, 1);
    near(r.origin[0], r.width, 1);
    near(l.width, r.width, 1);
}

static void test_two_justifications(void **state) {
    (void)state;
    si_text_style style = {0};
    shown s = draw("\\ql a\\par\\qr b", SI_TEXT_NORM, &style, &WHOLE);
    assert_int_equal(s.code, SI_ERR_RANGE);
    assert_non_null(strstr(s.diag.text, "justifications"));
    style.width = 100;
    s = draw("\\ql a\\par\\qr b", SI_TEXT_NORM, &style, &WHOLE);
    assert_int_equal(s.code, SI_OK);
    drop(&s);
}

static void test_nothing(void **state) {
    (void)state;
    si_text_metrics m = measure("", SI_TEXT_NORM, 0, 0);
    assert_int_equal(m.width, 1);
    assert_int_equal(m.height, 1);
    m = measure("", SI_TEXT_PS, 40, 30);
    assert_int_equal(m.width, 40);
    assert_int_equal(m.height, 30);
    shown s = show("   ", SI_TEXT_NORM, 50, 20);
    assert_int_equal(s.ink[2], 0);
    drop(&s);
}

static void test_sizes_are_proportional(void **state) {
    (void)state;
    int one = width_of("\\fs80 mmmm"), two = width_of("\\fs160 mmmm");
    near(two, 2 * one, 2);
    near(width_of("\\fs80 mmmmmmmm"), 2 * one, 2);
    si_text_style style = {.dpi = 144};
    shown s = show_style("\\fs80 mmmm", SI_TEXT_PS, &style);
    near(s.m.width, two, 1);
    drop(&s);
}

/* ---- boxes ---- */

static void test_wrap(void **state) {
    (void)state;
    const char *rtf = "\\fs40 alpha beta gamma";
    double word = width_of("\\fs40 gamma") + 3;
    si_text_style style = {.width = word, .height = 300};
    shown s = show_style(rtf, SI_TEXT_NORM, &style);
    assert_int_equal(s.m.lines, 3);
    assert_false(s.m.clipped);
    assert_int_equal(s.im.width, (int)(word + 0.5));
    drop(&s);
    /* a word too long for its line is broken, or with nbWrap is not */
    style.width = word / 2;
    s = show_style(rtf, SI_TEXT_NORM, &style);
    assert_true(s.m.lines > 4);
    drop(&s);
    style.wrap = SI_TEXT_WORD_WRAP;
    s = show_style(rtf, SI_TEXT_NORM, &style);
    assert_int_equal(s.m.lines, 3);
    drop(&s);
    style.wrap = SI_TEXT_NO_WRAP;
    s = show_style(rtf, SI_TEXT_NORM, &style);
    assert_int_equal(s.m.lines, 1);
    drop(&s);
    /* textPs= always wraps */
    s = show_style(rtf, SI_TEXT_PS, &style);
    assert_true(s.m.lines > 4);
    drop(&s);
}

static void test_break_characters(void **state) {
    (void)state;
    double w = width_of("\\fs40 aaaa bb");
    assert_int_equal(measure("\\fs40 aaaa bb cc", SI_TEXT_PS, w + 1, 0).lines, 2);
    /* no-break spaces keep it together: no place but inside the word */
    shown free_space = show("\\fs40 aaaa bb cc", SI_TEXT_NORM, w + 1, 0);
    shown bound = show("\\fs40 aaaa bb\\~cc", SI_TEXT_NORM, w + 1, 0);
    assert_true(bound.ink[2] < free_space.ink[2]);
    drop(&free_space);
    drop(&bound);
    /* a soft hyphen shows where the line breaks, and only there */
    shown soft = show("\\fs40 mmmm\\-mmmm", SI_TEXT_NORM, width_of("\\fs40 mmmmm"), 0);
    shown hard = show("\\fs40 mmmm-\\line mmmm", SI_TEXT_NORM, width_of("\\fs40 mmmmm"), 0);
    assert_int_equal(soft.m.lines, 2);
    assert_int_equal(soft.ink[2], hard.ink[2]);
    drop(&soft);
    drop(&hard);
    near(width_of("mm\\-mm"), width_of("mmmm"), 0);
    /* and it needs its room */
    soft = show("\\fs40 mm\\-mm\\-mm", SI_TEXT_PS, width_of("\\fs40 mmmm"), 0);
    int first = (int)soft.m.baseline;
    assert_int_equal(ink_pixels(&soft, width_of("\\fs40 mm-"), 0, soft.im.width, first), 0);
    drop(&soft);
}

static void test_height_follows(void **state) {
    (void)state;
    si_text_metrics one = measure("\\fs40 a", SI_TEXT_NORM, 200, 0);
    si_text_metrics three = measure("\\fs40 a\\par b\\par c", SI_TEXT_NORM, 200, 0);
    assert_int_equal(one.width, 200);
    assert_false(one.has_origin);
    near(three.height, 3 * one.height, 3);
    /* Photoshop's leading is 1.2 em */
    one = measure("\\fs40 a", SI_TEXT_PS, 200, 0);
    three = measure("\\fs40 a\\par b\\par c", SI_TEXT_PS, 200, 0);
    near(three.height - one.height, 2 * 24, 1);
}

static void test_overflow(void **state) {
    (void)state;
    const char *rtf = "\\fs40 HHH\\par HHH\\par HHH";
    double line = measure("\\fs40 H\\par H", SI_TEXT_PS, 200, 0).height / 2.0;
    shown ps = show(rtf, SI_TEXT_PS, 200, floor(line * 2.5));
    assert_int_equal(ps.m.lines, 2);
    assert_true(ps.m.clipped);
    assert_true(ps.ink[3] < ps.im.height - 5);
    drop(&ps);
    /* text= cuts the last line at the edge of the box */
    shown norm = show(rtf, SI_TEXT_NORM, 200, 62);
    assert_int_equal(norm.m.lines, 3);
    assert_true(norm.m.clipped);
    assert_int_equal(norm.ink[3], 62);
    drop(&norm);
}

static void test_kept_inside(void **state) {
    (void)state;
    /* a slanted J hangs over to the left, a slanted f to the right */
    shown norm = show("{\\fonttbl{\\f0 Serif;}}\\fs160\\i j", SI_TEXT_NORM, 200, 150);
    shown ps = show("{\\fonttbl{\\f0 Serif;}}\\fs160\\i j", SI_TEXT_PS, 200, 150);
    assert_true(ink_pixels(&norm, 0, 0, 200, 150) > ink_pixels(&ps, 0, 0, 200, 150));
    drop(&norm);
    drop(&ps);
}

static void test_vertical_alignment(void **state) {
    (void)state;
    shown t = show("\\fs40 H", SI_TEXT_PS, 100, 200);
    shown c = show("\\vertalc\\fs40 H", SI_TEXT_PS, 100, 200);
    shown b = show("\\vertalb\\fs40 H", SI_TEXT_PS, 100, 200);
    assert_true(t.ink[3] < 40);
    near(c.ink[3] - t.ink[3], (b.ink[3] - t.ink[3]) / 2.0, 1);
    assert_true(b.ink[3] > 170);
    drop(&t);
    drop(&c);
    drop(&b);
}

static void test_horizontal_alignment(void **state) {
    (void)state;
    shown l = show("\\fs40 H", SI_TEXT_NORM, 200, 50);
    shown c = show("\\qc\\fs40 H", SI_TEXT_NORM, 200, 50);
    shown r = show("\\qr\\fs40 H", SI_TEXT_NORM, 200, 50);
    assert_true(l.ink[0] < 5);
    near(c.ink[0] + c.ink[2], 200, 2);
    near(r.ink[2], 200 - l.ink[0], 1);
    drop(&l);
    drop(&c);
    drop(&r);
}

static const char LONG_TEXT[] = "HHH HHH HH HHHH H HHH HHHHH HH HHH H HHHH HH H HHH HH";

static void test_justify(void **state) {
    (void)state;
    char rtf[200];
    snprintf(rtf, sizeof rtf, "\\qj\\lastqr\\fs30 %s", LONG_TEXT);
    shown s = show(rtf, SI_TEXT_PS, 203, 0);
    assert_true(s.m.lines >= 3);
    for (int i = 0; i < s.m.lines; i++) { /* every line ends at the right edge; 1.2 × 15 = 18 */
        int y = (int)s.m.baseline + 18 * i - 5;
        assert_true(ink_pixels(&s, 198, y, 203, y + 4) > 0);
        bool left = ink_pixels(&s, 0, y, 5, y + 4) > 0;
        assert_int_equal(left, i + 1 < s.m.lines);
    }
    drop(&s);
}

static void test_margins_and_indents(void **state) {
    (void)state;
    shown s = show("\\fs40 H", SI_TEXT_PS, 200, 100);
    shown m = show("\\margl400\\margt200\\fs40 H", SI_TEXT_PS, 200, 100); /* 20, 10 points */
    near(m.ink[0] - s.ink[0], 20, 0);
    near(m.ink[1] - s.ink[1], 10, 0);
    drop(&m);
    m = show("\\margr400\\margb200\\vertalb\\qr\\fs40 H", SI_TEXT_PS, 200, 100);
    drop(&s);
    s = show("\\vertalb\\qr\\fs40 H", SI_TEXT_PS, 200, 100);
    near(s.ink[2] - m.ink[2], 20, 0);
    near(s.ink[3] - m.ink[3], 10, 0);
    drop(&m);
    drop(&s);
    s = show("\\li600\\fi200\\fs40 H\\line H", SI_TEXT_PS, 200, 100);
    shown plain = show("\\fs40 H", SI_TEXT_PS, 200, 100);
    int baseline = (int)s.m.baseline;
    near(s.ink[0] - plain.ink[0], 30, 0);
    assert_int_equal(ink_pixels(&s, 0, 0, 40 + plain.ink[0] - 1, baseline), 0);
    drop(&s);
    s = show("\\ri600\\qr\\fs40 H", SI_TEXT_PS, 200, 100);
    assert_true(s.ink[2] <= 170);
    drop(&s);
    drop(&plain);
    /* margins that leave nothing */
    s = show("\\margl4000\\margr4000 H", SI_TEXT_PS, 200, 100);
    assert_int_equal(s.ink[2], 0);
    assert_true(s.m.clipped);
    drop(&s);
}

static void test_line_spacing(void **state) {
    (void)state;
    static const struct {
        const char *spacing;
        int distance; /* between two baselines, pixels */
    } list[] = {
        {"\\sl-800", 40},        /* exactly 40 points */
        {"\\sl800", 40},         /* at least 40 */
        {"\\sl-100", 5},         /* exactly 5: lines overlap */
        {"\\sl480\\slmult1", 0}, /* twice what 240 is */
        {"\\sl100", 0},          /* at least 5: nothing changes */
    };
    for (int ps = 0; ps < 2; ps++) {
        si_richtext_mode mode = ps ? SI_TEXT_PS : SI_TEXT_NORM;
        shown one = show("\\fs40 H", mode, 100, 200),
              usual = show("\\fs40 H\\line H", mode, 100, 200);
        int single = usual.ink[3] - one.ink[3];
        for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
            char rtf[100];
            snprintf(rtf, sizeof rtf, "%s\\fs40 H\\line H", list[i].spacing);
            shown s = show(rtf, mode, 100, 200);
            int wanted = i == 3 ? 2 * single : i == 4 ? single : list[i].distance;
            near(s.ink[3] - s.m.baseline, wanted, 1.01);
            drop(&s);
        }
        drop(&one);
        drop(&usual);
    }
}

static void test_space_around_paragraphs(void **state) {
    (void)state;
    const char *plain = "\\fs40 H\\par H", *spaced = "\\sb200\\sa100\\fs40 H\\par H";
    /* text= keeps the space before the first and after the last paragraph, textPs= does not */
    near(measure(spaced, SI_TEXT_NORM, 100, 0).height - measure(plain, SI_TEXT_NORM, 100, 0).height,
        30, 1);
    near(measure(spaced, SI_TEXT_PS, 100, 0).height - measure(plain, SI_TEXT_PS, 100, 0).height, 15,
        1);
}

/* ---- characters ---- */

static void test_letter_spacing_and_scale(void **state) {
    (void)state;
    int plain = width_of("\\fs40 mmmm");
    near(width_of("\\expnd40\\fs40 mmmm"), plain + 40, 1);
    near(width_of("\\expndtw-20\\fs40 mmmm"), plain - 4, 1);
    near(width_of("\\charscalex200\\fs40 mmmm"), 2 * plain, 2);
    shown a = show("\\fs80 H", SI_TEXT_PS, 0, 0),
          b = show("\\charscaley50\\fs80 H", SI_TEXT_PS, 0, 0);
    near(b.ink[3] - b.ink[1], (a.ink[3] - a.ink[1]) / 2.0, 1);
    near(b.m.width, a.m.width, 1);
    drop(&a);
    drop(&b);
}

static void test_caps(void **state) {
    (void)state;
    assert_int_equal(width_of("\\caps\\fs40 hello"), width_of("\\fs40 HELLO"));
    assert_int_equal(width_of("\\caps\\fs40 stra\\'dfe"), width_of("\\fs40 STRASSE"));
    near(width_of("\\scaps\\fs200 hello"), 0.7 * width_of("\\fs200 HELLO"), 2);
    assert_int_equal(width_of("\\scaps\\fs40 HELLO"), width_of("\\fs40 HELLO"));
}

static void test_kerning(void **state) {
    (void)state;
    assert_true(width_of("\\kerning0\\fs80 AVAVAV") > width_of("\\fs80 AVAVAV") + 5);
}

static void test_rise_and_scripts(void **state) {
    (void)state;
    shown plain = show("\\fs160 HH", SI_TEXT_PS, 300, 200);
    shown up = show("\\fs160 H\\dn20 H", SI_TEXT_PS, 300, 200);
    near(up.ink[3] - plain.ink[3], 10, 0);
    drop(&up);
    shown sub = show("\\fs160 H\\sub H", SI_TEXT_PS, 300, 200);
    shown super = show("\\fs160 H\\super H", SI_TEXT_PS, 300, 200);
    near(sub.ink[3] - plain.ink[3], 0.333 * 80, 1);
    assert_int_equal(super.ink[3], plain.ink[3]);
    assert_true(super.ink[1] < plain.ink[1]);
    assert_true(super.ink[2] < plain.ink[2] - 3);
    drop(&plain);
    drop(&sub);
    drop(&super);
}

static void test_colors(void **state) {
    (void)state;
    shown s = show("{\\colortbl;\\red250\\green10\\blue20;}{\\*\\iscolortbl;;0x0000ff80;}"
                   "\\fs200\\charscalex400\\cf1 l\\cf2 l",
        SI_TEXT_PS, 0, 0);
    int y = (s.ink[1] + s.ink[3]) / 2, solid = 0, half = 0;
    for (int x = 0; x < s.im.width; x++) {
        const uint8_t *p = s.im.pixels + (size_t)y * s.im.stride + (size_t)x * 4;
        solid += p[0] == 250 && p[1] == 10 && p[2] == 20 && p[3] == 255;
        half += p[0] == 0 && p[1] == 0 && p[2] == 255 && p[3] == 128;
    }
    assert_true(solid > 10);
    assert_true(half > 10);
    drop(&s);
}

static void test_underlines(void **state) {
    (void)state;
    static const struct {
        const char *rtf;
        double least, most; /* ink below the baseline, as part of what `ul` has */
    } list[] = {
        {"\\uldb", 1.8, 2.2},
        {"\\ulth", 1.7, 2.3},
        {"\\uld", 0.35, 0.65},
        {"\\uldash", 0.55, 0.8},
        {"\\ulw", 0.7, 0.97},
        {"\\ulwave", 0.7, 2.5},
        {"\\ulnone", 0, 0},
    };
    shown s = show("\\fs400\\ul HHH HHH", SI_TEXT_PS, 0, 0);
    int base = (int)s.m.baseline;
    double whole = ink_pixels(&s, 0, base, s.im.width, s.im.height);
    assert_true(whole > s.im.width);
    /* it runs from end to end */
    assert_true(ink_pixels(&s, 0, base, 2, s.im.height) > 0);
    assert_true(ink_pixels(&s, s.im.width - 3, base, s.im.width, s.im.height) > 0);
    drop(&s);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        char rtf[60];
        snprintf(rtf, sizeof rtf, "\\fs400%s HHH HHH", list[i].rtf);
        s = show(rtf, SI_TEXT_PS, 0, 0);
        double part = ink_pixels(&s, 0, (int)s.m.baseline, s.im.width, s.im.height) / whole;
        if (part < list[i].least || part > list[i].most) {
            fail_msg("%s: %g of the ink of \\ul", list[i].rtf, part);
        }
        drop(&s);
    }
}

static void test_made_up_styles(void **state) {
    (void)state;
    shown plain = show("\\fs200 l", SI_TEXT_PS, 0, 0),
          bold = show("\\fs200\\b l", SI_TEXT_PS, 0, 0);
    shown italic = show("\\fs200\\i l", SI_TEXT_PS, 0, 0);
    int w = plain.ink[2] - plain.ink[0];
    near(bold.ink[2] - bold.ink[0], w + 100 / 32.0, 1.01);
    near(italic.ink[2] - italic.ink[0], w + 0.2 * (italic.ink[3] - italic.ink[1]), 2);
    drop(&plain);
    drop(&bold);
    drop(&italic);
    /* strokes that grow push the next letter on */
    near(width_of("\\fs200\\b mmmmmmmm") - width_of("\\fs200 mmmmmmmm"), 8 * 100 / 32.0, 2);
}

static void test_direction(void **state) {
    (void)state;
    /* a full stop after Latin letters stands at the left in a right-to-left paragraph */
    shown ltr = show("\\ltrch\\fs80 HH.", SI_TEXT_NORM, 200, 60);
    shown rtl = show("\\rtlch\\fs80 HH.", SI_TEXT_NORM, 200, 60);
    int top = (int)ltr.m.baseline - 20, mid = (int)ltr.m.baseline;
    assert_true(ink_pixels(&ltr, 0, top, ltr.ink[0] + 3, mid - 8) > 0);
    assert_int_equal(ink_pixels(&rtl, 0, top, rtl.ink[0] + 3, mid - 8), 0);
    drop(&ltr);
    drop(&rtl);
    /* Hebrew needs no word: its first letter is the rightmost. Yod is the narrowest letter, above
     * the baseline; final kaf goes below it. */
    shown hebrew = show("\\fs80\\u1497?\\u1498?", SI_TEXT_NORM, 200, 80);
    int below = (int)hebrew.m.baseline + 2, middle = (hebrew.ink[0] + hebrew.ink[2]) / 2;
    assert_true(ink_pixels(&hebrew, 0, below, middle + 5, 80) > 0);
    assert_int_equal(ink_pixels(&hebrew, middle + 5, below, 200, 80), 0);
    drop(&hebrew);
}

/* ---- fitting ---- */

static void test_copyfit(void **state) {
    (void)state;
    const char *text = "Fit me in this box";
    char rtf[100];
    snprintf(rtf, sizeof rtf, "\\fs20\\copyfit400 %s", text);
    shown s = show(rtf, SI_TEXT_PS, 300, 100);
    assert_false(s.m.clipped);
    assert_true(s.m.scale > 2 && s.m.scale < 20);
    assert_true(s.ink[3] > 60);
    drop(&s);
    /* never beyond the largest size, never below the smallest */
    si_text_metrics m = measure("\\fs20\\copyfit40 x", SI_TEXT_PS, 300, 100);
    near(m.scale, 2, 1e-9);
    m = measure("\\fs200\\copyfit300 much too long for it", SI_TEXT_PS, 100, 100);
    near(m.scale, 1, 1e-9);
    assert_true(m.clipped);
    m = measure("\\fs20\\copyfit20 x", SI_TEXT_PS, 300, 100);
    near(m.scale, 1, 1e-9);
    /* unknown to text= */
    near(measure("\\fs20\\copyfit40 x", SI_TEXT_NORM, 300, 100).scale, 1, 1e-9);
}

static void test_copyfit_lines(void **state) {
    (void)state;
    const char *text = "one two three four five six seven eight nine ten";
    char rtf[200];
    snprintf(rtf, sizeof rtf, "\\copyfitlines2\\fs20\\copyfit400 %s", text);
    si_text_metrics m = measure(rtf, SI_TEXT_PS, 200, 300);
    assert_int_equal(m.lines, 2);
    /* the smallest size may take more lines */
    snprintf(rtf, sizeof rtf, "\\copyfitlines2\\fs60\\copyfit400 %s", text);
    m = measure(rtf, SI_TEXT_PS, 200, 400);
    near(m.scale, 1, 1e-9);
    assert_true(m.lines > 2);
    /* unless they are cut */
    snprintf(rtf, sizeof rtf, "\\copyfitmaxlines2\\fs60 %s", text);
    m = measure(rtf, SI_TEXT_PS, 200, 400);
    assert_int_equal(m.lines, 2);
    assert_true(m.clipped);
}

static void test_resolution_modes(void **state) {
    (void)state;
    si_text_style style = {.width = 300, .height = 100, .fit = SI_TEXT_AUTO_RES};
    shown s = show_style("HHHH", SI_TEXT_NORM, &style);
    assert_true(s.ink[2] - s.ink[0] > 200);
    assert_false(s.m.clipped);
    drop(&s);
    /* maxRes only makes smaller */
    style.fit = SI_TEXT_MAX_RES;
    s = show_style("HHHH", SI_TEXT_NORM, &style);
    near(s.m.scale, 1, 1e-9);
    drop(&s);
    style.dpi = 720;
    s = show_style("HHHHHHHHHHHH", SI_TEXT_NORM, &style);
    assert_true(s.m.scale < 0.9);
    assert_false(s.m.clipped);
    drop(&s);
    /* textPs= ignores both */
    s = show_style(
        "HHHH", SI_TEXT_PS, &(si_text_style){.width = 300, .height = 100, .fit = SI_TEXT_AUTO_RES});
    near(s.m.scale, 1, 1e-9);
    drop(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_self_sizing),
        cmocka_unit_test(test_origin_by_alignment),
        cmocka_unit_test(test_two_justifications),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_sizes_are_proportional),
        cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_break_characters),
        cmocka_unit_test(test_height_follows),
        cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_kept_inside),
        cmocka_unit_test(test_vertical_alignment),
        cmocka_unit_test(test_horizontal_alignment),
        cmocka_unit_test(test_justify),
        cmocka_unit_test(test_margins_and_indents),
        cmocka_unit_test(test_line_spacing),
        cmocka_unit_test(test_space_around_paragraphs),
        cmocka_unit_test(test_letter_spacing_and_scale),
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_kerning),
        cmocka_unit_test(test_rise_and_scripts),
        cmocka_unit_test(test_colors),
        cmocka_unit_test(test_underlines),
        cmocka_unit_test(test_made_up_styles),
        cmocka_unit_test(test_direction),
        cmocka_unit_test(test_copyfit),
        cmocka_unit_test(test_copyfit_lines),
        cmocka_unit_test(test_resolution_modes),
    };
    return cmocka_run_group_tests(tests, load_fonts, free_fonts);
}
