// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/broker.md §8.

import BusValue
import BusWire

/// One message that passed the broker, or did not: who asked whom for what, never with what.
package struct MessageRecord: Hashable, Sendable {
    /// `call`, `oneWay`, `reply`, `failure`, `dropped`, `cancel` or `acknowledge`.
    package let kind: String
    /// Seconds since the broker's start.
    package let at: Double
    /// The call that it is about; 0 if that was not seen.
    package let id: Int64
    /// The call in whose handler that one was made; 0 if there was none, or it was not seen.
    package let parent: Int64
    /// Names of nodes.
    package let caller: String
    package let callee: String
    package let reference: String
    /// By which the caller has found the object, if it follows a name.
    package let name: String?
    package let method: String?
    package let chain: String?
    /// Of the message's first frame.
    package let byteCount: Int64
    /// From the forwarding of the call to this end of it.
    package let nanoseconds: Int64?
    /// Why the broker itself has answered, or dropped it.
    package let reason: String?

    package init?(_ value: Value) {
        guard let row = value.arrayValue, row.count >= 13, let kind = row[0].stringValue,
            let at = row[1].doubleValue, let id = row[2].intValue, let parent = row[3].intValue,
            let caller = row[4].stringValue, let callee = row[5].stringValue,
            let reference = row[6].stringValue, let byteCount = row[10].intValue
        else { return nil }
        (self.kind, self.at, self.id, self.parent) = (kind, at, Int64(id), Int64(parent))
        (self.caller, self.callee, self.reference) = (caller, callee, reference)
        (self.name, self.method) = (row[7].stringValue, row[8].stringValue)
        self.chain = row[9].stringValue
        self.byteCount = Int64(byteCount)
        self.nanoseconds = row[11].intValue.map { Int64($0) }
        self.reason = row[12].stringValue
    }
}

/// What passes the broker while somebody watches, batch by batch.
///
/// Nothing is buffered here for a task that does not ask; the broker keeps some, and tells how much
/// more there was. The sequence ends with a `BusError` when the bus is closed, and with
/// `CancellationError` when the task is cancelled.
package struct CallWatch: AsyncSequence, Sendable {
    /// What has passed since the batch before.
    package struct Batch: Sendable {
        package let records: [MessageRecord]
        /// How many more there were, which this watcher was too slow for.
        package let lost: Int64
        /// Whether the broker has begun to watch with this batch: the first time, and when the link
        /// was lost in between.
        package let isNew: Bool
        /// Seconds since the broker's start when it was told.
        package let seconds: Double
    }

    package typealias Element = Batch

    let bus: Bus
    let filter: Value

    package func makeAsyncIterator() -> Iterator {
        Iterator(bus: self.bus, filter: self.filter)
    }

    package struct Iterator: AsyncIteratorProtocol {
        /// Longer than the broker takes to answer that nothing has passed.
        private static let patience = Duration.seconds(30)

        private let bus: Bus
        private let filter: Value
        /// Tells this watcher from others of the same node.
        private let number = Int64.random(in: 0 ... .max)

        init(bus: Bus, filter: Value) {
            (self.bus, self.filter) = (bus, filter)
        }

        /// Waits until something has passed, or for some seconds. It is never nil.
        package mutating func next() async throws -> Batch? {
            while true {
                try Task.checkCancellation()
                do {
                    let reply = try await self.bus.callBroker(
                        "watchCalls(_:filter:)", [.integer(self.number), self.filter],
                        within: Self.patience)
                    return self.batch(try self.bus.decode(Value.self, from: reply))
                } catch let error as BusError where error.kind == .expired {
                    // No broker for so long: the next one is asked the same.
                } catch let error as BusError where error.kind == .cancelled {
                    throw CancellationError()
                }
            }
        }

        private func batch(_ answer: Value) -> Batch {
            Batch(
                records: (answer["messages"]?.arrayValue ?? []).compactMap(MessageRecord.init),
                lost: Int64(answer["lost"]?.intValue ?? 0),
                isNew: answer["isNew"]?.boolValue ?? false,
                seconds: answer["seconds"]?.doubleValue ?? 0)
        }
    }
}

extension Bus {
    /// Watches what passes the broker.
    ///
    /// - Parameter filter: members `node`, `object`, `method`, `kinds` and `nested`, as in
    ///   docs/protocol/broker.md §8; all must apply.
    package func watchCalls(_ filter: ValueMap = ValueMap()) -> CallWatch {
        CallWatch(bus: self, filter: .map(filter))
    }
}
