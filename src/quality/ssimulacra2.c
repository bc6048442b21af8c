#include "quality/ssimulacra2.h"

#include <stdlib.h>
#include <string.h>

#include "quality/ssimulacra2_kernels.h"
#include "quality/ssimulacra2_norms.h"
#include "quality/ssimulacra2_pass.h"

enum {
    MIN_SIDE = 8,          /* what the measure is defined for */
    ALL_SCALES_SIDE = 113, /* from here on all scales have MIN_SIDE pixels and more */
    BACKGROUNDS = 2,
    ALIGNMENT = 64,
};

struct si_score_ref {
    int width, height; /* as given */
    bool transparent;
    si_score_view view[BACKGROUNDS];   /* the second one only if transparent */
    float background[BACKGROUNDS];     /* 0…1, sRGB */
    float linear[256];                 /* linear light of 8-bit sRGB samples */
    si_score_pass *pass;               /* scratch */
    float *samples[BACKGROUNDS];       /* of the views */
    float *scratch;                    /* of the pass */
    size_t samples_size, scratch_size; /* floats */
};

/* One picture on one background. */
typedef struct source {
    const si_image *image;
    bool transparent;
    float background;
} source;

static void linear_opaque(const float table[256], const uint8_t *p, int channels, int n,
    float *restrict r, float *restrict g, float *restrict b) {
    for (int i = 0; i < n; i++, p += channels) {
        r[i] = table[p[0]];
        g[i] = table[p[1]];
        b[i] = table[p[2]];
    }
}

/* Lays pixels on the background, still as sRGB 0…1. */
static void blend(const uint8_t *p, float background, int n, float *const rgb[3]) {
    const float unit = 1.0f / 255;
    for (int i = 0; i < n; i++, p += 4) {
        float alpha = (float)p[3] * unit, rest = (1 - alpha) * background;
        for (int c = 0; c < 3; c++) {
            rgb[c][i] = alpha * ((float)p[c] * unit) + rest;
        }
    }
}

static void linear_row(const si_score_ref *ref, const source *src, int y, float *const rgb[3]) {
    const si_image *im = src->image;
    const uint8_t *p = im->pixels + (size_t)y * im->stride;
    if (!src->transparent) {
        linear_opaque(ref->linear, p, im->channels, im->width, rgb[0], rgb[1], rgb[2]);
        return;
    }
    blend(p, src->background, im->width, rgb);
    for (int c = 0; c < 3; c++) {
        ref->pass->kernels->decode(rgb[c], im->width);
    }
}

static void run_pass(
    const si_score_ref *ref, const source *src, const si_score_view *view, si_score_sums *sums) {
    si_score_view rows = *view;
    si_score_begin(ref->pass);
    for (int y = 0; y < src->image->height; y++) {
        float *rgb[3];
        si_score_next_row(ref->pass, rgb);
        linear_row(ref, src, y, rgb);
        si_score_row_done(ref->pass, &rows, sums);
    }
}

static double score_view(const si_score_ref *ref, const source *src, const si_score_view *view) {
    si_score_sums sums = {0};
    double pixels[SI_SCORE_SCALES];
    for (int i = 0; i < ref->pass->scales; i++) {
        pixels[i] = (double)ref->pass->scale[i].width * ref->pass->scale[i].height;
    }
    run_pass(ref, src, view, &sums);
    return si_score_from_sums(ref->pass->scales, pixels, sums);
}

static double score_views(const si_score_ref *ref, const si_image *candidate) {
    bool transparent = si_image_has_transparency(candidate);
    double worst = 100;
    for (int b = 0; b < (ref->transparent || transparent ? BACKGROUNDS : 1); b++) {
        source src = {
            .image = candidate, .transparent = transparent, .background = ref->background[b]};
        double score = score_view(ref, &src, &ref->view[ref->transparent ? b : 0]);
        worst = score < worst ? score : worst;
    }
    return worst;
}

