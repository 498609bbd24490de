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
    /// Whoever has closed `sending` has it, and the next one.
    private let link = OwnMemory<LinkSockets?>(nil)
    /// Taken out of the queue, before all that is there.
    private let batch = OwnMemory<Deque<Outgoing>>([])
    private let queued = Atomic<Int>(0)
    private let stalled = Atomic<Bool>(false)
    /// The thread whose messages wait until it has gathered some; 0 for none.
    private let gatherer = Atomic<UInt>(0)

    /// Callers that were resumed and have not gone on yet.
    private let resumed = Atomic<Int>(0)
    /// So many messages are corked at most: with more, whoever gets them would have nothing to do
    /// meanwhile (docs/decisions/0026-corking.md).
    package static let together = 16

    /// What is left to whoever called `drain`.
    package enum Rest {
        case nothing
        /// The pipe is full; somebody must call `drain` again soon.
        case stalled
        /// This link can't send any more.
        case failed(Epoch, String)
    }

    package init() {}

    /// Messages that no socket has taken yet.
    package var count: Int { self.queued.load(ordering: .relaxed) }

    /// Whether the pipe was full at the last attempt.
    var isStalled: Bool { self.stalled.load(ordering: .relaxed) }

    /// Appends; call under the core's lock so that the order is the core's.
    package func append(_ outgoing: consuming Outgoing) {
        self.queued.add(1, ordering: .sequentiallyConsistent)
        var moved: Outgoing? = consume outgoing
        self.queue.withLock { queue in
            if let outgoing = moved.take() { queue.append(outgoing) }
        }
    }

    /// Sends on `link` from now on; what is queued for other links will be dropped.
    func use(_ link: LinkSockets?) -> LinkSockets? {
        self.sending.withLock {
            self.stalled.store(false, ordering: .relaxed)
            return self.link.withValue { current in exchange(&current, with: link) }
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

    // MARK: Corking

    /// So many callers are about to be resumed with their answers, and are likely to call again.
    /// While several have not gone on, what others send waits for what these will.
    ///
    /// - Returns: whether messages may wait from now on, and somebody has to look for them.
    package func resuming(_ count: Int) -> Bool {
        self.resumed.add(count, ordering: .sequentiallyConsistent).newValue > 1
    }

    /// One of them goes on. Whether nobody waits for it any more, and messages have to be sent.
    package func wentOn() -> Bool {
        // It may be one of the forgotten.
        guard self.resumed.load(ordering: .sequentiallyConsistent) > 0 else { return false }
        let left = self.resumed.subtract(1, ordering: .sequentiallyConsistent).newValue
        return left == 1 && self.queued.load(ordering: .sequentiallyConsistent) > 0
    }

    /// Those who have not gone on by now may never do: nothing waits for them any more.
    package func forgetResumed() { self.resumed.store(0, ordering: .sequentiallyConsistent) }

    /// Whether more messages are to be expected at once.
    package var expectsMore: Bool { self.resumed.load(ordering: .sequentiallyConsistent) > 1 }

    /// Whether as many wait as leave together.
    package var hasEnough: Bool {
        self.queued.load(ordering: .sequentiallyConsistent) >= Self.together
    }

    // MARK: Sending

    /// Sends what is queued until nothing is left or the pipe is full.
    @discardableResult
    package func drain() -> Rest {
        // What was queued before this look is seen by who stops the gathering, or by us here.
        let gatherer = self.gatherer.load(ordering: .sequentiallyConsistent)
        guard gatherer == 0 || gatherer != SystemThread.currentID else { return .nothing }
        while self.queued.load(ordering: .sequentiallyConsistent) > 0 {
            guard self.sending.tryLock() else { return .nothing }
            let rest = self.link.withValue { self.sendAll(on: $0) }
            self.sending.unlock()
            guard case .nothing = rest else { return rest }
        }
        return .nothing
    }

    private func sendAll(on link: LinkSockets?) -> Rest {
        self.batch.withValue { batch in
            while true {
                if batch.isEmpty { self.queue.withLock { swap(&$0, &batch) } }
                let (count, rest) = self.send(&batch, on: link)
                let left = self.queued.subtract(count, ordering: .sequentiallyConsistent).newValue
                guard case .nothing = rest, count > 0, left > 0 else { return rest }
            }
        }
    }

    /// Sends `batch`, as far as it can be sent; how many messages are done with.
    private func send(
        _ batch: inout Deque<Outgoing>, on link: LinkSockets?
    ) -> (count: Int, rest: Rest) {
        var count = 0
        while let outgoing = batch.popFirst() {
            if let link, outgoing.epoch == link.epoch {
                switch link.send(outgoing) {
                case .sent:
                    self.stalled.store(false, ordering: .relaxed)
                case .full:
                    batch.prepend(outgoing)
                    self.stalled.store(true, ordering: .relaxed)
                    return (count, .stalled)
                case .failed(let reason):
                    return (count + 1, .failed(link.epoch, reason))
                }
            }
            count += 1
        }
        return (count, .nothing)
    }
}
