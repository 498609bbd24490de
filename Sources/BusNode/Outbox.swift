// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements rules: links, R3.

package import BusNodeCore
package import BusWire
import BusZeroMQ
import DequeModule
import Synchronization

/// What waits to be sent, in the order in which the core decided it.
///
/// Whoever appended tries to drain; who finds another thread draining leaves it the work. So no
/// thread waits for another one's system calls, and nothing overtakes.
package final class Outbox: Sendable {
    private let queue = Locked<Deque<Outgoing>>([])
    private let sending = Lock()
    private let link = Locked<LinkSockets?>(nil)
    private let queued = Atomic<Int>(0)
    private let stalled = Atomic<Bool>(false)
    /// The thread whose messages wait until it has gathered some; 0 for none.
    private let gatherer = Atomic<UInt>(0)
    private let onFailure: @Sendable (Epoch, String) -> Void
    private let onStall: @Sendable () -> Void

    /// - Parameters:
    ///   - onFailure: a link can't send any more; called under no lock.
    ///   - onStall: the pipe is full; somebody must call `drain` again soon.
    package init(
        onFailure: @escaping @Sendable (Epoch, String) -> Void,
        onStall: @escaping @Sendable () -> Void
    ) {
        self.onFailure = onFailure
        self.onStall = onStall
    }

    /// Messages that no socket has taken yet.
    package var count: Int { self.queued.load(ordering: .relaxed) }

    /// Whether the pipe was full at the last attempt.
    var isStalled: Bool { self.stalled.load(ordering: .relaxed) }

    /// Appends; call under the core's lock so that the order is the core's.
    package func append(_ outgoing: Outgoing) {
        self.queued.add(1, ordering: .sequentiallyConsistent)
        self.queue.withLock { $0.append(outgoing) }
    }

    /// Sends on `link` from now on; what is queued for other links will be dropped.
    func use(_ link: LinkSockets?) -> LinkSockets? {
        self.sending.withLock {
            self.stalled.store(false, ordering: .relaxed)
            return self.link.withLock { current in
                let former = current
                current = link
                return former
            }
        }
    }

    /// From now on `drain` does nothing on this thread, so that what it sends leaves together: the
    /// first message of several wakes libzmq's thread, the others find it awake.
    ///
    /// Others send what they find as before. A thread that gathers must come back to
    /// `stopGathering` soon; for one that does not, somebody else has to call it.
    package func gather() {
        self.gatherer.store(SystemThread.currentID, ordering: .sequentiallyConsistent)
    }

    /// Nobody gathers any more. What was gathered is left to `drain`.
    package func stopGathering() {
        guard self.gatherer.load(ordering: .sequentiallyConsistent) != 0 else { return }
        self.gatherer.store(0, ordering: .sequentiallyConsistent)
    }

    /// Sends what is queued until nothing is left or the pipe is full.
    package func drain() {
        // What was queued before this look is seen by who stops the gathering, or by us here.
        let gatherer = self.gatherer.load(ordering: .sequentiallyConsistent)
        guard gatherer == 0 || gatherer != SystemThread.currentID else { return }
        while self.queued.load(ordering: .sequentiallyConsistent) > 0 {
            guard self.sending.tryLock() else { return }
            let failure = self.sendAll()
            self.sending.unlock()
            if let failure {
                self.onFailure(failure.epoch, failure.reason)
                return
            }
            if self.isStalled {
                self.onStall()
                return
            }
        }
    }

    private func sendAll() -> (epoch: Epoch, reason: String)? {
        let link = self.link.withLock { $0 }
        while let outgoing = self.queue.withLock({ $0.popFirst() }) {
            guard let link, outgoing.epoch == link.epoch else {
                self.queued.subtract(1, ordering: .sequentiallyConsistent)
                continue
            }
            switch link.send(outgoing) {
            case .sent:
                self.stalled.store(false, ordering: .relaxed)
                self.queued.subtract(1, ordering: .sequentiallyConsistent)
            case .full:
                self.queue.withLock { $0.prepend(outgoing) }
                self.stalled.store(true, ordering: .relaxed)
                return nil
            case .failed(let reason):
                self.queued.subtract(1, ordering: .sequentiallyConsistent)
                return (link.epoch, reason)
            }
        }
        return nil
    }
}
