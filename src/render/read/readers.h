/* Readers of our own, for kinds of originals that libvips reads wrongly or through a library that
 * is not safe enough. Each is one file of this folder; original.c says which kinds they are for. */
#ifndef SI_RENDER_READ_READERS_H
#define SI_RENDER_READ_READERS_H

#include <vips/vips.h>

#include "base/result.h"
#include "render/read/input.h"

/* What may be held at once for files that cannot be decoded strip by strip: interlaced PNG,
 * progressive JPEG (its coefficients), HEIF, WebP, JPEG XL, JPEG 2000. */
static const uint64_t SI_MAX_WHOLE_BYTES = 512u << 20;

/* How much smaller than stored a file is to be read. */
typedef struct si_load_level {
    int shrink;   /* JPEG: 1, 2, 4, 8 */
    int page;     /* JPEG 2000: resolution levels left out; TIFF: page of a pyramid */
    int subifd;   /* TIFF: 1 …: which SubIFD of that page; 0: the page itself */
    double scale; /* WebP: factor of the size */
    int size[2];  /* SVG: pixels to draw it on as a whole; 0, 0: its own size */
} si_load_level;

/* A reader reads the header of the file open at `fd` (borrowed, and open as long as the image is
 * used; it may move the file position) and returns an image whose size, bands, format,
 * interpretation and metadata are those of the file at this level: VIPS_META_ICC_NAME,
 * VIPS_META_ORIENTATION, VIPS_META_EXIF_NAME, VIPS_META_XMP_NAME, resolution, and what the file
 * says of its colours in numbers (si_colorimetry_attach()). Pixels are decoded
 * when the first of them is asked for, see si_deferred_image(). The caller releases it with
 * g_object_unref(). NULL with `diag` set to SI_ERR_SOURCE, SI_ERR_LIMIT or SI_ERR_MEMORY otherwise.
 */
typedef VipsImage *si_reader(
    int fd, si_load_level level, const si_render_limits *limits, si_diag *diag);

/* JPEG XL. Displayed upright: orientation is not in the metadata, but in the pixels. */
si_reader si_read_jxl;

/* JPEG 2000, JP2 files and bare codestreams; level.page says how many resolutions to leave out. */
si_reader si_read_jp2;

/* AVIF, of sequences the first picture. Displayed upright, as JPEG XL is. */
si_reader si_read_avif;

/* What si_deferred_image() needs of a reader. */
typedef struct si_deferred {
    /* Writes every pixel: image->Ysize rows of `stride` bytes each, packed samples of the image's
     * bands and format. False after vips_error() says why. Called once at most. `pixels` is zeroed.
     */
    bool (*decode)(void *context, const VipsImage *image, uint8_t *pixels, size_t stride);
    /* Releases `context`; may be NULL. Called once, also when nothing was decoded. */
    void (*release)(void *context);
    void *context;
} si_deferred;

/* An image of width × height pixels that `deferred` decodes as a whole when the first pixel is
 * asked for, from whatever thread that is. Owns `deferred->context` from here on, even if it fails.
 * The caller has checked the size against the limits. NULL with `diag` set if there is no memory.
 */
VipsImage *si_deferred_image(int width, int height, int bands, VipsBandFormat format,
    VipsInterpretation interpretation, const si_deferred *deferred, si_diag *diag);

/* SVG, by librsvg; the first frame of GIF, by libnsgif (read_gif.h). */
si_reader si_read_svg;
si_reader si_read_gif;

/* TIFF, by libvips or libtiff (read_tiff.h). */
si_reader si_read_tiff;

/* Doubles, in metadata of images of drawings: their own size before rounding, pixels; and
 * si_svg_octaves(). */
#define SI_META_EXACT_WIDTH "smartimg-exact-width"
#define SI_META_EXACT_HEIGHT "smartimg-exact-height"
#define SI_META_OCTAVES "smartimg-octaves"

#endif
