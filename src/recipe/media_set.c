#include "recipe/media_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "recipe/properties.h"
#include "recipe/replies.h"

/* Around a gap: the layer's number, then x or y. No value of a catalog has this character. */
#define GAP '\x01'

enum { IV_LENGTH = 8 };

/* ---- the tree ---- */

typedef struct attribute {
    struct attribute *next;
    const char *name, *value;
} attribute;

typedef struct element {
    struct element *next, *children, *last;
    const char *name;
    attribute *attributes, *last_attribute;
} element;

typedef struct builder {
    const si_media_set_request *request;
    si_arena *arena;
    si_recipe *recipe;
    si_diag *diag;
    si_layer *layers;
    int count;
    int items;   /* so far */
    bool failed; /* out of memory */
} builder;

static element *add_element(builder *b, element *parent, const char *name) {
    element *e = si_arena_alloc(b->arena, sizeof *e);
    if (e == NULL) {
        b->failed = true;
        static element nowhere;
        nowhere = (element){.name = name};
        return &nowhere;
    }
    e->name = name;
    if (parent != NULL && parent->last != NULL) {
        parent->last->next = e;
    } else if (parent != NULL) {
        parent->children = e;
    }
    if (parent != NULL) {
        parent->last = e;
    }
    return e;
}

/* `value` stays where it is; NULL means that memory ran out. */
static void set(builder *b, element *e, const char *name, const char *value) {
    attribute *a = si_arena_alloc(b->arena, sizeof *a);
    if (a == NULL || value == NULL) {
        b->failed = true;
        return;
    }
    *a = (attribute){.name = name, .value = value};
    if (e->last_attribute != NULL) {
        e->last_attribute->next = a;
    } else {
        e->attributes = a;
    }
    e->last_attribute = a;
}

/* ---- items ---- */

static const char *full_name(builder *b, const si_resolved *r) {
    const char *root = r->owner->id;
    return root[0] != '\0' ? si_arena_printf(b->arena, "%s/%s", root, r->object) : r->object;
}

static si_result resolve(builder *b, si_str id, si_record_table table, si_resolved *out) {
    const si_object_query query = {
        .main = b->request->main, .object = id, .locale = b->request->locale, .table = table};
    return si_catalog_resolve(b->request->catalog, &query, b->arena, out, b->diag);
}

/* The layer of a file, a new one unless there is one already; −1 with `diag` set. */
static int layer_of(builder *b, const si_file *file) {
    for (int i = 0; i < b->count; i++) {
        if (strcmp(b->layers[i].source.file.path, file->path) == 0) {
            return i;
        }
    }
    if (b->count == SI_MEDIA_SET_IMAGES) {
        (void)si_fail(
            b->diag, SI_ERR_LIMIT, "the set has more than %d images", SI_MEDIA_SET_IMAGES);
        return -1;
    }
    si_layer *l = &b->layers[b->count];
    si_layer_init(l, b->count);
    l->source.kind = SI_SOURCE_FILE;
    l->source.file = (si_file_ref){file->path, file->size, file->time_ns};
    return b->count++;
}

/* Size and version of an image, if its file is there. */
static si_result describe_image(builder *b, element *item, const si_resolved *r) {
    si_file file;
    si_diag missing = {0};
    char hex[SI_DIGEST_HEX];
    if (r->path[0] == '\0' || si_catalog_find(b->request->catalog, r->owner, si_str_of(r->path),
                                  b->arena, &file, &missing) != SI_OK) {
        return SI_OK;
    }
    int layer = layer_of(b, &file);
    if (layer < 0) {
        return b->diag->code;
    }
    const char *state = si_arena_printf(b->arena, "%s,%llu,%lld", file.path,
        (unsigned long long)file.size, (long long)file.time_ns);
    if (state == NULL) {
        return si_fail(b->diag, SI_ERR_MEMORY, "out of memory");
    }
    si_digest_hex(state, strlen(state), hex);
    set(b, item, "dx", si_arena_printf(b->arena, "%c%dx%c", GAP, layer, GAP));
    set(b, item, "dy", si_arena_printf(b->arena, "%c%dy%c", GAP, layer, GAP));
    set(b, item, "iv", si_arena_copy(b->arena, hex, IV_LENGTH));
    return SI_OK;
}

