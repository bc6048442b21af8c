/* Rendering of sources made here, pixel by pixel, and of the corpus where there is one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <lcms2.h>
#include <vips/vips.h>

#include "base/sanitize.h"
#include "render/filters.h"
#include "render/render.h"

#if SI_SANITIZED
enum { MAX_SECONDS = 60 };
#else
enum { MAX_SECONDS = 8 };
#endif

/* ---- sources ---- */

typedef void (*paint)(int x, int y, int *sample);

static VipsImage *paint_image(int w, int h, int bands, int bytes, paint f) {
    size_t size = (size_t)w * (size_t)h * (size_t)bands * (size_t)bytes;
    uint8_t *p = malloc(size);
    for (int i = 0; i < w * h; i++) {
        int s[5] = {0};
        f(i % w, i / w, s);
        for (int c = 0; c < bands; c++) {
            if (bytes == 2) {
                ((uint16_t *)p)[i * bands + c] = (uint16_t)s[c];
            } else {
                p[i * bands + c] = (uint8_t)s[c];
            }
        }
    }
    VipsImage *im = vips_image_new_from_memory_copy(
        p, size, w, h, bands, bytes == 2 ? VIPS_FORMAT_USHORT : VIPS_FORMAT_UCHAR);
    im->Type = bands == 3 || bands == 4
                   ? (bytes == 2 ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB)
                   : (bytes == 2 ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W);
    free(p);
    return im;
}

static int to_fd(const void *data, size_t len) {
    int fd = memfd_create("source", MFD_CLOEXEC);
    assert_true(write(fd, data, len) == (ssize_t)len);
    return fd;
}

/* Encodes, releases the image, and returns a descriptor of at most `most` bytes of the file. */
static int save_part(VipsImage *im, const char *suffix, double most) {
    void *data = NULL;
    size_t len = 0;
    if (vips_image_write_to_buffer(im, suffix, &data, &len, NULL) != 0) {
        fail_msg("%s: %s", suffix, vips_error_buffer());
    }
    g_object_unref(im);
    int fd = to_fd(data, (size_t)((double)len * most));
    g_free(data);
    return fd;
}

static int save(VipsImage *im, const char *suffix) {
    return save_part(im, suffix, 1);
}

static si_recipe recipe(int wid, int hei) {
    si_recipe r = {.wid = wid, .hei = hei, .scl = wid + hei == 0 ? 1 : 0};
    r.icc = "";
    r.dpr = r.rect_scale = 1;
    r.bgc = 0xffffff;
    r.resmode = SI_RESMODE_SHARP2;
    return r;
}

/* Renders and closes the descriptor. */
static si_image render(const si_recipe *r, int fd) {
    si_image im = {0};
    si_diag diag = {0};
    if (si_render(r, fd, NULL, &im, &diag) != SI_OK) {
        fail_msg("render: %s", diag.text);
    }
    close(fd);
    return im;
}

static const uint8_t *at(const si_image *im, int x, int y) {
    return im->pixels + (size_t)y * im->stride + (size_t)x * (size_t)im->channels;
}

static void check(const si_image *im, int x, int y, int r, int g, int b, int slack) {
    const uint8_t *p = at(im, x, y);
    if (abs(p[0] - r) > slack || abs(p[1] - g) > slack || abs(p[2] - b) > slack) {
        fail_msg("pixel %d,%d is %d,%d,%d instead of %d,%d,%d", x, y, p[0], p[1], p[2], r, g, b);
    }
}

static int largest_difference(const si_image *a, const si_image *b, int ax, int ay) {
    int most = 0;
    for (int y = 0; y < b->height; y++) {
        for (int i = 0; i < b->width * b->channels; i++) {
            int d = abs(at(a, ax, ay + y)[i] - at(b, 0, y)[i]);
            most = d > most ? d : most;
        }
    }
    return most;
}

static double psnr(const si_image *a, const si_image *b) {
    double sum = 0;
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    for (int y = 0; y < a->height; y++) {
        for (int i = 0; i < a->width * 3; i++) {
            double d = at(a, 0, y)[i] - at(b, 0, y)[i];
            sum += d * d;
        }
    }
    return 10 * log10(255 * 255.0 * a->width * a->height * 3 / (sum + 1e-9));
}

static void set(int *s, int r, int g, int b, int a) {
    s[0] = r, s[1] = g, s[2] = b, s[3] = a;
}

