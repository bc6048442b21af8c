#include "render/frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/animation.h"
#include "codec/pack.h"
#include "render/read/colorimetry.h"
#include "render/read/avif_items.h"
#include "render/read/read_gif.h"
#include "render/embeds.h"
#include "render/simple.h"

enum { MAX_SEQUENCE_BYTES = 256 << 20 /* of an AVIF file, which is read whole */ };

/* ---- what it is ---- */

static si_result read_whole(int fd, si_bytes *out, si_diag *diag) {
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_size > MAX_SEQUENCE_BYTES) {
        return si_fail(diag, SI_ERR_LIMIT, "the source animation is too large");
    }
    out->cap = (size_t)st.st_size + 1;
    out->data = malloc(out->cap);
    if (out->data == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "no memory for an animation");
    }
    while (out->len < (size_t)st.st_size) {
        ssize_t n = pread(fd, out->data + out->len, (size_t)st.st_size - out->len, (off_t)out->len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return si_fail(diag, SI_ERR_IO, "the source file cannot be read");
        }
        out->len += (size_t)n;
    }
    return SI_OK;
}

static void take_facts(const VipsImage *im, si_animation_facts *out) {
    int plays = 0;
    VipsImage *image = (VipsImage *)(uintptr_t)im;
    if (vips_image_get_typeof(image, "loop") != 0 && vips_image_get_int(image, "loop", &plays)) {
        vips_error_clear();
    }
    out->plays = plays > 0 ? plays : 0;
    out->frames = vips_image_get_n_pages(image);
}

static si_result count_sequence(int fd, int *frames, si_diag *diag) {
    si_bytes file = {0};
    si_result result = read_whole(fd, &file, diag);
    if (result == SI_OK) {
        result = si_animation_decode(
            SI_FORMAT_AVIF, file.data, file.len, NULL, NULL, NULL, frames, diag);
    }
    si_bytes_free(&file);
    return result;
}

si_result si_animation_look(
    int fd, const si_render_limits *limits, si_animation_facts *out, si_diag *diag) {
    si_original o = {0};
    si_result result = si_original_open(&o, fd, limits, diag);
    if (result == SI_OK) {
        *out =
            (si_animation_facts){.frames = 1, .width = o.width, .height = o.height, .kind = o.kind};
        if (o.kind == SI_KIND_GIF || o.kind == SI_KIND_WEBP) {
            take_facts(o.image, out);
        } else if (o.kind == SI_KIND_AVIF && si_avif_is_sequence(fd)) {
            result = count_sequence(fd, &out->frames, diag);
        }
    }
    si_original_close(&o);
    vips_error_clear();
    return result;
}

/* ---- frames of WebP ---- */

/* All frames below each other, or NULL. */
static VipsImage *load_strip(int fd) {
    VipsImage *im = NULL;
    VipsSource *s = lseek(fd, 0, SEEK_SET) == 0 ? vips_source_new_from_descriptor(fd) : NULL;
    if (s == NULL) {
        return NULL;
    }
    vips_webpload_source(
        s, &im, "n", -1, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_TRUNCATED, NULL);
    g_object_unref(s);
    return im;
}

static si_result check_limits(
    int frames, int width, int height, const si_render_limits *limits, si_diag *diag) {
    int64_t most = si_render_limits_or_default(limits).max_source_pixels;
    if (frames > SI_ANIMATION_MAX_FRAMES || (int64_t)frames * width * height > most) {
        return si_fail(diag, SI_ERR_LIMIT,
            "the source animation of %d frames of %d×%d pixels exceeds the limit of %d frames and "
            "%lld pixels",
            frames, width, height, SI_ANIMATION_MAX_FRAMES, (long long)most);
    }
    return SI_OK;
}

static int delay_of(VipsImage *strip, int index) {
    int *delays, n;
    if (vips_image_get_typeof(strip, "delay") == 0 ||
        vips_image_get_array_int(strip, "delay", &delays, &n) != 0) {
        vips_error_clear();
        return 100;
    }
    return index < n && delays[index] >= 0 ? delays[index] : 100;
}

