#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <JXRGlue.h>

#include "codec/driver.h"
#include "codec/memfile.h"
#include "codec/pack.h"

/* JPEG XR counts quantizers from 1 (none) to 255, 16 steps for each doubling; these are the ends of
 * the quality scale for luma. */
enum { BEST_QUANTIZER = 2, WORST_QUANTIZER = 92 };

/* The library's stream with our file behind it. Its callbacks never fail: the library does not undo
 * what it has allocated when they do. Writing reports through si_memfile.failed instead. */
typedef struct stream {
    struct WMPStream base;
    si_memfile file;
} stream;

static ERR on_close(struct WMPStream **s) {
    *s = NULL;
    return WMP_errSuccess;
}

static Bool on_end_of_stream(struct WMPStream *s) {
    const si_memfile *f = &((stream *)s)->file;
    return f->position >= f->len;
}

static ERR on_read(struct WMPStream *s, void *to, size_t len) {
    size_t got = si_memfile_read(&((stream *)s)->file, to, len);
    memset((uint8_t *)to + got, 0, len - got); /* it reads whole packets, beyond the end of files */
    return WMP_errSuccess;
}

static ERR on_write(struct WMPStream *s, const void *from, size_t len) {
    si_memfile *f = &((stream *)s)->file;
    if (!f->failed) {
        si_memfile_write(f, from, len);
    }
    return WMP_errSuccess;
}

static ERR on_set_position(struct WMPStream *s, size_t to) {
    ((stream *)s)->file.position = to;
    return WMP_errSuccess;
}

static ERR on_get_position(struct WMPStream *s, size_t *to) {
    *to = ((stream *)s)->file.position;
    return WMP_errSuccess;
}

static stream open_stream(si_memfile file) {
    return (stream){
        .base = {.fMem = TRUE,
            .Close = on_close,
            .EOS = on_end_of_stream,
            .Read = on_read,
            .Write = on_write,
            .SetPos = on_set_position,
            .GetPos = on_get_position},
        .file = file,
    };
}

/* Quantizers for luma and chroma, low and high frequencies. Eyes and scores forgive more in chroma
 * and in high frequencies, the more so the coarser the whole; with 4:2:0 chroma is coarse already.
 * The offsets follow what jxrlib's own command line tool uses at the same luma. */
static void set_quantizers(CWMIStrCodecParam *c, const si_encode_params *p) {
    float range = WORST_QUANTIZER - BEST_QUANTIZER;
    float y = WORST_QUANTIZER - roundf(p->quality * range / 100);
    float more = 1 - expf(-y / 12);
    float u = y + more * (p->chroma_full ? 26 : 9), v = u + more * 5;
    c->uiDefaultQPIndex = (U8)y;
    c->uiDefaultQPIndexU = (U8)roundf(u);
    c->uiDefaultQPIndexV = (U8)roundf(v);
    c->uiDefaultQPIndexYHP = (U8)roundf(y + more * 2);
    c->uiDefaultQPIndexUHP = (U8)roundf(u + more * 6);
    c->uiDefaultQPIndexVHP = (U8)roundf(v + more * 6);
}

/* `channels` is 1, 3 or 4, as in make_rows(). */
static CWMIStrCodecParam make_params(const si_encode_params *p, int channels) {
    CWMIStrCodecParam c = {
        .bdBitDepth = BD_LONG,
        .bfBitstreamFormat = SPATIAL, /* FREQUENCY would make temporary files */
        .sbSubband = SB_ALL,
        .olOverlap = OL_ONE,
        .uiDefaultQPIndex = 1,
        .uiDefaultQPIndexAlpha = 1,          /* always lossless */
        .uAlphaMode = channels == 4 ? 2 : 0, /* a plane of its own */
        .cfColorFormat = channels == 1                   ? Y_ONLY
                         : p->chroma_full || p->lossless ? YUV_444
                                                         : YUV_420,
    };
    if (!p->lossless) {
        set_quantizers(&c, p);
    }
    return c;
}