/* Red, green / blue, yellow quarters of 64×32. */
static void quarters(int x, int y, int *s) {
    bool right = x >= 32, low = y >= 16;
    set(s, right ? (low ? 255 : 0) : (low ? 0 : 255), right ? 255 : 0, low && !right ? 255 : 0,
        255);
}

/* Waves with fine detail, no alpha. */
static void waves(int x, int y, int *s) {
    double a = sin(x * 0.05) + sin(y * 0.031 + x * 0.011), b = sin(x * 0.7) * sin(y * 0.6);
    set(s, (int)(128 + 50 * a + 20 * b), (int)(128 - 40 * a + 20 * b),
        (int)(120 + 60 * sin(y * 0.04)), 255);
}

/* Nothing finer than 400 pixels. */
static void slow_waves(int x, int y, int *s) {
    double a = sin(x * 0.015), b = sin(y * 0.01 + x * 0.003);
    set(s, (int)(128 + 100 * a), (int)(128 - 100 * b), (int)(128 + 60 * a + 60 * b), 255);
}

static void half_red(int x, int y, int *s) {
    (void)x, (void)y;
    set(s, 255, 0, 0, 128);
}

/* ---- decoding and colour ---- */

static int orientation;

/* What a camera held like that stores of the quarters; from the EXIF table of row 0 and column 0.
 */
static void stored(int x, int y, int *s) {
    const int w = 64, h = 32;
    const int map[9][2] = {{0}, {x, y}, {w - 1 - x, y}, {w - 1 - x, h - 1 - y}, {x, h - 1 - y},
        {y, x}, {w - 1 - y, x}, {w - 1 - y, h - 1 - x}, {y, h - 1 - x}};
    quarters(map[orientation][0], map[orientation][1], s);
}

static void orientations(void **state) {
    (void)state;
    for (orientation = 1; orientation <= 8; orientation++) {
        bool swap = orientation > 4;
        VipsImage *im = paint_image(swap ? 32 : 64, swap ? 64 : 32, 3, 1, stored);
        vips_image_set_int(im, VIPS_META_ORIENTATION, orientation);
        int fd = save(im, ".jpg[Q=98,subsample_mode=off]");
        si_source_props props;
        assert_int_equal(si_render_props(fd, NULL, &props, NULL), SI_OK);
        assert_int_equal(props.width, 64);
        assert_int_equal(props.height, 32);
        si_recipe r = recipe(40, 0);
        si_image out = render(&r, dup(fd));
        assert_int_equal(out.height, 20);
        check(&out, 2, 2, 255, 0, 0, 6);
        check(&out, 37, 2, 0, 255, 0, 6);
        check(&out, 2, 17, 0, 0, 255, 6);
        check(&out, 37, 17, 255, 255, 0, 6);
        si_image_free(&out);

        r = recipe(0, 0); /* a crop counts in displayed pixels: the lower right quarter alone */
        r.crop_kind = SI_CROP_PIXELS;
        memcpy(r.crop, (double[]){32, 16, 32, 16}, sizeof r.crop);
        out = render(&r, fd);
        check(&out, 0, 0, 255, 255, 0, 6);
        check(&out, 31, 15, 255, 255, 0, 6);
        si_image_free(&out);
    }
}

/* An RGB profile in which red means sRGB's green, green its blue, blue its red. */
static void attach_swapped_profile(VipsImage *im) {
    const cmsCIExyY d65 = {0.3127, 0.3290, 1};
    const cmsCIExyYTRIPLE primaries = {{0.3, 0.6, 1}, {0.15, 0.06, 1}, {0.64, 0.33, 1}};
    cmsToneCurve *curve = cmsBuildParametricToneCurve(
        NULL, 4, (cmsFloat64Number[]){2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045});
    cmsToneCurve *curves[3] = {curve, curve, curve};
    cmsHPROFILE p = cmsCreateRGBProfile(&d65, &primaries, curves);
    cmsUInt32Number len = 0;
    cmsSaveProfileToMem(p, NULL, &len);
    void *data = g_malloc(len);
    cmsSaveProfileToMem(p, data, &len);
    vips_image_set_blob_copy(im, VIPS_META_ICC_NAME, data, len);
    g_free(data);
    cmsCloseProfile(p);
    cmsFreeToneCurve(curve);
}

static void wide_quarters(int x, int y, int *s) {
    quarters(x, y, s);
    for (int c = 0; c < 4; c++) {
        s[c] *= 257;
    }
}

