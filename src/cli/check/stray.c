#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/check/parts.h"
#include "cli/config_file.h"

enum { DEPTH = 4, NAME = 512 };

typedef struct looking {
    const si_catalog *catalog;
    si_messages *messages;
} looking;

static bool ends_with(const char *name, const char *end, bool any_case) {
    size_t len = strlen(name), n = strlen(end);
    const si_str tail = {name + len - (len < n ? len : n), len < n ? len : n}, wanted = {end, n};
    return any_case ? si_str_eq_nocase(tail, wanted) : si_str_eq(tail, wanted);
}

static bool lists(const si_value_LIST *files, const char *name) {
    for (int i = 0; i < files->count; i++) {
        if (strcmp(files->items[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool company_reads(const si_company *company, const char *name) {
    const si_attributes *a = &company->attributes;
    return lists(&a->catalog_file, name) || lists(&a->svg_catalog_file, name) ||
           lists(&a->static_catalog_file, name) || strcmp(a->macro_file, name) == 0 ||
           strcmp(a->font_map_file, name) == 0 || strcmp(a->icc_profile_map_file, name) == 0 ||
           strcmp(a->rule_set_file, name) == 0;
}

/* Whether a company has a data file of that name, below the folder of company files; also if that
 * cannot be told. */
static bool is_data_file(const looking *l, const char *name) {
    const si_company *company = NULL;
    if (l->catalog == NULL || company_reads(si_catalog_default(l->catalog), name)) {
        return true;
    }
    for (int i = 1; (company = si_catalog_company(l->catalog, i)) != NULL; i++) {
        if (company_reads(company, name)) {
            return true;
        }
    }
    return false;
}

/* A file whose name ends like an ini file's. `path` lies below the configuration folder. */
static void look_at(looking *l, const char *path) {
    static const char companies[] = "companies/";
    const bool company = strncmp(path, companies, sizeof companies - 1) == 0;
    const char *name = path + (company ? sizeof companies - 1 : 0);
    const bool deeper = strchr(name, '/') != NULL;
    const bool taken = name[0] != '.' && ends_with(name, ".ini", false);
    if (company && !deeper && strcmp(name, SI_CONFIG_FILE) == 0) {
        si_messages_add(l->messages, path, 1,
            "warning: this is a company called smartimg; settings of the server are in the folder "
            "above");
    } else if (company && !(deeper ? is_data_file(l, name) : taken)) {
        si_messages_add(l->messages, path, 1, "warning: nobody reads this file: %s",
            deeper ? "no company names it" : "companies are files called NAME.ini");
    } else if (!company && strcmp(path, SI_CONFIG_FILE) != 0) {
        si_messages_add(l->messages, path, 1,
            "warning: nobody reads this file: settings are in " SI_CONFIG_FILE
            ", companies in companies/NAME.ini");
    }
}

static void look_into(looking *l, int parent, const char *name, const char *path, int depth) {
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *d;
    while (dir != NULL && (d = readdir(dir)) != NULL) {
        char below[NAME];
        struct stat st;
        int n =
            snprintf(below, sizeof below, "%s%s%s", path, path[0] != '\0' ? "/" : "", d->d_name);
        /* "..data" and the like are what links of a mounted ConfigMap lead to */
        if (strcmp(d->d_name, ".") == 0 || strncmp(d->d_name, "..", 2) == 0 || n >= NAME ||
            fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
            continue;
        }
        if (S_ISDIR(st.st_mode) && depth < DEPTH) {
            look_into(l, fd, d->d_name, below, depth + 1);
        } else if (!S_ISDIR(st.st_mode) && ends_with(d->d_name, ".ini", true)) {
            look_at(l, below);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    } else if (fd >= 0) {
        close(fd);
    }
}

void si_check_stray(const si_catalog *catalog, si_messages *messages) {
    looking l = {catalog, messages};
    int fd = open(messages->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        look_into(&l, fd, ".", "", 0);
        close(fd);
    }
}
