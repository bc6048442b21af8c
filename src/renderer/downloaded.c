#include "renderer/downloaded.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "process/fdpass.h"

/* The packet: this, an image_part for each image, the head. Its descriptors: the connection, then
 * those of the images that have one. */
typedef struct first_part {
    int64_t began_ns, ended_ns;
    int32_t count;
} first_part;

typedef struct image_part {
    int64_t fresh_until;
    int32_t has_fd;
    si_diag failure;
} image_part;

enum {
    PACKET_MAX = sizeof(first_part) + SI_FOREIGN_MAX * sizeof(image_part) + SI_SCGI_LIMIT,
    DESCRIPTORS_MAX = 1 + SI_FOREIGN_MAX
};
_Static_assert((int)DESCRIPTORS_MAX <= (int)SI_PACKET_DESCRIPTORS_MAX, "a packet holds them all");

static char packet[PACKET_MAX]; /* of a process of a single thread */

bool si_downloaded_send(int socket, const si_downloaded *d) {
    first_part first = {.began_ns = d->began_ns, .ended_ns = d->ended_ns, .count = d->count};
    int fds[DESCRIPTORS_MAX] = {d->connection}, fd_count = 1;
    size_t len = sizeof first;
    assert(d->count >= 0 && d->count <= SI_FOREIGN_MAX && d->head_len <= SI_SCGI_LIMIT);
    memcpy(packet, &first, sizeof first);
    for (int i = 0; i < d->count; i++) {
        const si_download *image = &d->images[i];
        image_part part;
        memset(&part, 0, sizeof part); /* no byte of ours between its fields */
        part.fresh_until = image->fresh_until;
        part.has_fd = image->fd >= 0;
        part.failure = image->failure;
        memcpy(packet + len, &part, sizeof part);
        len += sizeof part;
        if (image->fd >= 0) {
            fds[fd_count++] = image->fd;
        }
    }
    memcpy(packet + len, d->head, d->head_len);
    return si_packet_send_several(socket, packet, len + d->head_len, fds, fd_count, MSG_DONTWAIT);
}

/* Fills *d from a packet of `len` bytes with these descriptors. False if they do not fit. */
static bool unpack(size_t len, const int *fds, int fd_count, si_downloaded *d) {
    first_part first;
    int used = 1;
    if (fd_count < 1 || len > sizeof packet || len <= sizeof first) {
        return false;
    }
    memcpy(&first, packet, sizeof first);
    size_t at = sizeof first;
    if (first.count < 0 || first.count > SI_FOREIGN_MAX ||
        len - at <= (size_t)first.count * sizeof(image_part)) {
        return false;
    }
    *d = (si_downloaded){.connection = fds[0],
        .began_ns = first.began_ns,
        .ended_ns = first.ended_ns,
        .count = first.count};
    for (int i = 0; i < d->count; i++) {
        image_part part;
        memcpy(&part, packet + at, sizeof part);
        at += sizeof part;
        if (part.has_fd && used == fd_count) {
            return false;
        }
        part.failure.text[sizeof part.failure.text - 1] = '\0';
        bool known = part.failure.code >= SI_OK && part.failure.code <= SI_ERR_INTERNAL;
        part.failure.code = known ? part.failure.code : SI_ERR_IO;
        d->images[i] = (si_download){.fd = part.has_fd ? fds[used++] : -1,
            .fresh_until = part.fresh_until,
            .failure = part.failure};
    }
    d->head = packet + at;
    d->head_len = len - at;
    return used == fd_count && d->head_len <= SI_SCGI_LIMIT;
}

bool si_downloaded_receive(int socket, si_downloaded *d) {
    int fds[DESCRIPTORS_MAX], fd_count;
    ssize_t n = si_packet_receive_several(
        socket, packet, sizeof packet, fds, DESCRIPTORS_MAX, &fd_count, MSG_DONTWAIT);
    if (n > 0 && unpack((size_t)n, fds, fd_count, d)) {
        return true;
    }
    for (int i = 0; i < fd_count; i++) {
        close(fds[i]);
    }
    *d = (si_downloaded){.connection = -1};
    return false;
}

void si_downloaded_put(si_downloaded *d, const si_recipe *r, si_originals *o) {
    const char *urls[SI_FOREIGN_MAX];
    int count = si_foreign_urls(r, urls);
    for (int i = 0; i < count && i < d->count; i++) {
        si_download *image = &d->images[i];
        if (image->fd >= 0 || image->failure.code != SI_OK) {
            si_foreign there = {urls[i], image->fd, image->fresh_until, &image->failure};
            si_originals_put(o, &there);
            image->fd = -1;
        }
    }
}

void si_downloaded_close_images(si_downloaded *d) {
    for (int i = 0; i < d->count; i++) {
        if (d->images[i].fd >= 0) {
            close(d->images[i].fd);
            d->images[i].fd = -1;
        }
    }
}
