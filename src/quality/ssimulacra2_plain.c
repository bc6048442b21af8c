#include "quality/ssimulacra2_kernels.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { COSINES = 3 };

static const float OPSIN[3][3] = SI_SCORE_OPSIN;
#define X(turn, gain) turn,
static const double TURN[COSINES] = {SI_SCORE_COSINES(X)};
#undef X
#define X(turn, gain) gain,
static const double GAIN[COSINES] = {SI_SCORE_COSINES(X)};
#undef X

static void decode(float *row, int n) {
    static const float OVER[] = SI_SCORE_SRGB_OVER, UNDER[] = SI_SCORE_SRGB_UNDER;
    for (int i = 0; i < n; i++) {
        float v = row[i], over = OVER[4], under = UNDER[4];
        for (int k = 3; k >= 0; k--) {
            over = fmaf(over, v, OVER[k]);
            under = fmaf(under, v, UNDER[k]);
        }
        row[i] = v > SI_SCORE_SRGB_LINEAR ? over / under : v * SI_SCORE_SRGB_SLOPE;
    }
}

/* Cube root of x plus a summand: x^(-1/3) from the exponent bits, three steps of Newton's method,
 * one more in a form that rounds less, then squared times x. */
static float cube_root_plus(float x, float summand) {
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = 0x54800000 - (bits >> 23) * 0x2aaaaa;
    float r;
    memcpy(&r, &bits, sizeof r);
    float third = x * (1.0f / 3);
    for (int i = 0; i < 3; i++) {
        float r2 = r * r;
        r = fmaf(-third, r2 * r2, r * (4.0f / 3));
    }
    float r2 = r * r;
    r = fmaf(fmaf(-x, r2 * r2, r), 1.0f / 3, r);
    return fmaf(r * r, x, summand);
}

static float response(const float *const rgb[3], int i, int cone) {
    const float *m = OPSIN[cone];
    float mixed =
        fmaf(m[0], rgb[0][i], fmaf(m[1], rgb[1][i], fmaf(m[2], rgb[2][i], SI_SCORE_OPSIN_BIAS)));
    return cube_root_plus(mixed, -SI_SCORE_OPSIN_BIAS_ROOT);
}

static void opsin(const float *const rgb[3], float *const xyb[SI_SCORE_PLANES], int n) {
    for (int i = 0; i < n; i++) {
        float l = response(rgb, i, 0), m = response(rgb, i, 1);
        float y = 0.5f * (l + m);
        if (xyb[0] != NULL) {
            xyb[0][i] = 0.5f * (l - m) * 14 + 0.42f;
        }
        if (xyb[1] != NULL) {
            xyb[1][i] = y + 0.01f;
        }
        if (xyb[2] != NULL) {
            xyb[2][i] = (response(rgb, i, 2) - y) + 0.55f;
        }
    }
}

static void halve(const float *top, const float *bottom, float *out, int n) {
    for (int i = 0; i < n; i++) {
        out[i] = (((top[2 * i] + top[2 * i + 1]) + bottom[2 * i]) + bottom[2 * i + 1]) * 0.25f;
    }
}

static void multiply(const float *a, const float *b, float *out, int n) {
    for (int i = 0; i < n; i++) {
        out[i] = a[i] * b[i];
    }
}

/* The resonators of one row: their last two outputs. */
typedef struct resonators {
    float last[COSINES], before[COSINES];
} resonators;

static float one_step(resonators *r, float sum) {
    float y[COSINES];
    for (int k = 0; k < COSINES; k++) {
        y[k] = sum * (float)GAIN[k];
        y[k] = fmaf(-1, r->before[k], y[k]);
        y[k] = fmaf((float)-TURN[k], r->last[k], y[k]);
        r->before[k] = r->last[k];
        r->last[k] = y[k];
    }
    return y[0] + (y[1] + y[2]);
}

