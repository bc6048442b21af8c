/* Records: from company files and the vendor's data files (docs/attributes.md). */
#include "catalog/catalog_internal.h"

const si_record_field si_record_fields[SI_FIELD_COUNT] = {
#define X(name, field, type, tables, minimum, maximum, help)                                       \
    {#name, #type, SI_VALUE_FIELD(si_record, field, type, minimum, maximum), tables, help},
    SI_RECORD_FIELDS(X)
#undef X
};

static si_names *names_of(const si_loading *l, si_record_table table) {
    return table == SI_TABLE_IMAGE ? &l->data->images : &l->data->statics;
}

/* A record without any value. */
static si_record *new_record(si_loading *l, si_str id, int line) {
    si_record *r = si_arena_alloc(l->arena, sizeof *r);
    if (r == NULL || (r->id = si_arena_copy(l->arena, id.p, id.len)) == NULL) {
        si_loading_mistake(l, line, "out of memory");
        return NULL;
    }
    for (int i = 0; i < SI_FIELD_COUNT; i++) {
        const si_value_field *f = &si_record_fields[i].value;
        if (f->read == si_value_read_TEXT || f->read == si_value_read_PROPERTIES) {
            *(const char **)((char *)r + f->offset) = "";
        }
    }
    r->expiration = SI_EXPIRATION_INHERIT;
    r->file = l->file;
    r->line = line;
    return r;
}

/* An id has no comma, which parts values, and no "?", which begins the query. */
static bool id_is_clean(si_loading *l, si_str id, int line) {
    bool clean = id.len > 0;
    for (size_t i = 0; i < id.len; i++) {
        unsigned char c = (unsigned char)id.p[i];
        clean = clean && c >= 0x20 && c != 0x7f && c != ',' && c != '?';
    }
    if (!clean) {
        si_loading_mistake(l, line,
            "record id \"%.*s\": ids are not empty and have no \",\" or \"?\"", SI_SHOWN(id));
    }
    return clean;
}

static void keep(si_loading *l, si_record_table table, si_record *r, int line) {
    if (!si_names_put(names_of(l, table), l->arena, r->id, r)) {
        si_loading_mistake(l, line, "out of memory");
    }
}

/* Sets a field; what is empty says nothing. A date that cannot be read counts as none, which the
 * reference wants; any other bad value is a mistake. */
static void set_field(si_loading *l, si_record *r, int index, si_str value, int line) {
    const si_record_field *f = &si_record_fields[index];
    if (value.len == 0) {
        r->present &= ~(1u << index);
        if (f->value.read == si_value_read_TEXT || f->value.read == si_value_read_PROPERTIES) {
            (void)si_value_set(&f->value, value, l->arena, r);
        }
        return;
    }
    if (si_value_set(&f->value, value, l->arena, r)) {
        r->present |= 1u << index;
    } else if (f->value.read == si_value_read_DATE) {
        si_loading_warning(
            l, line, "%s: \"%.*s\" is no date and counts as none", f->name, SI_SHOWN(value));
    } else if (f->value.limits.max > 0) {
        si_loading_mistake(l, line, "%s: \"%.*s\" is not a %s of %g to %g", f->name,
            SI_SHOWN(value), f->type, f->value.limits.min, f->value.limits.max);
    } else {
        si_loading_mistake(l, line, "%s: not a valid %s", f->name, f->type);
    }
}

/* Index of the field of a table, or −1. */
static int field_of(si_str name, si_record_table table) {
    for (int i = 0; i < SI_FIELD_COUNT; i++) {
        if ((si_record_fields[i].tables & table) != 0 &&
            si_str_eq_nocase(name, si_str_of(si_record_fields[i].name))) {
            return i;
        }
    }
    return -1;
}

/* Paths stay below RootPath: "../x" in a record is a mistake here and not a riddle later. */
static void check_paths(si_loading *l, const si_record *r, int line) {
    if ((r->path[0] != '\0' && !si_file_path_is_clean(si_str_of(r->path))) ||
        (r->mask_path[0] != '\0' && !si_file_path_is_clean(si_str_of(r->mask_path)))) {
        si_loading_mistake(l, line,
            "record \"%.*s\": paths are relative to RootPath, without empty, \".\" or \"..\" parts",
            SI_SHOWN(si_str_of(r->id)));
    }
}

/* ---- company files ---- */

/* The record that a section or line is about, made if there is none. */
static si_record *record_of(si_loading *l, si_record_table table, si_str id, int line) {
    si_record *r = si_names_find(names_of(l, table), id);
    if (r == NULL && id_is_clean(l, id, line) && (r = new_record(l, id, line)) != NULL) {
        keep(l, table, r, line);
    }
    return r;
}

void si_record_set(
    si_loading *l, si_record_table table, si_str id, si_str field, si_str value, int line) {
    int index = field_of(field, table);
    if (index < 0) {
        si_loading_mistake(l, line, "unknown field \"%.*s\" of a record", SI_SHOWN(field));
        return;
    }
    si_record *r = record_of(l, table, id, line);
    if (r != NULL) {
        set_field(l, r, index, si_value_unquote(value, l->arena), line);
        if (index == SI_FIELD_path || index == SI_FIELD_mask_path) {
            check_paths(l, r, line);
        }
    }
}

void si_record_line(si_loading *l, si_str id, si_str text, int line) {
    if (text.len == 0) {
        si_loading_mistake(l, line, "object without a file path");
        return;
    }
    si_record *r = record_of(l, SI_TABLE_IMAGE, id, line);
    if (r == NULL) {
        return;
    }
    si_str path;
    (void)si_str_next(&text, '?', &path);
    set_field(l, r, SI_FIELD_path, path, line);
    set_field(l, r, SI_FIELD_modifier, text, line);
    check_paths(l, r, line);
}

/* ---- data files ---- */

typedef struct record_file {
    si_loading *l;
    si_record_table table;
    bool svg;
    int id;                          /* column, −1 = there is none */
    int fields[SI_DATAFILE_COLUMNS]; /* field of each column, or −1 */
} record_file;

static void columns(void *context, int count, const si_str *names) {
    record_file *f = context;
    f->id = -1;
    for (int i = 0; i < count; i++) {
        f->fields[i] = field_of(names[i], f->table);
        if (si_str_eq_nocase(names[i], SI_STR("Id"))) {
            f->id = i;
        } else if (f->fields[i] < 0 && names[i].p[0] != '.') {
            si_loading_warning(f->l, 1, "unknown column \"%.*s\"", SI_SHOWN(names[i]));
        }
    }
    if (f->id < 0) {
        si_loading_mistake(f->l, 1, "a record file has a column Id");
    }
}

/* A text that was quoted as a whole keeps its "??". Line ends part properties and are
 * blanks to the elements of a map; everywhere else they are none of the value's. */
static void set_column(
    record_file *f, si_record *r, int index, const si_datafile_field *field, int line) {
    const si_record_field *row = &si_record_fields[index];
    bool properties = row->value.read == si_value_read_PROPERTIES;
    if (properties && field->quoted && field->text.len > 0) {
        if (si_value_read_QUOTED_PROPERTIES(
                field->text, row->value.limits, f->l->arena, (char *)r + row->value.offset)) {
            r->present |= 1u << index;
        }
        return;
    }
    bool lines = properties || index == SI_FIELD_map;
    si_str text = lines ? field->text : si_datafile_joined(field, f->l->arena);
    if (text.p == NULL) {
        si_loading_mistake(f->l, line, "out of memory");
        return;
    }
    bool blanks_count = lines || row->value.read == si_value_read_TEXT;
    set_field(f->l, r, index, blanks_count ? text : si_str_trim(text), line);
}

static void record(void *context, int line, int count, const si_datafile_field *fields) {
    record_file *f = context;
    si_str id = f->id < 0 ? SI_STR("") : si_datafile_joined(&fields[f->id], f->l->arena);
    if (f->id < 0 || !id_is_clean(f->l, id, line)) {
        return;
    }
    const si_record *earlier = si_names_find(names_of(f->l, f->table), id);
    if (f->svg && earlier != NULL && !earlier->svg) {
        si_loading_warning(
            f->l, line, "\"%.*s\" is an image already; the SVG record is left out", SI_SHOWN(id));
        return;
    }
    si_record *r = new_record(f->l, id, line);
    if (r == NULL) {
        return;
    }
    r->svg = f->svg;
    for (int i = 0; i < count; i++) {
        if (f->fields[i] >= 0) {
            set_column(f, r, f->fields[i], &fields[i], line);
        }
    }
    check_paths(f->l, r, line);
    keep(f->l, f->table, r, line);
}

static void load_list(si_loading *l, size_t attribute, si_record_table table, bool svg) {
    const si_value_LIST *files = (const void *)((const char *)&l->company->attributes + attribute);
    record_file f = {.l = l, .table = table, .svg = svg};
    for (int i = 0; i < files->count; i++) {
        si_loading_read(l, attribute, files->items[i], columns, record, &f);
    }
}

void si_records_load(si_loading *l) {
    load_list(l, offsetof(si_attributes, catalog_file), SI_TABLE_IMAGE, false);
    load_list(l, offsetof(si_attributes, svg_catalog_file), SI_TABLE_IMAGE, true);
    load_list(l, offsetof(si_attributes, static_catalog_file), SI_TABLE_STATIC, false);
}

const si_record *si_catalog_record(const si_catalog *c, const si_company *company, si_str id,
    si_record_table table, const si_company **owner) {
    const si_company *where[] = {company, &c->companies[0]};
    for (int i = 0; i < 2; i++) {
        const si_company_data *d = where[i]->data;
        const si_record *r = si_names_find(table == SI_TABLE_IMAGE ? &d->images : &d->statics, id);
        if (r != NULL) {
            if (owner != NULL) {
                *owner = where[i];
            }
            return r;
        }
    }
    return NULL;
}
