/* 20 layers of 2000×2000 RGBA, drawn one above the other, against libvips' composite of the same
 * pictures:
 *
 *   bench-composite [-n LAYERS] [-s SIDE] [-r RUNS]
 *
 * Both start from 8-bit pixels in memory and end there. Each figure is the least of RUNS turns
 * (default 5), the two taking turns; processor time of the whole process, libvips on one thread.
 * Layers have soft shapes: transparent corners, an opaque middle, half transparency between;
 * `noise` layers have random alpha everywhere, the slowest there is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <vips/vips.h>

#include "render/blend.h"

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

static void compare(int n, int side, int runs, bool noise) {
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
    for (int i = 0; i < n; i++) {
        g_object_unref(images[i]);
        si_image_free(&layers[i]);
    }
    si_image_free(&canvas);
}

int main(int argc, char **argv) {
    int n = 20, side = 2000, runs = 5;
    for (int option; (option = getopt(argc, argv, "n:s:r:")) != -1;) {
        int value = optarg != NULL ? (int)strtol(optarg, NULL, 10) : 0;
        int *to = option == 'n' ? &n : option == 's' ? &side : option == 'r' ? &runs : NULL;
        if (to == NULL || value < 1 || (to == &n && value > MAX_LAYERS)) {
            die("usage: bench-composite [-n LAYERS] [-s SIDE] [-r RUNS]");
        }
        *to = value;
    }
    if (VIPS_INIT(argv[0]) != 0) {
        die(vips_error_buffer());
    }
    vips_concurrency_set(1);
    vips_cache_set_max(0);
    compare(n, side, runs, false);
    compare(n, side, runs, true);
    vips_shutdown();
    return 0;
}
