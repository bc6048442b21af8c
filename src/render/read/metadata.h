/* What originals carry besides pixels, for req=xmp, xmpEmbed, pathEmbed, iccEmbed and printRes. */
#ifndef SI_RENDER_READ_METADATA_H
#define SI_RENDER_READ_METADATA_H

#include "base/bytes.h"
#include "render/read/input.h"

/* Zero-initialize; release with si_metadata_free(). Empty bytes where the file has none. */
typedef struct si_metadata {
    si_bytes xmp;       /* the XMP packet, unmodified, without zero bytes at its end */
    si_bytes icc;       /* the embedded profile, as it is */
    si_bytes photoshop; /* Photoshop image resource blocks (codec/photoshop_write.h): JPEG, TIFF */
    double dpi;         /* print resolution, 0 if the file names none */
    si_pixel_type type; /* of its samples; what is neither grey nor CMYK counts as RGB */
} si_metadata;

/* Reads them from the original open at `fd` (borrowed). Errors as of si_original_open(), and
 * SI_ERR_MEMORY. */
SI_NODISCARD si_result si_metadata_read(
    int fd, const si_render_limits *limits, si_metadata *out, si_diag *diag);

void si_metadata_free(si_metadata *m);

#endif
