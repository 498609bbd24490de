// Part of objbus. SPDX-License-Identifier: Apache-2.0
#ifndef OBJBUS_BENEATH_H
#define OBJBUS_BENEATH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Opens a folder as a place to start from, and for nothing else. A descriptor, or -1 and errno.
int objbus_open_root(const char *path);

// Opens what `path` names below the folder `root`. Nothing in it leads out of that folder: no "..",
// no absolute path, no link, nor any of these put there while the kernel looks.
// A descriptor that programs started later don't inherit, or -1 and errno: EXDEV where it leads out,
// ELOOP at the system's own links (/proc/self/fd/1), EAGAIN if the folders don't keep still, ENOSYS
// if the kernel is older than Linux 5.6.
int objbus_open_beneath(int root, const char *path, int flags, mode_t mode);

// What `path` names below `root`, by the bits of st_mode, without opening it; or -1 and errno.
int64_t objbus_mode_beneath(int root, const char *path);

// Reads until `count` bytes are there or the file ends, at `offset`, or behind what was read last if
// that is -1. How many bytes, or -1 and errno.
int64_t objbus_read(int descriptor, void *to, size_t count, int64_t offset);

// Writes all of `count` bytes in the same way. 0, or -1 and errno: a part may have been written.
int objbus_write(int descriptor, const void *from, size_t count, int64_t offset);

#endif
