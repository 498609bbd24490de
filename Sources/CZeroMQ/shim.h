// Part of objbus. SPDX-License-Identifier: Apache-2.0
#ifndef OBJBUS_CZEROMQ_SHIM_H
#define OBJBUS_CZEROMQ_SHIM_H

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <zmq.h>

// glibc hides these two behind _GNU_SOURCE, which a module cannot set for itself.
extern int ppoll(struct pollfd *descriptors, nfds_t count, const struct timespec *timeout,
                 const sigset_t *signals);
extern int pthread_setname_np(pthread_t thread, const char *name);

#endif
