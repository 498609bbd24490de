// Part of objbus. SPDX-License-Identifier: Apache-2.0

internal import CZeroMQ
internal import Glibc

/// Where threads wait, with a lock closed, for others to change what the lock protects.
///
/// Waking may be spurious: always wait in a loop that looks at the state.
@safe package final class Condition: Sendable {
    nonisolated(unsafe) private let condition: UnsafeMutablePointer<pthread_cond_t>

    /// A condition on which nobody waits.
    package init() {
        unsafe self.condition = .allocate(capacity: 1)
        unsafe self.condition.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        let result = unsafe pthread_cond_init(self.condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
        precondition(result == 0, "no condition variable: error \(result)")
    }

    deinit {
        _ = unsafe pthread_cond_destroy(self.condition)
        unsafe self.condition.deallocate()
    }

    /// Opens `lock`, waits for a signal, and closes it again.
    ///
    /// - Parameter deadline: Nanoseconds of `MonotonicClock`; nil waits for ever.
    /// - Returns: `false` if the deadline passed.
    @discardableResult
    package func wait(on lock: Lock, until deadline: UInt64? = nil) -> Bool {
        guard let deadline else {
            return unsafe pthread_cond_wait(self.condition, lock.mutex) == 0
        }
        var time = timespec(
            tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
        return unsafe pthread_cond_timedwait(self.condition, lock.mutex, &time) != ETIMEDOUT
    }

    /// Wakes one thread that waits, if there is one.
    package func signal() {
        _ = unsafe pthread_cond_signal(self.condition)
    }

    /// Wakes every thread that waits.
    package func broadcast() {
        _ = unsafe pthread_cond_broadcast(self.condition)
    }
}
