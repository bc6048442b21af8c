#include "codec/profile.h"

#include <lcms2.h>
#include <stdio.h>
#include <string.h>

enum { DATE_AT = 24, DATE_LEN = 12, ID_AT = 84, ID_LEN = 16 };

static cmsToneCurve *make_curve(double gamma) {
    if (gamma != SI_CURVE_SRGB) {
        return cmsBuildGamma(NULL, gamma);
    }
    const double srgb[5] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
    return cmsBuildParametricToneCurve(NULL, 4, srgb);
}

static cmsHPROFILE make_handle(const si_icc_space *s, cmsToneCurve *curve) {
    const cmsCIExyY white = {s->white[0], s->white[1], 1};
    if (s->type == SI_PIXEL_GRAY) {
        return cmsCreateGrayProfile(&white, curve);
    }
    const double(*p)[2] = s->primaries;
    const cmsCIExyYTRIPLE rgb = {
        {p[0][0], p[0][1], 1}, {p[1][0], p[1][1], 1}, {p[2][0], p[2][1], 1}};
    cmsToneCurve *curves[3] = {curve, curve, curve};
    return cmsCreateRGBProfile(&white, &rgb, curves);
}

static bool name_it(cmsHPROFILE profile, const char *name) {
    cmsMLU *text = cmsMLUalloc(NULL, 1);
    bool ok = text != NULL && cmsMLUsetASCII(text, "en", "US", name) &&
              cmsWriteTag(profile, cmsSigProfileDescriptionTag, text);
    cmsMLUfree(text);
    return ok;
}

static bool save(cmsHPROFILE profile, si_bytes *out) {
    /* the time it was made must not tell equal replies apart */
    static const uint8_t date[DATE_LEN] = {0x07, 0xd0, 0, 1, 0, 1}, no_id[ID_LEN];
    static const uint8_t zeros[4096];
    cmsUInt32Number need = 0;
    if (!cmsSaveProfileToMem(profile, NULL, &need)) {
        return false;
    }
    for (size_t left = need; left > 0;) {
        size_t n = left < sizeof zeros ? left : sizeof zeros;
        if (!si_bytes_append(out, zeros, n)) {
            return false;
        }
        left -= n;
    }
    if (!cmsSaveProfileToMem(profile, out->data, &need) || need < SI_ICC_HEADER) {
        return false;
    }
    memcpy(out->data + DATE_AT, date, DATE_LEN);
    memcpy(out->data + ID_AT, no_id, ID_LEN);
    return true;
}

si_result si_profile_make(const si_icc_space *space, si_bytes *out, si_diag *diag) {
    cmsToneCurve *curve = make_curve(space->gamma);
    cmsHPROFILE profile = curve != NULL ? make_handle(space, curve) : NULL;
    bool ok = profile != NULL && name_it(profile, space->long_name) && save(profile, out);
    if (profile != NULL) {
        cmsCloseProfile(profile);
    }
    cmsFreeToneCurve(curve);
    if (!ok) {
        si_bytes_free(out);
        return si_fail(diag, SI_ERR_MEMORY, "no memory for the profile %s", space->name);
    }
    return SI_OK;
}

static void describe(cmsHPROFILE p, char *name, size_t size) {
    cmsGetProfileInfoASCII(p, cmsInfoDescription, "en", "US", name, (cmsUInt32Number)size);
    name[size - 1] = '\0';
    for (char *c = name; *c != '\0'; c++) {
        *c = (unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e ? '?' : *c;
    }
}

void si_profile_describe(si_icc profile, char *name, size_t size) {
    name[0] = '\0';
    cmsHPROFILE p = profile.data != NULL && profile.len <= UINT32_MAX
                        ? cmsOpenProfileFromMem(profile.data, (cmsUInt32Number)profile.len)
                        : NULL;
    if (p != NULL) {
        describe(p, name, size);
        cmsCloseProfile(p);
    }
}

/* "scRGB" and the like do not start so. */
bool si_profile_is_srgb(si_icc profile) {
    char name[80];
    si_pixel_type type;
    si_profile_describe(profile, name, sizeof name);
    return si_icc_type(profile.data, profile.len, &type) && type == SI_PIXEL_RGB &&
           (strncmp(name, "sRGB IEC61966-2", 15) == 0 || strcmp(name, "sRGB built-in") == 0 ||
               strcmp(name, "sRGB") == 0);
}
