// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BusAPI
import Foundation

/// `objbus monitor`: what passes the broker.
struct MonitorCommand: AsyncParsableCommand {
    /// What `--kind` takes; the words of docs/protocol/broker.md §8.
    enum Kind: String, CaseIterable, ExpressibleByArgument {
        case call, oneWay, reply, failure, dropped, cancel, acknowledge
    }

    static let configuration = CommandConfiguration(
        commandName: "monitor", abstract: "Show every call and answer that passes the broker.",
        discussion: """
            A line for each message: when it passed, what it is, from whom to whom, which object \
            and method, how long the call took, and why it failed if the broker says so. \
            Arguments and results are never seen. If there is more than can be told, the rest is \
            counted.

            Examples:
              objbus monitor
              objbus monitor --name counter --kind call --kind failure
              objbus monitor --node desk --errors
              objbus monitor --method 'add(_:)' --count 10 --json
            """)

    @OptionGroup var shared: SharedOptions

    @Option(help: "Only messages from or to the node of this name.")
    var node: String?

    @Option(
        help: "Only calls of the object that has this name or reference, by whatever name.",
        completion: .custom(Completion.objects))
    var name: String?

    @Option(help: "Only calls of this method: its full name, or what stands before '('.")
    var method: String?

    @Option(
        help: """
            Only this kind, again for more: call, oneWay, reply, failure, dropped, cancel, \
            acknowledge. (default: all but acknowledge)
            """)
    var kind: [Kind] = []

    @Flag(help: "Only what went wrong: failure and dropped.")
    var errors = false

    @Option(help: ArgumentHelp("End after so many lines.", valueName: "n"))
    var count: Int?

    func validate() throws {
        if let count, count < 1 { throw ValidationError("--count must be at least 1") }
        if self.errors, !self.kind.isEmpty {
            throw ValidationError("--errors is --kind failure --kind dropped: give one of both")
        }
    }

    func run() async throws {
        try await self.shared.withBus { bus in
            var left = self.count ?? .max
            var watch = WatchReport()
            for try await batch in bus.watchCalls(self.filter) {
                watch.report(batch)
                for record in batch.records where left > 0 {
                    left -= 1
                    let time = watch.time(of: record.at)
                    Terminal.print(
                        self.shared.json
                            ? Monitoring.json(record, at: time).json()
                            : Monitoring.line(record, at: time))
                }
                if left == 0 { return }
            }
        }
    }

    private var filter: ValueMap {
        var filter = ValueMap()
        if let node { filter["node"] = .string(node) }
        if let name { filter["object"] = .string(name) }
        if let method { filter["method"] = .string(method) }
        var kinds = self.errors ? [.failure, .dropped] : self.kind
        if kinds.isEmpty { kinds = Kind.allCases.filter { $0 != .acknowledge } }
        filter["kinds"] = .array(kinds.map { .string($0.rawValue) })
        return filter
    }
}

/// What whoever watches is told besides the messages, on the standard error.
struct WatchReport {
    private var isFirst = true
    /// When the broker started, by this machine's clock: the batch that was fastest tells best.
    private var start = Date.distantFuture

    /// Tells what is not in the batch.
    mutating func report(_ batch: CallWatch.Batch) {
        // It may be another broker.
        if batch.isNew { self.start = .distantFuture }
        self.start = min(self.start, Date(timeIntervalSinceNow: -batch.seconds))
        if batch.isNew {
            Terminal.report(
                self.isFirst
                    ? "watching" : "watching again: what passed in between was not seen")
            self.isFirst = false
        }
        if batch.lost > 0 {
            Terminal.report("\(batch.lost) more were not seen: there were too many")
        }
    }

    /// When something happened by this machine's clock, of which the last batch tells.
    func time(of seconds: Double) -> Date { self.start.addingTimeInterval(seconds) }
}

/// Pure: messages as text.
enum Monitoring {
    /// One message for programs.
    static func json(_ record: MessageRecord, at time: Date) -> Value {
        var row: ValueMap = [
            "time": .double(time.timeIntervalSince1970), "kind": .string(record.kind),
            "id": .integer(record.id), "caller": .string(record.caller),
            "callee": .string(record.callee), "reference": .string(record.reference),
            "bytes": .integer(record.byteCount),
        ]
        if record.parent != 0 { row["parent"] = .integer(record.parent) }
        row["name"] = record.name.map(Value.string)
        row["method"] = record.method.map(Value.string)
        row["chain"] = record.chain.map(Value.string)
        row["nanoseconds"] = record.nanoseconds.map(Value.integer)
        row["reason"] = record.reason.map(Value.string)
        return .map(row)
    }

    /// One message for people.
    static func line(_ record: MessageRecord, at time: Date) -> String {
        let isAnswer = record.kind == "reply" || record.kind == "failure"
        let (from, to) =
            isAnswer ? (record.callee, record.caller) : (record.caller, record.callee)
        var words = [
            self.clock(time), record.kind.padding(toLength: 11, withPad: " ", startingAt: 0),
            "\(Text.line(from)) > \(Text.line(to))", self.target(record),
        ]
        if record.id != 0 { words.append("#\(record.id)") }
        if let reason = record.reason { words.append("(\(Text.line(reason)), by the broker)") }
        if let nanoseconds = record.nanoseconds {
            words.append(Text.duration(nanoseconds: nanoseconds))
        }
        return words.joined(separator: "  ")
    }

    /// The object and the method.
    static func target(_ record: MessageRecord) -> String {
        let object = Text.line(record.name ?? record.reference)
        return record.method.map { "\(object) \(Text.line($0))" } ?? object
    }

    /// The time of the day, to the microsecond.
    static func clock(_ time: Date) -> String {
        let parts = Calendar.current.dateComponents(
            [.hour, .minute, .second, .nanosecond], from: time)
        func padded(_ number: Int, _ count: Int) -> String {
            let text = "\(number)"
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        return "\(padded(parts.hour ?? 0, 2)):\(padded(parts.minute ?? 0, 2)):"
            + "\(padded(parts.second ?? 0, 2)).\(padded((parts.nanosecond ?? 0) / 1_000, 6))"
    }
}
