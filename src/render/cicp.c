#include "render/cicp.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef SI_HAVE_HEIF
#include <libheif/heif.h>
#include <sys/mman.h>
#include <sys/stat.h>
#endif

enum { CURVE_POINTS = 4096 };
enum {
    TRANSFER_GAMMA22 = 4,
    TRANSFER_GAMMA28 = 5,
    TRANSFER_LINEAR = 8,
    TRANSFER_PQ = 16,
    TRANSFER_HLG = 18
};

static const double PEAK = 1000.0 / 203; /* brightest light that keeps a difference; 1 = white */
static const double KNEE = 0.75;         /* where compression begins */

/* ---- reading ---- */

typedef struct code_points {
    int primaries, transfer;
} code_points;

#ifdef SI_HAVE_HEIF
static bool read_primary(struct heif_context *context, code_points *out) {
    struct heif_image_handle *handle = NULL;
    struct heif_color_profile_nclx *nclx = NULL;
    bool found = false;
    if (heif_context_get_primary_image_handle(context, &handle).code == heif_error_Ok &&
        heif_image_handle_get_nclx_color_profile(handle, &nclx).code == heif_error_Ok) {
        *out = (code_points){(int)nclx->color_primaries, (int)nclx->transfer_characteristics};
        heif_nclx_color_profile_free(nclx);
        found = true;
    }
    if (handle != NULL) {
        heif_image_handle_release(handle);
    }
    return found;
}

static bool read_code_points(int fd, code_points *out) {
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_size <= 0) {
        return false;
    }
    size_t len = (size_t)st.st_size;
    void *data = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
        return false;
    }
    struct heif_context *context = heif_context_alloc();
    bool found = context != NULL &&
                 heif_context_read_from_memory_without_copy(context, data, len, NULL).code ==
                     heif_error_Ok &&
                 read_primary(context, out);
    heif_context_free(context);
    munmap(data, len);
    return found;
}
#else
static bool read_code_points(int fd, code_points *out) {
    (void)fd, (void)out;
    return false;
}
#endif

/* ---- meaning ---- */

/* x, y of red, green, blue, white; rows without an entry count as BT.709. */
static const struct {
    int code;
    double xy[8];
} primaries[] = {
    {1, {0.640, 0.330, 0.300, 0.600, 0.150, 0.060, 0.3127, 0.3290}},
    {5, {0.640, 0.330, 0.290, 0.600, 0.150, 0.060, 0.3127, 0.3290}},
    {6, {0.630, 0.340, 0.310, 0.595, 0.155, 0.070, 0.3127, 0.3290}},
    {7, {0.630, 0.340, 0.310, 0.595, 0.155, 0.070, 0.3127, 0.3290}},
    {9, {0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290}},
    {11, {0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3140, 0.3510}},
    {12, {0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290}},
};

static const double *primaries_of(int code) {
    for (size_t i = 1; i < sizeof primaries / sizeof primaries[0]; i++) {
        if (primaries[i].code == code) {
            return primaries[i].xy;
        }
    }
    return primaries[0].xy;
}

/* Light above the knee bends towards 1 at PEAK, with the same slope at the knee. */
static double compress(double light) {
    if (light <= KNEE) {
        return light;
    }
    double t = fmin(1, (light - KNEE) / (PEAK - KNEE)), a = (PEAK - KNEE) / (1 - KNEE);
    return KNEE + (1 - KNEE) * a * t / (1 + (a - 1) * t);
}

/* SMPTE ST 2084, in units of reference white. */
static double pq(double v) {
    const double m1 = 2610.0 / 16384, m2 = 2523.0 / 32, c1 = 3424.0 / 4096, c2 = 2413.0 / 128,
                 c3 = 2392.0 / 128;
    double p = pow(v, 1 / m2);
    return 10000 / 203.0 * pow(fmax(0, p - c1) / (c2 - c3 * p), 1 / m1);
}

/* BT.2100 HLG on a display of 1000 nits, its system gamma taken per channel. */
static double hlg(double v) {
    const double a = 0.17883277, b = 0.28466892, c = 0.55991073;
    double scene = v <= 0.5 ? v * v / 3 : (exp((v - c) / a) + b) / 12;
    return PEAK * pow(scene, 1.2);
}

static double srgb(double v) {
    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

static double to_light(int transfer, double v) {
    switch (transfer) {
    case TRANSFER_GAMMA22:
        return pow(v, 2.2);
    case TRANSFER_GAMMA28:
        return pow(v, 2.8);
    case TRANSFER_LINEAR:
        return v;
    case TRANSFER_PQ:
        return compress(pq(v));
    case TRANSFER_HLG:
        return compress(hlg(v));
    default: /* the video curves too: such pictures are made for, and looked at on, sRGB displays */
        return srgb(v);
    }
}

static bool is_special(int transfer) {
    return transfer == TRANSFER_GAMMA22 || transfer == TRANSFER_GAMMA28 ||
           transfer == TRANSFER_LINEAR || transfer == TRANSFER_PQ || transfer == TRANSFER_HLG;
}

cmsHPROFILE si_cicp_profile(int fd) {
    code_points c;
    if (!read_code_points(fd, &c)) {
        return NULL;
    }
    const double *xy = primaries_of(c.primaries);
    if (xy == primaries[0].xy && !is_special(c.transfer)) {
        return NULL;
    }
    uint16_t table[CURVE_POINTS];
    for (int i = 0; i < CURVE_POINTS; i++) {
        double light = to_light(c.transfer, i / (CURVE_POINTS - 1.0));
        table[i] = (uint16_t)(fmin(1, fmax(0, light)) * 65535 + 0.5);
    }
    cmsToneCurve *curve = cmsBuildTabulatedToneCurve16(NULL, CURVE_POINTS, table);
    if (curve == NULL) {
        return NULL;
    }
    const cmsCIExyY white = {xy[6], xy[7], 1};
    const cmsCIExyYTRIPLE rgb = {{xy[0], xy[1], 1}, {xy[2], xy[3], 1}, {xy[4], xy[5], 1}};
    cmsToneCurve *curves[3] = {curve, curve, curve};
    cmsHPROFILE p = cmsCreateRGBProfile(&white, &rgb, curves);
    cmsFreeToneCurve(curve);
    return p;
}
