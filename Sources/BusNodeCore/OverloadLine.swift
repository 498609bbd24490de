// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/guides/errors.md, waiting. Pure: no I/O, no clock, no randomness.

package import BusKernel
import DequeModule

/// Calls to one node that were refused `overloaded` and wait to be made again, in their order.
///
/// From time to time a few of them are released: twice as many each time as long as none is
/// refused again, else one, after a pause that doubles up to a limit. Whoever calls meanwhile
/// stands behind those who wait.
package struct OverloadLine: Sendable {
    package static let pauseMin = Span.milliseconds(5)
    package static let pauseMax = Span.milliseconds(320)

    /// A call's place among all calls of its process: later calls have larger ones.
    package typealias Ticket = UInt64

    private struct Place: Sendable {
        let ticket: Ticket
        let deadline: Tick
    }

    private var places: Deque<Place> = []
    private var burst = 1
    private var pause = Self.pauseMin
    private var lastTurn: Tick
    private var wasRefused = false
    /// Not later than any deadline of those who wait.
    private var earliest = Tick.distantFuture

    package init(at now: Tick) {
        self.lastTurn = now
    }

    /// Whether somebody waits, so that a new call must not overtake.
    package var hasWaiting: Bool { !self.places.isEmpty }

    /// When `turn` is next wanted: after the pause, or when the first deadline passes.
    package var nextTurn: Tick {
        min(self.earliest, self.lastTurn.advanced(by: self.pause))
    }

    /// A call takes its place: at the end, or before later ones that wait already.
    ///
    /// - Parameter wasRefused: whether it was made and refused; else it only must not overtake.
    package mutating func join(_ ticket: Ticket, until deadline: Tick, wasRefused: Bool) {
        if wasRefused { self.wasRefused = true }
        self.earliest = min(self.earliest, deadline)
        var index = self.places.count
        while index > 0, self.places[index - 1].ticket > ticket { index -= 1 }
        self.places.insert(Place(ticket: ticket, deadline: deadline), at: index)
    }

    /// Its caller does not want to wait any more.
    package mutating func leave(_ ticket: Ticket) {
        self.places.removeAll { $0.ticket == ticket }
    }

    /// Lets some go, in their order, and those whose deadline has passed.
    ///
    /// - Returns: nil if the line is over: nobody waits, and nobody was refused since the last
    ///   turn.
    package mutating func turn(at now: Tick) -> (released: [Ticket], expired: [Ticket])? {
        let expired = self.expire(at: now)
        guard now >= self.lastTurn.advanced(by: self.pause) else { return ([], expired) }
        if self.places.isEmpty, expired.isEmpty, !self.wasRefused { return nil }
        if !self.wasRefused {
            self.burst = min(2 * self.burst, 1 << 16)
            self.pause = Self.pauseMin
        } else if self.burst > 1 {
            (self.burst, self.pause) = (1, Self.pauseMin)
        } else {
            let twice = Span(nanoseconds: 2 * self.pause.nanoseconds)
            self.pause = min(twice, Self.pauseMax)
        }
        (self.wasRefused, self.lastTurn) = (false, now)
        let released = self.places.prefix(self.burst).map(\.ticket)
        self.places.removeFirst(released.count)
        return (released, expired)
    }

    private mutating func expire(at now: Tick) -> [Ticket] {
        guard self.earliest <= now else { return [] }
        let expired = self.places.filter { $0.deadline <= now }.map(\.ticket)
        self.places.removeAll { $0.deadline <= now }
        self.earliest = self.places.map(\.deadline).min() ?? .distantFuture
        return expired
    }
}
