/* JPEG XL originals: what libjxl can write, read by render/read/read_jxl.c. */
#include <jxl/encode.h>
#include <lcms2.h>

#include "pictures.h"

enum { W = 24, H = 16 }; /* left half one colour, right half another */

/* A file to be made. */
typedef struct spec {
    uint32_t bits, exponent; /* of colours and alpha */
    uint32_t colours;        /* 1 or 3 */
    bool alpha, premultiplied, black, xyb;
    float colour[2][4]; /* left and right: colours, alpha, 0…1 as stored */
    float ink;          /* of the black channel, as stored */
    JxlOrientation orientation;
    const JxlColorEncoding *encoding; /* NULL: sRGB */
    const void *icc;
    size_t icc_len;
    const char *xmp; /* a compressed box */
    int frames;      /* 0: a still; 2: two of them, the second black */
} spec;

static void set_info(JxlEncoder *e, const spec *s) {
    JxlBasicInfo info;
    JxlEncoderInitBasicInfo(&info);
    info.xsize = W;
    info.ysize = H;
    info.bits_per_sample = s->bits;
    info.exponent_bits_per_sample = s->exponent;
    info.num_color_channels = s->colours;
    info.num_extra_channels = (uint32_t)s->alpha + (uint32_t)s->black;
    info.alpha_bits = s->alpha ? s->bits : 0;
    info.alpha_exponent_bits = s->alpha ? s->exponent : 0;
    info.alpha_premultiplied = s->premultiplied;
    info.uses_original_profile = !s->xyb;
    info.orientation = s->orientation != 0 ? s->orientation : JXL_ORIENT_IDENTITY;
    if (s->frames > 0) {
        info.have_animation = JXL_TRUE;
        info.animation.tps_numerator = 10;
        info.animation.tps_denominator = 1;
    }
    assert_int_equal(JxlEncoderSetBasicInfo(e, &info), JXL_ENC_SUCCESS);
    if (s->black) {
        JxlExtraChannelInfo extra;
        JxlEncoderInitExtraChannelInfo(JXL_CHANNEL_BLACK, &extra);
        extra.bits_per_sample = s->bits;
        uint32_t index = (uint32_t)s->alpha;
        assert_int_equal(JxlEncoderSetExtraChannelInfo(e, index, &extra), JXL_ENC_SUCCESS);
    }
}

static void set_colour(JxlEncoder *e, const spec *s) {
    JxlColorEncoding srgb;
    JxlColorEncodingSetToSRGB(&srgb, s->colours == 1);
    if (s->icc != NULL) {
        assert_int_equal(JxlEncoderSetICCProfile(e, s->icc, s->icc_len), JXL_ENC_SUCCESS);
    } else {
        const JxlColorEncoding *c = s->encoding != NULL ? s->encoding : &srgb;
        assert_int_equal(JxlEncoderSetColorEncoding(e, c), JXL_ENC_SUCCESS);
    }
}

static void add_frame(JxlEncoder *e, const spec *s, int index) {
    static float pixels[W * H * 4], black[W * H];
    uint32_t n = s->colours + s->alpha;
    JxlPixelFormat format = {.num_channels = n, .data_type = JXL_TYPE_FLOAT};
    for (int i = 0; i < W * H; i++) {
        const float *c = s->colour[i % W >= W / 2];
        for (uint32_t k = 0; k < n; k++) {
            float v = s->exponent == 5 ? roundf(c[k] * 2048) / 2048 : c[k]; /* fits a half */
            pixels[(uint32_t)i * n + k] = index == 0 ? v : k == s->colours ? 1 : 0;
        }
        black[i] = s->ink;
    }
    JxlEncoderFrameSettings *f = JxlEncoderFrameSettingsCreate(e, NULL);
    JxlEncoderFrameSettingsSetOption(f, JXL_ENC_FRAME_SETTING_EFFORT, 1);
    if (s->xyb) {
        JxlEncoderSetFrameDistance(f, 0.1f);
    } else {
        JxlEncoderSetFrameLossless(f, JXL_TRUE);
    }
    if (s->frames > 0) {
        JxlFrameHeader header;
        JxlEncoderInitFrameHeader(&header);
        header.duration = 1;
        assert_int_equal(JxlEncoderSetFrameHeader(f, &header), JXL_ENC_SUCCESS);
    }
    size_t size = (size_t)W * H * n * sizeof(float);
    assert_int_equal(JxlEncoderAddImageFrame(f, &format, pixels, size), JXL_ENC_SUCCESS);
    if (s->black) {
        format.num_channels = 1;
        assert_int_equal(JxlEncoderSetExtraChannelBuffer(f, &format, black, sizeof black, s->alpha),
            JXL_ENC_SUCCESS);
    }
}