static void profile(void **state) {
    (void)state;
    static const char *const suffixes[] = {
        ".png", ".jpg[Q=98,subsample_mode=off]", ".webp[lossless=true]", ".tif"};
    for (int i = 0; i < 5; i++) {
        VipsImage *im =
            i < 4 ? paint_image(64, 32, 3, 1, quarters) : paint_image(64, 32, 4, 2, wide_quarters);
        attach_swapped_profile(im);
        si_recipe r = recipe(0, 0);
        si_image out = render(&r, save(im, suffixes[i < 4 ? i : 0]));
        check(&out, 5, 5, 0, 255, 0, 6);  /* red → green */
        check(&out, 60, 5, 0, 0, 255, 6); /* green → blue */
        check(&out, 5, 28, 255, 0, 0, 6); /* blue → red */
        check(&out, 60, 28, 0, 255, 255, 6);
        si_image_free(&out);
    }
}

static void broken_profile(void **state) {
    (void)state;
    VipsImage *im = paint_image(64, 32, 3, 1, quarters);
    vips_image_set_blob_copy(im, VIPS_META_ICC_NAME, "not a profile at all, just some text", 36);
    si_recipe r = recipe(0, 0);
    si_image out = render(&r, save(im, ".jpg[Q=98,subsample_mode=off]"));
    check(&out, 5, 5, 255, 0, 0, 6);
    si_image_free(&out);
}

/* Columns of white, cyan, magenta, yellow, black in ink. */
static void inks(int x, int y, int *s) {
    (void)y;
    if (x >= 10) {
        s[x / 10 - 1] = 255;
    }
}

static void cmyk(void **state) {
    (void)state;
    static const char *const suffixes[] = {".tif", ".jpg[Q=98,subsample_mode=off]"};
    for (int i = 0; i < 2; i++) {
        VipsImage *im = paint_image(50, 10, 4, 1, inks);
        im->Type = VIPS_INTERPRETATION_CMYK;
        int fd = save(im, suffixes[i]);
        si_source_props props;
        assert_int_equal(si_render_props(fd, NULL, &props, NULL), SI_OK);
        assert_int_equal(props.channels, 4);
        assert_false(props.alpha);
        si_recipe r = recipe(0, 0);
        si_image out = render(&r, fd);
        assert_int_equal(out.channels, 3);
        check(&out, 5, 5, 255, 255, 255, 4);
        assert_true(at(&out, 15, 5)[0] < 60 && at(&out, 15, 5)[2] > 200); /* cyan */
        assert_true(at(&out, 25, 5)[1] < 60 && at(&out, 25, 5)[0] > 200); /* magenta */
        assert_true(at(&out, 35, 5)[2] < 60 && at(&out, 35, 5)[0] > 220); /* yellow */
        assert_true(at(&out, 45, 5)[0] < 60 && at(&out, 45, 5)[2] < 60);  /* black */
        si_image_free(&out);
    }
}

static void ramp16(int x, int y, int *s) {
    (void)y;
    s[0] = x * 257;
    s[1] = 65535;
}

static void ramp(int x, int y, int *s) {
    (void)y;
    s[0] = s[1] = s[2] = x;
}

/* At 1:1 a source without a profile comes through untouched, whatever the kernel. */
static void identity(void **state) {
    (void)state;
    for (int mode = SI_RESMODE_BILIN; mode <= SI_RESMODE_BISHARP; mode++) {
        for (int i = 0; i < 4; i++) {
            VipsImage *im = i == 0   ? paint_image(256, 3, 1, 2, ramp16)
                            : i == 1 ? paint_image(256, 3, 2, 2, ramp16)
                            : i == 2 ? paint_image(256, 3, 1, 1, ramp)
                                     : paint_image(256, 3, 3, 1, ramp);
            si_recipe r = recipe(0, 0);
            r.resmode = (si_resmode)mode;
            si_image out = render(&r, save(im, ".png"));
            assert_int_equal(out.channels, 3);
            for (int x = 0; x < 256; x++) {
                check(&out, x, 1, x, x, x, 0);
            }
            si_image_free(&out);
        }
    }
}

static void interlaced(void **state) {
    (void)state;
    static const char *const suffixes[] = {".png[interlace=true]", ".jpg[Q=98,interlace=true]",
        ".gif", ".tif[compression=lzw]", ".webp[lossless=true]", ".jp2[lossless=true]",
        ".png[palette=true]"};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        si_recipe r = recipe(32, 0);
        si_image out = render(&r, save(paint_image(64, 32, 3, 1, quarters), suffixes[i]));
        assert_int_equal(out.height, 16);
        check(&out, 2, 2, 255, 0, 0, 10);
        check(&out, 29, 2, 0, 255, 0, 10);
        check(&out, 2, 13, 0, 0, 255, 10);
        check(&out, 29, 13, 255, 255, 0, 10);
        si_image_free(&out);
    }
}

