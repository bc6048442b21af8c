/* Parts of a JPEG beyond its pixels: scan scripts and metadata segments. Only jpeg.c uses this.
 * Errors leave through libjpeg's error_exit. */
#ifndef SI_CODEC_JPEG_PARTS_H
#define SI_CODEC_JPEG_PARTS_H

#include <stdio.h>

#include <jpeglib.h>

#include "codec/codec.h"

enum { SI_JPEG_MAX_SCANS = 20 };

/* A progressive script of `passes` (3, 4 or 5) passes over all components, or libjpeg's own for
 * any other number. JPEG wants a scan of its own for the AC coefficients of each component, so that
 * a pass after the first is as many scans as there are components. `room` must live until the file
 * is finished. */
void si_jpeg_script(j_compress_ptr cinfo, int passes, jpeg_scan_info room[SI_JPEG_MAX_SCANS]);

/* Writes profile (APP2), XMP (APP1, extended where it does not fit into one segment) and Photoshop
 * blocks (APP13). To be called right after jpeg_start_compress(). */
void si_jpeg_write_metadata(j_compress_ptr cinfo, const si_encode_params *params);

#endif
