#include "reply/set_tree.h"

#include <stdlib.h>

#include "base/json.h"

/* Around a gap: the layer's number, then a si_gap. No value of a catalog has this character: it is
 * escaped in JSON and left out of XML. */
#define GAP '\x01'

typedef struct attribute {
    struct attribute *next;
    const char *name, *value;
    bool gap;
} attribute;

struct si_set_element {
    si_set_element *next, *children, *last;
    const char *name;
    unsigned json;
    const char *hole; /* what stands in its place, NULL = it is an element */
    attribute *attributes, *last_attribute;
};

/* ---- making it ---- */

si_set_element *si_set_tree_add(
    si_set_tree *t, si_set_element *parent, const char *name, unsigned json) {
    si_set_element *e = si_arena_alloc(t->arena, sizeof *e);
    if (e == NULL) {
        t->failed = true;
        static _Thread_local si_set_element nowhere;
        nowhere = (si_set_element){.name = name};
        return &nowhere;
    }
    e->name = name;
    e->json = json;
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

static void append(si_set_tree *t, si_set_element *e, const attribute *from) {
    attribute *a = si_arena_alloc(t->arena, sizeof *a);
    if (a == NULL || from->value == NULL) {
        t->failed = true;
        return;
    }
    *a = *from;
    if (e->last_attribute != NULL) {
        e->last_attribute->next = a;
    } else {
        e->attributes = a;
    }
    e->last_attribute = a;
}

void si_set_tree_set(si_set_tree *t, si_set_element *e, const char *name, const char *value) {
    append(t, e, &(attribute){.name = name, .value = value});
}

static const char *gap_of(si_set_tree *t, int layer, si_gap what) {
    return si_arena_printf(t->arena, "%c%d%c%c", GAP, layer, what, GAP);
}

void si_set_tree_gap(si_set_tree *t, si_set_element *e, const char *name, int layer, si_gap what) {
    append(t, e, &(attribute){.name = name, .value = gap_of(t, layer, what), .gap = true});
}

void si_set_tree_hole(
    si_set_tree *t, si_set_element *parent, const char *name, int layer, si_gap what) {
    si_set_element *e = si_set_tree_add(t, parent, name, 0);
    e->hole = gap_of(t, layer, what);
    t->failed |= e->hole == NULL;
}

si_next_gap si_set_gap_next(const char **rest, si_str *before, int *layer, si_gap *what) {
    static const char known[] = {SI_GAP_WIDTH, SI_GAP_HEIGHT, SI_GAP_RELATIONS, '\0'};
    const char *gap = strchr(*rest, GAP);
    char *end;
    *before = gap != NULL ? (si_str){*rest, (size_t)(gap - *rest)} : si_str_of(*rest);
    if (gap == NULL) {
        return SI_GAPS_OVER;
    }
    long n = strtol(gap + 1, &end, 10);
    if (n < 0 || n > INT32_MAX || *end == '\0' || strchr(known, *end) == NULL || end[1] != GAP) {
        return SI_GAP_MALFORMED;
    }
    *layer = (int)n;
    *what = (si_gap)*end;
    *rest = end + 2;
    return SI_GAP_FOUND;
}

/* ---- writing ---- */

static bool put(si_bytes *out, const char *text) {
    return si_bytes_append(out, text, strlen(text));
}

/* XML has no way to write control characters. */
static bool put_xml_value(si_bytes *out, const char *text) {
    bool ok = true;
    for (; *text != '\0' && ok; text++) {
        ok = (unsigned char)*text < 0x20 ? true
             : *text == '&'              ? put(out, "&amp;")
             : *text == '<'              ? put(out, "&lt;")
             : *text == '>'              ? put(out, "&gt;")
             : *text == '"'              ? put(out, "&quot;")
                                         : si_bytes_append(out, text, 1);
    }
    return ok;
}

static bool put_xml(si_bytes *out, const si_set_element *e) {
    if (e->hole != NULL) {
        return put(out, e->hole);
    }
    bool ok = put(out, "<") && put(out, e->name);
    for (const attribute *a = e->attributes; a != NULL; a = a->next) {
        ok = ok && put(out, " ") && put(out, a->name) && put(out, "=\"") &&
             (a->gap ? put(out, a->value) : put_xml_value(out, a->value)) && put(out, "\"");
    }
    if (e->children == NULL) {
        return ok && put(out, "/>");
    }
    ok = ok && put(out, ">");
    for (const si_set_element *c = e->children; c != NULL; c = c->next) {
        ok = ok && put_xml(out, c);
    }
    return ok && put(out, "</") && put(out, e->name) && put(out, ">");
}

static bool put_json_value(si_bytes *out, const attribute *a) {
    return a->gap ? put(out, "\"") && put(out, a->value) && put(out, "\"")
                  : si_json_put(out, a->value, strlen(a->value));
}

static bool put_json(si_bytes *out, const si_set_element *e);

/* All children of a name: one as it is, several in an array. */
static bool put_json_children(si_bytes *out, const si_set_element *first) {
    int count = 0;
    bool ok = true;
    for (const si_set_element *c = first; c != NULL; c = c->next) {
        count += strcmp(c->name, first->name) == 0;
    }
    bool list = count > 1, comma = false;
    ok = ok && put(out, "\"") && put(out, first->name) && put(out, list ? "\":[" : "\":");
    for (const si_set_element *c = first; c != NULL; c = c->next) {
        if (strcmp(c->name, first->name) == 0) {
            ok = ok && (!comma || put(out, ",")) && put_json(out, c);
            comma = true;
        }
    }
    return ok && (!list || put(out, "]"));
}

static bool seen_before(const si_set_element *parent, const si_set_element *child) {
    for (const si_set_element *c = parent->children; c != child; c = c->next) {
        if (strcmp(c->name, child->name) == 0) {
            return true;
        }
    }
    return false;
}

static bool put_json_attributes(si_bytes *out, const si_set_element *e, bool *comma) {
    bool ok = true;
    for (const attribute *a = e->attributes; a != NULL; a = a->next) {
        ok = ok && (!*comma || put(out, ",")) && put(out, "\"") && put(out, a->name) &&
             put(out, "\":") && put_json_value(out, a);
        *comma = true;
    }
    return ok;
}

static bool put_json(si_bytes *out, const si_set_element *e) {
    if (e->hole != NULL) {
        return put(out, e->hole);
    }
    bool comma = false, children_first = (e->json & SI_SET_CHILDREN_FIRST) != 0;
    bool ok = put(out, "{") && (children_first || put_json_attributes(out, e, &comma));
    for (const si_set_element *c = e->children; c != NULL; c = c->next) {
        if (!seen_before(e, c)) {
            ok = ok && (!comma || put(out, ",")) && put_json_children(out, c);
            comma = true;
        }
    }
    return ok && (!children_first || put_json_attributes(out, e, &comma)) && put(out, "}");
}

/* ---- public ---- */

bool si_set_tree_write_xml(const si_set_element *e, si_bytes *out) {
    return put_xml(out, e);
}

bool si_set_tree_write_json(const si_set_element *e, si_bytes *out) {
    return put_json(out, e);
}
