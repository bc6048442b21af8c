/* How much of a picture's subject its smart crop shows.
 *
 *   bench-crops SUBJECTS.tsv CORPUS
 *
 * SUBJECTS names pictures below CORPUS and boxes around their subjects (tests/data/subjects.tsv).
 * For six ratios each, the share of the box that is shown is divided by what the best window of
 * that ratio could show. Ours, libvips' attention strategy and the middle of the picture are
 * compared. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vips/vips.h>

#include "render/pixel/smart_crop.h"

static const double ratios[] = {1, 16.0 / 9, 9.0 / 16, 4.0 / 5, 5.0 / 2, 2.0 / 5};
static const char *const names[] = {"the middle", "libvips attention", "smartimg"};
enum { WAYS = 3 };

typedef struct tally {
    double sum, off_sum; /* all, and where the middle shows less than 95 % */
    int count, off_count, halves;
} tally;

static void die(const char *what) {
    fprintf(stderr, "bench-crops: %s: %s\n", what, vips_error_buffer());
    exit(1);
}

static double overlap(double a0, double a1, double b0, double b1) {
    double low = a0 > b0 ? a0 : b0, high = a1 < b1 ? a1 : b1;
    return high > low ? high - low : 0;
}

static double shown(const double box[4], const double rect[4]) {
    double best_w = box[2] - box[0] < rect[2] ? box[2] - box[0] : rect[2];
    double best_h = box[3] - box[1] < rect[3] ? box[3] - box[1] : rect[3];
    return overlap(box[0], box[2], rect[0], rect[0] + rect[2]) *
           overlap(box[1], box[3], rect[1], rect[1] + rect[3]) / (best_w * best_h);
}

static si_image small(const char *path) {
    VipsImage *im = NULL, *rgb = NULL;
    si_image out = {0};
    size_t size;
    if (vips_thumbnail(path, &im, SI_SMART_CROP_SIDE, "height", SI_SMART_CROP_SIDE, NULL) != 0 ||
        vips_colourspace(im, &rgb, VIPS_INTERPRETATION_sRGB, NULL) != 0 ||
        si_image_alloc(&out, vips_image_get_width(rgb), vips_image_get_height(rgb),
            vips_image_get_bands(rgb), NULL) != SI_OK) {
        die(path);
    }
    uint8_t *pixels = vips_image_write_to_memory(rgb, &size);
    size_t row = (size_t)out.width * (size_t)out.channels;
    for (int y = 0; pixels != NULL && y < out.height; y++) {
        memcpy(out.pixels + (size_t)y * out.stride, pixels + (size_t)y * row, row);
    }
    g_free(pixels);
    g_object_unref(rgb);
    g_object_unref(im);
    return out;
}

/* libvips gives the point of most attention; the window is laid around it. */
static void by_vips(const char *path, const double share[2], double rect[4]) {
    VipsImage *im, *out;
    int x = 0, y = 0;
    if ((im = vips_image_new_from_file(path, NULL)) == NULL) {
        die(path);
    }
    int w = vips_image_get_width(im), h = vips_image_get_height(im);
    if (vips_smartcrop(im, &out, (int)(share[0] * w), (int)(share[1] * h), "interesting",
            VIPS_INTERESTING_ATTENTION, "attention_x", &x, "attention_y", &y, NULL) != 0) {
        die(path);
    }
    const double at[2] = {(double)x / w, (double)y / h};
    for (int i = 0; i < 2; i++) {
        double from = at[i] - share[i] / 2;
        rect[i] = from < 0 ? 0 : from > 1 - share[i] ? 1 - share[i] : from;
        rect[2 + i] = share[i];
    }
    g_object_unref(out);
    g_object_unref(im);
}

static void measure(const char *path, const double box[4], tally tallies[WAYS]) {
    si_image thumb = small(path);
    VipsImage *im = vips_image_new_from_file(path, NULL);
    if (im == NULL) {
        die(path);
    }
    double source = (double)vips_image_get_width(im) / vips_image_get_height(im);
    g_object_unref(im);
    for (size_t i = 0; i < sizeof ratios / sizeof *ratios; i++) {
        double rects[WAYS][4], seen[WAYS];
        if (si_smart_crops(&thumb, source, 1, &ratios[i], &rects[2], NULL) != SI_OK) {
            die("no crop");
        }
        const double share[2] = {rects[2][2], rects[2][3]};
        by_vips(path, share, rects[1]);
        memcpy(rects[0], (double[]){(1 - share[0]) / 2, (1 - share[1]) / 2, share[0], share[1]},
            sizeof rects[0]);
        for (int k = 0; k < WAYS; k++) {
            seen[k] = shown(box, rects[k]);
            tallies[k].sum += seen[k];
            tallies[k].count++;
            tallies[k].halves += seen[k] < 0.5;
            tallies[k].off_sum += seen[0] < 0.95 ? seen[k] : 0;
            tallies[k].off_count += seen[0] < 0.95;
        }
    }
    si_image_free(&thumb);
}

int main(int argc, char **argv) {
    char line[400], name[200], path[1000];
    double box[4];
    tally tallies[WAYS] = {0};
    FILE *list = argc == 3 ? fopen(argv[1], "r") : NULL;
    if (list == NULL || VIPS_INIT(argv[0]) != 0) {
        fprintf(stderr, "usage: bench-crops SUBJECTS.tsv CORPUS\n");
        return 2;
    }
    while (fgets(line, sizeof line, list) != NULL) {
        if (sscanf(line, "%199[^\t#]\t%lf\t%lf\t%lf\t%lf", name, &box[0], &box[1], &box[2],
                &box[3]) == 5) {
            snprintf(path, sizeof path, "%s/%s", argv[2], name);
            measure(path, box, tallies);
        }
    }
    fclose(list);
    printf("share of the subject shown, %d crops; where the middle shows less than 95 %%: %d\n\n",
        tallies[0].count, tallies[0].off_count);
    printf("%-20s %6s %12s %12s\n", "", "all", "off-centre", "below half");
    for (int k = 0; k < WAYS; k++) {
        printf("%-20s %5.1f%% %11.1f%% %12d\n", names[k], 100 * tallies[k].sum / tallies[k].count,
            100 * tallies[k].off_sum / tallies[k].off_count, tallies[k].halves);
    }
    return 0;
}
