/* The RTF of text= and textPs=: what each control word does to the model, and that nothing breaks
 * the reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "richtext/rtf.h"

/* ---- a model as text ---- */

typedef struct page {
    char text[4000];
    size_t len;
} page;

static void add(page *p, const char *format, ...) SI_PRINTF(2, 3);
static void add(page *p, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(p->text + p->len, sizeof p->text - p->len, format, args);
    va_end(args);
    p->len += n > 0 ? (size_t)n : 0;
    assert_true(p->len < sizeof p->text);
}

static void add_number(page *p, const char *name, double v, double usual) {
    char number[32];
    if (v != usual) {
        add(p, " %s=%s", name, si_real_print(v, number));
    }
}

/* What is not as usual about a run, then its characters. */
static void add_run(page *p, const si_richtext *t, const si_richtext_run *run) {
    static const char *const lines[] = {
        "", " ul", " ulw", " uldb", " uld", " uldash", " ulth", " ulwave"};
    const si_richtext_format *f = &run->format;
    const si_richtext_font *font = &t->fonts[f->font];
    page own = {.len = 0};
    if (!si_str_eq(font->face, SI_STR("Default"))) {
        add(&own, " %.*s", SI_STR_ARG(font->face));
    }
    add(&own, "%s%s%s", font->bold ? " b" : "", font->italic ? " i" : "", lines[f->underline]);
    add(&own, "%s", f->script == SI_TEXT_SUB ? " sub" : f->script == SI_TEXT_SUPER ? " super" : "");
    add(&own, "%s", f->caps == SI_TEXT_CAPS ? " caps" : f->caps != SI_TEXT_AS_IS ? " scaps" : "");
    add(&own, "%s", f->dir == SI_TEXT_DIR_LTR ? " ltr" : f->dir == SI_TEXT_DIR_RTL ? " rtl" : "");
    add(&own, "%s", f->kerning ? "" : " nokern");
    add_number(&own, "size", f->size, 12);
    add_number(&own, "fit", f->copyfit, 0);
    add_number(&own, "rise", f->rise, 0);
    add_number(&own, "expand", f->expand, 0);
    add_number(&own, "x", f->scale_x, 1);
    add_number(&own, "y", f->scale_y, 1);
    if (si_color_rgb(&f->color) != 0) {
        add(&own, " #%06x", (unsigned)si_color_rgb(&f->color));
    }
    add_number(&own, "alpha", f->color.alpha, 1);
    if (own.len > 0) {
        add(p, "[%s]", own.text + 1);
    }
    add(p, "%.*s", (int)run->len, t->chars + run->start);
}

static void add_paragraph(page *p, const si_richtext *t, const si_richtext_paragraph *par) {
    static const char *const names[] = {"l", "c", "r", "j"};
    page own = {.len = 0};
    if (par->align != SI_TEXT_LEFT) {
        add(&own, " q%s", names[par->align]);
    }
    if (par->last != SI_TEXT_LEFT) {
        add(&own, " last%s", names[par->last]);
    }
    add_number(&own, "fi", par->first, 0);
    add_number(&own, "li", par->left, 0);
    add_number(&own, "ri", par->right, 0);
    add_number(&own, "sb", par->before, 0);
    add_number(&own, "sa", par->after, 0);
    add_number(&own, par->multiple ? "slx" : "sl", par->spacing, 0);
    if (own.len > 0) {
        add(p, "(%s)", own.text + 1);
    }
    for (size_t i = par->run; i < par->run + par->run_count; i++) {
        add_run(p, t, &t->runs[i]);
    }
}

static void describe(page *p, const si_richtext *t) {
    for (size_t i = 0; i < t->paragraph_count; i++) {
        add(p, "%s", i > 0 ? "|" : "");
        add_paragraph(p, t, &t->paragraphs[i]);
    }
    add_number(p, "margl", t->margin[0], 0);
    add_number(p, "margt", t->margin[1], 0);
    add_number(p, "margr", t->margin[2], 0);
    add_number(p, "margb", t->margin[3], 0);
    add_number(p, "valign", t->valign, 0);
    add_number(p, "vertical", t->vertical, 0);
    add_number(p, "lines", t->copyfit_lines, 0);
    add_number(p, "maxlines", t->copyfit_max_lines, 0);
}

