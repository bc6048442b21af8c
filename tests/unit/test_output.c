/* Replies as asked for: output profiles, gray and inks, what is embedded, jpegSize, animations. */
#include "pictures.h"

#include "codec/animation.h"
#include "codec/codec.h"
#include "codec/profile.h"
#include "render/frames.h"
#include "render/embeds.h"
#include "renderer/motion.h"

/* ---- files by name ---- */

static si_bytes profile_file, source_file;

static int open_named(void *context, const si_file_ref *file, si_diag *diag) {
    (void)context, (void)diag;
    const si_bytes *b = strcmp(file->path, "profile") == 0 ? &profile_file : &source_file;
    return to_fd(b->data, b->len);
}

static const si_files named = {.open = open_named};

static si_image render_named(const si_recipe *r) {
    si_image im = {0};
    si_diag diag = {0};
    if (si_render(r, &named, NULL, &im, &diag) != SI_OK) {
        fail_msg("render: %s", diag.text);
    }
    return im;
}

static void set_bytes(si_bytes *b, const void *data, size_t len) {
    si_bytes_free(b);
    assert_true(si_bytes_append(b, data, len));
}

static si_bytes make_profile(const char *name) {
    si_bytes out = {0};
    assert_int_equal(si_profile_make(si_icc_space_by_name(name, strlen(name)), &out, NULL), SI_OK);
    return out;
}

static void set_cmyk_profile(si_bytes *b) {
    VipsBlob *blob = NULL;
    size_t len;
    assert_int_equal(vips_profile_load("cmyk", &blob, NULL), 0);
    const void *data = vips_blob_get(blob, &len);
    set_bytes(b, data, len);
    vips_area_unref(VIPS_AREA(blob));
}

/* A TIFF source of these pixels; `icc` may be empty. */
static void set_source(const si_image *im, const si_bytes *icc) {
    si_encode_params p = {.icc = icc->data, .icc_len = icc->len};
    si_bytes out = {0};
    assert_int_equal(si_codec_encode(SI_FORMAT_TIFF, im, &p, &out, NULL), SI_OK);
    si_bytes_move(&source_file, &out);
}

/* One colour, 8×8 pixels. */
static si_image flat(int channels, const uint8_t *pixel) {
    si_image im = {0};
    assert_int_equal(si_image_alloc(&im, 8, 8, channels, NULL), SI_OK);
    for (int i = 0; i < 64; i++) {
        memcpy(im.pixels + (size_t)(i / 8) * im.stride + (size_t)(i % 8 * channels), pixel,
            (size_t)channels);
    }
    return im;
}

static void expect_near(const si_image *im, const int *want, int n, int slack) {
    for (int k = 0; k < n; k++) {
        if (abs(im->pixels[k] - want[k]) > slack) {
            fail_msg("component %d: %d instead of %d", k, im->pixels[k], want[k]);
        }
    }
}

/* ---- output colours ---- */

static void standard_spaces(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint8_t from[3];
        int to[3];
    } rows[] = {{"AdobeRGB", {255, 0, 0}, {219, 0, 0}},
        {"Adobe RGB (1998)", {0, 255, 0}, {144, 255, 60}}, {"AdobeRGB", {0, 0, 255}, {0, 0, 250}},
        {"DisplayP3", {255, 0, 0}, {234, 51, 35}}, {"displayp3", {0, 255, 0}, {117, 251, 76}},
        {"DisplayP3", {128, 128, 128}, {128, 128, 128}}, {"sRGB", {1, 2, 3}, {1, 2, 3}}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_bytes icc = make_profile(rows[i].name);
        si_target t = {.profile = {icc.data, icc.len}, .intent = SI_INTENT_RELATIVE, .bpc = true};
        si_image im = flat(3, rows[i].from);
        assert_int_equal(si_target_convert(&im, &t, NULL), SI_OK);
        expect_near(&im, rows[i].to, 3, 1);
        si_image_free(&im);
        si_bytes_free(&icc);
    }
    assert_null(si_icc_space_by_name("SWOP", 4));
}

