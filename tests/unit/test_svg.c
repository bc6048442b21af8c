/* Originals that are drawings: what is taken for SVG, how large it is, and that it is drawn on
 * exactly the pixels asked for. */
#include "pictures.h"

#include <zlib.h>

#include "render/read/read_svg.h"
#include "render/read/readers.h"
#include "render/read/svg_cost.h"
#include "render/read/svg_lines.h"

#define NS "xmlns=\"http://www.w3.org/2000/svg\""
#define BODY "<rect width=\"100%\" height=\"100%\" fill=\"#00f\"/>"
#define DRAWING "<svg " NS " width=\"40\" height=\"20\">" BODY "</svg>"
#define PREFIXED                                                                                   \
    "<a:svg xmlns:a=\"http://www.w3.org/2000/svg\" width=\"40\" height=\"20\"><a:rect "            \
    "width=\"100%\" height=\"100%\" fill=\"#00f\"/></a:svg>"
#define DECLARATION(encoding) "<?xml version=\"1.0\" encoding=\"" encoding "\"?>"

static int text_fd(const char *text) {
    return to_fd(text, strlen(text));
}

/* The text in UTF-16; `high` is where the byte of zeros goes. */
static int wide_fd(const char *mark, const char *text, int high) {
    size_t n = strlen(text), len = strlen(mark);
    uint8_t *wide = calloc(2, n + 1);
    memcpy(wide, mark, len);
    for (size_t i = 0; i < n; i++) {
        wide[len + 2 * i + (size_t)!high] = (uint8_t)text[i];
    }
    int fd = to_fd(wide, len + 2 * n);
    free(wide);
    return fd;
}

/* Gzipped, with `spaces` before the end tag. */
static int gzip_fd(size_t spaces, double part) {
    size_t head = strlen(DRAWING) - 6, len = head + spaces + 6;
    uint8_t *text = malloc(len), *packed = malloc(len + 1000);
    memcpy(text, DRAWING, head);
    memset(text + head, ' ', spaces);
    memcpy(text + head + spaces, "</svg>", 6);
    z_stream z = {
        .next_in = text, .avail_in = (uInt)len, .next_out = packed, .avail_out = (uInt)len + 1000};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    int fd = to_fd(packed, (size_t)((double)z.total_out * part));
    deflateEnd(&z);
    free(text);
    free(packed);
    return fd;
}

