/* What can only be judged once everything of a company is there. */
#include <stdio.h>

#include "base/host.h"
#include "base/map_links.h"
#include "catalog/access.h"
#include "catalog/catalog_internal.h"
#include "catalog/imageset.h"

/* Calls in a query that name no preset: told as warnings, since only who sends such a request gets
 * an error. Brackets hold nested requests, whose presets may be another company's. */
static void check_presets(si_loading *l, const si_record *r, const char *field, const char *query) {
    si_str rest = si_str_of(query), item;
    if (strpbrk(query, "({") != NULL) {
        return;
    }
    while (si_str_next(&rest, '&', &item)) {
        if (item.len < 3 || item.p[0] != '$' || item.p[item.len - 1] != '$' ||
            memchr(item.p, '=', item.len) != NULL) {
            continue;
        }
        si_str name = {item.p + 1, item.len - 2};
        if (si_company_preset(l->catalog, l->company, name) == NULL) {
            si_loading_warning(l, r->line, "%s of \"%.*s\": there is no preset $%.*s$", field,
                SI_SHOWN(si_str_of(r->id)), SI_SHOWN(name));
        }
    }
}

/* PostModifier must not change the template. */
static void check_post_modifier(si_loading *l, const si_record *r) {
    si_str rest = si_str_of(r->post_modifier), item;
    while (si_str_next(&rest, '&', &item)) {
        if (item.len >= 9 && si_str_eq_nocase((si_str){item.p, 9}, SI_STR("template="))) {
            si_loading_mistake(l, r->line, "PostModifier of \"%.*s\": template= is not allowed",
                SI_SHOWN(si_str_of(r->id)));
        }
    }
}

/* Brackets must match, or the catalog does not load. */
static void check_image_set(si_loading *l, const si_record *r) {
    si_arena arena = {0};
    si_diag diag = {0};
    const si_image_set *set;
    if (r->image_set[0] != '\0' && si_image_set_parse(si_str_of(r->image_set), r->asset_type, 0,
                                       (si_set_locale){0}, &arena, &set, &diag) != SI_OK) {
        si_loading_mistake(
            l, r->line, "ImageSet of \"%.*s\": %s", SI_SHOWN(si_str_of(r->id)), diag.text);
    }
    si_arena_free(&arena);
}

/* Links that no reply has (base/map_links.h). */
static void check_map(si_loading *l, const si_record *r) {
    si_bytes clean = {0};
    si_str map = si_str_of(r->map);
    if (si_map_links_clean(map, SI_MAP_OF_COMPANY, &clean) && clean.len < map.len) {
        si_loading_warning(l, r->line, "Map of \"%.*s\": links other than to pages are left out",
            SI_SHOWN(si_str_of(r->id)));
    }
    si_bytes_free(&clean);
}

static void check_record(si_loading *l, const si_record *r) {
    const char *outer = l->file;
    l->file = r->file;
    check_presets(l, r, "Modifier", r->modifier);
    check_presets(l, r, "PostModifier", r->post_modifier);
    check_post_modifier(l, r);
    check_image_set(l, r);
    check_map(l, r);
    l->file = outer;
}

/* A profile is registered, or the short name of a standard one. */
static void check_profile(si_loading *l, const char *attribute, const char *name) {
    si_str text = si_str_of(name);
    if (text.len > 0 && si_catalog_profile(l->catalog, l->company, text) == NULL &&
        si_profile_standard(text) == NULL && memchr(text.p, '.', text.len) == NULL) {
        si_loading_warning(
            l, 1, "%s: profile \"%.*s\" is not registered", attribute, SI_SHOWN(text));
    }
}

static void check_attributes(si_loading *l) {
    const si_attributes *a = &l->company->attributes;
    check_profile(l, "IccProfileRgb", a->icc_profile_rgb);
    check_profile(l, "IccProfileGray", a->icc_profile_gray);
    check_profile(l, "IccProfileCmyk", a->icc_profile_cmyk);
    check_profile(l, "IccProfileSrcRgb", a->icc_profile_src_rgb);
    check_profile(l, "IccProfileSrcGray", a->icc_profile_src_gray);
    check_profile(l, "IccProfileSrcCmyk", a->icc_profile_src_cmyk);
    if (a->request_lock && a->request_lock_key[0] == '\0') {
        si_loading_warning(
            l, 1, "RequestLock without RequestLockKey: anyone can compute the vendor's lock");
    }
    for (int i = 0; i < a->foreign_hosts.count; i++) {
        si_host ignored;
        si_str host = si_str_of(a->foreign_hosts.items[i]);
        if (!si_host_read(host, &ignored)) {
            si_loading_warning(l, 1,
                "ForeignHosts: \"%.*s\" is no host with perhaps a port, such as [2001:db8::1]:8443",
                SI_SHOWN(host));
        }
    }
    if (a->allow_direct_urls && a->foreign_hosts.count == 0) {
        si_loading_warning(l, 1, "AllowDirectUrls without ForeignHosts allows no server");
    }
}

void si_company_check(si_loading *l) {
    size_t at = 0;
    const char *name;
    void *record;
    while (si_names_next(&l->data->images, &at, &name, &record)) {
        check_record(l, record);
    }
    check_attributes(l);
    si_sources_check(l);
}

