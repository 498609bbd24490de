// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusNode
import BusNodeCore
import BusWire
import BusZeroMQ

/// A task that awaits a call's outcome.
final class PendingCall: CallWaiter {
    private struct State {
        var continuation: UnsafeContinuation<CallOutcome, Never>?
        var number: CallNumber?
        var isCancelled = false
    }

    private let node: Node
    private let state = Locked(State())

    init(_ node: Node) {
        self.node = node
    }

    /// Issues the call and suspends until its outcome is there. Cancelling the task cancels the
    /// call, which still gets an outcome at once.
    func outcome(of request: consuming CallRequest) async -> CallOutcome {
        var request = request
        request.waiter = self
        let moved = request
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                self.state.withLock { $0.continuation = continuation }
                self.issue(moved)
            }
        } onCancel: {
            let number = self.state.withLock { state in
                state.isCancelled = true
                return state.number
            }
            if let number { self.node.cancel(number) }
        }
    }

    private func issue(_ request: CallRequest) {
        do throws(BusError) {
            guard let number = try self.node.call(request) else { return }
            let isCancelled = self.state.withLock { state in
                state.number = number
                return state.isCancelled
            }
            if isCancelled { self.node.cancel(number) }
        } catch {
            self.resume(.failed(error))
        }
    }

    func resume(_ outcome: CallOutcome) {
        let continuation = self.state.withLock { $0.continuation.take() }
        continuation?.resume(returning: outcome)
    }
}
