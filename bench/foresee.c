/* What the stages of a rendering cost, nanoseconds of processor time a pixel: the figures that
 * src/render/scene/foresee.c has in its table.
 *
 *   bench-foresee [-s SIDE] [-r RUNS]
 *
 * Decoding is that of a smooth picture with some noise, saved by libvips, shown at a tenth of its
 * size, by pixels of the original; all else by pixels of the picture that it is done to. Each
 * figure is the least of RUNS turns (default 3). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <vips/vips.h>

#include "codec/animation.h"
#include "render/pixel/blend.h"
#include "render/pixel/blur.h"
#include "render/pixel/filters.h"
#include "render/pixel/morphology.h"
#include "render/pixel/noise.h"
#include "render/pixel/ops.h"
#include "render/pixel/warp.h"
#include "render/render.h"

static int side = 1500, runs = 3;

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void die(const char *what) {
    fprintf(stderr, "bench-foresee: %s\n", what);
    exit(1);
}

static void need(si_result result, const char *what) {
    if (result != SI_OK) {
        die(what);
    }
}

static void paint(si_image *im) {
    uint32_t random = 2463534242u;
    need(si_image_alloc(im, side, side, 4, NULL), "no memory");
    for (int y = 0; y < side; y++) {
        uint8_t *p = im->pixels + (size_t)y * im->stride;
        for (int x = 0; x < side; x++, p += 4) {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            p[0] = (uint8_t)(x / 8 + (int)(random & 3));
            p[1] = (uint8_t)(y / 8 + (int)(random >> 8 & 3));
            p[2] = (uint8_t)((x + y) / 16);
            p[3] = (uint8_t)((x + y) / 12);
        }
    }
}

/* ---- pixels ---- */

static si_image picture, second;

static void blend(void) {
    si_blend_image(&picture, &second, &(si_draw){.opacity = 1});
}
static void tones(void) {
    si_op_brightness(&picture, 1);
}
static void hue(void) {
    si_op_hue(&picture, 1);
}
static void noise(void) {
    si_noise_image(&picture, &(si_noise){.value = 1});
}
static void blur_1(void) {
    need(si_blur_image(&picture, 1, SI_EDGE_REPEAT, NULL), "blur");
}
static void blur_7(void) {
    need(si_blur_image(&picture, 7, SI_EDGE_REPEAT, NULL), "blur");
}
static void blur_100(void) {
    need(si_blur_image(&picture, 100, SI_EDGE_REPEAT, NULL), "blur");
}
static void usm_1(void) {
    need(si_filter_usm(&picture, 1, 1, 0, false, NULL), "usm");
}
static void usm_100(void) {
    need(si_filter_usm(&picture, 1, 100, 0, false, NULL), "usm");
}
static void grow_1(void) {
    need(si_grow_image(&picture, 1, NULL), "grow");
}
static void grow_100(void) {
    need(si_grow_image(&picture, 100, NULL), "grow");
}
static void turn(void) {
    const si_affine a = {0.8, -0.6, 0.6, 0.8, 0, 0};
    si_image out = {0};
    need(si_warp_affine(&picture, &a, &(si_rect){0, 0, side, side}, &out, NULL), "warp");
    si_image_free(&out);
}
static void perspective(void) {
    double s = side;
    si_quad q = {.corner = {0, 0, s, s / 10, s, s, 0, s},
        .sampling = SI_SAMPLING_SUPER,
        .window = {0, 0, side, side}};
    si_image out = {0};
    need(si_warp_perspective(&picture, &q, &out, NULL), "perspective");
    si_image_free(&out);
}

static const struct {
    const char *name;
    void (*run)(void);
} stages[] = {{"blend", blend}, {"brightness", tones}, {"hue", hue}, {"noise", noise},
    {"blur 1", blur_1}, {"blur 7", blur_7}, {"blur 100", blur_100}, {"usm 1", usm_1},
    {"usm 100", usm_100}, {"grow 1", grow_1}, {"grow 100", grow_100}, {"turn", turn},
    {"perspective", perspective}};

