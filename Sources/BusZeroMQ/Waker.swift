// Part of objbus. SPDX-License-Identifier: Apache-2.0

internal import CZeroMQ
internal import Glibc
internal import Synchronization

/// Ends another thread's `Poller.wait`, now or the next one.
///
/// Any thread may wake; wakes that come before the poller noticed the first cost no system call.
/// First make the work visible (append it under its lock), then wake; the woken thread looks for
/// work after `wait` has returned.
package final class Waker: Sendable {
    /// An eventfd.
    let descriptor: Int32
    /// Whether the descriptor was written and not yet drained.
    private let pending = Atomic<Bool>(false)

    /// Makes a waker.
    ///
    /// - Throws: `.tooManySockets` when the process is out of descriptors.
    package init() throws(ZeroMQError) {
        self.descriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard self.descriptor >= 0 else { throw ZeroMQError(code: errno) }
    }

    deinit {
        _ = close(self.descriptor)
    }

    /// Wakes.
    package func wake() {
        guard !self.pending.exchange(true, ordering: .acquiringAndReleasing) else { return }
        _ = eventfd_write(self.descriptor, 1)
    }

    /// Takes the wakes back. The order matters: a wake between the two lines is seen by the caller,
    /// who looks for work next; with the lines exchanged all later wakes would be lost.
    func drain() {
        var value: eventfd_t = 0
        _ = unsafe eventfd_read(self.descriptor, &value)
        _ = self.pending.exchange(false, ordering: .acquiringAndReleasing)
    }
}
