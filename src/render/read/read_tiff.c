#include "render/read/read_tiff.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "render/read/original.h"

enum { MAX_LEVELS = 28 };

/* ---- the file ---- */

typedef struct handle {
    int fd;
    off_t at;
} handle;

static tmsize_t on_read(thandle_t data, void *to, tmsize_t most) {
    handle *h = data;
    ssize_t n = pread(h->fd, to, (size_t)most, h->at);
    h->at += n > 0 ? n : 0;
    return n;
}

static tmsize_t on_write(thandle_t data, void *from, tmsize_t most) {
    (void)data;
    (void)from;
    (void)most;
    return -1;
}

static toff_t size_of(thandle_t data) {
    handle *h = data;
    struct stat st;
    return fstat(h->fd, &st) == 0 ? (toff_t)st.st_size : 0;
}

static toff_t on_seek(thandle_t data, toff_t offset, int whence) {
    handle *h = data;
    off_t base = whence == SEEK_CUR ? h->at : whence == SEEK_END ? (off_t)size_of(data) : 0;
    h->at = base + (off_t)offset;
    return (toff_t)h->at;
}

static int on_close(thandle_t data) {
    free(data);
    return 0;
}

/* A copy for a mapping: 0 sends libtiff back to reading. */
static int on_map(thandle_t data, void **base, toff_t *size) {
    handle *h = data;
    *size = size_of(data);
    *base = *size > 0 && *size <= SI_MAX_WHOLE_BYTES ? malloc((size_t)*size) : NULL;
    toff_t done = 0;
    while (*base != NULL && done < *size) {
        ssize_t n = pread(h->fd, (uint8_t *)*base + done, (size_t)(*size - done), (off_t)done);
        if (n <= 0) {
            free(*base);
            *base = NULL;
        } else {
            done += (toff_t)n;
        }
    }
    return *base != NULL;
}

static void on_unmap(thandle_t data, void *base, toff_t size) {
    (void)data;
    (void)size;
    free(base);
}

static bool set_directory(TIFF *tiff, const si_load_level *level) {
    uint16_t count = 0;
    toff_t *offsets = NULL;
    if (level->page > 0 && !TIFFSetDirectory(tiff, (tdir_t)level->page)) {
        return false;
    }
    return level->subifd == 0 ||
           (TIFFGetField(tiff, TIFFTAG_SUBIFD, &count, &offsets) == 1 && level->subifd <= count &&
               TIFFSetSubDirectory(tiff, offsets[level->subifd - 1]) == 1);
}

TIFF *si_tiff_open(int fd, const si_load_level *level, bool whole, si_diag *diag) {
    handle *h = malloc(sizeof *h);
    if (h == NULL) {
        si_fail(diag, SI_ERR_MEMORY, "out of memory");
        return NULL;
    }
    *h = (handle){.fd = fd};
    TIFF *tiff = TIFFClientOpen("original", whole ? "r" : "rm", h, on_read, on_write, on_seek,
        on_close, size_of, on_map, on_unmap);
    if (tiff == NULL) {
        free(h);
    } else if (set_directory(tiff, level)) {
        return tiff;
    } else {
        TIFFClose(tiff);
    }
    si_vips_fail(diag); /* libvips has taken over libtiff's messages */
    return NULL;
}

void si_tiff_facts_read(TIFF *tiff, si_tiff_facts *f) {
    uint16_t *extra = NULL;
    *f = (si_tiff_facts){.photometric = UINT16_MAX};
    TIFFGetFieldDefaulted(tiff, TIFFTAG_IMAGEWIDTH, &f->width);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_IMAGELENGTH, &f->height);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SUBFILETYPE, &f->subfile);
    TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &f->photometric);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &f->compression);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &f->bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &f->samples);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &f->format);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &f->planar);
    if (TIFFGetField(tiff, TIFFTAG_EXTRASAMPLES, &f->extra_count, &extra) == 1) {
        f->extra = extra;
    }
    if (f->extra == NULL || f->extra_count > f->samples) {
        f->extra_count = 0;
    }
}

