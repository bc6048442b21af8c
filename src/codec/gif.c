#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gif_lib.h>

#include "codec/animation_driver.h"
#include "codec/driver.h"
#include "codec/memfile.h"
#include "codec/palette.h"

static int on_write(GifFileType *gif, const GifByteType *from, int len) {
    return si_memfile_write(gif->UserData, from, (size_t)len) ? len : 0;
}

static int on_read(GifFileType *gif, GifByteType *to, int len) {
    return (int)si_memfile_read(gif->UserData, to, (size_t)len);
}

ColorMapObject *si_gif_map(const si_palette *palette) {
    ColorMapObject *map = GifMakeMapObject(1 << GifBitSize(palette->count), NULL);
    for (int i = 0; map != NULL && i < palette->count; i++) {
        const uint8_t *c = palette->rgba[i];
        map->Colors[i] = (GifColorType){.Red = c[0], .Green = c[1], .Blue = c[2]};
    }
    return map;
}

/* True if all could be written. A transparent colour is always the first. */
static bool write_file(GifFileType *gif, const si_image *image, const ColorMapObject *map,
    bool transparent, uint8_t *indices) {
    EGifSetGifVersion(gif, true);
    if (EGifPutScreenDesc(gif, image->width, image->height, 8, 0, map) != GIF_OK) {
        return false;
    }
    if (transparent) {
        GifByteType extension[4];
        GraphicsControlBlock control = {.TransparentColor = 0};
        EGifGCBToExtension(&control, extension);
        if (EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, sizeof extension, extension) != GIF_OK) {
            return false;
        }
    }
    if (EGifPutImageDesc(gif, 0, 0, image->width, image->height, false, NULL) != GIF_OK) {
        return false;
    }
    for (int y = 0; y < image->height; y++) {
        if (EGifPutLine(gif, indices + (size_t)y * (size_t)image->width, image->width) != GIF_OK) {
            return false;
        }
    }
    return true;
}

static si_result encode(
    const si_image *image, const si_encode_params *params, si_bytes *out, si_diag *diag) {
    int e = 0;
    si_palette palette;
    si_memfile file = {.out = out};
    ColorMapObject *map = NULL;
    GifFileType *gif = NULL;
    si_result result = SI_OK;
    uint8_t *indices = malloc((size_t)image->width * (size_t)image->height);
    if (indices == NULL || !si_palette_quantize(image, &params->quantize, &palette, indices)) {
        result = si_fail(diag, SI_ERR_MEMORY, "gif: no memory for colours");
        goto done;
    }
    map = si_gif_map(&palette);
    gif = EGifOpen(&file, on_write, &e);
    if (map == NULL || gif == NULL) {
        result = si_fail(diag, SI_ERR_MEMORY, "gif: no memory");
        goto done;
    }
    bool transparent = palette.rgba[0][3] == 0;
    bool ok = write_file(gif, image, map, transparent, indices);
    ok = EGifCloseFile(gif, &e) == GIF_OK && ok; /* writes the end, frees in any case */
    gif = NULL;
    if (!ok) {
        result = si_fail(diag, file.failed ? SI_ERR_MEMORY : SI_ERR_INTERNAL, "gif: encoder error");
    }
done:
    GifFreeMapObject(map);
    free(indices);
    return result;
}

/* Reads up to and including the first image's description; the number of its transparent colour,
 * or −1 if it has none, goes to `key`. */
static bool find_image(GifFileType *gif, int *key) {
    *key = NO_TRANSPARENT_COLOR;
    for (;;) {
        GifRecordType type;
        if (DGifGetRecordType(gif, &type) != GIF_OK) {
            return false;
        }
        if (type == IMAGE_DESC_RECORD_TYPE) {
            return DGifGetImageDesc(gif) == GIF_OK;
        }
        if (type != EXTENSION_RECORD_TYPE) {
            return false;
        }
        int code;
        GifByteType *data;
        bool ok = DGifGetExtension(gif, &code, &data) == GIF_OK;
        while (ok && data != NULL) {
            GraphicsControlBlock control;
            if (code == GRAPHICS_EXT_FUNC_CODE &&
                DGifExtensionToGCB(data[0], data + 1, &control) == GIF_OK) {
                *key = control.TransparentColor;
            }
            ok = DGifGetExtensionNext(gif, &data) == GIF_OK;
        }
        if (!ok) {
            return false;
        }
    }
}

static void put_row(const uint8_t *row, const ColorMapObject *map, int key, si_image *out, int y) {
    uint8_t *to = out->pixels + (size_t)y * out->stride;
    for (int x = 0; x < out->width; x++, to += out->channels) {
        int i = row[x];
        if (i == key || i >= map->ColorCount) {
            continue; /* stays zero: transparent black */
        }
        to[0] = map->Colors[i].Red;
        to[1] = map->Colors[i].Green;
        to[2] = map->Colors[i].Blue;
        if (out->channels == 4) {
            to[3] = 255;
        }
    }
}

static bool read_rows(
    GifFileType *gif, const ColorMapObject *map, int key, uint8_t *row, si_image *out) {
    static const int first[4] = {0, 4, 2, 1}, step[4] = {8, 8, 4, 2};
    bool interlaced = gif->Image.Interlace;
    for (int pass = 0; pass < (interlaced ? 4 : 1); pass++) {
        for (int y = interlaced ? first[pass] : 0; y < out->height;
             y += interlaced ? step[pass] : 1) {
            if (DGifGetLine(gif, row, out->width) != GIF_OK) {
                return false;
            }
            put_row(row, map, key, out, y);
        }
    }
    return true;
}

/* Takes the first image, which must cover the whole screen. */
static si_result decode(const uint8_t *data, size_t len, si_image *out, si_diag *diag) {
    si_result result = SI_OK;
    int e = 0, key;
    uint8_t *row = NULL;
    si_memfile file = {.data = data, .len = len};
    GifFileType *gif = DGifOpen(&file, on_read, &e);
    if (gif == NULL) {
        return si_fail(diag, e == D_GIF_ERR_NOT_ENOUGH_MEM ? SI_ERR_MEMORY : SI_ERR_SOURCE,
            "gif: not a GIF file");
    }
    bool found = find_image(gif, &key);
    const GifImageDesc *d = &gif->Image;
    const ColorMapObject *map = d->ColorMap != NULL ? d->ColorMap : gif->SColorMap;
    if (!found || map == NULL || d->Left != 0 || d->Top != 0 || d->Width != gif->SWidth ||
        d->Height != gif->SHeight) {
        result = si_fail(diag, SI_ERR_SOURCE, "gif: no image of the screen's size");
        goto done;
    }
    result = si_image_alloc(out, d->Width, d->Height, key != NO_TRANSPARENT_COLOR ? 4 : 3, diag);
    if (result != SI_OK) {
        goto done;
    }
    row = malloc((size_t)out->width);
    if (row == NULL) {
        result = si_fail(diag, SI_ERR_MEMORY, "gif: no memory");
    } else if (!read_rows(gif, map, key, row, out)) {
        result = si_fail(diag, SI_ERR_SOURCE, "gif: damaged data");
    }
done:
    free(row);
    DGifCloseFile(gif, &e);
    return result;
}

static void library(char *text, size_t size) {
    snprintf(text, size, "giflib %d.%d.%d", GIFLIB_MAJOR, GIFLIB_MINOR, GIFLIB_RELEASE);
}

const si_codec_driver si_codec_gif = {
    .quality_min = 0,
    .quality_max = 100,
    .quality_step = 100, /* has no quality */
    .max_side = 65535,
    .library = library,
    .encode = encode,
    .decode = decode,
};
