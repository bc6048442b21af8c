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

/* The line of the company's own file that sets an attribute, 0 = it is not set there, and whatever
 * is wrong with it is told of the default company. */
#define LINE_OF(l, field) si_attribute_line((l)->company, offsetof(si_attributes, field))

/* A profile is registered, or the short name of a standard one. */
static void check_profile(si_loading *l, const char *attribute, const char *name, int line) {
    si_str text = si_str_of(name);
    if (line > 0 && text.len > 0 && si_catalog_profile(l->catalog, l->company, text) == NULL &&
        si_profile_standard(text) == NULL && memchr(text.p, '.', text.len) == NULL) {
        si_loading_warning(
            l, line, "%s: profile \"%.*s\" is not registered", attribute, SI_SHOWN(text));
    }
}

static void check_hosts(si_loading *l) {
    const si_attributes *a = &l->company->attributes;
    int line = LINE_OF(l, foreign_hosts), allowed = LINE_OF(l, allow_direct_urls);
    for (int i = 0; line > 0 && i < a->foreign_hosts.count; i++) {
        si_host ignored;
        si_str host = si_str_of(a->foreign_hosts.items[i]);
        if (!si_host_read(host, &ignored)) {
            si_loading_warning(l, line,
                "ForeignHosts: \"%.*s\" is no host with perhaps a port, such as [2001:db8::1]:8443",
                SI_SHOWN(host));
        }
    }
    if (allowed + line > 0 && a->allow_direct_urls && a->foreign_hosts.count == 0) {
        si_loading_warning(l, allowed > 0 ? allowed : line,
            "AllowDirectUrls without ForeignHosts allows no server");
    }
}

static void check_attributes(si_loading *l) {
    const si_attributes *a = &l->company->attributes;
    check_profile(l, "IccProfileRgb", a->icc_profile_rgb, LINE_OF(l, icc_profile_rgb));
    check_profile(l, "IccProfileGray", a->icc_profile_gray, LINE_OF(l, icc_profile_gray));
    check_profile(l, "IccProfileCmyk", a->icc_profile_cmyk, LINE_OF(l, icc_profile_cmyk));
    check_profile(l, "IccProfileSrcRgb", a->icc_profile_src_rgb, LINE_OF(l, icc_profile_src_rgb));
    check_profile(
        l, "IccProfileSrcGray", a->icc_profile_src_gray, LINE_OF(l, icc_profile_src_gray));
    check_profile(
        l, "IccProfileSrcCmyk", a->icc_profile_src_cmyk, LINE_OF(l, icc_profile_src_cmyk));
    int locked = LINE_OF(l, request_lock), key = LINE_OF(l, request_lock_key);
    if (locked + key > 0 && a->request_lock && a->request_lock_key[0] == '\0') {
        si_loading_warning(l, locked > 0 ? locked : key,
            "RequestLock without RequestLockKey: anyone can compute the vendor's lock");
    }
    check_hosts(l);
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

/* Says which company's file reports are about from now on, and the line that sets an attribute: of
 * this company, or of the default one if it does not. */
static int set_place(si_loading *l, const si_company *company, size_t attribute) {
    const si_company *standard = &l->catalog->companies[0];
    int line = si_attribute_line(company, attribute);
    bool inherited = line == 0 && si_attribute_line(standard, attribute) > 0;
    const si_company *owner = inherited ? standard : company;
    l->file = si_loading_shown(l, si_arena_printf(l->arena, "%.200s.ini", name_of(owner)));
    line = inherited ? si_attribute_line(standard, attribute) : line;
    return line > 0 ? line : 1;
}

/* What another company's folder does to a protected one. */
static void check_overlap(si_loading *l, const si_company *other, const si_company *guarded,
    size_t offset, const char *attribute, const char *folder) {
    const char *root = guarded->attributes.root_path;
    int line = set_place(l, other, offset);
    if (lies_in(folder, root)) {
        si_loading_warning(l, line,
            "%s \"%.80s\" lies in the folder of company \"%.80s\", whose lock, address filter or "
            "PresetsOnly does not protect these files",
            attribute, folder, name_of(guarded));
    } else if (lies_in(root, folder)) {
        si_loading_warning(l, line,
            "%s \"%.80s\" is around the folder of company \"%.80s\", whose files are refused here",
            attribute, folder, name_of(guarded));
    }
}

/* An object of another company, which requests of this one will not get. */
static void check_borrowed(si_loading *l, const si_company *company, size_t offset,
    const char *attribute, const char *object) {
    si_str rest = si_str_of(object), id;
    rest.p += object[0] == '/';
    rest.len -= object[0] == '/';
    (void)si_str_next(&rest, '/', &id);
    const si_company *other = rest.p != NULL ? si_names_find(&l->catalog->by_id, id) : NULL;
    if (other != NULL && other != company && si_company_is_protected(l->catalog, other) &&
        !other->attributes.allow_nested) {
        si_loading_warning(l, set_place(l, company, offset),
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
        if (i > 0 && a->folder_companies) {
            si_loading_warning(l, set_place(l, other, offsetof(si_attributes, folder_companies)),
                "FolderCompanies counts in default.ini only");
        }
        check_borrowed(l, other, offsetof(si_attributes, watermark), "Watermark", a->watermark);
        check_borrowed(
            l, other, offsetof(si_attributes, default_image), "DefaultImage", a->default_image);
        check_borrowed(
            l, other, offsetof(si_attributes, error_image), "ErrorImage", a->error_image);
        for (int k = 0; k < c->company_count; k++) {
            const si_company *guarded = &c->companies[k];
            bool everywhere = k == 0 && !c->root_path_defined;
            if (everywhere || !si_company_is_protected(c, guarded)) {
                continue;
            }
            if (chosen && i != k && !si_company_is_protected(c, other)) {
                check_overlap(l, other, guarded, offsetof(si_attributes, root_path), "RootPath",
                    a->root_path);
            }
            if (a->static_root_path[0] != '\0') {
                check_overlap(l, other, guarded, offsetof(si_attributes, static_root_path),
                    "StaticContentRootPath", a->static_root_path);
            }
        }
    }
}
