#include "render/read/jpeg_end.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "render/read/jpeg_input.h"
#include "render/read/original.h"

enum { CHUNK = 32 << 10 };

/* ---- the file and two bytes more ---- */

static gint64 on_read(VipsSourceCustom *source, void *to, gint64 most, void *data) {
    (void)source;
    return si_jpeg_input_read(data, to, (size_t)most);
}

static gint64 on_seek(VipsSourceCustom *source, gint64 offset, int whence, void *data) {
    si_jpeg_input *e = data;
    (void)source;
    off_t to = offset + (whence == SEEK_CUR ? e->at : whence == SEEK_END ? e->size + 2 : 0);
    if (to < 0) {
        return -1;
    }
    return e->at = to;
}

static void release(void *data, GClosure *closure) {
    (void)closure;
    free(data);
}

static VipsSource *ended_source(int fd, off_t size, si_diag *diag) {
    si_jpeg_input *e = malloc(sizeof *e);
    if (e == NULL) {
        si_fail(diag, SI_ERR_MEMORY, "out of memory");
        return NULL;
    }
    e->fd = fd;
    e->at = 0;
    e->size = size;
    e->ended = true;
    VipsSourceCustom *source = vips_source_custom_new();
    g_signal_connect(source, "seek", G_CALLBACK(on_seek), e);
    g_signal_connect_data(source, "read", G_CALLBACK(on_read), e, release, (GConnectFlags)0);
    return VIPS_SOURCE(source);
}

/* ---- whether there is an EOI ---- */

/* Reads bytes one by one; −1 at the end. */
typedef struct bytes {
    int fd;
    off_t at;
    size_t pos, len;
    uint8_t buffer[CHUNK];
} bytes;

static int next_byte(bytes *b) {
    if (b->pos == b->len) {
        ssize_t n = pread(b->fd, b->buffer, sizeof b->buffer, b->at);
        if (n <= 0) {
            return -1;
        }
        b->at += n;
        b->len = (size_t)n;
        b->pos = 0;
    }
    return b->buffer[b->pos++];
}

static void skip(bytes *b, size_t n) {
    size_t here = b->len - b->pos < n ? b->len - b->pos : n;
    b->pos += here;
    b->at += (off_t)(n - here);
    if (here < n) {
        b->pos = b->len = 0;
    }
}

/* True if the marker is followed by a length. */
static bool has_length(int marker) {
    return marker >= 0xc0 && !(marker >= 0xd0 && marker <= 0xd9);
}

static bool has_eoi(int fd) {
    bytes b = {.fd = fd};
    int c = next_byte(&b);
    while (c >= 0) {
        if (c != 0xff) {
            c = next_byte(&b);
            continue;
        }
        while ((c = next_byte(&b)) == 0xff) {
        }
        if (c == JPEG_EOI) {
            return true;
        }
        if (has_length(c)) {
            int high = next_byte(&b), low = next_byte(&b);
            int len = high < 0 || low < 0 ? -1 : high << 8 | low;
            if (len < 2) {
                return false;
            }
            skip(&b, (size_t)len - 2);
        }
        c = next_byte(&b);
    }
    return false;
}

/* ---- whether all pixels are there ---- */

typedef struct decoder {
    struct jpeg_decompress_struct cinfo;
    struct jpeg_error_mgr errors;
    jmp_buf failed;
    si_jpeg_input input;
} decoder;

static void on_error(j_common_ptr cinfo) {
    decoder *d = cinfo->client_data;
    longjmp(d->failed, 1);
}

/* Any warning: there is no telling which of them mean that something is missing. */
static void on_message(j_common_ptr cinfo, int level) {
    if (level < 0) {
        on_error(cinfo);
    }
}

static void on_output(j_common_ptr cinfo) {
    (void)cinfo;
}

