/* Moving pictures: GIF, WebP and AVIF files of many frames, written and read frame by frame, so
 * that only two or three frames are in memory at once. */
#ifndef SI_CODEC_ANIMATION_H
#define SI_CODEC_ANIMATION_H

#include "codec/codec.h"

typedef struct si_animation si_animation;

/* True for the formats that can be written here (GIF, WebP, AVIF, as far as built in). */
bool si_animation_available(si_format format);

/* Begins a file. All frames will be full pictures of the same size, RGB or RGBA. `plays` is how
 * often the animation is shown, 0 = for ever (AVIF: needs libavif 1.0, else players decide).
 * `params` (copied; what it borrows must live until the end) is as for si_codec_encode(); GIF uses
 * `quantize`, each frame has a palette of its own; AVIF is 8 bits deep unless asked for 10. Alpha
 * in GIF is a key (docs/decisions.md, P21). Errors: SI_ERR_UNSUPPORTED, SI_ERR_MEMORY. */
SI_NODISCARD si_result si_animation_begin(
    si_format format, const si_encode_params *params, int plays, si_animation **out, si_diag *diag);

/* Adds the next frame (borrowed for the call), shown for `delay_ms`, 0…655350; GIF rounds to
 * hundredths of a second. SI_ERR_LIMIT if the format cannot hold such a size. */
SI_NODISCARD si_result si_animation_add(
    si_animation *a, const si_image *frame, int delay_ms, si_diag *diag);

/* Ends the file, of at least one frame, whose bytes go to `out` (zero-initialized). */
SI_NODISCARD si_result si_animation_end(si_animation *a, si_bytes *out, si_diag *diag);

/* Releases it, ended or not; NULL is allowed. */
void si_animation_free(si_animation *a);

/* Takes a frame as a player would show it; `frame` is only valid during the call. */
typedef si_result (*si_frame_fn)(
    void *context, const si_image *frame, int index, int delay_ms, si_diag *diag);

/* Decodes a WebP or AVIF animation and hands each frame to `fn`, whose first failure ends it. Meant
 * for files made here, and for AVIF sequences, which libvips does not play. Frames over 2^28 pixels
 * are SI_ERR_LIMIT, damage is SI_ERR_SOURCE. *plays and *frames (either may be NULL) are known
 * before the first call. `fn` may be NULL for AVIF: then they are all that is told,
 * and nothing is decoded. */
SI_NODISCARD si_result si_animation_decode(si_format format, const uint8_t *data, size_t len,
    si_frame_fn fn, void *context, int *plays, int *frames, si_diag *diag);

#endif
