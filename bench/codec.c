/* Bytes and milliseconds of every codec and effort at equal score.
 *
 *   bench-codec [-f FORMAT]… [-q QUALITY] [-e EFFORT]… PICTURE.png|PICTURE.jpg…
 *
 * The target is the SSIMULACRA2 score of JPEG at QUALITY (default 85, 4:2:0). For each format and
 * effort the lowest quality that reaches it is bisected; times are those of the last encoding and
 * decoding, so run it on a quiet machine. Saved is against the JPEG. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/codec.h"
#include "quality/ssimulacra2.h"

enum { MAX_FILE = 1 << 28 };

typedef struct trial {
    size_t len;
    double score, encode_ms, decode_ms;
    float quality;
} trial;

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void die(const char *what, const si_diag *diag) {
    fprintf(stderr, "bench-codec: %s: %s\n", what, diag != NULL ? diag->text : "failed");
    exit(1);
}

static si_image load(const char *path) {
    si_bytes file = {0};
    si_image image = {0};
    si_diag diag = {0};
    char buffer[65536];
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        die(path, NULL);
    }
    for (size_t got; (got = fread(buffer, 1, sizeof buffer, f)) > 0;) {
        if (file.len > MAX_FILE || !si_bytes_append(&file, buffer, got)) {
            die(path, NULL);
        }
    }
    fclose(f);
    bool jpeg = file.len > 2 && file.data[0] == 0xff;
    if (si_codec_decode(
            jpeg ? SI_FORMAT_JPEG : SI_FORMAT_PNG, file.data, file.len, &image, &diag) != SI_OK) {
        die(path, &diag);
    }
    si_bytes_free(&file);
    return image;
}

static trial run(
    si_format f, const si_image *image, const si_encode_params *p, const si_score_ref *ref) {
    si_bytes file = {0};
    si_image back = {0};
    si_diag diag = {0};
    trial t = {.quality = p->quality};
    double start = now_ms();
    if (si_codec_encode(f, image, p, &file, &diag) != SI_OK) {
        die(si_format_name(f), &diag);
    }
    t.encode_ms = now_ms() - start;
    t.len = file.len;
    start = now_ms();
    if (si_codec_decode(f, file.data, file.len, &back, &diag) != SI_OK) {
        die(si_format_name(f), &diag);
    }
    t.decode_ms = now_ms() - start;
    if (si_score_against(ref, &back, &t.score, &diag) != SI_OK) {
        die("score", &diag);
    }
    si_image_free(&back);
    si_bytes_free(&file);
    return t;
}

/* The lowest quality on the codec's grid that reaches the target; the best one if none does. */
static trial reach(si_format f, const si_image *image, si_encode_params p, const si_score_ref *ref,
    double target) {
    const si_codec_info *info = si_codec_get(f);
    int low = 0, high = (int)lroundf((info->quality_max - info->quality_min) / info->quality_step);
    p.quality = info->quality_max;
    trial best = run(f, image, &p, ref);
    while (low < high && best.score >= target) {
        int middle = (low + high) / 2;
        p.quality = info->quality_min + (float)middle * info->quality_step;
        trial t = run(f, image, &p, ref);
        if (t.score >= target) {
            best = t;
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return best;
}

static void print(si_format f, int effort, const char *note, trial t, size_t jpeg_len) {
    printf("%-5s %6d %-8s %7.1f %8zu %+6.1f%% %7.2f %8.1f %8.1f\n", si_format_name(f), effort, note,
        t.quality, t.len, 100.0 * ((double)t.len / (double)jpeg_len - 1), t.score, t.encode_ms,
        t.decode_ms);
    fflush(stdout);
}

static void bench_format(si_format f, unsigned efforts, const si_image *image,
    const si_score_ref *ref, const trial *jpeg) {
    bool lossless = f == SI_FORMAT_PNG || f == SI_FORMAT_GIF;
    bool any_effort = f != SI_FORMAT_JPEG && f != SI_FORMAT_JP2 && f != SI_FORMAT_JXR;
    for (int effort = 0; effort < 10; effort++) {
        if (!(efforts >> effort & 1) || (!any_effort && effort != 6)) {
            continue;
        }
        for (int full = 0; full < (lossless || f == SI_FORMAT_JXL || f == SI_FORMAT_JP2 ? 1 : 2);
             full++) {
            si_encode_params p = si_codec_defaults(f, image);
            p.effort = effort;
            p.chroma_full = full;
            trial t = lossless ? run(f, image, &p, ref) : reach(f, image, p, ref, jpeg->score);
            print(f, effort, full ? "chroma+" : "", t, jpeg->len);
        }
    }
}

int main(int argc, char **argv) {
    unsigned formats = 0, efforts = 0;
    float quality = 85;
    int arg = 1;
    for (; arg + 1 < argc && argv[arg][0] == '-'; arg += 2) {
        const char *value = argv[arg + 1];
        si_format f;
        if (argv[arg][1] == 'q') {
            quality = strtof(value, NULL);
        } else if (argv[arg][1] == 'e') {
            efforts |= 1u << (strtoul(value, NULL, 10) & 15);
        } else if (argv[arg][1] == 'f' && si_format_by_name(value, strlen(value), &f)) {
            formats |= SI_FORMAT_BIT(f);
        } else {
            die(value, NULL);
        }
    }
    formats = formats != 0 ? formats : ~0u;
    efforts = efforts != 0 ? efforts : ~0u;
    for (; arg < argc; arg++) {
        si_diag diag = {0};
        si_image image = load(argv[arg]);
        si_score_ref *ref = NULL;
        if (si_score_ref_new(&image, SI_SCORE_ON_BLACK_AND_WHITE, &ref, &diag) != SI_OK) {
            die("score", &diag);
        }
        si_encode_params p = si_codec_defaults(SI_FORMAT_JPEG, &image);
        p.quality = quality;
        p.chroma_full = false;
        trial jpeg = run(SI_FORMAT_JPEG, &image, &p, ref);
        printf("%s %d×%d\n%-5s %6s %-8s %7s %8s %7s %7s %8s %8s\n", argv[arg], image.width,
            image.height, "", "effort", "", "quality", "bytes", "saved", "score", "enc ms",
            "dec ms");
        print(SI_FORMAT_JPEG, p.effort, "target", jpeg, jpeg.len);
        for (int f = 0; f < SI_FORMAT_COUNT; f++) {
            if ((formats & SI_FORMAT_BIT(f)) && si_codec_get((si_format)f)->available) {
                bench_format((si_format)f, efforts, &image, ref, &jpeg);
            }
        }
        si_score_ref_free(ref);
        si_image_free(&image);
    }
    return 0;
}
