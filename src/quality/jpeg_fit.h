/* A better JPEG for clients that know nothing else: any decoder reads it, but its coefficients and
 * quantization tables are chosen by what they cost and what they are worth.
 *
 * The picture is transformed once, almost without quantization; then its coefficients are quantized
 * anew through libjpeg's coefficient interface. Each block's levels are picked so that squared
 * error (in units of the quantizer) plus λ × bits is least, by dynamic programming over the
 * positions of non-zero coefficients (trellis quantization: Crouse and Ramchandran 1997; mozjpeg
 * does the same). Bits are counted as the picture's own symbols come, from a sixth of its blocks.
 * Quantizers were fitted to our score (tools/fit-jpeg). Written progressively, with optimized
 * Huffman tables. */
#ifndef SI_QUALITY_JPEG_FIT_H
#define SI_QUALITY_JPEG_FIT_H

#include "codec/codec.h"

enum { SI_JPEG_SCRIPTS = 8 };

/* How; packed into si_encode_params.tune, whose 0 means plain libjpeg. The scale of each is even in
 * logarithms, and 5 is what the tables were fitted with. */
typedef struct si_jpeg_fit {
    int lambda; /* 0…99: error worth one bit, in thousandths of a squared quantizer */
    int tilt; /* 0…9: below 5 one quantizer for all frequencies, above 5 coarser for high ones */
    int chroma; /* 0…9: quantizers of chroma, 0.61 … 1.49 times what was fitted */
    int mask;   /* 0…9: below 5 blocks with much detail are quantized more exactly, above 5 those
                   with little */
} si_jpeg_fit;

/* Quantizers at quality 50, in eighths, row by row: luma and chroma. */
typedef struct si_jpeg_tables {
    uint16_t of[2][64];
} si_jpeg_tables;

si_jpeg_fit si_jpeg_fit_usual(void);
int si_jpeg_fit_pack(si_jpeg_fit f); /* never 0 */
si_jpeg_fit si_jpeg_fit_unpack(int tune);

/* Encodes as `params` say: quality (parts of a step count), chroma_full, dpi, tune (not 0). From
 * effort SI_JPEG_SCRIPTS on it is written with each of several scan scripts, and the smallest file
 * kept; pixels are the same. `out` is zero-initialized by the caller. Errors as si_codec_encode().
 */
SI_NODISCARD si_result si_jpeg_fit_encode(
    const si_image *image, const si_encode_params *params, si_bytes *out, si_diag *diag);

/* The same with other tables; for tools/fit-jpeg, which finds them. */
SI_NODISCARD si_result si_jpeg_fit_encode_with(const si_jpeg_tables *tables, const si_image *image,
    const si_encode_params *params, si_bytes *out, si_diag *diag);

#endif