static const char svg_text[] =
    "<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg' "
    "xmlns:xlink='http://www.w3.org/1999/xlink' width='64' height='32'>"
    "<rect width='32' height='16' fill='#f00'/><rect x='32' y='16' width='32' height='16' "
    "fill='#00f'/>"
    "<image xlink:href='file:///etc/hostname' width='4' height='4'/></svg>";

static void svg(void **state) {
    (void)state;
    si_recipe r = recipe(640, 0); /* drawn at the size asked for: hard edges */
    r.alpha = true;
    si_image out = render(&r, to_fd(svg_text, sizeof svg_text - 1));
    assert_int_equal(out.height, 320);
    check(&out, 318, 100, 255, 0, 0, 1);
    assert_int_equal(at(&out, 318, 100)[3], 255);
    assert_int_equal(at(&out, 322, 100)[3], 0);
    check(&out, 322, 200, 0, 0, 255, 1);
    si_image_free(&out);
}

/* ---- alpha ---- */

static void alpha(void **state) {
    (void)state;
    si_recipe r = recipe(20, 0);
    r.bgc = 0x0000ff;
    int fd = save(paint_image(64, 32, 4, 1, half_red), ".png");
    si_image out = render(&r, dup(fd));
    assert_int_equal(out.channels, 3);
    check(&out, 10, 5, 128, 0, 127, 1);
    si_image_free(&out);

    r.alpha = true;
    out = render(&r, fd);
    assert_int_equal(out.channels, 4);
    check(&out, 10, 5, 255, 0, 0, 0);
    assert_int_equal(at(&out, 10, 5)[3], 128);
    si_image_free(&out);

    out = render(&r, save(paint_image(64, 32, 3, 1, quarters), ".png"));
    assert_int_equal(out.channels, 4);
    assert_false(si_image_has_transparency(&out));
    si_image_free(&out);
}

/* Transparent green beside opaque red. */
static void fringe(int x, int y, int *s) {
    (void)y;
    set(s, x < 32 ? 255 : 0, x < 32 ? 0 : 255, 0, x < 32 ? 255 : 0);
}

/* Invisible colours do not bleed into visible ones. */
static void premultiplied(void **state) {
    (void)state;
    si_recipe r = recipe(9, 0);
    r.alpha = true;
    si_image out = render(&r, save(paint_image(64, 32, 4, 1, fringe), ".png"));
    for (int x = 0; x < 9; x++) {
        if (at(&out, x, 2)[3] > 0) {
            check(&out, x, 2, 255, 0, 0, 0);
        }
    }
    si_image_free(&out);
}

static void crop_beyond(void **state) {
    (void)state;
    si_recipe r = recipe(0, 0);
    r.bgc = 0x102030;
    r.crop_kind = SI_CROP_PIXELS;
    memcpy(r.crop, (double[]){-10, -10, 84, 52}, sizeof r.crop);
    int fd = save(paint_image(64, 32, 3, 1, quarters), ".png");
    si_image out = render(&r, dup(fd));
    assert_int_equal(out.width, 84);
    assert_int_equal(out.height, 52);
    check(&out, 9, 20, 16, 32, 48, 0);
    check(&out, 10, 10, 255, 0, 0, 0);
    check(&out, 73, 41, 255, 255, 0, 0);
    check(&out, 74, 41, 16, 32, 48, 0);
    si_image_free(&out);

    r.alpha = true;
    out = render(&r, dup(fd));
    assert_int_equal(at(&out, 0, 0)[3], 0);
    assert_int_equal(at(&out, 10, 10)[3], 255);
    si_image_free(&out);

    r.alpha = false; /* wholly outside: nothing but background */
    memcpy(r.crop, (double[]){100, 0, 20, 20}, sizeof r.crop);
    out = render(&r, fd);
    check(&out, 10, 10, 16, 32, 48, 0);
    si_image_free(&out);
}

