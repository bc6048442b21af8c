#include "renderer/answer_facts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "reply/media_set.h"
#include "reply/replies.h"
#include "render/facts.h"
#include "render/read/metadata.h"
#include "render/read/photoshop_paths.h"

enum { PROPERTIES_MAX = 64, VERSION_LENGTH = 12 };

/* A list of properties in the making; values live in the arena. */
typedef struct listing {
    si_property rows[PROPERTIES_MAX];
    int count;
    si_arena arena;
    bool failed;
} listing;

/* A value that lives in the arena, or longer. */
static void add_text(listing *l, const char *name, const char *value) {
    if (value == NULL || l->count == PROPERTIES_MAX) {
        l->failed = true;
        return;
    }
    l->rows[l->count++] = (si_property){name, value};
}

static void add(listing *l, const char *name, const char *fmt, ...) SI_PRINTF(3, 4);

static void add(listing *l, const char *name, const char *fmt, ...) {
    char text[400];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    size_t len = n < (int)sizeof text ? (size_t)n : sizeof text - 1;
    add_text(l, name, n >= 0 ? si_arena_copy(&l->arena, text, len) : NULL);
}

/* What the front side says, in the place of what was found here. */
static void add_facts(listing *l, const si_recipe *r) {
    for (int i = 0; i < r->fact_count; i++) {
        int k = 0;
        while (k < l->count && strcmp(l->rows[k].name, r->facts[i].name) != 0) {
            k++;
        }
        if (k == PROPERTIES_MAX) {
            l->failed = true;
            return;
        }
        l->rows[k] = (si_property){r->facts[i].name, r->facts[i].value};
        l->count += k == l->count;
    }
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const si_property *)a)->name, ((const si_property *)b)->name);
}

/* Alphabetical (docs/decisions.md, P28). */
static si_result write_list(
    listing *l, const si_recipe *r, int64_t time, si_answer *out, si_diag *diag) {
    si_shape shape = si_recipe_shape(r);
    si_reply reply = {0};
    add_facts(l, r);
    qsort(l->rows, (size_t)l->count, sizeof *l->rows, by_name);
    bool ok = !l->failed && si_reply_properties(&shape, l->rows, l->count, time, &reply);
    si_bytes_move(&out->body, &reply.body);
    out->content_type = reply.content_type;
    si_arena_free(&l->arena);
    return ok ? SI_OK : si_fail(diag, SI_ERR_MEMORY, "out of memory");
}

/* ---- versions ---- */

static bool add_file(void *context, const si_file_ref *file) {
    char text[64];
    int n = snprintf(
        text, sizeof text, ",%llu,%lld;", (unsigned long long)file->size, (long long)file->time);
    return si_bytes_append(context, file->path, strlen(file->path)) &&
           si_bytes_append(context, text, (size_t)n);
}

/* Changes when any file of the recipe does, or is purged. */
static bool version_of(const si_recipe *r, char out[SI_DIGEST_HEX]) {
    si_bytes text = {0};
    char generation[24];
    int n = snprintf(generation, sizeof generation, "%llu", (unsigned long long)r->generation);
    bool ok = si_recipe_files(r, add_file, &text) && si_bytes_append(&text, generation, (size_t)n);
    if (ok) {
        si_digest_hex(text.data, text.len, out);
        out[VERSION_LENGTH] = '\0';
    }
    si_bytes_free(&text);
    return ok;
}

/* ---- props ---- */

