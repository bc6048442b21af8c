/* The broker: the only process that opens originals. A renderer asks it over a socket pair and
 * receives an open, read-only descriptor (SCM_RIGHTS), so that renderers need no file system of
 * their own.
 */
#ifndef SI_SOURCE_BROKER_H
#define SI_SOURCE_BROKER_H

#include <stdbool.h>

#include "base/result.h"

/* Broker side: answers one pending question on `socket` (SOCK_SEQPACKET): opens the named path
 * below `root_fd` (see si_root_open()), or, if it is an upload's (base/uploads.h), below
 * `uploads_fd`, where −1 means that there are none; or anew what came with the question. False when
 * the other side is gone, or does not take its answers. Never blocks longer than the file system
 * does. */
bool si_broker_answer(int socket, int root_fd, int uploads_fd);

/* Renderer side: the same file in memory, which is sealed against changes, with a position of its
 * own. Returns a read-only descriptor that the caller closes, or −1 with `diag` set: SI_ERR_IO; it
 * is SI_ERR_FORBIDDEN for any other file. */
int si_broker_reopen(int socket, int fd, si_diag *diag);

/* Renderer side: asks for `path` (relative to the root). Returns a read-only descriptor that the
 * caller closes, or −1 with `diag` set: SI_ERR_NOT_FOUND, SI_ERR_FORBIDDEN, SI_ERR_IO. */
int si_broker_open(int socket, const char *path, si_diag *diag);

#endif
