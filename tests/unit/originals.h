/* Originals written byte by byte, and what si_original_open() gives of them. */
#ifndef SI_TESTS_ORIGINALS_H
#define SI_TESTS_ORIGINALS_H

#include "pictures.h"

#include "render/read/colorimetry.h"
#include "render/read/original.h"

enum { FILE_MOST = 64 << 10 };

typedef struct file {
    uint8_t data[FILE_MOST];
    size_t len;
} file;

static inline void put(file *f, const void *data, size_t len) {
    assert_true(f->len + len <= FILE_MOST);
    memcpy(f->data + f->len, data, len);
    f->len += len;
}

/* Samples as they were read, in the order of rows; g_free() them. */
typedef struct picture {
    int width, height, bands, bytes; /* bytes of a sample */
    VipsInterpretation type;
    bool has_told;
    si_colorimetry told;
    void *pixels;
} picture;

/* Reads the whole and closes the descriptor. */
static inline si_result read_original(int fd, picture *out) {
    si_original o = {0};
    si_diag diag = {0};
    *out = (picture){0};
    si_result code = si_original_open(&o, fd, NULL, &diag);
    if (code == SI_OK) {
        size_t size;
        *out = (picture){.width = o.image->Xsize,
            .height = o.image->Ysize,
            .bands = o.image->Bands,
            .bytes = o.image->BandFmt == VIPS_FORMAT_USHORT ? 2 : 1,
            .type = o.image->Type};
        out->has_told = si_colorimetry_find(o.image, &out->told);
        out->pixels = vips_image_write_to_memory(o.image, &size);
        code = out->pixels != NULL ? SI_OK : SI_ERR_SOURCE;
    }
    assert_true(code == SI_OK || code == SI_ERR_LIMIT || code == SI_ERR_SOURCE);
    vips_error_clear();
    si_original_close(&o);
    close(fd);
    return code;
}

static inline int sample_at(const picture *p, int x, int y, int band) {
    ptrdiff_t i = ((ptrdiff_t)y * p->width + x) * p->bands + band;
    return p->bytes == 2 ? ((const uint16_t *)p->pixels)[i] : ((const uint8_t *)p->pixels)[i];
}

#endif
