// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNodeCore
import BusWire

extension Bus {
    /// What becomes of a call that is refused because a queue, a window or a quota is full: one
    /// that throws `BusError` of kind `overloaded`, executed: no.
    public enum OverloadPolicy: Hashable, Sendable {
        /// It throws that error.
        case fail
        /// It waits and is made again, until it is taken or its deadline passes, when it throws
        /// `BusError` of kind `expired`, executed: no.
        ///
        /// Calls of this process that wait for the same node are made again in the order in which
        /// they were made first, and later calls that may wait stand behind them. A call that was
        /// under way already when an earlier one was refused may still start before it: where the
        /// order of two calls matters, await the first.
        case wait
    }
}

extension Bus {
    func isPatient(_ options: CallOptions) -> Bool {
        options.overload ?? self.configuration.overload == .wait
    }

    func patience(_ options: CallOptions, until deadline: Tick) -> Patience? {
        self.isPatient(options) ? Patience(self.overload, until: deadline) : nil
    }
}

/// One call that may wait while its receiver is overloaded.
struct Patience {
    private let lines: OverloadLines
    private let ticket: OverloadLine.Ticket
    private let deadline: Tick
    private var hasTurn = false

    init(_ lines: OverloadLines, until deadline: Tick) {
        (self.lines, self.deadline, self.ticket) = (lines, deadline, lines.ticket())
    }

    /// Lets those go first who wait already.
    mutating func beforeCall(of owner: IncarnationID) async throws {
        guard !self.hasTurn else { return }
        self.hasTurn = true
        try await self.lines.standBehind(self.ticket, at: owner, until: self.deadline)
    }

    /// If the call was refused because something is full: waits until it may be made again.
    mutating func waited(after error: BusError, _ owner: IncarnationID) async throws -> Bool {
        guard error.kind == .overloaded, error.executed == .no else { return false }
        try await self.lines.refused(self.ticket, at: owner, until: self.deadline)
        return true
    }
}
