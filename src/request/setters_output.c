/* Section 6: the encoding that is asked for. What depends on several commands is checked in
 * output.c. */
#include "base/nearest.h"
#include "request/setters.h"

/* A compression named for a format that has no use for it is ignored (P22). */
static void set_compression(si_recipe *r, const si_output *output, int method) {
    enum { NONE, LZW, ZIP, JPEG, LOSSY, LOSSLESS };
    bool tiff = output->format == SI_FORMAT_TIFF, pdf = output->format == SI_FORMAT_PDF;
    bool fits = method == ZIP || (method == LZW && tiff) || (method == JPEG && !output->alpha);
    bool lossy = !tiff && !pdf && output->format != SI_FORMAT_JPEG &&
                 output->format != SI_FORMAT_PNG && output->format != SI_FORMAT_GIF &&
                 output->format != SI_FORMAT_EPS;
    r->lossless = output->lossless || (lossy && method == LOSSLESS);
    r->compression = (tiff || pdf) && fits ? (si_compression)method : SI_COMPRESSION_NONE;
}

static si_result unknown_format(si_str format, si_diag *diag) {
    si_nearest n;
    si_nearest_to(&n, format);
    for (int i = 0; i < si_output_count; i++) {
        si_nearest_offer(&n, si_str_of(si_outputs[i].name));
    }
    return n.name[0] == '\0'
               ? si_fail(diag, SI_ERR_SYNTAX, "fmt: unknown format \"%.*s\"", SHOWN(format))
               : si_fail(diag, SI_ERR_SYNTAX, "fmt: unknown format \"%.*s\"; did you mean \"%s\"?",
                     SHOWN(format), n.name);
}

si_result si_set_fmt(const si_command_target *s, si_str value) {
    static const char *const swf[] = {"swf", "swf3", "swf-alpha", "swf3-alpha", NULL};
    static const char *const manifests[] = {"f4m", "m3u8", NULL};
    si_parts p = si_parts_of(s, value);
    si_str format;
    si_diag *diag = s->q->all->diag;
    (void)si_part_text(&p, &format);
    const si_output *output = si_output_by_name(format.p, format.len);
    int manifest = si_value_keyword(format, manifests), type = 0, method = -1;
    s->q->asked.manifest = manifest >= 0 ? manifests[manifest] : NULL;
    if (manifest >= 0) {
        return SI_OK;
    }
    if (output == NULL) {
        return si_value_keyword(format, swf) >= 0
                   ? si_fail(diag, SI_ERR_UNSUPPORTED, "fmt: %.*s is not supported", SHOWN(format))
                   : unknown_format(format, diag);
    }
    bool typed = si_part_word(&p, &type);
    bool compressed = si_part_word(&p, &method);
    if (p.wrong) {
        return si_command_bad_value(s, value);
    }
    si_recipe *r = s->q->recipe;
    r->format = output->format;
    r->alpha = output->alpha;
    r->progressive = output->progressive;
    r->palette = output->palette && output->format == SI_FORMAT_PNG;
    r->pixel_type = (si_pixel_type)type;
    r->pixel_keep = !typed && compressed; /* P23 */
    s->q->asked.type_given = typed;
    set_compression(r, output, method);
    return SI_OK;
}

/* Numbers out of range are clamped (P5); without a second value chroma is 0, not the attribute's.
 */
si_result si_set_qlt(const si_command_target *s, si_str value) {
    si_parts p = si_parts_of(s, value);
    int quality = 0;
    bool chroma = false;
    (void)si_part_ints(&p, &quality);
    (void)si_part_flag(&p, &chroma);
    if (p.wrong) {
        return si_command_bad_value(s, value);
    }
    s->q->recipe->quality = quality;
    s->q->recipe->chroma_full = chroma;
    return SI_OK;
}

si_result si_set_jpegSize(const si_command_target *s, si_str value) {
    return si_command_int(s, value, &s->q->recipe->jpeg_size);
}

si_result si_set_pscan(const si_command_target *s, si_str value) {
    int index = 0, scans = 0; /* auto */
    si_result result = si_command_word(s, value, &index);
    if (result == SI_OK) {
        (void)si_value_int(value, &scans);
        s->q->recipe->scans = scans;
    }
    return result;
}

/* "RRGGBB,RRGGBB…" in upper case; false if a colour is anything else. */
static bool read_forced(si_str list, char *out) {
    si_str part;
    size_t n = 0;
    while (si_str_next(&list, ',', &part)) {
        part = si_str_trim(part);
        if (part.len != 6) {
            return false;
        }
        if (n > 0) {
            out[n++] = ',';
        }
        for (size_t i = 0; i < 6; i++) {
            char c = part.p[i];
            c = c >= 'a' && c <= 'f' ? (char)(c - 32) : c;
            if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'F')) {
                return false;
            }
            out[n++] = c;
        }
    }
    return true;
}

/* The number and the list of colours mean something to adaptive palettes only. */
si_result si_set_quantize(const si_command_target *s, si_str value) {
    si_quantize_command q = {.forced = ""};
    si_parts p = si_parts_of(s, value);
    int kind = 0, dither = 0, colors = 0;
    (void)si_part_word(&p, &kind);
    (void)si_part_word(&p, &dither);
    (void)si_part_ints(&p, &colors);
    if (p.wrong) {
        return si_command_bad_value(s, value);
    }
    if (kind == 0 && p.rest.len > 0) {
        char *forced = si_arena_alloc(s->q->all->arena, p.rest.len + 1);
        if (forced == NULL) {
            return si_no_memory(s->q->all->diag);
        }
        if (!read_forced(p.rest, forced)) {
            return si_command_bad_value(s, value);
        }
        q.forced = forced;
    }
    q.kind = (si_quantize_kind)kind;
    q.no_dither = dither == 1;
    q.colors = kind == 0 && colors < SI_COLORS_MAX ? colors : 0;
    s->q->recipe->quantize = q;
    return SI_OK;
}

/* Which file the profile is, output.c finds. */
si_result si_set_icc(const si_command_target *s, si_str value) {
    si_recipe *r = s->q->recipe;
    const si_attributes *a = &s->q->company->attributes;
    si_parts p = si_parts_of(s, value);
    si_str profile;
    int intent = a->icc_render_intent;
    bool black_point = a->icc_black_point, dither = a->icc_dither;
    (void)si_part_text(&p, &profile);
    (void)si_part_word(&p, &intent);
    (void)si_part_flag(&p, &black_point);
    (void)si_part_flag(&p, &dither);
    if (p.wrong) {
        return si_command_bad_value(s, value);
    }
    r->intent = (si_intent)intent;
    r->black_point = black_point;
    r->dither = dither;
    return si_command_copy_value(s, profile, &s->q->asked.icc);
}

si_result si_set_iccEmbed(const si_command_target *s, si_str value) {
    return si_command_flag(s, value, &s->q->recipe->icc_embed);
}

si_result si_set_xmpEmbed(const si_command_target *s, si_str value) {
    return si_command_flag(s, value, &s->q->recipe->xmp_embed);
}

si_result si_set_pathEmbed(const si_command_target *s, si_str value) {
    return si_command_flag(s, value, &s->q->recipe->path_embed);
}

si_result si_set_printRes(const si_command_target *s, si_str value) {
    si_result result = si_command_int(s, value, &s->q->recipe->print_res);
    s->q->asked.print_res_given |= result == SI_OK;
    return result;
}
