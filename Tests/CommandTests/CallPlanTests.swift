// Part of objbus. SPDX-License-Identifier: Apache-2.0
