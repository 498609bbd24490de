// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/waits.md §1. Pure: no I/O, no clock, no randomness.

package import BusKernel
package import BusWire
import DequeModule

/// What keeps calls of one object from starting, as its node sees it.
package struct Holdup: Sendable {
    package struct Entry: Sendable {
        package let call: DeliveredCall
        /// When it came, or when it was let go.
        package let since: Tick
    }

    package let object: ObjectNumber
    /// Calls that have not started for long; those made in handlers first, then the oldest.
    package var waiting: [Entry]
    /// Calls that wait as long and are not among these.
    package var more = 0
    /// Calls one of which must end before one of those that wait goes: those that run, if the
    /// object has a limit and there are not too many; nil if it is not known.
    package var running: [Entry]?
}

/// Waiting for long (rules R23).
extension StartQueue {
    /// After so long a call that waits is told to the broker, again and again after as long.
    package static let longWait = Span.seconds(1)
    /// Calls that one look tells of, and running ones of one object.
    package static let lookedMax = 128
    package static let runningMax = 64

    /// What has waited for long; and when to look again.
    package mutating func look(at now: Tick) -> [Holdup] {
        var holdups: [Holdup] = []
        var oldest = Tick.distantFuture
        var room = Self.lookedMax
        for object in self.crowdedObjects {
            guard let line = self.lines[object] else { continue }
            oldest = min(oldest, line.oldest)
            guard now.since(line.oldest) >= Self.longWait else { continue }
            var holdup = line.holdup(of: object, at: now)
            holdup.more += max(0, holdup.waiting.count - room)
            holdup.waiting = Array(holdup.waiting.prefix(room))
            room -= holdup.waiting.count
            holdups.append(holdup)
        }
        self.lookDue = oldest.advanced(by: Self.longWait)
        if self.lookDue <= now { self.lookDue = now.advanced(by: Self.longWait) }
        return holdups
    }

    /// Takes out a call that waits, which will not be delivered; nil if it does not wait.
    package mutating func take(_ call: CallIdentity, of object: ObjectNumber) -> DeliveredCall? {
        guard let index = self.lines.index(of: object) else { return nil }
        return self.lines.values[index].take(call)
    }

    private var crowdedObjects: [ObjectNumber] {
        self.lines.keys.filter { !(self.lines[$0]?.turns.isEmpty ?? true) }.sorted()
    }
}

extension StartQueue.Line {
    /// When the oldest of those that wait came. Each caller's first is its oldest.
    fileprivate var oldest: Tick {
        self.waiting.values.compactMap(\.first?.since).min() ?? .distantFuture
    }

    fileprivate func holdup(of object: ObjectNumber, at now: Tick) -> Holdup {
        var waiting: [Holdup.Entry] = []
        var more = 0
        for caller in self.turns {
            for entry in self.waiting[caller] ?? [] {
                guard now.since(entry.since) >= StartQueue.longWait else { break }
                // Only a call that was made in a handler can be what that one waits for.
                if waiting.count < 2 * StartQueue.lookedMax || entry.isNested {
                    waiting.append(entry)
                } else {
                    more += 1
                }
            }
        }
        waiting.sort { left, right in
            left.isNested == right.isNested ? left.since < right.since : left.isNested
        }
        let isKnown = self.limit != nil && self.running.count <= StartQueue.runningMax
        return Holdup(
            object: object, waiting: waiting, more: more, running: isKnown ? self.running : nil)
    }

    fileprivate mutating func take(_ call: CallIdentity) -> DeliveredCall? {
        guard let place = self.waiting.index(of: call.caller),
            let index = self.waiting.values[place].firstIndex(where: { $0.call.identity == call })
        else { return nil }
        let entry = self.waiting.values[place].remove(at: index)
        if self.waiting.values[place].isEmpty {
            self.waiting.remove(at: place)
            self.turns.removeAll { $0 == call.caller }
        }
        return entry.call
    }
}

extension Holdup.Entry {
    /// Whether it was made in a handler.
    fileprivate var isNested: Bool { self.call.message.header.flags.contains(.parent) }
}
