#include "reply/media_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/json.h"
#include "reply/properties.h"
#include "reply/replies.h"
#include "reply/set_tree.h"
#include "request/values.h"

enum { IV_LENGTH = 8 };

typedef struct builder {
    const si_media_set_request *request;
    si_arena *arena;
    si_recipe *recipe;
    si_diag *diag;
    si_layer *layers;
    int count;
    int items; /* so far */
    si_set_tree tree;
} builder;

static si_set_element *add_element(builder *b, si_set_element *parent, const char *name) {
    unsigned json = strcmp(name, "item") == 0 ? SI_SET_CHILDREN_FIRST : 0;
    return si_set_tree_add(&b->tree, parent, name, json);
}

static void set(builder *b, si_set_element *e, const char *name, const char *value) {
    si_set_tree_set(&b->tree, e, name, value);
}

/* ---- items ---- */

static const char *full_name(builder *b, const si_resolved *r) {
    const char *root = r->owner->id;
    const si_crop *crop = si_resolved_crop(r);
    return si_arena_printf(b->arena, "%s%s%s%s%s", root,
        root[0] != '\0' && r->object[0] != '\0' ? "/" : "", r->object, crop != NULL ? ":" : "",
        crop != NULL ? crop->name : "");
}

static si_result resolve(builder *b, si_str id, si_record_table table, si_resolved *out) {
    const si_object_query query = {
        .main = b->request->main, .object = id, .locale = b->request->locale, .table = table};
    SI_TRY(si_catalog_resolve(b->request->catalog, &query, b->arena, out, b->diag));
    return si_access_company(b->request->access, out->company)
               ? SI_OK
               : si_fail(b->diag, SI_ERR_FORBIDDEN, "request refused");
}

/* Before anything is told of what an id names. */
static si_result admit(const builder *b, si_str id) {
    const si_media_set_request *request = b->request;
    const si_object_query query = {
        .main = request->main, .object = id, .locale = request->locale, .table = SI_TABLE_IMAGE};
    si_resolved r;
    si_diag ignored = {0}; /* mistakes are told when the item is added */
    bool found = si_catalog_resolve(request->catalog, &query, b->arena, &r, &ignored) == SI_OK;
    return !found || si_access_company(request->access, r.company)
               ? SI_OK
               : si_fail(b->diag, SI_ERR_FORBIDDEN, "request refused");
}

/* The original of an item, or its part that a smart crop shows. */
static si_source source_of(
    const builder *b, const si_resolved *r, const si_file_ref *file, const si_crop *crop) {
    si_layer layer;
    si_layer_init(&layer, 0);
    si_source s = layer.source;
    s.kind = SI_SOURCE_FILE;
    s.file = *file;
    if (crop != NULL) {
        si_resolved cropped = *r;
        double rect[4];
        cropped.swatch &= crop == si_resolved_crop(r);
        cropped.crop = cropped.swatch ? NULL : crop;
        s.smart_crop[0] = crop->width;
        s.smart_crop[1] = crop->height;
        if (si_catalog_crop_by_hand(b->request->catalog, &cropped, rect)) {
            memcpy(s.crop_rect, rect, sizeof rect);
        }
    }
    return s;
}

static bool same_source(const si_source *a, const si_source *b) {
    return strcmp(a->file.path, b->file.path) == 0 && a->smart_crop[0] == b->smart_crop[0] &&
           a->smart_crop[1] == b->smart_crop[1] &&
           memcmp(a->crop_rect, b->crop_rect, sizeof a->crop_rect) == 0;
}

/* The layer of a source, a new one unless there is one already; −1 with `diag` set. */
static int layer_of(builder *b, si_source source) {
    for (int i = 0; i < b->count; i++) {
        if (same_source(&b->layers[i].source, &source)) {
            return i;
        }
    }
    if (b->count == SI_MEDIA_SET_IMAGES) {
        (void)si_fail(
            b->diag, SI_ERR_LIMIT, "the set has more than %d images", SI_MEDIA_SET_IMAGES);
        return -1;
    }
    si_layer_init(&b->layers[b->count], b->count);
    b->layers[b->count].source = source;
    return b->count++;
}

