// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

import BusBrokerCore
import BusKernel
import BusNodeCore
import BusWire

/// The invariants of counting, and that nothing is freed that somebody holds.
extension SimulationWorld {
    mutating func retained(_ object: ObjectNumber, at index: Int) {
        guard let state = self.nodes[index][object] else { return }
        if state.isFreed { self.fail("node \(index) retains \(object), which was freed") }
        self.nodes[index].objects[Int(object.rawValue) - 1].isRetained = true
    }

    mutating func released(_ object: ObjectNumber, at index: Int) {
        guard self.nodes[index][object] != nil else { return }
        self.nodes[index].objects[Int(object.rawValue) - 1].isRetained = false
        self.freeIfUnused(object, at: index)
    }

    mutating func freeIfUnused(_ object: ObjectNumber, at index: Int) {
        guard let state = self.nodes[index][object], !state.isRooted, !state.isRetained,
            !state.isFreed
        else { return }
        self.nodes[index].objects[Int(object.rawValue) - 1].isFreed = true
        self.nodes[index].objectsAlive -= 1
        self.statistics.objectsFreed += 1
        self.digest.add(object.rawValue)
        guard let owner = self.nodes[index].core?.incarnation, !self.ended.contains(owner) else {
            return
        }
        let reference = Reference(owner: owner, object: object)
        self.trace("n\(index): frees \(reference)")
        if let holder = self.holder(of: reference, except: index) {
            self.fail("\(reference) was freed, but \(holder)")
        }
    }

    /// Who has a right to `reference`, or has it under way, on a link that lives.
    private func holder(of reference: Reference, except owner: Int) -> String? {
        for node in self.nodes {
            guard let core = node.core, let incarnation = core.incarnation,
                !self.ended.contains(incarnation)
            else { continue }
            if node.index != owner, core.imports[reference] != nil {
                return "node \(node.index) holds it"
            }
            guard let id = self.wholeLink(of: node) else { continue }
            for packet in self.links[id].up where packet.carries(reference, target: true) {
                return "node \(node.index) has sent it"
            }
            for packet in self.links[id].down where packet.carries(reference, target: false) {
                return "node \(node.index) is about to get it"
            }
        }
        return nil
    }

    /// The link that node and broker both take for the present one, with nothing missing.
    private func wholeLink(of node: SimulatedNode) -> Int? {
        guard let id = node.link, self.links[id].isWhole, let core = node.core, core.isLinked,
            let broker, let incarnation = core.incarnation,
            let slot = broker.nodes.slot(of: incarnation),
            broker.nodes[slot]?.link?.tx == self.links[id].tx
        else { return nil }
        return id
    }

    /// Compares the counters of nodes and broker, with what is under way between them.
    mutating func checkCounters() {
        guard self.violation == nil, let broker else { return }
        self.checkNames()
        for node in self.nodes {
            guard let id = self.wholeLink(of: node), let core = node.core,
                let incarnation = core.incarnation, let slot = broker.nodes.slot(of: incarnation)
            else { continue }
            let link = self.links[id]
            self.checkExports(of: core, incarnation, broker, link)
            self.checkImports(of: core, incarnation, broker, slot, link)
            self.checkOrder(of: incarnation, broker, slot, link)
            self.checkHomecoming(of: core, incarnation, link)
            self.checkCredit(of: core, incarnation, broker, slot, link)
        }
    }

    /// J1: `exp = E` + copies on their way to the broker + what Unrefs on their way give back.
    private mutating func checkExports(
        of core: NodeStateMachine, _ incarnation: IncarnationID, _ broker: BrokerStateMachine,
        _ link: SimulatedLink
    ) {
        for object in core.exports.objects {
            let reference = Reference(owner: incarnation, object: object)
            var expected = broker.holders[reference]?.exported ?? 0
            for packet in link.up { expected += packet.copies(of: reference) }
            for packet in link.down where packet.header.kind == .unref {
                if packet.header.object == object { expected += packet.header.call.rawValue }
            }
            let count = core.exports[object]?.count ?? 0
            if count != expected {
                self.fail("J1: \(reference) has exp \(count), but the others say \(expected)")
            }
        }
    }