static si_result parse(const char *rtf, si_richtext_mode mode, bool cmyk, si_arena *arena,
    si_richtext *t, si_diag *diag) {
    si_richtext_options options = {.mode = mode, .default_font = SI_STR("Default"), .cmyk = cmyk};
    return si_richtext_parse(si_str_of(rtf), &options, arena, t, diag);
}

typedef struct expectation {
    const char *rtf;
    const char *norm; /* what text= makes of it */
    const char *ps;   /* what textPs= does; NULL = the same */
} expectation;

static void check_all(const expectation *list, size_t count) {
    for (size_t i = 0; i < 2 * count; i++) {
        const expectation *e = &list[i / 2];
        bool ps = i % 2 == 1;
        const char *wanted = ps && e->ps != NULL ? e->ps : e->norm;
        si_arena arena = {0};
        si_diag diag = {0};
        si_richtext t;
        page p = {.len = 0};
        if (parse(e->rtf, ps ? SI_TEXT_PS : SI_TEXT_NORM, false, &arena, &t, &diag) != SI_OK) {
            fail_msg("%s: %s", e->rtf, diag.text);
        }
        describe(&p, &t);
        if (strcmp(p.text, wanted) != 0) {
            fail_msg("%s of %s\n  is      %s\n  and not %s", ps ? "textPs" : "text", e->rtf, p.text,
                wanted);
        }
        si_arena_free(&arena);
    }
}

#define CHECK(list) check_all(list, sizeof(list) / sizeof *(list))

/* ---- words ---- */

static void test_plain_strings(void **state) {
    (void)state;
    static const expectation list[] = {
        {"", "", NULL}, {"Hello, World", "Hello, World", NULL}, {"a\r\n\tb", "ab", NULL},
        {"a\\\\b\\{c\\}", "a\\b{c}", NULL},
        {"caf\xc3\xa9 caf\xe9 \x93x\x94", "café café “x”", NULL},
        {"a\x01\x7f\xc2\x85z", "az", NULL},
        {"\xed\xa0\x80\xc0\x80", "í\xc2\xa0€À€", NULL}, /* no UTF-8: surrogate, overlong */
    };
    CHECK(list);
}

static void test_structure(void **state) {
    (void)state;
    static const expectation list[] = {
        {"{\\rtf1\\ansi\\deff0 x}", "x", NULL},
        {"{a{b}c}", "abc", NULL},
        {"}a}b{", "ab", NULL},
        {"{{{a", "a", NULL},
        {"\\unknown17 a\\Unknown b", "ab", NULL},
        {"a{\\*\\generator Riched20 {x}y;}b", "ab", NULL},
        {"a{\\info{\\author Me}}b{\\stylesheet{\\s0 Normal;}}c", "abc", NULL},
        {"a{\\pict\\bin5 }}}}}}b", "ab", NULL},
        {"\\b  a\\b0  c", "[b] a c", NULL},
        {"{\\b a}b", "[b]ab", NULL},
        {"\\ba\\b", "", NULL}, /* a word of its own */
        {"a\\", "a", NULL},
        {"a\\^b\\|c", "abc", NULL},
    };
    CHECK(list);
}

static void test_characters(void **state) {
    (void)state;
    static const expectation list[] = {
        {"a\\line b",
            "a\xe2\x80\xa8"
            "b",
            NULL},
        {"a\\par b", "a|b", NULL},
        {"a\\par", "a", NULL},
        {"a\\par\\par b", "a||b", NULL},
        {"a\\~b\\_c\\-d",
            "a\xc2\xa0"
            "b\xe2\x80\x91"
            "c\xc2\xad"
            "d",
            NULL},
        {"\\'e9\\'80\\'41", "é€A", NULL},
        {"\\'81", "\xef\xbf\xbd", NULL},
        {"\\'4", "4", NULL},
        {"{\\fonttbl{\\f0\\fcharset204 Default;}}\\'cf", "П", NULL},
        {"{\\fonttbl{\\f0\\fcharset1 Default;}}\\ansicpg1253\\'e1", "α", NULL},
        {"{\\fonttbl{\\f0\\fcharset2 Default;}}\\'41", "\xef\x81\x81", NULL},
        {"\\loch\\hich\\dbch a", "a", NULL},
        {"\\u8364?x", "€x", NULL},
        {"\\u8364 ?x", "€x", NULL},
        {"\\u8364\\'80x", "€x", NULL},
        {"\\u-3913?", "\xef\x82\xb7", NULL},
        {"\\uc0\\u8364x", "€x", NULL},
        {"\\uc3\\u8364abcx", "€x", NULL},
        {"{\\uc2\\u8364 abx}\\u8364 cx", "€x€x", NULL},
        {"{\\uc5\\u8364 a}x", "€x", NULL},
        {"\\u8364\\b x", "€x", NULL}, /* the skipped character is a word */
        {"\\u-10179?\\u-8704?", "\xf0\x9f\x98\x80", NULL},
        {"\\u-8704?x", "\xef\xbf\xbdx", NULL},
        {"\\u-10179?x", "x", NULL},
    };
    CHECK(list);
}