static si_result props(const si_recipe *r, const si_files *files, const si_answer_options *options,
    si_answer *out, si_diag *diag) {
    static const char *const types[] = {"RGB", "BW", "CMYK"};
    bool plain = r->icc_name[0] == '\0' && r->pixel_type == SI_PIXEL_RGB && !r->pixel_keep;
    const char *icc_name = plain ? "sRGB" : r->icc_name;
    char version[SI_DIGEST_HEX] = "";
    int size[2];
    listing l = {0};
    si_result result = si_render_size(r, files, &options->limits, size, diag);
    if (result != SI_OK || !version_of(r, version)) {
        return result != SI_OK ? result : si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    add(&l, "image.bgc", "%06x", (unsigned)r->bgc);
    add(&l, "image.height", "%d", size[1]);
    add(&l, "image.iccEmbed", "%d", r->icc_embed);
    add(&l, "image.iccProfile", "%s", icc_name);
    add(&l, "image.length", "0");
    add(&l, "image.mask", "%d", r->alpha);
    add(&l, "image.pathEmbed", "%d", r->path_embed);
    add(&l, "image.pixTyp", "%s", types[r->pixel_type]);
    add(&l, "image.printRes", "%d", r->print_res > 0 ? r->print_res : 72);
    add(&l, "image.quality", "%d,%d", r->quality, r->chroma_full);
    add(&l, "image.type", "%s", si_format_mime(r->format));
    add(&l, "image.version", "%s", version);
    add(&l, "image.width", "%d", size[0]);
    add(&l, "image.xmpEmbed", "%d", r->xmp_embed);
    add(&l, "metadata.version", "%s", version);
    return write_list(&l, r, si_picture_file(&r->picture)->time / 1000000000, out, diag);
}

/* ---- imageprops, xmp, crop ---- */

/* The names of the Photoshop paths of an original, parted by commas. */
static si_result path_names(
    int fd, const si_answer_options *options, si_arena *arena, const char **names, si_diag *diag) {
    si_metadata m = {0};
    si_photoshop found = {0};
    si_bytes text = {0};
    si_result result = si_metadata_read(fd, &options->limits, &m, diag);
    if (result == SI_OK && m.photoshop.len > 0) {
        result = si_photoshop_read(m.photoshop.data, m.photoshop.len, arena, &found, diag);
    }
    bool ok = true;
    for (size_t i = 0; i < found.count && ok; i++) {
        const char *name = found.paths[i].name;
        ok = (i == 0 || si_bytes_append(&text, ",", 1)) &&
             si_bytes_append(&text, name, strlen(name));
    }
    *names = si_arena_copy(arena, (const char *)text.data, text.len);
    si_bytes_free(&text);
    si_metadata_free(&m);
    return ok && *names != NULL ? result : si_fail(diag, SI_ERR_MEMORY, "out of memory");
}

static si_result imageprops(const si_recipe *r, const si_files *files,
    const si_answer_options *options, si_answer *out, si_diag *diag) {
    const si_file_ref *file = si_picture_file(&r->picture);
    si_source_props p = {0};
    listing l = {0};
    int fd;
    SI_TRY(si_files_open(files, &r->picture.layers[0].source, &fd, diag));
    const char *paths = "";
    si_result result = si_render_props(fd, &options->limits, &p, diag);
    result = result == SI_OK ? path_names(fd, options, &l.arena, &paths, diag) : result;
    close(fd);
    if (result != SI_OK) {
        si_arena_free(&l.arena);
        return result;
    }
    add(&l, "image.anchor", "%d,%d", p.width / 2, p.height / 2);
    add(&l, "image.embeddedIccProfile", "%d", p.has_icc);
    add(&l, "image.embeddedPhotoshopPaths", "%d", paths[0] != '\0');
    add(&l, "image.embeddedXmpData", "%d", p.has_xmp);
    add(&l, "image.height", "%d", p.height);
    add(&l, "image.iccProfile", "%s", p.icc_name);
    add(&l, "image.mask", "%d", r->picture.layers[0].mask.kind != SI_SOURCE_NONE ? 3 : p.alpha * 2);
    add(&l, "image.modifier", "%s", "");
    add_text(&l, "image.photoshopPathNames", paths);
    add(&l, "image.pixTyp", "%s", p.channels == 1 ? "BW" : p.channels == 4 ? "CMYK" : "RGB");
    add(&l, "image.postModifier", "%s", "");
    add(&l, "image.printRes", "%.6g", p.print_res);
    add(&l, "image.timeStamp", "%lld", (long long)(file->time / 1000000));
    add(&l, "image.width", "%d", p.width);
    return write_list(&l, r, file->time / 1000000000, out, diag);
}

static si_result xmp(const si_recipe *r, const si_files *files, const si_answer_options *options,
    si_answer *out, si_diag *diag) {
    si_metadata m = {0};
    int fd;
    SI_TRY(si_files_open(files, &r->picture.layers[0].source, &fd, diag));
    si_result result = si_metadata_read(fd, &options->limits, &m, diag);
    close(fd);
    if (result == SI_OK) {
        si_bytes_move(&out->body, &m.xmp);
        out->content_type = "text/xml; charset=utf-8";
    }
    si_metadata_free(&m);
    return result;
}

/* The six properties of a smart crop (docs/protocol.md, Smart crops). */
static si_result crop(const si_recipe *r, const si_files *files, const si_answer_options *options,
    si_answer *out, si_diag *diag) {
    const si_source *s = &r->picture.layers[0].source;
    double found[1][4];
    uint32_t colour;
    char rect[SI_CROP_RECT_MAX], swatch[SI_CROP_RECT_MAX];
    si_shape shape = si_recipe_shape(r);
    SI_TRY(si_render_crops(r, &s, 1, files, &options->limits, found, &colour, diag));
    si_crop_rect_print(s, found[0], rect);
    si_crop_colour_print(colour, swatch);
    const char *name = "";
    for (int i = 0; i < r->fact_count; i++) {
        name = strcmp(r->facts[i].name, "SmartCropDef") == 0 ? r->facts[i].value : name;
    }
    char lines[600];
    int n = snprintf(lines, sizeof lines,
        "SmartCropDef=%.100s\r\nSmartCropType=%s\r\nSmartCropWidth=%d.0\r\nSmartCropHeight=%d.0\r\n"
        "SmartCropRect=%s\r\nSmartSwatchColor=%s",
        name, si_crop_type(s, name), s->smart_crop[0], s->smart_crop[1], rect, swatch);
    si_reply reply = {0};
    bool ok = n > 0 && n < (int)sizeof lines && si_reply_lines(&shape, lines, &reply);
    si_bytes_move(&out->body, &reply.body);
    out->content_type = reply.content_type;
    return ok ? SI_OK : si_fail(diag, SI_ERR_MEMORY, "out of memory");
}

/* ---- maps and sets ---- */

static si_result map(const si_recipe *r, const si_files *files, const si_answer_options *options,
    si_answer *out, si_diag *diag) {
    si_bytes areas = {0};
    si_shape shape = si_recipe_shape(r);
    si_reply reply = {.content_type = si_properties_type(r->body)};
    si_result result = si_render_map(r, files, &options->limits, &areas, diag);
    bool ok = result != SI_OK || si_bytes_append(&areas, "", 1);
    if (result == SI_OK && ok && r->body == SI_BODY_TEXT) {
        areas.len--;
        si_bytes_move(&reply.body, &areas);
    } else if (result == SI_OK && ok) {
        ok = si_reply_field(&shape, "map", (const char *)areas.data, &reply);
    }
    si_bytes_free(&areas);
    si_bytes_move(&out->body, &reply.body);
    out->content_type = reply.content_type;
    return ok ? result : si_fail(diag, SI_ERR_MEMORY, "out of memory");
}

/* Size of a layer's original, or of the part that its smart crop shows. */
static void measure(const si_recipe *r, int layer, const si_files *files,
    const si_answer_options *options, int size[2]) {
    const si_source *s = &r->picture.layers[layer].source;
    si_diag ignored = {0};
    si_source_props p = {0};
    double part[1][4] = {{0, 0, 1, 1}};
    uint32_t colour;
    int fd;
    if (si_files_open(files, s, &fd, &ignored) != SI_OK) {
        return;
    }
    bool known = si_render_props(fd, &options->limits, &p, &ignored) == SI_OK;
    close(fd);
    if (known && s->smart_crop[0] > 0) {
        known =
            si_render_crops(r, &s, 1, files, &options->limits, part, &colour, &ignored) == SI_OK;
    }
    if (known) {
        size[0] = (int)(part[0][2] * p.width + 0.5);
        size[1] = (int)(part[0][3] * p.height + 0.5);
    }
}

/* The smart crops that the set of an image names. */
static si_result find_crops(const si_recipe *r, const si_files *files,
    const si_answer_options *options, si_arena *arena, si_set_crop **out, si_diag *diag) {
    size_t count = (size_t)si_media_set_crop_count(r);
    si_set_crop *crops = si_arena_alloc(arena, (count + 1) * sizeof *crops);
    si_source *sources = si_arena_alloc(arena, (count + 1) * sizeof *sources);
    const si_source **list = si_arena_alloc(arena, (count + 1) * sizeof *list);
    double(*rects)[4] = si_arena_alloc(arena, (count + 1) * sizeof *rects);
    uint32_t *colours = si_arena_alloc(arena, (count + 1) * sizeof *colours);
    si_diag ignored = {0};
    if (crops == NULL || sources == NULL || list == NULL || rects == NULL || colours == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    *out = crops;
    for (size_t i = 0; i < count; i++) {
        list[i] = &sources[i];
        if (!si_media_set_crop_source(r, (int)i, &sources[i])) {
            return si_fail(diag, SI_ERR_SYNTAX, "malformed recipe: smart crops of a set");
        }
    }
    if (count == 0 || si_render_crops(r, list, (int)count, files, &options->limits, rects, colours,
                          &ignored) != SI_OK) {
        return SI_OK;
    }
    for (size_t i = 0; i < count; i++) {
        crops[i] = (si_set_crop){.known = true, .colour = colours[i]};
        memcpy(crops[i].rect, rects[i], sizeof rects[i]);
    }
    return SI_OK;
}

/* Files that cannot be read have no size; the set is told all the same. */
static si_result set(const si_recipe *r, const si_files *files, const si_answer_options *options,
    si_answer *out, si_diag *diag) {
    si_arena arena = {0};
    si_set_crop *crops = NULL;
    int layers = r->picture.layer_count;
    int(*sizes)[2] = si_arena_alloc(&arena, ((size_t)layers + 1) * sizeof *sizes);
    si_result result = sizes != NULL ? find_crops(r, files, options, &arena, &crops, diag)
                                     : si_fail(diag, SI_ERR_MEMORY, "out of memory");
    for (int i = 0; i < layers && result == SI_OK; i++) {
        measure(r, i, files, options, sizes[i]);
    }
    if (result == SI_OK) {
        result = si_media_set_fill(r, (const int(*)[2])sizes, crops, &out->body, diag);
    }
    si_arena_free(&arena);
    si_shape shape = si_recipe_shape(r);
    si_reply typed = {0};
    if (result == SI_OK && r->body == SI_BODY_XML &&
        si_reply_properties(&shape, NULL, 0, 0, &typed)) {
        out->content_type = typed.content_type;
    } else {
        out->content_type = si_properties_type(r->body);
    }
    si_bytes_free(&typed.body);
    return result;
}

si_result si_answer_facts(const si_recipe *r, const si_files *files,
    const si_answer_options *options, si_answer *out, si_diag *diag) {
    if (r->req != SI_REQ_SET && r->picture.layer_count == 0) {
        return si_fail(diag, SI_ERR_NOT_FOUND, "there is no layer 0");
    }
    out->status = 200;
    switch (r->req) {
    case SI_REQ_PROPS:
        return props(r, files, options, out, diag);
    case SI_REQ_IMAGEPROPS:
        return imageprops(r, files, options, out, diag);
    case SI_REQ_XMP:
        return xmp(r, files, options, out, diag);
    case SI_REQ_CROP:
        return crop(r, files, options, out, diag);
    case SI_REQ_MAP:
        return map(r, files, options, out, diag);
    case SI_REQ_SET:
        return set(r, files, options, out, diag);
    case SI_REQ_SAVE:
    case SI_REQ_IMG:
    case SI_REQ_MASK:
        break;
    }
    return si_fail(diag, SI_ERR_UNSUPPORTED, "this type of request is not supported");
}
