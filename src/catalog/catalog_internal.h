/* What the files of catalog/ share. */
#ifndef SI_CATALOG_CATALOG_INTERNAL_H
#define SI_CATALOG_CATALOG_INTERNAL_H

#include "catalog/catalog.h"
#include "catalog/datafile.h"
#include "catalog/names.h"
#include "catalog/origins.h"

/* A preset. */
/* The up to four files of a font name: [bold + 2 italic]. */
typedef struct si_styles {
    si_font *fonts[4];
} si_styles;

/* What a company defines; a company that is only a folder has none of it. */
typedef struct si_company_data {
    si_names presets;         /* name → si_preset */
    si_names images, statics; /* id → si_record */
    si_names fonts;           /* name → si_styles */
    si_names profiles;        /* name → si_profile */
    si_names crops;           /* name → si_crop */
    si_names overrides;       /* object without extension → struct si_override */
    si_names origins;         /* name → si_origin */
    si_crop *first_crop;
    const struct si_rule_set *rules; /* NULL = none */
    bool configured;                 /* there is a company file */
    int *attribute_lines; /* one a row of si_attribute_rows: where the file has it; 0 = not there */
} si_company_data;

/* Links that lead out of the root, and who wants to know. */
enum { SI_OUTSIDE_KNOWN = 16, SI_OUTSIDE_SECONDS = 60 };

typedef struct si_outside {
    si_catalog_outside tell; /* NULL = nobody */
    void *context;
    struct {
        uint64_t hash; /* of a path that was told */
        int64_t until_ns;
    } known[SI_OUTSIDE_KNOWN];
    int next;
} si_outside;

/* Listings of folders for suggestions, which are counted by the second. */
typedef struct si_listings {
    int64_t since_ns;
    int count;
} si_listings;

/* A protected company with files in a folder. */
typedef struct si_guard {
    const struct si_guard *next; /* another one of the same folder */
    const si_company *company;
} si_guard;

struct si_catalog {
    si_arena arena; /* everything below lives here */
    int root_fd;    /* the served root */
    int company_count;
    si_company *companies;  /* [0] is the default company */
    si_names by_id;         /* root id → si_company */
    bool root_path_defined; /* in default.ini */
    si_names guards;        /* folder below the root → si_guard (catalog/access.h) */
    struct si_rule_set *rule_sets;
    si_outside *outside;
    si_listings *listings;
    si_origins origins;         /* of all companies */
    si_origin_look origin_look; /* NULL = they cannot be asked */
    void *origin_context;
    bool uploads; /* there may be some, in uploads_fd */
    int uploads_fd;
};

/* A company file that is being read. */
typedef struct si_loading {
    si_catalog *catalog;
    si_company *company;
    si_company_data *data;
    si_arena *arena;  /* the catalog's */
    int dir_fd;       /* the folder of company files */
    const char *file; /* that is being read, as reports call it */
    si_catalog_report report;
    void *context;
    si_diag *diag;
    bool mistakes;       /* there were some, in any file */
    bool root_path_here; /* RootPath is defined in this company file */
    bool sections;       /* second pass: sections, not attributes */
    bool only_origins;   /* nothing but their sections is read */
    si_crop **crops_end;
} si_loading;

/* Reports a mistake or a warning at a line of the file that is being read. */
void si_loading_mistake(si_loading *l, int line, const char *fmt, ...) SI_PRINTF(3, 4);
void si_loading_warning(si_loading *l, int line, const char *fmt, ...) SI_PRINTF(3, 4);

/* A file in the folder of company files, as reports call it. */
const char *si_loading_shown(si_loading *l, const char *path);

/* The line of a company's file that sets the attribute at that offset of si_attributes; 0 = none.
 */
int si_attribute_line(const si_company *company, size_t offset);

/* Reads a data file that the company names by the attribute of that offset, `context` being that of
 * the two functions; mistakes are reported as those of that file. */
void si_loading_read(si_loading *l, size_t attribute, const char *path,
    void (*columns)(void *context, int count, const si_str *names),
    void (*record)(void *context, int line, int count, const si_datafile_field *fields),
    void *context);

/* Text cut to what fits into a message. */
#define SI_SHOWN(s) (int)((s).len > 80 ? 80 : (s).len), ((s).len > 0 ? (s).p : "")

/* Whether a name has only letters, digits and the characters of `extra`, and at least one. */
bool si_name_is_clean(si_str name, const char *extra);

/* Whether a path is one that stays below a folder: no empty, "." or ".." element, no leading "/",
 * no control character or backslash. */
bool si_file_path_is_clean(si_str path);

/* Whether an element of a path begins with "." and so names something that is never served. */
bool si_file_path_is_hidden(si_str path);

/* Attributes: the defaults of all; what holds in their place without a configuration folder; one of
 * a company file; which go over from the default company to another. False if memory runs out. */
bool si_attributes_init(si_attributes *a, si_arena *arena);
bool si_attributes_unconfigured(si_attributes *a, si_arena *arena);
void si_attribute_set(si_loading *l, si_str name, si_str value, int line);
bool si_attributes_inherit(si_attributes *a, const si_attributes *from, si_arena *arena);

/* Presets. Those that are built in go to the default company. */
bool si_presets_build_in(si_loading *l);
void si_preset_define(si_loading *l, si_str name, si_str body, int line);
void si_presets_load(si_loading *l);

/* Records: a field of a section [object ID] or [static ID], a line of [objects], data files. */
void si_record_set(
    si_loading *l, si_record_table table, si_str id, si_str field, si_str value, int line);
void si_record_line(si_loading *l, si_str id, si_str line_text, int line);
void si_records_load(si_loading *l);

/* Fonts, profiles, crops: lines of their sections, data files. */
void si_font_line(si_loading *l, si_str name, si_str value, int line);
void si_profile_line(si_loading *l, si_str name, si_str value, int line);
void si_crop_line(si_loading *l, si_str name, si_str value, int line);
void si_override_line(si_loading *l, si_str object, si_str crop, si_str value, int line);
void si_fonts_load(si_loading *l);
void si_profiles_load(si_loading *l);

/* Origins: a setting in a section [source NAME]; those of a company once they are all there; what
 * the attribute Sources names; the list of all companies' (false if memory runs out). */
void si_origin_line(si_loading *l, si_str name, si_str field, si_str value, int line);
void si_origins_check(si_loading *l);
void si_sources_check(si_loading *l);
bool si_origins_list(si_catalog *c);

/* An object in an origin, which Sources names: as si_catalog_find(), and SI_ERR_NOT_FOUND without a
 * text. */
si_result si_origin_find(const si_catalog *c, const si_company *company, si_str source,
    si_str object, const si_resolved *is, si_arena *arena, si_file *out, si_diag *diag);

/* The company of uploads, in the arena; NULL if there are none. */
const si_company *si_uploads_company(const si_catalog *c, si_arena *arena);

/* Looks at what can only be judged once everything of a company is there. */
void si_company_check(si_loading *l);

/* The same once all companies are there: folders of protected companies that others have, too, and
 * objects of theirs that others' attributes name. */
void si_folders_check(si_loading *l);

/* Notes whose folders protected companies' are. False if memory runs out. */
bool si_guards_build(si_catalog *c);

#endif
