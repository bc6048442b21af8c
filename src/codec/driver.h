/* What the file of one format gives to the table in codec.c. Only codec/ includes this. */
#ifndef SI_CODEC_DRIVER_H
#define SI_CODEC_DRIVER_H

#include "codec/codec.h"

/* The table checks arguments before it calls a driver: sides are 1…max_side, channels 3 or 4 (with
 * `cmyk` 4 or 5, and only where si_format_holds() says so), quality is within
 * quality_min…quality_max, effort within 0…9. Drivers may leave a partial `out` behind when they
 * fail; the table frees it. */
typedef struct si_codec_driver {
    float quality_min, quality_max, quality_step; /* as in si_codec_info */
    float (*finest_step)(
        void);               /* quality_step where it depends on the library's version, or NULL */
    bool blurs_alpha;        /* as in si_codec_info */
    int max_side;            /* pixels, the most the format or its library holds */
    bool (*available)(void); /* NULL: yes; else whether what it needs at run time is there */
    void (*library)(char *text, size_t size); /* writes name and version of the library in use */
    si_result (*encode)(
        const si_image *image, const si_encode_params *params, si_bytes *out, si_diag *diag);
    /* NULL for formats that are only written */
    si_result (*decode)(const uint8_t *data, size_t len, si_image *out, si_diag *diag);
} si_codec_driver;

/* Defined by jpeg.c, png.c, …; each exists only if meson found its library (SI_HAVE_…). */
extern const si_codec_driver si_codec_jpeg, si_codec_png, si_codec_gif, si_codec_webp,
    si_codec_avif, si_codec_jxl, si_codec_jp2, si_codec_jxr, si_codec_tiff, si_codec_heic,
    si_codec_pdf, si_codec_eps;

#endif
