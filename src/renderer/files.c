#include "renderer/files.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "catalog/catalog.h"
#include "source/broker.h"
#include "source/fetch.h"

static bool is_same(const si_file_ref *file, int fd) {
    struct stat s;
    return fstat(fd, &s) == 0 && (uint64_t)s.st_size == file->size &&
           s.st_mtim.tv_sec * SI_SECOND + s.st_mtim.tv_nsec == file->time;
}

static int open_file(void *context, const si_file_ref *file, si_diag *diag) {
    si_originals *o = context;
    int fd = o->broker >= 0 ? si_broker_open(o->broker, file->path, diag)
                            : si_root_open(o->root, file->path, diag);
    if (fd >= 0 && !is_same(file, fd)) {
        o->changed = true;
    }
    return fd;
}

/* Each foreign image is fetched once, however often it is looked at. */
static int fetch_image(void *context, const char *url, si_diag *diag) {
    si_originals *o = context;
    int i = 0;
    while (i < o->foreign_count && strcmp(o->foreign[i].url, url) != 0) {
        i++;
    }
    if (i == SI_FOREIGN_MAX) {
        (void)si_fail(diag, SI_ERR_LIMIT, "more than %d foreign images", SI_FOREIGN_MAX);
        return -1;
    }
    if (i == o->foreign_count) {
        long keep = 0;
        int fd = o->broker >= 0 ? si_broker_fetch(o->broker, url, &keep, diag)
                                : si_fetch(url, &keep, diag);
        if (fd < 0) {
            return -1;
        }
        o->foreign[i].url = url;
        o->foreign[i].fd = fd;
        o->foreign[i].keep = keep;
        o->foreign_count++;
    }
    int fd = fcntl(o->foreign[i].fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        (void)si_fail(diag, SI_ERR_IO, "too many files");
    }
    return fd;
}

si_files si_originals_files(si_originals *o) {
    return (si_files){.open = open_file, .fetch = fetch_image, .context = o};
}

long si_originals_keep(const si_originals *o, long most) {
    for (int i = 0; i < o->foreign_count; i++) {
        most = o->foreign[i].keep < most ? o->foreign[i].keep : most;
    }
    return most;
}

void si_originals_close(si_originals *o) {
    while (o->foreign_count > 0) {
        close(o->foreign[--o->foreign_count].fd);
    }
}

static bool look_again(void *context, const si_file_ref *file) {
    si_originals *o = context;
    si_diag ignored = {0};
    int fd = open_file(o, file, &ignored);
    if (fd < 0) {
        return false;
    }
    close(fd);
    return !o->changed;
}

bool si_originals_unchanged(si_originals *o, const si_recipe *r) {
    return !o->changed && si_recipe_files(r, look_again, o);
}
