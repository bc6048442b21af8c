/* The canonical text of a recipe: `smartimg/1&key=value&…`, one table for writing and reading. */
#include <stddef.h>
#include <stdio.h>

#include "base/bytes.h"
#include "recipe/recipe.h"

#define HEADER "smartimg/1"

enum { MAX_TEXT = 16384 };

typedef enum kind {
    TEXT,  /* const char *, percent-encoded */
    INT,   /* int */
    BOOL,  /* bool, 0 or 1 */
    REAL,  /* double */
    U64,   /* uint64_t */
    I64,   /* int64_t */
    COLOR, /* uint32_t as six hex digits */
    ENUM   /* one of `names` */
} kind;

static const char *const req_names[] = {"img", "exists", "imageprops", NULL};
static const char *const body_names[] = {"text", "javascript", "xml", "json", NULL};
static const char *const crop_names[] = {"none", "px", "n", NULL};
static const char *const fit_names[] = {
    "fit", "constrain", "crop", "wrap", "stretch", "hfit", "vfit", NULL};
static const char *const resmode_names[] = {"bilin", "bicub", "sharp2", "bisharp", NULL};
static const char *const compression_names[] = {"none", "lzw", "zip", "jpeg", NULL};
static const char *const pixel_names[] = {"rgb", "gray", "cmyk", NULL};
static const char *const format_names[] = {
#define X(id, name, ...) name,
    SI_FORMATS(X)
#undef X
        NULL};

/* One row a field: key, kind, where it is, how many values in a row. The order is the order in the
 * text. Fields that hold their initial value are left out, except those marked `always`, which a
 * reader of a log wants to see. */
static const struct field {
    const char *key;
    kind kind;
    size_t offset;
    int count;
    bool always;
    const char *const *names;
} fields[] = {
#define F(key, kind, member, always)                                                               \
    { key, kind, offsetof(si_recipe, member), 1, always, NULL }
#define N(key, kind, member, count)                                                                \
    { key, kind, offsetof(si_recipe, member), count, false, NULL }
#define E(key, member, names, always)                                                              \
    { key, ENUM, offsetof(si_recipe, member), 1, always, names }
    F("co", TEXT, company, true),
    F("file", TEXT, file, true),
    F("size", U64, file_size, false),
    F("time", I64, file_time, false),
    F("gen", U64, generation, true),
    E("req", req, req_names, false),
    E("body", body, body_names, false),
    F("handler", TEXT, handler, false),
    F("id", TEXT, request_id, false),
    E("cropkind", crop_kind, crop_names, false),
    N("crop", REAL, crop, 4),
    N("layersize", INT, size, 2),
    F("lusm", REAL, layer_usm.amount, false),
    F("lusmr", REAL, layer_usm.radius, false),
    F("lusmt", INT, layer_usm.threshold, false),
    F("lusmm", BOOL, layer_usm.mono, false),
    F("lsharpen", BOOL, layer_sharpen, false),
    F("wid", INT, wid, true),
    F("hei", INT, hei, true),
    F("scl", REAL, scl, false),
    E("fit", fit, fit_names, false),
    F("upscale", BOOL, upscale, false),
    N("align", REAL, align, 2),
    F("hasrect", BOOL, has_rect, false),
    N("rect", INT, rect, 4),
    F("rectscale", REAL, rect_scale, false),
    F("bgc", COLOR, bgc, true),
    F("dpr", REAL, dpr, true),
    N("maxpix", INT, max_pix, 2),
    N("defpix", INT, default_pix, 2),
    E("resmode", resmode, resmode_names, true),
    F("usm", REAL, usm.amount, false),
    F("usmr", REAL, usm.radius, false),
    F("usmt", INT, usm.threshold, false),
    F("usmm", BOOL, usm.mono, false),
    F("sharpen", BOOL, sharpen, false),
    E("fmt", format, format_names, true),
    F("alpha", BOOL, alpha, false),
    F("progressive", BOOL, progressive, false),
    F("lossless", BOOL, lossless, false),
    E("compression", compression, compression_names, false),
    E("pixel", pixel_type, pixel_names, false),
    F("qlt", INT, quality, true),
    F("chroma", BOOL, chroma_full, true),
    F("icc", TEXT, icc, false),
    F("iccembed", BOOL, icc_embed, false),
    F("dpi", INT, print_res, false),
    F("smart", BOOL, smart, true),
    F("net", INT, network, false),
#undef F
#undef N
#undef E
};

enum { FIELD_COUNT = sizeof fields / sizeof *fields };

