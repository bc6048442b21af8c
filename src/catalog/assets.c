/* Fonts, colour profiles and smart crops of a company. */
#include "base/format.h"
#include "catalog/catalog_internal.h"
#include "catalog/extensions.h"

/* Crops of one object that were set by hand. */
typedef struct override {
    struct override *next;
    const char *crop;
    double rect[4];
} override;

static const char *copy(si_loading *l, si_str text, int line) {
    const char *c = si_arena_copy(l->arena, text.len > 0 ? text.p : "", text.len);
    if (c == NULL) {
        si_loading_mistake(l, line, "out of memory");
    }
    return c;
}

static void put(si_loading *l, si_names *names, const char *name, void *thing, int line) {
    if (!si_names_put(names, l->arena, name, thing)) {
        si_loading_mistake(l, line, "out of memory");
    }
}

static bool check_path(si_loading *l, const char *what, si_str path, int line) {
    bool ok = si_file_path_is_clean(path);
    if (!ok) {
        si_loading_mistake(l, line, "%s: \"%.*s\" is no path below RootPath", what, SI_SHOWN(path));
    }
    return ok;
}

/* ---- fonts ---- */

static void add_font(si_loading *l, si_str name, si_str path, si_str metrics, si_str ps_name,
    bool bold, bool italic, int line) {
    if (name.len == 0) {
        si_loading_mistake(l, line, "font without a name");
        return;
    }
    if (!check_path(l, "font", path, line) ||
        (metrics.len > 0 && !check_path(l, "font metrics", metrics, line))) {
        return;
    }
    si_styles *s = si_names_find(&l->data->fonts, name);
    si_font *f = si_arena_alloc(l->arena, sizeof *f);
    if (s == NULL) {
        s = si_arena_alloc(l->arena, sizeof *s);
    }
    if (f == NULL || s == NULL) {
        si_loading_mistake(l, line, "out of memory");
        return;
    }
    *f = (si_font){.name = copy(l, name, line),
        .bold = bold,
        .italic = italic,
        .path = copy(l, path, line),
        .metrics_path = copy(l, metrics, line),
        .ps_name = copy(l, ps_name, line),
        .owner = l->company,
        .file = l->file,
        .line = line};
    if (f->name != NULL && f->path != NULL && f->metrics_path != NULL && f->ps_name != NULL) {
        s->fonts[bold + 2 * italic] = f;
        put(l, &l->data->fonts, f->name, s, line);
    }
}

void si_font_line(si_loading *l, si_str name, si_str value, int line) {
    bool bold = false, italic = false;
    si_str path, word;
    (void)si_str_next(&value, ',', &path);
    while (si_str_next(&value, ',', &word)) {
        word = si_str_trim(word);
        if (si_str_eq_nocase(word, SI_STR("bold"))) {
            bold = true;
        } else if (si_str_eq_nocase(word, SI_STR("italic"))) {
            italic = true;
        } else {
            si_loading_mistake(l, line, "a font is a path, then perhaps \"bold\" and \"italic\"");
            return;
        }
    }
    add_font(l, name, si_str_trim(path), SI_STR(""), SI_STR(""), bold, italic, line);
}

int si_catalog_font(
    const si_catalog *c, const si_company *company, si_str name, const si_font *out[4]) {
    const si_styles *own = si_names_find(&company->data->fonts, name);
    const si_styles *standard = si_names_find(&c->companies[0].data->fonts, name);
    int n = 0;
    for (int i = 0; i < 4; i++) {
        const si_font *f = own != NULL ? own->fonts[i] : NULL;
        if (f == NULL && standard != NULL) {
            f = standard->fonts[i];
        }
        if (f != NULL) {
            out[n++] = f;
        }
    }
    return n;
}

/* ---- profiles ---- */