static si_result admit_file(const builder *b, const si_resolved *r) {
    return si_access_file(b->request->access, r->owner, SI_FOLDER_IMAGES, si_str_of(r->path))
               ? SI_OK
               : si_fail(b->diag, SI_ERR_FORBIDDEN, "request refused");
}

/* Size and version of an image, if its file is there; *layer is its own, or −1. */
static si_result describe_image(
    builder *b, si_set_element *item, const si_resolved *r, int *layer) {
    si_file file;
    si_diag missing = {0};
    char hex[SI_DIGEST_HEX];
    *layer = -1;
    SI_TRY(admit_file(b, r));
    if (r->path[0] == '\0' ||
        si_catalog_find_of(b->request->catalog, r, r->path, b->arena, &file, &missing) != SI_OK) {
        return SI_OK;
    }
    const si_file_ref ref = {file.path, file.size, file.time_ns};
    *layer = layer_of(b, source_of(b, r, &ref, si_resolved_crop(r)));
    if (*layer < 0) {
        return si_diag_result(b->diag, SI_ERR_LIMIT);
    }
    const char *state = si_arena_printf(b->arena, "%s,%llu,%lld", file.path,
        (unsigned long long)file.size, (long long)file.time_ns);
    if (state == NULL) {
        return si_fail(b->diag, SI_ERR_MEMORY, "out of memory");
    }
    si_digest_hex(state, strlen(state), hex);
    si_set_tree_gap(&b->tree, item, "dx", *layer, SI_GAP_WIDTH);
    si_set_tree_gap(&b->tree, item, "dy", *layer, SI_GAP_HEIGHT);
    set(b, item, "iv", si_arena_copy(b->arena, hex, IV_LENGTH));
    return SI_OK;
}

/* The value of a key in property data, localized; p == NULL if it has none. */
static si_str user_data(builder *b, const si_record *record) {
    si_str rest = si_str_of(record->user_data), line, name;
    while (si_str_next_line(&rest, &line)) {
        line = si_str_trim(line);
        if (si_str_next(&line, '=', &name) && line.p != NULL &&
            si_str_eq_nocase(name, b->request->label_key)) {
            return si_locale_string(
                b->request->main->attributes.locale_str_map, b->request->locale, line);
        }
    }
    return (si_str){NULL, 0};
}

static void label(builder *b, si_set_element *item, const si_record *record) {
    if (b->request->label_key.p != NULL && record != NULL) {
        si_str text = user_data(b, record);
        if (text.p != NULL) {
            set(b, item, "l", si_arena_copy(b->arena, text.p, text.len));
        }
    }
}

static void swatch(builder *b, si_set_element *item, const si_set_part *part) {
    if (part->kind == SI_SET_PART_NONE || part->kind == SI_SET_PART_SET) {
        return;
    }
    si_set_element *s = add_element(b, item, "s");
    if (part->kind == SI_SET_PART_COLOR) {
        set(b, s, "c", si_arena_printf(b->arena, "0x%06x", (unsigned)part->color));
        if (part->text[0] != '\0') {
            set(b, s, "l", part->text);
        }
        return;
    }
    si_resolved r;
    si_diag kept = *b->diag;
    if (resolve(b, si_str_of(part->text), SI_TABLE_IMAGE, &r) == SI_OK) {
        set(b, s, "n", full_name(b, &r));
    } else {
        *b->diag = kept;
        set(b, s, "n", part->text);
    }
}

static void video(builder *b, si_set_element *item, const si_set_part *part) {
    si_resolved r;
    si_set_element *v = add_element(b, item, "v");
    si_diag kept = *b->diag;
    if (resolve(b, si_str_of(part->text), SI_TABLE_STATIC, &r) != SI_OK) {
        *b->diag = kept;
        set(b, v, "n", part->text);
        return;
    }
    set(b, v, "n", full_name(b, &r));
    set(b, v, "path", r.path);
    if (r.record != NULL && r.record->video_size.w > 0) {
        set(b, v, "dx", si_arena_printf(b->arena, "%d", r.record->video_size.w));
        set(b, v, "dy", si_arena_printf(b->arena, "%d", r.record->video_size.h));
    }
    label(b, item, r.record);
}

