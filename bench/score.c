/* Speed and memory of the SSIMULACRA 2 score: megapixels per second of preparing an original and of
 * scoring a candidate against it, for several sizes, on one core, and bytes held per pixel.
 *
 *     bench-score [WIDTHxHEIGHT…] */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "quality/ssimulacra2.h"

enum { SECONDS_PER_FIGURE = 1 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Bytes that malloc() has handed out and not got back. */
static size_t allocated(void) {
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

/* Smooth waves with noise of the given strength (0…255). */
static void draw(si_image *im, int width, int height, int noise) {
    if (si_image_alloc(im, width, height, 3, NULL) != SI_OK) {
        exit(1);
    }
    uint32_t random = 1;
    for (int y = 0; y < height; y++) {
        for (int i = 0; i < width * 3; i++) {
            random = random * 1664525 + 1013904223;
            int wave = abs((i / 3 + y * (1 + i % 3)) % 400 - 200) + 20;
            im->pixels[(size_t)y * im->stride + (size_t)i] =
                (uint8_t)(wave + (int)((random >> 24) * (unsigned)noise >> 8));
        }
    }
}

static void measure(int width, int height) {
    si_image original, candidate;
    draw(&original, width, height, 8);
    draw(&candidate, width, height, 16);
    double pixels = (double)width * height, score = 0;
    si_score_ref *ref = NULL;
    size_t before = allocated();
    int rounds = 0;
    double start = now(), spent;
    do {
        si_score_ref_free(ref);
        if (si_score_ref_new(&original, SI_SCORE_ON_BLACK_AND_WHITE, &ref, NULL) != SI_OK) {
            exit(1);
        }
        rounds++;
        spent = now() - start;
    } while (spent < SECONDS_PER_FIGURE);
    double prepare = pixels * rounds / spent * 1e-6;
    rounds = 0;
    start = now();
    do {
        if (si_score_against(ref, &candidate, &score, NULL) != SI_OK) {
            exit(1);
        }
        rounds++;
        spent = now() - start;
    } while (spent < SECONDS_PER_FIGURE);
    printf("%5d×%-5d %9.1f %9.1f %9.1f %9.3f\n", width, height, prepare,
        pixels * rounds / spent * 1e-6, (double)(allocated() - before) / pixels, score);
    si_score_ref_free(ref);
    si_image_free(&original);
    si_image_free(&candidate);
}

int main(int argc, char **argv) {
    static const int SIZES[][2] = {{128, 128}, {512, 384}, {1024, 768}, {2000, 1333}, {2400, 1700}};
    printf("%11s %9s %9s %9s %9s\n", "size", "prepare", "score", "held", "score");
    printf("%11s %9s %9s %9s\n", "", "MP/s", "MP/s", "byte/px");
    for (int i = 1; i < argc; i++) {
        int width, height;
        if (sscanf(argv[i], "%dx%d", &width, &height) == 2) {
            measure(width, height);
        }
    }
    for (size_t i = 0; argc == 1 && i < sizeof SIZES / sizeof SIZES[0]; i++) {
        measure(SIZES[i][0], SIZES[i][1]);
    }
    return 0;
}
