/* Pictures within drawings, data: addresses. */
#ifndef SI_RENDER_READ_SVG_PICTURE_H
#define SI_RENDER_READ_SVG_PICTURE_H

/* How many pixels the picture at this address has, by its header, if it is a PNG, a JPEG or a GIF
 * in base64, which is what librsvg can decode; 0 if it is none. */
double si_svg_picture_pixels(const char *address);

#endif
