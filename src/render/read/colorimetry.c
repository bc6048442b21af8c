#include "render/read/colorimetry.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { CURVE_POINTS = 4096 };

static const char FIELD[] = "smartimg-colorimetry";

static const double PEAK = 1000.0 / 203; /* brightest light that keeps a difference; 1 = white */
static const double KNEE = 0.75;         /* where compression begins */

/* ---- code points ---- */

/* x, y of red, green, blue, white. */
static const struct {
    int code;
    double xy[8];
} primaries[] = {
    {1, {0.640, 0.330, 0.300, 0.600, 0.150, 0.060, 0.3127, 0.3290}},
    {4, {0.670, 0.330, 0.210, 0.710, 0.140, 0.080, 0.3100, 0.3160}},
    {5, {0.640, 0.330, 0.290, 0.600, 0.150, 0.060, 0.3127, 0.3290}},
    {6, {0.630, 0.340, 0.310, 0.595, 0.155, 0.070, 0.3127, 0.3290}},
    {7, {0.630, 0.340, 0.310, 0.595, 0.155, 0.070, 0.3127, 0.3290}},
    {8, {0.681, 0.319, 0.243, 0.692, 0.145, 0.049, 0.3100, 0.3160}},
    {9, {0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290}},
    {10, {1.000, 0.000, 0.000, 1.000, 0.000, 0.000, 1 / 3.0, 1 / 3.0}},
    {11, {0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3140, 0.3510}},
    {12, {0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290}},
    {22, {0.630, 0.340, 0.295, 0.605, 0.155, 0.077, 0.3127, 0.3290}},
};

si_colorimetry si_colorimetry_srgb(void) {
    si_colorimetry c = {.transfer = SI_TRANSFER_SRGB};
    memcpy(c.xy, primaries[0].xy, sizeof c.xy);
    return c;
}

bool si_colorimetry_of_cicp(const si_cicp *c, si_colorimetry *out) {
    bool known = c->transfer >= SI_TRANSFER_BT709 && c->transfer <= SI_TRANSFER_HLG &&
                 c->transfer != SI_TRANSFER_UNSPECIFIED && c->transfer != 3;
    for (size_t i = 0; known && i < sizeof primaries / sizeof primaries[0]; i++) {
        if (primaries[i].code == c->primaries) {
            *out = (si_colorimetry){.transfer = c->transfer, .narrow = !c->full_range};
            memcpy(out->xy, primaries[i].xy, sizeof out->xy);
            return true;
        }
    }
    return false;
}

/* ---- chromaticities ---- */

/* Twice the area of the triangle a, b, c; negative if it runs clockwise. */
static double area(const double *a, const double *b, const double *c) {
    return (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]);
}

bool si_colorimetry_is_valid(const si_colorimetry *c) {
    const double *r = c->xy, *g = c->xy + 2, *b = c->xy + 4, *w = c->xy + 6;
    for (int i = 0; i < 8; i++) {
        if (!(fabs(c->xy[i]) <= 2)) { /* NaN, too */
            return false;
        }
    }
    if (c->transfer == SI_TRANSFER_GAMMA && !(c->gamma >= 0.1 && c->gamma <= 10)) {
        return false;
    }
    double whole = area(r, g, b), least = fabs(whole) / 1000;
    double sign = whole < 0 ? -1 : 1;
    return fabs(whole) >= 0.001 && w[1] >= 0.01 && area(r, g, w) * sign > least &&
           area(g, b, w) * sign > least && area(b, r, w) * sign > least;
}

/* ---- transfer functions ---- */

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

static double camera709(double v) {
    return v < 0.081 ? v / 4.5 : pow((v + 0.099) / 1.099, 1 / 0.45);
}

