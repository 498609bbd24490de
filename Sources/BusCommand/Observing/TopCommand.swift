// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BusAPI
import Foundation

/// `objbus top`: what is called most, and how long it takes.
struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "Show what is called most, and how long that takes.",
        discussion: """
            For each node, object and method: calls and errors a second, how long half and 99 % of \
            the calls took at most until their answer was at the broker, calls that are not \
            answered yet, and references pinned: of a node those that it holds, of an object the \
            nodes that hold it. On a terminal it is shown anew until it is interrupted.

            Examples:
              objbus top
              objbus top --by method --sort p99
              objbus top --once --interval 5s
              objbus top --once --json
            """)

    @OptionGroup var shared: SharedOptions

    @Option(help: "Only one of: node, object, method. (default: all three)")
    var by: TrafficReport.Grouping?

    @Option(help: "The largest first: calls, errors, p50, p99, open, pinned.")
    var sort = TrafficReport.Order.calls

    @Option(help: ArgumentHelp("Rows of each table at most.", valueName: "n"))
    var rows = 10

    @Option(help: ArgumentHelp("How long is measured, 100ms to 8s.", valueName: "time"))
    var interval: Timeout = .second

    @Flag(help: "Measure once, and end.")
    var once = false

    func validate() throws {
        guard self.rows > 0 else { throw ValidationError("--rows must be at least 1") }
        // The broker stops measuring when nobody has asked for 10 seconds.
        guard self.interval.duration >= .milliseconds(100), self.interval.duration <= .seconds(8)
        else { throw ValidationError("--interval must be from 100ms to 8s") }
    }

    func run() async throws {
        try await self.shared.withBus { bus in
            var former = try await bus.traffic()
            if self.once || !Terminal.isInteractive { Terminal.report("measuring") }
            while true {
                try await Task.sleep(for: self.interval.duration)
                let sample = try await bus.traffic()
                let held = try await Self.held(bus)
                self.show(
                    TrafficReport(since: former, sample, held: held, self.sort, rows: self.rows))
                if self.once { return }
                former = sample
            }
        }
    }

    /// References that each node holds, by the nodes' names.
    private static func held(_ bus: Bus) async throws -> [String: Int64] {
        let nodes = try await bus.nodes().arrayValue ?? []
        return Dictionary(
            nodes.map { ($0["node"]?.stringValue ?? "?", Int64($0["holds"]?.intValue ?? 0)) },
            uniquingKeysWith: +)
    }

    private func show(_ report: TrafficReport) {
        guard !self.shared.json else {
            let text = self.once ? report.json.json(pretty: true) : report.json.json()
            return Terminal.print(text)
        }
        let width = Terminal.isInteractive ? Terminal.width : 100
        let lines = report.lines(by: self.by, width: width)
        guard Terminal.isInteractive, !self.once else { return Terminal.print(lines) }
        // From the top of the screen, and nothing of what stood there before.
        Terminal.write(Array("\u{1B}[H\u{1B}[J\(lines.joined(separator: "\n"))\n".utf8))
    }
}

extension Timeout {
    fileprivate static let second = Timeout(.seconds(1))
}
