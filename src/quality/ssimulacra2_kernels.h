/* The loops of SSIMULACRA 2.1, one set of functions per instruction set.
 *
 * Every set computes the same; the plain one says how, sample by sample. Roundings are part of the
 * measure: the blur below never forgets a rounding error, in flat parts of a picture these errors
 * are what the structural map sees, and they cost up to two points of score. So every set adds and
 * fuses in the same order as the reference program does on a processor with fused multiply-add, and
 * agrees with the plain set bit by bit.
 *
 * Rows are floats. A function may read and write up to SI_SCORE_SLACK samples past the n it is
 * asked for, so rows have that much room behind them. Nothing needs to be aligned; an output is
 * not an input unless that is said. */
#ifndef SI_QUALITY_SSIMULACRA2_KERNELS_H
#define SI_QUALITY_SSIMULACRA2_KERNELS_H

enum {
    SI_SCORE_SLACK = 16, /* samples */
    SI_SCORE_BATCH = 4,  /* rows that are worked on together */
    SI_SCORE_RADIUS = 5, /* of the blur */
    SI_SCORE_STACK = 14, /* rows that a vertical blur of one batch reads */
    SI_SCORE_STATE = 6,  /* rows that it remembers */
    SI_SCORE_PLANES = 3, /* X, Y, B */
};

/* Sums over pixels of an error and of its fourth power. */
typedef enum si_score_sum {
    SI_SCORE_STRUCTURE,
    SI_SCORE_RINGING,
    SI_SCORE_LOST,
    SI_SCORE_STRUCTURE_4,
    SI_SCORE_RINGING_4,
    SI_SCORE_LOST_4,
    SI_SCORE_SUMS,
} si_score_sum;

/* sRGB to linear light is the quotient of two polynomials in the sample 0…1, lowest power first,
 * above SI_SCORE_SRGB_LINEAR; below it the sample is multiplied by SI_SCORE_SRGB_SLOPE. */
#define SI_SCORE_SRGB_OVER                                                                         \
    { 2.200248328e-04f, 1.043637593e-02f, 1.624820318e-01f, 7.961564959e-01f, 8.210152774e-01f }
#define SI_SCORE_SRGB_UNDER                                                                        \
    { 2.631846970e-01f, 1.076976492e+00f, 4.987528350e-01f, -5.512498495e-02f, 6.521209011e-03f }
#define SI_SCORE_SRGB_LINEAR 0.04045f
#define SI_SCORE_SRGB_SLOPE (1.0f / 12.92f)

/* Linear sRGB to long, middle and short cone response: rows of a matrix, then a bias that is added
 * before the cube root is taken. */
#define SI_SCORE_OPSIN                                                                             \
    {                                                                                              \
        {0.30f, 1.0f - 0.078f - 0.30f, 0.078f}, {0.23f, 1.0f - 0.078f - 0.23f, 0.078f}, {          \
            0.24342268924547819f, 0.20476744424496821f,                                            \
                1.0f - 0.24342268924547819f - 0.20476744424496821f                                 \
        }                                                                                          \
    }
#define SI_SCORE_OPSIN_BIAS 0.0037930732552754493f
#define SI_SCORE_OPSIN_BIAS_ROOT 0.15595420054924863f

/* The blur: a Gaussian of σ = 1.5 as the sum of three cosines cut off at radius 5 (Charalampidis,
 * "Recursive implementation of the Gaussian filter using truncated cosine functions", IEEE
 * Transactions on Signal Processing 64, 2016). Each cosine is an undamped resonator,
 *     y[n] = GAIN · (x[n − 6] + x[n + 4]) − TURN · y[n − 1] − y[n − 2],
 * with TURN = −2 cos ω and GAIN = −β cos 6ω for ω = kπ/10, k = 1, 3, 5. Outside the picture x = 0;
 * y starts from 0 at n = −4. */
#define SI_SCORE_COSINES(X) /* TURN, GAIN */                                                       \
    X(-1.902113032590307, 0.05529523572608663)                                                     \
    X(-1.1755705045849463, -0.05883668702694999)                                                   \
    X(-1.2246467991473532e-16, 0.012955819110517089)

/* Stabilizes the quotient of variances. */
#define SI_SCORE_C2 0.0009f

/* Rows for the structural map: local means of plane 1 (original) and 2 (candidate), of their
 * squares and of their product. */
typedef struct si_score_means {
    const float *mean1, *mean2, *square1, *square2, *product;
} si_score_means;

typedef struct si_score_kernels {
    const char *name;

    /* n sRGB samples (0…1) to linear light, in place. */
    void (*decode)(float *row, int n);

    /* n linear pixels r, g, b (0…1) to X, Y and B − Y, shifted and scaled into 0…1. An output that
     * is NULL is not wanted. */
    void (*opsin)(const float *const rgb[3], float *const xyb[SI_SCORE_PLANES], int n);

    /* Mean of 2×2 samples: n outputs from 2n samples of each row. */
    void (*halve)(const float *top, const float *bottom, float *out, int n);

    /* a · b; a and b may be the same. */
    void (*multiply)(const float *a, const float *b, float *out, int n);

    /* Blurs rows of n samples. In front of each row there are 10 zeros, behind it 8. */
    void (*blur_rows)(
        const float *const in[SI_SCORE_BATCH], float *const out[SI_SCORE_BATCH], int n);

    /* Blurs n columns: out[i] is the row at which in[i + 6] is the centre, in[i] and in[i + 10]
     * are what the recursion reads. `state` is carried from batch to batch, at first zeros. */
    void (*blur_columns)(float *const state[SI_SCORE_STATE], const float *const in[SI_SCORE_STACK],
        float *const out[SI_SCORE_BATCH], int n);

    /* Adds the structural error of n pixels to sums[SI_SCORE_STRUCTURE…]. */
    void (*structure)(const si_score_means *means, int n, double sums[SI_SCORE_SUMS]);

    /* Adds the edge errors of n pixels to sums[SI_SCORE_RINGING…] and sums[SI_SCORE_LOST…]. */
    void (*edges)(const float *plane1, const float *mean1, const float *plane2, const float *mean2,
        int n, double sums[SI_SCORE_SUMS]);
} si_score_kernels;

/* One sample at a time, as the formulas are written. */
extern const si_score_kernels si_score_kernels_plain;

/* All sets that this processor can run, best first, NULL at the end; the last is the plain one. */
const si_score_kernels *const *si_score_kernels_available(void);

#endif