/* ---- versions of several sizes ---- */

/* k ≥ 1 if `f` is 1/2^k of the first image; sizes are rounded up or down at each step. 0: it is no
 * version of it. */
static int halvings(const si_tiff_facts *first, const si_tiff_facts *f) {
    bool alike = f->photometric == first->photometric && f->bits == first->bits &&
                 f->samples == first->samples && f->format == first->format;
    for (int k = 1; k < MAX_LEVELS && alike && f->width > 0 && f->height > 0; k++) {
        double width = ldexp(first->width, -k), height = ldexp(first->height, -k);
        if (fabs(f->width - width) < 1 && fabs(f->height - height) < 1) {
            return k;
        }
    }
    return 0;
}

typedef struct choice {
    si_tiff_facts first;
    double ratio;
    int best; /* halvings so far */
    si_load_level *level;
} choice;

static void consider(choice *c, const si_tiff_facts *f, int page, int subifd) {
    int k = f->subfile & FILETYPE_MASK ? 0 : halvings(&c->first, f);
    if (k > c->best && ldexp(c->ratio, -k) >= 2) {
        c->best = k;
        c->level->page = page;
        c->level->subifd = subifd;
    }
}

/* Pages of other pictures end the row of versions of the first. */
static void look_at_pages(TIFF *tiff, choice *c) {
    si_tiff_facts f;
    for (int i = 1; i < MAX_LEVELS && TIFFReadDirectory(tiff); i++) {
        si_tiff_facts_read(tiff, &f);
        if (!(f.subfile & FILETYPE_REDUCEDIMAGE)) {
            break;
        }
        consider(c, &f, i, 0);
    }
}

static void look_at_subifds(TIFF *tiff, choice *c) {
    uint16_t count = 0;
    toff_t *offsets = NULL, copy[MAX_LEVELS];
    si_tiff_facts f;
    if (TIFFGetField(tiff, TIFFTAG_SUBIFD, &count, &offsets) != 1) {
        return;
    }
    count = count < MAX_LEVELS ? count : MAX_LEVELS;
    memcpy(copy, offsets, count * sizeof *copy); /* the next directory takes them away */
    for (int i = 0; i < count && TIFFSetSubDirectory(tiff, copy[i]); i++) {
        si_tiff_facts_read(tiff, &f);
        consider(c, &f, 0, i + 1);
    }
}

bool si_tiff_level(int fd, int width, int height, double ratio, si_load_level *level) {
    const si_load_level first = {0};
    si_diag ignored = {0};
    TIFF *tiff = ratio >= 4 ? si_tiff_open(fd, &first, false, &ignored) : NULL;
    if (tiff == NULL) {
        return false;
    }
    choice c = {.ratio = ratio, .level = level};
    si_tiff_facts_read(tiff, &c.first);
    if (c.first.width == (uint32_t)width && c.first.height == (uint32_t)height) {
        look_at_subifds(tiff, &c);
        if (TIFFSetDirectory(tiff, 0)) {
            look_at_pages(tiff, &c);
        }
    }
    TIFFClose(tiff);
    vips_error_clear();
    return c.best > 0;
}

/* ---- kinds ---- */

/* Samples that are colours; 0 if this is nothing that is shown. */
static int colours_of(TIFF *tiff, const si_tiff_facts *f) {
    uint16_t inks = INKSET_CMYK, dots[2] = {0, 1};
    switch (f->photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
    case PHOTOMETRIC_PALETTE:
        return 1;
    case PHOTOMETRIC_RGB:
    case PHOTOMETRIC_LOGLUV:
        return 3;
    case PHOTOMETRIC_YCBCR:
    case PHOTOMETRIC_CIELAB:
        return f->samples == 3 ? 3 : 0;
    case PHOTOMETRIC_SEPARATED:
        TIFFGetFieldDefaulted(tiff, TIFFTAG_INKSET, &inks);
        TIFFGetField(tiff, TIFFTAG_DOTRANGE, &dots[0], &dots[1]);
        return inks == INKSET_CMYK && dots[0] < dots[1] ? 4 : 0;
    default:
        return 0;
    }
}

