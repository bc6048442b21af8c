/* Packets with descriptors, over SOCK_SEQPACKET sockets (SCM_RIGHTS): how the broker and the
 * fetcher hand files to renderers, and requests are handed on with what was downloaded for them. */
#ifndef SI_PROCESS_FDPASS_H
#define SI_PROCESS_FDPASS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Of a process that sends descriptors: as many it may have open at least (si_confinement.files),
 * since the kernel sends none while those that all processes of this user have under way are more
 * than that. */
enum { SI_PACKET_FILES = 4096 };

/* Sends a packet with a descriptor, which stays the caller's (−1 = none). `flags` are those of
 * sendmsg(), with MSG_NOSIGNAL. While too many descriptors are under way, it waits for up to
 * SI_PACKET_WAIT_MS, or with MSG_DONTWAIT fails with EAGAIN, as if the socket were full. */
enum { SI_PACKET_WAIT_MS = 5000 };
bool si_packet_send(int socket, const void *data, size_t len, int fd, int flags);

/* Receives a packet and its descriptor, which is the caller's to close whatever the length is (−1 =
 * none). Should there be more than one, the others are closed. Returns the packet's length, which
 * is more than `room` if it was cut off; 0 at the end, −1 on errors. `flags` are those of
 * recvmsg(), with MSG_CMSG_CLOEXEC and MSG_TRUNC. */
ssize_t si_packet_receive(int socket, void *data, size_t room, int *fd, int flags);

/* The same for several descriptors, in their order: `count` ones, SI_PACKET_DESCRIPTORS_MAX at
 * most; and for up to `most`, of which there are *count, further ones being closed. */
enum { SI_PACKET_DESCRIPTORS_MAX = 32 };
bool si_packet_send_several(
    int socket, const void *data, size_t len, const int *fds, int count, int flags);
ssize_t si_packet_receive_several(
    int socket, void *data, size_t room, int *fds, int most, int *count, int flags);

#endif