static void grey(void **state) {
    (void)state;
    si_recipe r = recipe(0, 0);
    r.pixel_type = SI_PIXEL_GRAY;
    si_image out = render(&r, save(paint_image(64, 32, 3, 1, quarters), ".png"));
    assert_true(out.grey);
    check(&out, 5, 5, 127, 127, 127, 1);  /* red: 0.2126 of linear light */
    check(&out, 60, 5, 220, 220, 220, 1); /* green: 0.7152 */
    check(&out, 5, 28, 76, 76, 76, 1);    /* blue: 0.0722 */
    si_image_free(&out);
}

/* ---- geometry in pixels ---- */

static void padding(void **state) {
    (void)state;
    int fd = save(paint_image(64, 32, 3, 1, quarters), ".png");
    si_recipe r = recipe(40, 40);
    r.bgc = 0x102030;
    si_image out = render(&r, dup(fd)); /* 40×20 at 0,10 */
    check(&out, 5, 9, 16, 32, 48, 0);
    check(&out, 5, 10, 255, 0, 0, 2);
    check(&out, 35, 29, 255, 255, 0, 2);
    check(&out, 35, 30, 16, 32, 48, 0);
    si_image_free(&out);

    r.align[1] = -1;
    out = render(&r, dup(fd));
    check(&out, 5, 0, 255, 0, 0, 2);
    check(&out, 5, 20, 16, 32, 48, 0);
    si_image_free(&out);

    r = recipe(16, 16); /* crop: 32×16 at −8,0 */
    r.fit = SI_FIT_CROP;
    out = render(&r, dup(fd));
    check(&out, 0, 0, 255, 0, 0, 2);
    check(&out, 15, 15, 255, 255, 0, 2);
    si_image_free(&out);

    r.align[0] = -1; /* left end: only the left quarters */
    out = render(&r, dup(fd));
    check(&out, 12, 3, 255, 0, 0, 2);
    check(&out, 12, 12, 0, 0, 255, 2);
    si_image_free(&out);

    r = recipe(100, 80); /* too small a source: unscaled in the middle, at 18,24 */
    r.fit = SI_FIT_STRETCH;
    r.alpha = true;
    out = render(&r, fd);
    assert_int_equal(at(&out, 17, 30)[3], 0);
    assert_int_equal(at(&out, 18, 24)[3], 255);
    assert_int_equal(at(&out, 81, 55)[3], 255);
    assert_int_equal(at(&out, 82, 55)[3], 0);
    si_image_free(&out);
}

static void tiles(void **state) {
    (void)state;
    int fd = save(paint_image(700, 500, 3, 1, waves), ".png");
    si_recipe r = recipe(333, 0);
    r.usm = (si_usm){.amount = 1.75, .radius = 1.3, .threshold = 2};
    r.sharpen = true;
    for (int twice = 0; twice < 2; twice++) {
        r.dpr = twice ? 1.5 : 1;
        si_image whole = render(&r, dup(fd));
        si_recipe t = r;
        t.has_rect = true;
        for (int i = 0; i < 4; i++) {
            memcpy(t.rect, (int[]){i % 2 * 128, i / 2 * 64, 128, 64}, sizeof t.rect);
            si_image tile = render(&t, dup(fd));
            assert_int_equal(tile.width, twice ? 192 : 128);
            int x = twice ? i % 2 * 192 : i % 2 * 128, y = twice ? i / 2 * 96 : i / 2 * 64;
            assert_true(largest_difference(&whole, &tile, x, y) <= 1);
            si_image_free(&tile);
        }
        si_image_free(&whole);
    }
    /* beyond the view there is background, even where fit=crop left composite over */
    r = recipe(100, 100);
    r.fit = SI_FIT_CROP;
    r.bgc = 0x102030;
    r.has_rect = true;
    memcpy(r.rect, (int[]){-20, -20, 140, 140}, sizeof r.rect);
    si_image out = render(&r, fd);
    check(&out, 19, 60, 16, 32, 48, 0);
    check(&out, 120, 60, 16, 32, 48, 0);
    assert_int_not_equal(at(&out, 20, 60)[0], 16);
    si_image_free(&out);
}

/* Decoding at a reduced size gives the picture that decoding in full gives, and at the same place.
 */
