// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNodeCore
import BusWire
import BusZeroMQ
import Synchronization

/// The calls of a node that have not started, for its threads: see `StartQueue`.
final class StartGate: @unchecked Sendable {
    private let queue = Locked(StartQueue())
    private let isReady = Atomic<Bool>(false)
    private let isLimiting = Atomic<Bool>(false)
    /// The queue's, in nanoseconds.
    private let lookDeadline = Atomic<UInt64>(.max)

    /// Whether any object ever had a limit: else only the ends of one-way calls matter.
    var hasLimits: Bool { self.isLimiting.load(ordering: .sequentiallyConsistent) }

    /// When `look` is next wanted.
    var lookDue: Tick {
        Tick(nanoseconds: self.lookDeadline.load(ordering: .sequentiallyConsistent))
    }

    /// Whether `deliverWaiting` has something to do.
    var mayDeliver: Bool { self.isReady.load(ordering: .sequentiallyConsistent) }

    /// A call was delivered; hands it to the node's delegate as soon as it may go.
    func arrived(_ call: DeliveredCall, _ node: Node) {
        let admission = self.queue.withLock { queue in
            let admission = queue.arrived(call, at: node.clock.now())
            if admission == .waits { self.publishLook(of: queue) }
            return admission
        }
        switch admission {
        case .goes:
            node.delegate?.arrived(call)
            node.delegate?.deliver(call)
        case .waits:
            node.delegate?.arrived(call)
        case .refused:
            node.count(.oneWayCrowd)
            node.delegate?.dropped(call)
        }
    }

    /// Whether `deliverWaiting` has something to do that it had not before.
    func started(_ object: ObjectNumber) -> Bool { self.change { $0.started(object) } }

    /// A call of `object` has started; gives the next one, if one waits that may go.
    func startedNext(_ object: ObjectNumber, _ node: Node) -> DeliveredCall? {
        self.queue.withLock { $0.startedNext(object, at: node.clock.now()) }
    }

    /// Whether `deliverWaiting` has something to do that it had not before.
    func ended(_ call: DeliveredCall) -> Bool { self.change { $0.ended(call) } }

    /// The same.
    func limit(_ object: ObjectNumber, to count: Int) -> Bool {
        self.isLimiting.store(true, ordering: .sequentiallyConsistent)
        return self.change { $0.limit(object, to: count) }
    }

    /// The same.
    func forget(_ object: ObjectNumber) -> Bool { self.change { $0.forget(object) } }

    private func change(_ body: (inout StartQueue) -> Void) -> Bool {
        let isReady = self.queue.withLock { queue in
            body(&queue)
            return queue.isReady
        }
        return isReady && !self.isReady.exchange(true, ordering: .sequentiallyConsistent)
    }

    func deliverWaiting(_ node: Node) {
        guard self.isReady.exchange(false, ordering: .sequentiallyConsistent) else { return }
        while let next = self.queue.withLock({ $0.next(at: node.clock.now()) }) {
            node.delegate?.deliver(next)
        }
    }

    /// What has waited for long.
    func look(at now: Tick) -> [Holdup] {
        self.queue.withLock { queue in
            defer { self.publishLook(of: queue) }
            return queue.look(at: now)
        }
    }

    /// Takes out a call that waits, which will not be delivered; nil if it does not wait.
    func take(_ call: CallIdentity, of object: ObjectNumber) -> DeliveredCall? {
        self.queue.withLock { $0.take(call, of: object) }
    }

    /// With the lock closed.
    private func publishLook(of queue: borrowing StartQueue) {
        let due = queue.lookDue.nanoseconds
        self.lookDeadline.store(due, ordering: .sequentiallyConsistent)
    }
}
