// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BusAPI
import BusZeroMQ

/// `objbus bench`: how fast calls are on a running bus.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure calls on a running bus.",
        discussion: """
            Calls an object of 'objbus worker bench', which somebody must have started. Without a \
            workload it measures a usual set; with one, that alone.

            Workloads: add (two numbers there, one back), echo (bytes there and back), callback \
            (the object calls one of this process to answer), handover (like it, the reference \
            comes along with the call).

            Examples:
              objbus worker bench &
              objbus bench
              objbus bench add --outstanding 64 --calls 200000
              objbus bench echo --bytes 65536 --outstanding 16 --json
              objbus bench add --interface blocking
              objbus bench add --executor bus --outstanding 1000
              echo 'add outstanding=64 calls=50000' | objbus bench --lines --json
            """)

    @OptionGroup var shared: SharedOptions

    @Option(help: ArgumentHelp("What the object is published as.", valueName: "name"))
    var object = "bench"

    @Option(
        help: ArgumentHelp(
            "How to call: typed (a distributed actor), dynamic (RemoteObject) or blocking "
                + "(BlockingObject; a thread for each call outstanding).", valueName: "interface"))
    var interface: BenchInterface = .typed

    @Option(
        help: ArgumentHelp(
            "Where the tasks run that call: pool (Swift's threads) or bus (the bus's own).",
            valueName: "executor"))
    var executor: BenchExecutor = .pool

    @Option(help: ArgumentHelp("Calls under way at a time.", valueName: "number"))
    var outstanding = 1

    @Option(help: ArgumentHelp("Calls to measure, all together.", valueName: "number"))
    var calls = 10_000

    @Option(help: ArgumentHelp("Calls before that, not measured.", valueName: "number"))
    var warmUp = 1_000

    @Option(help: ArgumentHelp("Bytes that echo sends each way.", valueName: "number"))
    var bytes = 64

    @Flag(
        help: ArgumentHelp(
            "Measure what each line of the standard input asks for, in words such as 'echo "
                + "interface=dynamic outstanding=16 calls=5000 warm-up=100 bytes=65536'."))
    var lines = false

    @Argument(help: "What to measure: add, callback, echo or handover. (default: a usual set)")
    var workload: BenchWorkload?

    private var plan: BenchPlan? {
        self.workload.map {
            BenchPlan(
                workload: $0, interface: self.interface, executor: self.executor,
                outstanding: self.outstanding, calls: self.calls, warmUp: self.warmUp,
                bytes: self.bytes)
        }
    }

    func validate() throws {
        if let problem = self.plan?.problem { throw ValidationError(problem) }
        if self.lines, self.workload != nil {
            throw ValidationError("--lines takes its workloads from the standard input")
        }
    }

    func run() async throws {
        try await self.shared.withBus { bus in
            let run = try await BenchRun(self.object, on: bus)
            if self.lines {
                try await self.answerLines(run)
            } else {
                try await self.measure(self.plan.map { [$0] } ?? BenchPlan.usual, run)
            }
            try await run.end()
        }
    }

    private func measure(_ plans: [BenchPlan], _ run: BenchRun) async throws {
        var rows = [BenchResult.head]
        for (index, plan) in plans.enumerated() {
            if Terminal.reportsProgress, plans.count > 1 {
                Terminal.report("objbus bench: measuring \(index + 1) of \(plans.count)")
            }
            let result = try await run.result(of: plan)
            if self.shared.json {
                Terminal.print(result.json.json())
            } else {
                rows.append(result.row)
            }
        }
        if !self.shared.json { Terminal.print(Text.table(rows)) }
    }

    /// Says that it is ready, then answers each line with one.
    private func answerLines(_ run: BenchRun) async throws {
        Terminal.report("objbus bench: ready")
        for await line in try Self.input() {
            let result = try await run.result(of: BenchPlan(line: line))
            Terminal.print(
                self.shared.json ? result.json.json() : result.row.joined(separator: "  "))
        }
    }

    /// The lines of the standard input, read by a thread that may block.
    private static func input() throws -> AsyncStream<String> {
        let (lines, continuation) = AsyncStream.makeStream(of: String.self)
        try SystemThread.start(name: "bench input") {
            while let line = readLine() { continuation.yield(line) }
            continuation.finish()
        }.detach()
        return lines
    }
}
