/* JPEG files that lack their last marker (EOI), as interrupted writers and some cameras leave them.
 */
#ifndef SI_RENDER_READ_JPEG_END_H
#define SI_RENDER_READ_JPEG_END_H

#include <stdbool.h>
#include <sys/types.h>

#include <vips/vips.h>

#include "base/result.h"
#include "render/read/input.h"

/* Tells how the file at `fd` (borrowed) is to be read: its *size in bytes, and whether it is to be
 * *ended by the marker. One without EOI is, if all its pixels are there:
 *
 * - every MCU of every scan has been decoded without a warning of libjpeg, and each component has
 *   had a scan;
 * - of a progressive file, the scans give every bit of every coefficient. One that ends between two
 *   scans would show a picture, but not the whole one, and nothing else tells the two apart;
 * - it is not arithmetic-coded: that decoder reads zeros behind the end of the file, and so does
 * not notice it.
 *
 * Otherwise SI_ERR_SOURCE. Pictures beyond `limits` are not decoded here; si_original_open()
 * refuses them. Files with EOI are not looked into, whatever follows it. SI_ERR_IO as well. */
SI_NODISCARD si_result si_jpeg_check_end(
    int fd, const si_render_limits *limits, off_t *size, bool *ended, si_diag *diag);

/* The same file, open as long as the source is used, as libvips is to read it. The caller releases
 * the source with g_object_unref(). NULL with `diag` set: as si_jpeg_check_end(). */
VipsSource *si_jpeg_source(int fd, const si_render_limits *limits, si_diag *diag);

#endif
