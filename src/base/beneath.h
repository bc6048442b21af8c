/* Opening files that must not lie outside of a folder. */
#ifndef SI_BASE_BENEATH_H
#define SI_BASE_BENEATH_H

/* Opens `path` beneath the folder `dir_fd`, close-on-exec, without being held up by pipes or
 * devices. Absolute paths, ".." and links that lead out fail with errno EXDEV. Returns a descriptor
 * or −1. */
int si_open_beneath(int dir_fd, const char *path, int flags);

#endif
