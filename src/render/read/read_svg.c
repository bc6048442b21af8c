/* Draws SVG with librsvg. libvips' loader rounds the size before it scales the drawing, and lets
 * librsvg fit what is left into it: drawings of fractional or small sizes get another shape and a
 * transparent border. */
#include "render/read/read_svg.h"

#include <librsvg/rsvg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "render/read/readers.h"
#include "render/read/svg_cost.h"

enum {
    TILE = 2048,    /* pixels a side: each tile goes through the whole drawing */
    PRINT_DPI = 72, /* what originals have that say nothing */
    DPI = 96,       /* CSS: an inch is 96 px, a point 4/3 px, … */
};

static const double EM = 16; /* px, where the root has no font size: CSS */
static const double DEFAULT_WIDTH = 300, DEFAULT_HEIGHT = 150; /* px, CSS's default object */
static const double MAX_SIDE = 1e6;
static const double MIN_SIDE = 0.01; /* px; librsvg takes minutes to scale less than that up */

typedef struct drawing {
    RsvgHandle *handle;
    GMutex lock;      /* librsvg's handles are for one thread at a time */
    double size[2];   /* of the drawing, px */
    double octaves;   /* si_svg_octaves() */
    double layout[2]; /* viewport that librsvg fits it into, px; then it is scaled as a whole */
} drawing;

/* ---- size ---- */

/* Length in px, 0 if it is a share of something unknown. `rsvg` is what librsvg counts. */
static double length_of(const RsvgLength *l, double rsvg, const si_svg_root *root) {
    switch (l->unit) {
    case RSVG_UNIT_PERCENT:
        return 0;
    case RSVG_UNIT_PX:
        return l->length;
    case RSVG_UNIT_IN:
        return l->length * DPI;
    case RSVG_UNIT_CM:
        return l->length * DPI / 2.54;
    case RSVG_UNIT_MM:
        return l->length * DPI / 25.4;
    case RSVG_UNIT_PT:
        return l->length * DPI / 72;
    case RSVG_UNIT_PC:
        return l->length * DPI / 6;
    case RSVG_UNIT_EM:
        return root->font_size && rsvg > 0 ? rsvg : l->length * EM;
    case RSVG_UNIT_EX:
        return root->font_size && rsvg > 0 ? rsvg : l->length * EM / 2;
    default: /* units of later librsvgs */
        return rsvg;
    }
}

/* Rounding of width and height to a few digits must not leave a border: if the viewBox, fitted into
 * them, falls less than half a pixel short, its shape is that of the drawing. */
static void snap(const RsvgRectangle *box, double size[2]) {
    double fit = fmin(size[0] / box->width, size[1] / box->height);
    double fitted[2] = {box->width * fit, box->height * fit};
    if (size[0] - fitted[0] < 0.5 && size[1] - fitted[1] < 0.5) {
        size[0] = fitted[0];
        size[1] = fitted[1];
    }
}

/* As far as it reaches from the origin. */
static void extent_of(RsvgHandle *handle, const double view[2], double out[2]) {
    const RsvgRectangle viewport = {0, 0, view[0], view[1]};
    RsvgRectangle ink = {0};
    out[0] = out[1] = 0;
    if (rsvg_handle_get_geometry_for_layer(handle, NULL, &viewport, &ink, NULL, NULL)) {
        out[0] = ink.x + ink.width;
        out[1] = ink.y + ink.height;
    }
}

/* Without a size of its own, a drawing is as large as what is drawn; but one with filters is as
 * large as CSS's default object, since librsvg measures them by running them, whatever they cost.
 */
