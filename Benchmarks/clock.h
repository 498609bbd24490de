// Part of objbus. SPDX-License-Identifier: Apache-2.0
// What the C programs of the benchmark share: a clock, percentiles, one line of JSON, giving up.
#pragma once
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// Nanoseconds on the monotonic clock, which all processes of a machine share.
static inline uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static inline void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

static inline int by_size(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

// Prints one measurement. `spans` are nanoseconds, one a call; they are sorted here. The value of
// rank ceil(q * n) is taken, as `objbus bench` does.
static inline void report(uint32_t *spans, uint32_t count, uint64_t start, uint64_t end) {
    qsort(spans, count, sizeof *spans, by_size);
    double seconds = (double)(end - start) / 1e9;
    const double quantiles[] = {0.5, 0.9, 0.99};
    double found[3];
    for (int i = 0; i < 3; i++) {
        double rank = quantiles[i] * count;
        uint32_t place = (uint32_t)rank;
        if (place < rank) place++;
        found[i] = spans[place > 0 ? place - 1 : 0] / 1e3;
    }
    printf("{\"calls\": %u, \"seconds\": %.6f, \"callsPerSecond\": %.1f, \"p50\": %.3f, "
           "\"p90\": %.3f, \"p99\": %.3f, \"max\": %.3f, \"start\": %llu, \"end\": %llu}\n",
           count, seconds, count / seconds, found[0], found[1], found[2], spans[count - 1] / 1e3,
           (unsigned long long)start, (unsigned long long)end);
    fflush(stdout);
}
