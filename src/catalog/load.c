/* Reading the configuration folder into a catalog. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/color.h"
#include "base/ini.h"
#include "catalog/catalog_internal.h"

struct loading {
    si_catalog *catalog;
    si_company *company;
    si_entry **presets_end, **objects_end;
    const char *file;
    si_catalog_report report;
    void *context;
    si_diag *diag;
    bool mistakes;
};

static void mistake(void *context, int line, const char *text) {
    struct loading *l = context;
    l->mistakes = true;
    if (l->report != NULL) {
        l->report(l->context, l->file, line, text);
    }
    (void)si_fail(l->diag, SI_ERR_CONFIG, "%s:%d: %s", l->file, line, text);
}

/* ---- attribute values, one parser a type ---- */

typedef struct limits {
    double min, max;
} limits;

static bool parse_BOOL(si_str v, limits range, si_arena *arena, void *out) {
    (void)range, (void)arena;
    return si_str_flag(v, out);
}

static bool parse_INT(si_str v, limits range, si_arena *arena, void *out) {
    (void)arena;
    long n;
    if (!si_str_int(v, &n) || n < range.min || n > range.max) {
        return false;
    }
    *(int *)out = (int)n;
    return true;
}

static bool parse_REAL(si_str v, limits range, si_arena *arena, void *out) {
    (void)arena;
    double n;
    if (!si_str_real(v, &n) || n < range.min || n > range.max) {
        return false;
    }
    *(double *)out = n;
    return true;
}

static bool parse_PAIR(si_str v, limits range, si_arena *arena, void *out) {
    si_attr_PAIR *pair = out;
    si_str w;
    return si_str_next(&v, ',', &w) && v.p != NULL &&
           parse_INT(si_str_trim(w), range, arena, &pair->w) &&
           parse_INT(si_str_trim(v), range, arena, &pair->h);
}

static bool parse_QUALITY(si_str v, limits range, si_arena *arena, void *out) {
    si_attr_QUALITY *q = out;
    si_str number;
    q->chroma_full = false;
    return si_str_next(&v, ',', &number) &&
           parse_INT(si_str_trim(number), range, arena, &q->quality) &&
           (v.p == NULL || si_str_flag(si_str_trim(v), &q->chroma_full));
}

static bool parse_COLOR(si_str v, limits range, si_arena *arena, void *out) {
    (void)range, (void)arena;
    si_color color;
    if (!si_color_parse(v, &color)) {
        return false;
    }
    *(uint32_t *)out = si_color_rgb(&color);
    return true;
}

static bool parse_RESMODE(si_str v, limits range, si_arena *arena, void *out) {
    (void)range, (void)arena;
    /* the enum of catalog.md section 3 (1 sharp, 2 bilin, 3 bicub, 4 sharp2), or a name */
    static const struct {
        const char *name;
        int mode;
    } modes[] = {{"1", 2}, {"2", 0}, {"3", 1}, {"4", 2}, {"bilin", 0}, {"bicub", 1}, {"sharp2", 2},
        {"bisharp", 3}, {"sharp", 2}};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (si_str_eq_nocase(v, si_str_of(modes[i].name))) {
            *(int *)out = modes[i].mode;
            return true;
        }
    }
    return false;
}

static bool parse_TEXT(si_str v, limits range, si_arena *arena, void *out) {
    (void)range;
    const char *copy = si_arena_copy(arena, v.p, v.len);
    *(const char **)out = copy;
    return copy != NULL;
}

static const struct attribute {
    const char *name;
    bool (*parse)(si_str v, limits range, si_arena *arena, void *out);
    size_t offset;
    limits range;
    const char *initial, *type;
    bool empty_counts; /* "defined but empty" switches the feature off (catalog.md section 2) */
} attributes[] = {
#define X(name, field, type, min, max, initial, unit, help)                                        \
    {#name, parse_##type, offsetof(si_attributes, field), {min, max}, initial, #type,              \
        parse_##type == parse_TEXT},
    SI_ATTRIBUTES(X)
#undef X
};

enum { ATTRIBUTE_COUNT = sizeof attributes / sizeof *attributes };

static void set_attribute(struct loading *l, si_str name, si_str value, int line) {
    char text[200];
    for (int i = 0; i < ATTRIBUTE_COUNT; i++) {
        const struct attribute *a = &attributes[i];
        if (!si_str_eq_nocase(name, si_str_of(a->name))) {
            continue;
        }
        if (value.len == 0 && !a->empty_counts) {
            return; /* inherits */
        }
        void *field = (char *)&l->company->attributes + a->offset;
        if (!a->parse(value, a->range, &l->catalog->arena, field)) {
            if (a->range.max > 0) {
                snprintf(text, sizeof text, "%s: \"%.*s\" is not a %s of %g to %g", a->name,
                    (int)(value.len > 60 ? 60 : value.len), value.len > 0 ? value.p : "", a->type,
                    a->range.min, a->range.max);
            } else {
                snprintf(text, sizeof text, "%s: not a valid %s", a->name, a->type);
            }
            mistake(l, line, text);
        }
        return;
    }
    snprintf(text, sizeof text, "unknown attribute \"%.*s\"", (int)(name.len > 60 ? 60 : name.len),
        name.p);
    mistake(l, line, text);
}

/* ---- files ---- */

static bool name_is_clean(si_str name, const char *extra) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && strchr(extra, c) == NULL) {
            return false;
        }
    }
    return name.len > 0;
}

