/* What the animated form of a format gives to animation.c, and what it takes from the still form.
 * Only codec/ includes this. */
#ifndef SI_CODEC_ANIMATION_DRIVER_H
#define SI_CODEC_ANIMATION_DRIVER_H

#include "codec/animation.h"
#include "codec/palette.h"

struct avifEncoder;
struct avifImage;
struct ColorMapObject;
struct WebPConfig;

/* Frames have the size and the channels of the first; delays are 0…655350 ms. `state` is made by
 * begin and released by free, in any case. */
typedef struct si_animation_driver {
    si_result (*begin)(const si_encode_params *params, int plays, int width, int height, bool alpha,
        void **state, si_diag *diag);
    si_result (*add)(void *state, const si_image *frame, int delay_ms, si_diag *diag);
    si_result (*end)(void *state, si_bytes *out, si_diag *diag);
    void (*free)(void *state);
    si_result (*decode)(const uint8_t *data, size_t len, si_frame_fn fn, void *context, int *plays,
        int *frames, si_diag *diag); /* or NULL */
    int max_side;
} si_animation_driver;

extern const si_animation_driver si_animation_gif, si_animation_webp, si_animation_avif;

/* gif.c: the palette as giflib wants it, freed with GifFreeMapObject(); NULL when memory runs out.
 */
struct ColorMapObject *si_gif_map(const si_palette *palette);

/* webp.c: false if the parameters are refused. */
bool si_webp_config(struct WebPConfig *config, const si_encode_params *params);

/* avif.c: the encoder's settings (an avifResult), and the picture in planes, with an alpha plane if
 * `alpha`; the caller destroys *picture in any case. */
int si_avif_set_options(struct avifEncoder *encoder, const si_encode_params *params);
si_result si_avif_picture(const si_image *image, const si_encode_params *params, bool alpha,
    struct avifImage **picture, si_diag *diag);

#endif
