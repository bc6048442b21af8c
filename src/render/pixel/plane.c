#include "render/pixel/plane.h"

#include <stdlib.h>
#include <string.h>

#include "codec/image.h"

si_result si_plane_alloc(si_plane *p, int width, int height, si_diag *diag) {
    si_image im;
    *p = (si_plane){0};
    si_result result = si_image_alloc(&im, width, height, 1, diag);
    if (result == SI_OK) {
        *p = (si_plane){.width = width, .height = height, .stride = im.stride, .pixels = im.pixels};
    }
    return result;
}

void si_plane_free(si_plane *p) {
    free(p->pixels);
    *p = (si_plane){0};
}

void si_plane_fill(si_plane *p, uint8_t value) {
    memset(p->pixels, value, p->stride * (size_t)p->height);
}
