// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock; all randomness comes from the seed.

import BusBrokerCore
import BusKernel
import BusNodeCore
import BusWire

/// The end of a run: what was begun ends, and what nobody holds goes.
extension SimulationWorld {
    /// Runs the whole plan.
    package mutating func run() {
        while self.stepCount < self.plan.steps, self.violation == nil { self.step() }
        self.phase = .healing
        self.endHostility()
        self.trace("faults end")
        self.runUntil("every call has ended") { $0.unfinished }
        self.phase = .draining
        self.letGo()
        self.runUntil("every table is empty") { $0.leftOver }
        if self.violation == nil { self.checkCounters() }
    }

    /// Goes on until `problem` finds none, for a bounded time.
    private mutating func runUntil(
        _ promise: String, _ problem: (SimulationWorld) -> String?
    ) {
        let limits = self.plan.brokerLimits
        let rest = limits.silence.nanoseconds + limits.recoveryWindow.nanoseconds
        let deadline = self.now.advanced(by: Span(nanoseconds: 10 * rest))
        var nextLook = self.now
        while self.violation == nil {
            if self.now >= nextLook {
                guard let problem = problem(self) else { return }
                guard self.now < deadline else {
                    self.fail("not \(promise): \(problem)")
                    return
                }
                nextLook = self.now.advanced(by: .milliseconds(2))
            }
            self.step()
        }
    }

    /// What has not come to its end.
    private var unfinished: String? {
        guard self.broker != nil else { return "the broker is down" }
        for node in self.nodes {
            guard let core = node.core, core.isLinked else { return "node \(node.index) is away" }
            if let handler = node.handlers.first {
                let awaited = handler.awaits.map { ", awaiting call \($0)" } ?? ""
                return "node \(node.index) runs call \(handler.call)\(awaited)"
            }
        }
        let open = self.calls.first { !$0.isEnded && !$0.isOrphan && !$0.isOneWay }
        return open.map { "call \($0.id) from node \($0.node) to \($0.target) is open" }
    }

    /// Every application lets go of everything.
    private mutating func letGo() {
        for index in self.nodes.indices {
            for name in self.nodes[index].names.sorted() {
                self.callBroker(index, .withdraw(name))
            }
            for token in self.nodes[index].tokens {
                for _ in 0..<token.uses { self.dropUse(index, token.reference) }
            }
            for object in self.nodes[index].objects.indices { self.unroot(index, object) }
        }
    }

    /// What is left of calls, references and objects.
    private var leftOver: String? {
        if let unfinished { return unfinished }
        for node in self.nodes {
            guard let core = node.core else { return "node \(node.index) is away" }
            if core.questionCount > 0 {
                return "node \(node.index) has \(core.questionCount) questions"
            }
            if core.answerCount > 0 { return "node \(node.index) has \(core.answerCount) answers" }
            if core.imports.count > 0 {
                return "node \(node.index) holds \(core.imports.restatement)"
            }
            if core.exports.count > 0 {
                return "node \(node.index) exports \(core.exports.restatement)"
            }
            if node.objectsAlive > 0 {
                return "node \(node.index) has \(node.objectsAlive) objects"
            }
        }
        if let broker, broker.holders.rowCount > 0 {
            return "the broker has \(broker.holders.rowCount) references"
        }
        if let broker, broker.names.count > 0 {
            return "the broker has \(broker.names.count) names"
        }
        return nil
    }
}
