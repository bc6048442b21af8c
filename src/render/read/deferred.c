#include <stdlib.h>

#include "render/read/readers.h"

/* Belongs to the image, and goes with it. */
typedef struct state {
    si_deferred deferred;
    GMutex lock;
    uint8_t *pixels; /* NULL until somebody asked */
    bool failed;
} state;

static void release_context(state *s) {
    if (s->deferred.release != NULL && s->deferred.context != NULL) {
        s->deferred.release(s->deferred.context);
    }
    s->deferred.context = NULL;
}

static void release(VipsImage *image, void *data) {
    state *s = data;
    (void)image;
    release_context(s);
    free(s->pixels);
    g_mutex_clear(&s->lock);
    free(s);
}

/* Decodes, unless that was done before. */
static bool have_pixels(state *s, const VipsImage *image) {
    size_t stride = VIPS_IMAGE_SIZEOF_LINE(image);
    g_mutex_lock(&s->lock);
    if (s->pixels == NULL && !s->failed) {
        s->pixels = calloc((size_t)image->Ysize, stride);
        if (s->pixels == NULL) {
            vips_error("reader", "out of memory");
        }
        s->failed =
            s->pixels == NULL || !s->deferred.decode(s->deferred.context, image, s->pixels, stride);
        release_context(s);
    }
    bool ok = !s->failed;
    g_mutex_unlock(&s->lock);
    return ok;
}

static int generate(VipsRegion *region, void *sequence, void *a, void *b, gboolean *stop) {
    state *s = a;
    const VipsImage *image = region->im;
    VipsRect r = region->valid;
    (void)sequence;
    (void)b;
    (void)stop;
    if (!have_pixels(s, image)) {
        return -1;
    }
    size_t pel = VIPS_IMAGE_SIZEOF_PEL(image);
    for (int y = 0; y < r.height; y++) {
        const uint8_t *from =
            s->pixels + (size_t)(r.top + y) * VIPS_IMAGE_SIZEOF_LINE(image) + (size_t)r.left * pel;
        memcpy(VIPS_REGION_ADDR(region, r.left, r.top + y), from, (size_t)r.width * pel);
    }
    return 0;
}

VipsImage *si_deferred_image(int width, int height, int bands, VipsBandFormat format,
    VipsInterpretation interpretation, const si_deferred *deferred, si_diag *diag) {
    state *s = calloc(1, sizeof *s);
    VipsImage *image = s != NULL ? vips_image_new() : NULL;
    if (image == NULL) {
        free(s);
        if (deferred->release != NULL && deferred->context != NULL) {
            deferred->release(deferred->context);
        }
        si_fail(diag, SI_ERR_MEMORY, "out of memory");
        return NULL;
    }
    s->deferred = *deferred;
    g_mutex_init(&s->lock);
    g_signal_connect(image, "close", G_CALLBACK(release), s);
    vips_image_init_fields(
        image, width, height, bands, format, VIPS_CODING_NONE, interpretation, 1, 1);
    if (vips_image_pipelinev(image, VIPS_DEMAND_STYLE_ANY, NULL) != 0 ||
        vips_image_generate(image, NULL, generate, NULL, s, NULL) != 0) {
        g_object_unref(image);
        vips_error_clear();
        si_fail(diag, SI_ERR_MEMORY, "out of memory");
        return NULL;
    }
    return image;
}
