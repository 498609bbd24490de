// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue
import BusWire

/// Reports of calls that wait (docs/protocol/waits.md), true or not, and what is answered to them.
extension BrokerDoor {
    /// A peer reports; which calls are to fail must follow from what was reported.
    mutating func reportWaits() {
        let peer = self.script.below(self.peers.count)
        guard let reporter = self.peers[peer].incarnation else { return }
        let report = self.anyReport(of: reporter)
        var value = report.value
        if self.script.below(16) == 1 { value = .map(["rows": value, "took": .integer(-1)]) }
        self.lastReply = nil
        self.ask(peer, "waits(_:)", [value])
        guard let answer = self.lastReply, self.violation == nil else { return }
        self.books.reports[reporter] = report
        guard let calls = (try? Value(cbor: Array(answer.payload)))?.arrayValue else {
            return self.fail("the answer to a report can't be read")
        }
        for call in calls { self.check(call, report, of: reporter) }
    }

    /// Numbers and nodes are so few that reports are often about the same calls.
    private mutating func anyReport(of reporter: IncarnationID) -> WaitReport {
        let count = self.script.below(6)
        var report = WaitReport(took: self.script.number(), more: self.script.below(3))
        for _ in 0..<count {
            let callee = self.script.flag() ? self.anyone() : reporter
            let call = CallIdentity(
                caller: self.anyone(), callee: callee,
                number: CallNumber(rawValue: UInt64(self.script.below(4))))
            let links = (0..<self.script.below(3)).map { _ in self.script.below(count + 1) }
                .filter { $0 < count }
            let states: [WaitReport.State] = [
                .waits(behind: links), .runs(awaiting: links), .isLate(behind: links),
                .isElsewhere,
            ]
            report.rows.append(
                WaitReport.Row(
                    call, self.anyObject(), self.anyName(), age: self.script.number(),
                    self.script.pick(states) ?? .isElsewhere))
        }
        return report
    }

    /// Only what the reporter said to wait there may fail, and only if it waits for itself.
    private mutating func check(_ call: Value, _ report: WaitReport, of reporter: IncarnationID) {
        guard let parts = call.arrayValue, parts.count == 4, let caller = parts[0].unsignedValue,
            let number = parts[1].unsignedValue
        else { return self.fail("a call that is to fail can't be read: \(call)") }
        let identity = CallIdentity(
            caller: IncarnationID(rawValue: caller), callee: reporter,
            number: CallNumber(rawValue: number))
        let isWaiting = report.rows.contains { row in
            guard case .waits = row.state else { return false }
            return row.call == identity && parts[2].unsignedValue == row.object.rawValue
        }
        if !isWaiting { return self.fail("\(identity) is to fail, and does not wait") }
        if !self.books.waitsForItself(identity) {
            self.fail("\(identity) is to fail, and does not wait for itself")
        }
    }
}

extension BrokerBooks {
    /// Whether a way leads from a call along all that is reported back to it.
    func waitsForItself(_ call: CallIdentity) -> Bool {
        var (seen, open): (Set<CallIdentity>, [CallIdentity]) = ([], [call])
        while let next = open.popLast() {
            // Order-free: all that can be reached.
            for report in self.reports.values {
                for row in report.rows where row.call == next {
                    let links = row.state.links.map { report.rows[$0].call }
                    if links.contains(call) { return true }
                    open += links.filter { seen.insert($0).inserted }
                }
            }
        }
        return false
    }
}
