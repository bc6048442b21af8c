#include "renderer/readable.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

typedef struct reading {
    const si_files *files;
    int error; /* of errno; 0 = none so far */
} reading;

static bool read_whole(void *context, const si_file_ref *file) {
    reading *r = context;
    si_diag ignored = {0};
    char part[65536];
    off_t at = 0;
    int fd = r->files->open(r->files->context, file, &ignored);
    if (fd < 0) {
        return true;
    }
    for (ssize_t n = 1; n > 0; at += n) {
        n = pread(fd, part, sizeof part, at);
        r->error = n < 0 ? errno : 0;
    }
    close(fd);
    return r->error == 0;
}

si_result si_files_readable(const si_recipe *r, const si_files *files, si_diag *diag) {
    reading all = {.files = files};
    (void)si_recipe_files(r, read_whole, &all);
    return all.error == 0
               ? SI_OK
               : si_fail(diag, SI_ERR_IO, "the image file cannot be read: %s", strerror(all.error));
}
