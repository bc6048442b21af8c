/* A better JPEG for clients that know nothing else: any decoder reads it, but its coefficients and
 * quantization tables are chosen by what they cost and what they are worth.
 *
 * The picture is transformed once, almost without quantization; then its coefficients are quantized
 * anew through libjpeg's coefficient interface. Each block's levels are picked so that squared
 * error (in units of the quantizer) plus λ × bits is least, by dynamic programming over the
 * positions of non-zero coefficients (trellis quantization: Crouse and Ramchandran 1997; mozjpeg
 * does the same). Written progressively, with optimized Huffman tables. */
#ifndef SI_QUALITY_JPEG_FIT_H
#define SI_QUALITY_JPEG_FIT_H

#include "codec/codec.h"

/* How; packed into si_encode_params.tune, whose 0 means plain libjpeg. */
typedef struct si_jpeg_fit {
    int lambda; /* 0…9: error worth one bit, in hundredths of a squared quantizer */
    int flat; /* 0…9: from the standard's tables (0) towards one quantizer for all frequencies */
    int chroma; /* 0…9: quantizers of chroma, 0.3 … 1.2 times what they would be */
} si_jpeg_fit;

int si_jpeg_fit_pack(si_jpeg_fit f); /* never 0 */
si_jpeg_fit si_jpeg_fit_unpack(int tune);

/* Encodes as `params` say: quality (parts of a step count), chroma_full, dpi, tune (not 0). `out`
 * is zero-initialized by the caller. Errors as si_codec_encode(). */
SI_NODISCARD si_result si_jpeg_fit_encode(
    const si_image *image, const si_encode_params *params, si_bytes *out, si_diag *diag);

#endif
