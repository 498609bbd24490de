// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

package import BusWire

/// `objbus simulate`: a run of the simulator as a function from arguments to lines.
package enum SimulationRun {
    /// What a run came to.
    package struct Report: Hashable, Sendable {
        package let seed: UInt64
        /// Events taken, healing included.
        package let steps: Int
        /// Equal for equal plans, in whatever process.
        package let digest: UInt64
        /// The first broken promise, if one was broken.
        package let violation: String?
        package let statistics: SimulationStatistics
        /// Nothing, unless the plan wants a trace.
        package let lines: [String]

        /// `seed 7: 2143 steps, digest 0123456789abcdef, ok`.
        package var summary: String {
            let end = self.violation.map { "BROKEN: \($0)" } ?? "ok"
            return "seed \(self.seed): \(self.steps) steps, digest \(hexadecimal(self.digest)), "
                + end
        }
    }

    /// Runs one plan to its end.
    package static func report(_ plan: SimulationPlan) -> Report {
        var world = SimulationWorld(plan)
        world.run()
        return Report(
            seed: plan.seed, steps: world.stepCount, digest: world.digest.value,
            violation: world.violation, statistics: world.statistics, lines: world.lines)
    }

    /// How to call `run`.
    package static let usage = SimulationOptions.usage

    /// Runs what `arguments` name.
    ///
    /// - Parameters:
    ///   - arguments: What follows the command's name; see `usage`.
    ///   - emit: Gets each line as soon as it is known.
    /// - Returns: Whether every promise was kept.
    /// - Throws: `invalid` with a sentence about the argument at fault.
    package static func run(
        _ arguments: [String], emit: (String) -> Void
    ) throws(BusError) -> Bool {
        let options = try SimulationOptions(arguments)
        var isClean = true
        for seed in options.seeds {
            let isKept =
                if let depth = options.depth {
                    self.sweep(options, seed, depth: depth, emit)
                } else if options.scripts.isEmpty {
                    self.tell(options.plan(seed), shrinks: options.shrinks, emit)
                } else {
                    self.tellScripts(options, seed, emit)
                }
            isClean = isClean && isKept
        }
        return isClean
    }

    /// One story of chance.
    private static func tell(
        _ plan: SimulationPlan, shrinks: Bool, _ emit: (String) -> Void
    ) -> Bool {
        let report = self.report(plan)
        report.lines.forEach(emit)
        emit(report.summary)
        guard report.violation != nil else { return true }
        if shrinks {
            var shrinking = Shrinking(plan, report)
            emit("shrunk to: objbus simulate " + shrinking.run().joined(separator: " "))
        }
        return false
    }

    /// Each script once, with the faults given.
    private static func tellScripts(
        _ options: SimulationOptions, _ seed: UInt64, _ emit: (String) -> Void
    ) -> Bool {
        var isClean = true
        for script in options.scripts {
            var plan = SimulationPlan(script, seed: seed, faults: options.boundaryFaults)
            plan.canary = options.canary
            plan.isTraced = options.isTraced
            let report = self.report(plan)
            report.lines.forEach(emit)
            emit("\(script.name), \(report.summary)")
            if report.violation != nil { isClean = false }
        }
        return isClean
    }

    /// Each script with every fault at every boundary.
    private static func sweep(
        _ options: SimulationOptions, _ seed: UInt64, depth: Int, _ emit: (String) -> Void
    ) -> Bool {
        var isClean = true
        for script in options.scripts {
            var sweep = BoundarySweep(script, seed: seed, isBrief: options.isBrief, depth: depth)
            let report = sweep.run()
            emit("seed \(seed), \(report.summary)")
            guard report.violation != nil else { continue }
            emit("to see it: objbus simulate " + report.replay.joined(separator: " "))
            isClean = false
        }
        return isClean
    }
}
