// Part of objbus. SPDX-License-Identifier: Apache-2.0
// What libFuzzer's run-time library offers to a program with a main function of its own.

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerRunDriver(
    int *count, char ***arguments, int (*callback)(const uint8_t *bytes, size_t count));