/* Standard names, short and as Photoshop shows them. */
static const struct {
    const char *shorter, *longer;
} standard_profiles[] = {
    {"AdobeRGB", "Adobe RGB (1998)"},
    {"AppleRGB", "Apple RGB"},
    {"CIERGB", "CIE RGB"},
    {"ColorMatchRGB", "ColorMatch RGB"},
    {"NTSC", "NTSC (1953)"},
    {"PAL", "PAL/SECAM"},
    {"ProPhoto", "ProPhoto RGB"},
    {"SMPTE", "SMPTE-C"},
    {"sRGB", "sRGB IEC61966-2.1"},
    {"WideGamutRGB", "Wide Gamut RGB"},
    {"CoatedFogra27", "Coated FOGRA27 (ISO 12647-2:2004)"},
    {"CoatedFogra39", "Coated FOGRA39 (ISO 12647-2:2004)"},
    {"CoatedGraCol", "Coated GRACoL 2006 (ISO 12647-2:2004)"},
    {"EuropeISOCoated", "Europe ISO Coated FOGRA27"},
    {"EuroscaleCoated", "Euroscale Coated v2"},
    {"EuroscaleUncoated", "Euroscale Uncoated v2"},
    {"JapanColorCoated", "Japan Color 2001 Coated"},
    {"JapanColorNewspaper", "Japan Color 2002 Newspaper"},
    {"JapanColorUncoated", "Japan Color 2001 Uncoated"},
    {"JapanColorWebCoated", "Japan Color 2003 Web Coated"},
    {"JapanWebCoated", "Japan Web Coated (Ad)"},
    {"NewsprintSNAP2007", "US Newsprint (SNAP 2007)"},
    {"PS4Default", "Photoshop 4 Default CMYK"},
    {"PS5Default", "Photoshop 5 Default CMYK"},
    {"SheetfedCoated", "U.S. Sheetfed Coated v2"},
    {"SheetfedUncoated", "U.S. Sheetfed Uncoated v2"},
    {"UncoatedFogra29", "Uncoated FOGRA29 (ISO 12647-2:2004)"},
    {"WebCoated", "U.S. Web Coated (SWOP) v2"},
    {"WebCoatedFogra28", "Web Coated FOGRA28 (ISO 12647-2:2004)"},
    {"WebCoatedGrade3", "Web Coated SWOP 2006 Grade 3 Paper"},
    {"WebCoatedGrade5", "Web Coated SWOP 2006 Grade 5 Paper"},
    {"WebUncoated", "U.S. Web Uncoated v2"},
};

enum { STANDARD_COUNT = sizeof standard_profiles / sizeof *standard_profiles };

static int standard_of(si_str name) {
    for (int i = 0; i < STANDARD_COUNT; i++) {
        if (si_str_eq_nocase(name, si_str_of(standard_profiles[i].shorter)) ||
            si_str_eq_nocase(name, si_str_of(standard_profiles[i].longer))) {
            return i;
        }
    }
    return -1;
}

const char *si_profile_standard(si_str name) {
    int i = standard_of(name);
    return i < 0 ? NULL : standard_profiles[i].shorter;
}

void si_profile_line(si_loading *l, si_str name, si_str value, int line) {
    if (name.len == 0 || memchr(name.p, ',', name.len) != NULL) {
        si_loading_mistake(l, line, "profile names are not empty and have no \",\"");
        return;
    }
    si_profile *p = si_arena_alloc(l->arena, sizeof *p);
    if (p == NULL || !check_path(l, "profile", value, line)) {
        return;
    }
    *p = (si_profile){copy(l, name, line), copy(l, value, line), l->company, l->file, line};
    if (p->name != NULL && p->path != NULL) {
        put(l, &l->data->profiles, p->name, p, line);
    }
}

/* By that name, or by the other standard name of the same profile. */
static const si_profile *profile_of(const si_company *company, si_str name, int standard) {
    const si_names *all = &company->data->profiles;
    const si_profile *p = si_names_find(all, name);
    if (p == NULL && standard >= 0) {
        p = si_names_find(all, si_str_of(standard_profiles[standard].shorter));
    }
    if (p == NULL && standard >= 0) {
        p = si_names_find(all, si_str_of(standard_profiles[standard].longer));
    }
    return p;
}

const si_profile *si_catalog_profile(const si_catalog *c, const si_company *company, si_str name) {
    int standard = standard_of(name);
    const si_profile *p = profile_of(company, name, standard);
    return p != NULL ? p : profile_of(&c->companies[0], name, standard);
}

/* ---- crops ---- */

void si_crop_line(si_loading *l, si_str name, si_str value, int line) {
    si_str w;
    long width, height;
    bool ok = si_str_next(&value, 'x', &w) && value.p != NULL &&
              si_str_int(si_str_trim(w), &width) && si_str_int(si_str_trim(value), &height) &&
              width >= 1 && width <= SI_CROP_SIDE_MAX && height >= 1 && height <= SI_CROP_SIDE_MAX;
    if (!ok) {
        si_loading_mistake(l, line, "a crop is WIDTHxHEIGHT in pixels, 1 to %d", SI_CROP_SIDE_MAX);
        return;
    }
    if (!si_name_is_clean(name, "-_. ") || si_str_eq_nocase(name, SI_STR("Swatch"))) {
        si_loading_mistake(l, line,
            "crop names have letters, digits, \"-\", \"_\", \".\" and blanks, and \"Swatch\" means "
            "the colour");
        return;
    }
    si_crop *c = si_names_find(&l->data->crops, name);
    if (c == NULL) {
        c = si_arena_alloc(l->arena, sizeof *c);
        if (c == NULL || (c->name = copy(l, name, line)) == NULL) {
            return;
        }
        put(l, &l->data->crops, c->name, c, line);
        *l->crops_end = c;
        l->crops_end = &c->next;
    }
    c->width = (int)width;
    c->height = (int)height;
}

const si_crop *si_company_crop(const si_catalog *c, const si_company *company, si_str name) {
    const si_crop *crop = si_names_find(&company->data->crops, name);
    return crop != NULL ? crop : si_names_find(&c->companies[0].data->crops, name);
}