static void test_fonts(void **state) {
    (void)state;
    static const expectation list[] = {
        {"{\\fonttbl{\\f0\\fnil Arial;}{\\f1 Times New Roman;}}a\\f1 b\\f0 c",
            "[Arial]a[Times New Roman]b[Arial]c", NULL},
        {"{\\fonttbl\\f3\\fswiss Arial;\\f7 X;}\\f7 a\\f3 b", "[X]a[Arial]b", NULL},
        {"{\\fonttbl{\\f0 A{\\*\\falt B};}}\\f0 a", "[A]a", NULL},
        {"{\\fonttbl{\\f0 Arial}}\\f0 a", "[Arial]a", NULL},
        {"{\\fonttbl{\\f5 Arial;}}a\\f5 b\\f9 c", "a[Arial]bc", NULL},
        {"\\deff5{\\fonttbl{\\f5 Arial;}}a", "[Arial]a", NULL},
        {"{\\fonttbl{\\f0 M\\'fcller;}}a", "[Müller]a", NULL},
        {"\\b a\\i b\\b0 c\\i0 d", "[b]a[b i]b[i]cd", NULL},
        {"\\fs48 a\\fs b\\fs0 c", "[size=24]ab[size=0.5]c", NULL},
    };
    CHECK(list);
}

static void test_colors(void **state) {
    (void)state;
    static const expectation list[] = {
        {"{\\colortbl;\\red255\\green1\\blue2;\\red3;}\\cf1 a\\cf2 b\\cf0 c\\cf9 d",
            "[#ff0102]a[#030000]bcd", NULL},
        {"{\\colortbl\\red0\\green255\\blue0;}a", "[#00ff00]a", NULL},
        {"{\\colortbl;\\red999;}\\cf1 a", "[#ff0000]a", NULL},
        /* is before rgb in textPs=, unknown in text= */
        {"{\\colortbl;\\red255;\\blue255;}{\\*\\iscolortbl;0x00ff0080;}\\cf1 a\\cf2 b",
            "[#ff0000]a[#0000ff]b", "[#00ff00 alpha=0.501961]a[#0000ff]b"},
        {"{\\*\\iscolortbl;10,20,30;50;0,100,100,0k;}\\cf1 a\\cf2 b\\cf3 c", "abc",
            "[#0a141e]a[#808080]b[#ff0000]c"},
        /* cmyk only counts on CMYK layers */
        {"{\\colortbl;\\red255;}{\\cmykcolortbl;\\cyan100;}\\cf1 a", "[#ff0000]a", NULL},
    };
    CHECK(list);
    si_arena arena = {0};
    si_diag diag = {0};
    si_richtext t;
    const char *rtf = "{\\colortbl;\\red255;}{\\cmykcolortbl;\\cyan100\\black50;}\\cf1 a";
    assert_int_equal(parse(rtf, SI_TEXT_NORM, true, &arena, &t, &diag), SI_OK);
    assert_int_equal(t.runs[0].format.color.type, SI_COLOR_CMYK);
    assert_int_equal(si_color_rgb(&t.runs[0].format.color), 0x008080);
    si_arena_free(&arena);
}