static si_result fill_set(builder *b, si_set_element *top, const char *name,
    const si_record *record, const si_image_set *set, const char *type, int depth);

/* Where something is put. */
typedef struct place {
    si_set_element *item;
    bool first; /* page of the item */
    bool media; /* the item is of a media set */
    int depth;  /* sets around the set of the item */
} place;

static bool is_set_type(si_item_type t) {
    return t == SI_ITEM_IMAGE_SET || t == SI_ITEM_MEDIA_SET || t == SI_ITEM_ECATALOG ||
           t == SI_ITEM_SPIN || t == SI_ITEM_VIDEO_SET;
}

static const char *name_of_set(si_set_type type) {
    static const si_item_type items[] = {[SI_SET_UNKNOWN] = SI_ITEM_IMAGE_SET,
        [SI_SET_IMAGE] = SI_ITEM_IMAGE_SET,
        [SI_SET_MEDIA] = SI_ITEM_MEDIA_SET,
        [SI_SET_ECATALOG] = SI_ITEM_ECATALOG,
        [SI_SET_SPIN] = SI_ITEM_SPIN,
        [SI_SET_SPIN_2D] = SI_ITEM_SPIN,
        [SI_SET_VIDEO] = SI_ITEM_VIDEO_SET};
    return si_item_type_name(items[type]);
}

/* The type of a set inside an item: of its record's AssetType, else what is written beside it, else
 * of its shape. */
static const char *type_of_inner(const builder *b, const si_image_set *set, const si_record *record,
    const si_item_type *written) {
    bool own = record != NULL && record->asset_type != SI_ASSET_UNKNOWN;
    return !own && written != NULL
               ? si_item_type_name(*written)
               : name_of_set(si_image_set_type(b->request->catalog, b->request->main, record, set));
}

/* A set inside an item, inline or of a record; in a media set the item says of what type it is. */
static si_result add_inner_set(builder *b, const place *at, const char *name,
    const si_record *record, const si_image_set *inner, const si_item_type *written) {
    const char *type = type_of_inner(b, inner, record, written);
    if (at->media && strcmp(type, si_item_type_name(SI_ITEM_MEDIA_SET)) == 0) {
        return si_fail(b->diag, SI_ERR_SYNTAX, "a media set in a media set");
    }
    if (at->media && at->first) {
        set(b, at->item, "type", type);
    }
    return fill_set(b, add_element(b, at->item, "set"), name, record, inner, type, at->depth + 1);
}

static si_result add_record_set(
    builder *b, const place *at, const si_resolved *r, const si_item_type *written) {
    const si_image_set *inner;
    const si_set_locale locale = {b->request->main->attributes.locale_str_map, b->request->locale};
    si_result result = si_image_set_parse(si_str_of(r->record->image_set), r->record->asset_type,
        at->depth + 1, locale, b->arena, &inner, b->diag);
    return result == SI_OK ? add_inner_set(b, at, full_name(b, r), r->record, inner, written)
                           : result;
}

static si_result add_image(builder *b, const place *at, const si_resolved *r, si_item_type type) {
    int layer;
    if (at->media && at->first) {
        set(b, at->item, "type", si_item_type_name(type));
    }
    set(b, add_element(b, at->item, "i"), "n", full_name(b, r));
    if (!at->first) {
        return SI_OK;
    }
    si_result result = describe_image(b, at->item, r, &layer);
    label(b, at->item, r->record);
    return result;
}

static si_result add_page(
    builder *b, const place *at, const si_set_part *page, const char *written) {
    si_resolved r;
    si_item_type type;
    bool known = si_item_type_written(si_str_of(written), &type);
    const si_item_type *set_type = known && is_set_type(type) ? &type : NULL;
    if (page->kind == SI_SET_PART_SET) {
        return add_inner_set(b, at, "", NULL, page->set, set_type);
    }
    if (page->kind != SI_SET_PART_ID) {
        return SI_OK;
    }
    si_str id = si_str_of(page->text);
    if (!known) {
        SI_TRY(admit(b, id));
        type = si_item_type_found(b->request->catalog, b->request->main, id);
    }
    if (type == SI_ITEM_VIDEO || type == SI_ITEM_STATIC) {
        if (at->media) {
            set(b, at->item, "type", si_item_type_name(type));
        }
        video(b, at->item, page);
        return SI_OK;
    }
    SI_TRY(resolve(b, id, SI_TABLE_IMAGE, &r));
    bool is_set = r.record != NULL && r.record->image_set[0] != '\0';
    return is_set && (!known || set_type != NULL) ? add_record_set(b, at, &r, set_type)
                                                  : add_image(b, at, &r, type);
}

