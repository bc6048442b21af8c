/* 20 layers of 2000×2000 RGBA, drawn one above the other, against libvips' composite of the same
 * pictures:
 *
 *   bench-composite [-n LAYERS] [-s SIDE] [-r RUNS] [-f SUFFIX]
 *
 * With -f (`.png`, `.tif` and so on) the last row is all of it: from files of that format,
 * each layer placed by pos=, to the pixels of the reply. Both start from 8-bit pixels in memory and
 * end there. Each figure is the least of RUNS turns (default 5), the two taking turns; processor
 * time of the whole process, libvips on one thread. Layers have soft shapes: transparent corners,
 * an opaque middle, half transparency between; `noise` layers have random alpha everywhere, the
 * slowest there is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vips/vips.h>

#include "render/pixel/blend.h"
#include "render/render.h"

enum { MAX_LAYERS = 100 };

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void die(const char *what) {
    fprintf(stderr, "bench-composite: %s\n", what);
    exit(1);
}

static uint32_t next_random(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Alpha by distance from the middle, another size for each layer; or noise. */
static uint8_t alpha_at(int x, int y, int side, int index, bool noise, uint32_t random) {
    if (noise) {
        return (uint8_t)(random >> 24);
    }
    double dx = 2.0 * x / side - 1, dy = 2.0 * y / side - 1, far = dx * dx + dy * dy;
    double v = 255 * (1.1 - far + 0.02 * index);
    return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)v;
}

static void paint(si_image *im, int index, bool noise) {
    uint32_t random = 2463534242u + (uint32_t)index;
    for (int y = 0; y < im->height; y++) {
        uint8_t *p = im->pixels + (size_t)y * im->stride;
        for (int x = 0; x < im->width; x++, p += 4) {
            uint32_t r = next_random(&random);
            p[0] = (uint8_t)r;
            p[1] = (uint8_t)(x + index * 16);
            p[2] = (uint8_t)(y - index * 16);
            p[3] = alpha_at(x, y, im->width, index, noise, r);
        }
    }
}

static double time_ours(const si_image *layers, int n, si_image *canvas) {
    double start = now_ms();
    memset(canvas->pixels, 0, canvas->stride * (size_t)canvas->height);
    for (int i = 0; i < n; i++) {
        si_blend_image(canvas, &layers[i], &(si_draw){.opacity = 1});
    }
    return now_ms() - start;
}

static double time_vips(VipsImage **layers, int n, void **pixels) {
    int modes[MAX_LAYERS];
    for (int i = 0; i < n; i++) {
        modes[i] = VIPS_BLEND_MODE_OVER;
    }
    VipsImage *out;
    size_t size;
    double start = now_ms();
    if (vips_composite(
            layers, &out, n, modes, "compositing_space", VIPS_INTERPRETATION_sRGB, NULL) != 0) {
        die(vips_error_buffer());
    }
    VipsImage *bytes;
    if (vips_cast_uchar(out, &bytes, NULL) != 0 ||
        (*pixels = vips_image_write_to_memory(bytes, &size)) == NULL) {
        die(vips_error_buffer());
    }
    g_object_unref(out);
    g_object_unref(bytes);
    return now_ms() - start;
}

/* ---- all of it ---- */

static int files[MAX_LAYERS];

static int open_layer(void *context, const si_file_ref *file, si_diag *diag) {
    (void)context, (void)diag;
    return dup(files[file->size]);
}

static void save_layer(VipsImage *im, int i, const char *suffix) {
    void *data;
    size_t len;
    if (vips_image_write_to_buffer(im, suffix, &data, &len, NULL) != 0) {
        die(vips_error_buffer());
    }
    files[i] = memfd_create("layer", MFD_CLOEXEC);
    if (files[i] < 0 || write(files[i], data, len) != (ssize_t)len) {
        die("a layer cannot be kept");
    }
    g_free(data);
}

