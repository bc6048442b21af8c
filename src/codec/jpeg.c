#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>
#include <jerror.h>

#include "codec/driver.h"
#include "codec/jpeg_parts.h"

enum { FIRST_BUFFER = 32 * 1024 };

/* libjpeg calls back with these; each starts with the library's own struct. */
typedef struct error_state {
    struct jpeg_error_mgr mgr;
    jmp_buf back;
    si_result code;
    char text[JMSG_LENGTH_MAX];
} error_state;

typedef struct bytes_destination {
    struct jpeg_destination_mgr mgr;
    si_bytes *out;
} bytes_destination;

static void on_error(j_common_ptr cinfo) {
    error_state *e = (error_state *)cinfo->err;
    int code = e->mgr.msg_code;
    e->code = code == JERR_OUT_OF_MEMORY ? SI_ERR_MEMORY : SI_ERR_INTERNAL;
    e->mgr.format_message(cinfo, e->text);
    longjmp(e->back, 1);
}

static void on_message(j_common_ptr cinfo) {
    (void)cinfo;
}

static struct jpeg_error_mgr *error_init(error_state *e) {
    jpeg_std_error(&e->mgr);
    e->mgr.error_exit = on_error;
    e->mgr.output_message = on_message;
    return &e->mgr;
}

static void grow(j_compress_ptr cinfo, size_t cap) {
    bytes_destination *d = (bytes_destination *)cinfo->dest;
    uint8_t *data = realloc(d->out->data, cap);
    if (data == NULL) {
        ERREXIT1(cinfo, JERR_OUT_OF_MEMORY, 0);
    }
    d->out->data = data;
    d->mgr.next_output_byte = data + d->out->cap;
    d->mgr.free_in_buffer = cap - d->out->cap;
    d->out->cap = cap;
}

static void on_start(j_compress_ptr cinfo) {
    grow(cinfo, FIRST_BUFFER);
}

static boolean on_full(j_compress_ptr cinfo) {
    grow(cinfo, 2 * ((bytes_destination *)cinfo->dest)->out->cap);
    return TRUE;
}

static void on_end(j_compress_ptr cinfo) {
    bytes_destination *d = (bytes_destination *)cinfo->dest;
    d->out->len = d->out->cap - d->mgr.free_in_buffer;
}

/* Inks go into the file as Adobe has them: complemented, as YCCK, never subsampled. */
static void set_params(j_compress_ptr cinfo, const si_image *image, const si_encode_params *p,
    jpeg_scan_info scans[SI_JPEG_MAX_SCANS]) {
    cinfo->image_width = (JDIMENSION)image->width;
    cinfo->image_height = (JDIMENSION)image->height;
    cinfo->input_components = image->cmyk ? 4 : image->channels;
    cinfo->in_color_space = image->cmyk            ? JCS_CMYK
                            : image->channels == 4 ? JCS_EXT_RGBX
                                                   : JCS_EXT_RGB;
    jpeg_set_defaults(cinfo);
    jpeg_set_colorspace(cinfo, image->cmyk ? JCS_YCCK : image->grey ? JCS_GRAYSCALE : JCS_YCbCr);
    jpeg_set_quality(cinfo, (int)(p->quality + 0.5f), TRUE);
    if (image->cmyk) {
        cinfo->comp_info[0].h_samp_factor = cinfo->comp_info[0].v_samp_factor = 1;
        cinfo->comp_info[3].h_samp_factor = cinfo->comp_info[3].v_samp_factor = 1;
    } else if (!image->grey) {
        int sampling = p->chroma_full ? 1 : 2;
        cinfo->comp_info[0].h_samp_factor = sampling;
        cinfo->comp_info[0].v_samp_factor = sampling;
    }
    cinfo->dct_method = JDCT_ISLOW;
    cinfo->optimize_coding = p->optimize;
    if (p->progressive) {
        si_jpeg_script(cinfo, p->scans, scans);
    }
    if (p->dpi > 0) {
        cinfo->write_JFIF_header = TRUE; /* off for CMYK otherwise */
        cinfo->density_unit = 1;         /* per inch */
        cinfo->X_density = cinfo->Y_density = (UINT16)(p->dpi < 65535 ? p->dpi : 65535);
    }
}

/* Complements the inks of a row and drops alpha. */
static void complement(const uint8_t *from, int channels, uint8_t *to, int width) {
    for (int x = 0; x < width; x++, from += channels, to += 4) {
        for (int k = 0; k < 4; k++) {
            to[k] = (uint8_t)(255 - from[k]);
        }
    }
}

