// Part of objbus. SPDX-License-Identifier: Apache-2.0
#ifndef OBJBUS_CZEROMQ_SHIM_H
#define OBJBUS_CZEROMQ_SHIM_H

// Who builds objbus without libzmq reads this line first, and should need no other.
#if !__has_include(<zmq.h>)
#error "objbus needs libzmq 4.3 and pkg-config. Debian, Ubuntu: sudo apt-get install libzmq3-dev pkg-config. Fedora: sudo dnf install zeromq-devel pkgconf. If they are there: export PKG_CONFIG_PATH=FOLDER_OF_libzmq.pc"
#else

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <time.h>
#include <zmq.h>

#if ZMQ_VERSION < ZMQ_MAKE_VERSION(4, 3, 0)
#error "objbus needs libzmq 4.3 or later, and the zmq.h found is of an older one"
#endif

// glibc hides these behind _GNU_SOURCE, which a module cannot set for itself.
extern int ppoll(struct pollfd *descriptors, nfds_t count, const struct timespec *timeout,
                 const sigset_t *signals);
extern int pthread_setname_np(pthread_t thread, const char *name);
extern int pipe2(int descriptors[2], int flags);
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions,
                                                    int first);

#endif
#endif
