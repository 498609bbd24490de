// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import BusSimulation
import BusWire

/// What peers were handed and have given back, written down by who sees every message; from that
/// follows what the broker may forward, and what its tables must say.
struct BrokerBooks {
    struct Right {
        var count: UInt64
        var generation: Generation
        var seal: Seal
    }

    /// The one name that is published as that of replicas.
    static let group = "group"

    /// What each node has a right to in this run of the broker.
    var rights: [IncarnationID: [Reference: Right]] = [:]
    /// What each node knows that it holds, and has put into messages.
    var held: [IncarnationID: [Reference: Right]] = [:]
    var exported: [IncarnationID: [ObjectNumber: UInt64]] = [:]
    /// Published names with their queues, in this run and as their owners remember them.
    var published: [String: [Reference]] = [:]
    var remembered: [String: [Reference]] = [:]
    /// From which generation on rights are worth something, as far as it was revoked.
    var revoked: [Reference: Generation] = [:]
    /// Those who have said what is not so, of whose counts nothing is known.
    var liars: Set<IncarnationID> = []
    var recoveryEnd: Tick?
    /// What each node has reported last of calls that wait.
    var reports: [IncarnationID: WaitReport] = [:]

    // MARK: What happens

    mutating func restart() {
        self.remembered = self.published
        self.published = [:]
        self.rights = [:]
        self.revoked = [:]
        self.reports = [:]
    }

    mutating func ended(_ incarnation: IncarnationID) {
        self.rights[incarnation] = nil
        self.held[incarnation] = nil
        self.exported[incarnation] = nil
        for node in self.rights.keys {
            self.rights[node] = self.rights[node]?.filter { $0.key.owner != incarnation }
        }
        self.revoked = self.revoked.filter { $0.key.owner != incarnation }
    }

    /// The broker has taken in the next message of a link.
    mutating func accepted(
        _ header: FrameHeader, _ frame: [UInt8], from sender: IncarnationID,
        _ broker: BrokerStateMachine
    ) {
        let reference = Reference(owner: header.peer, object: header.object)
        switch header.kind {
        case .call, .reply, .failure:
            for entry in header.references(in: frame.span.bytes)
            where entry.reference.owner == sender {
                self.exported[sender, default: [:]][entry.reference.object, default: 0] += 1
            }
        case .release:
            let count = header.call.rawValue
            Self.take(count, of: reference, from: &self.rights[sender, default: [:]])
            Self.take(count, of: reference, from: &self.held[sender, default: [:]])
        case .revoke:
            let own = Reference(owner: sender, object: header.object)
            guard broker.holders[own] != nil else { return }
            let generation = Generation(rawValue: UInt32(clamping: header.call.rawValue))
            self.revoked[own] = max(self.revoked[own] ?? .first, generation)
        default:
            break
        }
    }

    private static func take(
        _ count: UInt64, of reference: Reference, from rights: inout [Reference: Right]
    ) {
        guard count > 0, let right = rights[reference], right.count >= count else { return }
        rights[reference]?.count -= count
        if right.count == count { rights[reference] = nil }
    }

    /// A message of the broker, or forwarded by it, has reached a node.
    mutating func arrived(_ message: Message, at node: IncarnationID) {
        for entry in message.references where entry.reference.owner != node {
            Self.add(entry, to: &self.rights[node, default: [:]])
            Self.add(entry, to: &self.held[node, default: [:]])
        }
        switch message.header.kind {
        case .unref:
            let exported = self.exported[node]?[message.header.object] ?? 0
            self.exported[node]?[message.header.object] =
                exported - min(message.header.call.rawValue, exported)
        case .peerEnded:
            self.held[node] = self.held[node]?.filter { $0.key.owner != message.header.peer }
        default:
            break
        }
    }

    /// The broker has granted what never arrives: the link ends, the next HELLO sets all counts.
    mutating func granted(_ message: Message, to link: BrokerDoor.Link) {
        for entry in message.references where entry.reference.owner != link.incarnation {
            Self.add(entry, to: &self.rights[link.incarnation, default: [:]])
        }
    }

    private static func add(_ entry: ReferenceEntry, to rights: inout [Reference: Right]) {
        var right = rights[entry.reference] ?? Right(count: 0, generation: .none, seal: .none)
        right.count += 1
        // As a node does: an older right does not replace a newer one.
        if entry.generation >= right.generation {
            right.generation = entry.generation
            right.seal = entry.seal
        }
        rights[entry.reference] = right
    }