/* ---- folders of protected companies ---- */

/* Whether `folder` is `around`, or lies in it. */
static bool lies_in(const char *folder, const char *around) {
    size_t len = strlen(around);
    return strncmp(folder, around, len) == 0 &&
           (len == 0 || folder[len] == '\0' || folder[len] == '/');
}

static const char *name_of(const si_company *company) {
    return company->id[0] != '\0' ? company->id : "default";
}

/* What another company's folder does to a protected one. */
static void check_overlap(
    si_loading *l, const si_company *guarded, const char *attribute, const char *folder) {
    const char *root = guarded->attributes.root_path;
    if (lies_in(folder, root)) {
        si_loading_warning(l, 1,
            "%s \"%.80s\" lies in the folder of company \"%.80s\", whose lock, address filter or "
            "PresetsOnly does not protect these files",
            attribute, folder, name_of(guarded));
    } else if (lies_in(root, folder)) {
        si_loading_warning(l, 1,
            "%s \"%.80s\" is around the folder of company \"%.80s\", whose files are refused here",
            attribute, folder, name_of(guarded));
    }
}

/* An object of another company, which requests of this one will not get. */
static void check_borrowed(
    si_loading *l, const si_company *company, const char *attribute, const char *object) {
    si_str rest = si_str_of(object), id;
    rest.p += object[0] == '/';
    rest.len -= object[0] == '/';
    (void)si_str_next(&rest, '/', &id);
    const si_company *other = rest.p != NULL ? si_names_find(&l->catalog->by_id, id) : NULL;
    if (other != NULL && other != company && si_company_is_protected(l->catalog, other) &&
        !other->attributes.allow_nested) {
        si_loading_warning(l, 1,
            "%s is of company \"%.80s\", which is protected and does not say "
            "AllowNested",
            attribute, other->id);
    }
}

void si_folders_check(si_loading *l) {
    const si_catalog *c = l->catalog;
    for (int i = 0; i < c->company_count; i++) {
        const si_company *other = &c->companies[i];
        const si_attributes *a = &other->attributes;
        bool chosen = i > 0 || c->root_path_defined;
        l->file = si_loading_shown(l, si_arena_printf(l->arena, "%.200s.ini", name_of(other)));
        if (i > 0 && a->folder_companies) {
            si_loading_warning(l, 1, "FolderCompanies counts in default.ini only");
        }
        check_borrowed(l, other, "Watermark", a->watermark);
        check_borrowed(l, other, "DefaultImage", a->default_image);
        check_borrowed(l, other, "ErrorImage", a->error_image);
        for (int k = 0; k < c->company_count; k++) {
            const si_company *guarded = &c->companies[k];
            bool everywhere = k == 0 && !c->root_path_defined;
            if (everywhere || !si_company_is_protected(c, guarded)) {
                continue;
            }
            if (chosen && i != k && !si_company_is_protected(c, other)) {
                check_overlap(l, guarded, "RootPath", a->root_path);
            }
            if (a->static_root_path[0] != '\0') {
                check_overlap(l, guarded, "StaticContentRootPath", a->static_root_path);
            }
        }
    }
}

/* ---- files ---- */

/* Those that are missing. */
typedef struct search {
    const si_catalog *catalog;
    const si_company *company;
    si_catalog_report report;
    void *context;
    int missing;
} search;

typedef si_result (*finder)(const si_catalog *c, const si_company *company, si_str object,
    si_arena *arena, si_file *out, si_diag *diag);

static void look_for(
    search *s, finder find, const char *path, const char *who, const char *file, int line) {
    si_arena arena = {0};
    si_file found;
    char text[300];
    si_result result = path[0] != '\0'
                           ? find(s->catalog, s->company, si_str_of(path), &arena, &found, NULL)
                           : SI_OK;
    if (result != SI_OK && result != SI_ERR_IO) { /* nobody asks origins here */
        snprintf(text, sizeof text, "warning: \"%.80s\": there is no file \"%.150s\"", who, path);
        s->report(s->context, file, line, text);
        s->missing++;
    }
    si_arena_free(&arena);
}

static void look_for_records(search *s, const si_names *records, finder find) {
    size_t at = 0;
    const char *name;
    void *thing;
    while (si_names_next(records, &at, &name, &thing)) {
        const si_record *r = thing;
        look_for(s, find, r->path, r->id, r->file, r->line);
        look_for(s, find, r->mask_path, r->id, r->file, r->line);
    }
}

int si_catalog_check_files(const si_catalog *c, si_catalog_report report, void *context) {
    search s = {.catalog = c, .report = report, .context = context};
    for (int i = 0; i < c->company_count; i++) {
        const si_company_data *d = c->companies[i].data;
        size_t at = 0;
        const char *name;
        void *thing;
        char file[300];
        s.company = &c->companies[i];
        look_for_records(&s, &d->images, si_catalog_find);
        look_for_records(&s, &d->statics, si_catalog_find_static);
        snprintf(file, sizeof file, "companies/%.250s.ini", i > 0 ? s.company->id : "default");
        while (si_names_next(&d->profiles, &at, &name, &thing)) {
            const si_profile *p = thing;
            look_for(&s, si_catalog_find_exact, p->path, p->name, file, 1);
        }
    }
    return s.missing;
}