static void add_entry(struct loading *l, si_entry ***end, si_str name, si_str value, int line) {
    si_entry *e = si_arena_alloc(&l->catalog->arena, sizeof *e);
    if (e == NULL) {
        mistake(l, line, "out of memory");
        return;
    }
    e->name = si_arena_copy(&l->catalog->arena, name.p, name.len);
    e->value = si_arena_copy(&l->catalog->arena, value.p, value.len);
    e->line = line;
    if (e->name == NULL || e->value == NULL) {
        mistake(l, line, "out of memory");
        return;
    }
    **end = e;
    *end = &e->next;
}

static void setting(void *context, si_str section, si_str name, si_str value, int line) {
    struct loading *l = context;
    if (section.len == 0 || si_str_eq_nocase(section, SI_STR("attributes"))) {
        if (si_str_eq_nocase(name, SI_STR("RootId"))) {
            if (!si_str_eq(value, si_str_of(l->company->id))) {
                mistake(l, line, "RootId differs from the name of the file");
            }
            return;
        }
        set_attribute(l, name, value, line);
    } else if (si_str_eq_nocase(section, SI_STR("presets"))) {
        if (!name_is_clean(name, "-_.")) {
            mistake(l, line, "preset names have only letters, digits, \"-\", \"_\" and \".\"");
        } else if (value.len == 0) {
            mistake(l, line, "preset without commands");
        } else {
            add_entry(l, &l->presets_end, name, value, line);
        }
    } else if (si_str_eq_nocase(section, SI_STR("objects"))) {
        if (value.len == 0) {
            mistake(l, line, "object without a file path");
        } else {
            add_entry(l, &l->objects_end, name, value, line);
        }
    } else {
        mistake(l, line, "unknown section; there are [attributes], [presets] and [objects]");
    }
}

static si_result load_company(
    struct loading *l, int dir_fd, const char *file, si_company *company) {
    char shown[300];
    snprintf(shown, sizeof shown, "companies/%.255s", file);
    l->company = company;
    l->file = shown;
    l->presets_end = (si_entry **)&company->presets;
    l->objects_end = (si_entry **)&company->objects;
    si_result result = si_ini_read(dir_fd, file, setting, mistake, l, l->diag);
    if (result == SI_OK && company->attributes.root_path[0] == '/') {
        mistake(l, 1, "RootPath is relative to the served root and has no leading \"/\"");
    }
    return result;
}

/* Names of the company files in the folder, sorted, without default.ini. */
static int list_companies(int dir_fd, char ***out) {
    *out = NULL;
    DIR *dir = fdopendir(dup(dir_fd));
    if (dir == NULL) {
        return -1;
    }
    int count = 0, room = 0;
    struct dirent *d;
    while ((d = readdir(dir)) != NULL) {
        size_t len = strlen(d->d_name);
        if (len <= 4 || strcmp(d->d_name + len - 4, ".ini") != 0 || d->d_name[0] == '.' ||
            strcmp(d->d_name, "default.ini") == 0) {
            continue;
        }
        if (count == room) {
            room = room * 2 + 16;
            char **more = realloc(*out, (size_t)room * sizeof *more);
            if (more == NULL) {
                break;
            }
            *out = more;
        }
        (*out)[count] = strdup(d->d_name);
        if ((*out)[count] != NULL) {
            count++;
        }
    }
    closedir(dir);
    for (int i = 1; i < count; i++) { /* few files: insertion sort */
        for (int j = i; j > 0 && strcmp((*out)[j - 1], (*out)[j]) > 0; j--) {
            char *swap = (*out)[j];
            (*out)[j] = (*out)[j - 1];
            (*out)[j - 1] = swap;
        }
    }
    return count;
}

