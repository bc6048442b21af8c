#include "catalog/imageset.h"

#include "base/color.h"
#include "base/percent.h"

/* What stays the same while a set is read. */
typedef struct parse {
    si_set_locale locale;
    si_arena *arena;
    si_diag *diag;
} parse;

static const si_image_set *parse_set(parse *p, si_str text, const char *separators, int depth);

/* ---- brackets and separators ---- */

static char closing(char c) {
    return c == '{' ? '}' : c == '(' ? ')' : '\0';
}

/* All brackets close in the order they open, and are not deeper than the limit. */
static si_result check_brackets(si_str text, int depth, si_diag *diag) {
    char open[SI_SET_NESTING_LIMIT + 1];
    int n = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i], close = closing(c);
        if (close != '\0') {
            if (n + depth >= SI_SET_NESTING_LIMIT) {
                return si_fail(
                    diag, SI_ERR_LIMIT, "the set is nested deeper than %d", SI_SET_NESTING_LIMIT);
            }
            open[n++] = close;
        } else if ((c == '}' || c == ')') && (n == 0 || open[--n] != c)) {
            return si_fail(diag, SI_ERR_SYNTAX, "the brackets of the set do not match");
        }
    }
    return n == 0 ? SI_OK : si_fail(diag, SI_ERR_SYNTAX, "the brackets of the set do not match");
}

/* Takes the part before the next separator that is not in brackets. False once nothing is left. */
static bool next_part(si_str *rest, const char *separators, si_str *part) {
    int depth = 0;
    if (rest->p == NULL) {
        return false;
    }
    for (size_t i = 0; i < rest->len; i++) {
        char c = rest->p[i];
        depth += closing(c) != '\0';
        depth -= c == '}' || c == ')';
        if (depth == 0 && strchr(separators, c) != NULL) {
            *part = (si_str){rest->p, i};
            rest->p += i + 1;
            rest->len -= i + 1;
            return true;
        }
    }
    *part = *rest;
    *rest = (si_str){NULL, 0};
    return true;
}

static size_t count_parts(si_str text, const char *separators) {
    si_str part;
    size_t n = 0;
    while (next_part(&text, separators, &part)) {
        n++;
    }
    return n;
}

/* The inside of a part that is nothing but a pair of brackets. */
static bool in_brackets(si_str part, si_str *inside) {
    part = si_str_trim(part);
    if (part.len < 2 || closing(part.p[0]) == '\0') {
        return false;
    }
    int depth = 0;
    for (size_t i = 0; i + 1 < part.len; i++) {
        depth += closing(part.p[i]) != '\0';
        depth -= part.p[i] == '}' || part.p[i] == ')';
        if (depth == 0) {
            return false;
        }
    }
    *inside = (si_str){part.p + 1, part.len - 2};
    return true;
}

/* ---- parts ---- */

/* Localized, trimmed and percent-decoded. NULL if memory runs out. */
static const char *leaf(parse *p, si_str text) {
    text = si_locale_string(p->locale.map, p->locale.locale, si_str_trim(text));
    char *out = si_arena_alloc(p->arena, text.len + 1);
    if (out == NULL) {
        (void)si_fail(p->diag, SI_ERR_MEMORY, "out of memory");
    } else if (text.len > 0) {
        (void)si_percent_decode(text, false, out);
    }
    return out;
}

/* "0xrrggbb label": the colour is no part of what is localized. */
static bool read_color(parse *p, si_str text, si_set_part *out) {
    enum { COLOR_LEN = 8 };
    si_color color;
    text = si_str_trim(text);
    bool alone = text.len == COLOR_LEN;
    if (text.len < COLOR_LEN || text.p[0] != '0' || (text.p[1] | 0x20) != 'x' ||
        (!alone && text.p[COLOR_LEN] != ' ' && text.p[COLOR_LEN] != '^') ||
        !si_color_parse((si_str){text.p, COLOR_LEN}, &color)) {
        return false;
    }
    *out = (si_set_part){.kind = SI_SET_PART_COLOR, .color = si_color_rgb(&color)};
    out->text = leaf(p, (si_str){text.p + COLOR_LEN, text.len - COLOR_LEN});
    return true;
}

