/* What is only on the disk: folders and files that a configuration names; and the queries in it,
 * for whoever knows commands. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/beneath.h"
#include "catalog/catalog_internal.h"
#include "catalog/extensions.h"

enum {
    FOLDER_MAX = 1024,
    LISTINGS_MAX = 1 << 30 /* bytes of all listings */
};

/* A folder below the served root. */
typedef struct listing {
    int error;      /* why nothing can be in it, an errno; 0 = something may be */
    bool whole;     /* `names` has all that is there */
    si_names names; /* of files, and what is left of them before each "." */
} listing;

/* Where something is in the configuration. */
typedef struct place {
    const char *who; /* it is about: a record, a font, a profile, … */
    bool attribute;  /* … or an attribute */
    const char *file;
    int line;
} place;

typedef struct search {
    const si_catalog *catalog;
    const si_company *company;
    char company_file[300];
    si_catalog_report report;
    void *context;
    int missing;
    si_arena arena;
    si_names folders; /* path → listing */
} search;

typedef si_result (*finder)(const si_catalog *c, const si_company *company, si_str object,
    si_arena *arena, si_file *out, si_diag *diag);

static void tell(search *s, const place *p, const char *what, const char *path, const char *why) {
    char text[400];
    const char *quote = p->attribute ? "" : "\"";
    snprintf(text, sizeof text, "warning: %s%.80s%s: %s \"%.150s\"%s%s", quote, p->who, quote, what,
        path, why[0] != '\0' ? ": " : "", why);
    s->report(s->context, p->file, p->line, text);
    s->missing++;
}

/* Why nothing can be in a folder below the served root, an errno; 0 = something may be. */
static int folder_error(const si_catalog *c, const char *folder) {
    int fd = si_open_beneath(c->root_fd, folder[0] != '\0' ? folder : ".", O_PATH | O_DIRECTORY);
    int error = fd < 0 ? errno : 0;
    if (fd >= 0) {
        error = faccessat(fd, ".", X_OK, AT_EACCESS) != 0 ? errno : 0;
        close(fd);
    }
    return error;
}

/* Notes a file's name, and all that an extension may be put behind to make it. */
static bool note_name(search *s, listing *l, const char *name) {
    size_t len = strlen(name);
    bool ok = true;
    for (size_t i = 1; ok && i <= len; i++) {
        if (i == len || name[i] == '.') {
            const char *part = si_arena_copy(&s->arena, name, i);
            ok = part != NULL && si_names_put(&l->names, &s->arena, part, l);
        }
    }
    return ok;
}

static void list_folder(search *s, listing *l, const char *folder) {
    int fd = si_open_beneath(
        s->catalog->root_fd, folder[0] != '\0' ? folder : ".", O_RDONLY | O_DIRECTORY);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *d;
    l->whole = dir != NULL;
    while (l->whole && (d = readdir(dir)) != NULL) {
        l->whole = note_name(s, l, d->d_name);
    }
    if (dir != NULL) {
        closedir(dir);
    } else if (fd >= 0) {
        close(fd);
    }
}

/* The folder that a file is to be in; NULL if memory runs out. Each is looked at once: the name of
 * a file that is not there takes many tries. */
static const listing *folder_of(search *s, const char *root_path, const char *path) {
    char folder[FOLDER_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%s%s%.*s", root_path,
        root_path[0] != '\0' && slash != NULL ? "/" : "", slash != NULL ? (int)(slash - path) : 0,
        path);
    listing *l = si_names_find(&s->folders, si_str_of(folder));
    if (l == NULL) {
        const char *copy = si_arena_copy(&s->arena, folder, strlen(folder));
        l = si_arena_alloc(&s->arena, sizeof *l);
        if (l == NULL || copy == NULL || !si_names_put(&s->folders, &s->arena, copy, l)) {
            return NULL;
        }
        l->error = folder_error(s->catalog, folder);
        if (l->error == 0) {
            list_folder(s, l, folder);
        }
    }
    return l;
}