static void measure(drawing *d, const si_svg_root *root, bool filters) {
    gboolean has_box, given[2];
    RsvgLength length[2];
    RsvgRectangle box;
    double rsvg[2] = {0, 0}, extent[2];
    rsvg_handle_get_intrinsic_size_in_pixels(d->handle, &rsvg[0], &rsvg[1]);
    rsvg_handle_get_intrinsic_dimensions(
        d->handle, &given[0], &length[0], &given[1], &length[1], &has_box, &box);
    has_box = has_box && box.width > 0 && box.height > 0;
    bool nothing = false;
    for (int i = 0; i < 2; i++) {
        d->size[i] = given[i] ? length_of(&length[i], rsvg[i], root) : 0;
        nothing |= given[i] && length[i].length <= 0;
    }
    bool free_size[2] = {!(d->size[0] > 0), !(d->size[1] > 0)};
    if (nothing) {
        d->size[0] = d->size[1] = 0; /* SVG: not to be shown */
    } else if (has_box) {
        double scale = free_size[0] && free_size[1] ? 1
                       : free_size[0]               ? d->size[1] / box.height
                                                    : d->size[0] / box.width;
        d->size[0] = free_size[0] ? box.width * scale : d->size[0];
        d->size[1] = free_size[1] ? box.height * scale : d->size[1];
        if (!root->stretch) {
            snap(&box, d->size);
        }
    } else if (free_size[0] || free_size[1]) {
        double view[2] = {
            free_size[0] ? DEFAULT_WIDTH : d->size[0], free_size[1] ? DEFAULT_HEIGHT : d->size[1]};
        memcpy(extent, view, sizeof extent);
        if (!filters) {
            extent_of(d->handle, view, extent);
        }
        for (int i = 0; i < 2; i++) {
            d->size[i] = free_size[i] ? extent[i] : d->size[i];
        }
    }
    memcpy(d->layout, d->size, sizeof d->layout);
    if (!has_box && !free_size[0] && !free_size[1] && rsvg[0] > 0 && rsvg[1] > 0) {
        memcpy(d->layout, rsvg, sizeof d->layout); /* librsvg takes these as the viewBox */
    }
}

/* ---- pixels ---- */

/* cairo's premultiplied native words to straight R, G, B, A. */
static void straighten(uint8_t *row, int width) {
    for (int x = 0; x < width; x++, row += 4) {
        uint32_t word;
        memcpy(&word, row, 4);
        unsigned a = word >> 24;
        for (int i = 0; i < 3; i++) {
            unsigned v = word >> (16 - 8 * i) & 255;
            unsigned straight = a == 0 ? 0 : (v * 255 + a / 2) / a;
            row[i] = (uint8_t)(straight < 255 ? straight : 255);
        }
        row[3] = (uint8_t)a;
    }
}

static bool draw(drawing *d, const VipsImage *image, const VipsRect *r, cairo_surface_t *surface) {
    GError *error = NULL;
    const RsvgRectangle viewport = {0, 0, d->layout[0], d->layout[1]};
    cairo_t *cr = cairo_create(surface);
    cairo_translate(cr, -r->left, -r->top);
    cairo_scale(cr, image->Xsize / d->layout[0], image->Ysize / d->layout[1]);
    bool ok = rsvg_handle_render_document(d->handle, cr, &viewport, &error);
    if (!ok) {
        vips_error("svg", "%s", error->message);
        g_error_free(error);
    } else if (cairo_status(cr) != CAIRO_STATUS_SUCCESS) {
        vips_error("svg", "%s", cairo_status_to_string(cairo_status(cr)));
        ok = false;
    }
    cairo_destroy(cr);
    return ok;
}

static int generate(VipsRegion *region, void *sequence, void *a, void *b, gboolean *stop) {
    drawing *d = a;
    const VipsRect *r = &region->valid;
    (void)sequence;
    (void)b;
    (void)stop;
    vips_region_black(region);
    cairo_surface_t *surface =
        cairo_image_surface_create_for_data(VIPS_REGION_ADDR(region, r->left, r->top),
            CAIRO_FORMAT_ARGB32, r->width, r->height, (int)VIPS_REGION_LSKIP(region));
    g_mutex_lock(&d->lock);
    bool ok = draw(d, region->im, r, surface);
    g_mutex_unlock(&d->lock);
    cairo_surface_destroy(surface);
    for (int y = 0; y < r->height && ok; y++) {
        straighten(VIPS_REGION_ADDR(region, r->left, r->top + y), r->width);
    }
    return ok ? 0 : -1;
}

/* ---- opening ---- */

