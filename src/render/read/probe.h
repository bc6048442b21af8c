/* Looks at the structure of a file before any library sees it: whether there is more of something
 * than pictures have, which would cost a decoder much more than its pixels do. What a library finds
 * by itself at no cost, such as a length beyond the end of the file, is left to it.
 *
 * The file is read through pread() in pieces; pixels are skipped, but for the scans of progressive
 * JPEGs, which have to be counted. Readers of our own look at GIF (read_gif.c), JPEG 2000
 * (jp2_header.c) and drawings (svg_cost.h) themselves. */
#ifndef SI_RENDER_READ_PROBE_H
#define SI_RENDER_READ_PROBE_H

#include "render/read/original.h"

/* The most of each that is decoded. What encoders write: a few chunks, 10 scans, one EXIF segment;
 * a document may have some hundred pages. */
enum {
    SI_PROBE_CHUNKS = 50000,          /* of PNG, pixels not counted; of WebP */
    SI_PROBE_INFLATED = 32 << 20,     /* bytes of PNG's deflated texts and profile together */
    SI_PROBE_PIXELS_SLACK = 64 << 10, /* bytes of deflated pixels beyond twice the inflated ones */
    SI_PROBE_SCANS = 100,             /* of JPEG; … */
    SI_PROBE_FREE_SCANS = 16,      /* … beyond these, scans × pixels of the whole have a limit */
    SI_PROBE_EXIFS = 16,           /* EXIF segments of JPEG, each of which is parsed */
    SI_PROBE_JPEG_HEAD = 40 << 20, /* bytes before the first scan */
    SI_PROBE_FRAMES = 10000,       /* of WebP, whose library looks for each from the first on */
    SI_PROBE_METADATA = 16 << 20,  /* bytes of a profile, of EXIF or XMP of WebP */
    SI_PROBE_BOXES = 10000,        /* of HEIC and AVIF, within each other, too */
    SI_PROBE_PAGES = 5000,         /* of TIFF */
};

/* SI_ERR_LIMIT if the file at `fd`, of that kind, has more of anything than the limits above, with
 * what it is; SI_OK for kinds that are not looked at, and where the structure is too broken to be
 * followed further. */
SI_NODISCARD si_result si_probe(si_kind kind, int fd, si_diag *diag);

#endif
