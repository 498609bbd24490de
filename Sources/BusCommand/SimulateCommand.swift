// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BusSimulation

/// `objbus simulate`: runs the simulator, of which each seed is one story that can be told again.
struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Run broker and nodes in a simulated world, with faults.",
        discussion: """
            Everything happens in this process, on a simulated clock: links break, brokers \
            restart, nodes crash. Each seed gives the same story on every machine. One story is \
            told event by event, many by one line each. Ends with code 1 if a promise was broken, \
            and tells which.

            Examples:
              objbus simulate --seed 7 --steps 1000
              objbus simulate --seeds 100
              objbus simulate --seed 7 --shrink
              objbus simulate --script callback --fault cut1@4
              objbus simulate --boundaries 1
            """)

    @Option(help: ArgumentHelp("The first seed.", valueName: "number"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("How many seeds to run, one after another.", valueName: "number"))
    var seeds: UInt64?

    @Option(help: ArgumentHelp("Steps of each story.", valueName: "number"))
    var steps: UInt64 = 1_000

    @Option(help: ArgumentHelp("Nodes in it, from 1 to 64.", valueName: "number"))
    var nodes: UInt64 = 4

    @Option(
        help: ArgumentHelp("Let only these kinds of faults happen, or none.", valueName: "a,b"))
    var only: String?

    @Option(help: ArgumentHelp("A bug to plant, which must be found.", valueName: "name"))
    var canary: String?

    @Flag(help: "Look for a smaller story that breaks the same promise.")
    var shrink = false

    @Option(
        name: .customLong("script"),
        help: ArgumentHelp("Tell a written story instead, or all.", valueName: "name"))
    var scripts: [String] = []

    @Option(
        name: .customLong("fault"),
        help: ArgumentHelp("What breaks after which of its messages.", valueName: "cut1@4"))
    var faults: [String] = []

    @Option(
        help: ArgumentHelp(
            "Break everything at every message of the written stories, 1 or 2 things at a time.",
            valueName: "number"))
    var boundaries: UInt64?

    @Flag(help: "Leave out the faults that differ least from others.")
    var brief = false

    @Flag(help: "Print every event, also of many stories.")
    var trace = false

    @Flag(help: "Print no events, also of one story.")
    var quiet = false

    func run() throws {
        let isClean = try SimulationRun.run(self.arguments) { Terminal.print($0) }
        if !isClean { throw ExitStatus(code: 1) }
    }

    /// What the simulator's own parser takes.
    private var arguments: [String] {
        var arguments = [
            "--seed", "\(self.seed)", "--steps", "\(self.steps)", "--nodes", "\(self.nodes)",
        ]
        if let seeds { arguments += ["--seeds", "\(seeds)"] }
        if let only { arguments += ["--only", only] }
        if let canary { arguments += ["--canary", canary] }
        if let boundaries { arguments += ["--boundaries", "\(boundaries)"] }
        for script in self.scripts { arguments += ["--script", script] }
        for fault in self.faults { arguments += ["--fault", fault] }
        let flags = [
            ("--shrink", self.shrink), ("--brief", self.brief), ("--trace", self.trace),
            ("--quiet", self.quiet),
        ]
        return arguments + flags.filter(\.1).map(\.0)
    }
}
