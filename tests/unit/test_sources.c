/* Originals: every kind of file, its colours, its defects; and the corpus where there is one. */
#include "pictures.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <lcms2.h>

#include "base/sanitize.h"

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
        layer.crop_unit = SI_UNIT_PIXELS;
        memcpy(layer.crop, (double[]){32, 16, 32, 16}, sizeof layer.crop);
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
            r.picture.view.resmode = (si_resmode)mode;
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

/* ---- errors ---- */

static void expect_error(const si_recipe *r, int fd, si_result code, const char *what) {
    si_image im = {0};
    si_diag diag = {0};
    si_files files = si_files_of_fd(&fd);
    si_result got = si_render(r, &files, NULL, &im, &diag);
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
    r.format = SI_FORMAT_PNG; /* cannot hold it */
    expect_error(&r, dup(fd), SI_ERR_UNSUPPORTED, "cmyk");
    r = recipe(100, 0);
    r.icc_name = "SWOP"; /* nothing that can be computed */
    expect_error(&r, dup(fd), SI_ERR_NOT_FOUND, "profile");
    r.icc.path = "picture.png"; /* a file that is no profile */
    expect_error(&r, dup(fd), SI_ERR_SOURCE, "file");
    r.icc.path = "";
    r.icc_name = "srgb iec61966-2.1";
    si_image im = render(&r, dup(fd));
    si_image_free(&im);
    r = recipe(9000, 0);
    r.picture.view.hei = 9000;
    expect_error(&r, dup(fd), SI_ERR_LIMIT, "view pixels");
    si_render_limits limits = {.max_source_pixels = 2000};
    r = recipe(10, 0);
    si_diag diag = {0};
    si_files files = si_files_of_fd(&fd);
    assert_int_equal(si_render(&r, &files, &limits, &im, &diag), SI_ERR_LIMIT);
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
    si_files files = si_files_of_fd(&fd);
    si_image im = {0};
    si_diag diag = {0};
    si_result code = si_render(&r, &files, NULL, &im, &diag);
    if (code != SI_OK) {
        print_message("  %s: %s\n", name, diag.text);
    }
    assert_true(code == SI_OK || code == SI_ERR_SOURCE || code == SI_ERR_LIMIT);
    assert_true((code == SI_OK) == (im.pixels != NULL));
    assert_null(strstr(diag.text, "/work"));
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orientations),
        cmocka_unit_test(profile),
        cmocka_unit_test(broken_profile),
        cmocka_unit_test(cmyk),
        cmocka_unit_test(identity),
        cmocka_unit_test(interlaced),
        cmocka_unit_test(svg),
        cmocka_unit_test(truncated),
        cmocka_unit_test(refusals),
        cmocka_unit_test(properties),
        cmocka_unit_test(corpus_odd),
        cmocka_unit_test(corpus_broken),
    };
    return cmocka_run_group_tests(tests, start_render, NULL);
}
