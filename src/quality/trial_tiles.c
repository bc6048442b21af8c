#include "quality/trial_tiles.h"

#include <math.h>
#include <string.h>

enum { LEAST_TILES = 6 };

static void copy_tile(const si_image *from, int x, int y, si_image *to, int to_x, int to_y) {
    for (int row = 0; row < SI_TRIAL_TILE; row++) {
        memcpy(to->pixels + (size_t)(to_y + row) * to->stride + (size_t)to_x * to->channels,
            from->pixels + (size_t)(y + row) * from->stride + (size_t)x * from->channels,
            (size_t)SI_TRIAL_TILE * from->channels);
    }
}

/* How many tiles across and down. False if they would leave too little out. */
static bool lay_out(const si_image *image, double share, int *across, int *down) {
    double area = (double)image->width * image->height;
    double wanted = fmax(share * area / (SI_TRIAL_TILE * SI_TRIAL_TILE), LEAST_TILES);
    double coarse = sqrt(wanted / area);
    *across = (int)round(coarse * image->width);
    *down = (int)round(coarse * image->height);
    *across = *across < 2 ? 2 : *across;
    *down = *down < 2 ? 2 : *down;
    return *across * SI_TRIAL_TILE * 3 <= image->width * 2 &&
           *down * SI_TRIAL_TILE * 3 <= image->height * 2;
}

static bool gather(const si_image *image, int across, int down, si_image *out) {
    if (si_image_alloc(out, across * SI_TRIAL_TILE, down * SI_TRIAL_TILE, image->channels, NULL) !=
        SI_OK) {
        return false;
    }
    out->grey = image->grey;
    for (int j = 0; j < down; j++) {
        for (int i = 0; i < across; i++) {
            /* the middle of each cell, on a multiple of 8 as JPEG's blocks lie */
            int x = (int)((i + 0.5) * image->width / across - SI_TRIAL_TILE / 2.0) & ~7;
            int y = (int)((j + 0.5) * image->height / down - SI_TRIAL_TILE / 2.0) & ~7;
            copy_tile(image, x, y, out, i * SI_TRIAL_TILE, j * SI_TRIAL_TILE);
        }
    }
    return true;
}

static double score(si_trial_tiles *p, si_format format, const si_encode_params *params) {
    si_bytes file = {0};
    si_image decoded = {0};
    si_diag ignored = {0};
    double result = NAN;
    if (si_codec_encode(format, &p->tiles, params, &file, &ignored) != SI_OK ||
        si_codec_decode(format, file.data, file.len, &decoded, &ignored) != SI_OK ||
        si_score_against(p->ref, &decoded, &result, &ignored) != SI_OK) {
        result = NAN;
    }
    si_image_free(&decoded);
    si_bytes_free(&file);
    return result;
}

bool si_trial_tiles_start(
    si_trial_tiles *p, const si_image *image, double share, const si_encode_params *jpeg) {
    int across, down;
    if (si_image_has_transparency(image) || !lay_out(image, share, &across, &down) ||
        !gather(image, across, down, &p->tiles) ||
        si_score_ref_new(&p->tiles, SI_SCORE_ON_BLACK_AND_WHITE, &p->ref, NULL) != SI_OK) {
        return false;
    }
    p->target = score(p, SI_FORMAT_JPEG, jpeg);
    return !isnan(p->target);
}

double si_trial_tiles_margin(si_trial_tiles *p, si_format format, const si_encode_params *params) {
    return score(p, format, params) - p->target;
}

void si_trial_tiles_end(si_trial_tiles *p) {
    si_score_ref_free(p->ref);
    si_image_free(&p->tiles);
    *p = (si_trial_tiles){0};
}
