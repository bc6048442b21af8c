#include "render/target.h"

#include <errno.h>
#include <lcms2.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec/profile.h"
#include "codec/srgb.h"
#include "render/read/pixel_rows.h"

enum { MAX_PROFILE = 16 << 20, PIECE = 64 << 10 };

/* ---- profiles ---- */

static si_result read_file(int fd, si_bytes *out, si_diag *diag) {
    uint8_t *piece = malloc(PIECE);
    si_result result = piece != NULL ? SI_OK : SI_ERR_MEMORY;
    for (off_t at = 0; result == SI_OK;) {
        ssize_t n = pread(fd, piece, PIECE, at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            result = n < 0 ? si_fail(diag, SI_ERR_IO, "the profile cannot be read") : SI_OK;
            break;
        }
        at += n;
        if (at > MAX_PROFILE) {
            result = si_fail(diag, SI_ERR_SOURCE, "the profile is larger than 16 MB");
        } else if (!si_bytes_append(out, piece, (size_t)n)) {
            result = SI_ERR_MEMORY;
        }
    }
    free(piece);
    return result == SI_ERR_MEMORY ? si_fail(diag, result, "no memory for a profile") : result;
}

si_result si_target_load(
    const char *name, int fd, si_bytes *out, si_pixel_type *type, si_diag *diag) {
    si_result result;
    if (fd < 0) {
        const si_icc_space *space = si_icc_space_by_name(name, strlen(name));
        result = space == NULL ? si_fail(diag, SI_ERR_NOT_FOUND, "no profile \"%.80s\"", name)
                               : si_profile_make(space, out, diag);
    } else {
        result = read_file(fd, out, diag);
    }
    if (result == SI_OK && !si_icc_type(out->data, out->len, type)) {
        result =
            si_fail(diag, SI_ERR_SOURCE, "\"%.80s\" is not a profile of RGB, gray or CMYK", name);
    }
    if (result != SI_OK) {
        si_bytes_free(out);
    }
    return result;
}

static cmsHPROFILE open_rgb(si_icc profile) {
    return profile.data == NULL ? cmsCreate_sRGBProfile()
                                : cmsOpenProfileFromMem(profile.data, (cmsUInt32Number)profile.len);
}

/* ---- rows ---- */

/* Rows of one image on their way to the target's samples. */
typedef struct converter {
    cmsHTRANSFORM transform; /* to 8 or, with `dither`, 16 bits */
    bool dither;
    int from;       /* channels of the pixels given */
    int inks;       /* samples of a pixel that come out: 1, 3, 4 */
    uint8_t *row;   /* of `inks` bytes a pixel */
    uint16_t *wide; /* the same before dithering */
} converter;

static cmsUInt32Number output_format(int inks, bool wide) {
    int pixel = inks == 1 ? PT_GRAY : inks == 3 ? PT_RGB : PT_CMYK;
    return COLORSPACE_SH((cmsUInt32Number)pixel) | CHANNELS_SH((cmsUInt32Number)inks) |
           BYTES_SH(wide ? 2u : 1u);
}

static si_result converter_open(
    converter *c, const si_image *im, const si_target *t, si_diag *diag) {
    static const int inks[] = {[SI_PIXEL_RGB] = 3, [SI_PIXEL_GRAY] = 1, [SI_PIXEL_CMYK] = 4};
    si_pixel_type type;
    *c = (converter){.dither = t->dither, .from = im->channels, .inks = inks[t->type]};
    if (!si_icc_type(t->profile.data, t->profile.len, &type) || type != t->type) {
        return si_fail(diag, SI_ERR_SOURCE, "the output profile is not of the reply's pixel type");
    }
    size_t samples = (size_t)im->width * (size_t)c->inks;
    c->row = malloc(samples);
    c->wide = malloc(samples * sizeof *c->wide);
    cmsHPROFILE from = open_rgb(t->working);
    cmsHPROFILE to = cmsOpenProfileFromMem(t->profile.data, (cmsUInt32Number)t->profile.len);
    if (from != NULL && to != NULL) {
        cmsUInt32Number flags = cmsFLAGS_NOCACHE | (t->bpc ? cmsFLAGS_BLACKPOINTCOMPENSATION : 0);
        c->transform = cmsCreateTransform(from, im->channels == 4 ? TYPE_RGBA_8 : TYPE_RGB_8, to,
            output_format(c->inks, t->dither), (cmsUInt32Number)t->intent, flags);
    }
    if (from != NULL) {
        cmsCloseProfile(from);
    }
    if (to != NULL) {
        cmsCloseProfile(to);
    }
    if (c->row == NULL || c->wide == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "no memory for colour conversion");
    }
    return c->transform != NULL
               ? SI_OK
               : si_fail(diag, SI_ERR_SOURCE, "the output profile cannot be converted to");
}

static void converter_close(converter *c) {
    if (c->transform != NULL) {
        cmsDeleteTransform(c->transform);
    }
    free(c->row);
    free(c->wide);
}

/* Rounds 0…65535 to 0…255 with the thresholds of an 8×8 Bayer matrix: their mean over a flat area
 * is the exact value. */
