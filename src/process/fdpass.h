/* Packets with a descriptor, over SOCK_SEQPACKET sockets (SCM_RIGHTS): how the broker and the
 * fetcher hand files to renderers. */
#ifndef SI_PROCESS_FDPASS_H
#define SI_PROCESS_FDPASS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Sends a packet with a descriptor, which stays the caller's (−1 = none). `flags` are those of
 * sendmsg(), with MSG_NOSIGNAL. */
bool si_packet_send(int socket, const void *data, size_t len, int fd, int flags);

/* Receives a packet and its descriptor, which is the caller's to close whatever the length is (−1 =
 * none). Should there be more than one, the others are closed. Returns the packet's length, which
 * is more than `room` if it was cut off; 0 at the end, −1 on errors. `flags` are those of
 * recvmsg(), with MSG_CMSG_CLOEXEC and MSG_TRUNC. */
ssize_t si_packet_receive(int socket, void *data, size_t room, int *fd, int flags);

#endif