static double time_road(int n, int side) {
    static si_layer layers[MAX_LAYERS];
    static const si_files from = {.open = open_layer};
    si_recipe r;
    si_image out = {0};
    si_diag diag = {0};
    si_recipe_init(&r);
    for (int i = 0; i < n; i++) {
        si_layer_init(&layers[i], i);
        layers[i].source.kind = SI_SOURCE_FILE;
        layers[i].source.file = (si_file_ref){.path = "layer", .size = (uint64_t)i};
        layers[i].pos = (si_point){SI_UNIT_PIXELS, {i, -i}};
    }
    r.picture.layers = layers;
    r.picture.layer_count = n;
    r.picture.view.wid = side;
    r.alpha = true;
    double start = now_ms();
    if (si_render(&r, &from, NULL, &out, &diag) != SI_OK) {
        die(diag.text);
    }
    double took = now_ms() - start;
    si_image_free(&out);
    return took;
}

static void compare_road(
    VipsImage **images, int n, int side, int runs, const char *suffix, double theirs) {
    double ours = 1e9;
    for (int i = 0; i < n; i++) {
        save_layer(images[i], i, suffix);
    }
    for (int i = 0; i < runs; i++) {
        double took = time_road(n, side);
        ours = took < ours ? took : ours;
    }
    printf("from %s, %2d layers %d×%d: all steps %7.1f ms, libvips' composite alone %8.1f ms, "
           "ratio %.3f\n",
        suffix, n, side, side, ours, theirs, ours / theirs);
    for (int i = 0; i < n; i++) {
        close(files[i]);
    }
}

/* Greatest difference of a visible channel. */
static int difference(const si_image *a, const uint8_t *b) {
    int most = 0;
    for (int y = 0; y < a->height; y++) {
        const uint8_t *p = a->pixels + (size_t)y * a->stride;
        for (int x = 0; x < a->width * 4; x++, b++) {
            int d = abs(p[x] - *b);
            most = d > most && p[x | 3] > 127 ? d : most;
        }
    }
    return most;
}

static void compare(int n, int side, int runs, bool noise, const char *suffix) {
    si_image layers[MAX_LAYERS], canvas;
    VipsImage *images[MAX_LAYERS];
    for (int i = 0; i < n; i++) {
        if (si_image_alloc(&layers[i], side, side, 4, NULL) != SI_OK ||
            layers[i].stride != (size_t)side * 4) {
            die("side must be a multiple of 16, and memory must do");
        }
        paint(&layers[i], i, noise);
        images[i] = vips_image_new_from_memory(
            layers[i].pixels, layers[i].stride * (size_t)side, side, side, 4, VIPS_FORMAT_UCHAR);
        images[i]->Type = VIPS_INTERPRETATION_sRGB;
    }
    if (si_image_alloc(&canvas, side, side, 4, NULL) != SI_OK) {
        die("no memory");
    }
    double ours = 1e9, theirs = 1e9;
    int most = 0;
    for (int i = 0; i < runs; i++) {
        void *pixels;
        double a = time_ours(layers, n, &canvas), b = time_vips(images, n, &pixels);
        ours = a < ours ? a : ours;
        theirs = b < theirs ? b : theirs;
        most = difference(&canvas, pixels);
        g_free(pixels);
    }
    printf("%-6s %2d layers %d×%d: ours %7.1f ms, libvips %s %8.1f ms, ratio %.3f; greatest "
           "difference %d\n",
        noise ? "noise" : "shapes", n, side, side, ours, vips_version_string(), theirs,
        ours / theirs, most);
    if (suffix != NULL) {
        compare_road(images, n, side, runs, suffix, theirs);
    }
    for (int i = 0; i < n; i++) {
        g_object_unref(images[i]);
        si_image_free(&layers[i]);
    }
    si_image_free(&canvas);
}

int main(int argc, char **argv) {
    int n = 20, side = 2000, runs = 5;
    const char *suffix = NULL;
    for (int option; (option = getopt(argc, argv, "n:s:r:f:")) != -1;) {
        if (option == 'f') {
            suffix = optarg;
            continue;
        }
        int value = optarg != NULL ? (int)strtol(optarg, NULL, 10) : 0;
        int *to = option == 'n' ? &n : option == 's' ? &side : option == 'r' ? &runs : NULL;
        if (to == NULL || value < 1 || (to == &n && value > MAX_LAYERS)) {
            die("usage: bench-composite [-n LAYERS] [-s SIDE] [-r RUNS] [-f SUFFIX]");
        }
        *to = value;
    }
    if (si_render_start(NULL) != SI_OK) {
        die("libvips does not start");
    }
    compare(n, side, runs, false, suffix);
    compare(n, side, runs, true, NULL);
    vips_shutdown();
    return 0;
}