void si_recipe_init(si_recipe *r) {
    *r = (si_recipe){.company = "",
        .object = "",
        .file = "",
        .handler = "s7jsonResponse",
        .request_id = "",
        .icc = "",
        .rect_scale = 1,
        .dpr = 1,
        .bgc = 0xFFFFFF,
        .resmode = SI_RESMODE_SHARP2,
        .format = SI_FORMAT_JPEG,
        .quality = 80};
}

static size_t value_size(kind k) {
    switch (k) {
    case TEXT:
        return sizeof(const char *);
    case BOOL:
        return sizeof(bool);
    case REAL:
        return sizeof(double);
    case U64:
    case I64:
        return sizeof(uint64_t);
    case INT:
    case COLOR:
    case ENUM:
        break;
    }
    return sizeof(int);
}

static bool is_initial(const struct field *f, const si_recipe *r, const si_recipe *initial) {
    const char *a = (const char *)r + f->offset, *b = (const char *)initial + f->offset;
    if (f->kind == TEXT) {
        return strcmp(*(const char *const *)a, *(const char *const *)b) == 0;
    }
    return memcmp(a, b, value_size(f->kind) * (size_t)f->count) == 0;
}

/* ---- writing ---- */

static int put(si_bytes *out, const char *text) {
    return si_bytes_append(out, text, strlen(text));
}

static int put_encoded(si_bytes *out, const char *text) {
    static const char hex[] = "0123456789ABCDEF";
    int ok = 1;
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-_./:$", c) != NULL;
        char escaped[3] = {'%', hex[c >> 4], hex[c & 15]};
        ok &= plain ? si_bytes_append(out, text, 1) : si_bytes_append(out, escaped, 3);
    }
    return ok;
}

static int put_value(si_bytes *out, const struct field *f, const void *value) {
    char text[40];
    switch (f->kind) {
    case TEXT:
        return put_encoded(out, *(const char *const *)value);
    case INT:
        snprintf(text, sizeof text, "%d", *(const int *)value);
        break;
    case BOOL:
        snprintf(text, sizeof text, "%d", *(const bool *)value);
        break;
    case REAL:
        si_real_print(*(const double *)value, text);
        break;
    case U64:
        snprintf(text, sizeof text, "%llu", (unsigned long long)*(const uint64_t *)value);
        break;
    case I64:
        snprintf(text, sizeof text, "%lld", (long long)*(const int64_t *)value);
        break;
    case COLOR:
        snprintf(text, sizeof text, "%06X", *(const uint32_t *)value);
        break;
    case ENUM:
        return put(out, f->names[*(const int *)value]);
    }
    return put(out, text);
}

si_result si_recipe_print(const si_recipe *r, si_arena *arena, const char **text, si_diag *diag) {
    si_recipe initial;
    si_recipe_init(&initial);
    si_bytes out = {0};
    int ok = put(&out, HEADER);
    for (int i = 0; i < FIELD_COUNT; i++) {
        const struct field *f = &fields[i];
        if (!f->always && is_initial(f, r, &initial)) {
            continue;
        }
        ok &= put(&out, "&") & put(&out, f->key) & put(&out, "=");
        for (int k = 0; k < f->count; k++) {
            ok &= k == 0 || put(&out, ",");
            ok &= put_value(&out, f, (const char *)r + f->offset + value_size(f->kind) * (size_t)k);
        }
    }
    ok &= put(&out, "&ladder=");
    for (int i = 0; i < r->ladder_len; i++) {
        ok &= (i == 0 || put(&out, ",")) & put(&out, si_format_name(r->ladder[i]));
    }
    *text = ok ? si_arena_copy(arena, (const char *)out.data, out.len) : NULL;
    si_bytes_free(&out);
    return *text != NULL ? SI_OK : si_fail(diag, SI_ERR_MEMORY, "out of memory");
}

/* ---- reading ---- */

static bool read_i64(si_str s, int64_t *out) {
    bool negative = s.len > 1 && s.p[0] == '-';
    uint64_t v = 0;
    if (s.len == (size_t)negative || s.len > 19) {
        return false;
    }
    for (size_t i = negative; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') {
            return false;
        }
        v = v * 10 + (uint64_t)(s.p[i] - '0');
    }
    *out = negative ? -(int64_t)v : (int64_t)v;
    return v <= INT64_MAX;
}