/* What libvips takes for something else: other inks than CMYK, ICC's and ITU's Lab, alpha beside
 * Lab or YCbCr, sensor data, masks; integers of 32 bits, of which it shows the lowest, and signed
 * ones.
 */
static si_result check_kind(const si_tiff_facts *f, int colours, si_diag *diag) {
    if (colours == 0 || f->samples < colours) {
        return si_fail(diag, SI_ERR_SOURCE,
            "this kind of TIFF is not supported: photometric interpretation %u of %u samples",
            f->photometric, f->samples);
    }
    bool real = f->format == SAMPLEFORMAT_IEEEFP;
    bool natural = f->format == SAMPLEFORMAT_UINT || f->format == SAMPLEFORMAT_VOID;
    if (f->photometric != PHOTOMETRIC_LOGLUV && !real && !(natural && f->bits <= 16)) {
        return si_fail(diag, SI_ERR_SOURCE,
            "this kind of TIFF is not supported: samples of format %u with %u bits", f->format,
            f->bits);
    }
    return SI_OK;
}

/* libvips takes the first sample after the colours for alpha. It is one if ExtraSamples says so,
 * or says nothing at all, as many writers of RGBA do; what is "unspecified" is for others, such as
 * the stored selections of image editors. NULL if there is no memory; takes `image` over. */
static VipsImage *only_alpha(VipsImage *image, const si_tiff_facts *f, int colours) {
    int extra = image->Bands - colours, alpha = -1;
    if (extra <= 0 || f->extra_count == 0 || image->Coding != VIPS_CODING_NONE) {
        return image;
    }
    for (int i = f->extra_count - 1; i >= 0; i--) {
        alpha = f->extra[i] != EXTRASAMPLE_UNSPECIFIED ? f->samples - f->extra_count + i : alpha;
    }
    if (f->photometric == PHOTOMETRIC_PALETTE || (extra == 1 && alpha == colours)) {
        return image; /* palettes become several bands */
    }
    VipsImage *parts[2] = {NULL}, *joined = NULL;
    if (vips_extract_band(image, &parts[0], 0, "n", colours, NULL) == 0 &&
        (alpha < 0 || vips_extract_band(image, &parts[1], alpha, NULL) == 0) &&
        vips_bandjoin(parts, &joined, alpha < 0 ? 1 : 2, NULL) != 0) {
        joined = NULL;
    }
    VIPS_UNREF(parts[0]);
    VIPS_UNREF(parts[1]);
    g_object_unref(image);
    return joined;
}

static VipsImage *read_with_vips(int fd, const si_load_level *level) {
    VipsImage *image = NULL;
    VipsSource *source = lseek(fd, 0, SEEK_SET) == 0 ? vips_source_new_from_descriptor(fd) : NULL;
    if (source == NULL) {
        return NULL;
    }
    if (vips_tiffload_source(source, &image, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on",
            VIPS_FAIL_ON_TRUNCATED, "page", level->page, "subifd", level->subifd - 1, NULL) != 0) {
        image = NULL;
    }
    g_object_unref(source);
    return image;
}

VipsImage *si_read_tiff(
    int fd, si_load_level level, const si_render_limits *limits, si_diag *diag) {
    si_tiff_facts f;
    VipsImage *image = NULL;
    TIFF *tiff = si_tiff_open(fd, &level, false, diag);
    if (tiff == NULL) {
        return NULL;
    }
    si_tiff_facts_read(tiff, &f);
    int colours = colours_of(tiff, &f);
    bool ours = f.photometric == PHOTOMETRIC_YCBCR && f.compression != COMPRESSION_JPEG;
    if (check_kind(&f, colours, diag) != SI_OK) {
        /* told */
    } else if (ours) {
        image = si_tiff_read_rgba(fd, level, limits, diag);
    } else {
        image = read_with_vips(fd, &level);
        image = image != NULL ? only_alpha(image, &f, colours) : NULL;
        if (image == NULL) {
            si_vips_fail(diag);
        }
    }
    TIFFClose(tiff);
    return image;
}
