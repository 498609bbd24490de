// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

/// Tells a script again and again, each time with something else going wrong between two messages.
package struct BoundarySweep: Sendable {
    /// What a sweep came to.
    package struct Report: Hashable, Sendable {
        package internal(set) var script: String
        /// How many messages the script takes when nothing goes wrong.
        package internal(set) var messages = 0
        package internal(set) var runs = 0
        package internal(set) var steps = 0
        /// The first broken promise, and the arguments that show it again.
        package internal(set) var violation: String?
        package internal(set) var replay: [String] = []

        /// `callback: 12 messages, 437 runs, 80123 steps, ok`.
        package var summary: String {
            let end = self.violation.map { "BROKEN: \($0)" } ?? "ok"
            return "\(self.script): \(self.messages) messages, \(self.runs) runs, "
                + "\(self.steps) steps, \(end)"
        }
    }

    /// A script with more messages than this is swept with one fault at a time only.
    package static let messagesMaxForPairs = 16

    let script: SimulationScript
    let seed: UInt64
    let kinds: [BoundaryFault.Kind]
    let secondKinds: [BoundaryFault.Kind]
    private var report: Report

    /// - Parameters:
    ///   - depth: How many faults are combined: 1, or 2 as far as `messagesMaxForPairs` allows.
    ///   - isBrief: Leaves out the faults that differ least from others.
    package init(_ script: SimulationScript, seed: UInt64, isBrief: Bool = false, depth: Int = 1) {
        self.script = script
        self.seed = seed
        self.kinds = Self.kinds(nodes: script.nodes, isBrief: isBrief)
        self.secondKinds = depth > 1 ? Self.kinds(nodes: script.nodes, isBrief: true) : []
        self.report = Report(script: script.name)
    }

    private static func kinds(nodes: Int, isBrief: Bool) -> [BoundaryFault.Kind] {
        let remainders: [BoundaryFault.Remainder] =
            isBrief ? [.none, .up] : BoundaryFault.Remainder.allCases
        var kinds = [BoundaryFault.Kind.restart]
        for node in 0..<nodes {
            kinds += remainders.map { .cut(node: node, arriving: $0) }
            if !isBrief { kinds += [.silence(node: node), .crash(node: node)] }
        }
        return kinds
    }

    /// Runs everything; stops at the first broken promise.
    package mutating func run() -> Report {
        guard let messages = self.tell([]) else { return self.report }
        self.report.messages = messages
        for first in self.faults(self.kinds, from: 0, through: messages) {
            guard let more = self.tell([first]) else { return self.report }
            guard messages <= Self.messagesMaxForPairs else { continue }
            for second in self.faults(self.secondKinds, from: first.after, through: more) {
                guard self.tell([first, second]) != nil else { return self.report }
            }
        }
        return self.report
    }

    /// At once after each message, and just before the next one.
    private func faults(
        _ kinds: [BoundaryFault.Kind], from: Int, through last: Int
    ) -> [BoundaryFault] {
        (from...max(from, last)).flatMap { after in
            kinds.flatMap { kind in
                let early = BoundaryFault(kind, after: after)
                return after < last
                    ? [early, BoundaryFault(kind, after: after, isLate: true)] : [early]
            }
        }
    }

    /// Tells the script once; returns how many messages it took, or nil if a promise was broken.
    private mutating func tell(_ faults: [BoundaryFault]) -> Int? {
        var world = SimulationWorld(
            SimulationPlan(self.script, seed: self.seed, faults: faults))
        world.run()
        self.report.runs += 1
        self.report.steps += world.stepCount
        guard let violation = world.violation else { return world.script.delivered }
        self.report.violation = violation
        self.report.replay = ["--script", self.script.name, "--seed", "\(self.seed)"]
        for fault in faults { self.report.replay += ["--fault", fault.description] }
        return nil
    }
}
