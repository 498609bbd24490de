// Part of objbus. SPDX-License-Identifier: Apache-2.0

#include "CFuzzer.h"

// libFuzzer's own main function, which is linked and never runs, calls this.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) { return 0; }
