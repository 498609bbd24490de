// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock; all randomness comes from the seed.

import BusBrokerCore
package import BusKernel
import BusNodeCore
import BusWire

/// One broker and some nodes on a virtual clock, joined by links that may fail.
///
/// A step takes the soonest event, hands it to a core through the real codec, runs the effects
/// as a shell would, and lets the checkers look. The first broken promise ends the run.
package struct SimulationWorld {
    enum Event: Sendable {
        case attachArrived(link: Int)
        case upArrived(link: Int)
        case downArrived(link: Int)
        case brokerNotices(link: Int)
        case nodeNotices(link: Int)
        case brokerStarts
        case brokerCloses
        case nodeStarts(Int)
        case acts(Int, run: Int)
        case finishes(Int, run: Int, handler: Int)
        case drops(Int, run: Int, Reference)
        case tokenDies(Int, run: Int, Reference, TokenGeneration)
        case unpins(Int, run: Int, [Reference])
        case cancels(Int, run: Int, CallNumber)
        case findsAgain(Int, run: Int, String)
        case drainGoesOn(Int, run: Int, from: SimulatedDrain.Step)
    }

    /// What the world is in the middle of.
    package enum Phase: Hashable, Sendable {
        /// Applications act, faults happen.
        case busy
        /// Nothing new begins, nothing goes wrong; what is under way comes to its end.
        case healing
        /// Everything is let go.
        case draining
    }

    package let plan: SimulationPlan
    package internal(set) var phase = Phase.busy
    package internal(set) var now = Tick.zero
    package internal(set) var stepCount = 0
    package internal(set) var digest = TraceDigest()
    package internal(set) var statistics = SimulationStatistics()
    /// The first broken promise.
    package var violation: String? { self.log.violation }
    /// One line per event, if the plan wants them.
    package var lines: [String] { self.log.lines }

    let log = SimulationLog()
    var random: RandomSource
    let authority: SimulatedAuthority
    var broker: BrokerStateMachine?
    var brokerRuns = 0
    var nodes: [SimulatedNode] = []
    var links: [SimulatedLink] = []
    var calls: [SimulatedCall] = []
    var events = TimerQueue<Event>()
    var history = CallHistory()
    var hostile = HostilePeer()
    var script = ScriptRun()
    /// Objects whose earlier references are worth nothing.
    var revoked: Set<Reference> = []
    /// Incarnations whose process is gone, or that the broker has declared dead.
    var ended: Set<IncarnationID> = []
    /// Those that the broker has declared dead: it must not let them in again.
    var buried: Set<IncarnationID> = []
    /// What the broker's shell keeps beside its key: who lives.
    var remembered: Set<IncarnationID> = []
    /// What the broker's run has reserved for the numbers of heads.
    var fence: UInt64 = 0
    var attached: Set<IncarnationID> = []
    /// Who attached first under which incarnation; nil is the hostile peer.
    var processes: [IncarnationID: SimulatedProcess?] = [:]
    /// A call that the canary lets others overtake, by link.
    var heldBack: [Int: Outgoing] = [:]
    /// Calls made outside handlers are numbered where their chains are told.
    var chainsMade: UInt64 = 0
    /// Handlers are numbered through all nodes and runs.
    var handlersMade = 0

    package init(_ plan: SimulationPlan) {
        self.plan = plan
        self.random = RandomSource(seed: plan.seed)
        self.authority = SimulatedAuthority(key: self.random.next())
        for index in 0..<plan.nodes {
            self.nodes.append(SimulatedNode(index: index))
            self.events.add(.nodeStarts(index), due: self.later(.milliseconds(1)))
        }
        self.events.add(.brokerStarts, due: .zero)
    }

    /// Takes the soonest event.
    package mutating func step() {
        var due = self.events.nextDue ?? .distantFuture
        if let broker { due = min(due, broker.nextDeadline) }
        for node in self.nodes {
            if let core = node.core { due = min(due, core.nextDeadline) }
        }
        guard due < .distantFuture else {
            self.fail("nothing will ever happen again")
            return
        }
        self.now = max(self.now, due)
        self.stepCount += 1
        if let event = self.events.popDue(at: self.now) {
            self.handle(event)
        } else {
            self.passTime()
        }
        if self.phase == .busy {
            if self.plan.script == nil { self.maybeFault() } else { self.advanceScript() }
        }
        if self.stepCount % self.plan.checkInterval == 0 { self.checkCounters() }
    }

    /// Lets the cores know the time, if they want to.
    private mutating func passTime() {
        if let deadline = self.broker?.nextDeadline, deadline <= self.now {
            var effects: [BrokerEffect] = []
            self.broker?.timePassed(at: self.now, into: &effects)
            self.run(effects, inHand: nil)
        }
        for index in self.nodes.indices {
            guard let core = self.nodes[index].core, core.nextDeadline <= self.now else { continue }
            self.withCore(index) { $0.timePassed(at: $2, into: &$1) }
        }
    }

    private mutating func handle(_ event: Event) {
        switch event {
        case .attachArrived(let link): self.attachArrived(link)
        case .upArrived(let link): self.upArrived(link)
        case .downArrived(let link): self.downArrived(link)
        case .brokerNotices(let link): self.brokerNotices(link)
        case .nodeNotices(let link): self.nodeNotices(link)
        case .brokerStarts: self.startBroker()
        case .brokerCloses: self.closeConnections()
        case .nodeStarts(let index): self.startNode(index)
        case .acts(let index, let run):
            guard self.phase == .busy, self.isRunning(index, run) else { return }
            self.act(index)
            self.events.add(.acts(index, run: run), due: self.later(.milliseconds(2)))
        case .finishes(let index, let run, let handler):
            if self.isRunning(index, run) { self.finish(index, handler) }
        case .drops(let index, let run, let reference):
            // What is held while the world heals must still be there when it has healed.
            if self.phase != .healing, self.isRunning(index, run) {
                self.dropUse(index, reference)
            }
        case .tokenDies(let index, let run, let reference, let token):
            guard self.isRunning(index, run) else { return }
            self.withCore(index) { core, effects, _ in
                core.tokenDied(reference, token, into: &effects)
            }
        case .unpins(let index, let run, let references):
            guard self.isRunning(index, run) else { return }
            self.withCore(index) { core, effects, _ in core.unpin(references, into: &effects) }
        case .cancels(let index, let run, let number):
            guard self.isRunning(index, run) else { return }
            self.withCore(index) { core, effects, now in
                core.callCancelled(number, at: now, into: &effects)
            }
        case .findsAgain(let index, let run, let name):
            self.script.repetitions -= 1
            if self.isRunning(index, run) { self.callBroker(index, .find(name)) }
        case .drainGoesOn(let index, let run, let step):
            if self.isRunning(index, run) { self.drainGoesOn(index, from: step) }
        }
    }

    func isRunning(_ index: Int, _ run: Int) -> Bool {
        self.nodes[index].run == run && self.nodes[index].core != nil
    }

    /// Steps a node's core and runs what it wants done.
    @discardableResult
    mutating func withCore<Outcome>(
        _ index: Int,
        _ body: (inout NodeStateMachine, inout [NodeEffect], Tick) throws(BusError) -> Outcome
    ) throws(BusError) -> Outcome? {
        var effects: [NodeEffect] = []
        guard self.nodes[index].core != nil else { return nil }
        let outcome: Outcome?
        do throws(BusError) {
            outcome = try self.stepCore(index, &effects, body)
        } catch {
            self.run(effects, at: index)
            throw error
        }
        self.run(effects, at: index)
        return outcome
    }

    /// The same for what can't fail.
    mutating func withCore(
        _ index: Int, _ body: (inout NodeStateMachine, inout [NodeEffect], Tick) -> Void
    ) {
        var effects: [NodeEffect] = []
        let now = self.now
        guard var core = self.nodes[index].core.take() else { return }
        body(&core, &effects, now)
        self.nodes[index].core = core
        self.run(effects, at: index)
    }

    private mutating func stepCore<Outcome>(
        _ index: Int, _ effects: inout [NodeEffect],
        _ body: (inout NodeStateMachine, inout [NodeEffect], Tick) throws(BusError) -> Outcome
    ) throws(BusError) -> Outcome? {
        guard var core = self.nodes[index].core.take() else { return nil }
        defer { self.nodes[index].core = core }
        return try body(&core, &effects, self.now)
    }

    /// Some time from now: between nothing and `most`.
    mutating func later(_ most: Span) -> Tick {
        self.now.advanced(by: Span(nanoseconds: self.random.below(most.nanoseconds) + 1))
    }

    mutating func chance(_ part: UInt64, of whole: UInt64) -> Bool {
        part > 0 && self.random.below(whole) < part
    }

    mutating func pick<Element>(_ elements: [Element]) -> Element? {
        elements.isEmpty ? nil : elements[Int(self.random.below(UInt64(elements.count)))]
    }

    func fail(_ promise: @autoclosure () -> String) {
        guard self.violation == nil else { return }
        let text = promise()
        self.log.violation = text
        self.trace("VIOLATION: \(text)")
    }

    func trace(_ line: @autoclosure () -> String) {
        guard self.plan.isTraced else { return }
        let micro = self.now.nanoseconds / 1_000
        self.log.lines.append(
            "\(micro / 1_000).\(String(micro % 1_000 + 1_000).dropFirst()) \(line())")
    }
}

/// What the world writes down; a class, so that writing does not count as a change of the world.
final class SimulationLog {
    var violation: String?
    var lines: [String] = []
}

/// What happened in a run, so that a test can see that something did.
package struct SimulationStatistics: Hashable, Sendable {
    package var messages = 0
    package var calls = 0
    package var answers = 0
    package var failures = 0
    package var linksBroken = 0
    package var brokerRestarts = 0
    package var nodesEnded = 0
    package var objectsFreed = 0
    /// Times that the broker was told to end, and nodes that heard of it.
    package var brokerStops = 0
    package var farewells = 0
    /// Nodes that were told to end, and those that had nothing to do any more when they did.
    package var drains = 0
    package var drainsInOrder = 0
    /// Calls by name, and those that were refused because the name meant something else by then.
    package var callsByName = 0
    package var moved = 0
    /// Calls that were refused because their object's node was about to end or had ended.
    package var disconnected = 0
    /// Those of them that may have been executed, although their caller lives.
    package var disconnectedMaybe = 0
    /// Incarnations that ended because they were cut off for too long.
    package var incarnationsLost = 0

    package init() {}
}