/* The file's bytes; the caller frees them. */
static uint8_t *encode(const spec *s, size_t *len) {
    JxlEncoder *e = JxlEncoderCreate(NULL);
    if (s->xmp != NULL) {
        JxlEncoderUseBoxes(e);
    }
    set_info(e, s);
    set_colour(e, s);
    if (s->xmp != NULL) {
        assert_int_equal(
            JxlEncoderAddBox(e, "xml ", (const uint8_t *)s->xmp, strlen(s->xmp), JXL_TRUE),
            JXL_ENC_SUCCESS);
    }
    for (int i = 0; i < (s->frames > 0 ? s->frames : 1); i++) {
        add_frame(e, s, i);
    }
    JxlEncoderCloseInput(e);
    size_t room = 4 << 20;
    uint8_t *data = malloc(room), *next = data;
    assert_int_equal(JxlEncoderProcessOutput(e, &next, &room), JXL_ENC_SUCCESS);
    JxlEncoderDestroy(e);
    *len = (size_t)(next - data);
    return data;
}

static int file_of(const spec *s) {
    size_t len;
    uint8_t *data = encode(s, &len);
    return take_fd(data, len);
}

static void expect(const spec *s, const int left[4], const int right[4], int slack) {
    check_halves(file_of(s), left, right, slack, 1);
}

static const float TWO[2][4] = {{200 / 255.f, 120 / 255.f, 40 / 255.f, 1}, {1, 0, 0, 128 / 255.f}};

static spec plain(uint32_t bits, uint32_t exponent) {
    spec s = {.bits = bits, .exponent = exponent, .colours = 3};
    memcpy(s.colour, TWO, sizeof s.colour);
    return s;
}

/* ---- samples ---- */

static void depths(void **state) {
    (void)state;
    static const uint32_t rows[][2] = {{8, 0}, {10, 0}, {12, 0}, {16, 0}, {16, 5}, {32, 8}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int alpha = 0; alpha < 2; alpha++) {
            spec s = plain(rows[i][0], rows[i][1]);
            s.alpha = alpha;
            expect(&s, (int[]){200, 120, 40, 255}, (int[]){255, 0, 0, alpha ? 128 : 255}, 0);
            s.xyb = true;
            expect(&s, (int[]){200, 120, 40, 255}, (int[]){255, 0, 0, alpha ? 128 : 255}, 3);
        }
    }
}

static void premultiplied(void **state) {
    (void)state;
    if (JxlEncoderVersion() < 9000) {
        skip(); /* older encoders cannot write it */
    }
    for (int deep = 0; deep < 2; deep++) {
        spec s = plain(deep ? 16 : 8, 0);
        s.alpha = s.premultiplied = true;
        memcpy(s.colour[1], (float[]){100 / 255.f, 50 / 255.f, 0, 128 / 255.f}, sizeof s.colour[1]);
        expect(&s, (int[]){200, 120, 40, 255}, (int[]){199, 100, 0, 128}, 1);
    }
}

static void grey(void **state) {
    (void)state;
    static const uint32_t rows[][2] = {{8, 0}, {16, 0}, {32, 8}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        spec s = plain(rows[i][0], rows[i][1]);
        s.colours = 1;
        s.alpha = true;
        memcpy(s.colour, (float[2][4]){{100 / 255.f, 1}, {30 / 255.f, 0.2f}}, sizeof s.colour);
        expect(&s, (int[]){100, 100, 100, 255}, (int[]){30, 30, 30, 51}, 0);
    }
}

static void orientation(void **state) {
    (void)state;
    spec s = plain(8, 0);
    s.orientation = JXL_ORIENT_ROTATE_90_CW;
    si_recipe r = recipe(0, 0);
    si_image out = render(&r, file_of(&s));
    assert_int_equal(out.width, H);
    assert_int_equal(out.height, W);
    check(&out, 8, 3, 200, 120, 40, 0);
    check(&out, 8, 20, 255, 0, 0, 0);
    si_image_free(&out);
}

static void first_frame(void **state) {
    (void)state;
    spec s = plain(8, 0);
    s.frames = 2;
    expect(&s, (int[]){200, 120, 40, 255}, (int[]){255, 0, 0, 255}, 0);
}

/* ---- colours ---- */

static JxlColorEncoding rgb(JxlPrimaries primaries, JxlTransferFunction transfer) {
    return (JxlColorEncoding){.color_space = JXL_COLOR_SPACE_RGB,
        .white_point = JXL_WHITE_POINT_D65,
        .white_point_xy = {0.3127, 0.3290},
        .primaries = primaries,
        .transfer_function = transfer,
        .rendering_intent = JXL_RENDERING_INTENT_RELATIVE};
}