static si_result load_folder(struct loading *l, const char *config_dir) {
    si_catalog *c = l->catalog;
    int config_fd = open(config_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (config_fd < 0) {
        return si_fail(
            l->diag, SI_ERR_IO, "configuration folder %s: %s", config_dir, strerror(errno));
    }
    int dir_fd = openat(config_fd, "companies", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close(config_fd);
    if (dir_fd < 0) {
        return errno == ENOENT
                   ? SI_OK
                   : si_fail(l->diag, SI_ERR_IO, "%s/companies: %s", config_dir, strerror(errno));
    }
    char **files = NULL;
    int count = list_companies(dir_fd, &files);
    si_result result = SI_OK;
    si_company *companies =
        count < 0 ? NULL : si_arena_alloc(&c->arena, (size_t)(count + 1) * sizeof *companies);
    if (companies == NULL) {
        result = si_fail(l->diag, SI_ERR_MEMORY, "out of memory");
        goto done;
    }
    companies[0] = c->companies[0];
    c->companies = companies;
    if (faccessat(dir_fd, "default.ini", F_OK, 0) == 0) {
        result = load_company(l, dir_fd, "default.ini", &companies[0]);
    }
    for (int i = 0; i < count && result == SI_OK; i++) {
        si_company *company = &companies[c->company_count];
        si_str id = {files[i], strlen(files[i]) - 4};
        company->attributes = companies[0].attributes;
        company->attributes.root_path = "";
        company->id = si_arena_copy(&c->arena, id.p, id.len);
        if (company->id == NULL) {
            result = si_fail(l->diag, SI_ERR_MEMORY, "out of memory");
            break;
        }
        result = load_company(l, dir_fd, files[i], company);
        if (!name_is_clean(id, "-_.")) {
            mistake(l, 1, "company names have only letters, digits, \"-\", \"_\" and \".\"");
        }
        c->company_count++;
    }
done:
    for (int i = 0; i < count; i++) {
        free(files[i]);
    }
    free(files);
    close(dir_fd);
    return result;
}

si_result si_catalog_load(const char *config_dir, const char *root, si_catalog_report report,
    void *context, si_catalog **out, si_diag *diag) {
    *out = NULL;
    si_catalog *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    c->arena.limit = 256 << 20;
    c->root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    si_result result = SI_OK;
    if (c->root_fd < 0) {
        result = si_fail(diag, SI_ERR_IO, "image folder %s: %s", root, strerror(errno));
        goto fail;
    }
    c->company_count = 1;
    c->companies = si_arena_alloc(&c->arena, sizeof *c->companies);
    if (c->companies == NULL) {
        result = si_fail(diag, SI_ERR_MEMORY, "out of memory");
        goto fail;
    }
    c->companies[0].id = "";
    for (int i = 0; i < ATTRIBUTE_COUNT; i++) {
        const struct attribute *a = &attributes[i];
        void *field = (char *)&c->companies[0].attributes + a->offset;
        if (!a->parse(si_str_of(a->initial), a->range, &c->arena, field)) {
            result = si_fail(diag, SI_ERR_INTERNAL, "default of attribute %s", a->name);
            goto fail;
        }
    }
    if (config_dir != NULL) {
        struct loading l = {.catalog = c, .report = report, .context = context, .diag = diag};
        result = load_folder(&l, config_dir);
        if (result == SI_OK && l.mistakes) {
            result = SI_ERR_CONFIG;
        }
        if (result != SI_OK) {
            goto fail;
        }
    }
    *out = c;
    return SI_OK;
fail:
    si_catalog_free(c);
    return result;
}

void si_catalog_free(si_catalog *c) {
    if (c != NULL) {
        if (c->root_fd >= 0) {
            close(c->root_fd);
        }
        si_arena_free(&c->arena);
        free(c);
    }
}

const si_company *si_catalog_company(
    const si_catalog *c, si_str root_id, si_arena *arena, bool *matched) {
    *matched = true;
    for (int i = 1; i < c->company_count; i++) {
        if (si_str_eq(root_id, si_str_of(c->companies[i].id))) {
            return &c->companies[i];
        }
    }
    /* a first-level folder is a company with the default attributes */
    struct stat st;
    char *id = root_id.len < 256 ? si_arena_copy(arena, root_id.p, root_id.len) : NULL;
    si_company *company = NULL;
    if (id != NULL && name_is_clean(root_id, "-_. ") && id[0] != '.' &&
        fstatat(c->root_fd, id, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
        (company = si_arena_alloc(arena, sizeof *company)) != NULL) {
        *company = c->companies[0];
        company->attributes.root_path = "";
        company->id = id;
        company->presets = company->objects = NULL;
        return company;
    }
    *matched = false;
    return &c->companies[0];
}

/* The last entry of that name (later lines replace earlier ones). */
static const si_entry *find_entry(const si_entry *e, si_str name, bool nocase) {
    const si_entry *found = NULL;
    for (; e != NULL; e = e->next) {
        si_str have = si_str_of(e->name);
        if (nocase ? si_str_eq_nocase(have, name) : si_str_eq(have, name)) {
            found = e;
        }
    }
    return found;
}

const char *si_company_preset(const si_catalog *c, const si_company *company, si_str name) {
    const si_entry *e = find_entry(company->presets, name, true);
    if (e == NULL) {
        e = find_entry(c->companies[0].presets, name, true);
    }
    return e != NULL ? e->value : NULL;
}

const char *si_company_object(const si_company *company, si_str id) {
    const si_entry *e = find_entry(company->objects, id, false);
    return e != NULL ? e->value : NULL;
}