    /// J2: `H = rcv` + copies on their way here + what Releases on their way give back; and J4:
    /// what is held was exported.
    private mutating func checkImports(
        of core: NodeStateMachine, _ incarnation: IncarnationID, _ broker: BrokerStateMachine,
        _ slot: NodeSlot, _ link: SimulatedLink
    ) {
        var references = broker.holders.references(heldBy: slot)
        references += core.imports.restatement.map(\.entry.reference)
        for reference in Set(references).sorted() {
            guard let owner = broker.nodes.slot(of: reference.owner) else { continue }
            var expected = core.imports[reference]?.received ?? 0
            for packet in link.down { expected += packet.copies(of: reference) }
            for packet in link.up where packet.releases(reference) {
                expected += packet.header.call.rawValue
            }
            let count = broker.holders.holding(reference, by: slot)?.count ?? 0
            if count != expected {
                self.fail(
                    "J2: \(reference) has H \(count) for \(incarnation), but rcv + flight is "
                        + "\(expected)")
            }
            // A node that waits may still have to restate its exports after a restart.
            if broker.nodes[owner]?.link != nil, count > 0,
                !self.mayBeStolen(reference),
                broker.holders[reference]?.exported ?? 0 == 0
            {
                self.fail("J4: \(reference) is held, but E is 0")
            }
        }
    }

    /// What the broker takes to be under way to a node is what is, and what the node has not told
    /// yet of what it has taken in; calls among it keep to the credit, but for repeated ones.
    private mutating func checkCredit(
        of core: NodeStateMachine, _ incarnation: IncarnationID, _ broker: BrokerStateMachine,
        _ slot: NodeSlot, _ link: SimulatedLink
    ) {
        guard let taken = core.takenIn else { return }
        let load = broker.nodes.load(of: slot)
        var (calls, others, refusable) = (taken.calls, taken.others, UInt64(0))
        var last: UInt64 = 0
        for packet in link.down {
            guard packet.header.kind == .call else {
                others += packet.byteCount
                continue
            }
            calls += packet.byteCount
            guard !packet.header.flags.contains(.resent) else { continue }
            refusable += packet.byteCount
            last = packet.byteCount
        }
        if load.calls.sent != calls || load.others.sent != others {
            self.fail(
                "credit: \(incarnation) was sent \(load.calls.sent) and \(load.others.sent) "
                    + "bytes, but \(calls) and \(others) have come or are under way")
        }
        if refusable - last > UInt64(broker.nodes.quota(of: slot).waitingBytes) {
            self.fail("credit: \(refusable) bytes of calls are under way to \(incarnation)")
        }
    }

    /// J3: whoever passes a reference on, or calls it, still holds it when the broker sees that.
    private mutating func checkOrder(
        of incarnation: IncarnationID, _ broker: BrokerStateMachine, _ slot: NodeSlot,
        _ link: SimulatedLink
    ) {
        var released: [Reference: UInt64] = [:]
        for packet in link.up {
            if packet.header.kind == .release {
                let reference = Reference(
                    owner: packet.header.peer, object: packet.header.object)
                released[reference, default: 0] += packet.header.call.rawValue
            }
            guard packet.header.kind == .call || packet.header.kind == .reply else { continue }
            for reference in packet.rights where reference.owner != incarnation {
                guard broker.nodes.slot(of: reference.owner) != nil else { continue }
                let held = broker.holders.holding(reference, by: slot)?.count ?? 0
                if held <= released[reference] ?? 0 {
                    self.fail("J3: \(incarnation) uses \(reference) after releasing it")
                }
            }
        }
    }
}

extension Packet {
    /// Whether it brings `reference` to somebody, or is a call to it.
    func carries(_ reference: Reference, target: Bool) -> Bool {
        if target, self.header.kind == .call, self.header.peer == reference.owner,
            self.header.object == reference.object
        {
            return true
        }
        return self.references.contains(reference)
    }

    var byteCount: UInt64 { UInt64(self.frame.count + Message.byteCount(of: self.buffers)) }

    func copies(of reference: Reference) -> UInt64 {
        self.references.reduce(0) { $1 == reference ? $0 + 1 : $0 }
    }

    func releases(_ reference: Reference) -> Bool {
        self.header.kind == .release && self.header.peer == reference.owner
            && self.header.object == reference.object
    }

    /// What its sender must hold for the broker to forward it.
    var rights: [Reference] {
        guard self.header.kind == .call, self.header.peer != .broker else {
            return self.references
        }
        let target = Reference(owner: self.header.peer, object: self.header.object)
        return self.references + [target]
    }
}
