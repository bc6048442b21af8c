#include "render/read/colour.h"

#include <string.h>

#include "codec/profile.h"
#include "render/read/colorimetry.h"
#include "render/read/original.h"

/* ---- profiles ---- */

static si_icc embedded_icc(VipsImage *image) {
    si_icc icc = {NULL, 0};
    if (vips_image_get_typeof(image, VIPS_META_ICC_NAME) == 0 ||
        vips_image_get_blob(image, VIPS_META_ICC_NAME, &icc.data, &icc.len) != 0 ||
        icc.len > UINT32_MAX) {
        vips_error_clear();
        return (si_icc){NULL, 0};
    }
    return icc;
}

static cmsHPROFILE open_icc(si_icc icc) {
    return icc.data != NULL && si_icc_tables_fit(icc.data, icc.len)
               ? cmsOpenProfileFromMem(icc.data, (cmsUInt32Number)icc.len)
               : NULL;
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

void si_colour_profile_name(VipsImage *image, char *name, size_t size) {
    si_profile_describe(embedded_icc(image), name, size);
}

/* ---- pixels ---- */

static cmsUInt32Number input_format(const si_colour *c) {
    int pixel = c->bands == 1 ? PT_GRAY : c->bands == 3 ? PT_RGB : PT_CMYK;
    return COLORSPACE_SH((cmsUInt32Number)pixel) | CHANNELS_SH((cmsUInt32Number)c->bands) |
           EXTRA_SH((cmsUInt32Number)c->rows_alpha) | BYTES_SH(c->wide ? 2u : 1u);
}

static bool is_linear(cmsHPROFILE p, cmsTagSignature tag) {
    const cmsToneCurve *curve = cmsReadTag(p, tag);
    return curve != NULL && cmsIsToneCurveLinear(curve);
}

/* True where the lookup tables that lcms2 makes for speed (33 points on an axis, except for 8-bit
 * RGB) are steps too far apart: up to 76 of 255 levels for dark linear greys. `told` curves may be
 * as steep as PQ's. */
static bool needs_exact(const si_colour *c, cmsHPROFILE from, bool told) {
    if (c->bands == 1) {
        return told || is_linear(from, cmsSigGrayTRCTag);
    }
    return c->bands == 3 && c->wide && cmsIsMatrixShaper(from) &&
           (told || is_linear(from, cmsSigGreenTRCTag));
}

/* To the working space; relative with black point compensation where that is sRGB. */
static cmsHTRANSFORM make_transform(
    const si_colour *c, cmsHPROFILE from, bool told, const si_colour_spaces *spaces) {
    bool srgb = spaces == NULL || spaces->working.data == NULL;
    cmsHPROFILE to = srgb ? cmsCreate_sRGBProfile() : open_icc(spaces->working);
    if (to == NULL) {
        return NULL;
    }
    cmsUInt32Number intent = srgb ? INTENT_RELATIVE_COLORIMETRIC : (cmsUInt32Number)spaces->intent;
    cmsUInt32Number flags = cmsFLAGS_NOCACHE;
    flags |= srgb || spaces->bpc ? cmsFLAGS_BLACKPOINTCOMPENSATION : 0;
    flags |= c->rows_alpha ? cmsFLAGS_COPY_ALPHA : 0;
    flags |= needs_exact(c, from, told) ? cmsFLAGS_NOOPTIMIZE : 0;
    cmsHTRANSFORM t = cmsCreateTransform(
        from, input_format(c), to, c->rows_alpha ? TYPE_RGBA_8 : TYPE_RGB_8, intent, flags);
    cmsCloseProfile(to);
    return t;
}

static bool same(si_icc a, si_icc b) {
    return a.data != NULL && b.data != NULL && a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* The profile, if it is one for these pixels; else {NULL, 0}. */
static si_icc fitting(const si_colour *c, si_icc icc) {
    si_pixel_type type, kind = c->bands == 1   ? SI_PIXEL_GRAY
                               : c->bands == 3 ? SI_PIXEL_RGB
                                               : SI_PIXEL_CMYK;
    return si_icc_type(icc.data, icc.len, &type) && type == kind ? icc : (si_icc){NULL, 0};
}

/* What `spaces` assume of pixels whose file is silent; {NULL, 0} if nothing. */
static si_icc assumed_icc(const si_colour *c, const si_colour_spaces *spaces) {
    if (spaces == NULL) {
        return (si_icc){NULL, 0};
    }
    return fitting(c, spaces->assumed[c->bands == 1   ? SI_PIXEL_GRAY
                                      : c->bands == 3 ? SI_PIXEL_RGB
                                                      : SI_PIXEL_CMYK]);
}

/* True if samples of this profile ({NULL, 0} = sRGB) need no conversion. */
static bool is_working(const si_colour *c, si_icc icc, const si_colour_spaces *spaces) {
    bool srgb = spaces == NULL || spaces->working.data == NULL;
    if (c->bands == 4) {
        return false;
    }
    if (icc.data == NULL) {
        return srgb || si_profile_is_srgb(spaces->working);
    }
    return srgb ? si_profile_is_srgb(icc) : same(icc, spaces->working);
}

/* Grey of sRGB's curve. */
static cmsHPROFILE builtin_gray(void) {
    cmsHPROFILE p = NULL;
    si_bytes gray = {0};
    if (si_profile_make(si_icc_space_by_name("sGray", 5), &gray, NULL) == SI_OK) {
        p = open_icc((si_icc){gray.data, gray.len});
    }
    si_bytes_free(&gray);
    return p;
}

/* The profile, or what pixels without one are taken for. */
static cmsHPROFILE open_source(const si_colour *c, si_icc icc) {
    return icc.data != NULL ? open_icc(icc)
           : c->bands == 4  ? builtin_cmyk()
           : c->bands == 1  ? builtin_gray()
                            : cmsCreate_sRGBProfile();
}

static bool try_transform(si_colour *c, si_icc icc, const si_colour_spaces *spaces) {
    if (is_working(c, icc, spaces)) {
        return true;
    }
    cmsHPROFILE from = open_source(c, icc);
    if (from != NULL) {
        c->transform = make_transform(c, from, false, spaces);
        cmsCloseProfile(from);
    }
    return c->transform != NULL;
}

/* False if the numbers make no colour space. */
static bool try_told(si_colour *c, const si_colorimetry *told, const si_colour_spaces *spaces) {
    if (si_colorimetry_is_srgb(told, c->bands) && is_working(c, (si_icc){NULL, 0}, spaces)) {
        return true;
    }
    cmsHPROFILE from = si_colorimetry_profile(told, c->bands, c->wide);
    if (from != NULL) {
        c->transform = make_transform(c, from, true, spaces);
        cmsCloseProfile(from);
    }
    return c->transform != NULL;
}

static bool keeps_inks(const si_colour *c, si_icc icc, const si_colour_spaces *spaces) {
    return c->bands == 4 && !c->rows_alpha && spaces != NULL && spaces->keep_inks &&
           (spaces->inks.data == NULL || same(icc, spaces->inks));
}

/* What fails is passed over. */
static void choose_transform(si_colour *c, VipsImage *image, const si_colour_spaces *spaces) {
    si_colorimetry told;
    si_icc own = fitting(c, embedded_icc(image)), assumed = assumed_icc(c, spaces);
    bool is_told = c->bands != 4 && si_colorimetry_find(image, &told);
    if (keeps_inks(c, own.data != NULL ? own : assumed, spaces)) {
        c->keep = true;
        return;
    }
    bool done = (is_told && told.first && try_told(c, &told, spaces)) ||
                (own.data != NULL && try_transform(c, own, spaces)) ||
                (is_told && try_told(c, &told, spaces)) ||
                (assumed.data != NULL && try_transform(c, assumed, spaces));
    if (!done) {
        (void)try_transform(c, (si_icc){NULL, 0}, spaces);
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
static bool make_plain(VipsImage **image) {
    VipsImage *rgb = NULL, *cast = NULL, *cut = NULL;
    bool ok = true;
    if (vips_colourspace(*image, &rgb, VIPS_INTERPRETATION_sRGB, NULL) != 0 ||
        vips_cast_uchar(rgb, &cast, NULL) != 0) {
        ok = false;
    } else if (cast->Bands > 4) {
        ok = vips_extract_band(cast, &cut, 0, "n", 4, NULL) == 0;
    } else {
        cut = cast;
        g_object_ref(cut);
    }
    VIPS_UNREF(rgb);
    VIPS_UNREF(cast);
    if (ok) {
        VIPS_UNREF(*image);
        *image = cut;
    }
    return ok;
}

si_result si_colour_open(si_colour *c, VipsImage **image, bool add_alpha,
    const si_colour_spaces *spaces, si_diag *diag) {
    *c = (si_colour){0};
    bool plain = is_plain(*image, &c->bands);
    if (!plain) {
        if (!make_plain(image)) {
            return si_vips_fail(diag);
        }
        c->bands = (*image)->Bands < 3 ? 1 : 3;
    }
    c->alpha = (*image)->Bands == c->bands + 1;
    c->rows_alpha = c->alpha || add_alpha;
    c->wide = (*image)->BandFmt == VIPS_FORMAT_USHORT;
    if (plain) {
        choose_transform(c, *image, spaces);
    } else {
        (void)try_transform(c, (si_icc){NULL, 0}, spaces);
    }
    if (c->bands == 4 && c->transform == NULL && !c->keep) {
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
    int in = c->bands + c->rows_alpha, out = c->keep ? 4 : 3 + c->rows_alpha;
    if (!c->wide && in == out) {
        memcpy(to, from, (size_t)n * (size_t)in);
        return;
    }
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < out; k++) {
            int band = k == 3 && !c->keep ? c->bands : c->bands == 1 ? 0 : k;
            to[i * out + k] = c->wide ? narrow(p16[i * in + band]) : p8[i * in + band];
        }
    }
}
