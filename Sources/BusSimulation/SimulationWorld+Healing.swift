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
        let deadline = self.plan.script == nil ? Tick.distantFuture : self.longAfter
        while self.isBusy, self.violation == nil {
            self.step()
            if self.now > deadline {
                self.fail("the script gets no further: \(self.unrest ?? "nothing hinders it")")
            }
        }
        self.phase = .healing
        self.endHostility()
        self.trace("faults end")
        self.runUntil("every call has ended") { $0.unfinished }
        self.checkEndings()
        self.runUntil("what lives is what somebody can reach") { $0.unfinished ?? $0.unreachable }
        self.phase = .draining
        self.letGo()
        self.runUntil("every table is empty") { $0.leftOver }
        if self.violation == nil { self.checkCounters() }
    }

    /// Goes on until `problem` finds none, for a bounded time.
    private mutating func runUntil(
        _ promise: String, _ problem: (SimulationWorld) -> String?
    ) {
        let deadline = self.longAfter
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

    /// When all should long be over.
    private var longAfter: Tick {
        let limits = self.plan.brokerLimits
        let rest = limits.silence.nanoseconds + limits.recoveryWindow.nanoseconds
        return self.now.advanced(by: Span(nanoseconds: 10 * rest))
    }

    /// What a script has to wait for before it can rest.
    private var unrest: String? { self.unfinished ?? self.unsettled ?? self.unreachable }

    /// What has not come to its end.
    var unfinished: String? {
        guard self.broker != nil else { return "the broker is down" }
        for node in self.nodes {
            guard let core = node.core, core.isLinked else { return "node \(node.index) is away" }
            if let handler = node.handlers.first {
                let awaited = handler.awaits.map { ", awaiting call \($0)" } ?? ""
                return "node \(node.index) runs call \(handler.call)\(awaited)"
            }
        }
        guard self.script.repetitions == 0 else { return "a name is to be found" }
        let open = self.calls.first { !$0.isEnded && !$0.isOrphan && !$0.isOneWay }
        return open.map { "call \($0.id) from node \($0.node) to \($0.target) is open" }
    }

    /// Whose calls have not been acknowledged yet.
    var unsettled: String? {
        for node in self.nodes {
            guard let core = node.core else { continue }
            if core.questionCount > 0 {
                return "node \(node.index) has \(core.questionCount) questions"
            }
            if core.answerCount > 0 { return "node \(node.index) has \(core.answerCount) answers" }
        }
        return nil
    }

    /// Where what is kept differs from what is held; nothing if all is at rest.
    var unreachable: String? {
        guard let broker else { return "the broker is down" }
        var held = Set(
            broker.names.names(withPrefix: "").flatMap { broker.names.queue(of: $0) }
                .map(\.reference))
        let owners = Set(self.nodes.compactMap { $0.core?.incarnation })
        for node in self.nodes {
            guard let core = node.core else { return "node \(node.index) is away" }
            let tokens = node.tokens.filter { $0.uses > 0 && owners.contains($0.reference.owner) }
            let mine = Set(tokens.map(\.reference))
            let imports = core.imports.restatement.map(\.entry.reference)
            if Set(imports) != mine {
                return "node \(node.index) holds \(imports), but uses \(mine.sorted())"
            }
            held.formUnion(mine)
        }
        for node in self.nodes {
            guard let owner = node.core?.incarnation else { continue }
            for index in node.objects.indices {
                let reference = Reference(
                    owner: owner, object: ObjectNumber(rawValue: UInt64(index + 1)))
                if node.objects[index].isRetained != held.contains(reference) {
                    return held.contains(reference)
                        ? "\(reference) is held, but not kept"
                        : "\(reference) is kept, but nobody holds it"
                }
            }
        }
        let rows = broker.holders.rowCount
        return rows == held.count ? nil : "the broker counts \(rows) references for \(held.count)"
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
        if let problem = self.unfinished ?? self.unsettled { return problem }
        for node in self.nodes {
            guard let core = node.core else { return "node \(node.index) is away" }
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