static si_result strip_pages(
    int fd, const si_render_limits *limits, si_page_fn fn, void *context, si_diag *diag) {
    VipsImage *strip = load_strip(fd);
    if (strip == NULL) {
        return si_vips_fail(diag);
    }
    int height = vips_image_get_page_height(strip), frames = strip->Ysize / height;
    si_result result = check_limits(frames, strip->Xsize, height, limits, diag);
    for (int i = 0; i < frames && result == SI_OK; i++) {
        /* of a kind that is never loaded again at a smaller size */
        si_original page = {.kind = SI_KIND_GIF,
            .fd = fd,
            .width = strip->Xsize,
            .height = height,
            .step = {1, 1},
            .limits = si_render_limits_or_default(limits)};
        if (vips_crop(strip, &page.image, 0, i * height, strip->Xsize, height, NULL) != 0) {
            result = si_vips_fail(diag);
        } else {
            result = fn(context, &page, i, delay_of(strip, i), diag);
        }
        si_original_close(&page);
    }
    VIPS_UNREF(strip);
    return result;
}

/* ---- frames of GIF ---- */

static si_result on_screen(int fd, const si_gif_facts *facts, const uint8_t *rgba, int index,
    int delay_ms, const si_render_limits *limits, si_page_fn fn, void *context, si_diag *diag) {
    si_result result = SI_OK;
    si_original page = {.kind = SI_KIND_GIF,
        .fd = fd,
        .width = facts->width,
        .height = facts->height,
        .step = {1, 1},
        .limits = si_render_limits_or_default(limits)};
    VipsImage *screen =
        vips_image_new_from_memory(rgba, 4 * (size_t)facts->width * (size_t)facts->height,
            facts->width, facts->height, 4, VIPS_FORMAT_UCHAR);
    if (screen == NULL ||
        vips_extract_band(screen, &page.image, 0, "n", facts->alpha ? 4 : 3, NULL) != 0) {
        result = si_vips_fail(diag);
    } else {
        page.image->Type = VIPS_INTERPRETATION_sRGB;
        result = fn(context, &page, index, delay_ms, diag);
    }
    si_original_close(&page);
    VIPS_UNREF(screen);
    return result;
}

static si_result gif_pages(
    int fd, const si_render_limits *limits, si_page_fn fn, void *context, si_diag *diag) {
    si_gif *gif = NULL;
    si_gif_facts facts = {0};
    si_result result = si_gif_open(fd, limits, &gif, &facts, diag);
    if (result == SI_OK) {
        result = check_limits(facts.frames, facts.width, facts.height, limits, diag);
    }
    for (int i = 0; i < facts.frames && result == SI_OK; i++) {
        const uint8_t *rgba = NULL;
        int delay_ms = 0;
        result = si_gif_next(gif, &rgba, &delay_ms, diag);
        if (result == SI_OK) {
            result = on_screen(fd, &facts, rgba, i, delay_ms, limits, fn, context, diag);
        }
    }
    si_gif_close(gif);
    return result;
}

/* ---- frames of AVIF ---- */

typedef struct sequence {
    int fd, frames;
    VipsImage *like; /* what the file says of its colours */
    const si_render_limits *limits;
    si_page_fn fn;
    void *context;
} sequence;

static void copy_colours(VipsImage *from, VipsImage *to) {
    si_colorimetry told;
    const void *icc;
    size_t len;
    if (si_colorimetry_find(from, &told)) {
        si_colorimetry_attach(to, &told);
    }
    if (vips_image_get_typeof(from, VIPS_META_ICC_NAME) != 0 &&
        vips_image_get_blob(from, VIPS_META_ICC_NAME, &icc, &len) == 0) {
        vips_image_set_blob_copy(to, VIPS_META_ICC_NAME, icc, len);
    }
}

static si_result on_frame(
    void *context, const si_image *frame, int index, int delay_ms, si_diag *diag) {
    sequence *s = context;
    si_result result =
        index > 0 ? SI_OK : check_limits(s->frames, frame->width, frame->height, s->limits, diag);
    SI_TRY(result);
    uint8_t *packed = si_pack(frame, frame->channels);
    if (packed == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "no memory for a frame");
    }
    si_original page = {.kind = SI_KIND_GIF, /* which is never loaded again at a smaller size */
        .fd = s->fd,
        .width = frame->width,
        .height = frame->height,
        .step = {1, 1},
        .limits = si_render_limits_or_default(s->limits)};
    page.image = vips_image_new_from_memory(packed,
        (size_t)frame->width * (size_t)frame->height * (size_t)frame->channels, frame->width,
        frame->height, frame->channels, VIPS_FORMAT_UCHAR);
    if (page.image == NULL) {
        result = si_vips_fail(diag);
    } else {
        page.image->Type = VIPS_INTERPRETATION_sRGB;
        copy_colours(s->like, page.image);
        result = s->fn(s->context, &page, index, delay_ms, diag);
    }
    si_original_close(&page);
    free(packed);
    return result;
}

