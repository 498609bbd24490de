// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/broker.md §9. Pure: no I/O, no clock, no randomness.

import BusKernel
import BusWire

/// What has been called how often, and how long it took, since somebody began to measure.
struct Traffic: Sendable {
    struct Key: Hashable, Sendable {
        let target: Reference
        let method: String?
    }

    struct Row: Sendable {
        /// Of the object's node.
        let node: String
        let key: Key
        /// By which it was called last, if by any.
        var name: String?
        var calls: UInt64 = 0
        var oneWay: UInt64 = 0
        var replies: UInt64 = 0
        var failures: UInt64 = 0
        /// Calls that are not answered yet.
        var open: UInt64 = 0
        var latency = LatencyCounts()
    }

    /// When measuring began, and when somebody asked last.
    let since: Tick
    var heardAt: Tick
    private(set) var rows: [Row] = []
    /// What is not in a row of its own, because there are too many.
    private(set) var others = Row(node: "", key: Key(target: .none, method: nil))
    private var places: [Key: Int] = [:]

    init(at now: Tick) {
        (self.since, self.heardAt) = (now, now)
    }

    /// A call was forwarded for the first time; returns where it is counted.
    mutating func called(_ call: ObservedCall, isOneWay: Bool, isFollowed: Bool) -> Int {
        let place = self.place(of: call)
        self.change(place) { row in
            if let name = call.name { row.name = name }
            row.calls += 1
            if isOneWay { row.oneWay += 1 }
            if isFollowed { row.open += 1 }
        }
        return place
    }

    /// A call that was counted at `place` has ended.
    mutating func ended(_ place: Int, isReply: Bool, nanoseconds: UInt64) {
        self.change(place) { row in
            row.open -= min(1, row.open)
            if isReply { row.replies += 1 } else { row.failures += 1 }
            row.latency.add(nanoseconds: nanoseconds)
        }
    }

    /// A call was refused by the broker.
    mutating func refused(_ call: ObservedCall) {
        self.change(self.place(of: call)) { row in
            row.calls += 1
            row.failures += 1
        }
    }

    /// The place of a call's row, which is made if there is none; -1 stands for all others.
    private mutating func place(of call: ObservedCall) -> Int {
        let key = Key(target: call.target, method: call.method)
        if let place = self.places[key] { return place }
        guard self.rows.count < ObservingLimits.rows else { return -1 }
        self.rows.append(Row(node: call.callee, key: key))
        self.places[key] = self.rows.count - 1
        return self.rows.count - 1
    }

    private mutating func change(_ place: Int, _ body: (inout Row) -> Void) {
        if place < 0 { body(&self.others) } else { body(&self.rows[place]) }
    }
}

extension Reference {
    /// Stands where there is none.
    fileprivate static let none = Reference(owner: .broker, object: .root)
}
