// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock; all randomness comes from the seed.

import BusBrokerCore
import BusKernel
import BusNodeCore
import BusWire

/// Starts, ends and everything that goes wrong.
extension SimulationWorld {
    mutating func startBroker() {
        guard self.broker == nil else { return }
        let seed = self.random.next()
        self.broker = BrokerStateMachine(
            limits: self.plan.brokerLimits, authority: self.authority, seed: seed,
            returning: self.remembered, fence: self.fence, at: self.now)
        self.brokerRuns += 1
        self.trace("b: starts, run \(self.brokerRuns)")
    }

    mutating func startNode(_ index: Int) {
        guard self.nodes[index].core == nil else { return }
        let seed = self.random.next()
        var node = SimulatedNode(index: index)
        node.run = self.nodes[index].run + 1
        node.core = NodeStateMachine(
            name: "n\(index)", program: "simulation", processID: Int64(node.run),
            limits: self.plan.nodeLimits, seed: seed)
        self.nodes[index] = node
        self.trace("n\(index): starts, process \(node.run)")
        self.withCore(index) { core, effects, now in core.started(at: now, into: &effects) }
        guard self.plan.script == nil else { return }
        self.events.add(.acts(index, run: node.run), due: self.later(.milliseconds(2)))
    }

    mutating func maybeFault() {
        let faults = self.plan.faults
        if self.chance(faults.linkLoss, of: 10_000), let id = self.someLink() {
            self.trace("fault: link \(id) breaks")
            self.cut(id, keepsUp: false)
            self.events.add(.nodeNotices(link: id), due: self.later(.milliseconds(3)))
        }
        if self.chance(faults.silentLoss, of: 10_000), let id = self.someLink() {
            self.trace("fault: link \(id) breaks in silence")
            self.cut(id, keepsUp: false, tells: false)
        }
        for kind in [FaultRates.Kind.gap, .duplicate, .swap, .garble]
        where self.chance(faults[kind], of: 10_000) {
            if let id = self.someLink() { self.tamper(id, kind) }
        }
        if self.chance(faults.stall, of: 10_000), let id = self.someLink() {
            self.trace("fault: link \(id) stalls")
            let end = self.later(self.plan.brokerLimits.silence)
            self.links[id].upDue = max(self.links[id].upDue, end)
            self.links[id].downDue = max(self.links[id].downDue, end)
        }
        if self.chance(faults.hostile, of: 10_000) { self.beHostile() }
        if self.chance(faults.brokerRestart, of: 10_000) { self.killBroker() }
        if self.chance(faults.crash, of: 10_000), let index = self.someNode() {
            self.trace("fault: n\(index) crashes")
            self.endNode(index)
        }
        if self.chance(faults.goodbye, of: 10_000), let index = self.someNode() {
            self.trace("fault: n\(index) says goodbye")
            self.sayGoodbye(index)
        }
        if self.chance(faults.brokerStop, of: 10_000) { self.stopBroker() }
        if self.chance(faults.drain, of: 10_000), let index = self.someNode() {
            self.beginDrain(index)
        }
    }

    mutating func sayGoodbye(_ index: Int) {
        if let incarnation = self.nodes[index].core?.incarnation {
            self.ended.insert(incarnation)
        }
        self.withCore(index) { core, effects, now in core.closed(at: now, into: &effects) }
        self.endNode(index)
    }

    private mutating func someLink() -> Int? {
        self.pick(self.nodes.compactMap(\.link).filter { !self.links[$0].isBroken })
    }

    private mutating func someNode() -> Int? {
        self.pick(self.nodes.filter { $0.core != nil }.map(\.index))
    }

    /// Breaks a link: of what is under way a prefix arrives, or all of what goes up.
    mutating func cut(_ id: Int, keepsUp: Bool, tells: Bool = true) {
        let up = self.links[id].up.count
        if !keepsUp || self.chance(1, of: 4) {
            self.links[id].keep(Int(self.random.below(UInt64(up + 1))), of: \.up)
        }
        let down = self.links[id].down.count
        self.links[id].keep(Int(self.random.below(UInt64(down + 1))), of: \.down)
        self.noteCut(of: id, tells: tells)
    }