static si_result sequence_pages(int fd, VipsImage *like, const si_render_limits *limits,
    si_page_fn fn, void *context, si_diag *diag) {
    si_bytes file = {0};
    sequence s = {.fd = fd, .like = like, .limits = limits, .fn = fn, .context = context};
    si_result result = read_whole(fd, &file, diag);
    if (result == SI_OK) {
        result = si_animation_decode(
            SI_FORMAT_AVIF, file.data, file.len, on_frame, &s, NULL, &s.frames, diag);
    }
    si_bytes_free(&file);
    return result;
}

si_result si_animation_pages(
    int fd, const si_render_limits *limits, si_page_fn fn, void *context, si_diag *diag) {
    si_original o = {0};
    si_result result = si_original_open(&o, fd, limits, diag);
    if (result == SI_OK) {
        result = o.kind == SI_KIND_GIF    ? gif_pages(fd, limits, fn, context, diag)
                 : o.kind == SI_KIND_WEBP ? strip_pages(fd, limits, fn, context, diag)
                                          : sequence_pages(fd, o.image, limits, fn, context, diag);
    }
    si_original_close(&o);
    vips_error_clear();
    return result;
}

/* ---- rendering ---- */

bool si_animation_wanted(const si_recipe *r) {
    return si_animation_available(r->format) && r->req == SI_REQ_IMG && r->watermark == NULL &&
           r->picture.layer_count > 0 && si_picture_is_simple(&r->picture);
}

si_result si_animation_foresee(const si_recipe *r, const si_animation_facts *facts,
    const si_render_limits *limits, si_diag *diag) {
    const si_original like = {.kind = facts->kind, .width = facts->width, .height = facts->height};
    SI_TRY(check_limits(facts->frames, facts->width, facts->height, limits, diag));
    return si_simple_foresee(r, &like, facts->frames, limits, diag);
}

typedef struct rendering {
    const si_recipe *r;
    const si_render_limits *limits;
    const si_target *target;
    si_frame_sink sink;
    void *context;
    int64_t pixels; /* rendered so far */
} rendering;

static si_result render_page(
    void *context, si_original *page, int index, int delay_ms, si_diag *diag) {
    (void)index;
    rendering *a = context;
    si_image frame = {0};
    si_result result = si_simple_render_original(a->r, page, a->limits, &frame, diag);
    if (result == SI_OK) {
        a->pixels += (int64_t)frame.width * frame.height;
        if (a->pixels > a->limits->max_view_pixels) {
            result =
                si_fail(diag, SI_ERR_LIMIT, "the reply's frames exceed the limit of %lld pixels",
                    (long long)a->limits->max_view_pixels);
        }
    }
    if (result == SI_OK) {
        result = si_target_convert(&frame, a->target, diag);
    }
    if (result == SI_OK) {
        result = a->sink(a->context, &frame, delay_ms, diag);
    }
    si_image_free(&frame);
    return result;
}

si_result si_animation_render(const si_recipe *r, const si_files *files,
    const si_render_limits *limits, si_frame_sink sink, void *context, si_diag *diag) {
    si_render_limits l = si_render_limits_or_default(limits);
    si_output_colours colours = {0};
    si_result result = si_output_colours_load(r, files, limits, &colours, diag);
    l.spaces = &colours.spaces;
    rendering a = {r, &l, &colours.target, sink, context, 0};
    int fd = -1;
    if (result == SI_OK) {
        result = si_files_open(files, &r->picture.layers[0].source, &fd, diag);
    }
    if (result == SI_OK) {
        result = si_animation_pages(fd, &l, render_page, &a, diag);
    }
    if (fd >= 0) {
        close(fd);
    }
    si_output_colours_free(&colours);
    return result;
}
