/* Text layers of a scene: text, fonts, style, size. */
#include "render/scene/scene.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A font file in memory. */
typedef struct si_mapping {
    const char *path;
    void *data;
    size_t len;
    struct si_mapping *next;
} si_mapping;

static si_result no_memory(si_diag *diag) {
    return si_fail(diag, SI_ERR_MEMORY, "out of memory");
}

static si_result map_file(int fd, si_mapping *m, si_diag *diag) {
    struct stat s;
    if (fstat(fd, &s) != 0 || s.st_size < 1) {
        return si_fail(diag, SI_ERR_SOURCE, "a font file cannot be read");
    }
    m->len = (size_t)s.st_size;
    m->data = mmap(NULL, m->len, PROT_READ, MAP_PRIVATE, fd, 0);
    return m->data != MAP_FAILED ? SI_OK : no_memory(diag);
}

/* The file of a font in memory, mapped once a request. */
static si_result font_data(
    si_render_context *rc, const si_file_ref *file, si_font_data *out, si_diag *diag) {
    for (const si_mapping *m = rc->mappings; m != NULL; m = m->next) {
        if (strcmp(m->path, file->path) == 0) {
            out->data = m->data;
            out->len = m->len;
            return SI_OK;
        }
    }
    si_mapping *m = si_arena_alloc(rc->arena, sizeof *m);
    if (m == NULL) {
        return no_memory(diag);
    }
    int fd = rc->files->open(rc->files->context, file, diag);
    if (fd < 0) {
        return si_diag_result(diag, SI_ERR_IO);
    }
    si_result result = map_file(fd, m, diag);
    close(fd);
    if (result == SI_OK) {
        m->path = file->path;
        m->next = rc->mappings;
        rc->mappings = m;
        out->data = m->data;
        out->len = m->len;
    }
    return result;
}

void si_render_context_close(si_render_context *rc) {
    for (si_mapping *m = rc->mappings; m != NULL; m = m->next) {
        munmap(m->data, m->len);
    }
    rc->mappings = NULL;
}

/* Chooses and maps a font for each face that the text uses. */
static si_result fonts_of(si_render_context *rc, si_scene_layer *s, si_diag *diag) {
    const si_text_ref *t = &s->layer->text;
    size_t count = s->text.font_count, rows = (size_t)t->font_count;
    si_font_data *fonts = si_arena_alloc(rc->arena, (count + 1) * sizeof *fonts);
    si_font_row *map = si_arena_alloc(rc->arena, (rows + 1) * sizeof *map);
    if (fonts == NULL || map == NULL) {
        return no_memory(diag);
    }
    for (size_t i = 0; i < rows; i++) {
        const si_font_ref *f = &t->fonts[i];
        map[i] = (si_font_row){si_str_of(f->name), f->bold, f->italic, si_str_of(f->file.path)};
    }
    si_result result = SI_OK;
    for (size_t i = 0; i < count && result == SI_OK; i++) {
        si_font_choice choice;
        result = si_richtext_font_find(&s->text.fonts[i], map, rows, t->synthesize, &choice, diag);
        if (result == SI_OK) {
            fonts[i].embolden = choice.embolden;
            fonts[i].slant = choice.slant;
            result = font_data(rc, &t->fonts[choice.row - map].file, &fonts[i], diag);
        }
    }
    s->fonts = fonts;
    return result;
}

static si_result path_of(
    si_render_context *rc, const char *text, const si_path **out, si_diag *diag) {
    if (text[0] == '\0') {
        return SI_OK;
    }
    si_path *path = si_arena_alloc(rc->arena, sizeof *path);
    if (path == NULL) {
        return no_memory(diag);
    }
    *out = path;
    return si_path_parse(si_str_of(text), rc->arena, path, diag);
}

static si_result style_of(
    si_render_context *rc, si_scene_layer *s, const double size[2], si_diag *diag) {
    /* in the order of the reference's lists: off norm crisp sharp strong smooth */
    static const si_text_aa aa[] = {SI_TEXT_AA_OFF, SI_TEXT_AA_NORM, SI_TEXT_AA_CRISP,
        SI_TEXT_AA_SHARP, SI_TEXT_AA_STRONG, SI_TEXT_AA_NORM};
    static const si_text_fit fit[] = {SI_TEXT_FIXED_RES, SI_TEXT_AUTO_RES, SI_TEXT_MAX_RES};
    static const si_text_wrap wrap[] = {SI_TEXT_WRAP, SI_TEXT_NO_WRAP, SI_TEXT_WORD_WRAP};
    const si_text_ref *t = &s->layer->text;
    s->style = (si_text_style){.width = size[0] > 0 ? size[0] : 0,
        .height = size[0] > 0 && size[1] > 0 ? size[1] : 0,
        .dpi = t->dpi,
        .aa = aa[t->antialias],
        .fit = fit[t->resolution_mode],
        .wrap = wrap[t->wrap],
        .angle = t->angle,
        .path_reverse = t->path_reverse,
        .path_start = t->path_start,
        .path_end = t->path_end};
    si_result result = path_of(rc, t->path, &s->style.path, diag);
    if (result == SI_OK) {
        result = path_of(rc, t->flow_path, &s->style.flow, diag);
    }
    if (result == SI_OK && s->style.flow != NULL) {
        result = path_of(rc, t->flow_xpath, &s->style.flow_out, diag);
    }
    return result;
}

si_result si_scene_text(si_render_context *rc, si_scene_layer *s, const double size[2],
    si_content *content, si_diag *diag) {
    const si_text_ref *t = &s->layer->text;
    si_richtext_options options = {
        .mode = t->ps ? SI_TEXT_PS : SI_TEXT_NORM, .default_font = si_str_of(t->default_font)};
    si_text_metrics m;
    si_result result = si_richtext_parse(si_str_of(t->rtf), &options, rc->arena, &s->text, diag);
    if (result == SI_OK) {
        result = fonts_of(rc, s, diag);
    }
    if (result == SI_OK) {
        result = style_of(rc, s, size, diag);
    }
    if (result == SI_OK) {
        result = si_text_measure(&s->text, &s->style, s->fonts, &m, diag);
    }
    if (result == SI_OK) {
        s->content[0] = content->width = m.width;
        s->content[1] = content->height = m.height;
        content->has_origin = m.has_origin;
        content->origin[0] = m.origin[0];
        content->origin[1] = m.origin[1];
    }
    return result;
}