static void naive_inks(void **state) {
    (void)state;
    static const struct {
        uint8_t from[4], to[5];
    } rows[] = {{{255, 255, 255, 9}, {0, 0, 0, 0, 9}}, {{0, 0, 0, 255}, {0, 0, 0, 255, 255}},
        {{255, 0, 0, 0}, {0, 255, 255, 0, 0}}, {{128, 64, 0, 128}, {0, 128, 255, 127, 128}}};
    const si_target t = {.type = SI_PIXEL_CMYK};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int channels = 3; channels <= 4; channels++) {
            si_image im = flat(channels, rows[i].from);
            assert_int_equal(si_target_convert(&im, &t, NULL), SI_OK);
            assert_true(im.cmyk);
            assert_int_equal(im.channels, channels + 1);
            assert_memory_equal(im.pixels, rows[i].to, (size_t)channels + 1);
            si_image_free(&im);
        }
    }
}

static void gray_profiles_and_dithering(void **state) {
    (void)state;
    const uint8_t grey[3] = {128, 128, 128};
    const double exact = 255 * pow(pow((128 / 255.0 + 0.055) / 1.055, 2.4), 1 / 1.8);
    si_bytes icc = make_profile("Gray18");
    for (int dither = 0; dither < 2; dither++) {
        si_target t = {.type = SI_PIXEL_GRAY,
            .profile = {icc.data, icc.len},
            .intent = SI_INTENT_RELATIVE,
            .dither = dither};
        si_image im = flat(3, grey);
        assert_int_equal(si_target_convert(&im, &t, NULL), SI_OK);
        assert_true(im.grey);
        double sum = 0;
        bool same = true;
        for (int i = 0; i < 64; i++) {
            const uint8_t *p = im.pixels + (size_t)(i / 8) * im.stride + (size_t)(i % 8 * 3);
            assert_true(p[0] == p[1] && p[1] == p[2]);
            sum += p[0];
            same &= p[0] == im.pixels[0];
        }
        assert_true(fabs(sum / 64 - exact) < (dither ? 0.1 : 0.6));
        assert_int_equal(same, !dither);
        si_image_free(&im);
    }
    si_bytes_free(&icc);
}

static void wide_colours_survive(void **state) {
    (void)state;
    const uint8_t green[3] = {10, 250, 20}; /* far outside sRGB */
    si_bytes adobe = make_profile("AdobeRGB");
    si_image im = flat(3, green);
    set_source(&im, &adobe);
    si_recipe r = recipe(0, 0);
    si_image srgb = render_named(&r);
    expect_near(&srgb, (const int[]){0, 250, 0}, 3, 1); /* clipped */
    r.icc_name = "AdobeRGB";
    si_image kept = render_named(&r);
    expect_near(&kept, (const int[]){10, 250, 20}, 3, 0);
    r.icc.path = "/AdobeRGB"; /* as recipes name it */
    si_image again = render_named(&r);
    assert_memory_equal(again.pixels, kept.pixels, 3);
    si_image_free(&again);
    r.icc.path = "";
    r.icc_name = "ProPhoto";
    si_image other = render_named(&r);
    assert_true(other.pixels[0] > 60 && other.pixels[1] < 240); /* well inside that space */
    si_image_free(&im);
    si_image_free(&srgb);
    si_image_free(&kept);
    si_image_free(&other);
    si_bytes_free(&adobe);
}

