// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import Foundation
import TestPrograms
import Testing

@testable import BusCommand

@Suite(.timeLimit(.minutes(2))) struct WaitsTests {
    private func call(_ method: String, _ name: String, seconds: Double) -> ValueMap {
        [
            "method": .string(method), "names": .array([.string(name)]), "node": .string("desk"),
            "caller": .string("till"), "seconds": .double(seconds),
        ]
    }

    @Test func `waits shows what waits, what is before it, and what that waits for`() {
        var holder = self.call("pay(_:)", "bank", seconds: 2.5)
        holder["waitsFor"] = .array([.map(self.call("note(_:)", "log", seconds: 0))])
        var waiting = self.call("ask()", "bank", seconds: 1.25)
        waiting["behind"] = .array([.map(holder)])
        var late = self.call("draw()", "screen\u{1B}[2J", seconds: 12)
        late["behind"] = .array([])
        let waits: Value = .map([
            "waiting": .array([.map(waiting), .map(late)]), "more": .integer(3),
            "deadlocks": .integer(2),
            "found": .array([.map(["text": .string("a deadlock"), "seconds": .double(4)])]),
        ])
        #expect(
            Waits.graph(waits) == [
                "ask() of bank at desk, called by till, waits 1250 ms",
                "  behind pay(_:) of bank at desk, which runs for 2500 ms",
                "    and waits for note(_:) of log at desk",
                "draw() of screen\u{FFFD}[2J at desk, called by till, waits 12 s",
                "  behind others",
            ])
        #expect(
            Waits.notes(waits) == [
                "and 3 more", "2 deadlocks were found, the last 4000 ms ago: a deadlock",
            ])
    }

    @Test func `waits tells that nothing waits`() async throws {
        let site = try await Site(objects: ["counter"])
        let plain = try await site.run("waits")
        #expect(plain.status == 0 && plain.output.isEmpty)
        #expect(plain.errors == ["no call waits"])
        let json = try json(try await site.run("waits", "--json").output) as? [String: Any]
        #expect((json?["waiting"] as? [Any])?.isEmpty == true)
        #expect(json?["deadlocks"] as? Int == 0)
    }
}
