#include "fleet/position.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"

static const char magic[] = "smartimg invalidations 1";
enum { TEXT = 512 };

/* The line, without its sum. */
static int print(const si_position *p, char out[TEXT]) {
    char id[SI_STREAM_ID_TEXT];
    return snprintf(out, TEXT, "%s %s %s %s %d", magic, p->node,
        si_stream_id_print(p->place.id, id), p->place.epoch[0] != '\0' ? p->place.epoch : "-",
        p->left);
}

/* A name for this machine and folder. */
static void name_node(char out[SI_NODE_NAME]) {
    char host[65] = "";
    uint32_t random = 0;
    (void)!gethostname(host, sizeof host - 1);
    (void)!getrandom(&random, sizeof random, 0);
    host[strcspn(host, ".")] = '\0';
    for (char *c = host; *c != '\0'; c++) {
        *c = isalnum((unsigned char)*c) || *c == '-' ? *c : '-';
    }
    snprintf(out, SI_NODE_NAME, "%s-%08x", host[0] != '\0' ? host : "node", random);
}

static bool parse(const char *text, si_position *out) {
    char id[SI_STREAM_ID_TEXT], again[TEXT];
    unsigned long long sum;
    int left, used = 0;
    *out = (si_position){0};
    if (sscanf(text, "smartimg invalidations 1 %128s %43s %63s %d %llx%n", out->node, id,
            out->place.epoch, &left, &sum, &used) != 5 ||
        !si_stream_id_read(si_str_of(id), &out->place.id) || !si_node_name_is_good(out->node)) {
        return false;
    }
    out->left = left != 0;
    if (strcmp(out->place.epoch, "-") == 0) {
        out->place.epoch[0] = '\0';
    }
    int len = print(out, again);
    return sum == si_hash64(SI_HASH64_START, again, (size_t)len);
}

void si_position_read(const char *path, si_position *out) {
    char text[TEXT] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0) {
        close(fd);
    }
    if (n <= 0 || !parse(text, out)) {
        *out = (si_position){0};
        name_node(out->node);
    }
}

/* The folder of the file is written to the disk, so that the file's name is there. */
static bool sync_folder(const char *path) {
    char folder[4096];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash != NULL ? (int)(slash - path) : 1,
        slash != NULL ? path : ".");
    int fd = open(folder[0] != '\0' ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return synced;
}

si_result si_position_write(const char *path, const si_position *p, si_diag *diag) {
    char text[TEXT], name[4096];
    int len = print(p, text);
    uint64_t sum = si_hash64(SI_HASH64_START, text, (size_t)len);
    len += snprintf(text + len, sizeof text - (size_t)len, " %llx\n", (unsigned long long)sum);
    int n = snprintf(name, sizeof name, "%s.new", path);
    int fd = n > 0 && (size_t)n < sizeof name
                 ? open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644)
                 : -1;
    bool good = fd >= 0 && write(fd, text, (size_t)len) == len && fsync(fd) == 0 &&
                rename(name, path) == 0 && sync_folder(path);
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    return good ? SI_OK
                : si_fail(diag, SI_ERR_IO, "%s cannot be written: %s", path, strerror(error));
}