/* Packed grey, BGR or BGRA, which every decoder of this format knows. NULL without memory. */
static uint8_t *make_rows(const si_image *image, int channels) {
    uint8_t *rows = si_pack(image, channels);
    size_t count = (size_t)image->width * (size_t)image->height;
    if (rows != NULL && channels >= 3) {
        for (uint8_t *p = rows; count-- > 0; p += channels) {
            uint8_t red = p[0];
            p[0] = p[2];
            p[2] = red;
        }
    }
    return rows;
}

static si_result encode(
    const si_image *image, const si_encode_params *params, si_bytes *out, si_diag *diag) {
    si_result result = SI_OK;
    bool alpha = si_image_has_transparency(image);
    int channels = alpha ? 4 : image->grey ? 1 : 3; /* there is no grey with alpha */
    PKPixelFormatGUID format = channels == 4   ? GUID_PKPixelFormat32bppBGRA
                               : channels == 1 ? GUID_PKPixelFormat8bppGray
                                               : GUID_PKPixelFormat24bppBGR;
    CWMIStrCodecParam c = make_params(params, channels);
    stream s = open_stream((si_memfile){.out = out});
    PKImageEncode *encoder = NULL;
    uint8_t *rows = make_rows(image, channels);
    if (rows == NULL || PKImageEncode_Create_WMP(&encoder) != WMP_errSuccess) {
        result = si_fail(diag, SI_ERR_MEMORY, "jxr: no memory");
        goto done;
    }
    ERR e = encoder->Initialize(encoder, &s.base, &c, sizeof c);
    encoder->WMP.wmiSCP_Alpha.uiDefaultQPIndex = c.uiDefaultQPIndexAlpha;
    encoder->WMP.wmiSCP_Alpha.uiDefaultQPIndexYHP = c.uiDefaultQPIndexAlpha;
    if (e == WMP_errSuccess) {
        e = encoder->SetPixelFormat(encoder, format);
    }
    if (e == WMP_errSuccess) {
        e = encoder->SetSize(encoder, image->width, image->height);
    }
    if (e == WMP_errSuccess) {
        e = encoder->SetResolution(encoder, 96, 96);
    }
    if (e == WMP_errSuccess) {
        e = encoder->WritePixels(encoder, (U32)image->height, rows, (U32)(image->width * channels));
    }
    if (e != WMP_errSuccess || s.file.failed) {
        result = si_fail(diag,
            e == WMP_errOutOfMemory || s.file.failed ? SI_ERR_MEMORY : SI_ERR_INTERNAL,
            "jxr: encoder error %ld", (long)e);
    }
done:
    if (encoder != NULL) {
        encoder->Release(&encoder);
    }
    free(rows);
    return result;
}

/* Channels of the files that encode() writes; 0 for any other kind. */
static int count_channels(PKImageDecode *decoder) {
    PKPixelFormatGUID format = decoder->guidPixFormat;
    return IsEqualGUID(&format, &GUID_PKPixelFormat32bppBGRA)  ? 4
           : IsEqualGUID(&format, &GUID_PKPixelFormat24bppBGR) ? 3
           : IsEqualGUID(&format, &GUID_PKPixelFormat8bppGray) ? 1
                                                               : 0;
}

/* True if both planes lie within the file. jxrlib itself would go on with whatever it reads. */
static bool is_whole(const PKImageDecode *decoder, size_t len) {
    const WmpDEMisc *m = &decoder->WMP.wmiDEMisc;
    return m->uImageOffset <= len && m->uImageByteCount <= len - m->uImageOffset &&
           m->uImageByteCount > 0 && m->uAlphaOffset <= len && m->uAlphaByteCount <= len;
}

