// Part of objbus. SPDX-License-Identifier: Apache-2.0
// The probe: how long a byte takes from one core to another and back. Virtual machines have two
// states, cores near and cores far, that last seconds to minutes and move every figure; so each
// sample is taken with the state known. Each line of the input asks for one measurement; the answer
// is the median round trip in microseconds of 400, by blocking reads of a socket pair.
#define _GNU_SOURCE
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <signal.h>
#include <unistd.h>

#include "clock.h"

enum { ROUNDS = 400, WARM_UP = 50 };

// Keeps this process on the n-th core that it may use, counted round.
static void stay_on(int place, const cpu_set_t *allowed) {
    int count = CPU_COUNT(allowed), seen = 0;
    for (int core = 0; core < CPU_SETSIZE; core++) {
        if (!CPU_ISSET(core, allowed) || seen++ != place % count) continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(core, &one);
        sched_setaffinity(0, sizeof one, &one);
        return;
    }
}

int main(void) {
    cpu_set_t allowed;
    sched_getaffinity(0, sizeof allowed, &allowed);
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) fail("probe: %s", strerror(errno));
    char byte = 0;
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        stay_on(1, &allowed);
        while (read(ends[1], &byte, 1) == 1 && write(ends[1], &byte, 1) == 1) {}
        _exit(0);
    }
    stay_on(0, &allowed);
    char line[80];
    puts("ready"), fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        static uint32_t spans[ROUNDS];
        for (int i = -WARM_UP; i < ROUNDS; i++) {
            uint64_t start = now();
            if (write(ends[0], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1) return 1;
            if (i >= 0) spans[i] = (uint32_t)(now() - start);
        }
        qsort(spans, ROUNDS, sizeof *spans, by_size);
        printf("%.2f\n", spans[ROUNDS / 2] / 1e3), fflush(stdout);
    }
    return 0;
}
