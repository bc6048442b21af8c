/* What each command means: one function a command, and the table that names them. */
#include <math.h>
#include <stdlib.h>

#include "base/color.h"
#include "recipe/command.h"
#include "recipe/commands.h"

enum { MAX_SIDE = 1 << 30 };

static si_result bad(si_query *q, const char *name, const char *expected, si_str value) {
    return si_fail(
        q->diag, SI_ERR_RANGE, "%s: expected %s, got \"%.*s\"", name, expected, SHOWN(value));
}

/* ---- values ---- */

/* Reals take their canonical 7 digits at once, so that print(scan(text)) is text. */
static bool real_value(si_str s, double *out) {
    char text[32];
    double v;
    if (!si_str_real(si_str_trim(s), &v) || fabs(v) > 1e9) {
        return false;
    }
    return si_str_real(si_str_of(si_real_print(v, text)), out);
}

static bool int_value(si_str s, int *out) {
    long v;
    if (!si_str_int(si_str_trim(s), &v) || labs(v) > MAX_SIDE) {
        return false;
    }
    *out = (int)v;
    return true;
}

/* Takes the next comma-separated part; an empty one counts as absent (P3). */
static bool part_value(si_str *rest, si_str *part) {
    bool there = si_str_next(rest, ',', part);
    *part = there ? si_str_trim(*part) : (si_str){NULL, 0};
    return part->len > 0;
}

/* Reads `count` reals separated by commas; false unless all are there and nothing else is. */
static bool real_list(si_str value, double *out, int count) {
    si_str part;
    for (int i = 0; i < count; i++) {
        if (!part_value(&value, &part) || !real_value(part, &out[i])) {
            return false;
        }
    }
    return value.p == NULL;
}

int si_keyword(si_str value, const char *const *names) {
    for (int i = 0; names[i] != NULL; i++) {
        if (si_str_eq_nocase(value, si_str_of(names[i]))) {
            return i;
        }
    }
    return -1;
}

static double clamp(double v, double low, double high) {
    return v < low ? low : v > high ? high : v;
}

/* ---- one function a command: `name` as in the table, `value` decoded, not empty ---- */

static si_result set_wid(si_query *q, const char *name, si_str value) {
    int v;
    if (!int_value(value, &v) || v <= 0) {
        return bad(q, name, "a whole number above 0", value);
    }
    q->recipe->picture.view.wid = v;
    return SI_OK;
}

static si_result set_hei(si_query *q, const char *name, si_str value) {
    int v;
    if (!int_value(value, &v) || v <= 0) {
        return bad(q, name, "a whole number above 0", value);
    }
    q->recipe->picture.view.hei = v;
    return SI_OK;
}

static si_result set_scl(si_query *q, const char *name, si_str value) {
    double v;
    if (!real_value(value, &v) || v <= 0) {
        return bad(q, name, "a number above 0", value);
    }
    q->recipe->picture.view.scl = v;
    return SI_OK;
}

static si_result set_fit(si_query *q, const char *name, si_str value) {
    static const char *const modes[] = {
        "fit", "constrain", "crop", "wrap", "stretch", "hfit", "vfit", NULL};
    si_str rest = value, mode, upscale;
    bool flag = false;
    int index = part_value(&rest, &mode) ? si_keyword(mode, modes) : -1;
    if (index < 0 || (part_value(&rest, &upscale) && !si_str_flag(upscale, &flag))) {
        return bad(
            q, name, "fit, constrain, crop, wrap, stretch, hfit or vfit, then 0 or 1", value);
    }
    q->recipe->picture.view.fit = (si_fit)index;
    q->recipe->picture.view.upscale = flag;
    q->fit_given = true;
    return SI_OK;
}

static si_result set_align(si_query *q, const char *name, si_str value) {
    double v[2];
    if (!real_list(value, v, 2)) {
        return bad(q, name, "two numbers of -1 to 1", value);
    }
    q->recipe->picture.view.align[0] = clamp(v[0], -1, 1);
    q->recipe->picture.view.align[1] = clamp(v[1], -1, 1);
    return SI_OK;
}

static si_result set_bgc(si_query *q, const char *name, si_str value) {
    si_color color;
    if (!si_color_parse(value, &color)) {
        return bad(q, name, "a colour", value);
    }
    q->recipe->bgc = si_color_rgb(&color);
    return SI_OK;
}