/* An id, a colour or a set. False if something is wrong, which is told. */
static bool parse_part(parse *p, si_str text, int depth, si_set_part *out) {
    si_str inside;
    *out = (si_set_part){.text = ""};
    if (in_brackets(text, &inside)) {
        if (!read_color(p, inside, out)) {
            out->kind = SI_SET_PART_SET;
            out->set = parse_set(p, inside, ",", depth + 1);
            return out->set != NULL;
        }
        return out->text != NULL;
    }
    if (si_str_trim(text).len == 0) {
        return true;
    }
    out->kind = SI_SET_PART_ID;
    out->text = leaf(p, text);
    return out->text != NULL;
}

/* ---- entries and sets ---- */

static bool parse_pages(parse *p, si_str text, int depth, si_set_entry *e) {
    si_str page;
    while (next_part(&text, ":", &page)) {
        if (e->page_count == SI_SET_PAGES) {
            (void)si_fail(p->diag, SI_ERR_SYNTAX, "a page item has up to %d images", SI_SET_PAGES);
            return false;
        }
        if (!parse_part(p, page, depth, &e->pages[e->page_count++])) {
            return false;
        }
    }
    return true;
}

static bool parse_entry(parse *p, si_str text, int depth, si_set_entry *e) {
    si_str part;
    bool ok = true;
    e->type = e->swatch.text = "";
    while (ok && next_part(&text, ";", &part)) {
        switch (e->part_count++) {
        case 0:
            ok = parse_pages(p, part, depth, e);
            break;
        case 1:
            ok = parse_part(p, part, depth, &e->swatch);
            break;
        case 2:
            ok = (e->type = leaf(p, part)) != NULL;
            break;
        case 3: /* reserved */
            ok = leaf(p, part) != NULL;
            break;
        default:
            (void)si_fail(p->diag, SI_ERR_SYNTAX, "an entry of a set has up to four parts");
            ok = false;
        }
    }
    return ok;
}

/* The first of these that is true: an entry with pages, with three parts, with two, with a set. */
static si_set_type shape_of(const si_image_set *set) {
    bool pages = false, three = false, two = false, sets = false;
    for (int i = 0; i < set->count; i++) {
        const si_set_entry *e = &set->entries[i];
        pages |= e->page_count > 1;
        three |= e->part_count > 2;
        two |= e->part_count == 2;
        sets |= e->pages[0].kind == SI_SET_PART_SET;
    }
    return pages   ? SI_SET_ECATALOG
           : three ? SI_SET_MEDIA
           : two   ? SI_SET_IMAGE
           : sets  ? SI_SET_SPIN_2D
                   : SI_SET_UNKNOWN;
}

static bool holds_media_set(const si_image_set *set) {
    for (int i = 0; i < set->count; i++) {
        const si_set_part *item = &set->entries[i].pages[0];
        if (item->kind == SI_SET_PART_SET && item->set->shape == SI_SET_MEDIA) {
            return true;
        }
    }
    return false;
}

static const si_image_set *parse_set(parse *p, si_str text, const char *separators, int depth) {
    si_image_set *set = si_arena_alloc(p->arena, sizeof *set);
    si_set_entry *entries =
        si_arena_alloc(p->arena, count_parts(text, separators) * sizeof(si_set_entry));
    if (set == NULL || entries == NULL) {
        (void)si_fail(p->diag, SI_ERR_MEMORY, "out of memory");
        return NULL;
    }
    si_str part;
    while (text.len > 0 && next_part(&text, separators, &part)) {
        if (!parse_entry(p, part, depth, &entries[set->count++])) {
            return NULL;
        }
    }
    set->entries = entries;
    set->shape = shape_of(set);
    if (set->shape == SI_SET_MEDIA && holds_media_set(set)) {
        (void)si_fail(p->diag, SI_ERR_SYNTAX, "a media set in a media set");
        return NULL;
    }
    return set;
}