    mutating func gaveBack(_ header: FrameHeader) {
        self.revoked[Reference(owner: header.peer, object: header.object)] = nil
    }

    /// A HELLO was welcomed. Returns what the broker took from it that it must not take.
    mutating func restated(
        _ hello: HelloBody, by node: IncarnationID, _ broker: BrokerStateMachine,
        _ authority: SimulatedAuthority, at now: Tick
    ) -> String? {
        for export in hello.exports {
            let reference = Reference(owner: node, object: export.object)
            // What was given out to nobody is not remembered.
            self.revoked[reference] = export.count > 0 ? export.generation : nil
        }
        guard let slot = broker.nodes.slot(of: node) else { return "\(node) is not known" }
        var rights: [Reference: Right] = [:]
        let isRecovering = self.recoveryEnd.map { now <= $0 } ?? false
        for reference in broker.holders.references(heldBy: slot) {
            guard let holding = broker.holders.holding(reference, by: slot) else { continue }
            let rows = hello.holdings.filter { $0.entry.reference == reference }
            let former = self.rights[node]?[reference]
            let isProven = rows.contains {
                let seal = authority.seal(reference, $0.entry.generation)
                return seal == $0.entry.seal && $0.entry.generation >= holding.generation
            }
            guard rows.contains(where: { min($0.count, HolderTable.countMax) == holding.count })
            else { return "\(node) holds \(holding.count) of \(reference), and never said so" }
            guard former != nil || isRecovering && isProven else {
                return "\(node) gets \(reference) by saying that it has it"
            }
            guard holding.generation <= former?.generation ?? .none || isProven else {
                return "\(node) gets a newer right to \(reference) by saying so"
            }
            rights[reference] = Right(
                count: holding.count, generation: holding.generation, seal: former?.seal ?? .none)
        }
        self.rights[node] = rights
        return nil
    }

    // MARK: What must be so

    /// Why a message must not be forwarded; nil if it may be.
    func problem(
        _ header: FrameHeader, _ frame: [UInt8], from sender: IncarnationID,
        to link: BrokerDoor.Link
    ) -> String? {
        guard let patched = try? FrameHeader(reading: frame.span.bytes), patched.peer == sender
        else { return "a message is forwarded in the name of another node" }
        guard header.peer == link.incarnation else { return "a message goes to another node" }
        var needed = header.references(in: frame.span.bytes).map(\.reference)
        if header.kind == .call, header.object != .root {
            needed.append(Reference(owner: header.peer, object: header.object))
        }
        for reference in needed where reference.owner != sender {
            guard let right = self.rights[sender]?[reference] else {
                return "\(sender) uses \(reference), which it does not hold"
            }
            guard right.generation >= self.revoked[reference] ?? .none else {
                return "\(sender) uses \(reference), which was revoked"
            }
        }
        return nil
    }

    /// Why the broker must not send a message of its own; nil if it may.
    func problem(
        _ message: Message, _ inHand: BrokerDoor.InHand?, _ link: BrokerDoor.Link?
    ) -> String? {
        let header = message.header
        if header.kind == .unref {
            let reference = Reference(owner: header.peer, object: header.object)
            // Order-free: any will do.
            if let holder = self.rights.first(where: { $0.value[reference] != nil })?.key {
                return "\(reference) is given back, but \(holder) holds it"
            }
            if self.published.values.contains(where: { $0.contains(reference) }) {
                return "\(reference) is given back, but published"
            }
            if let link, header.peer != link.incarnation {
                return "another node's object is given back"
            }
        }
        // What is sent on a link that has ended since reaches nobody.
        guard let link else { return nil }
        for entry in message.references where entry.reference.owner != link.incarnation {
            let isPublished =
                self.published.values.contains { $0.first == entry.reference }
                || self.published[Self.group]?.contains(entry.reference) ?? false
            let isClaimed =
                inHand.map {
                    $0.original?.references(in: $0.frame.span.bytes).contains {
                        $0.reference == entry.reference && $0.seal == entry.seal
                    } ?? false
                } ?? false
            if !isPublished && !isClaimed {
                return "the broker hands out \(entry.reference), which is neither published nor "
                    + "claimed"
            }
        }
        return nil
    }
}
