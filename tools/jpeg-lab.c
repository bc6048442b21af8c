/* Tells how well quantization tables do; the hands of tools/fit-jpeg.
 *
 *   jpeg-lab HEIGHT PICTURE…
 *
 * Renders the pictures to HEIGHT pixels. Then reads lines of numbers: λ of si_jpeg_fit, and the 128
 * quantizers of si_jpeg_tables. For each line prints, for each picture, the percentage saved
 * against libjpeg-turbo qlt=85 at its score less 0.5: a straight line through five encodings around
 * the quality that it takes, as single ones lie up to a percent beside it; then, after a bar, the
 * mean of those qualities. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "quality/choose.h"
#include "quality/jpeg_fit.h"
#include "quality/ssimulacra2.h"
#include "render/render.h"

enum { PICTURES_MAX = 64, POINTS = 5, TABLES = 128, LINE = 4096 };

typedef struct picture {
    si_image image;
    si_score_ref *ref;
    double threshold, requested; /* log of bytes */
    double quality;              /* what the tables before this took */
} picture;

static void die(const char *what, const si_diag *diag) {
    fprintf(stderr, "jpeg-lab: %s: %s\n", what, diag != NULL ? diag->text : "what is this?");
    exit(1);
}

static si_image render(const char *path, int height) {
    si_recipe r;
    si_layer layer;
    si_image image = {0};
    si_diag diag = {0};
    si_render_limits limits = {0};
    int fd = open(path, O_RDONLY);
    if (fd < 0) {
        die(path, NULL);
    }
    si_layer_init(&layer, 0);
    layer.source = (si_source){.kind = SI_SOURCE_FILE, .file.path = path};
    si_recipe_init(&r);
    r.picture.layers = &layer;
    r.picture.layer_count = 1;
    r.picture.view.hei = height;
    si_files files = si_files_of_fd(&fd);
    if (si_render(&r, &files, &limits, &image, &diag) != SI_OK) {
        die(path, &diag);
    }
    close(fd);
    return image;
}

/* Log of bytes; NULL tables: plain libjpeg. */
static double measure(
    const picture *p, const si_jpeg_tables *tables, const si_encode_params *params, double *score) {
    si_bytes file = {0};
    si_image decoded = {0};
    si_diag diag = {0};
    si_result r = tables != NULL ? si_jpeg_fit_encode_with(tables, &p->image, params, &file, &diag)
                                 : si_codec_encode(SI_FORMAT_JPEG, &p->image, params, &file, &diag);
    if (r != SI_OK ||
        si_codec_decode(SI_FORMAT_JPEG, file.data, file.len, &decoded, &diag) != SI_OK ||
        si_score_against(p->ref, &decoded, score, &diag) != SI_OK) {
        die("encoding", &diag);
    }
    double bytes = log((double)file.len);
    si_image_free(&decoded);
    si_bytes_free(&file);
    return bytes;
}

static picture prepare(const char *path, int height) {
    picture p = {.image = render(path, height), .quality = 82};
    si_diag diag = {0};
    if (si_score_ref_new(&p.image, SI_SCORE_ON_BLACK_AND_WHITE, &p.ref, &diag) != SI_OK) {
        die(path, &diag);
    }
    si_encode_params params = si_codec_defaults(SI_FORMAT_JPEG, &p.image);
    params.quality = 85;
    params.chroma_full = false;
    p.requested = measure(&p, NULL, &params, &p.threshold);
    p.threshold -= SI_SCORE_SLACK;
    return p;
}

/* Fits bytes and quality against score, and gives both where the score is the threshold. */
static double at_threshold(
    const picture *p, const si_jpeg_tables *tables, si_encode_params *params, double *quality) {
    const double step = 0.8;
    double s = 0, b = 0, q = 0, ss = 0, sb = 0, sq = 0;
    for (int i = 0; i < POINTS; i++) {
        double score, at = p->quality + step * (i - POINTS / 2);
        params->quality = (float)fmin(fmax(at, 1), 100);
        double bytes = measure(p, tables, params, &score);
        score -= p->threshold;
        s += score;
        b += bytes;
        q += at;
        ss += score * score;
        sb += score * bytes;
        sq += score * at;
    }
    double spread = POINTS * ss - s * s;
    *quality = (q - (POINTS * sq - s * q) / spread * s) / POINTS;
    return (b - (POINTS * sb - s * b) / spread * s) / POINTS;
}

static void try_tables(picture *pictures, int count, int lambda, const si_jpeg_tables *tables) {
    enum { TRIES = 4 };
    double sum = 0;
    for (int i = 0; i < count; i++) {
        picture *p = &pictures[i];
        si_jpeg_fit fit = si_jpeg_fit_usual();
        si_encode_params params = si_codec_defaults(SI_FORMAT_JPEG, &p->image);
        params.chroma_full = false;
        fit.lambda = lambda;
        params.tune = si_jpeg_fit_pack(fit);
        double bytes = 0, quality = 0;
        for (int tries = 0; tries < TRIES; tries++) {
            bytes = at_threshold(p, tables, &params, &quality);
            if (fabs(quality - p->quality) < 1.2) {
                break;
            }
            p->quality = fmin(fmax(quality, 20), 95);
        }
        sum += quality;
        printf("%.3f ", 100 * (1 - exp(bytes - p->requested)));
    }
    printf("| %.2f\n", sum / count);
    fflush(stdout);
}

int main(int argc, char **argv) {
    static picture pictures[PICTURES_MAX];
    char line[LINE];
    int count = 0;
    si_diag diag = {0};
    if (argc < 3 || si_render_start(&diag) != SI_OK) {
        die("start", NULL);
    }
    for (; count < argc - 2 && count < PICTURES_MAX; count++) {
        pictures[count] = prepare(argv[count + 2], (int)strtol(argv[1], NULL, 10));
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        si_jpeg_tables tables;
        char *rest = line;
        int lambda = (int)strtol(rest, &rest, 10);
        for (int i = 0; i < TABLES; i++) {
            tables.of[i / 64][i % 64] = (uint16_t)strtol(rest, &rest, 10);
        }
        try_tables(pictures, count, lambda, &tables);
    }
    return 0;
}
