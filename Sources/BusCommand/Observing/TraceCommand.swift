// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BusAPI
import Foundation

/// `objbus trace`: the calls of one object, and what they lead to.
struct TraceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace", abstract: "Show the calls of an object, and those made for them.",
        discussion: """
            A line for each call once it has ended: when the broker forwarded it, from whom to \
            whom, the method, how long the callee took until its answer was at the broker, and how \
            it ended. Calls that its handler made meanwhile stand below, indented; their time is \
            part of its.

            Examples:
              objbus trace counter
              objbus trace bank --count 1
              objbus trace bank --json
            """)

    @OptionGroup var shared: SharedOptions

    @Argument(
        help: "A published name, or a reference as 'objbus refs' shows it.",
        completion: .custom(Completion.objects))
    var object: String

    @Option(help: ArgumentHelp("End after so many calls of the object.", valueName: "n"))
    var count: Int?

    func validate() throws {
        if let count, count < 1 { throw ValidationError("--count must be at least 1") }
    }

    func run() async throws {
        try await self.shared.withBus { bus in
            // A name that is mistyped would be watched for ever.
            _ = try await bus.reference(self.object)
            let kinds: [Value] = ["call", "oneWay", "reply", "failure", "dropped"]
            let filter: ValueMap = [
                "object": .string(self.object), "nested": true, "kinds": .array(kinds),
            ]
            var (trace, watch) = (CallTrace(), WatchReport())
            var left = self.count ?? .max
            for try await batch in bus.watchCalls(filter) {
                watch.report(batch)
                for record in batch.records {
                    guard let tree = trace.take(record) else { continue }
                    self.print(tree) { watch.time(of: $0) }
                    left -= 1
                    if left == 0 { return }
                }
            }
        }
    }

    private func print(_ tree: CallTrace.Tree, _ time: (Double) -> Date) {
        if self.shared.json {
            Terminal.print(tree.json(time).json())
        } else {
            Terminal.print(tree.lines(time))
        }
    }
}

/// Pure: puts the messages of calls together, each call below the one that it was made for.
struct CallTrace {
    /// A call that has ended, with those made in its handler, in the order in which they began.
    struct Tree: Hashable {
        let began: MessageRecord
        /// Nil for a one-way call, which has no end, and for one whose end was not seen.
        var ended: MessageRecord?
        var below: [Tree] = []
    }

    /// Calls that are remembered; what is older than the newest of so many is forgotten.
    private static let openMax = 16_384

    private var open: [Int64: Tree] = [:]

    /// Takes a message in.
    ///
    /// - Returns: The outermost call that it ends, with all below it; nil if it ends none.
    mutating func take(_ record: MessageRecord) -> Tree? {
        switch record.kind {
        case "call":
            // One that is sent again has its place already.
            if self.open[record.id] == nil { self.open[record.id] = Tree(began: record) }
            self.forgetOld()
            return nil
        case "reply", "failure":
            // A call that the broker itself refused has an end and no beginning.
            guard var tree = self.open.removeValue(forKey: record.id) ?? self.refused(record)
            else { return nil }
            tree.ended = record
            return self.place(tree)
        default:
            return self.place(Tree(began: record))
        }
    }

    private func refused(_ record: MessageRecord) -> Tree? {
        record.id != 0 && record.reason != nil ? Tree(began: record) : nil
    }

    /// Below its parent, or nowhere if it has none here.
    private mutating func place(_ tree: Tree) -> Tree? {
        guard self.open[tree.began.parent] != nil else { return tree }
        self.open[tree.began.parent]?.below.append(tree)
        return nil
    }

    private mutating func forgetOld() {
        guard self.open.count > Self.openMax else { return }
        for id in self.open.keys.sorted().prefix(Self.openMax / 2) { self.open[id] = nil }
    }
}

extension CallTrace.Tree {
    /// A line for each call, those below indented.
    func lines(_ time: (Double) -> Date, depth: Int = 0) -> [String] {
        let call = self.began
        let indent = String(repeating: "  ", count: depth)
        let words = [
            "\(indent)\(Monitoring.clock(time(call.at)))",
            "\(Text.line(call.caller)) > \(Text.line(call.callee))", Monitoring.target(call),
            self.outcome,
        ]
        let below = self.below.sorted { $0.began.id < $1.began.id }
        return [words.joined(separator: "  ")]
            + below.flatMap { $0.lines(time, depth: depth + 1) }
    }

    private var outcome: String {
        guard let ended else { return self.began.kind == "oneWay" ? "one-way" : "dropped" }
        let time = Text.duration(nanoseconds: ended.nanoseconds ?? 0)
        if let reason = ended.reason { return "\(Text.line(reason)), by the broker, after \(time)" }
        return ended.kind == "reply" ? "answered after \(time)" : "failed after \(time)"
    }

    /// The same for programs.
    func json(_ time: (Double) -> Date) -> Value {
        let call = self.began
        var map: ValueMap = [
            "id": .integer(call.id), "caller": .string(call.caller),
            "callee": .string(call.callee), "reference": .string(call.reference),
            "forwarded": .double(time(call.at).timeIntervalSince1970),
            "outcome": .string(self.ended?.kind ?? call.kind),
            "below": .array(
                self.below.sorted { $0.began.id < $1.began.id }.map { $0.json(time) }),
        ]
        map["name"] = call.name.map(Value.string)
        map["method"] = call.method.map(Value.string)
        map["chain"] = call.chain.map(Value.string)
        map["answered"] = self.ended.map { .double(time($0.at).timeIntervalSince1970) }
        map["nanoseconds"] = self.ended?.nanoseconds.map(Value.integer)
        map["reason"] = (self.ended?.reason ?? call.reason).map(Value.string)
        return .map(map)
    }
}
