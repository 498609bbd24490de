// Part of objbus. SPDX-License-Identifier: Apache-2.0

internal import BusZeroMQ
internal import Synchronization

/// What others may do to the broker's thread: ask it to stop, and wait until it has.
final class BrokerControl: Sendable {
    private enum End {
        case running(waiting: [CheckedContinuation<BrokerError?, Never>])
        case ended(BrokerError?)
    }

    /// Wakes the thread.
    let waker: Waker
    private let stops = Atomic<Bool>(false)
    private let state = Locked(End.running(waiting: []))

    init() throws(ZeroMQError) {
        self.waker = try Waker()
    }

    /// Whether the thread was asked to stop.
    var isStopping: Bool { self.stops.load(ordering: .acquiring) }

    /// Asks the thread to stop; returns at once.
    func stop() {
        self.stops.store(true, ordering: .releasing)
        self.waker.wake()
    }

    /// The thread has closed everything; `failure` if it did so by itself.
    func ended(_ failure: BrokerError?) {
        let waiting = self.state.withLock { state in
            guard case .running(let waiting) = state else {
                return [CheckedContinuation<BrokerError?, Never>]()
            }
            state = .ended(failure)
            return waiting
        }
        for continuation in waiting { continuation.resume(returning: failure) }
    }

    /// Waits until the thread has closed everything, and says why if it failed.
    func end() async -> BrokerError? {
        await withCheckedContinuation { continuation in
            let ended: BrokerError?? = self.state.withLock { state in
                switch state {
                case .running(let waiting):
                    state = .running(waiting: waiting + [continuation])
                    return nil
                case .ended(let failure):
                    return .some(failure)
                }
            }
            if let ended { continuation.resume(returning: ended) }
        }
    }
}
