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

#define MAGIC "smartimg invalidations 1"
enum { TEXT = 512 };

/* The line, without its sum. */
static int print(const si_position *p, char out[TEXT]) {
    char id[SI_STREAM_ID_TEXT];
    return snprintf(out, TEXT, MAGIC " %s %s %s %d", p->node, si_stream_id_print(p->place.id, id),
        p->place.epoch[0] != '\0' ? p->place.epoch : "-", p->left);
}

/* The line as it stands in the file. Returns its length. */
static int print_with_sum(const si_position *p, char line[TEXT], char out[TEXT]) {
    int len = print(p, line);
    uint64_t sum = si_hash64(SI_HASH64_START, line, (size_t)len);
    return snprintf(out, TEXT, "%s %llx\n", line, (unsigned long long)sum);
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

/* Takes the next word, and copies it. */
static bool take(si_str *rest, char *out, size_t size) {
    si_str word;
    if (!si_str_next(rest, ' ', &word) || word.len == 0 || word.len >= size) {
        return false;
    }
    memcpy(out, word.p, word.len);
    out[word.len] = '\0';
    return true;
}

/* The line has to be the very one that would be written. */
static bool parse(const char *text, si_position *out) {
    char id[SI_STREAM_ID_TEXT], left[2], again[TEXT], sum[TEXT];
    si_str rest = si_str_of(text);
    *out = (si_position){0};
    if (!si_str_starts(rest, SI_STR(MAGIC " "))) {
        return false;
    }
    rest = (si_str){rest.p + sizeof MAGIC, rest.len - sizeof MAGIC};
    if (!take(&rest, out->node, sizeof out->node) || !take(&rest, id, sizeof id) ||
        !take(&rest, out->place.epoch, sizeof out->place.epoch) ||
        !take(&rest, left, sizeof left) || !si_stream_id_read(si_str_of(id), &out->place.id) ||
        !si_node_name_is_good(out->node)) {
        return false;
    }
    out->left = left[0] == '1';
    if (strcmp(out->place.epoch, "-") == 0) {
        out->place.epoch[0] = '\0';
    }
    print_with_sum(out, again, sum);
    return strcmp(sum, text) == 0;
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
    char line[TEXT], text[TEXT], name[4096];
    int len = print_with_sum(p, line, text);
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
