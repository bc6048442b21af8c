#include "render/read/cicp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef SI_HAVE_HEIF
#include <libheif/heif.h>
#include <sys/mman.h>
#include <sys/stat.h>
#endif

enum { PRIMARIES_UNSPECIFIED = 2 };

#ifdef SI_HAVE_HEIF
static bool read_primary(struct heif_context *context, si_cicp *out) {
    struct heif_image_handle *handle = NULL;
    struct heif_color_profile_nclx *nclx = NULL;
    bool found = false;
    if (heif_context_get_primary_image_handle(context, &handle).code == heif_error_Ok &&
        heif_image_handle_get_nclx_color_profile(handle, &nclx).code == heif_error_Ok) {
        *out = (si_cicp){.primaries = (int)nclx->color_primaries,
            .transfer = (int)nclx->transfer_characteristics,
            .matrix = (int)nclx->matrix_coefficients,
            .full_range = true}; /* of the RGB that libheif makes */
        found = true;
    }
    if (nclx !=
        NULL) { /* also after an error: libheif has made it before it looks at the numbers */
        heif_nclx_color_profile_free(nclx);
    }
    if (handle != NULL) {
        heif_image_handle_release(handle);
    }
    return found;
}

static bool read_code_points(int fd, si_cicp *out) {
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_size <= 0) {
        return false;
    }
    size_t len = (size_t)st.st_size;
    void *data = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
        return false;
    }
    struct heif_context *context = heif_context_alloc();
    bool found = context != NULL &&
                 heif_context_read_from_memory_without_copy(context, data, len, NULL).code ==
                     heif_error_Ok &&
                 read_primary(context, out);
    heif_context_free(context);
    munmap(data, len);
    return found;
}
#else
static bool read_code_points(int fd, si_cicp *out) {
    (void)fd, (void)out;
    return false;
}
#endif

bool si_cicp_colours(int primaries, int transfer, si_colorimetry *out) {
    if (primaries == PRIMARIES_UNSPECIFIED && transfer == SI_TRANSFER_UNSPECIFIED) {
        return false;
    }
    si_cicp known = {.primaries = 1, .transfer = transfer, .full_range = true};
    if (!si_colorimetry_of_cicp(&known, out)) {
        transfer = SI_TRANSFER_SRGB;
    }
    known = (si_cicp){.primaries = primaries, .transfer = transfer, .full_range = true};
    if (!si_colorimetry_of_cicp(&known, out)) {
        known.primaries = 1;
        return si_colorimetry_of_cicp(&known, out);
    }
    return true;
}

bool si_cicp_read_heif(int fd, si_colorimetry *out) {
    si_cicp c;
    return read_code_points(fd, &c) && si_cicp_colours(c.primaries, c.transfer, out);
}