static void assumed_profiles(void **state) {
    (void)state;
    const uint8_t colour[3] = {200, 100, 50};
    si_image im = flat(3, colour);
    profile_file = make_profile("AdobeRGB");
    set_source(&im, &(si_bytes){0});
    si_recipe r = recipe(0, 0);
    si_image plain = render_named(&r);
    expect_near(&plain, (const int[]){200, 100, 50}, 3, 0);
    r.assumed[SI_PIXEL_RGB].path = "profile";
    si_image adobe = render_named(&r);
    assert_true(adobe.pixels[0] > 220); /* Adobe's red is redder */
    set_source(&im, &profile_file);     /* what is embedded counts more */
    r.assumed[SI_PIXEL_RGB].path = "";
    si_image embedded = render_named(&r);
    assert_memory_equal(embedded.pixels, adobe.pixels, 3);
    si_image_free(&im);
    si_image_free(&plain);
    si_image_free(&adobe);
    si_image_free(&embedded);
}

static void inks_are_kept(void **state) {
    (void)state;
    const uint8_t inks[4] = {200, 10, 77, 130}; /* more than any conversion would leave */
    si_image im = flat(4, inks);
    im.cmyk = true;
    set_cmyk_profile(&profile_file);
    set_source(&im, &profile_file);
    si_recipe r = recipe(0, 0);
    r.format = SI_FORMAT_TIFF;
    r.pixel_type = SI_PIXEL_CMYK;
    for (int i = 0; i < 3; i++) {
        r.icc.path = i == 1 ? "profile" : "";
        r.pixel_type = i == 2 ? SI_PIXEL_RGB : SI_PIXEL_CMYK;
        r.pixel_keep = i == 2;
        si_image out = render_named(&r);
        assert_true(out.cmyk);
        assert_memory_equal(out.pixels, inks, 4);
        si_image_free(&out);
    }
    layer.adjustments.ops.sharpen =
        true; /* then it must pass through RGB, and to the file's profile */
    si_image out = render_named(&r);
    assert_true(out.cmyk);
    assert_memory_not_equal(out.pixels, inks, 4);
    si_image_free(&out);
    r = recipe(16, 16); /* room around it: naive white */
    r.format = SI_FORMAT_TIFF;
    r.pixel_type = SI_PIXEL_CMYK;
    r.bgc = 0xff0000;
    r.picture.view.wid = 16;
    r.picture.view.hei = 8;
    out = render_named(&r);
    assert_int_equal(out.width, 16);
    assert_memory_equal(out.pixels, "\0\xff\xff\0", 4);
    assert_memory_equal(out.pixels + 8 * 4, inks, 4);
    si_image_free(&out);
    r.format = SI_FORMAT_JPEG; /* RGB is RGB */
    r.pixel_type = SI_PIXEL_RGB;
    out = render_named(&r);
    assert_false(out.cmyk);
    si_image_free(&out);
    si_image_free(&im);
}

static void expect_code(const si_recipe *r, si_result code) {
    si_image im = {0};
    si_diag diag = {0};
    assert_int_equal(si_render(r, &named, NULL, &im, &diag), code);
    assert_int_equal(diag.code, code);
    assert_null(im.pixels);
}

static void profiles_that_do_not_fit(void **state) {
    (void)state;
    const uint8_t colour[3] = {200, 100, 50};
    si_image im = flat(3, colour);
    set_source(&im, &(si_bytes){0});
    set_cmyk_profile(&profile_file);
    si_recipe r = recipe(0, 0);
    r.icc.path = "profile";
    r.format = SI_FORMAT_PNG;
    expect_code(&r, SI_ERR_UNSUPPORTED);
    r.format = SI_FORMAT_JPEG;
    si_image out = render_named(&r);
    assert_true(out.cmyk);
    si_image_free(&out);
    memset(profile_file.data + 128, 0xff, 400); /* tags that lead nowhere */
    expect_code(&r, SI_ERR_SOURCE);
    set_bytes(&profile_file, "no profile", 10);
    expect_code(&r, SI_ERR_SOURCE);
    r.icc.path = "";
    r.icc_name = "no such name";
    expect_code(&r, SI_ERR_NOT_FOUND);
    si_image_free(&im);
}

/* ---- what is embedded ---- */

