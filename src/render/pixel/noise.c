#include "render/pixel/noise.h"

#include <math.h>
#include <stdbool.h>

#include "render/pixel/levels.h"

/* What is added, by 10 bits of chance: quantiles of the distribution in 1/64 level. A look-up is
 * all that is left to do for a sample, and rounding to 1/64 keeps the bytes the same everywhere. */
enum { BITS = 10, QUANTILES = 1 << BITS };

/* Quantile of the standard normal distribution: Newton's method, with steps short enough to stay
 * where the density is not yet nil. */
static double normal_quantile(double p) {
    double x = 0;
    for (int i = 0; i < 60; i++) {
        double error = (1 + erf(x * M_SQRT1_2)) / 2 - p;
        double step = error * sqrt(2 * M_PI) * exp(x * x / 2);
        x -= step > 0.5 ? 0.5 : step < -0.5 ? -0.5 : step;
        if (fabs(step) < 1e-9) {
            break;
        }
    }
    return x;
}

static void make_quantiles(int16_t q[QUANTILES], const si_noise *how) {
    double levels = 2.55 * (how->value > 100 ? 100 : how->value);
    for (int i = 0; i < QUANTILES; i++) {
        double p = (i + 0.5) / QUANTILES;
        double amount = how->gaussian ? normal_quantile(p) / 2 : 2 * p - 1;
        q[i] = (int16_t)lrint(amount * levels * 64);
    }
}

static uint8_t add(uint8_t level, int quantile) {
    int v = (level * 64 + quantile + 32) >> 6;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* Chance of the pixel x, y of a picture that lies where `how` says. */
static uint32_t chance(const si_noise *how, int x, int y) {
    return si_position_hash(
        how->seed, (int)((uint32_t)how->x + (uint32_t)x), (int)((uint32_t)how->y + (uint32_t)y));
}

void si_noise_image(si_image *im, const si_noise *how) {
    int16_t q[QUANTILES];
    if (how->value <= 0 || im->grey) {
        return;
    }
    make_quantiles(q, how);
    for (int y = 0; y < im->height; y++) {
        uint8_t *p = im->pixels + (size_t)y * im->stride;
        for (int x = 0; x < im->width; x++, p += im->channels) {
            uint32_t h = chance(how, x, y);
            for (int c = 0; c < 3; c++) {
                p[c] = add(p[c], q[h % QUANTILES]);
                h >>= how->mono ? 0 : BITS;
            }
        }
    }
}

void si_noise_plane(si_plane *plane, const si_noise *how) {
    int16_t q[QUANTILES];
    if (how->value <= 0) {
        return;
    }
    make_quantiles(q, how);
    for (int y = 0; y < plane->height; y++) {
        uint8_t *p = si_plane_row(plane, y);
        for (int x = 0; x < plane->width; x++) {
            if (p[x] != 0) {
                p[x] = add(p[x], q[chance(how, x, y) % QUANTILES]);
            }
        }
    }
}
