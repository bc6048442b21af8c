/* Reading the configuration folder into a catalog. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ini.h"
#include "catalog/catalog_internal.h"
#include "catalog/rules_internal.h"

enum { MEMORY_MAX = 1 << 30 }; /* of a whole catalog, bytes: a million records */

static const char warning_mark[] = "warning: ";

bool si_catalog_is_warning(const char *text) {
    return strncmp(text, warning_mark, sizeof warning_mark - 1) == 0;
}

/* ---- reports ---- */

static void tell(si_loading *l, int line, const char *text) {
    if (l->report != NULL) {
        l->report(l->context, l->file, line, text);
    }
}

static void mistake(void *context, int line, const char *text) {
    si_loading *l = context;
    l->mistakes = true;
    tell(l, line, text);
    (void)si_fail(l->diag, SI_ERR_CONFIG, "%s:%d: %s", l->file, line, text);
}

static void warning(void *context, int line, const char *text) {
    tell(context, line, text);
}

void si_loading_mistake(si_loading *l, int line, const char *fmt, ...) {
    char text[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    mistake(l, line, text);
}

void si_loading_warning(si_loading *l, int line, const char *fmt, ...) {
    char text[400];
    int n = snprintf(text, sizeof text, "%s", warning_mark);
    va_list args;
    va_start(args, fmt);
    vsnprintf(text + n, sizeof text - (size_t)n, fmt, args);
    va_end(args);
    tell(l, line, text);
}

const char *si_loading_shown(si_loading *l, const char *path) {
    const char *shown = si_arena_printf(l->arena, "companies/%.250s", path);
    return shown != NULL ? shown : "companies";
}

void si_loading_read(si_loading *l, size_t attribute, const char *path,
    void (*columns)(void *context, int count, const si_str *names),
    void (*record)(void *context, int line, int count, const si_datafile_field *fields),
    void *context) {
    const char *outer = l->file;
    si_diag diag = {0};
    const si_datafile_reader reader = {.columns = columns,
        .record = record,
        .context = context,
        .mistake = mistake,
        .warning = warning,
        .report_context = l};
    l->file = si_loading_shown(l, path);
    if (si_datafile_read(l->dir_fd, path, &reader, &diag) != SI_OK) {
        l->file = outer;
        int line = si_attribute_line(l->company, attribute);
        mistake(l, line > 0 ? line : 1, diag.text);
    }
    l->file = outer;
}

bool si_name_is_clean(si_str name, const char *extra) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || strchr(extra, c) == NULL)) {
            return false;
        }
    }
    return name.len > 0;
}

/* ---- company files ---- */

static void attribute_line(si_loading *l, si_str name, si_str value, int line) {
    if (!si_str_eq_nocase(name, SI_STR("RootId"))) {
        si_attribute_set(l, name, value, line);
    } else if (!si_str_eq(value, si_str_of(l->company->id))) {
        si_loading_mistake(l, line, "RootId differs from the name of the file");
    }
}

/* The rest of a section's header behind a word: "[object ID]". */
static bool section_about(si_str section, si_str word, si_str *rest) {
    if (section.len <= word.len || section.p[word.len] != ' ' ||
        !si_str_eq_nocase((si_str){section.p, word.len}, word)) {
        return false;
    }
    *rest = si_str_trim((si_str){section.p + word.len, section.len - word.len});
    return rest->len > 0;
}

static void section_line(si_loading *l, si_str section, si_str name, si_str value, int line) {
    static const struct {
        si_str section;
        void (*line)(si_loading *l, si_str name, si_str value, int line);
    } sections[] = {
        {{"presets", 7}, si_preset_define},
        {{"objects", 7}, si_record_line},
        {{"fonts", 5}, si_font_line},
        {{"profiles", 8}, si_profile_line},
        {{"crops", 5}, si_crop_line},
    };
    si_str id;
    if (section_about(section, SI_STR("source"), &id)) {
        si_origin_line(l, id, name, value, line);
        return;
    }
    if (l->only_origins) {
        return;
    }
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        if (si_str_eq_nocase(section, sections[i].section)) {
            sections[i].line(l, name, value, line);
            return;
        }
    }
    if (section_about(section, SI_STR("object"), &id)) {
        si_record_set(l, SI_TABLE_IMAGE, id, name, value, line);
    } else if (section_about(section, SI_STR("static"), &id)) {
        si_record_set(l, SI_TABLE_STATIC, id, name, value, line);
    } else if (section_about(section, SI_STR("crop"), &id)) {
        si_override_line(l, id, name, value, line);
    } else {
        si_loading_mistake(l, line,
            "unknown section; there are [attributes], [presets], [objects], [object ID], "
            "[static ID], [fonts], [profiles], [crops], [crop OBJECT] and [source NAME]");
    }
}

