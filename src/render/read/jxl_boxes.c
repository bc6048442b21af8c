#include "render/read/jxl_boxes.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <jxl/decode.h>

enum { FIRST_BUFFER = 16 << 10, MAX_BOX = 16 << 20, EXIF_OFFSET = 4, MAX_BOXES = 4096 };

/* The box that is being taken, unpacked. */
typedef struct taken {
    char type[4];
    uint8_t *data;
    size_t cap;
    bool active; /* the decoder writes to it */
} taken;

static bool grow(taken *t, JxlDecoder *decoder) {
    size_t left = t->active ? JxlDecoderReleaseBoxBuffer(decoder) : 0;
    size_t have = t->active ? t->cap - left : 0, cap = t->active ? 2 * t->cap : FIRST_BUFFER;
    uint8_t *data = cap <= MAX_BOX ? realloc(t->data, cap) : NULL;
    t->active = data != NULL;
    if (data == NULL) {
        return false;
    }
    t->data = data;
    t->cap = cap;
    t->active = JxlDecoderSetBoxBuffer(decoder, data + have, cap - have) == JXL_DEC_SUCCESS;
    return t->active;
}

/* libvips keeps EXIF as JPEG has it. */
static void attach_exif(VipsImage *image, const uint8_t *data, size_t len) {
    static const char mark[6] = "Exif\0";
    if (len <= EXIF_OFFSET) {
        return;
    }
    size_t skip = (size_t)data[0] << 24 | (size_t)data[1] << 16 | (size_t)data[2] << 8 | data[3];
    if (skip >= len - EXIF_OFFSET) {
        return;
    }
    size_t n = len - EXIF_OFFSET - skip;
    uint8_t *exif = malloc(sizeof mark + n);
    if (exif != NULL) {
        memcpy(exif, mark, sizeof mark);
        memcpy(exif + sizeof mark, data + EXIF_OFFSET + skip, n);
        vips_image_set_blob_copy(image, VIPS_META_EXIF_NAME, exif, sizeof mark + n);
        free(exif);
    }
}

/* Ends the box that is being taken, and attaches it. */
static void finish(taken *t, JxlDecoder *decoder, VipsImage *image) {
    if (t->active) {
        size_t len = t->cap - JxlDecoderReleaseBoxBuffer(decoder);
        bool exif = memcmp(t->type, "Exif", 4) == 0;
        const char *field = exif ? VIPS_META_EXIF_NAME : VIPS_META_XMP_NAME;
        if (vips_image_get_typeof(image, field) != 0) {
            /* only the first of a kind */
        } else if (exif) {
            attach_exif(image, t->data, len);
        } else if (len > 0) {
            vips_image_set_blob_copy(image, field, t->data, len);
        }
    }
    t->active = false;
}

/* Begins the box that the decoder has come to, if it is one of ours. False to end. */
static bool begin(taken *t, JxlDecoder *decoder) {
    if (JxlDecoderGetBoxType(decoder, t->type, JXL_TRUE) != JXL_DEC_SUCCESS) {
        return false;
    }
    if (memcmp(t->type, "Exif", 4) == 0 || memcmp(t->type, "xml ", 4) == 0) {
        return grow(t, decoder);
    }
    return true;
}

void si_jxl_attach_boxes(VipsImage *image, const uint8_t *data, size_t len) {
    taken t = {0};
    JxlDecoder *decoder = JxlDecoderCreate(NULL);
    bool more = decoder != NULL &&
                JxlDecoderSubscribeEvents(decoder, JXL_DEC_BOX) == JXL_DEC_SUCCESS &&
                JxlDecoderSetInput(decoder, data, len) == JXL_DEC_SUCCESS;
    if (more) {
        (void)JxlDecoderSetDecompressBoxes(decoder, JXL_TRUE); /* fails where there is no brotli */
        JxlDecoderCloseInput(decoder);
    }
    for (int boxes = 0; more && boxes < MAX_BOXES;) {
        switch (JxlDecoderProcessInput(decoder)) {
        case JXL_DEC_BOX:
            finish(&t, decoder, image);
            more = begin(&t, decoder);
            boxes++;
            break;
        case JXL_DEC_BOX_NEED_MORE_OUTPUT:
            more = grow(&t, decoder);
            break;
        case JXL_DEC_SUCCESS:
            finish(&t, decoder, image);
            more = false;
            break;
        default:
            more = false;
        }
    }
    if (decoder != NULL) {
        JxlDecoderDestroy(decoder);
    }
    free(t.data);
}