static void scales(void **state) {
    (void)state;
    bool filters;
    static const struct {
        const char *text;
        bool drawn;
    } rows[] = {
        {"<svg><g transform='translate(90000,-90000) scale(0.1,-0.1)'><g "
         "transform='translate(99999)'><path "
         "transform='rotate(359 5000 5000)'/></g></g></svg>",
            true},
        {"<svg><g transform='(1e9) scale(0.100000,-4294967296)'/></svg>", false},
        {"<svg><g transform='scale (1e5)'><g transform='matrix(1 0 0 1e5 9e9 9e9)'/></g></svg>",
            false},
        {"<svg><g transform='scale(1e5)'/><g transform='matrix(1 0 0 1e5 9e9 9e9)'/></svg>", true},
        {"<svg transform='scale(1e999)'/>", false},
        {"<svg transform='scale('><g transform='('/><g transform='scale(-,)'/></svg>", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_diag diag = {0};
        si_result result =
            si_svg_check_cost((const uint8_t *)rows[i].text, strlen(rows[i].text), &filters, &diag);
        if ((result == SI_OK) != rows[i].drawn) {
            fail_msg("row %zu: %s", i, diag.text);
        }
    }
}

static void lines_beside_each_other(void **state) {
    (void)state;
    static const struct {
        const char *path;
        double least, most;
    } rows[] = {
        {"", 0, 0},
        {"M5 5", 0, 0},
        {"M100 100H140V120H100Z", 2, 2},    /* a rectangle: two sides cross each row */
        {"m100,100 40,0 0,20 -40,0", 2, 2}, /* closed by filling */
        {"M0 0V9V0V9V0V9V0V9V0", 8, 8},     /* up and down */
        {"M0 0H9H0H9H0H9H0", 6, 6},         /* the same along the other axis */
        {"M0 0h1v1h-1zm5 0h1v1h-1zm5 0h1v1h-1z", 6, 6},
        {"M0-1L.5.5-1e0-1", 2, 2},                 /* numbers that touch each other */
        {"M0 0C0 9 9-9 9 0", 2, 6},                /* more than there are, but not many */
        {"M0 0a9 9 0 1110 0a9 9 0 01 1 1", 1, 12}, /* flags that touch */
        {"M0 0A9 9 0 1 1 0 0M5 5V9", 0, 1},        /* an arc to where it begins is none */
        {"M0 0S1 2 3 4Q1 2 3 4T5 6", 1, 9},
        {"M0 0L9 9Lx9 0L0 9L9 9", 2, 2}, /* nothing counts after a mistake */
        {"M0 0L9 9L0 1e99", 2, 2},
        {"M0 0L9 9Linf 0L0x9 3", 2, 2},
        {"L9 9L9 0", 2, 2},
        {"ZZZ", 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double lines = si_svg_lines_of_path(rows[i].path);
        if (!(lines >= rows[i].least && lines <= rows[i].most)) {
            fail_msg("%s: %g", rows[i].path, lines);
        }
    }
    assert_true(si_svg_lines_of_points("0,0 40,0 40,20 0,20") == 2);
    assert_true(si_svg_lines_of_points("0 0 0 9 1 0 1 9 2 0 2 9") == 6);
    assert_true(si_svg_lines_of_points("") == 0 && si_svg_lines_of_points("7") == 0);
}

static void check_drawn(int fd, const char *what) {
    assert_true(si_svg_is(fd, NULL));
    si_recipe r = recipe(0, 0);
    si_image im = render(&r, fd);
    if (im.width != 40 || im.height != 20) {
        fail_msg("%s: %d×%d", what, im.width, im.height);
    }
    check(&im, 0, 0, 0, 0, 255, 0);
    check(&im, 39, 19, 0, 0, 255, 0);
    si_image_free(&im);
}

static void whatever_stands_before_the_root(void **state) {
    (void)state;
    static const char *const texts[] = {DRAWING, "\xef\xbb\xbf" DECLARATION("utf-8") DRAWING,
        "\n\n" DECLARATION("utf-8") DRAWING, DECLARATION("windows-1252") "<!-- \xe9 -->" DRAWING,
        DECLARATION("Shift_JIS") "<?xml-stylesheet href='a.css'?><!-- <html> -->" DRAWING,
        "<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"http://www.w3.org/svg11.dtd\" ["
        "<!ENTITY ns \"http://www.w3.org/2000/svg\"><!ENTITY w \"40\">]>"
        "<svg xmlns=\"&ns;\" width=\"&w;\" height=\"20\">" BODY "</svg>",
        PREFIXED};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        check_drawn(text_fd(texts[i]), texts[i]);
    }
    static char with_comment[300000] = "<!--";
    memset(with_comment + 4, 'x', 200000);
    strcpy(with_comment + 200004, "-->" DRAWING);
    check_drawn(text_fd(with_comment), "a long comment");
}

static void encodings_of_two_bytes(void **state) {
    (void)state;
    static const char *const texts[] = {DRAWING, DECLARATION("UTF-16") DRAWING};
    for (int i = 0; i < 2; i++) {
        check_drawn(wide_fd("", texts[i], 0), "big-endian");
        check_drawn(wide_fd("", texts[i], 1), "little-endian");
        check_drawn(wide_fd("\xfe\xff", texts[i], 0), "big-endian with a mark");
        check_drawn(wide_fd("\xff\xfe", texts[i], 1), "little-endian with a mark");
    }
}

static void compressed(void **state) {
    (void)state;
    check_drawn(gzip_fd(0, 1), "gzip");
    static const struct {
        size_t spaces;
        double part;
        si_result code;
    } broken[] = {{40 << 20, 1, SI_ERR_LIMIT}, {100000, 0.9, SI_ERR_SOURCE}};
    for (int i = 0; i < 2; i++) {
        int fd = gzip_fd(broken[i].spaces, broken[i].part);
        si_files files = si_files_of_fd(&fd);
        si_recipe r = recipe(0, 0);
        si_image im = {0};
        si_diag diag = {0};
        assert_int_equal(si_render(&r, &files, NULL, &im, &diag), broken[i].code);
        close(fd);
    }
}

static void other_documents_are_not_taken(void **state) {
    (void)state;
    static const char *const texts[] = {"", "<", "hello <svg", "<!DOCTYPE html><html>" DRAWING,
        "<p>" DRAWING "</p>", "<html xmlns=\"http://www.w3.org/1999/xhtml\">" DRAWING "</html>",
        "<svg xmlns=\"urn:other\" width=\"40\" height=\"20\"/>", "<a:svg width=\"40\"/>",
        "<!-- " DRAWING, "<svgx " NS "/>", "GIF89a" DRAWING};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int fd = text_fd(texts[i]);
        if (si_svg_is(fd, NULL)) {
            fail_msg("taken for SVG: %s", texts[i]);
        }
        close(fd);
    }
}