/* Attributes come first, since they name the data files; then these; then the other sections, which
 * may use and replace what is in them. */
static void setting(void *context, si_str section, si_str name, si_str value, int line) {
    si_loading *l = context;
    bool attribute = section.len == 0 || si_str_eq_nocase(section, SI_STR("attributes"));
    if (attribute && !l->sections) {
        attribute_line(l, name, value, line);
    } else if (!attribute && l->sections) {
        section_line(l, section, name, value, line);
    }
}

static void known_mistake(void *context, int line, const char *text) {
    (void)context, (void)line, (void)text; /* told in the first pass */
}

static bool new_data(si_loading *l) {
    si_company_data *d = si_arena_alloc(l->arena, sizeof *d);
    int *lines = si_arena_alloc(l->arena, (size_t)si_attribute_count * sizeof *lines);
    if (d != NULL && lines != NULL) {
        d->attribute_lines = lines;
        d->configured = true;
        d->presets.nocase = d->profiles.nocase = true;
        l->company->data = l->data = d;
        l->crops_end = &d->first_crop;
    }
    return d != NULL && lines != NULL;
}

/* RootPath that is defined nowhere is the folder named like the company. */
static void settle_root_path(si_loading *l) {
    si_company *standard = &l->catalog->companies[0];
    if (l->company == standard) {
        l->catalog->root_path_defined = l->root_path_here;
    } else if (!l->root_path_here && !l->catalog->root_path_defined) {
        l->company->attributes.root_path = l->company->id;
    }
}

static void settle_time(si_loading *l, const char *file) {
    struct stat st;
    l->company->time_ms = l->company->attributes.time_stamp;
    if (l->company->time_ms == 0 && fstatat(l->dir_fd, file, &st, 0) == 0) {
        l->company->time_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    }
}

static si_result load_company(si_loading *l, const char *file, si_company *company) {
    l->company = company;
    l->file = si_loading_shown(l, file);
    l->root_path_here = l->sections = false;
    if (l->only_origins) {
        l->sections = true;
        SI_TRY(si_ini_read(l->dir_fd, file, setting, known_mistake, l, l->diag));
        si_origins_check(l);
        return SI_OK;
    }
    SI_TRY(si_ini_read(l->dir_fd, file, setting, mistake, l, l->diag));
    settle_root_path(l);
    settle_time(l, file);
    si_presets_load(l);
    si_records_load(l);
    si_fonts_load(l);
    si_profiles_load(l);
    si_rules_load(l);
    l->sections = true;
    si_result result = si_ini_read(l->dir_fd, file, setting, known_mistake, l, l->diag);
    si_origins_check(l);
    si_company_check(l);
    return result;
}

/* Names of the company files in the folder, sorted, without default.ini. */
static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

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
    if (count > 1) {
        qsort(*out, (size_t)count, sizeof **out, by_name);
    }
    return count;
}

static si_result load_one(si_loading *l, const char *file) {
    si_catalog *c = l->catalog;
    si_company *company = &c->companies[c->company_count];
    si_str id = {file, strlen(file) - 4};
    company->id = si_arena_copy(&c->arena, id.p, id.len);
    l->company = company;
    if (company->id == NULL || !new_data(l) ||
        !si_attributes_inherit(&company->attributes, &c->companies[0].attributes, &c->arena) ||
        !si_names_put(&c->by_id, &c->arena, company->id, company)) {
        return si_fail(l->diag, SI_ERR_MEMORY, "out of memory");
    }
    c->company_count++;
    si_result result = load_company(l, file, company);
    if (result == SI_OK && !si_name_is_clean(id, "-_.")) {
        si_loading_mistake(l, 1, "company names have only letters, digits, \"-\", \"_\" and \".\"");
    }
    return result;
}

/* All company files of the folder; the default company's first. */
static si_result load_companies(si_loading *l) {
    si_catalog *c = l->catalog;
    char **files = NULL;
    int count = list_companies(l->dir_fd, &files);
    si_result result = SI_OK;
    si_company *companies =
        count < 0 ? NULL : si_arena_alloc(&c->arena, (size_t)(count + 1) * sizeof *companies);
    if (companies == NULL) {
        result = si_fail(l->diag, SI_ERR_MEMORY, "out of memory");
        goto done;
    }
    companies[0] = c->companies[0];
    c->companies = companies;
    if (faccessat(l->dir_fd, "default.ini", F_OK, 0) == 0) {
        result = load_company(l, "default.ini", &companies[0]);
    }
    for (int i = 0; i < count && result == SI_OK; i++) {
        result = load_one(l, files[i]);
    }
done:
    for (int i = 0; i < count; i++) {
        free(files[i]);
    }
    free(files);
    return result;
}

