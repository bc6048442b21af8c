/* What a JPEG 2000 file says before its pixels: the boxes of a JP2 file (ITU-T T.800 Annex I; CMYK
 * from T.801 Annex M), and the size marker of its codestream (T.800 A.5.1). */
#ifndef SI_RENDER_READ_JP2_HEADER_H
#define SI_RENDER_READ_JP2_HEADER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/result.h"

/* Limits of what is read. OpenJPEG keeps about a kilobyte for each component of each tile. */
enum {
    SI_JP2_COMPONENTS = 32,
    SI_JP2_CHANNELS = 32,
    SI_JP2_TILE_COMPONENTS = 1 << 17,
    SI_JP2_ENTRIES = 1024 /* of a palette; more are not allowed */
};

typedef enum si_jp2_space {
    SI_JP2_UNTOLD, /* the file does not say; the number of channels must do */
    SI_JP2_GREY,
    SI_JP2_RGB,
    SI_JP2_YCC, /* sYCC and e-sYCC: Cb and Cr around the middle of their range */
    SI_JP2_CMYK /* most = full ink */
} si_jp2_space;

typedef struct si_jp2_component {
    int depth; /* bits, 1…38 */
    bool is_signed;
    uint32_t dx, dy; /* one sample for each so many reference grid points, 1…255 */
} si_jp2_component;

/* A channel is a component, or what a palette makes of it. */
typedef struct si_jp2_channel {
    int component; /* index, always valid */
    int column;    /* of the palette; −1 = the component's own samples */
    int depth;     /* bits of its values, 1…38 */
    bool is_signed;
} si_jp2_channel;

typedef struct si_jp2_header {
    uint32_t x0, y0, x1, y1; /* the image on the reference grid; x0 < x1, y0 < y1 */
    int tile_count;          /* 1…SI_JP2_TILE_COMPONENTS */
    int levels;     /* wavelet levels of the tile that has fewest, if tiles say so, 0…32 */
    bool lacks_end; /* every tile part is there, but the last marker is not */
    int component_count;
    si_jp2_component components[SI_JP2_COMPONENTS];
    int channel_count;
    si_jp2_channel channels[SI_JP2_CHANNELS];
    int colour_count;   /* 1, 3 or 4 */
    int colours[4];     /* channels of the colours, in order */
    int alpha;          /* channel of the opacity, or −1 */
    bool premultiplied; /* by it */
    si_jp2_space space; /* never UNTOLD, unless there is an ICC profile */
    uint32_t *palette; /* SI_JP2_ENTRIES values per column, the last one repeated; owned; or NULL */
    off_t stream_at, stream_end; /* where in the file the codestream is */
    off_t icc_at, xmp_at;        /* where in the file the ICC profile and the XMP packet are, … */
    uint32_t icc_len;            /* … and how long; 0 = none */
    uint32_t xmp_len;
    double x_res, y_res; /* pixels per millimetre; 0 = untold */
} si_jp2_header;

/* Reads the header of the file at `fd` (its position is neither used nor moved). Release with
 * si_jp2_header_free(), also after an error. SI_ERR_SOURCE if it is broken or in a colour space
 * that is not read, SI_ERR_LIMIT, SI_ERR_MEMORY. */
SI_NODISCARD si_result si_jp2_header_read(si_jp2_header *h, int fd, si_diag *diag);
void si_jp2_header_free(si_jp2_header *h);

/* Reads `len` bytes at `at`; false if they are not all there. */
bool si_jp2_read_at(int fd, void *to, size_t len, off_t at);

#endif
