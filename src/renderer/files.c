#include "renderer/files.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "catalog/catalog.h"
#include "source/broker.h"

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

si_files si_originals_files(si_originals *o) {
    return (si_files){.open = open_file, .context = o};
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
