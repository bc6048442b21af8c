/* The codecs: one file per format behind one table.
 *
 * Every encoder takes final pixels (codec/image.h) and typed parameters and gives the bytes of a
 * complete file; every decoder turns such bytes back into 8-bit sRGB pixels, so that what a client
 * will see can be scored. All calls are synchronous, use one thread, keep no state between calls
 * and are safe on hostile input as far as the field library is. */
#ifndef SI_CODEC_CODEC_H
#define SI_CODEC_CODEC_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/format.h"
#include "base/result.h"
#include "codec/image.h"

/* WebP's own parameters, for the refined answer. A field of -1 keeps what libwebp and `tune` would
 * choose.
 */
typedef struct si_webp_params {
    bool set;             /* false (zero-initialized): every field is ignored */
    int sns_strength;     /* spatial noise shaping, 0…100 */
    int filter_strength;  /* deblocking, 0 (off)…100 */
    int filter_sharpness; /* 0 (sharpest)…7 */
    int filter_type;      /* 0 simple, 1 strong */
    int segments;         /* 1…4 */
    int passes;           /* entropy analysis passes, 1…10 */
    int near_lossless; /* 0 (strongest)…100 (off); with `lossless` only, and then no longer exact */
} si_webp_params;

/* AVIF's own parameters, for the refined answer. A field of -1 keeps what libaom and `tune` would
 * choose.
 */
typedef struct si_avif_params {
    bool set;        /* false (zero-initialized): every field is ignored */
    int sharpness;   /* loop filter and rate–distortion bias against blur, 0…7 */
    int deltaq_mode; /* libaom's deltaq-mode, 0 (one quantizer)…6 */
    int enable_cdef; /* 0 off, 1 on, 3 adaptive (libaom ≥ 3.13) */
    int tune_ssim;   /* 1: tune=ssim even where tune=ssimulacra2 exists */
} si_avif_params;

/* How GIF and png8 come to their colours: `quantize` (docs/protocol.md, Formats). Zero-initialized:
 * adaptive, diffuse, 256. */
typedef enum si_palette_kind {
    SI_PALETTE_ADAPTIVE, /* made for the image */
    SI_PALETTE_WEB,      /* the 216 colours whose components are multiples of 51 */
    SI_PALETTE_MAC       /* the 256 colours of the Macintosh system; has no room for a key colour */
} si_palette_kind;

typedef struct si_quantize {
    si_palette_kind kind;
    bool no_dither;         /* nearest colours instead of Floyd–Steinberg error diffusion */
    int colors;             /* adaptive: 2…256, 0 = as many as fit; a key colour comes on top, so
                               with alpha at most 255 */
    const uint32_t *forced; /* adaptive: 0xRRGGBB that must be in the palette (borrowed) */
    int forced_count;       /* those beyond `colors` are ignored */
} si_quantize;

/* What to encode with. Zero-initialize, then set what matters; fields that a format has no use for
 * are ignored by it. si_codec_defaults() fills in sensible values. */