static bool read_value(const struct field *f, si_str s, si_arena *arena, void *value) {
    int64_t n;
    switch (f->kind) {
    case TEXT: {
        char *copy = si_arena_alloc(arena, s.len + 1);
        if (copy == NULL) {
            return false;
        }
        copy[si_str_decode(s, false, copy)] = '\0';
        *(const char **)value = copy;
        return true;
    }
    case INT:
        if (!read_i64(s, &n) || n < INT32_MIN || n > INT32_MAX) {
            return false;
        }
        *(int *)value = (int)n;
        return true;
    case BOOL:
        return s.len == 1 && si_str_flag(s, value);
    case REAL:
        return si_str_real(s, value);
    case U64:
        if (!read_i64(s, &n) || n < 0) {
            return false;
        }
        *(uint64_t *)value = (uint64_t)n;
        return true;
    case I64:
        return read_i64(s, value);
    case COLOR: {
        uint32_t c = 0;
        for (size_t i = 0; i < s.len; i++) {
            char d = s.p[i];
            bool digit = d >= '0' && d <= '9';
            if (!digit && !(d >= 'A' && d <= 'F')) {
                return false;
            }
            c = c << 4 | (uint32_t)(digit ? d - '0' : d - 'A' + 10);
        }
        *(uint32_t *)value = c;
        return s.len == 6;
    }
    case ENUM:
        for (int i = 0; f->names[i] != NULL; i++) {
            if (si_str_eq(s, si_str_of(f->names[i]))) {
                *(int *)value = i;
                return true;
            }
        }
        return false;
    }
    return false;
}

static bool read_field(const struct field *f, si_str text, si_arena *arena, si_recipe *r) {
    si_str part;
    for (int k = 0; k < f->count; k++) {
        char *value = (char *)r + f->offset + value_size(f->kind) * (size_t)k;
        if (!si_str_next(&text, ',', &part) || !read_value(f, part, arena, value)) {
            return false;
        }
    }
    return text.p == NULL;
}

static bool read_ladder(si_str text, si_recipe *r) {
    si_str part;
    if (text.len == 0) {
        return true;
    }
    while (si_str_next(&text, ',', &part)) {
        if (r->ladder_len == SI_LADDER_MAX ||
            !si_format_by_name(part.p, part.len, &r->ladder[r->ladder_len])) {
            return false;
        }
        r->ladder_len++;
    }
    return true;
}

/* What a renderer relies on, whoever wrote the recipe. */
static bool within_ranges(const si_recipe *r) {
    return r->wid >= 0 && r->hei >= 0 && r->size[0] >= 0 && r->size[1] >= 0 && r->scl >= 0 &&
           r->dpr > 0 && r->dpr <= 1000 && r->quality >= 1 && r->quality <= 100 &&
           r->rect_scale > 0 && r->usm.amount >= 0 && r->usm.amount <= 5 && r->usm.radius >= 0 &&
           r->usm.radius <= 250 && r->layer_usm.amount >= 0 && r->layer_usm.amount <= 5 &&
           r->layer_usm.radius >= 0 && r->layer_usm.radius <= 250 && r->bgc <= 0xFFFFFF &&
           r->max_pix[0] >= 0 && r->max_pix[1] >= 0 && r->default_pix[0] >= 0 &&
           r->default_pix[1] >= 0 && r->align[0] >= -1 && r->align[0] <= 1 && r->align[1] >= -1 &&
           r->align[1] <= 1 && r->print_res >= 0;
}

si_result si_recipe_scan(si_str text, si_arena *arena, si_recipe *r, si_diag *diag) {
    si_recipe_init(r);
    si_str rest = text, item, key;
    if (text.len > MAX_TEXT || !si_str_next(&rest, '&', &item) ||
        !si_str_eq(item, SI_STR(HEADER))) {
        return si_fail(diag, SI_ERR_SYNTAX, "not a recipe of this version");
    }
    int next = 0; /* keys come in table order, each at most once */
    bool ladder = false;
    while (si_str_next(&rest, '&', &item)) {
        si_str value = item;
        (void)si_str_next(&value, '=', &key);
        if (value.p == NULL || ladder) {
            return si_fail(diag, SI_ERR_SYNTAX, "malformed recipe");
        }
        if (si_str_eq(key, SI_STR("ladder"))) {
            ladder = true;
            if (!read_ladder(value, r)) {
                return si_fail(diag, SI_ERR_SYNTAX, "malformed recipe: ladder");
            }
            continue;
        }
        while (next < FIELD_COUNT && !si_str_eq(key, si_str_of(fields[next].key))) {
            next++;
        }
        if (next == FIELD_COUNT || !read_field(&fields[next], value, arena, r)) {
            return si_fail(diag, SI_ERR_SYNTAX, "malformed recipe: %.*s",
                (int)(key.len > 20 ? 20 : key.len), key.p);
        }
        next++;
    }
    if (!ladder || !within_ranges(r)) {
        return si_fail(diag, SI_ERR_SYNTAX, "malformed recipe");
    }
    return SI_OK;
}
