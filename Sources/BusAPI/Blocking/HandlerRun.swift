// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/decisions/0006-blocking.md; rules R17, R18.

import BusKernel
import BusNode
import BusNodeCore
import BusWire
import BusZeroMQ
import DequeModule

/// One call of a blocking object, from its arrival to its result.
final class HandlerRun: @unchecked Sendable {
    /// The run that the present thread is in, and the tasks made there.
    @TaskLocal static var current: HandlerRun?

    private struct State {
        var isCancelled = false
        var awaited: Task<Void, Never>?
        var continuation: UnsafeContinuation<Result<CallResult, any Error>, Never>?
    }

    let call: IncomingCall
    private let context: CallContext
    private let handler: BlockingHost.Handler
    private let state = Locked(State())
    /// The running thread's own, as the next one is.
    private var thread: BlockedThread?
    /// Set while no other call of the object may start.
    private var lane: CallLane?

    init(_ call: IncomingCall, _ context: CallContext, _ handler: @escaping BlockingHost.Handler) {
        (self.call, self.context, self.handler) = (call, context, handler)
    }

    /// Whether the caller gave up.
    var isCancelled: Bool { self.state.withLock { $0.isCancelled } }

    /// Gives the run a place to wait for its thread, and says who gets the result. Once.
    ///
    /// A call of a chain that a thread of this process waits for goes to that thread, which can't
    /// be reached otherwise. All others, and one-way calls, for which nobody waits, start in the
    /// order of their arrival.
    func place(
        in lane: CallLane, _ side: BlockingSide,
        _ continuation: UnsafeContinuation<Result<CallResult, any Error>, Never>
    ) {
        self.state.withLock { $0.continuation = continuation }
        if self.call.delivered.identity != nil,
            side.chains.offer(self, of: self.context.chain)
        {
            return
        }
        lane.add(self, side.pool)
    }

    /// Runs the handler on this thread.
    ///
    /// - Parameters:
    ///   - thread: what the thread waits with, if it does already.
    ///   - lane: what the run holds from other calls.
    /// - Returns: whether the run still holds the lane.
    @discardableResult
    func execute(on thread: BlockedThread?, holding lane: CallLane? = nil) -> Bool {
        (self.thread, self.lane) = (thread, lane)
        let result = CallContext.$current.withValue(self.context) {
            HandlerRun.$current.withValue(self) { self.result() }
        }
        self.thread = nil
        let holdsLane = self.lane.take() != nil
        self.finish(result)
        return holdsLane
    }

    /// The handler will not run: there is no thread, or the queue is full.
    func refuse() {
        let text = "too many calls of \(self.call.method) wait for a thread"
        self.finish(.failure(BusError(.overloaded, text)))
    }

    func cancel() {
        let awaited = self.state.withLock { state in
            state.isCancelled = true
            return state.awaited
        }
        awaited?.cancel()
    }

    /// The handler's thread waits for `task`, or not any more.
    func awaits(_ task: Task<Void, Never>?) {
        let isCancelled = self.state.withLock { state in
            state.awaited = task
            return state.isCancelled
        }
        if isCancelled { task?.cancel() }
    }

    /// The handler is about to wait for the bus: its object's next call may start, as when an
    /// actor's method is suspended. On the run's thread.
    func willWait(_ pool: BlockingPool) -> BlockedThread {
        self.lane.take()?.passOn(pool)
        let thread = self.thread ?? BlockedThread(pool)
        self.thread = thread
        return thread
    }

    private func result() -> Result<CallResult, any Error> {
        if self.isCancelled {
            self.call.bus.node.count(.startCancelled)
            return .failure(BusError(.cancelled, "cancelled before it started"))
        }
        return Result {
            try self.call.checkTimeAndRight()
            return try self.call.encoded(try self.handler(self.call))
        }
    }

    private func finish(_ result: Result<CallResult, any Error>) {
        let continuation = self.state.withLock { $0.continuation.take() }
        continuation?.resume(returning: result)
    }
}

/// Calls of one blocking object in the order in which they are to start (rules R17).
///
///     free --call--> held --handler returns or waits for the bus--> held by the next, or free
final class CallLane: Sendable {
    /// Calls that may wait for their turn; further ones are answered `overloaded`.
    static let callsMax = 4_096

    private struct State {
        var waiting: Deque<HandlerRun> = []
        var isHeld = false
    }

    private enum Verdict {
        case full
        case queued
        case start
    }

    private let state = Locked(State())

    func add(_ run: HandlerRun, _ pool: BlockingPool) {
        let verdict = self.state.withLock { state -> Verdict in
            guard state.waiting.count < Self.callsMax else { return .full }
            state.waiting.append(run)
            defer { state.isHeld = true }
            return state.isHeld ? .queued : .start
        }
        switch verdict {
        case .full: run.refuse()
        case .queued: break
        case .start: self.start(pool)
        }
    }

    /// The holder does not need the lane any more.
    func passOn(_ pool: BlockingPool) {
        let isLeft = self.state.withLock { state in
            state.isHeld = !state.waiting.isEmpty
            return state.isHeld
        }
        if isLeft { self.start(pool) }
    }

    /// Lets a thread of the pool hold the lane, and run calls until one of them waits.
    private func start(_ pool: BlockingPool) {
        let isTaken = pool.submit {
            while let run = self.next() {
                guard run.execute(on: nil, holding: self) else { return }
            }
        }
        guard !isTaken else { return }
        while let run = self.next() { run.refuse() }
    }

    /// The next call; nil, and the lane is free, if there is none.
    private func next() -> HandlerRun? {
        self.state.withLock { state in
            let run = state.waiting.popFirst()
            state.isHeld = run != nil
            return run
        }
    }
}