static void test_character_words(void **state) {
    (void)state;
    static const expectation list[] = {
        {"\\ul a\\ul0 b\\ulw c\\uldb d\\uld e\\ulnone f", "[ul]ab[ulw]c[uldb]d[uld]ef", NULL},
        {"\\uldash a\\uldashd b\\uldashdd c\\ulth d\\ulwave e",
            "[uldash]a[uldash]b[uldash]c[ulth]d[ulwave]e", NULL},
        {"\\sub a\\nosupersub b\\super c\\super0 d", "[sub]ab[super]cd", NULL},
        {"\\caps a\\caps0 b", "[caps]ab", NULL},
        {"\\scaps a", "a", "[scaps]a"},
        {"\\up a\\up4 b\\dn c\\dn10 d\\up0 e", "[rise=3]a[rise=2]b[rise=-3]c[rise=-5]de", NULL},
        {"\\kerning0 a\\kerning b\\kerning0 c\\kerningmetric d", "[nokern]ab[nokern]cd", NULL},
        {"\\kerning0\\kerningoptical a", "[nokern]a", "a"},
        {"\\expnd4 a\\expndtw-20 b", "[expand=1]a[expand=-1]b", NULL},
        {"\\charscalex50 a\\charscalex b\\charscaley200 c", "[x=0.5]ab[y=2]c", NULL},
        {"\\charscalex0 a", "[x=0.01]a", NULL},
        {"\\rtlch a\\ltrch b", "[rtl]a[ltr]b", "ab"},
        {"\\copyfit80 a", "a", "[fit=40]a"},
        {"\\baselinedir1 a", "a", NULL},
        {"\\b\\i\\fs40\\cf1\\ul\\plain a", "[b i ul size=20]a", "a"},
    };
    CHECK(list);
}

static void test_paragraph_words(void **state) {
    (void)state;
    static const expectation list[] = {
        {"\\qc a\\par\\qr b\\par\\ql c", "(qc)a|(qr)b|c", NULL},
        {"\\qj a", "a", "(qj)a"},
        {"\\qj\\lastqc a\\par\\lastqr b\\par\\lastqj c\\par\\lastql d", "a|b|c|d",
            "(qj lastc)a|(qj lastr)b|(qj lastj)c|(qj)d"},
        {"\\fi200\\li100\\ri60 a", "a", "(fi=10 li=5 ri=3)a"},
        {"\\sb200\\sa100 a", "(sb=10 sa=5)a", NULL},
        {"\\sl480 a\\par\\sl-480 b\\par\\slmult1\\sl480 c\\par\\sl0 d",
            "(sl=24)a|(sl=-24)b|(slx=2)c|d", NULL},
        {"\\qc\\sb20 a\\par\\pard b", "(qc sb=1)a|(qc sb=1)b", "(qc sb=1)a|b"},
        {"{\\qc a}\\par b", "(qc)a|b", NULL},  /* as its characters had it */
        {"a\\qc\\par b", "(qc)a|(qc)b", NULL}, /* as its end has it */
        {"{\\qr a}", "(qr)a", NULL},
    };
    CHECK(list);
}

static void test_box_words(void **state) {
    (void)state;
    static const expectation list[] = {
        {"\\margl20\\margt40\\margr60\\margb80 a", "a", "a margl=1 margt=2 margr=3 margb=4"},
        {"\\vertalc a", "a valign=1", NULL},
        {"\\vertalb a", "a valign=2", NULL},
        {"\\vertalb\\vertalt a", "a", NULL},
        {"\\stextflow1 a", "a", "a vertical=1"},
        {"\\stextflow1\\stextflow0 a", "a", NULL},
        {"\\copyfitlines3\\copyfitmaxlines5 a", "a", "a lines=3 maxlines=5"},
    };
    CHECK(list);
}

static void test_example(void **state) {
    (void)state;
    static const expectation list[] = {
        {"{\\rtf1\\ansi\\ansicpg1252\\deff0\\deflang1033{\\fonttbl{\\f0\\fswiss\\fcharset0 Arial;}"
         "{\\f1\\froman\\fprq2\\fcharset0 Georgia;}}{\\colortbl ;\\red255\\green0\\blue0;}"
         "{\\*\\generator Msftedit 5.41.15.1515;}\\viewkind4\\uc1\\pard\\qc\\cf1\\b\\f0\\fs40 "
         "Sale\\b0\\par\r\n\\cf0\\f1\\fs20 up to \\i 50\\'a0%\\i0\\par\r\n}",
            "(qc)[Arial b size=20 #ff0000]Sale|(qc)[Georgia size=10]up to "
            "[Georgia i size=10]50\xc2\xa0%",
            NULL},
    };
    CHECK(list);
}

