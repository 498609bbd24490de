// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/decisions/0025-mailboxes.md; rules R17.

import BusKernel
import BusNode
import BusNodeCore
import BusWire
import BusZeroMQ
import DequeModule

/// Calls on their way to one object, and the task that starts them there one after another.
///
/// A task for each call costs more than many a method does. This one stays at the object: a method
/// that does not suspend is called by it, and one that may suspend begins there as a task of its
/// own. Whatever order the calls are added in is the order in which they start.
///
///     idle --call--> busy --no call left--> idle --retired, or the object is let go--> ended
final class Mailbox: Sendable {
    /// Calls started in a row, before other work of the node and of the object gets its turn.
    private static let batch = 16
    /// The same by time: 100 us, in nanoseconds.
    private static let batchTime: UInt64 = 100_000

    private struct State {
        var calls: Deque<DeliveredCall> = []
        /// The task, when it waits for a call.
        var idle: UnsafeContinuation<Void, Never>?
        var task: Task<Void, Never>?
        /// The call that the task is in.
        var running: CallIdentity?
        /// Whether the task was cancelled, on behalf of the call that it was in then.
        var isCancelled = false
        /// Whether nobody holds the object any more: it is kept until the last call has started.
        var isLetGo = false
        var isEnded = false

        mutating func next() -> Next {
            guard !self.isCancelled else { return .changeTask }
            let call = self.calls.popFirst()
            self.running = call?.identity
            if let call { return .start(call) }
            return self.isLetGo || self.isEnded ? .end : .wait
        }
    }

    private enum Next {
        case start(DeliveredCall)
        case wait
        /// Another task goes on: this one's cancellation is not for the calls that follow.
        case changeTask
        /// If that still holds.
        case end
    }

    let object: any BusObjectProtocol
    private let number: ObjectNumber
    private let bus: Bus
    private let state = Locked(State())

    init(_ object: any BusObjectProtocol, _ number: ObjectNumber, _ bus: Bus) {
        (self.object, self.number, self.bus) = (object, number, bus)
    }

    /// Makes the task; once, before the first call.
    func begin() { self.begin(at: self.object) }

    /// Adds a call that will start behind all that were added before. False if the mailbox has
    /// ended. On the thread that receives.
    func add(_ call: DeliveredCall) -> Bool {
        let (isTaken, idle) = self.state.withLock { state in
            guard !state.isEnded else { return (false, nil as UnsafeContinuation<Void, Never>?) }
            state.calls.append(call)
            return (true, state.idle.take())
        }
        idle?.resume()
        return isTaken
    }

    /// Ends the mailbox if it has nothing to do. Whether it has ended.
    func endIfIdle() -> Bool {
        let (isEnded, idle) = self.state.withLock { state in
            if state.idle != nil, state.calls.isEmpty { state.isEnded = true }
            return (state.isEnded, state.isEnded ? state.idle.take() : nil)
        }
        idle?.resume()
        return isEnded
    }

    /// Nobody holds the object any more, or somebody does again. Whether the mailbox has ended;
    /// else it does when it has no call left.
    func letGo(_ isLetGo: Bool) -> Bool {
        self.state.withLock { $0.isLetGo = isLetGo }
        return isLetGo && self.endIfIdle()
    }

    /// Cancels the call, if the task is in it.
    func cancel(_ identity: CallIdentity) {
        // Not outside the lock: the task would be in another call. Nothing that it runs is called
        // back, it has to ask.
        self.state.withLock { state in
            guard state.running == identity else { return }
            state.isCancelled = true
            state.task?.cancel()
        }
    }

    /// Cancels whatever call the task is in.
    func cancelRunning() {
        if let identity = self.state.withLock({ $0.running }) { self.cancel(identity) }
    }

    // MARK: The task

    private func begin<Object: BusObjectProtocol>(at object: Object) {
        self.state.withLock { state in
            state.isCancelled = false
            // The lock is open before the task is in any call.
            state.task = Task(executorPreference: self.bus.node.executor) {
                await object.whenLocal { (local: isolated Object) in await self.run(at: local) }
            }
        }
    }

    private func run<Object: BusObjectProtocol>(at object: isolated Object) async {
        var (count, since) = (0, UInt64.max)
        while true {
            switch self.state.withLock({ $0.next() }) {
            case .start(let call):
                let now = self.bus.node.clock.now().nanoseconds
                if count == 0 { since = now }
                count += 1
                let isOver = self.bus.start(call, at: object)
                if let next = self.bus.node.startedNext(self.number) {
                    self.state.withLock { $0.calls.append(next) }
                }
                guard !isOver || count >= Self.batch || now - since >= Self.batchTime else {
                    continue
                }
                count = 0
                await Task.yield()
            case .wait:
                count = 0
                if self.bus.objects.endsInCrowd(self, self.number) { return }
                await self.waitForCall()
            case .changeTask:
                return self.begin(at: object)
            case .end:
                if self.bus.objects.ends(self, self.number) { return }
            }
        }
    }

    private func waitForCall(isolation: isolated (any Actor)? = #isolation) async {
        await withUnsafeContinuation { continuation in
            let isIdle = self.state.withLock { state in
                guard state.calls.isEmpty, !state.isLetGo, !state.isEnded else { return false }
                state.idle = continuation
                return true
            }
            if !isIdle { continuation.resume() }
        }
    }

    /// For `ObjectTable`, with its lock closed: ends if there is no call, unless the object is let
    /// go, which is another end. Whether it has.
    func endIfWithoutCalls() -> Bool {
        self.state.withLock { state in
            guard !state.isLetGo, state.calls.isEmpty else { return false }
            state.isEnded = true
            return true
        }
    }

    /// For `ObjectTable`, with its lock closed: whether there is nothing left to do, ever.
    func endIfLetGo() -> Bool {
        self.state.withLock { state in
            if state.isLetGo, state.calls.isEmpty { state.isEnded = true }
            return state.isEnded
        }
    }
}
