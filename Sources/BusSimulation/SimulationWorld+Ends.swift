// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock; all randomness comes from the seed.

import BusBrokerCore
import BusKernel
import BusNodeCore
import BusWire

/// How far a node has come that was told to end (calls.md §5).
struct SimulatedDrain: Sendable {
    enum Step: Sendable {
        /// Its names are being taken back.
        case withdrawing
        /// What runs may finish.
        case finishing
        /// Whatever it has sent before has arrived when the broker answers.
        case asking
        /// It ends as soon as its goodbye has left.
        case leaving
    }

    var step = Step.withdrawing
    /// The call of the broker that is awaited.
    var awaited: Int?
    /// Whether new calls are refused; not if the broker could not be reached.
    var refuses = false
    /// Those that it waits for: calls of these are let in.
    var chains: Set<ChainID> = []
}

/// Ends in good order, of the broker and of nodes, and what is promised of them.
extension SimulationWorld {
    // MARK: The broker

    /// The broker tells all nodes, takes in nothing more, and gives them time to close.
    mutating func stopBroker() {
        guard self.broker != nil else { return }
        self.trace("fault: the broker is told to end")
        self.statistics.brokerStops += 1
        var effects: [BrokerEffect] = []
        self.broker?.stopBegan(into: &effects)
        self.run(effects, inHand: nil)
        self.broker = nil
        let closes = self.now.advanced(by: .milliseconds(2))
        self.events.add(.brokerCloses, due: closes)
        let pause = Span(
            nanoseconds: 1 + self.random.below(self.plan.brokerLimits.resumeWindow.nanoseconds))
        self.events.add(.brokerStarts, due: closes.advanced(by: pause))
    }

    /// Who has not closed its connections has them closed.
    mutating func closeConnections() {
        for index in self.nodes.indices {
            guard let id = self.nodes[index].link, !self.links[id].isGoneAtBroker else { continue }
            self.links[id].isGoneAtBroker = true
            if !self.links[id].isBroken { self.cut(id, keepsUp: false, tells: false) }
            self.events.add(.nodeNotices(link: id), due: self.later(.milliseconds(2)))
        }
        for id in self.links.indices { self.links[id].isGoneAtBroker = true }
    }

    /// STOPPING is the last message of its link (handshake.md §4).
    func checkLast(on id: Int) {
        guard !self.links[id].isTampered, let packet = self.links[id].down.first else { return }
        self.fail("\(packet.header.kind.name) comes behind STOPPING on link \(id)")
    }

    // MARK: Nodes

    mutating func beginDrain(_ index: Int) {
        guard self.nodes[index].canAct, self.nodes[index].drain == nil else { return }
        self.trace("fault: n\(index) is told to end")
        self.statistics.drains += 1
        self.nodes[index].drain = SimulatedDrain()
        let call = self.callBroker(index, .withdrawAll)
        self.nodes[index].drain?.awaited = call
        self.limit(.withdrawing, of: index, to: .milliseconds(10))
    }

    private mutating func limit(_ step: SimulatedDrain.Step, of index: Int, to span: Span) {
        let due = self.now.advanced(by: span)
        self.events.add(
            .drainGoesOn(index, run: self.nodes[index].run, from: step), due: due)
    }

    /// A call has ended, perhaps the one that is awaited.
    mutating func drainGoesOn(_ index: Int, after call: Int) {
        guard let drain = self.nodes[index].drain, drain.awaited == call else { return }
        if drain.step == .withdrawing, self.calls[call].error == nil { self.refuseCalls(index) }
        // Not at once: other effects of the same message have yet to be run.
        self.limit(drain.step, of: index, to: .zero)
    }

    private mutating func refuseCalls(_ index: Int) {
        self.nodes[index].drain?.refuses = true
        // A call that is given up stays a question until it is answered.
        for call in self.calls where call.node == index && !call.isOrphan {
            guard let chain = call.chain else { continue }
            let isOpen = !call.isEnded || [.cancelled, .expired].contains(call.error?.kind)
            if isOpen { self.nodes[index].drain?.chains.insert(chain) }
        }
        if self.plan.canary != .deafDrain { self.nodes[index].core?.drainBegan() }
    }

    /// What was waited for is there, or has taken too long.
    mutating func drainGoesOn(_ index: Int, from step: SimulatedDrain.Step) {
        guard let drain = self.nodes[index].drain, drain.step == step else { return }
        self.nodes[index].drain?.awaited = nil
        switch step {
        case .withdrawing:
            self.nodes[index].drain?.step = .finishing
            self.limit(.finishing, of: index, to: .milliseconds(100))
            guard self.nodes[index].handlers.isEmpty else { return }
            self.drainGoesOn(index, from: .finishing)
        case .finishing:
            if self.nodes[index].handlers.isEmpty { self.statistics.drainsInOrder += 1 }
            self.nodes[index].drain?.step = .asking
            self.limit(.asking, of: index, to: .milliseconds(10))
            let call = self.callBroker(index, .ping)
            self.nodes[index].drain?.awaited = call
        case .asking:
            self.trace("n\(index): has drained, and says goodbye")
            self.nodes[index].drain?.step = .leaving
            self.sayGoodbye(index)
        case .leaving:
            break
        }
    }

    /// Who ends in good order waits until its goodbye has left; the broker hears of it behind that.
    mutating func cutBehindAll(_ id: Int) {
        self.cut(id, arrivingUp: true, arrivingDown: false, tells: false)
        let last = max(self.now, self.links[id].upDue)
        self.events.add(.brokerNotices(link: id), due: last.advanced(by: .milliseconds(1)))
    }

    /// Whether a node refuses calls, because it is about to end.
    func isRefusing(_ incarnation: IncarnationID) -> Bool {
        self.nodes.contains { $0.core?.incarnation == incarnation && $0.drain?.refuses == true }
    }

    /// A node that is about to end starts only what it waits for itself.
    func checkDrain(of call: SimulatedCall, at index: Int) {
        guard let drain = self.nodes[index].drain, drain.refuses, !call.isOneWay,
            let chain = call.chain, !drain.chains.contains(chain)
        else { return }
        self.fail("call \(call.id) was started at node \(index), which is about to end")
    }

    // MARK: Chains

    mutating func nextChain(_ index: Int) -> ChainID? {
        guard let root = self.nodes[index].core?.incarnation else { return nil }
        self.chainsMade += 1
        return ChainID(root: root, number: self.chainsMade)
    }
}
