/* The kernels on vectors of LANES floats. Included by ssimulacra2_fast.c once per instruction set
 * with these defined: LANES, NAME(function), SET_NAME, FUSE(a, b, c) = a · b + c,
 * FUSE_MINUS(a, b, c) = a · b − c and UNFUSE(a, b, c) = c − a · b, each rounded once. The
 * compiler's vector extension does the rest, so the same text serves SSE2, AVX2, AVX-512 and NEON.
 * What each function computes: ssimulacra2_plain.c. */

typedef float NAME(vf) __attribute__((vector_size(LANES * 4)));
typedef int32_t NAME(vi) __attribute__((vector_size(LANES * 4)));
/* the same at any address */
typedef float NAME(uf) __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

#define VF NAME(vf)
#define VI NAME(vi)
#define LOAD(p) (*(const NAME(uf) *)(p))
#define STORE(p, v) (*(NAME(uf) *)(p) = (v))

INLINE VF NAME(all)(float v) {
    return v - (VF){0};
}

INLINE VF NAME(absolute)(VF v) {
    return (VF)((VI)v & 0x7fffffff);
}

INLINE VF NAME(positive)(VF v) {
    return (VF)((VI)v & (v > 0));
}

/* v without what lies behind the first n lanes. */
INLINE VF NAME(first)(VF v, int n) {
    VI lane = {0};
    for (int i = 0; i < LANES; i++) {
        lane[i] = i;
    }
    return (VF)((VI)v & (lane < n));
}

INLINE double NAME(total)(VF v) {
    double sum = 0;
    for (int i = 0; i < LANES; i++) {
        sum += (double)v[i];
    }
    return sum;
}

static void NAME(decode)(float *row, int n) {
    static const float OVER[] = SI_SCORE_SRGB_OVER, UNDER[] = SI_SCORE_SRGB_UNDER;
    for (int i = 0; i < n; i += LANES) {
        VF v = LOAD(row + i), over = NAME(all)(OVER[4]), under = NAME(all)(UNDER[4]);
        for (int k = 3; k >= 0; k--) {
            over = FUSE(over, v, NAME(all)(OVER[k]));
            under = FUSE(under, v, NAME(all)(UNDER[k]));
        }
        VI curved = v > SI_SCORE_SRGB_LINEAR;
        VF straight = v * SI_SCORE_SRGB_SLOPE;
        STORE(row + i, (VF)(((VI)(over / under) & curved) | ((VI)straight & ~curved)));
    }
}

INLINE VF NAME(cube_root_plus)(VF x, float summand) {
    VF r = (VF)(0x54800000 - ((VI)x >> 23) * 0x2aaaaa);
    VF third = x * (1.0f / 3);
    for (int i = 0; i < 3; i++) {
        VF r2 = r * r;
        r = UNFUSE(third, r2 * r2, r * (4.0f / 3));
    }
    VF r2 = r * r;
    r = FUSE(UNFUSE(x, r2 * r2, r), NAME(all)(1.0f / 3), r);
    return FUSE(r * r, x, NAME(all)(summand));
}

INLINE VF NAME(response)(VF r, VF g, VF b, int cone) {
    static const float M[3][3] = SI_SCORE_OPSIN;
    VF mixed = FUSE(NAME(all)(M[cone][2]), b, NAME(all)(SI_SCORE_OPSIN_BIAS));
    mixed = FUSE(NAME(all)(M[cone][1]), g, mixed);
    mixed = FUSE(NAME(all)(M[cone][0]), r, mixed);
    return NAME(cube_root_plus)(mixed, -SI_SCORE_OPSIN_BIAS_ROOT);
}

static void NAME(opsin)(const float *const rgb[3], float *const xyb[SI_SCORE_PLANES], int n) {
    for (int i = 0; i < n; i += LANES) {
        VF r = LOAD(rgb[0] + i), g = LOAD(rgb[1] + i), b = LOAD(rgb[2] + i);
        VF l = NAME(response)(r, g, b, 0), m = NAME(response)(r, g, b, 1);
        VF y = 0.5f * (l + m);
        if (xyb[0] != NULL) {
            STORE(xyb[0] + i, 0.5f * (l - m) * 14 + 0.42f);
        }
        if (xyb[1] != NULL) {
            STORE(xyb[1] + i, y + 0.01f);
        }
        if (xyb[2] != NULL) {
            STORE(xyb[2] + i, (NAME(response)(r, g, b, 2) - y) + 0.55f);
        }
    }
}

/* EVEN and ODD: every second lane of a pair. SPREAD: lane k of each group of four in all four.
 * JOIN: groups to a vector; PART: group g of a vector. */