/* Blue that reaches every border, drawn `wid` pixels wide, 0: as large as it is. */
static void check_size(const char *attributes, int wid, int width, int height) {
    char text[1000];
    snprintf(text, sizeof text, "<svg " NS " %s>%s</svg>", attributes, BODY);
    si_recipe r = recipe(wid, 0);
    r.alpha = true;
    si_image im = render(&r, text_fd(text));
    if (im.width != width || im.height != height) {
        fail_msg("%s: %d×%d instead of %d×%d", attributes, im.width, im.height, width, height);
    }
    for (int k = 0; k < 4; k++) { /* no border, not even a thin one */
        const uint8_t *p = at(&im, k & 1 ? im.width - 1 : 0, k & 2 ? im.height - 1 : 0);
        if (p[3] != 255 || p[2] != 255) {
            fail_msg("%s: corner %d has alpha %d", attributes, k, p[3]);
        }
    }
    si_image_free(&im);
}

static void sizes(void **state) {
    (void)state;
    static const struct {
        const char *attributes;
        int width, height, at_600;
    } rows[] = {
        {"width='40' height='20'", 40, 20, 300},
        {"width='10.4' height='4.4'", 10, 4, 254}, /* 600·4.4/10.4, not 600·4/10 */
        {"width='1.13em' height='1em' viewBox='0 0 576 512'", 18, 16, 533},
        {"width='0.88em' height='1em' viewBox='0 0 448 512'", 14, 16, 686},
        {"width='10em' height='10ex'", 160, 80, 300},
        {"font-size='20px' width='10em' height='10ex'", 200, 100, 300},
        {"width='10mm' height='7mm'", 38, 26, 420},
        {"width='3cm' height='2cm'", 113, 76, 400},
        {"width='1in' height='2in'", 96, 192, 1200},
        {"width='30pt' height='10pc'", 40, 160, 2400},
        {"viewBox='0 0 100 50'", 100, 50, 300},
        {"width='100%' height='100%' viewBox='0 0 100 50'", 100, 50, 300},
        {"width='300' viewBox='0 0 100 50'", 300, 150, 300},
        {"height='300' viewBox='0 0 100 50'", 600, 300, 300},
        {"width='80' height='80' viewBox='0 0 100 50' preserveAspectRatio='none'", 80, 80, 600},
        {"width='80' height='80' viewBox='0 0 50 50' preserveAspectRatio='xMinYMin slice'", 80, 80,
            600},
        {"width='0.4' height='0.2' viewBox='0 0 10 5'", 1, 1, 300},
        {"", 300, 150, 300},
        {"width='200'", 200, 150, 450},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_size(rows[i].attributes, 0, rows[i].width, rows[i].height);
        check_size(rows[i].attributes, 600, 600, rows[i].at_600);
    }
}

/* Wide of its viewBox is space, which preserveAspectRatio puts where it says. */
static void aspect_ratio(void **state) {
    (void)state;
    static const struct {
        const char *value;
        int left, right; /* alpha */
    } rows[] = {{"xMidYMid", 0, 0}, {"xMinYMid", 255, 0}, {"xMaxYMid", 0, 255}, {"none", 255, 255}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[400];
        snprintf(text, sizeof text,
            "<svg " NS " width='20' height='10' viewBox='0 0 10 10' preserveAspectRatio='%s'>"
            "%s</svg>",
            rows[i].value, BODY);
        si_recipe r = recipe(200, 0);
        r.alpha = true;
        si_image im = render(&r, text_fd(text));
        assert_int_equal(at(&im, 0, 50)[3], rows[i].left);
        assert_int_equal(at(&im, 199, 50)[3], rows[i].right);
        si_image_free(&im);
    }
}

/* A part of a drawing is drawn at the size asked for, not enlarged from pixels. */
static void parts(void **state) {
    (void)state;
    static const char text[] = "<svg " NS " width='40' height='20'><rect width='40' height='20' "
                               "fill='#fff'/><rect x='20.25' width='20' height='20'/></svg>";
    si_recipe r = recipe(1600, 0);
    layer.crop_unit = SI_UNIT_PIXELS;
    layer.crop[0] = 20, layer.crop[2] = 4, layer.crop[3] = 4;
    si_image im = render(&r, text_fd(text));
    assert_int_equal(im.height, 1600);
    check(&im, 98, 800, 255, 255, 255, 0);
    check(&im, 101, 800, 0, 0, 0, 0);
    si_image_free(&im);
}

