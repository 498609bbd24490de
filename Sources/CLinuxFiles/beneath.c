// Part of objbus. SPDX-License-Identifier: Apache-2.0
// openat2(2), for which glibc has no function: its arguments are those of the kernel, whose headers
// may be older than the kernel that runs.
#define _GNU_SOURCE
#include "beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

// struct open_how and its flags, as in linux/openat2.h.
struct how {
    uint64_t flags;
    uint64_t mode;
    uint64_t resolve;
};
static const uint64_t no_magic_links = 0x02;
static const uint64_t beneath = 0x08;

// The kernel gives up where a folder is moved while it follows a "..", and wants to be asked again.
static const int attempts = 128;

int objbus_open_root(const char *path) {
    return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int objbus_open_beneath(int root, const char *path, int flags, mode_t mode) {
    struct how how = {
        .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = beneath | no_magic_links,
    };
    long descriptor = -1;
    for (int i = 0; i < attempts; i++) {
        descriptor = syscall(SYS_openat2, root, path, &how, sizeof how);
        if (descriptor >= 0 || (errno != EAGAIN && errno != EINTR)) break;
    }
    return (int)descriptor;
}

int64_t objbus_mode_beneath(int root, const char *path) {
    int descriptor = objbus_open_beneath(root, path, O_PATH, 0);
    if (descriptor < 0) return -1;
    struct stat status;
    int64_t mode = fstat(descriptor, &status) == 0 ? (int64_t)status.st_mode : -1;
    int reason = errno;
    close(descriptor);
    errno = reason;
    return mode;
}

int64_t objbus_read(int descriptor, void *to, size_t count, int64_t offset) {
    size_t done = 0;
    while (done < count) {
        ssize_t got = offset < 0 ? read(descriptor, (char *)to + done, count - done)
                                 : pread(descriptor, (char *)to + done, count - done,
                                         offset + (int64_t)done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) break;
        done += (size_t)got;
    }
    return (int64_t)done;
}

int objbus_write(int descriptor, const void *from, size_t count, int64_t offset) {
    size_t done = 0;
    while (done < count) {
        const char *rest = (const char *)from + done;
        ssize_t put = offset < 0
                          ? write(descriptor, rest, count - done)
                          : pwrite(descriptor, rest, count - done, offset + (int64_t)done);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return -1;
        done += (size_t)put;
    }
    return 0;
}