static void enumerated(void **state) {
    (void)state;
    JxlColorEncoding e = rgb(JXL_PRIMARIES_P3, JXL_TRANSFER_FUNCTION_SRGB);
    spec s = plain(8, 0);
    s.encoding = &e;
    memcpy(s.colour[1], (float[]){0.5f, 0.5f, 0.5f}, 3 * sizeof(float));
    expect(&s, (int[]){213, 115, 0, 255}, (int[]){128, 128, 128, 255}, 1);
    s.xyb = true;
    expect(&s, (int[]){213, 115, 0, 255}, (int[]){128, 128, 128, 255}, 3);

    e = rgb(JXL_PRIMARIES_SRGB, JXL_TRANSFER_FUNCTION_LINEAR);
    for (int deep = 0; deep < 3; deep++) {
        s.bits = deep == 0 ? 8 : deep == 1 ? 16 : 32;
        s.exponent = deep == 2 ? 8 : 0;
        s.xyb = false;
        expect(&s, (int[]){229, 182, 110, 255}, (int[]){188, 188, 188, 255}, 1);
    }
    s.bits = 8;
    s.exponent = 0;
    e = rgb(JXL_PRIMARIES_SRGB, JXL_TRANSFER_FUNCTION_709);
    expect(&s, (int[]){205, 132, 56, 255}, (int[]){139, 139, 139, 255}, 1);
    /* Adobe RGB, told as numbers */
    e = rgb(JXL_PRIMARIES_CUSTOM, JXL_TRANSFER_FUNCTION_GAMMA);
    e.gamma = 256 / 563.0;
    memcpy(e.primaries_red_xy, (double[]){0.64, 0.33}, sizeof e.primaries_red_xy);
    memcpy(e.primaries_green_xy, (double[]){0.21, 0.71}, sizeof e.primaries_green_xy);
    memcpy(e.primaries_blue_xy, (double[]){0.15, 0.06}, sizeof e.primaries_blue_xy);
    s.bits = 8;
    s.exponent = 0;
    expect(&s, (int[]){224, 121, 25, 255}, (int[]){128, 128, 128, 255}, 1);
}

/* 203 nits come near 241, and 1000 are white; HLG's 75 % are the same 203 nits. */
static void high_range(void **state) {
    (void)state;
    JxlColorEncoding e = rgb(JXL_PRIMARIES_2100, JXL_TRANSFER_FUNCTION_PQ);
    spec s = plain(16, 0);
    s.encoding = &e;
    for (int k = 0; k < 3; k++) {
        s.colour[0][k] = 0.5807f;
        s.colour[1][k] = 0.7518f;
    }
    expect(&s, (int[]){241, 241, 241, 255}, (int[]){255, 255, 255, 255}, 1);
    e.transfer_function = JXL_TRANSFER_FUNCTION_HLG;
    for (int k = 0; k < 3; k++) {
        s.colour[0][k] = 0.75f;
        s.colour[1][k] = 1;
    }
    expect(&s, (int[]){241, 241, 241, 255}, (int[]){255, 255, 255, 255}, 1);
}

/* An embedded profile, whether samples are in it or libjxl converted them. */
static void profile(void **state) {
    (void)state;
    VipsBlob *blob = NULL;
    assert_int_equal(vips_profile_load("p3", &blob, NULL), 0);
    spec s = plain(16, 0);
    s.icc = vips_blob_get(blob, &s.icc_len);
    memcpy(s.colour[1], (float[]){0.5f, 0.5f, 0.5f}, 3 * sizeof(float));
    expect(&s, (int[]){213, 115, 0, 255}, (int[]){128, 128, 128, 255}, 1);
    s.xyb = true;
    expect(&s, (int[]){213, 115, 0, 255}, (int[]){128, 128, 128, 255}, 3);
    vips_area_unref(VIPS_AREA(blob));
}

/* Inks to Lab, at the corners of their cube: the lightness that is left, cyan bluish. */
static cmsInt32Number corner(const cmsUInt16Number in[], cmsUInt16Number out[], void *context) {
    (void)context;
    const cmsCIELab lab = {.L = 100 * (1 - in[3] / 65535.0) * (1 - in[0] / 65535.0 * 0.4),
        .a = -30 * (in[0] / 65535.0),
        .b = -40 * (in[0] / 65535.0)};
    cmsFloat2LabEncoded(out, &lab);
    return TRUE;
}

