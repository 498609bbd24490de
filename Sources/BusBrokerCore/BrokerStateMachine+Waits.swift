// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/waits.md. Pure: no I/O, no clock, no randomness.

import BusKernel
import BusValue
import BusWire

/// Calls that wait for others: told by nodes, and told to people (rules R23).
extension BrokerStateMachine {
    /// Calls of one circle that an error names, and circles that one report may close.
    private static let namedMax = 16
    private static let closedMax = 16

    /// Takes a node's report; answers which of the calls that wait there are to fail, because a
    /// circle has closed: `[caller, number, object, why]` for each.
    mutating func noteWaits(
        _ arguments: [Value], _ slot: NodeSlot, _ reporter: IncarnationID, at now: Tick
    ) throws(BusError) -> Value {
        let report: WaitReport
        do throws(BodyError) {
            report = try WaitReport(arguments.first ?? .null)
        } catch {
            throw BusError(.invalid, error.message)
        }
        try self.waits.report(report, by: slot, reporter, at: now)
        var failing: [Value] = []
        while failing.count < Self.closedMax,
            let circle = self.waits.circle(through: slot, at: now),
            let first = circle.first, let row = self.waits.row(first)
        {
            let text = self.describe(circle)
            self.waits.settle(first)
            self.waits.note(text, at: now)
            failing.append(
                .array([
                    Value(row.call.caller.rawValue), Value(row.call.number.rawValue),
                    Value(row.object.rawValue), .string(text),
                ]))
        }
        return .array(failing)
    }

    /// The circle as one sentence, which the caller of its first call reads.
    private func describe(_ circle: [WaitTable.Place]) -> String {
        let rows = circle.compactMap { self.waits.row($0) }
        let names = self.names.names(of: Set(rows.map(\.target)), atMost: 1)
        let calls = rows.prefix(Self.namedMax).map { row in
            let object = names[row.target]?.first ?? row.target.description
            let text = "\(row.method) of \(object) at \(self.nodeName(row.call.callee))"
            return row.state.isWaiting ? text + " (not started)" : text
        }
        let others = rows.count - calls.count
        return "a deadlock, in which this call would wait for ever: "
            + calls.joined(separator: ", which waits for ")
            + (others > 0 ? ", which waits for \(others) more, the last of which" : ", which")
            + " waits for the first"
    }

    private func nodeName(_ incarnation: IncarnationID) -> String {
        self.nodes.slot(of: incarnation).map { self.nodes.facts(of: $0).name } ?? "?"
    }

    /// All that waits, and what for, for people and tools.
    func listWaits(at now: Tick) -> Value {
        var places: [WaitTable.Place] = []
        var more = 0
        for (slot, report) in self.waits.reports(at: now) {
            more += report.more
            for index in report.rows.indices where report.rows[index].state.isWaiting {
                places.append(WaitTable.Place(slot: slot, row: index))
            }
        }
        let listed = places.prefix(self.limits.listed)
        let holders = listed.flatMap { self.waits.links($0) }
        let all = listed + holders + holders.flatMap { self.waits.links($0) }
        let names = self.names.names(
            of: Set(all.compactMap { self.waits.row($0)?.target }), atMost: Self.namesListed)
        return .map([
            "waiting": .array(listed.map { self.list($0, names) }),
            "more": Value(more + places.count - listed.count),
            "deadlocks": Value(self.waits.foundCount),
            "found": .array(
                self.waits.found.map { text, at in
                    .map(["text": .string(text), "seconds": .double(seconds(now.since(at)))])
                }),
        ])
    }

    /// A call that waits, those of which one must end before it starts, and what these wait for.
    private func list(_ place: WaitTable.Place, _ names: [Reference: [String]]) -> Value {
        self.describe(place, names) { map in
            if case .isLate = self.waits.row(place)?.state { map["isKnown"] = .bool(false) }
            map["behind"] = .array(
                self.waits.links(place).map { holder in
                    self.describe(holder, names) { map in
                        map["waitsFor"] = .array(
                            self.waits.links(holder).map { self.describe($0, names) { _ in } })
                    }
                })
        }
    }

    private func describe(
        _ place: WaitTable.Place, _ names: [Reference: [String]], _ add: (inout ValueMap) -> Void
    ) -> Value {
        guard let row = self.waits.row(place) else { return .null }
        var map = self.identity(of: row.target, names[row.target] ?? [])
        map["method"] = .string(row.method)
        map["caller"] = .string(self.nodeName(row.call.caller))
        map["number"] = Value(row.call.number.rawValue)
        map["seconds"] = .double(Double(row.age) / 1e9)
        add(&map)
        return .map(map)
    }
}

extension WaitReport.Row {
    /// The object called.
    fileprivate var target: Reference { Reference(owner: self.call.callee, object: self.object) }
}

extension WaitReport.State {
    /// Whether it has not started.
    fileprivate var isWaiting: Bool {
        switch self {
        case .waits, .isLate: true
        case .runs, .isElsewhere: false
        }
    }
}