/* A block with a path of one closed knot at x = ¼, y = ½, one open knot, and another resource. */
static const uint8_t blocks[] = "8BIM\x04\x04\0\0\0\0\0\2ab"
                                "8BIM\x07\xd0\4path\0\0\0\0\x68"
                                "\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                "\0\1\0\x80\0\0\0\x40\0\0\0\x80\0\0\0\x40\0\0\0\x80\0\0\0\x40\0\0"
                                "\0\3\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                "\0\4\0\x80\0\0\0\x40\0\0\0\x80\0\0\0\x40\0\0\0\x80\0\0\0\x40\0\0";

static void metadata_travels(void **state) {
    (void)state;
    static const char xmp[] = "<x:xmpmeta xmlns:x='adobe:ns:meta/'/>";
    static const si_format formats[] = {SI_FORMAT_JPEG, SI_FORMAT_TIFF};
    const uint8_t colour[3] = {200, 100, 50};
    si_image im = flat(3, colour);
    for (size_t i = 0; i < 2; i++) {
        si_encode_params p = {.quality = 90,
            .dpi = 240,
            .xmp = xmp,
            .xmp_len = sizeof xmp - 1,
            .paths = blocks,
            .paths_len = sizeof blocks - 1};
        si_bytes file = {0};
        assert_int_equal(si_codec_encode(formats[i], &im, &p, &file, NULL), SI_OK);
        si_bytes_move(&source_file, &file);
        si_recipe r = recipe(0, 0);
        r.xmp_embed = r.path_embed = r.icc_embed = true;
        r.print_res = -1;
        layer.crop_unit = SI_UNIT_PIXELS; /* the left half: x doubles */
        memcpy(layer.crop, (const double[4]){0, 0, 4, 8}, sizeof layer.crop);
        si_output_embeds e = {0};
        si_diag diag = {0};
        if (si_output_embeds_load(&r, &named, NULL, &e, &diag) != SI_OK) {
            fail_msg("%s", diag.text);
        }
        assert_int_equal(e.params.dpi, 240);
        assert_int_equal(e.params.xmp_len, sizeof xmp - 1);
        assert_memory_equal(e.params.xmp, xmp, sizeof xmp - 1);
        assert_int_equal(e.params.paths_len, 4 + 2 + 6 + 4 + 2 * 26); /* one block, two records */
        const uint8_t *knot = (const uint8_t *)e.params.paths + 16 + 26;
        assert_memory_equal(knot, "\0\1\0\x80\0\0\0\x80\0\0", 10);
        si_pixel_type type;
        assert_true(si_icc_type(e.params.icc, e.params.icc_len, &type) && type == SI_PIXEL_RGB);
        si_output_embeds_free(&e);
        r.format = SI_FORMAT_WEBP; /* carries nothing of it */
        assert_int_equal(si_output_embeds_load(&r, &named, NULL, &e, &diag), SI_OK);
        assert_true(e.params.icc == NULL && e.params.xmp == NULL && e.params.paths == NULL);
        si_output_embeds_free(&e);
    }
    si_image_free(&im);
}

static void forced_colours_are_read(void **state) {
    (void)state;
    si_recipe r = recipe(0, 0);
    r.quantize.forced = "000000,FF8001";
    si_output_embeds e = {0};
    assert_int_equal(si_output_embeds_load(&r, &named, NULL, &e, NULL), SI_OK);
    assert_int_equal(e.params.quantize.forced_count, 2);
    assert_int_equal(e.params.quantize.forced[1], 0xff8001);
    si_output_embeds_free(&e);
}

/* ---- jpegSize ---- */

