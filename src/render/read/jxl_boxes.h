/* Metadata boxes of a JPEG XL container. */
#ifndef SI_RENDER_READ_JXL_BOXES_H
#define SI_RENDER_READ_JXL_BOXES_H

#include <stdint.h>

#include <vips/vips.h>

/* Attaches the first Exif box of the file (`len` bytes) as VIPS_META_EXIF_NAME and the first xml
 * box as VIPS_META_XMP_NAME, compressed (brob) ones too. Boxes that are damaged, or larger than
 * 16 MB, are left out: pictures do not depend on them. */
void si_jxl_attach_boxes(VipsImage *image, const uint8_t *data, size_t len);

#endif
