// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Counts what a process asks of the heap and of the system, to be preloaded: LD_PRELOAD. Where the
// variable OBJBUS_COUNTS names a folder, the counters lie there, in a file named after the process
// that others may map or read at any time: five 64-bit numbers, in the order of `enum counter`.
//
// An allocation is libzmq's own if libzmq itself asked for it. System calls are those that go
// through the C library's functions below; locks and conditions wait inside of it, unseen.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum counter { ALLOCATIONS, ALLOCATED_BYTES, ZMQ_ALLOCATIONS, ZMQ_ALLOCATED_BYTES, SYSTEM_CALLS };
enum { COUNTERS = 5 };
static uint64_t unused[COUNTERS];
static uint64_t *counters = unused;
static uintptr_t zmq_start, zmq_end;

static void add(enum counter counter, uint64_t amount) {
    __atomic_fetch_add(&counters[counter], amount, __ATOMIC_RELAXED);
}

static int find_zmq(struct dl_phdr_info *info, size_t size, void *data) {
    (void)size, (void)data;
    if (!strstr(info->dlpi_name, "libzmq.so")) return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X)) continue;
        zmq_start = info->dlpi_addr + part->p_vaddr;
        zmq_end = zmq_start + part->p_memsz;
    }
    return 1;
}

__attribute__((constructor)) static void begin(void) {
    dl_iterate_phdr(find_zmq, NULL);
    const char *folder = getenv("OBJBUS_COUNTS");
    char path[512];
    if (!folder || snprintf(path, sizeof path, "%s/%d", folder, getpid()) >= (int)sizeof path)
        return;
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof unused)) return;
    void *shared = mmap(NULL, sizeof unused, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (shared != MAP_FAILED) counters = shared;
}

static void allocated(size_t size, void *caller) {
    int is_zmq = (uintptr_t)caller - zmq_start < zmq_end - zmq_start;
    add(is_zmq ? ZMQ_ALLOCATIONS : ALLOCATIONS, 1);
    add(is_zmq ? ZMQ_ALLOCATED_BYTES : ALLOCATED_BYTES, size);
}

#define CALLER __builtin_return_address(0)

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) {
    allocated(size, CALLER);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    allocated(count * size, CALLER);
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
    allocated(size, CALLER);
    return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size) {
    allocated(size, CALLER);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    allocated(size, CALLER);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    allocated(size, CALLER);
    *memory = __libc_memalign(alignment, size);
    return *memory ? 0 : 12;
}

// C++'s operator new asks malloc from libstdc++, which would hide who asked for it.
void *_Znwm(size_t size) {
    allocated(size, CALLER);
    void *memory = __libc_malloc(size);
    return memory ? memory : (abort(), NULL);
}

void *_Znam(size_t size) {
    allocated(size, CALLER);
    void *memory = __libc_malloc(size);
    return memory ? memory : (abort(), NULL);
}

void *_ZnwmRKSt9nothrow_t(size_t size, const void *tag) {
    (void)tag;
    allocated(size, CALLER);
    return __libc_malloc(size);
}

void *_ZnamRKSt9nothrow_t(size_t size, const void *tag) {
    (void)tag;
    allocated(size, CALLER);
    return __libc_malloc(size);
}

// Counts a system call and makes it.
#define COUNTED(result, name, parameters, arguments)                       \
    result name parameters {                                               \
        static result(*next) parameters;                                   \
        if (!next) next = (result(*) parameters)dlsym(RTLD_NEXT, #name);   \
        add(SYSTEM_CALLS, 1);                                              \
        return next arguments;                                             \
    }

COUNTED(ssize_t, read, (int file, void *bytes, size_t count), (file, bytes, count))
COUNTED(ssize_t, write, (int file, const void *bytes, size_t count), (file, bytes, count))
COUNTED(ssize_t, recv, (int file, void *bytes, size_t count, int flags),
        (file, bytes, count, flags))
COUNTED(ssize_t, send, (int file, const void *bytes, size_t count, int flags),
        (file, bytes, count, flags))
COUNTED(ssize_t, recvmsg, (int file, struct msghdr *message, int flags), (file, message, flags))
COUNTED(ssize_t, sendmsg, (int file, const struct msghdr *message, int flags),
        (file, message, flags))
COUNTED(int, poll, (struct pollfd *files, nfds_t count, int timeout), (files, count, timeout))
COUNTED(int, epoll_wait, (int file, struct epoll_event *events, int count, int timeout),
        (file, events, count, timeout))
COUNTED(int, epoll_ctl, (int file, int what, int other, struct epoll_event *event),
        (file, what, other, event))
COUNTED(int, sched_yield, (void), ())

// `syscall` is how the Swift runtime waits for a futex.
long syscall(long number, ...) {
    static long (*next)(long, long, long, long, long, long, long);
    if (!next) next = (long (*)(long, long, long, long, long, long, long))dlsym(RTLD_NEXT, "syscall");
    add(SYSTEM_CALLS, 1);
    va_list list;
    va_start(list, number);
    long values[6];
    for (int i = 0; i < 6; i++) values[i] = va_arg(list, long);
    va_end(list);
    return next(number, values[0], values[1], values[2], values[3], values[4], values[5]);
}