/* ---- errors and limits ---- */

static void refuse(const char *rtf, si_richtext_mode mode, si_result wanted, const char *part) {
    si_arena arena = {0};
    si_diag diag = {0};
    si_richtext t;
    si_result code = parse(rtf, mode, false, &arena, &t, &diag);
    if (code != wanted || strstr(diag.text, part) == NULL) {
        fail_msg("%.60s: result %d, \"%s\"", rtf, code, diag.text);
    }
    si_arena_free(&arena);
}

static void test_errors(void **state) {
    (void)state;
    refuse("{\\*\\iscolortbl;red;}a", SI_TEXT_PS, SI_ERR_SYNTAX, "\"red\"");
    refuse("{\\fonttbl{\\f0\\fcharset128 Default;}}\\'93\\'fa", SI_TEXT_NORM, SI_ERR_UNSUPPORTED,
        "\\'93");
    refuse("\\dbch\\'93", SI_TEXT_NORM, SI_ERR_UNSUPPORTED, "\\u");
    si_arena arena = {0};
    si_diag diag = {0};
    si_richtext t;
    si_richtext_options none = {.mode = SI_TEXT_NORM};
    assert_int_equal(si_richtext_parse(SI_STR("a"), &none, &arena, &t, &diag), SI_ERR_RANGE);
    assert_non_null(strstr(diag.text, "DefaultFont"));
    diag = (si_diag){0};
    /* without characters no font is needed */
    assert_int_equal(si_richtext_parse(SI_STR("{\\b}"), &none, &arena, &t, &diag), SI_OK);
    assert_int_equal(t.font_count, 0);
    si_arena_free(&arena);
}

static void repeat(char *out, size_t room, const char *unit, size_t times, const char *end) {
    size_t n = strlen(unit);
    assert_true(n * times + strlen(end) < room);
    for (size_t i = 0; i < times; i++) {
        memcpy(out + i * n, unit, n);
    }
    snprintf(out + n * times, room - n * times, "%s", end);
}

static void test_limits(void **state) {
    (void)state;
    static char text[40000];
    repeat(text, sizeof text, "{", 63, "a");
    si_arena arena = {0};
    si_richtext t;
    assert_int_equal(parse(text, SI_TEXT_PS, false, &arena, &t, NULL), SI_OK);
    repeat(text, sizeof text, "{", 64, "a");
    refuse(text, SI_TEXT_PS, SI_ERR_LIMIT, "nested");
    repeat(text, sizeof text, "x", SI_TEXT_MAX_BYTES, "");
    assert_int_equal(parse(text, SI_TEXT_PS, false, &arena, &t, NULL), SI_OK);
    assert_int_equal(t.len, SI_TEXT_MAX_BYTES);
    repeat(text, sizeof text, "x", SI_TEXT_MAX_BYTES + 1, "");
    refuse(text, SI_TEXT_PS, SI_ERR_LIMIT, "16384");
    repeat(text, sizeof text, "\\par", 4000, " a");
    assert_int_equal(parse(text, SI_TEXT_PS, false, &arena, &t, NULL), SI_OK);
    assert_int_equal(t.paragraph_count, 4001);
    repeat(text, sizeof text, "\\b a\\b0 b", 1800, "");
    assert_int_equal(parse(text, SI_TEXT_PS, false, &arena, &t, NULL), SI_OK);
    assert_int_equal(t.run_count, 3600);
    repeat(text, sizeof text, ";", 300, "}");
    memcpy(text, "{\\colortbl", 10);
    refuse(text, SI_TEXT_PS, SI_ERR_LIMIT, "colours");
    repeat(text, sizeof text, "{\\f1 A;}", 300, "}");
    memmove(text + 9, text, strlen(text) + 1);
    memcpy(text, "{\\fonttbl", 9);
    refuse(text, SI_TEXT_PS, SI_ERR_LIMIT, "fonts");
    repeat(text, sizeof text, "n", 300, ";}");
    memcpy(text, "{\\fonttbl ", 10);
    refuse(text, SI_TEXT_PS, SI_ERR_LIMIT, "too long");
    si_arena_free(&arena);
}