static void byte_budget(void **state) {
    (void)state;
    si_image im = {0};
    assert_int_equal(si_image_alloc(&im, 200, 150, 3, NULL), SI_OK);
    uint32_t noise = 1;
    for (size_t i = 0; i < im.stride * (size_t)im.height; i++) {
        noise = noise * 1664525u + 1013904223u;
        im.pixels[i] = (uint8_t)(noise >> 24);
    }
    si_encode_params p = {.quality = 90, .effort = 6};
    si_bytes file = {0}, more = {0};
    si_diag diag = {0};
    float quality;
    assert_int_equal(si_codec_encode_within(&im, &p, 8 * 1024, &file, &quality, &diag), SI_OK);
    assert_true(file.len <= 8 * 1024 && quality < 90);
    p.quality = quality + 1; /* one more is too much */
    assert_int_equal(si_codec_encode(SI_FORMAT_JPEG, &im, &p, &more, NULL), SI_OK);
    assert_true(more.len > 8 * 1024);
    si_bytes_free(&file);
    si_bytes_free(&more);
    p.quality = 50;
    assert_int_equal(si_codec_encode_within(&im, &p, 1 << 20, &file, &quality, &diag), SI_OK);
    assert_true(quality == 50);
    si_bytes_free(&file);
    assert_int_equal(si_codec_encode_within(&im, &p, 500, &file, &quality, &diag), SI_ERR_LIMIT);
    assert_null(file.data);
    assert_non_null(strstr(diag.text, "jpegSize"));
    si_image_free(&im);
}

/* ---- animations ---- */

enum { FRAMES = 5 };

/* Each frame its own colour; the right half of every other frame is transparent. */
static si_image frame_of(int index, int channels) {
    const uint8_t pixel[4] = {(uint8_t)(40 * index + 20), 100, (uint8_t)(200 - 30 * index), 255};
    si_image im = flat(channels, pixel);
    for (int i = 0; channels == 4 && index % 2 == 1 && i < 64; i++) {
        if (i % 8 >= 4) {
            memset(im.pixels + (size_t)(i / 8) * im.stride + (size_t)(i % 8 * 4), 0, 4);
        }
    }
    return im;
}

static void make_animation(si_format format, int channels) {
    si_encode_params p = {.lossless = true, .effort = 4};
    si_animation *a = NULL;
    si_bytes out = {0};
    assert_int_equal(si_animation_begin(format, &p, 3, &a, NULL), SI_OK);
    for (int i = 0; i < FRAMES; i++) {
        si_image im = frame_of(i, channels);
        assert_int_equal(si_animation_add(a, &im, 100 + 20 * i, NULL), SI_OK);
        si_image_free(&im);
    }
    assert_int_equal(si_animation_end(a, &out, NULL), SI_OK);
    si_animation_free(a);
    si_bytes_move(&source_file, &out);
}

typedef struct seen {
    int count, channels;
} seen;

static si_result see_frame(void *context, const si_image *frame, int delay_ms, si_diag *diag) {
    (void)diag;
    seen *s = context;
    si_image want = frame_of(s->count, s->channels);
    assert_int_equal(delay_ms, 100 + 20 * s->count);
    assert_int_equal(frame->channels, s->channels);
    for (int i = 0; i < 64; i++) {
        const uint8_t *p =
            frame->pixels + (size_t)(i / 8) * frame->stride + (size_t)(i % 8 * frame->channels);
        const uint8_t *q =
            want.pixels + (size_t)(i / 8) * want.stride + (size_t)(i % 8 * want.channels);
        int alpha = s->channels == 4 ? q[3] : 255;
        if (s->channels == 4 && p[3] != q[3]) {
            fail_msg("frame %d pixel %d: alpha %d", s->count, i, p[3]);
        }
        if (alpha > 0) {
            assert_memory_equal(p, q, 3);
        }
    }
    si_image_free(&want);
    s->count++;
    return SI_OK;
}

