#include "base/icc.h"

#include <string.h>

#include "base/str.h"

#define D50                                                                                        \
    { 0.3457, 0.3585 }
#define D65                                                                                        \
    { 0.3127, 0.3290 }

static const si_icc_space spaces[] = {
    {"sRGB", "sRGB IEC61966-2.1", SI_PIXEL_RGB, SI_CURVE_SRGB, D65,
        {{0.64, 0.33}, {0.30, 0.60}, {0.15, 0.06}}},
    {"AdobeRGB", "Adobe RGB (1998)", SI_PIXEL_RGB, 563 / 256.0, D65,
        {{0.64, 0.33}, {0.21, 0.71}, {0.15, 0.06}}},
    {"AppleRGB", "Apple RGB", SI_PIXEL_RGB, 1.8, D65,
        {{0.625, 0.340}, {0.280, 0.595}, {0.155, 0.070}}},
    {"CIERGB", "CIE RGB", SI_PIXEL_RGB, 2.2, {1 / 3.0, 1 / 3.0},
        {{0.735, 0.265}, {0.274, 0.717}, {0.167, 0.009}}},
    {"ColorMatchRGB", "ColorMatch RGB", SI_PIXEL_RGB, 1.8, D50,
        {{0.630, 0.340}, {0.295, 0.605}, {0.150, 0.075}}},
    {"NTSC", "NTSC (1953)", SI_PIXEL_RGB, 2.2, {0.3101, 0.3162},
        {{0.67, 0.33}, {0.21, 0.71}, {0.14, 0.08}}},
    {"PAL", "PAL/SECAM", SI_PIXEL_RGB, 2.2, D65, {{0.64, 0.33}, {0.29, 0.60}, {0.15, 0.06}}},
    {"ProPhoto", "ProPhoto RGB", SI_PIXEL_RGB, 1.8, D50,
        {{0.7347, 0.2653}, {0.1596, 0.8404}, {0.0366, 0.0001}}},
    {"SMPTE", "SMPTE-C", SI_PIXEL_RGB, 2.2, D65, {{0.630, 0.340}, {0.310, 0.595}, {0.155, 0.070}}},
    {"WideGamutRGB", "Wide Gamut RGB", SI_PIXEL_RGB, 2.2, D50,
        {{0.735, 0.265}, {0.115, 0.826}, {0.157, 0.018}}},
    {"DisplayP3", "Display P3", SI_PIXEL_RGB, SI_CURVE_SRGB, D65,
        {{0.680, 0.320}, {0.265, 0.690}, {0.150, 0.060}}},
    {"sGray", "sGray", SI_PIXEL_GRAY, SI_CURVE_SRGB, D50, {{0}}},
    {"Gray22", "Gray Gamma 2.2", SI_PIXEL_GRAY, 2.2, D50, {{0}}},
    {"Gray18", "Gray Gamma 1.8", SI_PIXEL_GRAY, 1.8, D50, {{0}}},
};

bool si_icc_type(const void *data, size_t len, si_pixel_type *out) {
    static const struct {
        char signature[5];
        si_pixel_type type;
    } types[] = {{"RGB ", SI_PIXEL_RGB}, {"GRAY", SI_PIXEL_GRAY}, {"CMYK", SI_PIXEL_CMYK}};
    const char *p = data;
    if (p == NULL || len < SI_ICC_HEADER || memcmp(p + 36, "acsp", 4) != 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (memcmp(p + 16, types[i].signature, 4) == 0) {
            *out = types[i].type;
            return true;
        }
    }
    return false;
}

static uint32_t be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool table_fits(const uint8_t *tag, size_t len) {
    enum { CHANNELS = 8, GRID = 10, HEAD = 48 }; /* offsets; least length of a lut8Type */
    if (len < HEAD || memcmp(tag, "mft", 3) != 0) {
        return true;
    }
    double size = tag[CHANNELS + 1] * (tag[3] == '2' ? 2.0 : 1.0);
    for (int i = 0; i < tag[CHANNELS]; i++) {
        size *= tag[GRID];
    }
    return size <= (double)len;
}

bool si_icc_tables_fit(const void *data, size_t len) {
    enum { ENTRY = 12 };
    const uint8_t *p = data;
    if (len < SI_ICC_HEADER + 4) {
        return true;
    }
    size_t count = be32(p + SI_ICC_HEADER), room = (len - SI_ICC_HEADER - 4) / ENTRY;
    for (size_t i = 0; i < count && i < room; i++) {
        const uint8_t *entry = p + SI_ICC_HEADER + 4 + i * ENTRY;
        size_t at = be32(entry + 4), size = be32(entry + 8);
        if (at <= len && size <= len - at && !table_fits(p + at, size)) {
            return false;
        }
    }
    return true;
}

const si_icc_space *si_icc_space_by_name(const char *name, size_t len) {
    si_str s = {name, len};
    if (len > 4 && (si_str_eq_nocase((si_str){name + len - 4, 4}, SI_STR(".icc")) ||
                       si_str_eq_nocase((si_str){name + len - 4, 4}, SI_STR(".icm")))) {
        s.len -= 4;
    }
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
        if (si_str_eq_nocase(s, si_str_of(spaces[i].name)) ||
            si_str_eq_nocase(s, si_str_of(spaces[i].long_name))) {
            return &spaces[i];
        }
    }
    return NULL;
}
