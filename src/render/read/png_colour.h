/* Colours of PNG files that libvips does not look at. */
#ifndef SI_RENDER_READ_PNG_COLOUR_H
#define SI_RENDER_READ_PNG_COLOUR_H

#include <stdbool.h>

#include "render/read/colorimetry.h"

/* Reads what the chunks of the PNG file at `fd` say of its colours, without moving the file
 * position: cICP, which goes before iCCP (out->first), else sRGB, else cHRM and gAMA (PNG, third
 * edition, section 4.3). cHRM alone comes with sRGB's curve, gAMA alone with sRGB's primaries; and
 * gAMA 45455, which stands for sRGB's curve, means that curve where the primaries are sRGB's.
 * Chunks that are damaged, hold absurd numbers or unknown code points count as absent. False if
 * nothing is left. */
bool si_png_colorimetry(int fd, si_colorimetry *out);

#endif