/* A CMYK profile of a few hundred bytes: libjxl packs those of real presses for seconds. */
static uint8_t *small_profile(size_t *len) {
    cmsHPROFILE p = cmsCreateProfilePlaceholder(NULL);
    cmsPipeline *lut = cmsPipelineAlloc(NULL, 4, 3);
    cmsStage *table = cmsStageAllocCLut16bit(NULL, 2, 4, 3, NULL);
    cmsMLU *text = cmsMLUalloc(NULL, 1);
    cmsUInt32Number n = 0;
    assert_true(cmsStageSampleCLut16bit(table, corner, NULL, 0));
    assert_true(cmsPipelineInsertStage(lut, cmsAT_END, cmsStageAllocToneCurves(NULL, 4, NULL)) &&
                cmsPipelineInsertStage(lut, cmsAT_END, table) &&
                cmsPipelineInsertStage(lut, cmsAT_END, cmsStageAllocToneCurves(NULL, 3, NULL)));
    cmsMLUsetASCII(text, "en", "US", "inks");
    cmsSetProfileVersion(p, 4.3);
    cmsSetDeviceClass(p, cmsSigOutputClass);
    cmsSetColorSpace(p, cmsSigCmykData);
    cmsSetPCS(p, cmsSigLabData);
    cmsWriteTag(p, cmsSigProfileDescriptionTag, text);
    cmsWriteTag(p, cmsSigCopyrightTag, text);
    cmsWriteTag(p, cmsSigMediaWhitePointTag, cmsD50_XYZ());
    assert_true(cmsWriteTag(p, cmsSigAToB0Tag, lut));
    assert_true(cmsSaveProfileToMem(p, NULL, &n));
    uint8_t *data = malloc(n);
    assert_true(cmsSaveProfileToMem(p, data, &n));
    cmsMLUfree(text);
    cmsPipelineFree(lut);
    cmsCloseProfile(p);
    *len = n;
    return data;
}

static void cyan(int x, int y, int *sample) {
    (void)y;
    set(sample, x < W / 2 ? 255 : 0, 0, 0, 51);
}

/* Cyan and black inks through their profile: 0 is full ink in JPEG XL. */
static void inks(void **state) {
    (void)state;
    size_t len;
    uint8_t *icc = small_profile(&len);
    for (int deep = 0; deep < 2; deep++) {
        for (int alpha = 0; alpha < 2; alpha++) {
            spec s = plain(deep ? 16 : 8, 0);
            s.black = true;
            s.alpha = alpha;
            s.ink = 0.8f;
            s.icc = icc;
            s.icc_len = len;
            memcpy(s.colour, (float[2][4]){{0, 1, 1, 1}, {1, 1, 1, 0.2f}}, sizeof s.colour);

            VipsImage *want = paint_image(W, H, 4, 1, cyan);
            want->Type = VIPS_INTERPRETATION_CMYK;
            vips_image_set_blob_copy(want, VIPS_META_ICC_NAME, s.icc, s.icc_len);
            si_recipe r = recipe(0, 0);
            si_image out = render(&r, save(want, ".tif"));
            const uint8_t *p = at(&out, 3, 8), *q = at(&out, 20, 8);
            assert_true(p[0] + 40 < p[1]);
            expect(
                &s, (int[]){p[0], p[1], p[2], 255}, (int[]){q[0], q[1], q[2], alpha ? 51 : 255}, 1);
            si_image_free(&out);
        }
    }
    free(icc);
}

/* ---- metadata and damage ---- */

static void metadata(void **state) {
    (void)state;
    spec s = plain(8, 0);
    s.xmp = "<x:xmpmeta xmlns:x='adobe:ns:meta/'>a long line, a long line, a long line</x:xmpmeta>";
    int fd = file_of(&s);
    si_source_props props;
    si_diag diag = {0};
    assert_int_equal(si_render_props(fd, NULL, &props, &diag), SI_OK);
    assert_true(props.has_xmp);
    assert_false(props.has_icc); /* told as numbers */
    assert_int_equal(props.width, W);
    close(fd);
}

/* What ends too early is an error, wherever it ends. */
static void truncated(void **state) {
    (void)state;
    spec s = plain(16, 0);
    s.xyb = true;
    size_t len;
    uint8_t *data = encode(&s, &len);
    si_recipe r = recipe(10, 0);
    for (size_t n = 1; n + 8 < len; n += len / 16 + 1) {
        int fd = to_fd(data, n < 12 ? 12 : n);
        si_files files = si_files_of_fd(&fd);
        si_image out = {0};
        si_diag diag = {0};
        assert_int_equal(si_render(&r, &files, NULL, &out, &diag), SI_ERR_SOURCE);
        close(fd);
    }
    free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(depths), cmocka_unit_test(premultiplied),
        cmocka_unit_test(grey), cmocka_unit_test(orientation), cmocka_unit_test(first_frame),
        cmocka_unit_test(enumerated), cmocka_unit_test(high_range), cmocka_unit_test(profile),
        cmocka_unit_test(inks), cmocka_unit_test(metadata), cmocka_unit_test(truncated)};
    return cmocka_run_group_tests(tests, start_render, NULL);
}