    /// Breaks a link: of what is under way in one direction all arrives, or nothing.
    mutating func cut(_ id: Int, arrivingUp: Bool, arrivingDown: Bool, tells: Bool) {
        if !arrivingUp { self.links[id].keep(0, of: \.up) }
        if !arrivingDown { self.links[id].keep(0, of: \.down) }
        self.noteCut(of: id, tells: tells)
    }

    private mutating func noteCut(of id: Int, tells: Bool) {
        self.statistics.linksBroken += 1
        self.links[id].isBroken = true
        guard tells, !self.links[id].isGoneAtBroker else { return }
        // Sometimes the broker hears of the end before the last messages come.
        let last = self.chance(1, of: 8) ? self.now : max(self.now, self.links[id].upDue)
        let delay = Span(nanoseconds: self.random.below(500_000))
        self.events.add(.brokerNotices(link: id), due: last.advanced(by: delay))
    }

    /// Does to messages under way what only a broken or hostile transport does.
    private mutating func tamper(_ id: Int, _ kind: FaultRates.Kind) {
        let goesUp = !self.links[id].up.isEmpty && self.chance(1, of: 2)
        let queue: WritableKeyPath<SimulatedLink, [Packet]> = goesUp ? \.up : \.down
        let count = self.links[id][keyPath: queue].count
        guard count > (kind == .swap ? 1 : 0) else { return }
        let index = Int(self.random.below(UInt64(kind == .swap ? count - 1 : count)))
        self.trace("fault: link \(id): \(kind.rawValue)")
        self.links[id].isTampered = true
        switch kind {
        case .duplicate:
            self.links[id][keyPath: queue].insert(self.links[id][keyPath: queue][index], at: index)
            let due = goesUp ? self.links[id].upDue : self.links[id].downDue
            self.events.add(goesUp ? .upArrived(link: id) : .downArrived(link: id), due: due)
        case .swap:
            self.links[id][keyPath: queue].swapAt(index, index + 1)
        case .garble:
            self.links[id][keyPath: queue][index].garble()
        default:
            self.links[id][keyPath: queue].remove(at: index)
        }
    }

    mutating func brokerNotices(_ id: Int) {
        guard !self.links[id].isGoneAtBroker else { return }
        self.links[id].isGoneAtBroker = true
        var effects: [BrokerEffect] = []
        for connection in [self.links[id].rx, self.links[id].tx] {
            self.broker?.connectionClosed(connection, at: self.now, into: &effects)
        }
        self.run(effects, inHand: nil)
    }

    mutating func nodeNotices(_ id: Int) {
        let node = self.links[id].node
        guard self.nodes[node].link == id else { return }
        let epoch = self.links[id].epoch
        self.withCore(node) { core, effects, now in
            core.linkFailed(epoch, "the connection was closed", at: now, into: &effects)
        }
    }

    mutating func killBroker() {
        guard self.broker != nil else { return }
        self.trace("fault: the broker dies")
        self.statistics.brokerRestarts += 1
        self.broker = nil
        for index in self.nodes.indices {
            guard let id = self.nodes[index].link else { continue }
            self.links[id].isGoneAtBroker = true
            if !self.links[id].isBroken { self.cut(id, keepsUp: false, tells: false) }
            self.events.add(.nodeNotices(link: id), due: self.later(.milliseconds(2)))
        }
        for id in self.links.indices { self.links[id].isGoneAtBroker = true }
        self.events.add(.brokerStarts, due: self.later(self.plan.brokerLimits.resumeWindow))
    }

    /// The process is gone, whether it said goodbye or not; another one will follow.
    mutating func endNode(_ index: Int) {
        self.statistics.nodesEnded += 1
        if let id = self.nodes[index].link {
            self.links[id].isClosedByNode = true
            if !self.links[id].isBroken { self.cut(id, keepsUp: false, tells: true) }
        }
        if let incarnation = self.nodes[index].core?.incarnation { self.ended.insert(incarnation) }
        for call in self.calls.indices where self.calls[call].node == index {
            self.calls[call].isOrphan = true
        }
        self.nodes[index].core = nil
        self.nodes[index].link = nil
        self.events.add(.nodeStarts(index), due: self.later(.milliseconds(20)))
    }
}
