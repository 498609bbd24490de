// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BusAPI
import BusZeroMQ

/// `objbus ping`: how long a round trip takes.
struct PingCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ping", abstract: "Measure a round trip to the broker or to an object.",
        discussion: """
            Examples:
              objbus ping
              objbus ping counter
              objbus ping counter --count 100 --json
            """)

    @OptionGroup var shared: SharedOptions

    @Option(help: ArgumentHelp("Round trips to make, one after another.", valueName: "number"))
    var count = 1

    @Argument(
        help: "The object: a published name, or a reference's tag. (default: the broker)",
        completion: .custom(Completion.objects))
    var object: String?

    func validate() throws {
        guard (1...1_000_000).contains(self.count) else {
            throw ValidationError("--count is from 1 to 1000000")
        }
    }

    func run() async throws {
        try await self.shared.withBus { bus in
            let object: RemoteObject? =
                if let target = self.object { try await bus.object(target) } else { nil }
            var spans: [Int64] = []
            for _ in 0..<self.count {
                let start = MonotonicClock.now()
                if let object { try await object.ping() } else { try await bus.ping() }
                spans.append(Int64(clamping: MonotonicClock.now() - start))
            }
            let result = PingResult(target: self.object ?? "broker", nanoseconds: spans.sorted())
            if self.shared.json {
                self.shared.print(json: result.json)
            } else {
                Terminal.print(result.line)
            }
        }
    }
}

/// Pure: what `ping` measured.
struct PingResult: Hashable {
    let target: String
    /// Sorted, at least one.
    let nanoseconds: [Int64]

    private var median: Int64 { self.nanoseconds[self.nanoseconds.count / 2] }

    /// For people.
    var line: String {
        let target = Text.line(self.target)
        guard self.nanoseconds.count > 1, let least = self.nanoseconds.first,
            let most = self.nanoseconds.last
        else { return "\(target): \(Text.duration(nanoseconds: self.median))" }
        return "\(target): median \(Text.duration(nanoseconds: self.median)), "
            + "least \(Text.duration(nanoseconds: least)), "
            + "most \(Text.duration(nanoseconds: most)) of \(self.nanoseconds.count)"
    }

    /// For programs; spans in milliseconds.
    var json: Value {
        func milliseconds(_ span: Int64?) -> Value { .double(Double(span ?? 0) / 1e6) }
        return .map([
            "target": .string(self.target), "count": Value(self.nanoseconds.count),
            "median": milliseconds(self.median), "least": milliseconds(self.nanoseconds.first),
            "most": milliseconds(self.nanoseconds.last),
        ])
    }
}
