/* The ICC profile of sRGB, for replies that are to carry one (`iccEmbed`). */
#ifndef SI_CODEC_SRGB_H
#define SI_CODEC_SRGB_H

#include <stddef.h>

/* The profile's bytes, the same in every process and at any time; `*len` is their number. Made at
 * the first call and kept until the process ends; NULL if out of memory. Not thread-safe. */
const void *si_srgb_profile(size_t *len);

#endif