/* Whether there may be a file of that path, with one extension or another. */
static bool may_hold(const listing *l, const char *path) {
    const char *slash = strrchr(path, '/');
    const si_str name = si_str_of(slash != NULL ? slash + 1 : path);
    return !l->whole || si_names_find(&l->names, name) != NULL ||
           si_names_find(&l->names, si_extension_strip(name)) != NULL;
}

/* Without a word about what is not there, which "there is no file" says. */
static const char *reason(int error) {
    return error == 0 || error == ENOENT || error == ENOTDIR ? "" : strerror(error);
}

static void look_for_file(
    search *s, finder find, const si_company *owner, const char *path, const place *p) {
    const char *root_path = find == si_catalog_find_static ? owner->attributes.static_root_path
                                                           : owner->attributes.root_path;
    if (path[0] == '\0' || (find == si_catalog_find &&
                               owner->attributes.sources.count > 0)) { /* nobody asks origins */
        return;
    }
    const listing *l = folder_of(s, root_path, path);
    if (l != NULL && (l->error != 0 || !may_hold(l, path))) {
        tell(s, p, "there is no file", path, reason(l->error));
        return;
    }
    si_arena arena = {0};
    si_file found;
    if (find(s->catalog, owner, si_str_of(path), &arena, &found, NULL) != SI_OK) {
        tell(s, p, "there is no file", path, "");
    } else {
        int fd = si_open_beneath(s->catalog->root_fd, found.path, O_RDONLY);
        if (fd < 0) {
            tell(s, p, "cannot read", path, strerror(errno));
        } else {
            close(fd);
        }
    }
    si_arena_free(&arena);
}

/* ---- what companies define ---- */

static void look_for_records(search *s, const si_names *records, finder find) {
    size_t at = 0;
    const char *name;
    void *thing;
    while (si_names_next(records, &at, &name, &thing)) {
        const si_record *r = thing;
        const place p = {r->id, false, r->file, r->line};
        look_for_file(s, find, s->company, r->path, &p);
        look_for_file(s, find, s->company, r->mask_path, &p);
    }
}

static void look_for_fonts(search *s) {
    size_t at = 0;
    const char *name;
    void *thing;
    while (si_names_next(&s->company->data->fonts, &at, &name, &thing)) {
        const si_styles *styles = thing;
        for (int i = 0; i < 4; i++) {
            const si_font *f = styles->fonts[i];
            if (f != NULL) {
                const place p = {f->name, false, f->file, f->line};
                look_for_file(s, si_catalog_find_exact, s->company, f->path, &p);
                look_for_file(s, si_catalog_find_exact, s->company, f->metrics_path, &p);
            }
        }
    }
}

static void look_for_profiles(search *s) {
    size_t at = 0;
    const char *name;
    void *thing;
    while (si_names_next(&s->company->data->profiles, &at, &name, &thing)) {
        const si_profile *profile = thing;
        const place p = {profile->name, false, profile->file, profile->line};
        look_for_file(s, si_catalog_find_exact, s->company, profile->path, &p);
    }
}

/* ---- what attributes name ---- */

/* The object that an attribute of the company's own names. */
static void look_for_object(search *s, size_t attribute, const char *name, const char *object) {
    const place p = {name, true, s->company_file, si_attribute_line(s->company, attribute)};
    si_arena arena = {0};
    si_resolved is;
    si_diag diag = {0};
    const si_object_query query = {
        .main = s->company, .object = si_str_of(object), .table = SI_TABLE_IMAGE};
    if (p.line > 0 && object[0] != '\0') {
        if (si_catalog_resolve(s->catalog, &query, &arena, &is, &diag) != SI_OK) {
            tell(s, &p, "there is no object", object, diag.text);
        } else {
            look_for_file(s, si_catalog_find, is.owner, is.path, &p);
        }
    }
    si_arena_free(&arena);
}

