/* TIFF files: which of their images are smaller versions of the first, and which kinds libvips
 * reads. It reads most; some it takes for others and would show in wrong colours. Of those, YCbCr
 * is read here (tiff_rgba.c), and the rest is refused. */
#ifndef SI_RENDER_READ_READ_TIFF_H
#define SI_RENDER_READ_READ_TIFF_H

#include <tiffio.h>

#include "base/result.h"
#include "render/read/readers.h"

/* What a directory says of its image. */
typedef struct si_tiff_facts {
    uint32_t width, height;
    uint32_t subfile; /* NewSubfileType, or what the old tag amounts to */
    uint16_t photometric, compression, bits, samples, format, planar;
    uint16_t extra_count;
    const uint16_t *extra; /* belongs to the TIFF */
} si_tiff_facts;

/* The directory that `level` names: page, and subifd below it. Reads through pread(); nothing is
 * mapped, but a file of up to SI_MAX_WHOLE_BYTES is read as a whole with `whole`: libtiff 4.5
 * refuses uncompressed tiles of other than whole kilobytes if it must read them in parts. The
 * caller ends with TIFFClose(). NULL with `diag` set to SI_ERR_SOURCE or SI_ERR_MEMORY. */
TIFF *si_tiff_open(int fd, const si_load_level *level, bool whole, si_diag *diag);

void si_tiff_facts_read(TIFF *tiff, si_tiff_facts *facts);

/* Finds the smallest version of the first image, width × height pixels, that keeps `ratio` ≥ 2: a
 * following page that its NewSubfileType calls a reduced-resolution version, or a SubIFD of the
 * first, of a half, a quarter, … of the size and the same kind. Size alone says nothing: pages of a
 * document may halve by chance. False, with `level` as it was, if there is none. */
bool si_tiff_level(int fd, int width, int height, double ratio, si_load_level *level);

/* The image of a directory by libtiff's RGBA interface, 8 bits; a si_reader. */
VipsImage *si_tiff_read_rgba(
    int fd, si_load_level level, const si_render_limits *limits, si_diag *diag);

#endif
