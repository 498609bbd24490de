// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusWire
import BusZeroMQ
import Synchronization

/// Calls that arrived and have not ended, so that they can be cancelled and waited for.
///
/// Most are run by their object's mailbox, which knows its present one itself. So nothing is noted
/// of a call here but that it is there, unless it has a task of its own or its caller gave up.
final class RunningCalls: Sendable {
    fileprivate struct State {
        /// Calls with a task of their own; nil until that is known.
        var tasks: [CallIdentity: Task<Void, any Error>?] = [:]
        /// Calls whose callers gave up, until they have ended.
        var cancelled: Set<CallIdentity> = []
        /// Whether that is true of all there will ever be.
        var isClosed = false
        var idle: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Locked(State())
    private let count = Atomic<Int>(0)
    /// Whether `state` says something of any call; written under the lock.
    private let isNoted = Atomic<Bool>(false)

    /// A call is there, and will end.
    func arrived() { self.count.add(1, ordering: .sequentiallyConsistent) }

    /// Call before the task exists, which may end before `started` is called.
    func starts(_ identity: CallIdentity) {
        self.change { $0.tasks[identity] = .some(nil) }
    }

    func started(_ identity: CallIdentity, _ task: Task<Void, any Error>) {
        let isCancelled = self.change { state in
            guard state.tasks[identity] != nil else { return false }
            state.tasks[identity] = task
            return state.isCancelled(identity)
        }
        if isCancelled { task.cancel() }
    }

    func ended(_ identity: CallIdentity) {
        if self.isNoted.load(ordering: .sequentiallyConsistent) {
            self.change { $0.forget(identity) }
        }
        let left = self.count.subtract(1, ordering: .sequentiallyConsistent).newValue
        if left == 0, self.isNoted.load(ordering: .sequentiallyConsistent) { self.becameIdle() }
    }

    /// Whether the caller gave up.
    func isCancelled(_ identity: CallIdentity) -> Bool {
        self.isNoted.load(ordering: .sequentiallyConsistent)
            && self.state.withLock { $0.isCancelled(identity) }
    }

    /// The caller gave up: cancels the call's task, if it has one, and lets it not start if it has
    /// not. To be followed by `ended`, or by `settled` if that has been.
    func cancel(_ identity: CallIdentity) {
        let task = self.change { state in
            state.cancelled.insert(identity)
            return state.tasks[identity] ?? nil
        }
        task?.cancel()
    }

    /// A call that was cancelled had ended before.
    func settled(_ identity: CallIdentity) { self.change { $0.forget(identity) } }

    func cancelAll() {
        let tasks = self.change { state in
            state.isClosed = true
            return state.tasks.values.compactMap { $0 }
        }
        // Order-free: each by itself.
        for task in tasks { task.cancel() }
    }

    /// Returns when no call is left, or after `limit`.
    func waitUntilIdle(atMost limit: Duration) async {
        let timer = Task {
            guard (try? await Task.sleep(for: limit)) != nil else { return }
            self.resumeWaiting()
        }
        await withCheckedContinuation { continuation in
            self.change { $0.idle.append(continuation) }
            if self.count.load(ordering: .sequentiallyConsistent) == 0 { self.resumeWaiting() }
        }
        timer.cancel()
    }

    private func becameIdle() {
        self.change { state in
            // Of an incarnation that ended nobody says what had settled before it was cancelled. A
            // call that has come since is counted before it can be cancelled.
            if self.count.load(ordering: .sequentiallyConsistent) == 0 { state.cancelled = [] }
        }
        self.resumeWaiting()
    }

    private func resumeWaiting() {
        let waiting = self.change { state in
            defer { state.idle = [] }
            return state.idle
        }
        for continuation in waiting { continuation.resume() }
    }

    private func change<Result>(_ body: (inout State) -> Result) -> Result {
        self.state.withLock { state in
            // Before whatever the caller looks at next: one of the two sees the other.
            defer { self.isNoted.store(state.isNoted, ordering: .sequentiallyConsistent) }
            return body(&state)
        }
    }
}

extension RunningCalls.State {
    fileprivate var isNoted: Bool {
        self.isClosed || !self.tasks.isEmpty || !self.cancelled.isEmpty || !self.idle.isEmpty
    }

    fileprivate func isCancelled(_ identity: CallIdentity) -> Bool {
        self.isClosed || self.cancelled.contains(identity)
    }

    fileprivate mutating func forget(_ identity: CallIdentity) {
        self.tasks[identity] = nil
        self.cancelled.remove(identity)
    }
}
