// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusNode
import BusNodeCore
import BusWire
import Synchronization

extension Node {
    /// Issues a call and suspends until its outcome is there. Cancelling the task cancels the
    /// call, which still gets an outcome at once.
    ///
    /// Inline, since each async function between a caller and its answer costs it two hops.
    @inline(__always)
    func outcome(of request: inout CallRequest) async -> CallOutcome {
        // In the frame of this function, so that a call needs no object: nobody looks at it once
        // the task goes on, since that waits for the two closures.
        let progress = CallProgress()
        defer { self.wentOn() }
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                request.waiter = .task(continuation)
                self.issue(&request, progress)
            }
        } onCancel: {
            if let number = progress.cancelled() { self.cancel(number) }
        }
    }

    private func issue(_ request: inout CallRequest, _ progress: borrowing CallProgress) {
        do throws(BusError) {
            guard let number = try self.call(&request) else { return }
            if progress.isCancelled(at: number) { self.cancel(number) }
        } catch {
            if let waiter = request.waiter { self.resume(waiter, error) }
        }
    }
}

/// What the issuing of a call and its cancellation, which may come at any time, know of each other.
private struct CallProgress: ~Copyable, Sendable {
    /// The call's number; 0 before it has one, `cancelled` once its task was cancelled.
    private let number = Atomic<UInt64>(0)
    private static let cancelled = UInt64.max

    /// The call has a number. Whether its task was cancelled before.
    borrowing func isCancelled(at number: CallNumber) -> Bool {
        !self.number.compareExchange(
            expected: 0, desired: number.rawValue, ordering: .acquiringAndReleasing
        ).exchanged
    }

    /// The call's task was cancelled. Its number, if it has one.
    borrowing func cancelled() -> CallNumber? {
        let number = self.number.exchange(Self.cancelled, ordering: .acquiringAndReleasing)
        return number == 0 || number == Self.cancelled ? nil : CallNumber(rawValue: number)
    }
}
