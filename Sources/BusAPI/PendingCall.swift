// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusNode
import BusNodeCore
import BusWire
import Synchronization

/// A task that awaits a call's outcome.
///
/// One for each call, so it has no lock: the continuation is written before the node hears of the
/// call, and read when the node gives the outcome, once.
final class PendingCall: CallWaiter, @unchecked Sendable {
    private let node: Node
    private var continuation: UnsafeContinuation<CallOutcome, Never>?
    /// The call's number; 0 before it has one, `cancelled` once its task was cancelled.
    private let number = Atomic<UInt64>(0)
    private static let cancelled = UInt64.max

    init(_ node: Node) {
        self.node = node
    }

    /// Issues the call and suspends until its outcome is there. Cancelling the task cancels the
    /// call, which still gets an outcome at once.
    func outcome(of request: inout CallRequest) async -> CallOutcome {
        request.waiter = self
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                self.continuation = continuation
                self.issue(&request)
            }
        } onCancel: {
            let number = self.number.exchange(Self.cancelled, ordering: .acquiringAndReleasing)
            guard number != 0, number != Self.cancelled else { return }
            self.node.cancel(CallNumber(rawValue: number))
        }
    }

    private func issue(_ request: inout CallRequest) {
        do throws(BusError) {
            guard let number = try self.node.call(&request) else { return }
            let (isCurrent, _) = self.number.compareExchange(
                expected: 0, desired: number.rawValue, ordering: .acquiringAndReleasing)
            if !isCurrent { self.node.cancel(number) }
        } catch {
            self.resume(.failed(error))
        }
    }

    func resume(_ outcome: CallOutcome) {
        self.continuation?.resume(returning: outcome)
    }
}