/* The value of a key in property data, localized; p == NULL if it has none. */
static si_str user_data(builder *b, const si_record *record) {
    si_str rest = si_str_of(record->user_data), line, name;
    while (si_str_next(&rest, '\n', &line)) {
        line = si_str_trim(line);
        if (si_str_next(&line, '=', &name) && line.p != NULL &&
            si_str_eq_nocase(name, b->request->label_key)) {
            return si_locale_string(
                b->request->main->attributes.locale_str_map, b->request->locale, line);
        }
    }
    return (si_str){NULL, 0};
}

static void label(builder *b, element *item, const si_record *record) {
    if (b->request->label_key.p != NULL && record != NULL) {
        si_str text = user_data(b, record);
        if (text.p != NULL) {
            set(b, item, "l", si_arena_copy(b->arena, text.p, text.len));
        }
    }
}

static void swatch(builder *b, element *item, const si_set_part *part) {
    if (part->kind == SI_SET_PART_NONE || part->kind == SI_SET_PART_SET) {
        return;
    }
    element *s = add_element(b, item, "s");
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

static void video(builder *b, element *item, const si_set_part *part) {
    si_resolved r;
    element *v = add_element(b, item, "v");
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

static si_result add_set(builder *b, element *parent, const char *name, const si_record *record,
    const si_image_set *set, const char *type, int depth);

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

/* A record that is a set itself stands inside the item. */
static si_result add_record_set(builder *b, element *item, const si_resolved *r, int depth) {
    const si_image_set *inner;
    const si_set_locale locale = {b->request->main->attributes.locale_str_map, b->request->locale};
    si_result result = si_image_set_parse(si_str_of(r->record->image_set), r->record->asset_type,
        depth + 1, locale, b->arena, &inner, b->diag);
    if (result != SI_OK) {
        return result;
    }
    si_set_type type = si_image_set_type(b->request->catalog, b->request->main, r->record, inner);
    return add_set(b, item, full_name(b, r), r->record, inner, name_of_set(type), depth + 1);
}

static si_result add_page(builder *b, element *item, const si_set_part *page, bool first,
    const char *written, bool media, int depth) {
    si_resolved r;
    si_item_type type;
    if (page->kind == SI_SET_PART_SET) {
        return add_set(b, item, "", NULL, page->set, name_of_set(page->set->shape), depth + 1);
    }
    if (page->kind != SI_SET_PART_ID) {
        return SI_OK;
    }
    si_str id = si_str_of(page->text);
    bool known = si_item_type_written(si_str_of(written), &type);
    if (!known) {
        type = si_item_type_found(b->request->catalog, b->request->main, id);
    }
    if (type == SI_ITEM_VIDEO || type == SI_ITEM_STATIC) {
        if (media) {
            set(b, item, "type", si_item_type_name(type));
        }
        video(b, item, page);
        return SI_OK;
    }
    si_result result = resolve(b, id, SI_TABLE_IMAGE, &r);
    if (result != SI_OK) {
        return result;
    }
    bool is_set = r.record != NULL && r.record->image_set[0] != '\0';
    if (is_set && (!known || is_set_type(type))) {
        return add_record_set(b, item, &r, depth);
    }
    if (media && first) {
        set(b, item, "type", si_item_type_name(type));
    }
    set(b, add_element(b, item, "i"), "n", full_name(b, &r));
    if (first) {
        label(b, item, r.record);
        return describe_image(b, item, &r);
    }
    return SI_OK;
}

static si_result add_set(builder *b, element *parent, const char *name, const si_record *record,
    const si_image_set *from, const char *type, int depth) {
    si_result result = SI_OK;
    if (depth > SI_SET_NESTING_LIMIT) {
        return si_fail(b->diag, SI_ERR_LIMIT, "sets are nested too deep");
    }
    element *top = add_element(b, parent, "set");
    set(b, top, "pv", "1.0");
    set(b, top, "type", type);
    if (name == NULL || name[0] != '\0') {
        set(b, top, "n", name);
    }
    label(b, top, record);
    bool media = strcmp(type, si_item_type_name(SI_ITEM_MEDIA_SET)) == 0;
    for (int i = 0; i < from->count && result == SI_OK && !b->failed; i++) {
        const si_set_entry *entry = &from->entries[i];
        element *item = add_element(b, top, "item");
        if (++b->items > SI_SET_BROCHURE_LIMIT * SI_MEDIA_SET_IMAGES) {
            return si_fail(b->diag, SI_ERR_LIMIT, "the set has too many items");
        }
        for (int k = 0; k < entry->page_count && result == SI_OK; k++) {
            result = add_page(b, item, &entry->pages[k], k == 0, entry->type, media, depth);
        }
        swatch(b, item, &entry->swatch);
    }
    return result;
}

/* An object that is no set is an item of its own. */
static si_result add_single(builder *b, const si_resolved *r, element **top) {
    si_item_type type =
        si_item_type_found(b->request->catalog, b->request->main, b->request->object);
    *top = add_element(b, NULL, "set");
    set(b, *top, "pv", "1.0");
    set(b, *top, "type", si_item_type_name(type));
    set(b, *top, "n", full_name(b, r));
    element *item = add_element(b, *top, "item");
    if (type == SI_ITEM_VIDEO || type == SI_ITEM_STATIC) {
        const si_set_part part = {.kind = SI_SET_PART_ID, .text = r->object};
        video(b, item, &part);
        return SI_OK;
    }
    si_file file;
    if (r->record == NULL && si_catalog_find(b->request->catalog, r->owner, si_str_of(r->path),
                                 b->arena, &file, b->diag) != SI_OK) {
        return b->diag->code;
    }
    set(b, add_element(b, item, "i"), "n", full_name(b, r));
    label(b, item, r->record);
    return describe_image(b, item, r);
}

/* ---- writing ---- */

static int put(si_bytes *out, const char *text) {
    return si_bytes_append(out, text, strlen(text));
}

static bool is_gap(const attribute *a) {
    return a->value[0] == GAP && a->name[0] == 'd';
}

/* XML has no way to write control characters. */
static int put_xml_value(si_bytes *out, const char *text) {
    int ok = 1;
    for (; *text != '\0' && ok; text++) {
        ok = (unsigned char)*text < 0x20 ? 1
             : *text == '&'              ? put(out, "&amp;")
             : *text == '<'              ? put(out, "&lt;")
             : *text == '>'              ? put(out, "&gt;")
             : *text == '"'              ? put(out, "&quot;")
                                         : si_bytes_append(out, text, 1);
    }
    return ok;
}

static int put_xml(si_bytes *out, const element *e) {
    int ok = put(out, "<") & put(out, e->name);
    for (const attribute *a = e->attributes; a != NULL; a = a->next) {
        ok &= put(out, " ") & put(out, a->name) & put(out, "=\"") &
              (is_gap(a) ? put(out, a->value) : put_xml_value(out, a->value)) & put(out, "\"");
    }
    if (e->children == NULL) {
        return ok & put(out, "/>");
    }
    ok &= put(out, ">");
    for (const element *c = e->children; c != NULL; c = c->next) {
        ok &= put_xml(out, c);
    }
    return ok & put(out, "</") & put(out, e->name) & put(out, ">");
}

static int put_json_value(si_bytes *out, const attribute *a) {
    return is_gap(a) ? put(out, "\"") & put(out, a->value) & put(out, "\"")
                     : si_json_put(out, a->value, strlen(a->value));
}

static int put_json(si_bytes *out, const element *e);

/* All children of a name: one as it is, several in an array. */
static int put_json_children(si_bytes *out, const element *first) {
    int ok = 1, count = 0;
    for (const element *c = first; c != NULL; c = c->next) {
        count += strcmp(c->name, first->name) == 0;
    }
    ok &= put(out, "\"") & put(out, first->name) & put(out, count > 1 ? "\":[" : "\":");
    bool comma = false;
    for (const element *c = first; c != NULL; c = c->next) {
        if (strcmp(c->name, first->name) == 0) {
            ok &= (!comma || put(out, ",")) & put_json(out, c);
            comma = true;
        }
    }
    return ok & (count <= 1 || put(out, "]"));
}

static bool seen_before(const element *parent, const element *child) {
    for (const element *c = parent->children; c != child; c = c->next) {
        if (strcmp(c->name, child->name) == 0) {
            return true;
        }
    }
    return false;
}

static int put_json(si_bytes *out, const element *e) {
    int ok = put(out, "{");
    bool comma = false;
    for (const attribute *a = e->attributes; a != NULL; a = a->next) {
        ok &= (!comma || put(out, ",")) & put(out, "\"") & put(out, a->name) & put(out, "\":") &
              put_json_value(out, a);
        comma = true;
    }
    for (const element *c = e->children; c != NULL; c = c->next) {
        if (!seen_before(e, c)) {
            ok &= (!comma || put(out, ",")) & put_json_children(out, c);
            comma = true;
        }
    }
    return ok & put(out, "}");
}

static si_result write_set(builder *b, const element *top) {
    si_bytes out = {0};
    int ok;
    if (b->recipe->body == SI_BODY_JSON) {
        ok = put(&out, "{\"set\":") & put_json(&out, top) & put(&out, "}");
    } else {
        ok = put(&out, "<?xml version=\"1.0\" encoding=\"") & put(&out, b->recipe->encoding) &
             put(&out, "\" ?>\r\n") & put_xml(&out, top) & put(&out, "\r\n");
    }
    b->recipe->set =
        ok && !b->failed ? si_arena_copy(b->arena, (const char *)out.data, out.len) : NULL;
    si_bytes_free(&out);
    return b->recipe->set != NULL ? SI_OK : si_fail(b->diag, SI_ERR_MEMORY, "out of memory");
}

si_result si_media_set_plan(
    const si_media_set_request *request, si_arena *arena, si_recipe *r, si_diag *diag) {
    builder b = {.request = request, .arena = arena, .recipe = r, .diag = diag};
    si_resolved resolved;
    element *top = NULL;
    b.layers = si_arena_alloc(arena, SI_MEDIA_SET_IMAGES * sizeof *b.layers);
    if (b.layers == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    si_result result = resolve(&b, request->object, SI_TABLE_IMAGE, &resolved);
    if (result != SI_OK) {
        return result;
    }
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
            element root = {0};
            si_set_type type = si_image_set_type(
                request->catalog, request->main, request->text != NULL ? NULL : record, from);
            result =
                add_set(&b, &root, full_name(&b, &resolved), record, from, name_of_set(type), 0);
            top = root.children;
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

/* ---- filling the gaps ---- */

si_result si_media_set_fill(
    const si_recipe *r, const int (*sizes)[2], si_bytes *out, si_diag *diag) {
    int ok = 1;
    char number[16];
    if (r->body == SI_BODY_JSON) {
        ok = put(out, "/*jsonp*/") & put(out, r->handler) & put(out, "(");
    }
    for (const char *p = r->set; *p != '\0' && ok;) {
        const char *gap = strchr(p, GAP);
        size_t plain = gap != NULL ? (size_t)(gap - p) : strlen(p);
        ok = si_bytes_append(out, p, plain);
        p += plain;
        if (gap == NULL) {
            break;
        }
        char *end;
        long layer = strtol(gap + 1, &end, 10);
        if (layer < 0 || layer >= r->picture.layer_count || (*end != 'x' && *end != 'y') ||
            end[1] != GAP) {
            return si_fail(diag, SI_ERR_SYNTAX, "malformed recipe: set");
        }
        snprintf(number, sizeof number, "%d", sizes[layer][*end == 'y']);
        ok &= put(out, number);
        p = end + 2;
    }
    if (r->body == SI_BODY_JSON) {
        ok &=
            put(out, ",") & si_json_put(out, r->request_id, strlen(r->request_id)) & put(out, ");");
    } else {
        ok &= si_reply_encode(out, r->encoding);
    }
    return ok ? SI_OK : si_fail(diag, SI_ERR_MEMORY, "out of memory");
}