static float *allocate_floats(size_t n) {
    size_t bytes = (n * sizeof(float) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return aligned_alloc(ALIGNMENT, bytes);
}

static bool allocate(si_score_ref *ref) {
    ref->samples_size = si_score_lay_out_view(ref->pass, &ref->view[0], NULL);
    ref->scratch_size = si_score_lay_out_scratch(ref->pass, NULL);
    ref->scratch = allocate_floats(ref->scratch_size);
    if (ref->scratch == NULL) {
        return false;
    }
    memset(ref->scratch, 0, ref->scratch_size * sizeof *ref->scratch);
    si_score_lay_out_scratch(ref->pass, ref->scratch);
    for (int b = 0; b < (ref->transparent ? BACKGROUNDS : 1); b++) {
        ref->samples[b] = allocate_floats(ref->samples_size);
        if (ref->samples[b] == NULL) {
            return false;
        }
        si_score_lay_out_view(ref->pass, &ref->view[b], ref->samples[b]);
    }
    return true;
}

static void fill_linear_table(si_score_ref *ref) {
    for (int i = 0; i < 256; i++) {
        ref->linear[i] = (float)i * (1.0f / 255);
    }
    ref->pass->kernels->decode(ref->linear, 256);
}

static bool is_tiny(const si_image *image) {
    return image->width < MIN_SIDE || image->height < MIN_SIDE;
}

/* A side of a tiny picture as it is scored. */
static int repeated_side(int side) {
    return side > ALL_SCALES_SIDE ? side : ALL_SCALES_SIDE;
}

/* Position in a row of n samples that is repeated forwards and backwards in turn. */
static int mirrored(int i, int n) {
    i %= 2 * n;
    return i < n ? i : 2 * n - 1 - i;
}

static si_result repeat(const si_image *image, si_image *out, si_diag *diag) {
    int width = repeated_side(image->width), height = repeated_side(image->height);
    SI_TRY(si_image_alloc(out, width, height, image->channels, diag));
    size_t pixel = (size_t)image->channels;
    for (int y = 0; y < height; y++) {
        const uint8_t *in = image->pixels + (size_t)mirrored(y, image->height) * image->stride;
        uint8_t *row = out->pixels + (size_t)y * out->stride;
        for (int x = 0; x < width; x++) {
            memcpy(row + (size_t)x * pixel, in + (size_t)mirrored(x, image->width) * pixel, pixel);
        }
    }
    return SI_OK;
}

static bool has_pixels(const si_image *image) {
    return image->pixels != NULL && image->width >= 1 && image->height >= 1 &&
           (image->channels == 3 || image->channels == 4);
}

static si_result prepare(si_score_ref *ref, const si_image *image, si_score_background background) {
    ref->transparent = si_image_has_transparency(image);
    ref->background[0] = background == SI_SCORE_ON_GREYS ? 0.1f : 0;
    ref->background[1] = background == SI_SCORE_ON_GREYS ? 0.9f : 1;
    ref->pass = calloc(1, sizeof *ref->pass);
    if (ref->pass == NULL) {
        return SI_ERR_MEMORY;
    }
    ref->pass->kernels = si_score_kernels_available()[0];
    fill_linear_table(ref);
    si_score_plan(ref->pass, image->width, image->height, !ref->transparent);
    if (!allocate(ref)) {
        return SI_ERR_MEMORY;
    }
    for (int b = 0; b < (ref->transparent ? BACKGROUNDS : 1); b++) {
        source src = {
            .image = image, .transparent = ref->transparent, .background = ref->background[b]};
        run_pass(ref, &src, &ref->view[b], NULL);
    }
    return SI_OK;
}

si_result si_score_ref_new(
    const si_image *image, si_score_background background, si_score_ref **out, si_diag *diag) {
    *out = NULL;
    if (!has_pixels(image)) {
        return si_fail(diag, SI_ERR_RANGE, "an image without pixels cannot be scored");
    }
    si_image repeated = {0};
    si_result result = SI_ERR_MEMORY;
    si_score_ref *ref = calloc(1, sizeof *ref);
    if (ref == NULL) {
        goto error;
    }
    ref->width = image->width;
    ref->height = image->height;
    if (is_tiny(image)) {
        result = repeat(image, &repeated, diag);
        if (result != SI_OK) {
            goto error;
        }
        image = &repeated;
    }
    result = prepare(ref, image, background);
    if (result != SI_OK) {
        goto error;
    }
    si_image_free(&repeated);
    *out = ref;
    return SI_OK;
error:
    si_image_free(&repeated);
    si_score_ref_free(ref);
    return si_fail(diag, result, "no memory to score an image");
}

void si_score_ref_free(si_score_ref *ref) {
    if (ref != NULL) {
        for (int b = 0; b < BACKGROUNDS; b++) {
            free(ref->samples[b]);
        }
        free(ref->scratch);
        free(ref->pass);
        free(ref);
    }
}

si_result si_score_against(
    const si_score_ref *ref, const si_image *candidate, double *score, si_diag *diag) {
    if (!has_pixels(candidate) || candidate->width != ref->width ||
        candidate->height != ref->height) {
        return si_fail(diag, SI_ERR_RANGE, "a candidate of %d×%d pixels for an original of %d×%d",
            candidate->width, candidate->height, ref->width, ref->height);
    }
    si_image repeated = {0};
    if (is_tiny(candidate)) {
        SI_TRY(repeat(candidate, &repeated, diag));
        candidate = &repeated;
    }
    *score = score_views(ref, candidate);
    si_image_free(&repeated);
    return SI_OK;
}