static void next_to_no_size(void **state) {
    (void)state;
    static const struct {
        const char *size;
        bool drawn;
    } rows[] = {{"height='0.0001pt'", false}, {"width='1e-9'", false}, {"width='0.011'", true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[300];
        si_diag diag = {0};
        const si_load_level level = {.size = {60, 60}};
        snprintf(
            text, sizeof text, "<svg " NS " %s viewBox='0 0 40 40'>%s</svg>", rows[i].size, BODY);
        int fd = text_fd(text);
        VipsImage *im = si_read_svg(fd, level, NULL, &diag);
        assert_int_equal(im != NULL, rows[i].drawn);
        if (im != NULL) {
            g_object_unref(im);
        }
        close(fd);
    }
}

/* librsvg measures what is drawn by running filters, over as many pixels as there may be. */
static void filters_are_not_measured(void **state) {
    (void)state;
    static const char text[] =
        "<svg " NS " height='2000'><filter id='f' x='-10' y='-10' width='30' height='30'>"
        "<feTurbulence baseFrequency='.9' numOctaves='1000'/></filter>"
        "<rect width='2000' height='1000' filter='url(#f)'/></svg>";
    si_recipe r = recipe(4, 0);
    si_image im = render(&r, text_fd(text));
    assert_int_equal(im.width, 4);
    assert_int_equal(im.height, 27); /* of 300×2000 */
    si_image_free(&im);
}

/* Where sums of the resampler nearly cancel, alpha is so little that its inverse is infinite, and
 * colours divided by it are no numbers: UBSan sees what becomes of those. */
static void next_to_no_alpha(void **state) {
    (void)state;
    char text[400];
    for (int wide = 61; wide <= 90; wide++) {
        snprintf(text, sizeof text,
            "<svg " NS " width='%d' height='3170'><circle cx='50' cy='25' r='20' fill='red'/>"
            "<circle cx='50' cy='%d' r='20' fill='red'/></svg>",
            wide, 70 * wide / 2);
        si_recipe r = recipe(60, 0);
        r.alpha = true;
        si_image im = render(&r, text_fd(text));
        const uint8_t *p = at(&im, 0, 0);
        assert_int_equal(p[3], 0);
        si_image_free(&im);
    }
}

static void nothing_outside_is_read(void **state) {
    (void)state;
    char path[] = "/tmp/smartimg-svg-XXXXXX", text[2000];
    static const char red[] = "<svg " NS " width='40' height='20'><rect id='a' width='40' "
                              "height='20' fill='red'/></svg>";
    int file = mkstemp(path);
    assert_true(write(file, red, sizeof red - 1) == (ssize_t)sizeof red - 1);
    close(file);
    snprintf(text, sizeof text,
        "<svg " NS " xmlns:xlink='http://www.w3.org/1999/xlink' "
        "xmlns:xi='http://www.w3.org/2001/XInclude' width='40' height='20'>"
        "<style>@import url('file://%s'); @import url('%s');</style>%s"
        "<image href='%s' width='40' height='20'/><image xlink:href='file://%s' width='40' "
        "height='20'/><use xlink:href='%s#a'/><use href='file://%s#a'/>"
        "<xi:include href='file://%s'/></svg>",
        path, path, BODY, path, path, path, path, path);
    si_recipe r = recipe(0, 0);
    si_image im = render(&r, text_fd(text));
    check(&im, 20, 10, 0, 0, 255, 0);
    si_image_free(&im);
    unlink(path);
}

static void octaves(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double octaves;
    } rows[] = {
        {"<svg><filter><feTurbulence numOctaves=\"1000\"/></filter></svg>", 0}, /* not used */
        {"<svg filter='url(#f)'><feTurbulence numOctaves='3'/></svg>", 0},
        {"<svg filter='url(#f)'><feTurbulence numOctaves = '1016' numOctaves='26'/></svg>", 1010},
        {"<svg style='filter:url(#f)'><feTurbulence numOctaves=\"99999999999999999999\"/></svg>",
            9999999999 - SI_SVG_OCTAVES},
        {"<svg filter='' numOctaves", 0}, {"", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double found = si_svg_octaves((const uint8_t *)rows[i].text, strlen(rows[i].text));
        if (fabs(found - rows[i].octaves) > 0.5) {
            fail_msg("row %zu: %f", i, found);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(octaves),
        cmocka_unit_test(lines_beside_each_other),
        cmocka_unit_test(scales),
        cmocka_unit_test(whatever_stands_before_the_root),
        cmocka_unit_test(encodings_of_two_bytes),
        cmocka_unit_test(compressed),
        cmocka_unit_test(other_documents_are_not_taken),
        cmocka_unit_test(sizes),
        cmocka_unit_test(aspect_ratio),
        cmocka_unit_test(parts),
        cmocka_unit_test(filters_are_not_measured),
        cmocka_unit_test(next_to_no_alpha),
        cmocka_unit_test(next_to_no_size),
        cmocka_unit_test(nothing_outside_is_read),
    };
    return cmocka_run_group_tests(tests, start_render, NULL);
}
