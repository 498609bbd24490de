// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

/// Looks for a smaller story that breaks the same promise.
///
/// A story with fewer steps, nodes or kinds of faults is another story, because all chance comes
/// out of one stream. So each smaller plan is tried with several seeds, and taken if one of them
/// breaks the same promise.
struct Shrinking {
    /// Seeds tried for each smaller plan.
    private static let seedsPerPlan: UInt64 = 40
    /// Worlds told altogether.
    private static let runsMax = 4_000

    private var plan: SimulationPlan
    private let promise: String
    /// Events until the promise broke.
    private var steps: Int
    private var kinds: Set<FaultRates.Kind>
    private var runs = 0

    init(_ plan: SimulationPlan, _ report: SimulationRun.Report) {
        self.plan = plan
        self.plan.isTraced = false
        self.promise = Self.shape(of: report.violation ?? "")
        self.steps = report.steps
        self.kinds = plan.faults.kinds
    }

    /// The arguments that tell the smallest story found.
    mutating func run() -> [String] {
        var isSmaller = true
        while isSmaller, self.runs < Self.runsMax {
            isSmaller = false
            for kind in self.kinds.sorted(by: { $0.rawValue < $1.rawValue }) {
                var smaller = self.plan
                smaller.faults.keep(self.kinds.subtracting([kind]))
                if self.adopt(smaller) { isSmaller = true }
            }
            if self.plan.nodes > 1 {
                var smaller = self.plan
                smaller.nodes -= 1
                if self.adopt(smaller) { isSmaller = true }
            }
            for part in [2, 4, 8] where self.plan.steps >= part {
                var smaller = self.plan
                smaller.steps = min(smaller.steps, self.steps)
                smaller.steps -= smaller.steps / part
                if smaller.steps < self.plan.steps, self.adopt(smaller) { isSmaller = true }
            }
        }
        return self.arguments
    }

    /// Takes a smaller plan if one of some seeds breaks the same promise with it.
    private mutating func adopt(_ smaller: SimulationPlan) -> Bool {
        for offset in 0..<Self.seedsPerPlan where self.runs < Self.runsMax {
            var candidate = smaller
            let seed = self.plan.seed &+ offset
            if offset > 0 {
                candidate = SimulationPlan(
                    seed: seed, steps: smaller.steps, nodes: smaller.nodes)
                candidate.faults.keep(smaller.faults.kinds)
                candidate.canary = smaller.canary
            }
            self.runs += 1
            let report = SimulationRun.report(candidate)
            guard let violation = report.violation, Self.shape(of: violation) == self.promise
            else { continue }
            (self.plan, self.steps) = (candidate, report.steps)
            self.kinds = candidate.faults.kinds
            return true
        }
        return false
    }

    /// A broken promise without what differs from story to story.
    private static func shape(of violation: String) -> String {
        violation.split(separator: " ").filter { !$0.contains(where: \.isNumber) }.prefix(6)
            .joined(separator: " ")
    }

    private var arguments: [String] {
        var arguments = [
            "--seed", "\(self.plan.seed)", "--steps", "\(self.plan.steps)", "--nodes",
            "\(self.plan.nodes)",
        ]
        let kinds = self.kinds.map(\.rawValue).sorted()
        arguments += ["--only", kinds.isEmpty ? "none" : kinds.joined(separator: ",")]
        if let canary = self.plan.canary { arguments += ["--canary", canary.rawValue] }
        return arguments
    }
}
