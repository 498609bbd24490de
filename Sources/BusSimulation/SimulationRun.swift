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
    package static let usage = """
        simulate [--seed N] [--seeds COUNT] [--steps N] [--nodes N] [--canary NAME] [--trace]
        """

    /// Runs the seeds that `arguments` name.
    ///
    /// - Parameters:
    ///   - arguments: What follows the command's name; see `usage`.
    ///   - emit: Gets each line as soon as it is known.
    /// - Returns: Whether every promise was kept.
    /// - Throws: `invalid` with a sentence about the argument at fault.
    package static func run(
        _ arguments: [String], emit: (String) -> Void
    ) throws(BusError) -> Bool {
        let options = try Options(arguments)
        var isClean = true
        for seed in options.seed..<options.seed + options.count {
            var plan = SimulationPlan(seed: seed, steps: options.steps, nodes: options.nodes)
            plan.canary = options.canary
            plan.isTraced = options.isTraced
            let report = Self.report(plan)
            report.lines.forEach(emit)
            emit(report.summary)
            if report.violation != nil { isClean = false }
        }
        return isClean
    }

    private struct Options {
        var seed: UInt64 = 1
        var count: UInt64 = 1
        var steps = 1_000
        var nodes = 4
        var canary: Canary?
        var isTraced = false

        init(_ arguments: [String]) throws(BusError) {
            var rest = arguments[...]
            while let option = rest.popFirst() {
                if option == "--trace" {
                    self.isTraced = true
                    continue
                }
                guard let text = rest.popFirst() else {
                    throw BusError(.invalid, "\(option) needs a value; usage: \(usage)")
                }
                try self.set(option, text)
            }
        }

        private mutating func set(_ option: String, _ text: String) throws(BusError) {
            if option == "--canary" {
                guard let canary = Canary(rawValue: text) else {
                    let all = Canary.allCases.map(\.rawValue).joined(separator: ", ")
                    throw BusError(.invalid, "there is no canary \(text), only \(all)")
                }
                self.canary = canary
                return
            }
            guard let number = UInt64(text), number < 1 << 62 else {
                throw BusError(.invalid, "\(text) is not a number")
            }
            switch option {
            case "--seed": self.seed = number
            case "--seeds" where number > 0: self.count = number
            case "--steps": self.steps = Int(number)
            case "--nodes" where (1...64).contains(number): self.nodes = Int(number)
            default: throw BusError(.invalid, "\(option) \(text) is not known; usage: \(usage)")
            }
        }
    }
}
