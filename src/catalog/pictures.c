#include "catalog/pictures.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/clock.h"
#include "base/uploads.h"
#include "catalog/catalog_internal.h"
#include "catalog/extensions.h"

enum { FOLDERS_MAX = 256 /* of companies, that are told apart */ };

typedef struct listing {
    const si_catalog *catalog;
    bool (*tell)(void *context, const si_listed_picture *file);
    void *context;
    si_arena arena;
    int entries; /* that were looked at */
    int64_t until_ns;
    bool ended; /* by whom it tells, or a bound */
    int seen;   /* companies' folders so far */
    const char *folders[FOLDERS_MAX];
} listing;

/* A folder that is being listed: `base` is the descriptor that `path` is below. */
typedef struct folder {
    int base;
    const char *path;
    const char *company;
    const char *object; /* of names in it: "" or with a slash at its end */
    const char *prefix; /* of paths in recipes, before `path` */
    int depth;
} folder;

typedef struct entry {
    const char *name;
    bool is_folder;
} entry;

/* ---- one folder ---- */

static bool is_plain(const char *name) {
    for (const char *c = name; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f || *c == ',' || *c == '?' || *c == '\\') {
            return false;
        }
    }
    return name[0] != '.';
}

static int by_name(const void *a, const void *b) {
    const entry *x = a, *y = b;
    return x->is_folder != y->is_folder ? x->is_folder - y->is_folder : strcmp(x->name, y->name);
}

static bool is_wanted(int dir_fd, const struct dirent *d, entry *out) {
    unsigned char type = d->d_type;
    struct stat st;
    if (type == DT_UNKNOWN && fstatat(dir_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        type = IFTODT(st.st_mode);
    }
    si_str name = si_str_of(d->d_name);
    out->is_folder = type == DT_DIR;
    return is_plain(d->d_name) && (out->is_folder || ((type == DT_REG || type == DT_LNK) &&
                                                         si_extension_strip(name).len < name.len));
}

static bool out_of_bounds(listing *l) {
    l->ended = l->ended || l->entries >= SI_PICTURES_ENTRIES || si_now_ns() > l->until_ns;
    return l->ended;
}

/* The entries of a folder, sorted, in the arena; how many. */
static int read_folder(listing *l, const folder *f, entry **out) {
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    int fd = f->path[0] != '\0' ? si_open_beneath(f->base, f->path, flags)
                                : openat(f->base, ".", flags); /* which is not below itself */
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    *out = si_arena_alloc(&l->arena, SI_PICTURES_ENTRIES * sizeof **out);
    int count = 0;
    struct dirent *d;
    while (dir != NULL && *out != NULL && !out_of_bounds(l) && (d = readdir(dir)) != NULL) {
        l->entries++;
        entry e;
        if (is_wanted(fd, d, &e)) {
            e.name = si_arena_copy(&l->arena, d->d_name, strlen(d->d_name));
            count += e.name != NULL;
            (*out)[count - (e.name != NULL)] = e;
        }
    }
    if (dir != NULL) {
        closedir(dir);
    } else if (fd >= 0) {
        close(fd);
    }
    if (count > 0) {
        qsort(*out, (size_t)count, sizeof **out, by_name);
    }
    return count;
}

static void list_folder(listing *l, const folder *f);

static void tell_entry(listing *l, const folder *f, const entry *e) {
    const char *slash = f->path[0] != '\0' ? "/" : "";
    const char *path = si_arena_printf(&l->arena, "%s%s%s", f->path, slash, e->name);
    const char *object =
        si_arena_printf(&l->arena, "%s%s%s", f->object, e->name, e->is_folder ? "/" : "");
    if (path == NULL || object == NULL) {
        l->ended = true;
    } else if (e->is_folder) {
        if (f->depth < SI_PICTURES_DEPTH) {
            const folder below = {f->base, path, f->company, object, f->prefix, f->depth + 1};
            list_folder(l, &below);
        }
    } else {
        const char *whole = si_arena_printf(&l->arena, "%s%s", f->prefix, path);
        const si_listed_picture file = {f->company, object, whole};
        l->ended = whole == NULL || !l->tell(l->context, &file);
    }
}

static void list_folder(listing *l, const folder *f) {
    entry *entries;
    int count = read_folder(l, f, &entries);
    for (int i = 0; i < count && !l->ended; i++) {
        tell_entry(l, f, &entries[i]);
    }
}

/* ---- companies ---- */

/* False if another company has that folder, too, and was there before. */
static bool is_new(listing *l, const char *path) {
    for (int i = 0; i < l->seen; i++) {
        if (strcmp(l->folders[i], path) == 0) {
            return false;
        }
    }
    if (l->seen < FOLDERS_MAX) {
        l->folders[l->seen++] = path;
    }
    return true;
}

static void list_company(listing *l, const char *id, const char *path, int depth) {
    const folder f = {l->catalog->root_fd, path, id, "", "", depth};
    if (!l->ended && is_new(l, path)) {
        list_folder(l, &f);
    }
}

/* First-level folders that are the companies of their names. */
static void list_folders(listing *l) {
    const char *base = l->catalog->companies[0].attributes.root_path;
    const folder f = {l->catalog->root_fd, base, "", "", "", 0};
    entry *entries;
    int count = read_folder(l, &f, &entries);
    for (int i = 0; i < count && !l->ended; i++) {
        const char *name = entries[i].name;
        const si_company *company =
            entries[i].is_folder ? si_catalog_find_company(l->catalog, si_str_of(name), &l->arena)
                                 : NULL;
        const char *path =
            si_arena_printf(&l->arena, "%s%s%s", base, base[0] != '\0' ? "/" : "", name);
        if (company != NULL && path != NULL && strcmp(company->attributes.root_path, path) == 0) {
            list_company(l, company->id, path, 0);
        }
    }
}

/* Companies whose folders are elsewhere, or are those of others. */
static void list_configured(listing *l) {
    const si_catalog *c = l->catalog;
    for (int i = 1; i < c->company_count; i++) {
        const si_company *company = &c->companies[i];
        if (company->attributes.root_path[0] != '\0') {
            list_company(l, company->id, company->attributes.root_path, 0);
        }
    }
}

static void list_uploads(listing *l, si_str session) {
    const char *key = si_arena_copy(&l->arena, session.p, session.len);
    const char *object = si_arena_printf(&l->arena, "%.*s/", SI_STR_ARG(session));
    if (key != NULL && object != NULL) {
        const folder f = {l->catalog->uploads_fd, key, SI_UPLOADS_COMPANY, object, SI_UPLOADS_PATH,
            SI_PICTURES_DEPTH};
        list_folder(l, &f);
    }
}

bool si_catalog_pictures(const si_catalog *c, si_str session,
    bool (*tell)(void *context, const si_listed_picture *file), void *context) {
    listing l = {.catalog = c,
        .tell = tell,
        .context = context,
        .until_ns = si_now_ns() + SI_PICTURES_MS * SI_MILLISECOND};
    if (c->uploads && si_upload_is_token(session)) {
        list_uploads(&l, session);
    }
    /* what is in no company's folder */
    list_company(&l, "", c->companies[0].attributes.root_path, SI_PICTURES_DEPTH);
    list_folders(&l);
    list_configured(&l);
    bool all = !l.ended;
    si_arena_free(&l.arena);
    return all;
}
