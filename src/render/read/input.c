#include "render/read/input.h"

#include <fcntl.h>

static const int64_t DEFAULT_SOURCE_PIXELS = 1 << 28;
static const int64_t DEFAULT_VIEW_PIXELS = 1 << 26;

si_render_limits si_render_limits_or_default(const si_render_limits *limits) {
    si_render_limits l = limits != NULL ? *limits : (si_render_limits){0};
    l.max_source_pixels = l.max_source_pixels > 0 ? l.max_source_pixels : DEFAULT_SOURCE_PIXELS;
    l.max_view_pixels = l.max_view_pixels > 0 ? l.max_view_pixels : DEFAULT_VIEW_PIXELS;
    return l;
}

static int open_fd(void *context, const si_file_ref *file, si_diag *diag) {
    (void)file;
    int fd = fcntl(*(const int *)context, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        (void)si_fail(diag, SI_ERR_IO, "the source file cannot be read");
    }
    return fd;
}

si_files si_files_of_fd(const int *fd) {
    return (si_files){.open = open_fd, .context = (void *)fd};
}

si_result si_files_open(const si_files *files, const si_source *source, int *fd, si_diag *diag) {
    *fd = -1;
    if (source->kind == SI_SOURCE_FILE) {
        *fd = files->open(files->context, &source->file, diag);
    } else if (source->kind == SI_SOURCE_URL && files->fetch != NULL) {
        *fd = files->fetch(files->context, source->url, diag);
    } else {
        return si_fail(diag, SI_ERR_UNSUPPORTED, "this source is not supported");
    }
    return *fd >= 0 ? SI_OK : si_diag_result(diag, SI_ERR_IO);
}