/* 33 faces used are one too many; 33 named are not. */
static void test_used_fonts(void **state) {
    (void)state;
    char text[4000] = "{\\fonttbl";
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < 33; i++) {
            size_t at = strlen(text);
            snprintf(text + at, sizeof text - at, pass == 0 ? "{\\f%d F%d;}" : "\\f%d %d", i, i);
        }
        strncat(text, pass == 0 ? "}" : "", 2);
        if (pass == 0) {
            si_arena arena = {0};
            si_richtext t;
            assert_int_equal(parse(text, SI_TEXT_PS, false, &arena, &t, NULL), SI_OK);
            si_arena_free(&arena);
        }
    }
    refuse(text, SI_TEXT_PS, SI_ERR_LIMIT, "fonts");
}

/* ---- the font map ---- */

static void test_font_map(void **state) {
    (void)state;
    const si_font_row rows[] = {
        {SI_STR("Body"), false, true, SI_STR("bi.ttf")},
        {SI_STR("Body"), false, false, SI_STR("b.ttf")},
        {SI_STR("Body"), true, false, SI_STR("bb.ttf")},
        {SI_STR("Head"), true, false, SI_STR("h.ttf")},
    };
    static const struct {
        const char *face;
        bool bold, italic, synthesize;
        const char *path; /* NULL = refused */
        bool embolden, slant;
        const char *message;
    } list[] = {
        {"Body", false, false, false, "b.ttf", false, false, ""},
        {"Body", true, false, false, "bb.ttf", false, false, ""},
        {"Body", false, true, false, "bi.ttf", false, false, ""},
        {"Body", true, true, false, NULL, false, false,
            "text: font \"Body\" bold italic is not in the font map"},
        {"Body", true, true, true, "bi.ttf", true, false, ""},
        {"body", false, false, true, NULL, false, false,
            "text: font \"body\" is not in the font map"},
        {"Head", false, false, true, NULL, false, false,
            "text: font \"Head\" is not in the font map"},
        {"Head", true, true, true, "h.ttf", false, true, ""},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        si_richtext_font font = {si_str_of(list[i].face), list[i].bold, list[i].italic};
        si_font_choice choice;
        si_diag diag = {0};
        si_result code = si_richtext_font_find(&font, rows, 4, list[i].synthesize, &choice, &diag);
        assert_int_equal(code, list[i].path != NULL ? SI_OK : SI_ERR_RANGE);
        assert_string_equal(diag.text, list[i].message);
        if (list[i].path != NULL) {
            assert_true(si_str_eq(choice.row->path, si_str_of(list[i].path)));
            assert_int_equal(choice.embolden, list[i].embolden);
            assert_int_equal(choice.slant, list[i].slant);
        }
    }
}

static void test_self_sizing_justification(void **state) {
    (void)state;
    static const struct {
        const char *rtf;
        si_result code;
    } list[] = {
        {"\\qc a\\par b", SI_OK},
        {"\\qc a\\par\\qr\\par\\qc b", SI_OK}, /* the one between has no characters */
        {"\\qc a\\par\\qr b", SI_ERR_RANGE},
    };
    for (size_t i = 0; i < 3; i++) {
        si_arena arena = {0};
        si_richtext t;
        assert_int_equal(parse(list[i].rtf, SI_TEXT_NORM, false, &arena, &t, NULL), SI_OK);
        assert_int_equal(si_richtext_check_self_sizing(&t, NULL), list[i].code);
        si_arena_free(&arena);
    }
}

/* ---- hostile input ---- */

static const char *const seeds[] = {
    ("{\\rtf1\\ansi{\\fonttbl{\\f0\\fcharset204 A;}{\\f1 B{\\*\\falt C};}}{\\colortbl;\\red1;;}"
     "{\\*\\iscolortbl;0xff0000;1,2,3;}\\qc\\f1\\cf1\\b\\fs40 a\\par\\u8364?\\'e9\\line b}"),
    "\\uc2\\u-10179ab\\u-8704cd{\\b\\i\\ul\\sub x}\\up\\dn4\\expnd-8\\charscalex50\\caps y",
    "{\\cmykcolortbl\\cyan50;}\\qj\\lastqc\\fi-20\\li400\\sl-240\\slmult1\\sb1\\sa2 c\\copyfit90 d",
    "a{\\*\\x{y}}\\bin3 }}}b\\~\\_\\-\\{\\}\\\\\xc3\xa9\xff",
};