/* Four steps at once: every output from the sums and the two outputs before all of them. */
static void four_steps(resonators *r, const float sum[4], float out[4]) {
    float y[COSINES][4];
    for (int k = 0; k < COSINES; k++) {
        double t = TURN[k], t2 = t * t, g = GAIN[k];
        float in[4] = {
            (float)g, (float)(-t * g), (float)(t2 * g - g), (float)(-t2 * t * g + 2.0 * t * g)};
        float last[4] = {(float)-t, (float)(t2 - 1.0), (float)(-t2 * t + 2.0 * t),
            (float)(t2 * t2 - 3.0 * t2 + 1.0)};
        float before[4] = {-1, (float)t, (float)(-t2 + 1.0), (float)(t2 * t - 2.0 * t)};
        for (int j = 0; j < 4; j++) {
            float v = sum[0] * in[j];
            for (int i = 1; i <= j; i++) {
                v = fmaf(in[j - i], sum[i], v);
            }
            v = fmaf(before[j], r->before[k], v);
            y[k][j] = fmaf(last[j], r->last[k], v);
        }
        r->before[k] = y[k][2];
        r->last[k] = y[k][3];
    }
    for (int j = 0; j < 4; j++) {
        out[j] = y[0][j] + (y[1][j] + y[2][j]);
    }
}

static void blur_row(const float *in, float *out, int n) {
    resonators r = {0};
    int i = 1 - SI_SCORE_RADIUS;
    for (; i < 8 && i < n; i++) {
        float y = one_step(&r, in[i - 6] + in[i + 4]);
        if (i >= 0) {
            out[i] = y;
        }
    }
    for (; i < n - 7; i += 4) {
        float sum[4];
        for (int j = 0; j < 4; j++) {
            sum[j] = in[i - 6 + j] + in[i + 4 + j];
        }
        four_steps(&r, sum, out + i);
    }
    for (; i < n; i++) {
        out[i] = one_step(&r, in[i - 6] + in[i + 4]);
    }
}

static void blur_rows(
    const float *const in[SI_SCORE_BATCH], float *const out[SI_SCORE_BATCH], int n) {
    for (int row = 0; row < SI_SCORE_BATCH; row++) {
        blur_row(in[row], out[row], n);
    }
}

static void blur_columns(float *const state[SI_SCORE_STATE], const float *const in[SI_SCORE_STACK],
    float *const out[SI_SCORE_BATCH], int n) {
    for (int i = 0; i < n; i++) {
        for (int row = 0; row < SI_SCORE_BATCH; row++) {
            float sum = in[row][i] + in[row + 10][i], y[COSINES];
            for (int k = 0; k < COSINES; k++) {
                float last = state[2 * k][i];
                y[k] = fmaf((float)GAIN[k], sum, fmaf((float)-TURN[k], last, -state[2 * k + 1][i]));
                state[2 * k][i] = y[k];
                state[2 * k + 1][i] = last;
            }
            out[row][i] = y[0] + (y[1] + y[2]);
        }
    }
}

static void structure(const si_score_means *m, int n, double sums[SI_SCORE_SUMS]) {
    for (int i = 0; i < n; i++) {
        float mean1 = m->mean1[i], mean2 = m->mean2[i];
        float luma = 1 - (mean1 - mean2) * (mean1 - mean2);
        float common = 2 * (m->product[i] - mean1 * mean2) + SI_SCORE_C2;
        float all = (m->square1[i] - mean1 * mean1) + (m->square2[i] - mean2 * mean2) + SI_SCORE_C2;
        double d = 1 - luma * common / all;
        if (d > 0) {
            sums[SI_SCORE_STRUCTURE] += d;
            sums[SI_SCORE_STRUCTURE_4] += d * d * d * d;
        }
    }
}

static void edges(const float *plane1, const float *mean1, const float *plane2, const float *mean2,
    int n, double sums[SI_SCORE_SUMS]) {
    for (int i = 0; i < n; i++) {
        float edge1 = fabsf(plane1[i] - mean1[i]), edge2 = fabsf(plane2[i] - mean2[i]);
        double d = (edge2 - edge1) / (1 + edge1);
        if (d > 0) {
            sums[SI_SCORE_RINGING] += d;
            sums[SI_SCORE_RINGING_4] += d * d * d * d;
        } else {
            sums[SI_SCORE_LOST] -= d;
            sums[SI_SCORE_LOST_4] += d * d * d * d;
        }
    }
}

const si_score_kernels si_score_kernels_plain = {
    .name = "plain",
    .decode = decode,
    .opsin = opsin,
    .halve = halve,
    .multiply = multiply,
    .blur_rows = blur_rows,
    .blur_columns = blur_columns,
    .structure = structure,
    .edges = edges,
};
