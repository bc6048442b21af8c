/* What visitors of the playground upload, as objects of a company. */
#include "base/uploads.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/beneath.h"
#include "catalog/catalog_internal.h"

void si_catalog_set_uploads(si_catalog *c, int folder_fd) {
    c->uploads = true;
    c->uploads_fd = folder_fd;
}

bool si_catalog_has_uploads(const si_catalog *c) {
    return c->uploads;
}

bool si_company_has_uploads(const si_company *company) {
    return strcmp(company->id, SI_UPLOADS_COMPANY) == 0;
}

const si_company *si_uploads_company(const si_catalog *c, si_arena *arena) {
    static const si_company_data nothing;
    si_company *company = c->uploads ? si_arena_alloc(arena, sizeof *company) : NULL;
    if (company == NULL) {
        return NULL;
    }
    *company = c->companies[0];
    company->id = SI_UPLOADS_COMPANY;
    company->attributes.bfc = true;
    company->attributes.root_path = SI_UPLOADS_PATH; /* where si_catalog_find() finds nothing */
    company->attributes.sources.count = 0;
    company->data = &nothing;
    return company;
}

/* Size and time of an upload whose time is not over. */
static bool is_there(const si_catalog *c, const char *path, struct stat *st) {
    int fd = si_open_beneath(c->uploads_fd, path, O_PATH | O_NOFOLLOW);
    if (fd < 0) {
        return false;
    }
    bool ok = fstat(fd, st) == 0 && S_ISREG(st->st_mode) &&
              st->st_mtim.tv_sec + SI_UPLOAD_SECONDS > time(NULL);
    close(fd);
    return ok;
}

si_result si_catalog_find_upload(const si_catalog *c, si_str object, si_str session,
    si_arena *arena, si_file *out, si_diag *diag) {
    struct stat st;
    const char *path = si_arena_printf(arena, SI_UPLOADS_PATH "%.*s", SI_STR_ARG(object));
    if (path == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    if (!c->uploads || !si_upload_is_of(object, session) ||
        !is_there(c, si_upload_name(path), &st)) {
        return si_fail(diag, SI_ERR_CONTEXT, "there is no such upload, or not any more");
    }
    *out = (si_file){.path = path,
        .size = (uint64_t)st.st_size,
        .time_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec};
    return SI_OK;
}