static void shrink_on_load(void **state) {
    (void)state;
    for (int odd = 0; odd < 2; odd++) {
        int w = 800 + 7 * odd, h = 600 + 5 * odd;
        int jpeg = save(paint_image(w, h, 3, 1, waves), ".jpg[Q=97,subsample_mode=off]");
        int webp = save(paint_image(w, h, 3, 1, waves), ".webp[lossless=true,effort=0]");
        int jp2 = save(paint_image(w, h, 3, 1, waves), ".jp2[lossless=true]");
        int png = save(paint_image(w, h, 3, 1, waves), ".png");
        static const int widths[] = {45, 75, 195, 400};
        for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
            si_recipe r = recipe(widths[i], 0);
            r.crop_kind = odd ? SI_CROP_PIXELS : SI_CROP_NONE;
            memcpy(r.crop, (double[]){53, 25, 657, 501}, sizeof r.crop);
            si_image full = render(&r, dup(png));
            int fds[] = {jpeg, webp, jp2};
            for (int k = 0; k < 3; k++) {
                si_image small = render(&r, dup(fds[k]));
                double quality = psnr(&full, &small);
                if (quality < 38) {
                    fail_msg("width %d, source %d: only %.1f dB", widths[i], k, quality);
                }
                si_image_free(&small);
            }
            si_image_free(&full);
        }
        close(jpeg), close(webp), close(jp2), close(png);
    }
}

/* Reductions that average whole blocks first agree with libvips' own reduction (away from the
 * edges, which the two repeat differently). */
static void block_reduction(void **state) {
    (void)state;
    VipsImage *im = paint_image(3000, 2400, 3, 1, slow_waves), *small;
    assert_int_equal(vips_resize(im, &small, 0.01, NULL), 0);
    si_recipe r = recipe(30, 0);
    si_image out = render(&r, save(im, ".png"));
    for (int y = 3; y < out.height - 3; y++) {
        for (int x = 3; x < out.width - 3; x++) {
            double *p;
            int n;
            vips_getpoint(small, &p, &n, x, y, NULL);
            check(&out, x, y, (int)p[0], (int)p[1], (int)p[2], 3);
            g_free(p);
        }
    }
    si_image_free(&out);
    g_object_unref(small);
}

static void density(void **state) {
    (void)state;
    int fd = save(paint_image(2000, 1500, 3, 1, waves), ".jpg");
    static const struct {
        double dpr;
        int w, h;
    } rows[] = {{1, 500, 400}, {2, 1000, 800}, {1.5, 750, 600}, {0.5, 250, 200}, {3, 1500, 1200},
        {9, 2000, 1600}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        si_recipe r = recipe(500, 400);
        r.dpr = rows[i].dpr;
        si_image out = render(&r, dup(fd));
        assert_int_equal(out.width, rows[i].w);
        assert_int_equal(out.height, rows[i].h);
        si_image_free(&out);
    }
    close(fd);
}

/* ---- filters ---- */

static si_image plain(int w, int h, int channels, int level) {
    si_image im;
    assert_int_equal(si_image_alloc(&im, w, h, channels, NULL), SI_OK);
    memset(im.pixels, level, im.stride * (size_t)h);
    return im;
}

static void sharpen(void **state) {
    (void)state;
    si_image im = plain(9, 9, 3, 50);
    memset((uint8_t *)at(&im, 4, 4), 60, 3);
    assert_int_equal(si_filter_sharpen(&im, NULL), SI_OK);
    check(&im, 4, 4, 80, 80, 80, 0); /* 3·60 − ½·4·50 */
    check(&im, 3, 4, 45, 45, 45, 0); /* 3·50 − ½·(60 + 3·50) */
    check(&im, 4, 5, 45, 45, 45, 0);
    check(&im, 3, 3, 50, 50, 50, 0);
    check(&im, 0, 0, 50, 50, 50, 0);
    si_image_free(&im);
}

