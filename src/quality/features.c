#include "quality/features.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK = 8,
    HARD_STEP = 40,  /* levels of luma: an edge rather than texture */
    QUIET_BINS = 64, /* histogram of block textures, in quarter levels of mean gradient */
    COLOUR_BITS = 4, /* per channel, when colours are counted */
    COLOURS = 1 << (3 * COLOUR_BITS)
};

/* What is counted while going over the image. */
typedef struct tally {
    uint64_t luma_steps, chroma_steps, hard_steps, samples;
    uint32_t blocks, flat_blocks;
    uint32_t textures[QUIET_BINS];
    uint8_t seen[COLOURS];
} tally;

static int luma(const uint8_t *p) {
    return (77 * p[0] + 150 * p[1] + 29 * p[2] + 128) >> 8;
}

/* Steps to the right and down from each pixel of a block; returns their sum in luma. */
static unsigned scan_block(const si_image *image, int x0, int y0, int w, int h, tally *t) {
    unsigned sum = 0;
    for (int y = y0; y < y0 + h; y++) {
        const uint8_t *p = image->pixels + (size_t)y * image->stride + (size_t)x0 * image->channels;
        const uint8_t *below = y + 1 < image->height ? p + image->stride : p;
        for (int x = x0; x < x0 + w; x++, p += image->channels, below += image->channels) {
            const uint8_t *right = x + 1 < image->width ? p + image->channels : p;
            int here = luma(p), dx = abs(luma(right) - here), dy = abs(luma(below) - here);
            int red = p[0] - here, blue = p[2] - here;
            sum += (unsigned)(dx + dy);
            t->hard_steps += (uint64_t)((dx > HARD_STEP) + (dy > HARD_STEP));
            t->chroma_steps +=
                (uint64_t)(abs(right[0] - luma(right) - red) + abs(below[2] - luma(below) - blue));
        }
        const int cut = 8 - COLOUR_BITS;
        t->seen[p[-image->channels] >> cut << 2 * COLOUR_BITS |
                p[1 - image->channels] >> cut << COLOUR_BITS | p[2 - image->channels] >> cut] = 1;
    }
    t->luma_steps += sum;
    t->samples += (uint64_t)w * (uint64_t)h;
    return sum;
}

/* Mean gradient of the quietest quarter of textured blocks: mostly noise. */
static double quiet_texture(const tally *t) {
    uint32_t textured = t->blocks - t->flat_blocks, passed = 0;
    for (int i = 0; i < QUIET_BINS; i++) {
        passed += t->textures[i];
        if (passed * 4 >= textured) {
            return (i + 0.5) / 4;
        }
    }
    return QUIET_BINS / 4.0;
}

void si_features_measure(const si_image *image, size_t jpeg_bytes, double jpeg_quality,
    bool jpeg_full, si_features *out) {
    tally t;
    memset(&t, 0, sizeof t);
    for (int y = 0; y < image->height; y += BLOCK) {
        int h = image->height - y < BLOCK ? image->height - y : BLOCK;
        for (int x = 0; x < image->width; x += BLOCK) {
            int w = image->width - x < BLOCK ? image->width - x : BLOCK;
            unsigned sum = scan_block(image, x, y, w, h, &t);
            double texture = (double)sum / (w * h);
            t.blocks++;
            if (texture < 0.25) {
                t.flat_blocks++;
            } else {
                int bin = (int)(texture * 4);
                t.textures[bin < QUIET_BINS ? bin : QUIET_BINS - 1]++;
            }
        }
    }
    int colours = 0;
    for (int i = 0; i < COLOURS; i++) {
        colours += t.seen[i];
    }
    double n = (double)t.samples;
    out->megapixels = n / 1e6;
    double *v = out->v;
    v[SI_FEATURE_BPP] = jpeg_bytes > 0 ? log((double)jpeg_bytes * 8 / n) : 0;
    v[SI_FEATURE_QUALITY] = (jpeg_quality - 75) / 20;
    v[SI_FEATURE_FULL] = jpeg_full;
    v[SI_FEATURE_AREA] = log(out->megapixels);
    v[SI_FEATURE_DETAIL] = log((double)t.luma_steps / n + 0.1);
    v[SI_FEATURE_NOISE] = log(quiet_texture(&t));
    v[SI_FEATURE_FLAT] = (double)t.flat_blocks / t.blocks;
    v[SI_FEATURE_EDGES] = (double)t.hard_steps / (2 * n);
    v[SI_FEATURE_CHROMA] = log((double)t.chroma_steps / n + 0.1);
    v[SI_FEATURE_COLOURS] = log((double)colours);
}

bool si_features_drawing(const si_features *f) {
    return f->v[SI_FEATURE_FLAT] > 0.5 || f->v[SI_FEATURE_COLOURS] < log(64);
}
