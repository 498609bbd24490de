// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusWire
import BusZeroMQ

/// Whether the bus is linked, who waits for it, and which incarnations it has had.
final class LinkState: Sendable {
    private struct State {
        var isLinked = false
        var own: Set<IncarnationID> = []
        var refusal: BusError?
        var waiters: [Int: CheckedContinuation<Void, any Error>] = [:]
        var lastWaiter = 0
        /// Waiters that were cancelled before they waited.
        var cancelled: Set<Int> = []
    }

    private let state = Locked(State())

    func isOwn(_ incarnation: IncarnationID) -> Bool {
        self.state.withLock { $0.own.contains(incarnation) }
    }

    func linked(_ incarnation: IncarnationID) {
        let waiters = self.state.withLock { state in
            state.isLinked = true
            state.refusal = nil
            state.own.insert(incarnation)
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume() }
    }

    func lost() {
        self.state.withLock { $0.isLinked = false }
    }

    func refused(_ error: BusError, isFinal: Bool) {
        let waiters = self.state.withLock { state in
            state.refusal = error
            guard isFinal else { return [CheckedContinuation<Void, any Error>]() }
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume(throwing: error) }
    }

    func closed() {
        let waiters = self.state.withLock { state in
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters {
            waiter.resume(throwing: BusError(.disconnected, "the bus was closed"))
        }
    }

    /// Returns when the bus is linked; throws when it can't be in time, or the task is cancelled.
    func waitUntilLinked(timeout: Duration, url: String) async throws {
        let timer = Task {
            try await Task.sleep(for: timeout)
            self.timedOut(timeout, url)
        }
        defer { timer.cancel() }
        let waiter = self.state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                self.wait(waiter, continuation)
            }
        } onCancel: {
            self.cancel(waiter)
        }
    }

    private func wait(_ waiter: Int, _ continuation: CheckedContinuation<Void, any Error>) {
        let result = self.state.withLock { state -> Result<Void, any Error>? in
            if state.cancelled.remove(waiter) != nil { return .failure(CancellationError()) }
            if state.isLinked { return .success(()) }
            state.waiters[waiter] = continuation
            return nil
        }
        if let result { continuation.resume(with: result) }
    }

    private func cancel(_ waiter: Int) {
        let continuation = self.state.withLock { state in
            let found = state.waiters.removeValue(forKey: waiter)
            if found == nil { state.cancelled.insert(waiter) }
            return found
        }
        continuation?.resume(throwing: CancellationError())
    }

    private func timedOut(_ timeout: Duration, _ url: String) {
        let (waiters, refusal) = self.state.withLock { state in
            defer { state.waiters = [:] }
            return (Array(state.waiters.values), state.refusal)
        }
        let reason =
            refusal.map { "the broker at \(url) refuses: \($0.message)" }
            ?? "no broker answers at \(url) within \(timeout); start one: "
            + "objbus broker --listen \(url)"
        for waiter in waiters {
            waiter.resume(throwing: BusError(refusal?.kind ?? .disconnected, reason))
        }
    }
}
