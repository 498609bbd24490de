// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNode
import BusNodeCore
import BusWire
import BusZeroMQ
import Synchronization

/// Tasks whose calls were refused `overloaded` and wait to be made again, a line for each node.
final class OverloadLines: Sendable {
    private enum Outcome: Sendable {
        case turn
        case expired
        case cancelled
    }

    private struct Line {
        var core: OverloadLine
        var waiters: [OverloadLine.Ticket: UnsafeContinuation<Outcome, Never>] = [:]
    }

    private let lines = Locked<[IncarnationID: Line]>([:])
    /// How many there are, for those who only want to know whether there is any.
    private let count = Atomic<Int>(0)
    private let tickets = Atomic<OverloadLine.Ticket>(0)
    private let clock: NodeClock
    /// A deadline may be noticed so late: nobody wakes the line for it.
    private static let sleepMax = Span.milliseconds(20)

    init(_ clock: NodeClock) {
        self.clock = clock
    }

    /// A place among all calls that may wait.
    func ticket() -> OverloadLine.Ticket { self.tickets.add(1, ordering: .relaxed).newValue }

    /// Waits if others wait for `owner`, so that none is overtaken.
    func standBehind(
        _ ticket: OverloadLine.Ticket, at owner: IncarnationID, until deadline: Tick
    ) async throws {
        guard self.count.load(ordering: .relaxed) > 0,
            self.lines.withLock({ $0[owner]?.core.hasWaiting ?? false })
        else { return }
        try await self.wait(ticket, at: owner, until: deadline, wasRefused: false)
    }

    /// Waits until the call that was refused may be made again.
    func refused(
        _ ticket: OverloadLine.Ticket, at owner: IncarnationID, until deadline: Tick
    ) async throws {
        try await self.wait(ticket, at: owner, until: deadline, wasRefused: true)
    }

    private func wait(
        _ ticket: OverloadLine.Ticket, at owner: IncarnationID, until deadline: Tick,
        wasRefused: Bool
    ) async throws {
        let outcome = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                self.join(ticket, at: owner, until: deadline, wasRefused, continuation)
                if Task.isCancelled { self.leave(ticket, owner) }
            }
        } onCancel: {
            self.leave(ticket, owner)
        }
        switch outcome {
        case .turn: return
        case .expired:
            throw BusError(.expired, "the deadline passed while node \(owner) was overloaded")
        case .cancelled:
            throw BusError(.cancelled, "the calling task was cancelled")
        }
    }

    private func join(
        _ ticket: OverloadLine.Ticket, at owner: IncarnationID, until deadline: Tick,
        _ wasRefused: Bool, _ continuation: UnsafeContinuation<Outcome, Never>
    ) {
        let now = self.clock.now()
        let isNew = self.lines.withLock { lines in
            let isNew = lines[owner] == nil
            var line = lines.removeValue(forKey: owner) ?? Line(core: OverloadLine(at: now))
            line.core.join(ticket, until: deadline, wasRefused: wasRefused)
            line.waiters[ticket] = continuation
            lines[owner] = line
            return isNew
        }
        guard isNew else { return }
        self.count.add(1, ordering: .relaxed)
        Task { [self] in
            while let pause = self.turn(owner) { try? await Task.sleep(for: pause) }
        }
    }

    private func leave(_ ticket: OverloadLine.Ticket, _ owner: IncarnationID) {
        let waiter = self.lines.withLock { lines in
            lines[owner]?.core.leave(ticket)
            return lines[owner]?.waiters.removeValue(forKey: ticket)
        }
        waiter?.resume(returning: .cancelled)
    }

    /// Lets those go whose turn it is; returns how long to wait for the next turn, nil if the line
    /// is over.
    private func turn(_ owner: IncarnationID) -> Duration? {
        let now = self.clock.now()
        var resumed: [(UnsafeContinuation<Outcome, Never>, Outcome)] = []
        let next = self.lines.withLock { lines -> Tick? in
            guard var line = lines.removeValue(forKey: owner),
                let turn = line.core.turn(at: now)
            else { return nil }
            for ticket in turn.released {
                line.waiters.removeValue(forKey: ticket).map { resumed.append(($0, .turn)) }
            }
            for ticket in turn.expired {
                line.waiters.removeValue(forKey: ticket).map { resumed.append(($0, .expired)) }
            }
            defer { lines[owner] = line }
            return line.core.nextTurn
        }
        for (continuation, outcome) in resumed { continuation.resume(returning: outcome) }
        guard let next else {
            self.count.subtract(1, ordering: .relaxed)
            return nil
        }
        let span = min(next.since(now), Self.sleepMax)
        return .nanoseconds(Int64(span.nanoseconds))
    }
}