const si_crop *si_company_crops(const si_catalog *c, const si_company *company) {
    const si_crop *first = company->data->first_crop;
    return first != NULL ? first : c->companies[0].data->first_crop;
}

/* "x,y,w,h", a rectangle of some size inside of the unit square. */
static bool read_rect(si_str value, double rect[4]) {
    si_str part;
    for (int i = 0; i < 4; i++) {
        if (!si_str_next(&value, ',', &part) || !si_str_real(si_str_trim(part), &rect[i])) {
            return false;
        }
    }
    return value.p == NULL && rect[0] >= 0 && rect[1] >= 0 && rect[2] > 0 && rect[3] > 0 &&
           rect[0] + rect[2] <= 1.000001 && rect[1] + rect[3] <= 1.000001;
}

void si_override_line(si_loading *l, si_str object, si_str crop, si_str value, int line) {
    override *o = si_arena_alloc(l->arena, sizeof *o);
    if (o == NULL || !read_rect(value, o->rect)) {
        si_loading_mistake(
            l, line, "a crop of an object is x,y,width,height in fractions of the original");
        return;
    }
    const char *name = copy(l, si_extension_strip(object), line);
    o->crop = copy(l, crop, line);
    if (name != NULL && o->crop != NULL) {
        o->next = si_names_find(&l->data->overrides, si_str_of(name));
        put(l, &l->data->overrides, name, o, line);
    }
}

bool si_catalog_crop_override(
    const si_catalog *c, const si_company *company, si_str object, si_str crop, double rect[4]) {
    object = si_extension_strip(object);
    const si_company *where[] = {company, &c->companies[0]};
    for (int i = 0; i < 2; i++) {
        const override *o = si_names_find(&where[i]->data->overrides, object);
        for (; o != NULL; o = o->next) {
            if (si_str_eq(si_str_of(o->crop), crop)) {
                memcpy(rect, o->rect, sizeof o->rect);
                return true;
            }
        }
    }
    return false;
}

/* ---- FontMapFile and IccProfileMapFile ---- */

enum { NAME, BOLD, ITALIC, FONT_PATH, METRICS_PATH, PS_NAME, PROFILE_PATH, COLUMN_COUNT };

typedef struct map_file {
    si_loading *l;
    int at[COLUMN_COUNT]; /* columns, −1 = not there */
} map_file;

static void columns(void *context, int count, const si_str *names) {
    static const char *const known[COLUMN_COUNT] = {
        "Name", "Bold", "Italic", "FontPath", "MetricsPath", "PsName", "ProfilePath"};
    map_file *f = context;
    for (int k = 0; k < COLUMN_COUNT; k++) {
        f->at[k] = -1;
        for (int i = 0; i < count; i++) {
            f->at[k] = si_str_eq_nocase(names[i], si_str_of(known[k])) ? i : f->at[k];
        }
    }
    if (f->at[NAME] < 0 || (f->at[FONT_PATH] < 0 && f->at[PROFILE_PATH] < 0)) {
        si_loading_mistake(f->l, 1,
            "a font map has columns Name and FontPath, a profile map Name and ProfilePath");
        f->at[NAME] = -1;
    }
}

static si_str field(const map_file *f, int column, const si_datafile_field *fields) {
    return f->at[column] >= 0 ? si_str_trim(si_datafile_joined(&fields[f->at[column]], f->l->arena))
                              : SI_STR("");
}

static void font_record(void *context, int line, int count, const si_datafile_field *fields) {
    map_file *f = context;
    (void)count;
    if (f->at[NAME] >= 0 && f->at[FONT_PATH] >= 0) {
        bool bold = si_str_eq(field(f, BOLD, fields), SI_STR("1"));
        bool italic = si_str_eq(field(f, ITALIC, fields), SI_STR("1"));
        add_font(f->l, field(f, NAME, fields), field(f, FONT_PATH, fields),
            field(f, METRICS_PATH, fields), field(f, PS_NAME, fields), bold, italic, line);
    }
}

static void profile_record(void *context, int line, int count, const si_datafile_field *fields) {
    map_file *f = context;
    (void)count;
    if (f->at[NAME] >= 0 && f->at[PROFILE_PATH] >= 0) {
        si_profile_line(f->l, field(f, NAME, fields), field(f, PROFILE_PATH, fields), line);
    }
}

void si_fonts_load(si_loading *l) {
    map_file f = {.l = l};
    if (l->company->attributes.font_map_file[0] != '\0') {
        si_loading_read(l, offsetof(si_attributes, font_map_file),
            l->company->attributes.font_map_file, columns, font_record, &f);
    }
}

void si_profiles_load(si_loading *l) {
    map_file f = {.l = l};
    if (l->company->attributes.icc_profile_map_file[0] != '\0') {
        si_loading_read(l, offsetof(si_attributes, icc_profile_map_file),
            l->company->attributes.icc_profile_map_file, columns, profile_record, &f);
    }
}