static double srgb(double v) {
    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

/* Light, 1 = white, of the sample `v` of 0…1. */
static double to_light(const si_colorimetry *c, double v) {
    switch (c->transfer) {
    case SI_TRANSFER_GAMMA:
        return pow(v, c->gamma);
    case SI_TRANSFER_GAMMA22:
        return pow(v, 2.2);
    case SI_TRANSFER_GAMMA28:
        return pow(v, 2.8);
    case SI_TRANSFER_LINEAR:
        return v;
    case SI_TRANSFER_LOG100:
        return v > 0 ? pow(10, 2 * (v - 1)) : 0;
    case SI_TRANSFER_LOG316:
        return v > 0 ? pow(10, 2.5 * (v - 1)) : 0;
    case SI_TRANSFER_PQ:
        return compress(pq(v));
    case SI_TRANSFER_DCI: /* SMPTE ST 428-1: 48 of 52.37 cd/m² are white */
        return pow(v, 2.6) * 52.37 / 48;
    case SI_TRANSFER_HLG:
        return compress(hlg(v));
    case SI_TRANSFER_CAMERA709:
        return camera709(v);
    default: /* the video curves too: such pictures are made for, and looked at on, sRGB displays */
        return srgb(v);
    }
}

static bool has_srgb_curve(const si_colorimetry *c) {
    switch (c->transfer) {
    case SI_TRANSFER_GAMMA:
    case SI_TRANSFER_GAMMA22:
    case SI_TRANSFER_GAMMA28:
    case SI_TRANSFER_LINEAR:
    case SI_TRANSFER_LOG100:
    case SI_TRANSFER_LOG316:
    case SI_TRANSFER_PQ:
    case SI_TRANSFER_DCI:
    case SI_TRANSFER_HLG:
    case SI_TRANSFER_CAMERA709:
        return false;
    default:
        return !c->narrow;
    }
}

bool si_colorimetry_is_srgb(const si_colorimetry *c, int bands) {
    for (int i = 0; bands == 3 && i < 8; i++) {
        if (!(fabs(c->xy[i] - primaries[0].xy[i]) <= 0.001)) {
            return false;
        }
    }
    return has_srgb_curve(c);
}

static cmsToneCurve *make_curve(const si_colorimetry *c, bool wide) {
    if (!c->narrow && (c->transfer == SI_TRANSFER_LINEAR || c->transfer == SI_TRANSFER_GAMMA)) {
        return cmsBuildGamma(NULL, c->transfer == SI_TRANSFER_LINEAR ? 1 : c->gamma);
    }
    double most = wide ? 65535 : 255, step = c->narrow ? (wide ? 256 : 1) : 0;
    double black = 16 * step, white = c->narrow ? 235 * step : most;
    uint16_t table[CURVE_POINTS];
    for (int i = 0; i < CURVE_POINTS; i++) {
        double v = (i * most / (CURVE_POINTS - 1) - black) / (white - black);
        double light = to_light(c, fmin(1, fmax(0, v)));
        table[i] = (uint16_t)(fmin(1, fmax(0, light)) * 65535 + 0.5);
    }
    return cmsBuildTabulatedToneCurve16(NULL, CURVE_POINTS, table);
}

cmsHPROFILE si_colorimetry_profile(const si_colorimetry *c, int bands, bool wide) {
    cmsToneCurve *curve = si_colorimetry_is_valid(c) ? make_curve(c, wide) : NULL;
    if (curve == NULL) {
        return NULL;
    }
    const double *xy = c->xy;
    const cmsCIExyY white = {xy[6], xy[7], 1};
    const cmsCIExyYTRIPLE rgb = {{xy[0], xy[1], 1}, {xy[2], xy[3], 1}, {xy[4], xy[5], 1}};
    cmsToneCurve *curves[3] = {curve, curve, curve};
    cmsHPROFILE p = bands == 1 ? cmsCreateGrayProfile(cmsD50_xyY(), curve)
                               : cmsCreateRGBProfile(&white, &rgb, curves);
    cmsFreeToneCurve(curve);
    return p;
}

/* ---- images ---- */

void si_colorimetry_attach(VipsImage *image, const si_colorimetry *c) {
    vips_image_set_blob_copy(image, FIELD, c, sizeof *c);
}

bool si_colorimetry_find(VipsImage *image, si_colorimetry *out) {
    const void *data;
    size_t len;
    if (vips_image_get_typeof(image, FIELD) == 0 ||
        vips_image_get_blob(image, FIELD, &data, &len) != 0 || len != sizeof *out) {
        vips_error_clear();
        return false;
    }
    memcpy(out, data, sizeof *out);
    return true;
}
