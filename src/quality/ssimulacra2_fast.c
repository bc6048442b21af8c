#include "quality/ssimulacra2_kernels.h"

#include <stddef.h>
#include <stdint.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/* Only what says FUSE may be fused: see ssimulacra2_kernels.h on roundings. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#else
#pragma GCC optimize("O3", "fp-contract=off")
#endif

#define INLINE static inline __attribute__((always_inline))

/* Four samples of one row. */
typedef float group __attribute__((vector_size(16)));
typedef float unaligned_group __attribute__((vector_size(16), aligned(4), may_alias));
#define LOAD_GROUP(p) ((group)(*(const unaligned_group *)(p)))
#define STORE_GROUP(p, v) (*(unaligned_group *)(p) = (v))

/* a · b + c, rounded once. SSE2 cannot, so doubles stand in: slower, but with roundings of their
 * own scores would be off by more than a point. */
INLINE group fuse(group a, group b, group c) {
#if defined(__aarch64__)
    return (group)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    typedef double wide_group __attribute__((vector_size(32)));
#define WIDE(v) __builtin_convertvector(v, wide_group)
    return __builtin_convertvector(WIDE(a) * WIDE(b) + WIDE(c), group);
#undef WIDE
#endif
}

enum { COSINES = 3 };

/* Coefficients of the blur along rows, per cosine of TURN t and GAIN g: what four consecutive
 * outputs take from each of the four sums (IN), from the output before them (LAST) and from the one
 * before that (BEFORE). The recursion written out four times. */
#define IN_0(t, g) ((float)(g))
#define IN_1(t, g) ((float)(-(t) * (g)))
#define IN_2(t, g) ((float)((t) * (t) * (g) - (g)))
#define IN_3(t, g) ((float)(-((t) * (t)) * (t) * (g) + 2.0 * (t) * (g)))
#define X(t, g)                                                                                    \
    {{IN_0(t, g), IN_1(t, g), IN_2(t, g), IN_3(t, g)}, {0, IN_0(t, g), IN_1(t, g), IN_2(t, g)},    \
        {0, 0, IN_0(t, g), IN_1(t, g)}, {0, 0, 0, IN_0(t, g)}},
static const float IN[COSINES][4][4] = {SI_SCORE_COSINES(X)};
#undef X
#define X(t, g)                                                                                    \
    {(float)-(t), (float)((t) * (t)-1.0), (float)(-((t) * (t)) * (t) + 2.0 * (t)),                 \
        (float)(((t) * (t)) * ((t) * (t)) - 3.0 * ((t) * (t)) + 1.0)},
static const float LAST[COSINES][4] = {SI_SCORE_COSINES(X)};
#undef X
#define X(t, g) {-1, (float)(t), (float)(-((t) * (t)) + 1.0), (float)((t) * (t) * (t)-2.0 * (t))},
static const float BEFORE[COSINES][4] = {SI_SCORE_COSINES(X)};
#undef X
#define X(t, g) (float)(g),
static const float GAIN[COSINES] = {SI_SCORE_COSINES(X)};
#undef X

/* Sixteen bytes: what every x86-64 and every arm64 processor has. */
#define LANES 4
#define NAME(function) function##_4
#define SET_NAME "128 bit"
#define FUSE(a, b, c) fuse(a, b, c)
#define FUSE_MINUS(a, b, c) fuse(a, b, -(c))
#define UNFUSE(a, b, c) fuse(-(a), b, c)
#include "quality/ssimulacra2_vector.h"

#if defined(__x86_64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define LANES 8
#define NAME(function) function##_8
#define SET_NAME "AVX2"
#define FUSE(a, b, c) (vf_8) _mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c))
#define FUSE_MINUS(a, b, c) (vf_8) _mm256_fmsub_ps((__m256)(a), (__m256)(b), (__m256)(c))
#define UNFUSE(a, b, c) (vf_8) _mm256_fnmadd_ps((__m256)(a), (__m256)(b), (__m256)(c))
#include "quality/ssimulacra2_vector.h"
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,fma"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,fma")
#endif
#define LANES 16
#define NAME(function) function##_16
#define SET_NAME "AVX-512"
#define FUSE(a, b, c) (vf_16) _mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c))
#define FUSE_MINUS(a, b, c) (vf_16) _mm512_fmsub_ps((__m512)(a), (__m512)(b), (__m512)(c))
#define UNFUSE(a, b, c) (vf_16) _mm512_fnmadd_ps((__m512)(a), (__m512)(b), (__m512)(c))
#include "quality/ssimulacra2_vector.h"
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif

enum { MAX_SETS = 4 };

const si_score_kernels *const *si_score_kernels_available(void) {
    static const si_score_kernels *sets[MAX_SETS + 1];
    int n = 0;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) {
        sets[n++] = &kernels_16;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        sets[n++] = &kernels_8;
    }
#endif
    sets[n++] = &kernels_4;
    sets[n++] = &si_score_kernels_plain;
    return sets;
}