static si_result set_rect(si_query *q, const char *name, si_str value) {
    si_str rest = value, part;
    int v[4];
    double scale = 1;
    for (int i = 0; i < 4; i++) {
        if (!part_value(&rest, &part) || !int_value(part, &v[i])) {
            return bad(q, name, "x,y,w,h[,scale]", value);
        }
    }
    if (part_value(&rest, &part) && (!real_value(part, &scale) || scale <= 0)) {
        return bad(q, name, "a scale above 0", value);
    }
    if (v[2] <= 0 || v[3] <= 0) {
        return bad(q, name, "a width and height above 0", value);
    }
    memcpy(q->recipe->picture.view.rect, v, sizeof v);
    q->recipe->picture.view.rect_scale = scale;
    q->recipe->picture.view.has_rect = true;
    return SI_OK;
}

/* crop and cropN share a slot: the last one wins. No size = the whole image (P7). */
static si_result crop_value(si_query *q, const char *name, si_str value, si_unit kind) {
    double v[4];
    if (!real_list(value, v, 4) || v[2] < 0 || v[3] < 0) {
        return bad(q, name, "x,y,w,h with w and h not below 0", value);
    }
    for (int i = 0; kind == SI_UNIT_PIXELS && i < 4; i++) {
        v[i] = floor(v[i] + 0.5);
    }
    bool none = v[2] == 0 || v[3] == 0 ||
                (kind == SI_UNIT_NORMALIZED && v[0] == 0 && v[1] == 0 && v[2] == 1 && v[3] == 1);
    q->base->crop_unit = none ? SI_UNIT_NONE : kind;
    for (int i = 0; i < 4; i++) {
        q->base->crop[i] = none ? 0 : v[i];
    }
    return SI_OK;
}

static si_result set_crop(si_query *q, const char *name, si_str value) {
    return crop_value(q, name, value, SI_UNIT_PIXELS);
}

static si_result set_cropN(si_query *q, const char *name, si_str value) {
    return crop_value(q, name, value, SI_UNIT_NORMALIZED);
}

static si_result set_size(si_query *q, const char *name, si_str value) {
    si_str rest = value, part;
    int v[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        if (part_value(&rest, &part) && (!int_value(part, &v[i]) || v[i] < 0)) {
            return bad(q, name, "w,h, neither below 0", value);
        }
    }
    memcpy(q->base->size, v, sizeof v);
    return SI_OK;
}

/* Segments of section 4.1, as far as one image layer needs them: 0 and comp. */
static si_result set_layer(si_query *q, const char *name, si_str value) {
    si_str rest = value, which, alias;
    int n;
    (void)part_value(&rest, &which);
    bool named = part_value(&rest, &alias);
    if (named && si_str_eq_nocase(alias, SI_STR("comp"))) {
        return si_fail(q->diag, SI_ERR_SYNTAX, "layer: the name \"comp\" is taken");
    }
    if (si_str_eq_nocase(which, SI_STR("comp"))) {
        q->layer0 = false;
    } else if (int_value(which, &n)) {
        if (n < 0) {
            return bad(q, name, "a layer number not below 0", value);
        }
        if (n > 0) {
            return si_fail(q->diag, SI_ERR_UNSUPPORTED, "layer=%d: only layer 0 is supported", n);
        }
        q->layer0 = true;
        q->layer0_name = named ? alias : q->layer0_name;
    } else if (q->layer0_name.p != NULL && si_str_eq(which, q->layer0_name)) {
        q->layer0 = true;
    } else {
        return si_fail(q->diag, SI_ERR_SYNTAX, "layer: unknown name \"%.*s\"", SHOWN(which));
    }
    return SI_OK;
}

/* Strengths outside their range are clamped (P5). */
static si_result set_op_usm(si_query *q, const char *name, si_str value) {
    si_str rest = value, part;
    si_usm usm = {0};
    int threshold = 0;
    if ((part_value(&rest, &part) && !real_value(part, &usm.amount)) ||
        (part_value(&rest, &part) && !real_value(part, &usm.radius)) ||
        (part_value(&rest, &part) && !int_value(part, &threshold)) ||
        (part_value(&rest, &part) && !si_str_flag(part, &usm.mono))) {
        return bad(q, name, "amount[,radius[,threshold[,mono]]]", value);
    }
    usm.amount = clamp(usm.amount, 0, 5);
    usm.radius = clamp(usm.radius, 0, 250);
    usm.threshold = (int)clamp(threshold, 0, 255);
    if (usm.amount == 0 || usm.radius == 0) {
        usm = (si_usm){0};
    }
    *(q->layer0 ? &q->base->look.ops.usm : &q->recipe->picture.view.usm) = usm;
    return SI_OK;
}

static si_result set_op_sharpen(si_query *q, const char *name, si_str value) {
    bool *slot = q->layer0 ? &q->base->look.ops.sharpen : &q->recipe->picture.view.sharpen;
    return si_str_flag(value, slot) ? SI_OK : bad(q, name, "0 or 1", value);
}

