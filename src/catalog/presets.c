/* Presets: read from files here, with the presets that they call expanded (docs/protocol.md,
 * Records, presets, templates). */
#include "base/bytes.h"
#include "base/percent.h"
#include "catalog/catalog_internal.h"

enum { BODY_MAX = 65536 };

/* $shadow$ and $glow$, to be used behind an effect layer; their values are ours (docs/decisions.md,
 * P31). */
static const struct {
    const char *name, *body;
} built_in[] = {
    {"shadow", "color=0,0,0&opac=75&op_blur=4&pos=4,4&blendMode=mult"},
    {"glow", "color=255,255,190&opac=75&op_blur=5&blendMode=screen"},
};

/* Length of the first item of a query: up to "&", but not inside brackets, which hold a nested
 * request or a set. */
static size_t item_length(si_str s) {
    int depth = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        if (c == '(' || c == '{') {
            depth++;
        } else if ((c == ')' || c == '}') && depth > 0) {
            depth--;
        } else if (c == '&' && depth == 0) {
            return i;
        }
    }
    return s.len;
}

/* The preset that an item calls: "$name$", of which "$" may be encoded, or "$name$=". */
static bool called_preset(si_str item, char buffer[256], si_str *name) {
    item.len -= item.len > 0 && item.p[item.len - 1] == '=';
    if (item.len < 3 || item.len > 255 || memchr(item.p, '=', item.len) != NULL) {
        return false;
    }
    size_t len = si_percent_decode(item, false, buffer);
    *name = (si_str){buffer + 1, len - 2};
    return len > 2 && buffer[0] == '$' && buffer[len - 1] == '$';
}

/* Appends the body, with the presets that it calls in place of the calls. */
static bool expand(si_loading *l, si_str name, si_str body, int line, si_bytes *out) {
    bool ok = true;
    while (ok && body.len > 0) {
        char buffer[256];
        si_str item = {body.p, item_length(body)}, called;
        size_t skip = item.len < body.len ? item.len + 1 : item.len;
        body.p += skip;
        body.len -= skip;
        if (called_preset(item, buffer, &called)) {
            const char *inner = si_company_preset(l->catalog, l->company, called);
            if (inner == NULL) {
                si_loading_mistake(l, line,
                    "preset \"%.*s\": $%.*s$ is not defined above it, nor in the default company",
                    SI_SHOWN(name), SI_SHOWN(called));
                return false;
            }
            item = si_str_of(inner);
        }
        ok = (out->len == 0 || si_bytes_append(out, "&", 1)) &&
             (item.len == 0 || si_bytes_append(out, item.p, item.len));
        if (out->len > BODY_MAX) {
            si_loading_mistake(
                l, line, "preset \"%.*s\" expands to more than %d bytes", SI_SHOWN(name), BODY_MAX);
            return false;
        }
    }
    if (!ok) {
        si_loading_mistake(l, line, "out of memory");
    }
    return ok;
}

void si_preset_define(si_loading *l, si_str name, si_str body, int line) {
    if (!si_name_is_clean(name, "-_.")) {
        si_loading_mistake(
            l, line, "preset names have only letters, digits, \"-\", \"_\" and \".\"");
        return;
    }
    body = si_str_trim(body);
    if (body.len == 0) { /* which calls may name all the same */
        si_loading_warning(l, line, "preset \"%.*s\" has no commands", SI_SHOWN(name));
    }
    si_bytes expanded = {0};
    if (expand(l, name, body, line, &expanded)) {
        const char *key = si_arena_copy(l->arena, name.p, name.len);
        si_preset *p = si_arena_alloc(l->arena, sizeof *p);
        if (p != NULL) {
            *p = (si_preset){.name = key,
                .body = si_arena_copy(
                    l->arena, expanded.len > 0 ? (char *)expanded.data : "", expanded.len),
                .own = si_arena_copy(l->arena, body.len > 0 ? body.p : "", body.len),
                .file = line > 0 ? l->file : NULL,
                .line = line};
        }
        if (key == NULL || p == NULL || p->body == NULL || p->own == NULL ||
            !si_names_put(&l->data->presets, l->arena, key, p)) {
            si_loading_mistake(l, line, "out of memory");
        }
    }
    si_bytes_free(&expanded);
}

bool si_presets_build_in(si_loading *l) {
    for (size_t i = 0; i < sizeof built_in / sizeof *built_in; i++) {
        si_preset_define(l, si_str_of(built_in[i].name), si_str_of(built_in[i].body), 0);
    }
    return !l->mistakes;
}

const si_preset *si_catalog_preset(const si_catalog *c, const si_company *company, si_str name) {
    const si_preset *preset = si_names_find(&company->data->presets, name);
    return preset != NULL ? preset : si_names_find(&c->companies[0].data->presets, name);
}

const char *si_company_preset(const si_catalog *c, const si_company *company, si_str name) {
    const si_preset *preset = si_catalog_preset(c, company, name);
    return preset != NULL ? preset->body : NULL;
}

/* ---- MacroFile ---- */

typedef struct preset_file {
    si_loading *l;
    int name, definition; /* columns, −1 = not there */
} preset_file;

static void columns(void *context, int count, const si_str *names) {
    preset_file *f = context;
    f->name = f->definition = -1;
    for (int i = 0; i < count; i++) {
        if (si_str_eq_nocase(names[i], SI_STR("Name"))) {
            f->name = i;
        } else if (si_str_eq_nocase(names[i], SI_STR("Definition"))) {
            f->definition = i;
        } else if (names[i].p[0] != '.') {
            si_loading_warning(f->l, 1, "unknown column \"%.*s\"", SI_SHOWN(names[i]));
        }
    }
    if (f->name < 0 || f->definition < 0) {
        si_loading_mistake(f->l, 1, "a macro file has columns Name and Definition");
    }
}

static void record(void *context, int line, int count, const si_datafile_field *fields) {
    preset_file *f = context;
    (void)count;
    if (f->name >= 0 && f->definition >= 0) {
        si_arena *arena = f->l->arena;
        si_preset_define(f->l, si_datafile_joined(&fields[f->name], arena),
            si_datafile_joined(&fields[f->definition], arena), line);
    }
}

void si_presets_load(si_loading *l) {
    preset_file f = {.l = l};
    if (l->company->attributes.macro_file[0] != '\0') {
        si_loading_read(l, offsetof(si_attributes, macro_file), l->company->attributes.macro_file,
            columns, record, &f);
    }
}