static si_result fill_set(builder *b, si_set_element *top, const char *name,
    const si_record *record, const si_image_set *from, const char *type, int depth) {
    si_result result = SI_OK;
    if (depth > SI_SET_NESTING_LIMIT) {
        return si_fail(b->diag, SI_ERR_LIMIT, "sets are nested too deep");
    }
    set(b, top, "pv", "1.0");
    set(b, top, "type", type);
    if (name == NULL || name[0] != '\0') {
        set(b, top, "n", name);
    }
    label(b, top, record);
    bool media = strcmp(type, si_item_type_name(SI_ITEM_MEDIA_SET)) == 0;
    for (int i = 0; i < from->count && result == SI_OK && !b->tree.failed; i++) {
        const si_set_entry *entry = &from->entries[i];
        si_set_element *item = add_element(b, top, "item");
        if (++b->items > SI_SET_BROCHURE_LIMIT * SI_MEDIA_SET_IMAGES) {
            return si_fail(b->diag, SI_ERR_LIMIT, "the set has too many items");
        }
        for (int k = 0; k < entry->page_count && result == SI_OK; k++) {
            const place at = {item, k == 0, media, depth};
            result = add_page(b, &at, &entry->pages[k], entry->type);
        }
        swatch(b, item, &entry->swatch);
    }
    return result;
}

/* "w,h" or "w,h,x,y,w,h" of a smart crop, its rectangle as fractions of the original. */
static const char *crop_text(const builder *b, const si_resolved *r, const si_crop *crop) {
    char text[4][32];
    const si_source s = source_of(b, r, &(si_file_ref){.path = ""}, crop);
    if (s.crop_rect[2] <= 0) {
        return si_arena_printf(b->arena, "%d,%d", crop->width, crop->height);
    }
    for (int i = 0; i < 4; i++) {
        si_real_print(s.crop_rect[i], text[i]);
    }
    return si_arena_printf(b->arena, "%d,%d,%s,%s,%s,%s", crop->width, crop->height, text[0],
        text[1], text[2], text[3]);
}

/* The smart crops that a company has for an image, as facts of the recipe: first the image's name,
 * then the name of each crop with its crop_text(). */
static si_result add_relations(builder *b, si_set_element *top, const si_resolved *r, int layer) {
    const si_crop *crops = si_company_crops(b->request->catalog, r->company);
    int count = 1;
    for (const si_crop *c = crops; c != NULL; c = c->next) {
        count++;
    }
    if (count == 1) {
        return SI_OK;
    }
    si_fact *facts = si_arena_alloc(b->arena, (size_t)count * sizeof *facts);
    if (facts == NULL) {
        return si_fail(b->diag, SI_ERR_MEMORY, "out of memory");
    }
    facts[0] = (si_fact){"n", full_name(b, r)};
    int n = 1;
    for (const si_crop *c = crops; c != NULL; c = c->next) {
        facts[n++] = (si_fact){c->name, crop_text(b, r, c)};
        b->tree.failed |= facts[n - 1].value == NULL;
    }
    b->tree.failed |= facts[0].value == NULL;
    b->recipe->facts = facts;
    b->recipe->fact_count = count;
    si_set_tree_hole(&b->tree, top, "relation", layer, SI_GAP_RELATIONS);
    return SI_OK;
}