si_result si_image_set_parse(si_str text, si_asset asset, int depth, si_set_locale locale,
    si_arena *arena, const si_image_set **out, si_diag *diag) {
    parse p = {locale, arena, diag};
    si_diag own = {0};
    if (diag == NULL) {
        p.diag = diag = &own;
    }
    if (depth > SI_SET_NESTING_LIMIT) {
        return si_fail(
            diag, SI_ERR_LIMIT, "the set is nested deeper than %d", SI_SET_NESTING_LIMIT);
    }
    SI_TRY(check_brackets(text, depth, diag));
    *out = parse_set(&p, text, asset == SI_ASSET_SPINSET ? ",;" : ",", depth);
    return *out != NULL ? SI_OK : si_diag_result(diag, SI_ERR_SYNTAX);
}

/* ---- types ---- */

/* The record of an id that may begin with a company's name. */
static const si_record *find_item(
    const si_catalog *c, const si_company *company, si_str id, si_record_table table) {
    si_arena arena = {0};
    si_resolved found = {0};
    const si_object_query query = {.main = company, .object = id, .table = table};
    (void)!si_catalog_resolve(c, &query, &arena, &found, NULL);
    si_arena_free(&arena);
    return found.record;
}

si_set_type si_image_set_type(const si_catalog *c, const si_company *company,
    const si_record *record, const si_image_set *set) {
    static const si_set_type of_asset[] = {[SI_ASSET_UNKNOWN] = SI_SET_UNKNOWN,
        [SI_ASSET_MEDIASET] = SI_SET_MEDIA,
        [SI_ASSET_SPINSET] = SI_SET_SPIN,
        [SI_ASSET_SPINSET2D] = SI_SET_SPIN_2D,
        [SI_ASSET_VIDEOSET] = SI_SET_VIDEO,
        [SI_ASSET_IMAGESET] = SI_SET_IMAGE,
        [SI_ASSET_ECATALOG] = SI_SET_ECATALOG};
    if (record != NULL && record->asset_type != SI_ASSET_UNKNOWN) {
        return of_asset[record->asset_type];
    }
    for (int i = 0; set->shape == SI_SET_UNKNOWN && i < set->count; i++) {
        const char *id = set->entries[i].pages[0].text;
        const si_record *r = find_item(c, company, si_str_of(id), SI_TABLE_IMAGE);
        if (r != NULL && r->image_set[0] != '\0') {
            return SI_SET_SPIN_2D;
        }
    }
    return set->shape;
}

const char *si_item_type_name(si_item_type type) {
    static const char *const names[] = {
        "img", "img_set", "media_set", "ecat", "spin", "video", "video_set", "static"};
    return names[type];
}

bool si_item_type_written(si_str text, si_item_type *out) {
    static const struct {
        const char *name;
        si_item_type type;
    } types[] = {{"img", SI_ITEM_IMAGE}, {"basic", SI_ITEM_IMAGE},
        {"advanced_image", SI_ITEM_IMAGE}, {"img_set", SI_ITEM_IMAGE_SET},
        {"advanced_image_set", SI_ITEM_IMAGE_SET}, {"advanced_imageset", SI_ITEM_IMAGE_SET},
        {"advanced_swatchset", SI_ITEM_IMAGE_SET}, {"spin", SI_ITEM_SPIN}, {"video", SI_ITEM_VIDEO},
        {"video_set", SI_ITEM_VIDEO_SET}, {"static", SI_ITEM_STATIC}, {"ecat", SI_ITEM_ECATALOG}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (si_str_eq_nocase(text, si_str_of(types[i].name))) {
            *out = types[i].type;
            return true;
        }
    }
    return false;
}

static bool is_video_name(si_str name) {
    static const char *const suffixes[] = {".mp3", ".mp4", ".flv", ".f4v", ".swf", ".xml"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        si_str s = si_str_of(suffixes[i]);
        if (name.len > s.len && si_str_eq_nocase((si_str){name.p + name.len - s.len, s.len}, s)) {
            return true;
        }
    }
    return false;
}

si_item_type si_item_type_found(const si_catalog *c, const si_company *company, si_str id) {
    const si_record *image = find_item(c, company, id, SI_TABLE_IMAGE);
    const si_record *content = find_item(c, company, id, SI_TABLE_STATIC);
    if (image != NULL && content == NULL) {
        return SI_ITEM_IMAGE;
    }
    if (is_video_name(content != NULL ? si_str_of(content->path) : id)) {
        return SI_ITEM_VIDEO;
    }
    return image == NULL && content != NULL ? SI_ITEM_STATIC : SI_ITEM_IMAGE;
}