/* Decodes RGB, RGBA or grey into packed rows. */
static ERR decode_rows(PKImageDecode *decoder, int channels, uint8_t *rows) {
    PKPixelInfo info = {.pGUIDPixFmt = &decoder->guidPixFormat};
    ERR e = PixelFormatLookup(&info, LOOKUP_FORWARD);
    if (e != WMP_errSuccess) {
        return e;
    }
    CWMImageInfo *i = &decoder->WMP.wmiI;
    i->cfColorFormat = info.cfColorFormat;
    i->bdBitDepth = info.bdBitDepth;
    i->cBitsPerUnit = info.cbitUnit;
    i->bRGB = TRUE;
    i->cThumbnailWidth = i->cROIWidth = i->cWidth;
    i->cThumbnailHeight = i->cROIHeight = i->cHeight;
    i->oOrientation = O_NONE;
    decoder->WMP.wmiSCP.uAlphaMode = channels == 4 ? 2 : 0;
    decoder->WMP.wmiSCP.sbSubband = SB_ALL;
    PKRect all = {0, 0, (I32)i->cWidth, (I32)i->cHeight};
    e = decoder->Copy(decoder, &all, rows, (U32)i->cWidth * (U32)channels);
    if (e != WMP_errSuccess) { /* it leaves the context of the plane that failed behind */
        ImageStrDecTerm(decoder->WMP.DecoderCurrMBRow == 0        ? decoder->WMP.ctxSC
                        : decoder->WMP.DecoderCurrAlphaMBRow == 0 ? decoder->WMP.ctxSC_Alpha
                                                                  : NULL);
    }
    return e;
}

static void grey_to_rgb(const uint8_t *grey, si_image *out) {
    for (int y = 0; y < out->height; y++) {
        uint8_t *p = out->pixels + (size_t)y * out->stride;
        for (int x = 0; x < out->width; x++, p += 3) {
            p[0] = p[1] = p[2] = *grey++;
        }
    }
}

static si_result decode(const uint8_t *data, size_t len, si_image *out, si_diag *diag) {
    si_result result = SI_OK;
    uint8_t *rows = NULL;
    stream s = open_stream((si_memfile){.data = data, .len = len});
    PKImageDecode *decoder = NULL;
    if (PKImageDecode_Create_WMP(&decoder) != WMP_errSuccess) {
        return si_fail(diag, SI_ERR_MEMORY, "jxr: no memory");
    }
    ERR e = decoder->Initialize(decoder, &s.base);
    int channels = e == WMP_errSuccess ? count_channels(decoder) : 0;
    if (channels == 0 || !is_whole(decoder, len)) {
        result = si_fail(diag, SI_ERR_SOURCE, "jxr: damaged header, or not 8-bit grey or BGR");
        goto done;
    }
    size_t width = decoder->WMP.wmiI.cWidth, height = decoder->WMP.wmiI.cHeight;
    if (width > INT32_MAX || height > INT32_MAX) {
        result = si_fail(diag, SI_ERR_LIMIT, "jxr: too large");
        goto done;
    }
    result = si_image_alloc(out, (int)width, (int)height, channels == 4 ? 4 : 3, diag);
    if (result != SI_OK) {
        goto done;
    }
    if (channels == 1) {
        rows = malloc(width * height);
        if (rows == NULL) {
            result = si_fail(diag, SI_ERR_MEMORY, "jxr: no memory");
            goto done;
        }
    }
    e = decode_rows(decoder, channels, rows != NULL ? rows : out->pixels);
    if (e != WMP_errSuccess) {
        result = si_fail(diag, e == WMP_errOutOfMemory ? SI_ERR_MEMORY : SI_ERR_SOURCE,
            "jxr: decoder error %ld", (long)e);
    } else if (rows != NULL) {
        out->grey = true;
        grey_to_rgb(rows, out);
    } else {
        si_unpack_in_place(out);
    }
done:
    decoder->Release(&decoder);
    free(rows);
    return result;
}

static void library(char *text, size_t size) {
    snprintf(text, size, "jxrlib %s", SI_JXR_VERSION);
}

const si_codec_driver si_codec_jxr = {
    .quality_min = 0,
    .quality_max = 100,
    .quality_step = 100.f / (WORST_QUANTIZER - BEST_QUANTIZER),
    .max_side = 65535,
    .library = library,
    .encode = encode,
    .decode = decode,
};
