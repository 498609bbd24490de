// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BusAPI

/// `objbus waits`: who waits for whom.
struct WaitsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "waits", abstract: "Show which calls can't start, and what they wait for.",
        discussion: """
            Shows every call that came to its node more than a second ago and has not started: for \
            how long it waits, which running calls keep it from its object, and which calls those \
            wait for. What has ended is gone from here a second later. If calls waited for each \
            other in a circle, one of them has failed, and a note tells of it.

            Examples:
              objbus waits
              objbus waits --json
            """)

    @OptionGroup var shared: SharedOptions

    func run() async throws {
        try await self.shared.withBus { bus in
            let waits = try await bus.waits()
            guard !self.shared.json else { return self.shared.print(json: waits) }
            Terminal.print(Waits.graph(waits))
            for note in Waits.notes(waits) { Terminal.report(note) }
        }
    }
}

/// Pure: what the broker tells of calls that wait, as text.
enum Waits {
    /// Each call that waits, with what keeps it below it.
    static func graph(_ waits: Value) -> [String] {
        (waits["waiting"]?.arrayValue ?? []).flatMap { call in
            ["\(self.call(call)), called by \(self.text(call["caller"])), waits \(self.age(call))"]
                + self.behind(call)
        }
    }

    /// What is to be said besides.
    static func notes(_ waits: Value) -> [String] {
        var notes: [String] = []
        if waits["waiting"]?.arrayValue?.isEmpty ?? true { notes.append("no call waits") }
        if let more = waits["more"]?.intValue, more > 0 { notes.append("and \(more) more") }
        let count = waits["deadlocks"]?.intValue ?? 0
        if count > 0, let last = waits["found"]?.arrayValue?.last {
            let found = count == 1 ? "one deadlock was found" : "\(count) deadlocks were found"
            notes.append(
                "\(found), \(count == 1 ? "" : "the last ")\(self.age(last)) ago: "
                    + self.text(last["text"]))
        }
        return notes
    }

    private static func behind(_ call: Value) -> [String] {
        let holders = call["behind"]?.arrayValue ?? []
        guard !holders.isEmpty else { return ["  behind others"] }
        let lines = holders.flatMap { holder -> [String] in
            let head = "  behind \(self.call(holder)), which runs for \(self.age(holder))"
            return [head]
                + (holder["waitsFor"]?.arrayValue ?? []).map {
                    "    and waits for \(self.call($0))"
                }
        }
        return lines + (call["isKnown"] == .bool(false) ? ["  and behind others"] : [])
    }

    /// `method of object at node`.
    private static func call(_ call: Value) -> String {
        let object = self.text(call["names"]?[0] ?? call["reference"])
        return "\(self.text(call["method"])) of \(object) at \(self.text(call["node"]))"
    }

    private static func age(_ row: Value) -> String {
        let seconds = max(0, min(1e9, row["seconds"]?.doubleValue ?? 0))
        return Text.duration(nanoseconds: Int64(seconds * 1e9))
    }

    private static func text(_ value: Value?) -> String {
        Text.line(value?.stringValue ?? (value ?? .null).json())
    }
}