static void frames_come_as_they_were_drawn(void **state) {
    (void)state;
    static const si_format formats[] = {SI_FORMAT_GIF, SI_FORMAT_WEBP, SI_FORMAT_AVIF};
    for (size_t i = 0; i < 3; i++) {
        for (int channels = 3; channels <= 4; channels++) {
            if (!si_animation_available(formats[i])) {
                continue;
            }
            make_animation(formats[i], channels);
            si_recipe r = recipe(0, 0);
            r.format = SI_FORMAT_GIF;
            r.alpha = channels == 4;
            si_animation_facts facts;
            int fd = to_fd(source_file.data, source_file.len);
            assert_int_equal(si_animation_look(fd, NULL, &facts, NULL), SI_OK);
            close(fd);
            assert_true(facts.frames > 1);
            if (formats[i] != SI_FORMAT_AVIF) {
                assert_int_equal(facts.frames, FRAMES);
                assert_int_equal(facts.plays, 3);
            }
            seen s = {0, channels};
            si_diag diag = {0};
            if (si_animation_render(&r, &named, NULL, see_frame, &s, &diag) != SI_OK) {
                fail_msg("%s: %s", si_format_name(formats[i]), diag.text);
            }
            assert_int_equal(s.count, FRAMES);
        }
    }
}

static void animations_have_limits(void **state) {
    (void)state;
    make_animation(SI_FORMAT_GIF, 3);
    si_recipe r = recipe(0, 0);
    r.format = SI_FORMAT_WEBP;
    const si_render_limits limits[] = {
        {.max_source_pixels = 64 * FRAMES - 1}, {.max_view_pixels = 64 * FRAMES - 1}, {0}};
    for (int i = 0; i < 3; i++) {
        bool moved;
        si_bytes out = {0};
        si_diag diag = {0};
        si_result code = si_motion_answer(&r, &named, &limits[i], &moved, &out, &diag);
        assert_int_equal(code, i < 2 ? SI_ERR_LIMIT : SI_OK);
        assert_true(moved);
        si_bytes_free(&out);
    }
    for (size_t len = 10; len < source_file.len; len += 7) { /* cut short: an error, no crash */
        bool moved;
        si_bytes out = {0};
        si_diag diag = {0};
        size_t whole = source_file.len;
        source_file.len = len;
        si_result code = si_motion_answer(&r, &named, NULL, &moved, &out, &diag);
        source_file.len = whole;
        assert_true(code == SI_ERR_SOURCE || (code == SI_OK && !moved) || out.len > 0);
        si_bytes_free(&out);
    }
}

static void other_requests_stand_still(void **state) {
    (void)state;
    make_animation(SI_FORMAT_GIF, 3);
    bool moved = true;
    si_bytes out = {0};
    si_recipe r = recipe(0, 0);
    r.format = SI_FORMAT_JPEG;
    assert_int_equal(si_motion_answer(&r, &named, NULL, &moved, &out, NULL), SI_OK);
    assert_false(moved);
    r.format = SI_FORMAT_GIF;
    si_image im = frame_of(0, 3);
    set_source(&im, &(si_bytes){0}); /* a TIFF */
    assert_int_equal(si_motion_answer(&r, &named, NULL, &moved, &out, NULL), SI_OK);
    assert_false(moved);
    assert_null(out.data);
    si_image_free(&im);
}

static int start(void **state) {
    (void)state;
    return si_render_start(NULL) == SI_OK ? 0 : -1;
}

static int stop(void **state) {
    (void)state;
    si_bytes_free(&profile_file);
    si_bytes_free(&source_file);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(standard_spaces),
        cmocka_unit_test(naive_inks),
        cmocka_unit_test(gray_profiles_and_dithering),
        cmocka_unit_test(wide_colours_survive),
        cmocka_unit_test(assumed_profiles),
        cmocka_unit_test(inks_are_kept),
        cmocka_unit_test(profiles_that_do_not_fit),
        cmocka_unit_test(metadata_travels),
        cmocka_unit_test(forced_colours_are_read),
        cmocka_unit_test(byte_budget),
        cmocka_unit_test(frames_come_as_they_were_drawn),
        cmocka_unit_test(animations_have_limits),
        cmocka_unit_test(other_requests_stand_still),
    };
    return cmocka_run_group_tests_name("output", tests, start, stop);
}