#if LANES == 4
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7)
#define SPREAD(v, k) __builtin_shufflevector(v, v, k, k, k, k)
#define JOIN(a, b, c, d) (a)
#define PART(v, g) (v)
#elif LANES == 8
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15)
#define SPREAD(v, k) __builtin_shufflevector(v, v, k, k, k, k, (k) + 4, (k) + 4, (k) + 4, (k) + 4)
#define JOIN(a, b, c, d) __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7)
#define PART(v, g) __builtin_shufflevector(v, v, 4 * (g), 4 * (g) + 1, 4 * (g) + 2, 4 * (g) + 3)
#else
#define EVEN(a, b)                                                                                 \
    __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODD(a, b)                                                                                  \
    __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#define SPREAD(v, k)                                                                               \
    __builtin_shufflevector(v, v, k, k, k, k, (k) + 4, (k) + 4, (k) + 4, (k) + 4, (k) + 8,         \
        (k) + 8, (k) + 8, (k) + 8, (k) + 12, (k) + 12, (k) + 12, (k) + 12)
#define PAIR(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7)
#define JOIN(a, b, c, d)                                                                           \
    __builtin_shufflevector(                                                                       \
        PAIR(a, b), PAIR(c, d), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#define PART(v, g) __builtin_shufflevector(v, v, 4 * (g), 4 * (g) + 1, 4 * (g) + 2, 4 * (g) + 3)
#endif

static void NAME(halve)(const float *top, const float *bottom, float *out, int n) {
    for (int i = 0; i < n; i += LANES) {
        VF a = LOAD(top + 2 * i), b = LOAD(top + 2 * i + LANES);
        VF c = LOAD(bottom + 2 * i), d = LOAD(bottom + 2 * i + LANES);
        STORE(out + i, (((EVEN(a, b) + ODD(a, b)) + EVEN(c, d)) + ODD(c, d)) * 0.25f);
    }
}

static void NAME(multiply)(const float *a, const float *b, float *out, int n) {
    for (int i = 0; i < n; i += LANES) {
        STORE(out + i, LOAD(a + i) * LOAD(b + i));
    }
}

/* ---- the blur along rows: each group of four lanes holds four samples of one row ---- */

typedef struct NAME(resonators) {
    VF last[COSINES], before[COSINES]; /* the same in all lanes of a group */
} NAME(resonators);

/* v[0…3] in every group. */
INLINE VF NAME(each)(const float v[4]) {
    group g = LOAD_GROUP(v);
    return JOIN(g, g, g, g);
}

INLINE VF NAME(four_of_each)(const float *const in[], int i) {
    return JOIN(
        LOAD_GROUP(in[0] + i), LOAD_GROUP(in[1] + i), LOAD_GROUP(in[2] + i), LOAD_GROUP(in[3] + i));
}

INLINE void NAME(store_one_of_each)(float *const out[], int i, VF v) {
    out[0][i] = v[0];
#if LANES >= 8
    out[1][i] = v[4];
#endif
#if LANES >= 16
    out[2][i] = v[8];
    out[3][i] = v[12];
#endif
}

INLINE void NAME(store_four_of_each)(float *const out[], int i, VF v) {
    STORE_GROUP(out[0] + i, PART(v, 0));
#if LANES >= 8
    STORE_GROUP(out[1] + i, PART(v, 1));
#endif
#if LANES >= 16
    STORE_GROUP(out[2] + i, PART(v, 2));
    STORE_GROUP(out[3] + i, PART(v, 3));
#endif
}

INLINE void NAME(one_step)(
    NAME(resonators) * r, const float *const in[], float *const out[], int i) {
    VF sum = NAME(four_of_each)(in, i - 6) + NAME(four_of_each)(in, i + 4), y[COSINES];
    sum = SPREAD(sum, 0);
    for (int k = 0; k < COSINES; k++) {
        y[k] = sum * GAIN[k] - r->before[k];
        y[k] = FUSE(NAME(all)(LAST[k][0]), r->last[k], y[k]);
        r->before[k] = r->last[k];
        r->last[k] = y[k];
    }
    if (i >= 0) {
        NAME(store_one_of_each)(out, i, y[0] + (y[1] + y[2]));
    }
}

INLINE void NAME(four_steps)(
    NAME(resonators) * r, const float *const in[], float *const out[], int i) {
    VF sum = NAME(four_of_each)(in, i - 6) + NAME(four_of_each)(in, i + 4), y[COSINES];
    VF sum0 = SPREAD(sum, 0), sum1 = SPREAD(sum, 1), sum2 = SPREAD(sum, 2), sum3 = SPREAD(sum, 3);
    for (int k = 0; k < COSINES; k++) {
        VF v = sum0 * NAME(each)(IN[k][0]);
        v = FUSE(NAME(each)(IN[k][1]), sum1, v);
        v = FUSE(NAME(each)(IN[k][2]), sum2, v);
        v = FUSE(NAME(each)(IN[k][3]), sum3, v);
        v = FUSE(NAME(each)(BEFORE[k]), r->before[k], v);
        v = FUSE(NAME(each)(LAST[k]), r->last[k], v);
        r->before[k] = SPREAD(v, 2);
        r->last[k] = SPREAD(v, 3);
        y[k] = v;
    }
    NAME(store_four_of_each)(out, i, y[0] + (y[1] + y[2]));
}

static void NAME(blur_some_rows)(const float *const in[], float *const out[], int n) {
    NAME(resonators) r = {0};
    int i = 1 - SI_SCORE_RADIUS;
    for (; i < 8 && i < n; i++) {
        NAME(one_step)(&r, in, out, i);
    }
    for (; i < n - 7; i += 4) {
        NAME(four_steps)(&r, in, out, i);
    }
    for (; i < n; i++) {
        NAME(one_step)(&r, in, out, i);
    }
}

static void NAME(blur_rows)(
    const float *const in[SI_SCORE_BATCH], float *const out[SI_SCORE_BATCH], int n) {
    for (int row = 0; row < SI_SCORE_BATCH; row += LANES / 4) {
        NAME(blur_some_rows)(in + row, out + row, n);
    }
}

/* ---- the blur down columns: each lane is a column ---- */

static void NAME(blur_columns)(float *const state[SI_SCORE_STATE],
    const float *const in[SI_SCORE_STACK], float *const out[SI_SCORE_BATCH], int n) {
    for (int i = 0; i < n; i += LANES) {
        VF last[COSINES], before[COSINES];
        for (int k = 0; k < COSINES; k++) {
            last[k] = LOAD(state[2 * k] + i);
            before[k] = LOAD(state[2 * k + 1] + i);
        }
        for (int row = 0; row < SI_SCORE_BATCH; row++) {
            VF sum = LOAD(in[row] + i) + LOAD(in[row + 10] + i);
            for (int k = 0; k < COSINES; k++) {
                VF y = FUSE_MINUS(NAME(all)(LAST[k][0]), last[k], before[k]);
                before[k] = last[k];
                last[k] = FUSE(NAME(all)(GAIN[k]), sum, y);
            }
            STORE(out[row] + i, last[0] + (last[1] + last[2]));
        }
        for (int k = 0; k < COSINES; k++) {
            STORE(state[2 * k] + i, last[k]);
            STORE(state[2 * k + 1] + i, before[k]);
        }
    }
}

/* ---- error maps ---- */

INLINE VF NAME(structural_error)(const si_score_means *m, int i) {
    VF mean1 = LOAD(m->mean1 + i), mean2 = LOAD(m->mean2 + i);
    VF luma = 1 - (mean1 - mean2) * (mean1 - mean2);
    VF common = 2 * (LOAD(m->product + i) - mean1 * mean2) + SI_SCORE_C2;
    VF all = (LOAD(m->square1 + i) - mean1 * mean1) + (LOAD(m->square2 + i) - mean2 * mean2) +
             SI_SCORE_C2;
    return NAME(positive)(1 - luma * common / all);
}

static void NAME(structure)(const si_score_means *m, int n, double sums[SI_SCORE_SUMS]) {
    VF sum = {0}, sum4 = {0};
    for (int i = 0; i < n; i += LANES) {
        VF d = NAME(structural_error)(m, i);
        if (n - i < LANES) {
            d = NAME(first)(d, n - i);
        }
        sum += d;
        sum4 += (d * d) * (d * d);
    }
    sums[SI_SCORE_STRUCTURE] += NAME(total)(sum);
    sums[SI_SCORE_STRUCTURE_4] += NAME(total)(sum4);
}

static void NAME(edges)(const float *plane1, const float *mean1, const float *plane2,
    const float *mean2, int n, double sums[SI_SCORE_SUMS]) {
    VF ringing = {0}, ringing4 = {0}, lost = {0}, lost4 = {0};
    for (int i = 0; i < n; i += LANES) {
        VF edge1 = NAME(absolute)(LOAD(plane1 + i) - LOAD(mean1 + i));
        VF edge2 = NAME(absolute)(LOAD(plane2 + i) - LOAD(mean2 + i));
        VF d = (edge2 - edge1) / (1 + edge1);
        if (n - i < LANES) {
            d = NAME(first)(d, n - i);
        }
        VF up = NAME(positive)(d), down = up - d;
        ringing += up;
        ringing4 += (up * up) * (up * up);
        lost += down;
        lost4 += (down * down) * (down * down);
    }
    sums[SI_SCORE_RINGING] += NAME(total)(ringing);
    sums[SI_SCORE_RINGING_4] += NAME(total)(ringing4);
    sums[SI_SCORE_LOST] += NAME(total)(lost);
    sums[SI_SCORE_LOST_4] += NAME(total)(lost4);
}

static const si_score_kernels NAME(kernels) = {
    .name = SET_NAME,
    .decode = NAME(decode),
    .opsin = NAME(opsin),
    .halve = NAME(halve),
    .multiply = NAME(multiply),
    .blur_rows = NAME(blur_rows),
    .blur_columns = NAME(blur_columns),
    .structure = NAME(structure),
    .edges = NAME(edges),
};

#undef EVEN
#undef ODD
#undef SPREAD
#undef PAIR
#undef JOIN
#undef PART
#undef VF
#undef VI
#undef LOAD
#undef STORE
#undef LANES
#undef NAME
#undef SET_NAME
#undef FUSE
#undef FUSE_MINUS
#undef UNFUSE