/* An object that is no set is an item of its own. */
static si_result add_single(builder *b, const si_resolved *r, si_set_element **top) {
    int layer;
    si_item_type type =
        si_item_type_found(b->request->catalog, b->request->main, b->request->object);
    *top = add_element(b, NULL, "set");
    set(b, *top, "pv", "1.0");
    set(b, *top, "type", si_item_type_name(type));
    set(b, *top, "n", full_name(b, r));
    si_set_element *item = add_element(b, *top, "item");
    if (type == SI_ITEM_VIDEO || type == SI_ITEM_STATIC) {
        const si_set_part part = {.kind = SI_SET_PART_ID, .text = r->object};
        video(b, item, &part);
        return SI_OK;
    }
    si_file file;
    if (r->record == NULL) {
        SI_TRY(admit_file(b, r));
        SI_TRY(si_catalog_find_of(b->request->catalog, r, r->path, b->arena, &file, b->diag));
    }
    set(b, add_element(b, item, "i"), "n", full_name(b, r));
    si_result result = describe_image(b, item, r, &layer);
    label(b, item, r->record);
    if (result != SI_OK || layer < 0) {
        return result;
    }
    return add_relations(b, *top, r, layer);
}

/* ---- the reply ---- */

static bool put(si_bytes *out, const char *text) {
    return si_bytes_append(out, text, strlen(text));
}

static si_result write_set(builder *b, const si_set_element *top) {
    si_bytes out = {0};
    bool ok;
    if (b->recipe->body == SI_BODY_JSON) {
        ok = put(&out, "{\"set\":") && si_set_tree_write_json(top, &out) && put(&out, "}");
    } else {
        ok = put(&out, "<?xml version=\"1.0\" encoding=\"") && put(&out, b->recipe->encoding) &&
             put(&out, "\" ?>\r\n") && si_set_tree_write_xml(top, &out) && put(&out, "\r\n");
    }
    b->recipe->set =
        ok && !b->tree.failed ? si_arena_copy(b->arena, (const char *)out.data, out.len) : NULL;
    si_bytes_free(&out);
    return b->recipe->set != NULL ? SI_OK : si_fail(b->diag, SI_ERR_MEMORY, "out of memory");
}

