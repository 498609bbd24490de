// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/broker.md §9.

package import BusKernel
import BusValue
import BusWire

/// What the broker has measured of all calls since it began to measure.
package struct TrafficSample: Sendable {
    /// One method of one object.
    package struct Row: Hashable, Sendable {
        /// Of the object's node; empty for all that has no row of its own.
        package let node: String
        package let reference: String
        /// By which the object was called last.
        package let name: String?
        package let method: String?
        package var calls: Int64
        package var oneWay: Int64
        package var replies: Int64
        package var failures: Int64
        /// Calls that are not answered yet.
        package let open: Int64
        /// Nodes that hold the object.
        package let holders: Int64
        package var latency: LatencyCounts

        /// - Parameter value: as the broker tells it; nil if it can't be read.
        package init?(_ value: Value) {
            guard let row = value.arrayValue, row.count >= 11, let node = row[0].stringValue,
                let reference = row[1].stringValue
            else { return nil }
            let numbers = row[4...9].compactMap(\.intValue).map { Int64($0) }
            guard numbers.count == 6 else { return nil }
            (self.node, self.reference) = (node, reference)
            (self.name, self.method) = (row[2].stringValue, row[3].stringValue)
            (self.calls, self.oneWay) = (numbers[0], numbers[1])
            (self.replies, self.failures) = (numbers[2], numbers[3])
            (self.open, self.holders) = (numbers[4], numbers[5])
            let counts = (row[10].arrayValue ?? []).map { $0.intValue ?? 0 }
            self.latency = LatencyCounts(
                places: stride(from: 0, to: counts.count - 1, by: 2).map {
                    (counts[$0], UInt32(clamping: counts[$0 + 1]))
                })
        }
    }

    /// When measuring began, in seconds since the broker's start; another sample with another
    /// number has not measured the same.
    package let since: Double
    /// When this was told, in the same seconds.
    package let seconds: Double
    /// By object and method; what has no row of its own comes last.
    package let rows: [Row]

    package init(_ answer: Value) {
        self.since = answer["since"]?.doubleValue ?? 0
        self.seconds = answer["seconds"]?.doubleValue ?? 0
        let rows = (answer["rows"]?.arrayValue ?? []) + (answer["others"].map { [$0] } ?? [])
        self.rows = rows.compactMap(Row.init)
    }
}

extension Bus {
    /// What has been called how often since the broker began to measure: with the first question,
    /// and until nobody has asked for 10 seconds.
    package func traffic() async throws -> TrafficSample {
        let reply = try await self.callBroker("traffic()", [])
        return TrafficSample(try self.decode(Value.self, from: reply))
    }
}
