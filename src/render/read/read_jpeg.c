#include "render/read/read_jpeg.h"

#include <assert.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>

#include "render/read/jpeg_coefficients.h"
#include "render/read/jpeg_end.h"
#include "render/read/jpeg_input.h"
#include "render/read/original.h"

enum { MOST_ROWS = 16 }; /* that libjpeg is asked for at once */

/* Belongs to the image, and goes with it. */
typedef struct reader {
    si_jpeg_coefficients coefficients; /* first: what libjpeg's client data is */
    struct jpeg_decompress_struct cinfo;
    struct jpeg_error_mgr errors;
    jmp_buf failed;
    bool broken;
    uint8_t *row; /* for rows, or parts of rows, that nobody wants */
    si_jpeg_input input;
} reader;

/* ---- libjpeg's callbacks ---- */

static void on_error(j_common_ptr cinfo) {
    reader *r = cinfo->client_data;
    char text[JMSG_LENGTH_MAX];
    cinfo->err->format_message(cinfo, text);
    vips_error("jpeg", "%s", text);
    longjmp(r->failed, 1);
}

/* Damaged data is shown as far as it goes, as browsers do. */
static void on_output(j_common_ptr cinfo) {
    (void)cinfo;
}

static void reader_free(reader *r) {
    jpeg_destroy_decompress(&r->cinfo);
    si_jpeg_coefficients_free(&r->coefficients);
    free(r->row);
    free(r);
}

static void release(VipsImage *image, void *data) {
    (void)image;
    reader_free(data);
}

/* ---- pixels ---- */

/* Reads one row into `row`. */
static void read_row(reader *r, uint8_t *row) {
    if (jpeg_read_scanlines(&r->cinfo, &row, 1) != 1) {
        ERREXIT(&r->cinfo, JERR_INPUT_EOF);
    }
}

/* Fills the region; errors end in `failed`. */
static void read_region(reader *r, VipsRegion *region) {
    j_decompress_ptr cinfo = &r->cinfo;
    const VipsRect v = region->valid;
    size_t pel = VIPS_IMAGE_SIZEOF_PEL(region->im), bytes = (size_t)v.width * pel;
    JDIMENSION top = (JDIMENSION)v.top, end = top + (JDIMENSION)v.height;
    while (cinfo->output_scanline < top) {
        read_row(r, r->row);
    }
    bool whole = v.width == (int)cinfo->output_width; /* so libjpeg may write where it goes */
    while (cinfo->output_scanline < end && !whole) {
        int y = (int)cinfo->output_scanline;
        read_row(r, r->row);
        memcpy(VIPS_REGION_ADDR(region, v.left, y), r->row + (size_t)v.left * pel, bytes);
    }
    while (cinfo->output_scanline < end) {
        JSAMPROW rows[MOST_ROWS];
        JDIMENSION n = end - cinfo->output_scanline;
        n = n < MOST_ROWS ? n : MOST_ROWS;
        for (JDIMENSION i = 0; i < n; i++) {
            rows[i] = VIPS_REGION_ADDR(region, 0, (int)(cinfo->output_scanline + i));
        }
        if (jpeg_read_scanlines(cinfo, rows, n) == 0) {
            ERREXIT(cinfo, JERR_INPUT_EOF);
        }
    }
}

static int generate(VipsRegion *region, void *sequence, void *a, void *b, gboolean *stop) {
    reader *r = a;
    (void)sequence, (void)b, (void)stop;
    if (r->broken || region->valid.top < (int)r->cinfo.output_scanline) {
        vips_error("jpeg", "out of order read");
        return -1;
    }
    r->broken = true; /* unless we come to the end */
    if (setjmp(r->failed) != 0) {
        return -1;
    }
    read_region(r, region);
    r->broken = false;
    return 0;
}

/* ---- opening ---- */

/* False after an error, which libvips knows. */
static bool start(reader *r, int fd, off_t size, bool ended, int shrink) {
    r->cinfo.err = jpeg_std_error(&r->errors);
    r->errors.error_exit = on_error;
    r->errors.output_message = on_output;
    r->cinfo.client_data = r;
    if (setjmp(r->failed) != 0) {
        return false;
    }
    jpeg_create_decompress(&r->cinfo);
    si_jpeg_coefficients_use(&r->coefficients, &r->cinfo);
    si_jpeg_input_start(&r->input, &r->cinfo, fd, size, ended);
    jpeg_read_header(&r->cinfo, TRUE);
    r->cinfo.scale_num = 1;
    r->cinfo.scale_denom = (unsigned)shrink;
    jpeg_start_decompress(&r->cinfo);
    return true;
}

/* Whole samples of one axis: the last one that libjpeg makes would be partly of the padding. */
static int whole_samples(JDIMENSION full, JDIMENSION reduced, int shrink) {
    int n = (int)full / shrink;
    return n > 0 ? n : (int)reduced;
}

/* An image of what `r` decodes, to which `r` then belongs; NULL if it does not. */
static VipsImage *image_of(reader *r, VipsImage *header, int shrink) {
    VipsImage *image = vips_image_new();
    if (vips_image_pipelinev(image, VIPS_DEMAND_STYLE_THINSTRIP, header, NULL) != 0) {
        g_object_unref(image);
        return NULL;
    }
    image->Xsize = whole_samples(r->cinfo.image_width, r->cinfo.output_width, shrink);
    image->Ysize = whole_samples(r->cinfo.image_height, r->cinfo.output_height, shrink);
    if (vips_image_generate(image, NULL, generate, NULL, r, NULL) != 0) {
        g_object_unref(image);
        return NULL;
    }
    g_signal_connect(image, "close", G_CALLBACK(release), r);
    return image;
}

VipsImage *si_read_jpeg(
    int fd, VipsImage *header, int shrink, const si_render_limits *limits, si_diag *diag) {
    off_t size;
    bool ended;
    assert(header->Bands == 1 || header->Bands == 3);
    if (si_jpeg_check_end(fd, limits, &size, &ended, diag) != SI_OK) {
        return NULL;
    }
    reader *r = calloc(1, sizeof *r);
    if (r == NULL) {
        si_fail(diag, SI_ERR_MEMORY, "out of memory");
        return NULL;
    }
    VipsImage *image = NULL;
    bool started = start(r, fd, size, ended, shrink);
    if (started && r->cinfo.output_components != header->Bands) { /* changed since */
        vips_error("jpeg", "not the file it was");
    } else if (started && (r->row = malloc((size_t)r->cinfo.output_width * 3)) == NULL) {
        vips_error("jpeg", "out of memory");
    } else if (started) {
        image = image_of(r, header, shrink);
    }
    if (image == NULL) {
        reader_free(r);
        si_vips_fail(diag);
    }
    return image;
}