static void dither_row(const converter *c, int y, int width) {
    static const uint8_t bayer[8][8] = {{0, 32, 8, 40, 2, 34, 10, 42},
        {48, 16, 56, 24, 50, 18, 58, 26}, {12, 44, 4, 36, 14, 46, 6, 38},
        {60, 28, 52, 20, 62, 30, 54, 22}, {3, 35, 11, 43, 1, 33, 9, 41},
        {51, 19, 59, 27, 49, 17, 57, 25}, {15, 47, 7, 39, 13, 45, 5, 37},
        {63, 31, 55, 23, 61, 29, 53, 21}};
    for (int x = 0; x < width; x++) {
        /* 257 = 65535 / 255 is one level; thresholds from 2 to 254 in steps of 4 */
        uint32_t threshold = 2 + 4u * bayer[y & 7][x & 7];
        for (int k = 0; k < c->inks; k++) {
            uint32_t v = (c->wide[x * c->inks + k] + threshold) / 257;
            c->row[x * c->inks + k] = (uint8_t)(v < 255 ? v : 255);
        }
    }
}

/* One row of samples of the target, without alpha. */
static const uint8_t *convert_row(const converter *c, const uint8_t *from, int y, int width) {
    if (c->dither) {
        cmsDoTransform(c->transform, from, c->wide, (cmsUInt32Number)width);
        dither_row(c, y, width);
    } else {
        cmsDoTransform(c->transform, from, c->row, (cmsUInt32Number)width);
    }
    return c->row;
}

/* ---- images ---- */

static void convert_in_place(si_image *im, const converter *c) {
    for (int y = 0; y < im->height; y++) {
        uint8_t *p = im->pixels + (size_t)y * im->stride;
        const uint8_t *row = convert_row(c, p, y, im->width);
        for (int x = 0; x < im->width; x++, p += im->channels, row += c->inks) {
            for (int k = 0; k < 3; k++) {
                p[k] = row[c->inks == 1 ? 0 : k];
            }
        }
    }
    im->grey = c->inks == 1;
}

void si_target_naive_cmyk(const uint8_t rgb[3], uint8_t cmyk[4]) {
    int most = rgb[0] > rgb[1] ? rgb[0] : rgb[1];
    most = rgb[2] > most ? rgb[2] : most;
    for (int k = 0; k < 3; k++) {
        cmyk[k] = (uint8_t)(most > 0 ? ((most - rgb[k]) * 255 + most / 2) / most : 0);
    }
    cmyk[3] = (uint8_t)(255 - most);
}

/* `c` is NULL for the naive rule. */
static si_result convert_to_cmyk(si_image *im, const converter *c, si_diag *diag) {
    si_image out = {0};
    bool alpha = si_image_has_alpha(im);
    SI_TRY(si_image_alloc(&out, im->width, im->height, alpha ? 5 : 4, diag));
    out.cmyk = true;
    for (int y = 0; y < im->height; y++) {
        const uint8_t *p = im->pixels + (size_t)y * im->stride;
        uint8_t *to = out.pixels + (size_t)y * out.stride;
        const uint8_t *row = c != NULL ? convert_row(c, p, y, im->width) : NULL;
        for (int x = 0; x < im->width; x++, p += im->channels, to += out.channels) {
            if (row != NULL) {
                memcpy(to, row + 4 * x, 4);
            } else {
                si_target_naive_cmyk(p, to);
            }
            if (alpha) {
                to[4] = p[3];
            }
        }
    }
    si_image_free(im);
    *im = out;
    return SI_OK;
}

/* Nothing to be done: sRGB pixels for an sRGB reply, or pixels in the reply's own profile. */
static bool is_done(const si_target *t) {
    if (t->type != SI_PIXEL_RGB) {
        return false;
    }
    if (t->working.data == NULL) {
        return t->profile.data == NULL || si_profile_is_srgb(t->profile);
    }
    return t->profile.len == t->working.len && t->profile.data != NULL &&
           memcmp(t->profile.data, t->working.data, t->profile.len) == 0;
}

si_result si_target_convert(si_image *im, const si_target *t, si_diag *diag) {
    if (im->cmyk || is_done(t)) {
        return SI_OK;
    }
    if (t->profile.data == NULL && t->type == SI_PIXEL_GRAY) {
        si_pixels_grey(im);
        return SI_OK;
    }
    if (t->profile.data == NULL && t->type == SI_PIXEL_CMYK) {
        return convert_to_cmyk(im, NULL, diag);
    }
    size_t len;
    si_target known = *t;
    if (known.profile.data == NULL) { /* wide working space, sRGB reply */
        known.profile.data = si_srgb_profile(&len);
        known.profile.len = len;
    }
    converter c;
    si_result result = converter_open(&c, im, &known, diag);
    if (result == SI_OK && t->type == SI_PIXEL_CMYK) {
        result = convert_to_cmyk(im, &c, diag);
    } else if (result == SI_OK) {
        convert_in_place(im, &c);
    }
    converter_close(&c);
    return result;
}