static void release(VipsImage *image, void *data) {
    drawing *d = data;
    (void)image;
    g_object_unref(d->handle);
    g_mutex_clear(&d->lock);
    free(d);
}

/* Without a base, librsvg opens nothing but data: addresses; without RSVG_HANDLE_FLAG_UNLIMITED it
 * and libxml2 keep to their limits on sizes and entities. */
static RsvgHandle *parse(int fd, double *octaves, bool *filters, si_diag *diag) {
    uint8_t *text = NULL;
    size_t len = 0;
    GError *error = NULL;
    if (si_svg_text(fd, &text, &len, diag) != SI_OK) {
        return NULL;
    }
    if (si_svg_check_cost(text, len, filters, diag) != SI_OK) {
        free(text);
        return NULL;
    }
    *octaves = si_svg_octaves(text, len);
    GInputStream *in = g_memory_input_stream_new_from_data(text, (gssize)len, NULL);
    RsvgHandle *handle =
        rsvg_handle_new_from_stream_sync(in, NULL, RSVG_HANDLE_FLAGS_NONE, NULL, &error);
    g_object_unref(in);
    free(text);
    if (handle == NULL) {
        si_fail(diag, SI_ERR_SOURCE, "the source image is broken: %s", g_strchomp(error->message));
        g_error_free(error);
    } else {
        rsvg_handle_set_dpi(handle, DPI);
    }
    return handle;
}

static drawing *open_drawing(int fd, si_diag *diag) {
    si_svg_root root = {0};
    drawing *d = calloc(1, sizeof *d);
    if (d == NULL) {
        si_fail(diag, SI_ERR_MEMORY, "out of memory");
        return NULL;
    }
    si_svg_is(fd, &root);
    bool filters = false;
    d->handle = parse(fd, &d->octaves, &filters, diag);
    if (d->handle == NULL) {
        free(d);
        return NULL;
    }
    measure(d, &root, filters);
    g_mutex_init(&d->lock);
    if (!(d->size[0] >= MIN_SIDE && d->size[1] >= MIN_SIDE)) {
        si_fail(diag, SI_ERR_SOURCE, "the source drawing has no size");
    } else if (!(d->size[0] <= MAX_SIDE && d->size[1] <= MAX_SIDE)) {
        si_fail(diag, SI_ERR_LIMIT, "the source drawing of %.0f×%.0f pixels is too large",
            d->size[0], d->size[1]);
    } else {
        return d;
    }
    release(NULL, d);
    return NULL;
}

static int pixels_of(double length) {
    return (int)fmax(1, floor(length + 0.5));
}

VipsImage *si_read_svg(int fd, si_load_level level, const si_render_limits *limits, si_diag *diag) {
    (void)limits;
    drawing *d = open_drawing(fd, diag);
    if (d == NULL) {
        return NULL;
    }
    int width = level.size[0] > 0 ? level.size[0] : pixels_of(d->size[0]);
    int height = level.size[1] > 0 ? level.size[1] : pixels_of(d->size[1]);
    VipsImage *image = vips_image_new(), *tiles = NULL;
    g_signal_connect(image, "close", G_CALLBACK(release), d);
    vips_image_init_fields(image, width, height, 4, VIPS_FORMAT_UCHAR, VIPS_CODING_NONE,
        VIPS_INTERPRETATION_sRGB, PRINT_DPI / 25.4, PRINT_DPI / 25.4);
    vips_image_set_double(image, SI_META_EXACT_WIDTH, d->size[0]);
    vips_image_set_double(image, SI_META_EXACT_HEIGHT, d->size[1]);
    vips_image_set_double(image, SI_META_OCTAVES, d->octaves);
    if (vips_image_pipelinev(image, VIPS_DEMAND_STYLE_SMALLTILE, NULL) != 0 ||
        vips_image_generate(image, NULL, generate, NULL, d, NULL) != 0 ||
        vips_tilecache(image, &tiles, "tile_width", TILE, "tile_height", TILE, "max_tiles",
            2 * (1 + width / TILE), NULL) != 0) {
        si_fail(diag, SI_ERR_MEMORY, "out of memory");
        vips_error_clear();
    }
    g_object_unref(image);
    return tiles;
}
