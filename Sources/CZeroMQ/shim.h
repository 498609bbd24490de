// Part of objbus. SPDX-License-Identifier: Apache-2.0
#include <zmq.h>