static uint32_t next_random(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Changes, inserts or removes a few bytes, mostly such as mean something. */
static size_t mutate(char *text, size_t len, size_t room, uint32_t *seed) {
    static const char meaning[] = "\\{};*'-~ 09affusbrtlpcq\xff\xc3\0\r";
    for (uint32_t n = 1 + next_random(seed) % 6; n > 0; n--) {
        size_t at = next_random(seed) % (len + 1);
        char c = next_random(seed) % 4 == 0 ? (char)next_random(seed)
                                            : meaning[next_random(seed) % (sizeof meaning - 1)];
        uint32_t what = next_random(seed) % 3;
        if (what == 0 && at < len) {
            text[at] = c;
        } else if (what == 1 && len < room) {
            memmove(text + at + 1, text + at, len - at);
            text[at] = c;
            len++;
        } else if (at < len) {
            memmove(text + at, text + at + 1, len - at - 1);
            len--;
        }
    }
    return len;
}

/* Everything that layout relies on. */
static void check_model(const si_richtext *t) {
    size_t at = 0, run = 0;
    assert_true(t->paragraph_count >= 1);
    for (size_t i = 0; i < t->paragraph_count; i++) {
        const si_richtext_paragraph *p = &t->paragraphs[i];
        size_t end = at;
        assert_int_equal(p->start, at);
        assert_int_equal(p->run, run);
        assert_true(t->font_count == 0 || (size_t)p->mark.font < t->font_count);
        for (; run < p->run + p->run_count; run++) {
            const si_richtext_run *r = &t->runs[run];
            assert_int_equal(r->start, end);
            assert_true(r->len > 0 && (size_t)r->format.font < t->font_count);
            assert_true(r->format.size > 0 && r->format.scale_x > 0 && r->format.scale_y > 0);
            end += r->len;
        }
        at += p->len;
        assert_int_equal(end, at);
    }
    assert_true(at <= t->len && run <= t->run_count);
    for (size_t i = 0; i < t->len; i++) {
        assert_true((uint8_t)t->chars[i] >= 0x20);
    }
}

static void test_mutations(void **state) {
    (void)state;
    uint32_t seed = 12345;
    for (int i = 0; i < 40000; i++) {
        char text[400];
        const char *from = seeds[i % 4];
        size_t len = strlen(from);
        memcpy(text, from, len);
        len = mutate(text, len, sizeof text, &seed);
        char *exact = malloc(len + 1); /* so that reading on is noticed */
        memcpy(exact, text, len);
        si_arena arena = {0};
        si_richtext t;
        si_diag diag = {0};
        si_richtext_options options = {
            i / 4 % 2 == 0 ? SI_TEXT_PS : SI_TEXT_NORM, SI_STR("D"), false};
        if (si_richtext_parse((si_str){exact, len}, &options, &arena, &t, &diag) == SI_OK) {
            check_model(&t);
        } else {
            assert_true(diag.text[0] != '\0');
        }
        si_arena_free(&arena);
        free(exact);
    }
}

/* Every point at which memory can run out. */
static void test_out_of_memory(void **state) {
    (void)state;
    bool done = false;
    for (size_t limit = 16; !done; limit += 64) {
        si_arena arena = {.limit = limit};
        si_richtext t;
        si_result code = parse(seeds[0], SI_TEXT_PS, false, &arena, &t, NULL);
        assert_true(code == SI_OK || code == SI_ERR_MEMORY);
        done = code == SI_OK;
        si_arena_free(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_strings),
        cmocka_unit_test(test_structure),
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_fonts),
        cmocka_unit_test(test_colors),
        cmocka_unit_test(test_character_words),
        cmocka_unit_test(test_paragraph_words),
        cmocka_unit_test(test_box_words),
        cmocka_unit_test(test_example),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_used_fonts),
        cmocka_unit_test(test_font_map),
        cmocka_unit_test(test_self_sizing_justification),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