/* A folder of the company, by an attribute of its own, or by its name. False if nothing can be in
 * it. */
static bool look_for_folder(
    search *s, size_t attribute, const char *name, const char *folder, bool needed) {
    int line = si_attribute_line(s->company, attribute);
    const place p = {name, true, s->company_file, line > 0 ? line : 1};
    int error = folder_error(s->catalog, folder);
    if (error != 0 && (line > 0 || needed)) {
        tell(s, &p, "there is no folder", folder, reason(error));
    }
    return error == 0;
}

/* Whether originals may be in origins, which are not asked for a check. */
static bool has_origins(const si_attributes *a) {
    for (int i = 0; i < a->sources.count; i++) {
        if (strcmp(a->sources.items[i], SI_ORIGIN_FOLDER) != 0) {
            return true;
        }
    }
    return false;
}

static void look_for_all_of(search *s, bool standard) {
    const si_attributes *a = &s->company->attributes;
    const si_company_data *d = s->company->data;
    bool needed = !standard && d->configured;
    bool elsewhere = has_origins(a);
    bool there = elsewhere ? folder_error(s->catalog, a->root_path) == 0
                           : look_for_folder(s, offsetof(si_attributes, root_path), "RootPath",
                                 a->root_path, needed);
    if (there) {
        look_for_fonts(s);
        look_for_profiles(s);
    }
    if (there && !elsewhere) {
        look_for_records(s, &d->images, si_catalog_find);
        look_for_object(
            s, offsetof(si_attributes, default_image), "DefaultImage", a->default_image);
        look_for_object(s, offsetof(si_attributes, error_image), "ErrorImage", a->error_image);
        look_for_object(s, offsetof(si_attributes, watermark), "Watermark", a->watermark);
    }
    if (a->static_root_path[0] == '\0' ||
        look_for_folder(s, offsetof(si_attributes, static_root_path), "StaticContentRootPath",
            a->static_root_path, false)) {
        look_for_records(s, &d->statics, si_catalog_find_static);
    }
}

int si_catalog_check_files(const si_catalog *c, si_catalog_report report, void *context) {
    search s = {
        .catalog = c, .report = report, .context = context, .arena = {.limit = LISTINGS_MAX}};
    for (int i = 0; i < c->company_count; i++) {
        s.company = &c->companies[i];
        snprintf(s.company_file, sizeof s.company_file, "companies/%.250s.ini",
            i > 0 ? s.company->id : "default");
        look_for_all_of(&s, i == 0);
    }
    si_arena_free(&s.arena);
    return s.missing;
}

/* ---- queries ---- */

static void visit_presets(const si_company *company,
    void (*visit)(void *context, const si_catalog_query *query), void *context) {
    size_t at = 0;
    const char *name;
    void *thing;
    while (si_names_next(&company->data->presets, &at, &name, &thing)) {
        const si_preset *p = thing;
        if (p->line > 0) {
            const si_catalog_query query = {
                company, "preset", name, false, p->own, p->file, p->line};
            visit(context, &query);
        }
    }
}

static void visit_records(const si_company *company,
    void (*visit)(void *context, const si_catalog_query *query), void *context) {
    size_t at = 0;
    const char *name;
    void *thing;
    while (si_names_next(&company->data->images, &at, &name, &thing)) {
        const si_record *r = thing;
        si_catalog_query query = {company, "Modifier", r->id, true, r->modifier, r->file, r->line};
        if (r->modifier[0] != '\0') {
            visit(context, &query);
        }
        if (r->post_modifier[0] != '\0') {
            query.what = "PostModifier";
            query.text = r->post_modifier;
            visit(context, &query);
        }
    }
}

void si_catalog_each_query(const si_catalog *c,
    void (*visit)(void *context, const si_catalog_query *query), void *context) {
    for (int i = 0; i < c->company_count; i++) {
        visit_presets(&c->companies[i], visit, context);
        visit_records(&c->companies[i], visit, context);
    }
}
