#include "render/pixel/gaussian.h"

#include <math.h>
#include <stdlib.h>

/* Weight of the pixel `i` away: the Gaussian over its area, i − ½ … i + ½. */
static double pixel_weight(double sigma, int i) {
    double a = (i - 0.5) / (sigma * M_SQRT2), b = (i + 0.5) / (sigma * M_SQRT2);
    return (erf(b) - erf(a)) / 2;
}

float *si_gaussian_kernel(double sigma, int reach) {
    float *k = malloc((size_t)(reach + 1) * sizeof *k);
    if (k == NULL) {
        return NULL;
    }
    double sum = pixel_weight(sigma, 0);
    for (int i = 1; i <= reach; i++) {
        sum += 2 * pixel_weight(sigma, i);
    }
    for (int i = 0; i <= reach; i++) {
        k[i] = (float)(pixel_weight(sigma, i) / sum);
    }
    return k;
}

/* For L = 2·half + 1 + 2·part the variance is (half(half+1)(2half+1)/3 + 2·part·(half+1)²) / L. */
void si_gaussian_box(double sigma, int *half, float *part) {
    double variance = sigma * sigma / 3;
    int h = (int)((sqrt(12 * variance + 1) - 1) / 2);
    double inner = h * (h + 1.0) * (2 * h + 1.0) / 3, n = 2 * h + 1;
    *half = h;
    *part = (float)((variance * n - inner) / (2 * ((h + 1.0) * (h + 1.0) - variance)));
}
