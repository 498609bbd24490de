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
            restart, nodes crash. Each seed gives the same story on every machine. Ends with code \
            1 if a promise was broken, and tells which.

            Examples:
              objbus simulate --seed 7 --steps 1000
              objbus simulate --seeds 100
              objbus simulate --seed 7 --trace
            """)

    @Option(help: ArgumentHelp("The first seed.", valueName: "number"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("How many seeds to run, one after another.", valueName: "number"))
    var seeds: UInt64 = 1

    @Option(help: ArgumentHelp("Steps of each story.", valueName: "number"))
    var steps: UInt64 = 1_000

    @Option(help: ArgumentHelp("Nodes in it, from 1 to 64.", valueName: "number"))
    var nodes: UInt64 = 4

    @Option(help: ArgumentHelp("A fault to plant, which must be found.", valueName: "name"))
    var canary: String?

    @Flag(help: "Print every event.")
    var trace = false

    func run() throws {
        var arguments = [
            "--seed", "\(self.seed)", "--seeds", "\(self.seeds)", "--steps", "\(self.steps)",
            "--nodes", "\(self.nodes)",
        ]
        if let canary { arguments += ["--canary", canary] }
        if self.trace { arguments.append("--trace") }
        let isClean = try SimulationRun.run(arguments) { Terminal.print($0) }
        if !isClean { throw ExitStatus(code: 1) }
    }
}
