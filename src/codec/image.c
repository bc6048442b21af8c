#include "codec/image.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64, MAX_SIDE = 65535, MAX_PIXELS = 1 << 28 };

si_result si_image_alloc(si_image *im, int width, int height, int channels, si_diag *diag) {
    assert(channels >= 1 && channels <= 5);
    *im = (si_image){0};
    if (width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE ||
        (int64_t)width * height > MAX_PIXELS) {
        return si_fail(diag, SI_ERR_LIMIT, "image of %d×%d pixels is too large", width, height);
    }
    size_t stride = ((size_t)width * (size_t)channels + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    void *pixels = aligned_alloc(ALIGNMENT, stride * (size_t)height);
    if (pixels == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "no memory for %d×%d pixels", width, height);
    }
    memset(pixels, 0, stride * (size_t)height);
    *im = (si_image){
        .width = width, .height = height, .channels = channels, .stride = stride, .pixels = pixels};
    return SI_OK;
}

void si_image_free(si_image *im) {
    free(im->pixels);
    *im = (si_image){0};
}

bool si_image_has_alpha(const si_image *im) {
    return im->channels == (im->cmyk ? 5 : 4);
}

bool si_image_has_transparency(const si_image *im) {
    if (!si_image_has_alpha(im)) {
        return false;
    }
    int n = im->channels;
    for (int y = 0; y < im->height; y++) {
        const uint8_t *row = im->pixels + (size_t)y * im->stride;
        for (int x = 0; x < im->width; x++) {
            if (row[n * x + n - 1] != 255) {
                return true;
            }
        }
    }
    return false;
}