static void usm(void **state) {
    (void)state;
    /* G of a single brighter pixel, radius 1: centre 0.3829² = 0.1466, beside 0.3829·0.2417 =
     * 0.0926 */
    si_image im = plain(15, 15, 3, 100);
    memset((uint8_t *)at(&im, 7, 7), 150, 3);
    assert_int_equal(si_filter_usm(&im, 2, 1, 0, false, NULL), SI_OK);
    check(&im, 7, 7, 235, 235, 235, 1); /* 150 + 2·(150 − 107.3) */
    check(&im, 8, 7, 91, 91, 91, 1);    /* 100 − 2·4.63 */
    check(&im, 0, 0, 100, 100, 100, 0);
    si_image_free(&im);

    im = plain(15, 15, 3, 100); /* below the threshold nothing moves, at it everything does */
    memset((uint8_t *)at(&im, 7, 7), 150, 3);
    assert_int_equal(si_filter_usm(&im, 2, 1, 42, false, NULL), SI_OK);
    check(&im, 7, 7, 235, 235, 235, 1);
    check(&im, 8, 7, 100, 100, 100, 0);
    si_image_free(&im);

    im = plain(15, 15, 3, 100); /* mono: all colours move by the same amount */
    ((uint8_t *)at(&im, 7, 7))[1] = 150;
    assert_int_equal(si_filter_usm(&im, 1, 1, 0, true, NULL), SI_OK);
    check(&im, 7, 7, 125, 175, 125, 1); /* 0.587·50·(1 − 0.1466) = 25.0 */
    si_image_free(&im);

    im = plain(15, 15, 4, 100);
    si_filter_usm(&im, 0, 5, 0, false, NULL) == SI_OK ? (void)0 : fail();
    si_filter_usm(&im, 5, 0, 0, false, NULL) == SI_OK ? (void)0 : fail();
    si_filter_usm(&im, 5, 250, 0, false, NULL) == SI_OK ? (void)0 : fail();
    for (int i = 0; i < 15; i++) {
        check(&im, i, i, 100, 100, 100, 0);
    }
    si_image_free(&im);
}

/* The box filters of large radii continue the exact Gaussian of small ones. */
static void usm_boxes(void **state) {
    (void)state;
    si_image a = plain(200, 60, 3, 80), b;
    for (int y = 0; y < 60; y++) {
        memset((uint8_t *)at(&a, 100, y), 160, 300);
    }
    b = plain(200, 60, 3, 80);
    memcpy(b.pixels, a.pixels, a.stride * 60);
    assert_int_equal(si_filter_usm(&a, 1, 7.999, 0, false, NULL), SI_OK);
    assert_int_equal(si_filter_usm(&b, 1, 8.001, 0, false, NULL), SI_OK);
    assert_true(largest_difference(&a, &b, 0, 0) <= 1);
    check(&a, 99, 30, 42, 42, 42, 2); /* ½ level step: 80 − 40 + a little */
    si_image_free(&a);
    si_image_free(&b);
}

/* ---- errors ---- */

static void expect_error(const si_recipe *r, int fd, si_result code, const char *what) {
    si_image im = {0};
    si_diag diag = {0};
    si_result got = si_render(r, fd, NULL, &im, &diag);
    if (got != code || im.pixels != NULL || diag.text[0] == '\0' ||
        strchr(diag.text, '/') != NULL) {
        fail_msg("%s: code %d, text \"%s\"", what, got, diag.text);
    }
    close(fd);
}

static void truncated(void **state) {
    (void)state;
    static const char *const suffixes[] = {".jpg", ".jpg[interlace=true]", ".png",
        ".png[interlace=true]", ".webp", ".tif", ".tif[compression=lzw]", ".jp2", ".gif"};
    si_recipe r = recipe(100, 0);
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        for (int k = 1; k < 10; k += 4) {
            int fd = save_part(paint_image(400, 300, 3, 1, waves), suffixes[i], k / 10.0);
            expect_error(&r, fd, SI_ERR_SOURCE, suffixes[i]);
        }
    }
}

static void refusals(void **state) {
    (void)state;
    si_recipe r = recipe(100, 0);
    expect_error(&r, to_fd("", 0), SI_ERR_SOURCE, "empty");
    expect_error(&r, to_fd("x", 1), SI_ERR_SOURCE, "one byte");
    expect_error(&r, to_fd("<html><body>hello</body></html>", 31), SI_ERR_SOURCE, "html");
    expect_error(&r, to_fd("8BPS\0\1", 6), SI_ERR_SOURCE, "psd");
    expect_error(&r, to_fd("%PDF-1.4", 8), SI_ERR_SOURCE, "pdf");
    /* kinds that libvips could read, but that are not let in */
    expect_error(&r, to_fd("P6 1 1 255 abc", 14), SI_ERR_SOURCE, "ppm");

    int fd = save(paint_image(64, 32, 3, 1, quarters), ".png");
    r.pixel_type = SI_PIXEL_CMYK;
    expect_error(&r, dup(fd), SI_ERR_UNSUPPORTED, "cmyk");
    r = recipe(100, 0);
    r.icc = "SWOP";
    expect_error(&r, dup(fd), SI_ERR_UNSUPPORTED, "profile");
    r.icc = "srgb iec61966-2.1";
    si_image im = render(&r, dup(fd));
    si_image_free(&im);
    r = recipe(9000, 0);
    r.hei = 9000;
    expect_error(&r, dup(fd), SI_ERR_LIMIT, "view pixels");
    si_render_limits limits = {.max_source_pixels = 2000};
    r = recipe(10, 0);
    si_diag diag = {0};
    assert_int_equal(si_render(&r, fd, &limits, &im, &diag), SI_ERR_LIMIT);
    assert_string_equal(
        diag.text, "the source image of 64×32 pixels exceeds the limit of 2000 pixels");
    close(fd);
}

