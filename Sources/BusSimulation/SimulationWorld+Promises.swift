// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

import BusBrokerCore
import BusKernel
import BusNodeCore
import BusWire

/// A process, as the world knows it: which one of which node. The hostile peer is none.
struct SimulatedProcess: Hashable, Sendable {
    let node: Int
    let run: Int
}

/// Who is who, what names mean, and what comes home before its UNREF.
extension SimulationWorld {
    /// An incarnation is one process, for ever: whoever else gets in under it has stolen it.
    mutating func checkIdentity(of incarnation: IncarnationID, on link: Int) {
        let process =
            self.links[link].isHostile
            ? nil : SimulatedProcess(node: self.links[link].node, run: self.links[link].run)
        guard let known = self.processes.updateValue(process, forKey: incarnation) else { return }
        if known != process { self.fail("\(incarnation) was taken by another process") }
    }

    /// Each name has one head, which lives, or members, which do and have a number; and no
    /// incarnation stands there twice.
    func checkNames() {
        guard self.violation == nil, let broker else { return }
        var claims: [Reference: UInt32] = [:]
        for name in broker.names.names(withPrefix: "") {
            let queue = broker.names.queue(of: name)
            let owners = queue.map(\.reference.owner)
            if Set(owners).count != owners.count { self.fail("\(name) has an owner twice") }
            if queue.first != broker.names.head(of: name) { self.fail("\(name) has two heads") }
            for owner in owners where broker.nodes.slot(of: owner) == nil {
                self.fail("\(name) belongs to \(owner), which has ended")
            }
            for owner in owners where self.isRefusing(owner) {
                self.fail("\(name) leads to \(owner), which refuses calls")
            }
            if Set(queue.map(\.replicas)).count > 1 || queue.first?.fence == 0 {
                self.fail("\(name) is two things, or has no number")
            }
            for claim in queue { claims[claim.reference, default: 0] += 1 }
        }
        for (reference, count) in claims.sorted(by: { $0.key < $1.key })
        where broker.holders[reference]?.names != count {
            self.fail("\(reference) is held by \(count) names, and counts others")
        }
    }

    /// No call starts of a right that its object's owner has revoked before (rules R26).
    ///
    /// What the broker knows of a holding only grows, so the call passed it with that right or an
    /// older one. A new run of the broker knows only what holders restate.
    func checkRight(of call: SimulatedCall, at index: Int) {
        guard self.brokerRuns == 1, let broker, let core = self.nodes[index].core,
            call.caller != call.target.owner, let slot = broker.nodes.slot(of: call.caller),
            let right = broker.holders.right(to: call.target, of: slot)?.holding.generation,
            right < core.exports.generation(of: call.target.object)
        else { return }
        self.fail("call \(call.id) was started by a right that was revoked")
    }

    /// J5: what comes home, or calls an object, comes before the UNREF that lets the object go.
    func checkHomecoming(
        of core: NodeStateMachine, _ incarnation: IncarnationID, _ link: SimulatedLink
    ) {
        var left: [ObjectNumber: UInt64] = [:]
        for packet in link.down {
            if packet.header.kind == .unref {
                let object = packet.header.object
                let count = left[object] ?? core.exports[object]?.count ?? 0
                left[object] = count - min(count, packet.header.call.rawValue)
                continue
            }
            var objects = packet.references.filter { $0.owner == incarnation }.map(\.object)
            if packet.header.kind == .call { objects.append(packet.header.object) }
            for object in objects where left[object] == 0 {
                let reference = Reference(owner: incarnation, object: object)
                if self.mayBeStolen(reference) { continue }
                self.fail("J5: \(reference) comes home behind its last UNREF")
            }
        }
    }
}
