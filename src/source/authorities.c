#include "source/authorities.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static si_result read_all(int fd, si_bytes *out, si_diag *diag) {
    char part[16384];
    ssize_t n;
    while ((n = read(fd, part, sizeof part)) != 0) {
        if (n < 0 && errno != EINTR) {
            return si_fail(diag, SI_ERR_IO, "CaFile cannot be read: %s", strerror(errno));
        }
        if (n > 0 && out->len + (size_t)n > SI_AUTHORITIES_MAX) {
            return si_fail(diag, SI_ERR_CONFIG, "CaFile is too large");
        }
        if (n > 0 && !si_bytes_append(out, part, (size_t)n)) {
            return si_fail(diag, SI_ERR_MEMORY, "no memory for CaFile");
        }
    }
    return SI_OK;
}

si_result si_authorities_read(const char *path, si_bytes *out, si_diag *diag) {
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    *out = (si_bytes){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return si_fail(diag, SI_ERR_IO, "CaFile cannot be opened: %s", strerror(errno));
    }
    si_result result = read_all(fd, out, diag);
    close(fd);
    if (result == SI_OK &&
        (out->len == 0 || memmem(out->data, out->len, begin, sizeof begin - 1) == NULL)) {
        result = si_fail(diag, SI_ERR_CONFIG, "there is no certificate in PEM in CaFile");
    }
    if (result != SI_OK) {
        si_bytes_free(out);
    }
    return result;
}