static void properties(void **state) {
    (void)state;
    VipsImage *im = paint_image(64, 32, 4, 1, half_red);
    im->Xres = im->Yres = 300 / 25.4;
    attach_swapped_profile(im);
    int fd = save(im, ".png");
    si_source_props p;
    assert_int_equal(si_render_props(fd, NULL, &p, NULL), SI_OK);
    assert_int_equal(p.width, 64);
    assert_int_equal(p.height, 32);
    assert_true(p.alpha && p.has_icc && !p.has_xmp);
    assert_int_equal(p.channels, 3);
    assert_true(fabs(p.print_res - 300) < 0.2);
    assert_string_equal(p.icc_name, "RGB built-in");
    assert_string_equal(p.format, "png");
    close(fd);
}

/* ---- corpus ---- */

/* Of processor time: the machine may be busy with other things. */
static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long peak_megabytes(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_maxrss / 1024;
}

static int render_file(const char *folder, const char *name) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    si_recipe r = recipe(200, 0);
    si_image im = {0};
    si_diag diag = {0};
    double start = seconds();
    si_result code = si_render(&r, fd, NULL, &im, &diag);
    double took = seconds() - start;
    if (code != SI_OK) {
        print_message("  %s: %s\n", name, diag.text);
    }
    assert_true(code == SI_OK || code == SI_ERR_SOURCE || code == SI_ERR_LIMIT);
    assert_true((code == SI_OK) == (im.pixels != NULL));
    assert_null(strstr(diag.text, "/work"));
    if (took > MAX_SECONDS) {
        fail_msg("%s takes %.1f s", name, took);
    }
    si_image_free(&im);
    close(fd);
    return code == SI_OK;
}

static void corpus_folder(const char *part, int *served, int *files) {
    char folder[512];
    const char *root = getenv("SMARTIMG_SHARED");
    snprintf(folder, sizeof folder, "%s/corpus/%s", root != NULL ? root : "/nowhere", part);
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        print_message("  SMARTIMG_SHARED names no corpus: skipped\n");
        skip();
    }
    print_message("%s, refused:\n", part);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] != '.') {
            *served += render_file(folder, e->d_name);
            ++*files;
        }
    }
    closedir(dir);
    print_message("  %d of %d served, peak %ld MB\n", *served, *files, peak_megabytes());
#if !SI_SANITIZED
    assert_true(peak_megabytes() < 1000); /* with MALLOC_PERTURB_, which touches all of it */
#endif
}

static void corpus_odd(void **state) {
    (void)state;
    int served = 0, files = 0;
    corpus_folder("odd", &served, &files);
    assert_int_equal(files - served, 5); /* two PSD, BMP, ICO, JPEG XR */
}

static void corpus_broken(void **state) {
    (void)state;
    int served = 0, files = 0;
    corpus_folder("broken", &served, &files);
    assert_true(files > 0);
}

static int start(void **state) {
    (void)state;
    si_diag diag = {0};
    return si_render_start(&diag) == SI_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orientations),
        cmocka_unit_test(profile),
        cmocka_unit_test(broken_profile),
        cmocka_unit_test(cmyk),
        cmocka_unit_test(identity),
        cmocka_unit_test(interlaced),
        cmocka_unit_test(svg),
        cmocka_unit_test(alpha),
        cmocka_unit_test(premultiplied),
        cmocka_unit_test(crop_beyond),
        cmocka_unit_test(grey),
        cmocka_unit_test(padding),
        cmocka_unit_test(tiles),
        cmocka_unit_test(shrink_on_load),
        cmocka_unit_test(block_reduction),
        cmocka_unit_test(density),
        cmocka_unit_test(sharpen),
        cmocka_unit_test(usm),
        cmocka_unit_test(usm_boxes),
        cmocka_unit_test(truncated),
        cmocka_unit_test(refusals),
        cmocka_unit_test(properties),
        cmocka_unit_test(corpus_odd),
        cmocka_unit_test(corpus_broken),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