/* ---- files ---- */

static int save(const char *suffix) {
    void *data = NULL;
    size_t len = 0;
    VipsImage *im = vips_image_new_from_memory_copy(
        picture.pixels, picture.stride * (size_t)side, side, side, 4, VIPS_FORMAT_UCHAR);
    VipsImage *rgb = NULL;
    im->Type = VIPS_INTERPRETATION_sRGB;
    if (vips_extract_band(im, &rgb, 0, "n", 3, NULL) != 0 ||
        vips_image_write_to_buffer(rgb, suffix, &data, &len, NULL) != 0) {
        vips_error_clear();
        g_object_unref(im);
        return -1;
    }
    int fd = memfd_create("original", MFD_CLOEXEC);
    if (write(fd, data, len) != (ssize_t)len) {
        die("no memory");
    }
    g_free(data);
    g_object_unref(rgb);
    g_object_unref(im);
    return fd;
}

static void render(int fd, int wid) {
    si_recipe r;
    si_layer l;
    si_image out = {0};
    si_files files = si_files_of_fd(&fd);
    si_recipe_init(&r);
    si_layer_init(&l, 0);
    l.source.kind = SI_SOURCE_FILE;
    l.source.file.path = "original";
    r.picture.layers = &l;
    r.picture.layer_count = 1;
    r.picture.view.wid = wid;
    need(si_render(&r, &files, NULL, &out, NULL), "render");
    si_image_free(&out);
}

static void encode(si_format format) {
    si_animation *a = NULL;
    si_bytes out = {0};
    si_encode_params p = si_codec_defaults(format, &picture);
    p.quality = 80;
    need(si_animation_begin(format, &p, 0, &a, NULL), "animation");
    for (int i = 0; i < 2; i++) {
        need(si_animation_add(a, &picture, 100, NULL), "animation");
    }
    need(si_animation_end(a, &out, NULL), "animation");
    si_animation_free(a);
    si_bytes_free(&out);
}

static void say(const char *name, double least, double pixels) {
    printf("%-14s %8.1f ns\n", name, least / pixels);
    fflush(stdout);
}

int main(int argc, char **argv) {
    static const char *const suffixes[] = {
        ".jpg", ".png", ".gif", ".webp", ".avif", ".tif", ".jp2", ".jxl"};
    static const si_format moving[] = {SI_FORMAT_GIF, SI_FORMAT_WEBP, SI_FORMAT_AVIF};
    for (int c; (c = getopt(argc, argv, "s:r:")) != -1;) {
        *(c == 's' ? &side : &runs) = (int)strtol(optarg, NULL, 10);
    }
    if (side < 100 || runs < 1 || VIPS_INIT(argv[0]) != 0) {
        die("usage: bench-foresee [-s SIDE] [-r RUNS]");
    }
    vips_concurrency_set(1);
    paint(&picture);
    paint(&second);
    double pixels = (double)side * side;
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        double least = 1e18;
        int fd = save(suffixes[i]);
        for (int k = 0; k < runs && fd >= 0; k++) {
            double start = now_ns();
            render(fd, side / 10);
            least = now_ns() - start < least ? now_ns() - start : least;
        }
        if (fd >= 0) {
            say(suffixes[i] + 1, least, pixels);
            close(fd);
        }
    }
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        double least = 1e18;
        for (int k = 0; k < runs; k++) {
            double start = now_ns();
            stages[i].run();
            least = now_ns() - start < least ? now_ns() - start : least;
        }
        say(stages[i].name, least, pixels);
    }
    for (size_t i = 0; i < sizeof moving / sizeof moving[0]; i++) {
        double start = now_ns();
        encode(moving[i]);
        say(si_format_name(moving[i]), now_ns() - start, 2 * pixels);
    }
    si_image_free(&picture);
    si_image_free(&second);
    return 0;
}