si_result si_media_set_plan(
    const si_media_set_request *request, si_arena *arena, si_recipe *r, si_diag *diag) {
    builder b = {
        .request = request, .arena = arena, .recipe = r, .diag = diag, .tree = {.arena = arena}};
    si_resolved resolved;
    si_set_element *top = NULL;
    b.layers = si_arena_alloc(arena, SI_MEDIA_SET_IMAGES * sizeof *b.layers);
    if (b.layers == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    SI_TRY(resolve(&b, request->object, SI_TABLE_IMAGE, &resolved));
    si_result result = SI_OK;
    const si_record *record = resolved.record;
    const char *text = request->text != NULL ? request->text
                       : record != NULL      ? record->image_set
                                             : "";
    if (text[0] != '\0') {
        const si_image_set *from;
        const si_set_locale locale = {request->main->attributes.locale_str_map, request->locale};
        result = si_image_set_parse(si_str_of(text), record != NULL ? record->asset_type : 0, 0,
            locale, arena, &from, diag);
        if (result == SI_OK) {
            si_set_type type = si_image_set_type(
                request->catalog, request->main, request->text != NULL ? NULL : record, from);
            top = add_element(&b, NULL, "set");
            result =
                fill_set(&b, top, full_name(&b, &resolved), record, from, name_of_set(type), 0);
        }
    } else {
        result = add_single(&b, &resolved, &top);
    }
    if (result == SI_OK) {
        r->picture.layers = b.layers;
        r->picture.layer_count = b.count;
        result = write_set(&b, top);
    }
    return result;
}

/* ---- smart crops of the image ---- */

int si_media_set_crop_count(const si_recipe *r) {
    bool any = r->fact_count > 0 && r->picture.layer_count == 1;
    return any ? r->fact_count - 1 : 0;
}

bool si_media_set_crop_source(const si_recipe *r, int index, si_source *out) {
    si_str rest = si_str_of(r->facts[index + 1].value), part;
    double v[6] = {0};
    int n = 0;
    while (n < 6 && si_str_next(&rest, ',', &part)) {
        if (!si_value_real(part, &v[n++])) {
            return false;
        }
    }
    bool ok = rest.p == NULL && (n == 2 || n == 6) && v[0] >= 1 && v[1] >= 1 && v[0] <= 65500 &&
              v[1] <= 65500;
    if (ok) {
        *out = r->picture.layers[0].source;
        out->smart_crop[0] = (int)v[0];
        out->smart_crop[1] = (int)v[1];
        memcpy(out->crop_rect, v + 2, sizeof out->crop_rect);
    }
    return ok;
}

/* What page components find a smart crop by, with the properties of its req=userdata. */
static bool put_relation(const si_recipe *r, const si_source *source, int index,
    const si_set_crop *crop, si_bytes *out) {
    si_arena arena = {0};
    si_set_tree t = {.arena = &arena};
    const char *name = r->facts[index + 1].name;
    char rect[SI_CROP_RECT_MAX] = "", colour[SI_CROP_RECT_MAX] = "";
    if (crop->known) {
        si_crop_rect_print(source, crop->rect, rect);
        si_crop_colour_print(crop->colour, colour);
    }
    si_set_element *e = si_set_tree_add(&t, NULL, "relation", 0);
    si_set_tree_set(&t, e, "n", si_arena_printf(&arena, "%s:%s", r->facts[0].value, name));
    si_set_element *data = si_set_tree_add(&t, e, "userdata", 0);
    si_set_tree_set(&t, data, "SmartCropDef", name);
    si_set_tree_set(&t, data, "SmartCropType", si_crop_type(source, name));
    si_set_tree_set(
        &t, data, "SmartCropWidth", si_arena_printf(&arena, "%d.0", source->smart_crop[0]));
    si_set_tree_set(
        &t, data, "SmartCropHeight", si_arena_printf(&arena, "%d.0", source->smart_crop[1]));
    si_set_tree_set(&t, data, "SmartCropRect", rect);
    si_set_tree_set(&t, data, "SmartSwatchColor", colour);
    bool ok = !t.failed && (r->body == SI_BODY_JSON ? si_set_tree_write_json(e, out)
                                                    : si_set_tree_write_xml(e, out));
    si_arena_free(&arena);
    return ok;
}

/* In JSON an array even of one: Adobe's "Core WCM Components" (Image v2, v3) ask for its length. */
static bool put_relations(const si_recipe *r, const si_set_crop *crops, si_bytes *out) {
    bool json = r->body == SI_BODY_JSON;
    bool ok = !json || put(out, "[");
    for (int i = 0; i < si_media_set_crop_count(r) && ok; i++) {
        si_source source;
        ok = si_media_set_crop_source(r, i, &source) && (i == 0 || !json || put(out, ",")) &&
             put_relation(r, &source, i, &crops[i], out);
    }
    return ok && (!json || put(out, "]"));
}

/* ---- filling the gaps ---- */

static bool put_gap(
    const si_recipe *r, const int size[2], const si_set_crop *crops, si_gap what, si_bytes *out) {
    char number[16];
    if (what == SI_GAP_RELATIONS) {
        return put_relations(r, crops, out);
    }
    snprintf(number, sizeof number, "%d", size[what == SI_GAP_HEIGHT]);
    return put(out, number);
}

si_result si_media_set_fill(const si_recipe *r, const int (*sizes)[2], const si_set_crop *crops,
    si_bytes *out, si_diag *diag) {
    int layer;
    si_next_gap found = SI_GAP_FOUND;
    bool ok = true;
    const char *rest = r->set;
    si_gap what;
    si_str text;
    if (r->body == SI_BODY_JSON) {
        ok = put(out, "/*jsonp*/") && put(out, r->handler) && put(out, "(");
    }
    while (found == SI_GAP_FOUND && ok) {
        found = si_set_gap_next(&rest, &text, &layer, &what);
        if (found == SI_GAP_MALFORMED ||
            (found == SI_GAP_FOUND && layer >= r->picture.layer_count)) {
            return si_fail(diag, SI_ERR_SYNTAX, "malformed recipe: set");
        }
        ok = text.len == 0 || si_bytes_append(out, text.p, text.len);
        if (found == SI_GAP_FOUND && ok) {
            ok = put_gap(r, sizes[layer], crops, what, out);
        }
    }
    if (r->body == SI_BODY_JSON) {
        ok = ok && put(out, ",") && si_json_put(out, r->request_id, strlen(r->request_id)) &&
             put(out, ");");
    } else {
        ok = ok && si_reply_encode(out, r->encoding);
    }
    return ok ? SI_OK : si_fail(diag, SI_ERR_MEMORY, "out of memory");
}