static si_result load_folder(si_loading *l, const char *config_dir) {
    int config_fd = open(config_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (config_fd < 0) {
        return si_fail(
            l->diag, SI_ERR_IO, "configuration folder %s: %s", config_dir, strerror(errno));
    }
    l->dir_fd = openat(config_fd, "companies", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close(config_fd);
    if (l->dir_fd < 0) {
        return errno == ENOENT
                   ? SI_OK
                   : si_fail(l->diag, SI_ERR_IO, "%s/companies: %s", config_dir, strerror(errno));
    }
    si_result result = load_companies(l);
    close(l->dir_fd);
    return result;
}

/* The default company with nothing but defaults. */
static si_result begin(si_loading *l, bool configured) {
    si_catalog *c = l->catalog;
    c->arena.limit = MEMORY_MAX;
    c->company_count = 1;
    c->companies = si_arena_alloc(&c->arena, sizeof *c->companies);
    c->outside = si_arena_alloc(&c->arena, sizeof *c->outside);
    c->listings = si_arena_alloc(&c->arena, sizeof *c->listings);
    if (c->companies == NULL || c->outside == NULL || c->listings == NULL) {
        return si_fail(l->diag, SI_ERR_MEMORY, "out of memory");
    }
    l->company = &c->companies[0];
    l->company->id = "";
    si_attributes *a = &l->company->attributes;
    if (!new_data(l) || !si_attributes_init(a, &c->arena) ||
        (!configured && !si_attributes_unconfigured(a, &c->arena))) {
        return si_fail(l->diag, SI_ERR_INTERNAL, "defaults of the attributes");
    }
    return si_presets_build_in(l) ? SI_OK : SI_ERR_MEMORY;
}

/* `root` is NULL for the origins alone. `with_mistakes`: what is wrong in files is left out, and
 * the rest given. */
static si_result load(const char *config_dir, const char *root, bool with_mistakes,
    si_catalog_report report, void *context, si_catalog **out, si_diag *diag) {
    *out = NULL;
    si_catalog *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    si_loading l = {.catalog = c,
        .arena = &c->arena,
        .report = report,
        .context = context,
        .diag = diag,
        .only_origins = root == NULL,
        .file = "companies"};
    si_result result = begin(&l, config_dir != NULL);
    c->root_fd = root != NULL ? open(root, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    if (result == SI_OK && c->root_fd < 0 && root != NULL) {
        result = si_fail(diag, SI_ERR_IO, "image folder %s: %s", root, strerror(errno));
    }
    if (result == SI_OK && config_dir != NULL) {
        result = load_folder(&l, config_dir);
    }
    if (result == SI_OK && config_dir == NULL) {
        c->companies[0].attributes.folder_companies = true; /* there is nothing else to serve */
    }
    if (result == SI_OK && (!si_guards_build(c) || !si_origins_list(c))) {
        result = si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    if (result == SI_OK && root != NULL) {
        si_folders_check(&l);
    }
    if (result == SI_OK && l.mistakes) {
        result = SI_ERR_CONFIG;
    }
    if (result == SI_OK || (result == SI_ERR_CONFIG && with_mistakes)) {
        *out = c;
    } else {
        si_catalog_free(c);
    }
    return result;
}

si_result si_catalog_load(const char *config_dir, const char *root, si_catalog_report report,
    void *context, si_catalog **out, si_diag *diag) {
    return load(config_dir, root, false, report, context, out, diag);
}

si_result si_catalog_load_to_check(const char *config_dir, const char *root,
    si_catalog_report report, void *context, si_catalog **out, si_diag *diag) {
    return load(config_dir, root, true, report, context, out, diag);
}

si_result si_catalog_load_origins(const char *config_dir, si_catalog_report report, void *context,
    si_catalog **out, si_diag *diag) {
    return load(config_dir, NULL, false, report, context, out, diag);
}

void si_catalog_free(si_catalog *c) {
    if (c != NULL) {
        if (c->root_fd >= 0) {
            close(c->root_fd);
        }
        si_rules_free(c->rule_sets);
        si_arena_free(&c->arena);
        free(c);
    }
}