static void write_rows(j_compress_ptr cinfo, const si_image *image) {
    JSAMPARRAY inks = NULL; /* libjpeg's own memory, freed with the rest */
    if (image->cmyk) {
        inks =
            cinfo->mem->alloc_sarray((j_common_ptr)cinfo, JPOOL_IMAGE, 4 * cinfo->image_width, 1);
    }
    while (cinfo->next_scanline < cinfo->image_height) {
        JSAMPROW row = image->pixels + (size_t)cinfo->next_scanline * image->stride;
        if (inks != NULL) {
            complement(row, image->channels, inks[0], image->width);
            row = inks[0];
        }
        jpeg_write_scanlines(cinfo, &row, 1);
    }
}

static si_result encode(
    const si_image *image, const si_encode_params *params, si_bytes *out, si_diag *diag) {
    error_state error;
    bytes_destination dest = {
        .mgr = {.init_destination = on_start,
            .empty_output_buffer = on_full,
            .term_destination = on_end},
        .out = out,
    };
    struct jpeg_compress_struct cinfo = {.err = error_init(&error)};
    jpeg_scan_info scans[SI_JPEG_MAX_SCANS];
    if (setjmp(error.back) != 0) {
        jpeg_destroy_compress(&cinfo);
        return si_fail(diag, error.code, "jpeg: %s", error.text);
    }
    jpeg_create_compress(&cinfo);
    cinfo.dest = &dest.mgr;
    set_params(&cinfo, image, params, scans);
    jpeg_start_compress(&cinfo, TRUE);
    si_jpeg_write_metadata(&cinfo, params);
    write_rows(&cinfo, image);
    jpeg_finish_compress(&cinfo);
    jpeg_destroy_compress(&cinfo);
    return SI_OK;
}

/* Decodes as browsers do: accurate DCT and smooth chroma upsampling, libjpeg's defaults. */
static si_result decode(const uint8_t *data, size_t len, si_image *out, si_diag *diag) {
    error_state error;
    struct jpeg_decompress_struct cinfo = {.err = error_init(&error)};
    if (setjmp(error.back) != 0) {
        jpeg_destroy_decompress(&cinfo);
        si_result result = error.code == SI_ERR_MEMORY ? SI_ERR_MEMORY : SI_ERR_SOURCE;
        return si_fail(diag, result, "jpeg: %s", error.text);
    }
    jpeg_create_decompress(&cinfo);
    jpeg_mem_src(&cinfo, (unsigned char *)(uintptr_t)data, (unsigned long)len);
    jpeg_read_header(&cinfo, TRUE);
    bool cmyk = cinfo.num_components == 4;
    si_result result =
        si_image_alloc(out, (int)cinfo.image_width, (int)cinfo.image_height, cmyk ? 4 : 3, diag);
    if (result == SI_OK) {
        out->grey = cinfo.jpeg_color_space == JCS_GRAYSCALE;
        out->cmyk = cmyk;
        cinfo.out_color_space = cmyk ? JCS_CMYK : JCS_EXT_RGB;
        jpeg_start_decompress(&cinfo);
        while (cinfo.output_scanline < cinfo.output_height) {
            JSAMPROW row = out->pixels + (size_t)cinfo.output_scanline * out->stride;
            jpeg_read_scanlines(&cinfo, &row, 1);
            if (cmyk && cinfo.saw_Adobe_marker) {
                complement(row, 4, row, out->width);
            }
        }
        jpeg_finish_decompress(&cinfo);
        if (cinfo.err->num_warnings > 0) { /* libjpeg fills in for missing data; scores must not */
            result = si_fail(diag, SI_ERR_SOURCE, "jpeg: damaged data");
        }
    }
    jpeg_destroy_decompress(&cinfo);
    return result;
}

static void library(char *text, size_t size) {
#define QUOTE(x) #x
#define TEXT(x) QUOTE(x)
    snprintf(text, size, "libjpeg-turbo %s", TEXT(LIBJPEG_TURBO_VERSION));
}

const si_codec_driver si_codec_jpeg = {
    .quality_min = 1,
    .quality_max = 100,
    .quality_step = 1,
    .max_side = JPEG_MAX_DIMENSION,
    .library = library,
    .encode = encode,
    .decode = decode,
};
