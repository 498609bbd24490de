// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import BusValue
import BusWire
import Testing

/// Who waits for whom, and deadlocks: docs/protocol/waits.md.
@Suite struct WaitTests {
    let world = BrokerWorld()
    let left: ScriptedNode
    let right: ScriptedNode
    let third: ScriptedNode

    init() {
        self.left = ScriptedNode(self.world, "left")
        self.right = ScriptedNode(self.world, "right")
        self.third = ScriptedNode(self.world, "third")
        self.pass(.seconds(10))
    }

    /// Lets time pass while the nodes say that they are there.
    private func pass(_ span: Span) {
        for node in [self.left, self.right, self.third] { node.send(.heartbeat) }
        self.world.pass(span) {
            for node in [self.left, self.right, self.third] { node.send(.heartbeat) }
        }
    }

    private func row(
        _ number: UInt64, from caller: ScriptedNode, to callee: ScriptedNode,
        age: Span = .seconds(2), _ state: WaitReport.State
    ) -> WaitReport.Row {
        WaitReport.Row(
            CallIdentity(
                caller: caller.incarnation, callee: callee.incarnation,
                number: CallNumber(rawValue: number)),
            ObjectNumber(rawValue: 7), "m\(number)(_:)", age: age.nanoseconds, state)
    }

    /// Call `waiting` of `other` waits at `node` for call 100, whose handler awaits `awaited`.
    private func report(
        of node: ScriptedNode, waiting: UInt64, from other: ScriptedNode, awaiting awaited: UInt64,
        age: Span = .seconds(2), took: Span = .zero
    ) -> WaitReport {
        WaitReport(
            took: took.nanoseconds,
            rows: [
                self.row(waiting, from: other, to: node, age: age, .waits(behind: [1])),
                self.row(100, from: self.third, to: node, age: age, .runs(awaiting: [2])),
                self.row(awaited, from: node, to: other, age: .zero, .isElsewhere),
            ])
    }

    @discardableResult
    private func send(_ report: WaitReport, by node: ScriptedNode) -> [Value] {
        node.ask("waits(_:)", [report.value]).value?.arrayValue ?? []
    }

