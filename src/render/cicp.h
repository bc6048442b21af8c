/* Colours that a HEIF or AVIF file describes by code points instead of an ICC profile (nclx box;
 * ISO/IEC 23091-2, "CICP"). libvips does not look at them. */
#ifndef SI_RENDER_CICP_H
#define SI_RENDER_CICP_H

#include <lcms2.h>

/* A profile for the colour code points of the primary image in the file at `fd`; the caller closes
 * it. NULL when the file has none, or when they mean sRGB. PQ and HLG, which reach beyond display
 * white, are brought into the range of sRGB by a curve: 203 nits (the reference white of BT.2408)
 * becomes white's neighbourhood, up to 75 % of it linear light is kept, and what lies between there
 * and 1000 nits is compressed. */
cmsHPROFILE si_cicp_profile(int fd);

#endif
