/* Opening files that must not lie outside of a folder. */
#ifndef SI_BASE_BENEATH_H
#define SI_BASE_BENEATH_H

#include "base/result.h"

/* Opens `path` beneath the folder `dir_fd`, close-on-exec, without being held up by pipes or
 * devices. Absolute paths, ".." and links that lead out fail with errno EXDEV. Returns a descriptor
 * or −1. */
int si_open_beneath(int dir_fd, const char *path, int flags);

/* What an error of si_open_beneath(), or of looking at what it opened, says of the file:
 * SI_ERR_FORBIDDEN (it lies outside), SI_ERR_SOURCE (it may not be read), SI_ERR_NOT_FOUND, or
 * SI_ERR_IO, which says nothing of it: too few descriptors, a disk or a server of files that fails.
 */
si_result si_open_failure(int error);

/* Opens the image file `path`, relative to `root_fd`, for reading, with the same guard. Returns a
 * descriptor that the caller closes, or −1 with `diag` set: SI_ERR_FORBIDDEN (it lies outside),
 * SI_ERR_NOT_FOUND (also for what is no regular file), SI_ERR_SOURCE (it may not be read),
 * SI_ERR_IO. Messages hold no paths. */
int si_root_open(int root_fd, const char *path, si_diag *diag);

#endif
