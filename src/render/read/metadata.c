#include "render/read/metadata.h"

#include <math.h>
#include <string.h>

#include "render/read/original.h"

/* libvips gives a JPEG's APP13 segment whole, under the name of the first thing found in such. */
static const char APP13_MARK[] = "Photoshop 3.0";

/* Copies a field of bytes, if the file has it. */
static bool copy_field(VipsImage *image, const char *name, si_bytes *out) {
    const void *data;
    size_t len;
    if (vips_image_get_typeof(image, name) == 0) {
        return true;
    }
    if (vips_image_get_blob(image, name, &data, &len) != 0) {
        vips_error_clear();
        return true;
    }
    return si_bytes_append(out, data, len);
}

static bool copy_photoshop(VipsImage *image, si_bytes *out) {
    bool ok = copy_field(image, VIPS_META_PHOTOSHOP_NAME, out);
    if (!ok || out->len > 0) {
        return ok;
    }
    ok = copy_field(image, VIPS_META_IPTC_NAME, out);
    if (out->len > sizeof APP13_MARK && memcmp(out->data, APP13_MARK, sizeof APP13_MARK) == 0) {
        out->len -= sizeof APP13_MARK;
        memmove(out->data, out->data + sizeof APP13_MARK, out->len);
    } else { /* plain IPTC, as TIFF has it, is something else */
        si_bytes_free(out);
    }
    return ok;
}

/* libvips counts pixels per mm and says 1 if the file is silent. */
static double print_res(VipsImage *im) {
    double res = vips_image_get_xres(im);
    bool named = vips_image_get_typeof(im, VIPS_META_RESOLUTION_UNIT) != 0 || res != 1;
    return named && res > 0 ? round(res * 254) / 10 : 0;
}

static si_pixel_type type_of(const VipsImage *im) {
    return im->Type == VIPS_INTERPRETATION_CMYK ? SI_PIXEL_CMYK
           : im->Type == VIPS_INTERPRETATION_B_W || im->Type == VIPS_INTERPRETATION_GREY16
               ? SI_PIXEL_GRAY
               : SI_PIXEL_RGB;
}

si_result si_metadata_read(
    int fd, const si_render_limits *limits, si_metadata *out, si_diag *diag) {
    si_original o = {0};
    si_result result = si_original_open(&o, fd, limits, diag);
    if (result == SI_OK) {
        out->dpi = print_res(o.image);
        out->type = type_of(o.image);
        bool ok = copy_field(o.image, VIPS_META_XMP_NAME, &out->xmp) &&
                  copy_field(o.image, VIPS_META_ICC_NAME, &out->icc) &&
                  copy_photoshop(o.image, &out->photoshop);
        while (out->xmp.len > 0 && out->xmp.data[out->xmp.len - 1] == '\0') {
            out->xmp.len--;
        }
        result = ok ? SI_OK : si_fail(diag, SI_ERR_MEMORY, "no memory for metadata");
    }
    if (result != SI_OK) {
        si_metadata_free(out);
    }
    si_original_close(&o);
    vips_error_clear(); /* warnings that did not fail the load */
    return result;
}

void si_metadata_free(si_metadata *m) {
    si_bytes_free(&m->xmp);
    si_bytes_free(&m->icc);
    si_bytes_free(&m->photoshop);
    *m = (si_metadata){0};
}
