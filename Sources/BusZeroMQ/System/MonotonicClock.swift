// Part of objbus. SPDX-License-Identifier: Apache-2.0

internal import CZeroMQ
internal import Glibc

/// The clock of the shells: it never runs backwards and knows no time of day.
package enum MonotonicClock {
    /// Nanoseconds since some moment before this process started; the same for all its threads.
    package static func now() -> UInt64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