    @Test func `of a circle one call fails, at the node whose report closes it`() {
        self.left.publish("ada", 7)
        let first = self.report(of: self.left, waiting: 2, from: self.right, awaiting: 1)
        #expect(self.send(first, by: self.left) == [])
        let failing = self.send(
            self.report(of: self.right, waiting: 1, from: self.left, awaiting: 2), by: self.right)
        let here = self.right.object(7).description
        #expect(
            failing == [
                .array([
                    Value(self.left.incarnation.rawValue), .integer(1), .integer(7),
                    .string(
                        "a deadlock, in which this call would wait for ever: "
                            + "m1(_:) of \(here) at right (not started), which waits for "
                            + "m100(_:) of \(here) at right, which waits for "
                            + "m2(_:) of ada at left (not started), which waits for "
                            + "m100(_:) of ada at left, which waits for the first"),
                ])
            ])
        self.pass(.seconds(1))
        #expect(self.send(first, by: self.left) == [])
    }

    @Test func `what waits for calls that go on is no deadlock`() {
        let report = self.report(of: self.left, waiting: 2, from: self.right, awaiting: 1)
        #expect(self.send(report, by: self.left) == [])
        var other = self.report(of: self.right, waiting: 1, from: self.left, awaiting: 3)
        #expect(self.send(other, by: self.right) == [], "it awaits another call")
        other.rows[1].state = .runs(awaiting: [])
        self.pass(.seconds(1))
        #expect(self.send(other, by: self.right) == [], "it only takes its time")
        other = self.report(of: self.right, waiting: 1, from: self.left, awaiting: 2)
        other.rows[0].state = .isLate(behind: [1])
        self.pass(.seconds(1))
        #expect(self.send(report, by: self.left) == [])
        #expect(self.send(other, by: self.right) == [], "it may wait for others")
    }

    @Test func `a call goes on when one of those goes on that keep it out`() {
        var report = self.report(of: self.right, waiting: 1, from: self.left, awaiting: 2)
        report.rows[0].state = .waits(behind: [1, 3])
        report.rows.append(self.row(101, from: self.third, to: self.right, .runs(awaiting: [])))
        self.send(
            self.report(of: self.left, waiting: 2, from: self.right, awaiting: 1), by: self.left)
        #expect(self.send(report, by: self.right) == [])
        // Both of them wait: one for the other node, one for a call behind itself.
        report.rows[3].state = .runs(awaiting: [4])
        report.rows.append(self.row(5, from: self.right, to: self.right, .waits(behind: [1, 3])))
        self.pass(.seconds(1))
        #expect(self.send(report, by: self.right).count == 1)
    }

    @Test func `a circle is found through calls that run elsewhere`() {
        // right's handler of 100 calls third, whose handler calls right: known to right by asking.
        let report = WaitReport(rows: [
            self.row(8, from: self.third, to: self.right, .waits(behind: [1])),
            self.row(100, from: self.left, to: self.right, .runs(awaiting: [2])),
            self.row(4, from: self.right, to: self.third, age: .zero, .runs(awaiting: [0])),
        ])
        #expect(self.send(report, by: self.right).count == 1)
    }

    @Test func `nobody awaits what another one called`() {
        let report = WaitReport(rows: [
            self.row(8, from: self.left, to: self.right, .waits(behind: [1])),
            self.row(100, from: self.left, to: self.right, .runs(awaiting: [2])),
            self.row(4, from: self.right, to: self.third, age: .zero, .runs(awaiting: [0])),
        ])
        #expect(self.send(report, by: self.right) == [])
    }

    @Test func `waits that were not there at one time are no deadlock`() {
        let before = self.report(of: self.left, waiting: 2, from: self.right, awaiting: 1)
        self.send(before, by: self.left)
        self.pass(.seconds(3))
        #expect(
            self.send(
                self.report(of: self.right, waiting: 1, from: self.left, awaiting: 2),
                by: self.right) == [], "the first may have ended before the second began")
        #expect(self.send(before, by: self.left).count == 1, "it has not")
    }

    @Test func `the time that a report took is not trusted`() {
        let slow = self.report(
            of: self.left, waiting: 2, from: self.right, awaiting: 1, age: .seconds(4),
            took: .seconds(3))
        self.send(slow, by: self.left)
        let report = self.report(of: self.right, waiting: 1, from: self.left, awaiting: 2)
        #expect(self.send(report, by: self.right) == [])
    }

    @Test func `a report goes with its link, with the next one, and when it is old`() {
        let first = self.report(
            of: self.left, waiting: 2, from: self.right, awaiting: 1, age: .seconds(9))
        let second = self.report(
            of: self.right, waiting: 1, from: self.left, awaiting: 2, age: .seconds(9))
        self.send(first, by: self.left)
        self.left.relink()
        #expect(self.send(second, by: self.right) == [])
        self.send(first, by: self.left)
        self.pass(.seconds(1))
        self.send(WaitReport(), by: self.left)
        #expect(self.send(second, by: self.right) == [])
        self.pass(.seconds(1))
        self.send(first, by: self.left)
        self.pass(WaitTable.reportLife)
        #expect(self.send(second, by: self.right) == [])
        #expect(self.send(first, by: self.left).count == 1)
    }

    @Test func `reports are bounded in size and number`() {
        let row = self.row(1, from: self.left, to: self.right, .waits(behind: []))
        var report = WaitReport(rows: Array(repeating: row, count: WaitReport.rowsMax + 1))
        #expect(self.right.ask("waits(_:)", [report.value]).error.kind == .invalid)
        report.rows.removeLast()
        #expect(self.right.ask("waits(_:)", [report.value]).kind == .reply)
        #expect(self.right.ask("waits(_:)", [report.value]).error.kind == .overloaded, "at once")
        report.rows[0].state = .waits(behind: [WaitReport.rowsMax])
        self.pass(.seconds(1))
        #expect(self.right.ask("waits(_:)", [report.value]).error.kind == .invalid, "no row")
        let links = Array(repeating: 0, count: WaitReport.linksMax)
        report.rows[0].state = .waits(behind: links)
        #expect(self.right.ask("waits(_:)", [report.value]).kind == .reply)
        report.rows[1].state = .waits(behind: [0])
        self.pass(.seconds(1))
        #expect(self.right.ask("waits(_:)", [report.value]).error.kind == .invalid, "links")
        #expect(self.right.ask("waits(_:)", [.null]).error.kind == .invalid)
        let nodes = WaitTable.rowsMax / WaitReport.rowsMax
        report.rows[1].state = .isElsewhere
        let kinds = (0...nodes).map { index in
            ScriptedNode(self.world, "n\(index)").ask("waits(_:)", [report.value]).kind
        }
        #expect(kinds.count { $0 == .reply } == nodes - 1)
    }

    @Test func `people are told what waits, what for, and what was found`() throws {
        self.left.publish("ada", 7)
        var report = self.report(of: self.left, waiting: 2, from: self.right, awaiting: 1)
        report.more = 3
        self.send(report, by: self.left)
        let waits = try #require(self.third.ask("waits()", []).value)
        #expect(waits["more"] == .integer(3) && waits["deadlocks"] == .integer(0))
        let call = try #require(waits["waiting"]?[0])
        #expect(waits["waiting"]?.arrayValue?.count == 1)
        #expect(call["method"] == .string("m2(_:)") && call["names"] == .array([.string("ada")]))
        #expect(call["node"] == .string("left") && call["caller"] == .string("right"))
        #expect(call["seconds"] == .double(2) && call["isKnown"] == nil)
        let holder = try #require(call["behind"]?[0])
        #expect(holder["method"] == .string("m100(_:)") && holder["caller"] == .string("third"))
        #expect(holder["waitsFor"]?[0]?["node"] == .string("right"))
        self.send(
            self.report(of: self.right, waiting: 1, from: self.left, awaiting: 2), by: self.right)
        self.pass(.seconds(2))
        let after = try #require(self.third.ask("waits()", []).value)
        #expect(after["deadlocks"] == .integer(1))
        #expect(after["found"]?[0]?["seconds"] == .double(2))
        #expect(after["found"]?[0]?["text"]?.stringValue?.contains("m2(_:) of ada") == true)
    }

    @Test(arguments: 1...20)
    func `whatever nodes tell, a call fails once at most, and at its own node`(seed: UInt64) {
        var random = RandomSource(seed: seed)
        let nodes = [self.left, self.right, self.third]
        for _ in 0..<200 {
            let node = nodes[Int(random.below(3))]
            let count = Int(random.below(12))
            let rows = (0..<count).map { _ -> WaitReport.Row in
                let links = (0..<random.below(4)).map { _ in Int(random.below(UInt64(count))) }
                let states: [WaitReport.State] = [
                    .waits(behind: links), .waits(behind: links), .runs(awaiting: links),
                    .runs(awaiting: links), .isLate(behind: links), .isElsewhere,
                ]
                return self.row(
                    random.below(6), from: nodes[Int(random.below(3))],
                    to: nodes[Int(random.below(3))],
                    age: Span(nanoseconds: random.below(8) == 1 ? random.next() : 3_000_000_000),
                    states[Int(random.below(6))])
            }
            let failing = self.send(
                WaitReport(took: random.below(9) == 1 ? random.next() : 0, rows: rows), by: node)
            let own = rows.filter { $0.call.callee == node.incarnation }.map { row in
                [Value(row.call.caller.rawValue), Value(row.call.number.rawValue)]
            }
            for call in failing {
                #expect(own.contains(Array(call.arrayValue?.prefix(2) ?? [])))
            }
            #expect(Set(failing).count == failing.count)
            self.pass(.milliseconds(200))
        }
    }
}