/* After all scans: has each component been in one, and nothing been left for a later one? */
static bool scans_complete(const struct jpeg_decompress_struct *cinfo) {
    for (int i = 0; i < cinfo->num_components; i++) {
        if (cinfo->comp_info[i].quant_table == NULL) { /* set by its first scan */
            return false;
        }
        for (int k = 0; k < DCTSIZE2 && cinfo->progressive_mode; k++) {
            if (cinfo->coef_bits[i][k] != 0) {
                return false;
            }
        }
    }
    return true;
}

static bool is_too_large(struct jpeg_decompress_struct *cinfo, const si_render_limits *limits) {
    uint64_t pixels = (uint64_t)cinfo->image_width * cinfo->image_height;
    bool whole = jpeg_has_multiple_scans(cinfo);
    return pixels > (uint64_t)limits->max_source_pixels ||
           (whole && pixels * (uint64_t)cinfo->num_components * 2 > SI_MAX_WHOLE_BYTES);
}

/* Decodes at an eighth of the size. Errors end in `failed`. */
static bool decode(struct jpeg_decompress_struct *cinfo, const si_render_limits *limits) {
    jpeg_read_header(cinfo, TRUE);
    if (cinfo->arith_code) {
        return false;
    }
    if (is_too_large(cinfo, limits)) {
        return true;
    }
    cinfo->scale_num = 1;
    cinfo->scale_denom = 8;
    cinfo->out_color_space = cinfo->jpeg_color_space; /* no conversion */
    jpeg_start_decompress(cinfo);
    JSAMPARRAY row = cinfo->mem->alloc_sarray((j_common_ptr)cinfo, JPOOL_IMAGE,
        cinfo->output_width * (JDIMENSION)cinfo->output_components, 1);
    while (cinfo->output_scanline < cinfo->output_height) {
        jpeg_read_scanlines(cinfo, row, 1);
    }
    return scans_complete(cinfo);
}

static bool is_complete(int fd, off_t size, const si_render_limits *limits) {
    decoder *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return false;
    }
    volatile bool complete = false;
    d->cinfo.err = jpeg_std_error(&d->errors);
    d->errors.error_exit = on_error;
    d->errors.emit_message = on_message;
    d->errors.output_message = on_output;
    d->cinfo.client_data = d;
    if (setjmp(d->failed) == 0) {
        jpeg_create_decompress(&d->cinfo);
        si_jpeg_input_start(&d->input, &d->cinfo, fd, size, true);
        complete = decode(&d->cinfo, limits);
    }
    jpeg_destroy_decompress(&d->cinfo);
    free(d);
    return complete;
}

si_result si_jpeg_check_end(
    int fd, const si_render_limits *limits, off_t *size, bool *ended, si_diag *diag) {
    struct stat st;
    uint8_t tail[2] = {0};
    if (fstat(fd, &st) != 0) {
        return si_fail(diag, SI_ERR_IO, "the source file cannot be read");
    }
    *size = st.st_size;
    *ended = false;
    bool ends = st.st_size >= 2 && pread(fd, tail, 2, st.st_size - 2) == 2 && tail[0] == 0xff &&
                tail[1] == JPEG_EOI;
    if (ends || has_eoi(fd)) {
        return SI_OK;
    }
    if (!is_complete(fd, st.st_size, limits)) {
        return si_fail(diag, SI_ERR_SOURCE, "the source image is broken: it ends early");
    }
    *ended = true;
    return SI_OK;
}

VipsSource *si_jpeg_source(int fd, const si_render_limits *limits, si_diag *diag) {
    off_t size;
    bool ended = false;
    if (si_jpeg_check_end(fd, limits, &size, &ended, diag) != SI_OK) {
        return NULL;
    }
    if (lseek(fd, 0, SEEK_SET) != 0) {
        si_fail(diag, SI_ERR_IO, "the source file cannot be read");
        return NULL;
    }
    if (ended) {
        return ended_source(fd, size, diag);
    }
    VipsSource *source = vips_source_new_from_descriptor(fd);
    if (source == NULL) {
        si_vips_fail(diag);
    }
    return source;
}
