#include "render/read/jpeg_input.h"

#include <unistd.h>

#include <jerror.h>

static const uint8_t EOI[2] = {0xff, JPEG_EOI};

ssize_t si_jpeg_input_read(si_jpeg_input *in, void *to, size_t most) {
    ssize_t n = in->at < in->size ? pread(in->fd, to, most, in->at) : 0;
    if (n == 0 && in->ended && in->at >= in->size) {
        for (; n < (ssize_t)most && in->at + n < in->size + 2; n++) {
            ((uint8_t *)to)[n] = EOI[in->at + n - in->size];
        }
    }
    in->at += n > 0 ? n : 0;
    return n;
}

static void nothing(j_decompress_ptr cinfo) {
    (void)cinfo;
}

static boolean fill(j_decompress_ptr cinfo) {
    si_jpeg_input *in = (si_jpeg_input *)cinfo->src;
    ssize_t n = si_jpeg_input_read(in, in->buffer, sizeof in->buffer);
    if (n <= 0) {
        ERREXIT(cinfo, JERR_INPUT_EOF);
    }
    in->mgr.next_input_byte = in->buffer;
    in->mgr.bytes_in_buffer = (size_t)n;
    return TRUE;
}

static void skip(j_decompress_ptr cinfo, long n) {
    struct jpeg_source_mgr *mgr = cinfo->src;
    while (n > (long)mgr->bytes_in_buffer) {
        n -= (long)mgr->bytes_in_buffer;
        fill(cinfo);
    }
    if (n > 0) {
        mgr->next_input_byte += n;
        mgr->bytes_in_buffer -= (size_t)n;
    }
}

void si_jpeg_input_start(
    si_jpeg_input *in, j_decompress_ptr cinfo, int fd, off_t size, bool ended) {
    in->mgr = (struct jpeg_source_mgr){.init_source = nothing,
        .fill_input_buffer = fill,
        .skip_input_data = skip,
        .resync_to_restart = jpeg_resync_to_restart,
        .term_source = nothing};
    in->fd = fd;
    in->at = 0;
    in->size = size;
    in->ended = ended;
    cinfo->src = &in->mgr;
}
