// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/names.md §6.

import BusValue
import BusWire

/// What has become of the names that somebody watches.
public enum NameChange: Hashable, Sendable {
    /// Everything that is published now: at first, after a restart of the broker, and when more has
    /// changed than the broker keeps for those who are slow.
    case snapshot([Bus.NameEntry])
    /// One name has other claims than before: these, the head first, none if it was withdrawn.
    case changed(name: String, [Bus.NameEntry])
}

/// The names that begin with a prefix, and then every change of them, in order and without a gap.
///
/// Nothing is buffered for a task that does not ask: it gets what it has missed when it does, or a
/// new snapshot. A lost link changes nothing. The sequence ends with a `BusError` when the bus is
/// closed, and with `CancellationError` when the task is cancelled.
public struct NameChanges: AsyncSequence, Sendable {
    /// What is told: the state first, then changes.
    public typealias Element = NameChange

    let bus: Bus
    let prefix: String

    /// Begins with a snapshot.
    public func makeAsyncIterator() -> Iterator { Iterator(bus: self.bus, prefix: self.prefix) }

    /// Asks the broker for one change after another.
    public struct Iterator: AsyncIteratorProtocol {
        /// Longer than the broker takes to answer that nothing has changed.
        private static let patience = Duration.seconds(30)

        private let bus: Bus
        private let prefix: String
        /// What is known: up to which change of which run of the broker.
        private var run = ""
        private var number: UInt64 = 0
        /// Of the last answer, the next one last.
        private var pending: [NameChange] = []

        init(bus: Bus, prefix: String) {
            self.bus = bus
            self.prefix = prefix
        }

        /// Waits for the next change. It is never nil.
        public mutating func next() async throws -> NameChange? {
            while self.pending.isEmpty { try await self.ask() }
            return self.pending.removeLast()
        }

        private mutating func ask() async throws {
            try Task.checkCancellation()
            let known: [Value] = [
                .string(self.prefix), .string(self.run), Value(self.number),
            ]
            do {
                let reply = try await self.bus.callBroker(
                    "watchNames(prefix:run:after:)", known, within: Self.patience)
                let answer = try self.bus.decode(Answer.self, from: reply)
                (self.run, self.number) = (answer.run, answer.number)
                if let names = answer.names { self.pending = [.snapshot(names)] }
                self.pending += (answer.changes ?? []).reversed().map {
                    .changed(name: $0.name, $0.entries)
                }
            } catch let error as BusError where error.kind == .expired {
                // No broker for so long: the next one is asked the same.
            } catch let error as BusError where error.kind == .cancelled {
                throw CancellationError()
            }
        }
    }

    /// The broker's answer: either all names, or what has changed.
    private struct Answer: Decodable {
        let run: String
        let number: UInt64
        let names: [Bus.NameEntry]?
        let changes: [Change]?
    }

    /// An array of two.
    private struct Change: Decodable {
        let name: String
        let entries: [Bus.NameEntry]

        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            self.name = try container.decode(String.self)
            self.entries = try container.decode([Bus.NameEntry].self)
        }
    }
}

extension Bus {
    /// Watches the names that begin with `prefix`: what is published now, then every change.
    ///
    /// ```swift
    /// for try await change in bus.watchNames(prefix: "printers/") {
    ///     switch change {
    ///     case .snapshot(let entries): show(entries)
    ///     case .changed(let name, let entries): show(name, entries)
    ///     }
    /// }
    /// ```
    public func watchNames(prefix: String = "") -> NameChanges {
        NameChanges(bus: self, prefix: prefix)
    }
}