typedef struct si_encode_params {
    float quality; /* the codec's own scale, see si_codec_info.quality_*; ignored if lossless */
    bool lossless; /* exact pixels (PNG and GIF always are, JPEG never) */
    int effort;    /* 0 = fastest … 9 = smallest; each codec maps it to its own speed setting */
    bool chroma_full; /* true: 4:4:4, false: 4:2:0 (JPEG, AVIF; WebP: chroma by light when true) */
    int bit_depth;    /* AVIF: 8 or 10; else ignored */
    bool progressive; /* JPEG: progressive scans; PNG: interlaced */
    bool optimize;    /* JPEG: optimised Huffman tables; off by default, as in libjpeg-turbo */
    int tune;         /* WebP: 0 photo-like, 1 drawing/text; JXL: 0 VarDCT, 1 modular,
                         2 VarDCT without the edge-preserving filter, 3 nor Gaborish;
                         AVIF: 1 screen-content tools */
    int scans;        /* progressive JPEG: 3, 4, 5 passes over all components; 0 = libjpeg's own */
    bool palette;     /* PNG: png8, at most 256 colours and key alpha, as `quantize` says */
    bool keep_alpha;  /* PNG: write the alpha channel of an image that turns out to be opaque */
    si_quantize quantize;       /* GIF, and PNG with `palette` */
    si_compression compression; /* TIFF, PDF */
    int dpi;           /* > 0: density tag to write where the format has one (JPEG, PNG, TIFF), or
                          what sets the page size (PDF, EPS: 0 = 72) */
    const void *icc;   /* profile of the pixels to embed (borrowed), or NULL; one for another kind
                          of colour than the image's is left out; JPEG, PNG, TIFF, PDF, EPS */
    size_t icc_len;    /* bytes */
    const void *xmp;   /* XMP packet to embed (borrowed), or NULL; JPEG, TIFF */
    size_t xmp_len;    /* bytes */
    const void *paths; /* Photoshop image resource blocks with paths (borrowed), or NULL; as
                          si_photoshop_transform() makes them; JPEG, TIFF, EPS */
    size_t paths_len;  /* bytes */
    si_webp_params webp;
    si_avif_params avif;
    const struct si_yuv_planes *light; /* WebP with chroma_full: what yuv_light.h makes of the
                                          image, if that is there already (borrowed); else NULL */
} si_encode_params;

/* What a codec is and can do on this machine. */
typedef struct si_codec_info {
    si_format format;
    bool available;      /* false if built without its library: encode fails cleanly */
    bool decodes;        /* false for formats that are only written (PDF, EPS): tests ask,
                            to know what they can read back */
    float quality_min;   /* value that gives the smallest sensible file, … */
    float quality_max;   /* … and the best; quality grows monotonically from min to max */
    float quality_step;  /* smallest step that changes the file: 1, or finer for JXL, JP2 */
    bool blurs_alpha;    /* only lossless files keep alpha exactly: JPEG 2000, whose wavelet is one
                            for all channels. All others do, however lossy the colour is. */
    const char *library; /* name and version of the field library, for explain and docs */
} si_codec_info;

/* Facts about a format's codec; never NULL for a valid format. */
const si_codec_info *si_codec_get(si_format format);

/* Parameters to start from for this image: effort 6, 4:2:0 unless alpha or grey says otherwise. */
si_encode_params si_codec_defaults(si_format format, const si_image *image);

/* Encodes. On success `out` (zero-initialized by the caller) owns a complete file. Equal arguments
 * give equal bytes: no file holds a time or a random id. Formats without alpha ignore it. Fails
 * with SI_ERR_UNSUPPORTED (format not built in, or it cannot hold CMYK), SI_ERR_LIMIT (the format
 * cannot hold such a size), SI_ERR_MEMORY, SI_ERR_INTERNAL. */
SI_NODISCARD si_result si_codec_encode(si_format format, const si_image *image,
    const si_encode_params *params, si_bytes *out, si_diag *diag);

/* Encodes as JPEG at params->quality or, where that takes more than `max_bytes`, at the best lower
 * quality that does not: `jpegSize`, whose kilobytes have 1024 bytes (docs/decisions.md, P24). The
 * quality used goes to *quality (may be NULL). Fails with SI_ERR_LIMIT if even quality 1 is too
 * large. */
SI_NODISCARD si_result si_codec_encode_within(const si_image *image, const si_encode_params *params,
    size_t max_bytes, si_bytes *out, float *quality, si_diag *diag);

/* Decodes a file of `format` into `out` (zero-initialized by the caller): RGB, or RGBA when the
 * file has alpha; CMYK stays CMYK. Profiles are not applied. Meant for files that si_codec_encode()
 * made; anything else fails cleanly with SI_ERR_SOURCE. Images over 2^28 pixels fail with
 * SI_ERR_LIMIT. */
SI_NODISCARD si_result si_codec_decode(
    si_format format, const uint8_t *data, size_t len, si_image *out, si_diag *diag);

#endif