static si_result set_fmt(si_query *q, const char *name, si_str value) {
    static const char *const unsupported[] = {"png8", "png8-alpha", "heic", "pdf", "eps", "swf",
        "swf3", "swf-alpha", "swf3-alpha", "f4m", "m3u8", NULL};
    static const char *const pixel_types[] = {"rgb", "gray", "cmyk", NULL};
    static const char *const compressions[] = {
        "none", "lzw", "zip", "jpeg", "lossy", "lossless", NULL};
    si_str rest = value, format, pixel, compression;
    (void)part_value(&rest, &format);
    int type = 0, method = -1;
    const si_output *output = si_output_by_name(format.p, format.len);
    if (si_keyword(format, unsupported) >= 0) {
        return si_fail(
            q->diag, SI_ERR_UNSUPPORTED, "fmt: format %.*s is not supported", SHOWN(format));
    }
    if (output == NULL) {
        return si_fail(q->diag, SI_ERR_SYNTAX, "fmt: unknown format \"%.*s\"", SHOWN(format));
    }
    if ((part_value(&rest, &pixel) && (type = si_keyword(pixel, pixel_types)) < 0) ||
        (part_value(&rest, &compression) && (method = si_keyword(compression, compressions)) < 0)) {
        return bad(q, name, "format[,rgb|gray|cmyk[,compression]]", value);
    }
    si_format f = output->format;
    q->recipe->format = f;
    q->recipe->alpha = output->alpha;
    q->recipe->progressive = output->progressive;
    q->recipe->pixel_type = (si_pixel_type)type;
    /* a compression named for another format is ignored (P22) */
    bool lossy = f != SI_FORMAT_JPEG && f != SI_FORMAT_PNG && f != SI_FORMAT_GIF && f != SI_FORMAT_TIFF;
    q->recipe->lossless = lossy && method == 5;
    q->recipe->compression = f == SI_FORMAT_TIFF && method > 0 && method < 4 ? (si_compression)method
                                                                      : SI_COMPRESSION_NONE;
    return SI_OK;
}

/* Numbers outside 1…100 are clamped (P5); without a second value chroma is 0 (section 6.2). */
static si_result set_qlt(si_query *q, const char *name, si_str value) {
    si_str rest = value, part;
    int quality;
    bool chroma = false;
    if (!part_value(&rest, &part) || !int_value(part, &quality) ||
        (part_value(&rest, &part) && !si_str_flag(part, &chroma))) {
        return bad(q, name, "1 to 100, then 0 or 1", value);
    }
    q->recipe->quality = (int)clamp(quality, 1, 100);
    q->recipe->chroma_full = chroma;
    return SI_OK;
}

/* An unknown name means the company's kernel (P25). */
static si_result set_resMode(si_query *q, const char *name, si_str value) {
    static const char *const modes[] = {"bilin", "bicub", "sharp2", "bisharp", "sharp", NULL};
    (void)name;
    int index = si_keyword(value, modes);
    q->recipe->picture.view.resmode = index < 0    ? (si_resmode)q->company->attributes.res_mode
                         : index == 4 ? SI_RESMODE_SHARP2
                                      : (si_resmode)index;
    return SI_OK;
}

static si_result set_icc(si_query *q, const char *name, si_str value) {
    static const char *const srgb[] = {"sRGB", "sRGB IEC61966-2.1", NULL};
    si_str rest = value, profile;
    (void)name;
    (void)part_value(&rest, &profile);
    if (si_keyword(profile, srgb) < 0) {
        return si_fail(
            q->diag, SI_ERR_UNSUPPORTED, "icc: profile \"%.*s\" is not available", SHOWN(profile));
    }
    q->recipe->icc.path = "";
    return SI_OK;
}

static si_result set_iccEmbed(si_query *q, const char *name, si_str value) {
    return si_str_flag(value, &q->recipe->icc_embed) ? SI_OK : bad(q, name, "0 or 1", value);
}

static si_result set_printRes(si_query *q, const char *name, si_str value) {
    int v;
    if (!int_value(value, &v) || v < 0) {
        return bad(q, name, "a whole number not below 0", value);
    }
    q->recipe->print_res = v > 65535 ? 65535 : v;
    return SI_OK;
}

static si_result switch_value(si_query *q, const char *name, si_str value, si_switch *out) {
    static const char *const states[] = {"off", "on", NULL};
    int index = si_keyword(value, states);
    if (index < 0) {
        return bad(q, name, "on or off", value);
    }
    *out = index == 1 ? SI_SWITCH_ON : SI_SWITCH_OFF;
    return SI_OK;
}

static si_result set_bfc(si_query *q, const char *name, si_str value) {
    return switch_value(q, name, value, &q->bfc);
}

