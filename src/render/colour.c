#include "render/colour.h"

#include <string.h>

#include "render/load.h"

/* ---- profiles ---- */

static cmsHPROFILE embedded_profile(VipsImage *image) {
    const void *data;
    size_t len;
    if (vips_image_get_typeof(image, VIPS_META_ICC_NAME) == 0 ||
        vips_image_get_blob(image, VIPS_META_ICC_NAME, &data, &len) != 0 || len > UINT32_MAX) {
        vips_error_clear();
        return NULL;
    }
    return cmsOpenProfileFromMem(data, (cmsUInt32Number)len);
}

static cmsHPROFILE builtin_cmyk(void) {
    VipsBlob *blob = NULL;
    if (vips_profile_load("cmyk", &blob, NULL) != 0) {
        vips_error_clear();
        return NULL;
    }
    size_t len;
    const void *data = vips_blob_get(blob, &len);
    cmsHPROFILE p = cmsOpenProfileFromMem(data, (cmsUInt32Number)len);
    vips_area_unref(VIPS_AREA(blob));
    return p;
}

static void describe(cmsHPROFILE p, char *name, size_t size) {
    name[0] = '\0';
    cmsGetProfileInfoASCII(p, cmsInfoDescription, "en", "US", name, (cmsUInt32Number)size);
    name[size - 1] = '\0';
    for (char *c = name; *c != '\0'; c++) {
        *c = (unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e ? '?' : *c;
    }
}

void si_colour_profile_name(VipsImage *image, char *name, size_t size) {
    name[0] = '\0';
    cmsHPROFILE p = embedded_profile(image);
    if (p != NULL) {
        describe(p, name, size);
        cmsCloseProfile(p);
    }
}

/* The common sRGB profiles, which need no conversion. "scRGB" and the like do not start so. */
static bool is_srgb(cmsHPROFILE p) {
    char name[80];
    describe(p, name, sizeof name);
    return cmsGetColorSpace(p) == cmsSigRgbData &&
           (strncmp(name, "sRGB IEC61966-2", 15) == 0 || strcmp(name, "sRGB built-in") == 0 ||
               strcmp(name, "sRGB") == 0);
}

/* ---- pixels ---- */

static cmsColorSpaceSignature space_of(int bands) {
    return bands == 1 ? cmsSigGrayData : bands == 3 ? cmsSigRgbData : cmsSigCmykData;
}

static cmsUInt32Number input_format(const si_colour *c) {
    int pixel = c->bands == 1 ? PT_GRAY : c->bands == 3 ? PT_RGB : PT_CMYK;
    return COLORSPACE_SH((cmsUInt32Number)pixel) | CHANNELS_SH((cmsUInt32Number)c->bands) |
           EXTRA_SH((cmsUInt32Number)c->rows_alpha) | BYTES_SH(c->wide ? 2u : 1u);
}

static cmsHTRANSFORM make_transform(const si_colour *c, cmsHPROFILE from) {
    cmsHPROFILE srgb = cmsCreate_sRGBProfile();
    if (srgb == NULL) {
        return NULL;
    }
    cmsUInt32Number flags = cmsFLAGS_BLACKPOINTCOMPENSATION | cmsFLAGS_NOCACHE;
    flags |= c->rows_alpha ? cmsFLAGS_COPY_ALPHA : 0;
    cmsHTRANSFORM t = cmsCreateTransform(from, input_format(c), srgb,
        c->rows_alpha ? TYPE_RGBA_8 : TYPE_RGB_8, INTENT_RELATIVE_COLORIMETRIC, flags);
    cmsCloseProfile(srgb);
    return t;
}

static void choose_transform(si_colour *c, VipsImage *image, cmsHPROFILE assumed) {
    cmsHPROFILE p = embedded_profile(image);
    if (p != NULL && cmsGetColorSpace(p) == space_of(c->bands)) {
        if (is_srgb(p)) {
            cmsCloseProfile(p);
            return;
        }
        c->transform = make_transform(c, p);
    }
    if (p != NULL) {
        cmsCloseProfile(p);
    }
    if (c->transform == NULL && c->bands == 3 && assumed != NULL) {
        c->transform = make_transform(c, assumed);
    }
    if (c->transform == NULL && c->bands == 4 && (p = builtin_cmyk()) != NULL) {
        c->transform = make_transform(c, p);
        cmsCloseProfile(p);
    }
}

/* Samples we can read as they are: 8 or 16 bit grey, RGB, CMYK, with or without alpha. */
static bool is_plain(const VipsImage *image, int *bands) {
    if (image->Coding != VIPS_CODING_NONE ||
        (image->BandFmt != VIPS_FORMAT_UCHAR && image->BandFmt != VIPS_FORMAT_USHORT)) {
        return false;
    }
    switch (image->Type) {
    case VIPS_INTERPRETATION_B_W:
    case VIPS_INTERPRETATION_GREY16:
        *bands = 1;
        break;
    case VIPS_INTERPRETATION_sRGB:
    case VIPS_INTERPRETATION_RGB:
    case VIPS_INTERPRETATION_RGB16:
        *bands = 3;
        break;
    case VIPS_INTERPRETATION_CMYK:
        *bands = 4;
        break;
    case VIPS_INTERPRETATION_MULTIBAND:
        *bands = image->Bands < 3 ? 1 : 3;
        break;
    default:
        return false;
    }
    return image->Bands == *bands || image->Bands == *bands + 1;
}

/* Anything else: libvips' own idea of it in sRGB, without bands beyond alpha. */
static int make_plain(VipsImage **image) {
    VipsImage *rgb = NULL, *cast = NULL, *cut = NULL;
    int failed = 0;
    if (vips_colourspace(*image, &rgb, VIPS_INTERPRETATION_sRGB, NULL) != 0 ||
        vips_cast_uchar(rgb, &cast, NULL) != 0) {
        failed = -1;
    } else if (cast->Bands > 4) {
        failed = vips_extract_band(cast, &cut, 0, "n", 4, NULL);
    } else {
        cut = cast;
        g_object_ref(cut);
    }
    VIPS_UNREF(rgb);
    VIPS_UNREF(cast);
    if (failed == 0) {
        VIPS_UNREF(*image);
        *image = cut;
    }
    return failed;
}

si_result si_colour_open(
    si_colour *c, VipsImage **image, bool add_alpha, cmsHPROFILE assumed, si_diag *diag) {
    *c = (si_colour){0};
    bool plain = is_plain(*image, &c->bands);
    if (!plain) {
        if (make_plain(image) != 0) {
            return si_vips_fail(diag);
        }
        c->bands = (*image)->Bands < 3 ? 1 : 3;
    }
    c->alpha = (*image)->Bands == c->bands + 1;
    c->rows_alpha = c->alpha || add_alpha;
    c->wide = (*image)->BandFmt == VIPS_FORMAT_USHORT;
    if (plain) {
        choose_transform(c, *image, assumed);
    }
    if (c->bands == 4 && c->transform == NULL) {
        return si_fail(diag, SI_ERR_UNSUPPORTED, "no profile to read CMYK with");
    }
    return SI_OK;
}

void si_colour_close(si_colour *c) {
    if (c->transform != NULL) {
        cmsDeleteTransform(c->transform);
    }
    *c = (si_colour){0};
}

static inline uint8_t narrow(uint16_t v) {
    return (uint8_t)((v * 255u + 32767u) / 65535u);
}

void si_colour_convert(const si_colour *c, const void *from, uint8_t *to, int n) {
    if (c->transform != NULL) {
        cmsDoTransform(c->transform, from, to, (cmsUInt32Number)n);
        return;
    }
    const uint8_t *p8 = from;
    const uint16_t *p16 = from;
    int in = c->bands + c->rows_alpha, out = 3 + c->rows_alpha;
    if (!c->wide && in == out) {
        memcpy(to, from, (size_t)n * (size_t)in);
        return;
    }
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < out; k++) {
            int band = k == 3 ? c->bands : c->bands == 1 ? 0 : k;
            to[i * out + k] = c->wide ? narrow(p16[i * in + band]) : p8[i * in + band];
        }
    }
}
