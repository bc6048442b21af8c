/* Colours that a HEIF or AVIF file describes by code points instead of an ICC profile (nclx box).
 * libvips does not look at them. */
#ifndef SI_RENDER_CICP_H
#define SI_RENDER_CICP_H

#include "render/colorimetry.h"

/* The colours of the RGB decoded from the primary image in the file at `fd`, whatever its YCbCr
 * was. Code points that are unknown or left open count as sRGB's. False when the file has none, or
 * both are left open. */
bool si_cicp_read_heif(int fd, si_colorimetry *out);

#endif