static si_result set_network(si_query *q, const char *name, si_str value) {
    return switch_value(q, name, value, &q->network);
}

/* Smart imaging D-1 (bare on: detected ratio) and D-2 (a bad ratio is an error). */
static si_result set_dpr(si_query *q, const char *name, si_str value) {
    si_str rest = value, state, ratio;
    double r = 0;
    si_switch on;
    (void)part_value(&rest, &state);
    si_result result = switch_value(q, name, state, &on);
    if (result != SI_OK) {
        return result;
    }
    if (on == SI_SWITCH_ON && part_value(&rest, &ratio) && (!real_value(ratio, &r) || r <= 0)) {
        return bad(q, name, "off, or on and a ratio above 0", value);
    }
    q->dpr = on;
    q->dpr_value = r;
    return SI_OK;
}

static si_result set_req(si_query *q, const char *name, si_str value) {
    static const char *const types[] = {"img", "exists", "imageprops", "tile", NULL};
    static const char *const later[] = {"tmb", "mask", "props", "catalogprops", "imageset", "set",
        "targets", "userdata", "map", "xmp", "xlate", "mbrSet", "validate", "resolve", "loadcache",
        "message", "saveToFile", NULL};
    static const char *const bodies[] = {"text", "javascript", "xml", "json", NULL};
    si_str rest = value, type, body;
    (void)part_value(&rest, &type);
    int index = si_keyword(type, types), format = SI_BODY_TEXT;
    if (index < 0) {
        return si_keyword(type, later) >= 0
                   ? si_fail(q->diag, SI_ERR_UNSUPPORTED, "req=%.*s is not supported", SHOWN(type))
                   : bad(q, name, "img, exists or imageprops", value);
    }
    if (part_value(&rest, &body) && (format = si_keyword(body, bodies)) < 0) {
        return bad(q, name, "text, javascript, xml or json", body);
    }
    q->exists = index == 1;
    q->recipe->req = index == 2 ? SI_REQ_IMAGEPROPS : SI_REQ_IMG;
    q->recipe->body = (si_body)format;
    return SI_OK;
}

static si_result set_handler(si_query *q, const char *name, si_str value) {
    for (size_t i = 0; i < value.len; i++) {
        char c = value.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))) {
            return bad(q, name, "letters and digits", value);
        }
    }
    q->recipe->handler = si_arena_copy(q->arena, value.p, value.len);
    return q->recipe->handler != NULL ? SI_OK : si_fail(q->diag, SI_ERR_MEMORY, "out of memory");
}

static si_result set_id(si_query *q, const char *name, si_str value) {
    (void)name;
    q->recipe->request_id = si_arena_copy(q->arena, value.p, value.len);
    return q->recipe->request_id != NULL ? SI_OK : si_fail(q->diag, SI_ERR_MEMORY, "out of memory");
}

/* server.md section 1. Files are looked at on every request, so validate is what happens anyway. */
static si_result set_cache(si_query *q, const char *name, si_str value) {
    static const char *const states[] = {"off", "on", "validate", "update", NULL};
    si_str rest = value, first, second;
    (void)part_value(&rest, &first);
    int client = si_keyword(first, states), server = client;
    if (part_value(&rest, &second)) {
        server = si_keyword(second, states);
        client = client > 1 || server > 1 ? -1 : client;
    }
    if (client < 0 || server < 0) {
        return bad(q, name, "on, off, validate, update or client,server", value);
    }
    q->client_cache = client != 0;
    q->server_cache = server != 0;
    q->update = server == 3;
    return SI_OK;
}

static si_result set_defaultImage(si_query *q, const char *name, si_str value) {
    (void)name;
    q->default_image = si_arena_copy(q->arena, value.p, value.len);
    return q->default_image != NULL ? SI_OK : si_fail(q->diag, SI_ERR_MEMORY, "out of memory");
}

static si_result set_inert(si_query *q, const char *name, si_str value) {
    (void)q, (void)name, (void)value;
    return SI_OK;
}

static si_result set_later(si_query *q, const char *name, si_str value) {
    (void)value;
    return si_fail(q->diag, SI_ERR_UNSUPPORTED, "the command %s is not supported", name);
}

/* ---- the table ---- */

static const si_command_row commands[] = {
#define X(name, handler, section, values, help)                                                    \
    {{name, sizeof(name) - 1}, set_##handler, set_##handler == set_defaultImage},
    SI_COMMANDS(X)
#undef X
};

const si_command_row *si_command_find(si_str name) {
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (commands[i].name.len == name.len &&
            (commands[i].name.p[0] | 0x20) == (name.p[0] | 0x20) &&
            si_str_eq_nocase(commands[i].name, name)) {
            return &commands[i];
        }
    }
    return NULL;
}
