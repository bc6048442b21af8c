/* Pixels of JPEG originals, by libjpeg without what libvips puts between: pieces of 4 kB, which
 * keep libjpeg from its quick decoder of Huffman codes, a cache of lines, and copies. */
#ifndef SI_RENDER_READ_READ_JPEG_H
#define SI_RENDER_READ_READ_JPEG_H

#include <vips/vips.h>

#include "base/result.h"
#include "render/read/input.h"

/* The file at `fd` (borrowed, and open as long as the image is used), decoded at 1/`shrink` of its
 * size (1, 2, 4, 8). Grey and RGB only. `header` is the same file as libvips opened it, and gives
 * the metadata; borrowed. Pixels are those that libvips would read: accurate DCT, smooth chroma
 * upsampling, no rotation. Rows have to be asked for in rising order, and by one thread at a time.
 *
 * The caller releases the image with g_object_unref(). NULL with `diag` set: SI_ERR_SOURCE,
 * SI_ERR_MEMORY, SI_ERR_IO. */
VipsImage *si_read_jpeg(
    int fd, VipsImage *header, int shrink, const si_render_limits *limits, si_diag *diag);

#endif
