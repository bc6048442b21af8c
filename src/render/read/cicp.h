/* Colours that a HEIF or AVIF file describes by code points instead of an ICC profile (nclx box,
 * or the AV1 data itself). libvips does not look at them. */
#ifndef SI_RENDER_READ_CICP_H
#define SI_RENDER_READ_CICP_H

#include "render/read/colorimetry.h"

/* What these code points of ISO/IEC 23091-2 mean for RGB, whatever its YCbCr was. Those that are
 * unknown or left open count as sRGB's. False if both are left open. */
bool si_cicp_colours(int primaries, int transfer, si_colorimetry *out);

/* The same for the primary image of the HEIF file at `fd`; also false if it names none. */
bool si_cicp_read_heif(int fd, si_colorimetry *out);

#endif
