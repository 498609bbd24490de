// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusWire

/// The broker's tables after each step, against the books.
extension BrokerDoor {
    mutating func checkTables() {
        guard self.violation == nil else { return }
        self.checkBounds()
        for slot in self.broker.nodes.all {
            guard let incarnation = self.broker.nodes[slot]?.incarnation else { continue }
            self.checkHoldings(of: incarnation, slot)
        }
        for link in self.links.values.sorted(by: { $0.rx < $1.rx }) {
            guard self.broker.nodes.slot(sendingOn: link.tx) != nil else {
                return self.fail("a link has ended, and nobody was told")
            }
            guard !self.books.liars.contains(link.incarnation) else { continue }
            self.checkCounters(of: link.incarnation)
        }
        for name in self.broker.names.names(withPrefix: "") {
            for claim in self.broker.names.queue(of: name)
            where self.broker.nodes.slot(of: claim.reference.owner) == nil {
                self.fail("name \(name) means \(claim.reference), whose owner has ended")
            }
        }
    }

    private mutating func checkBounds() {
        let limits = Self.limits
        if self.broker.nodeCount > limits.nodes { self.fail("there are too many nodes") }
        for slot in self.broker.nodes.all {
            if self.broker.holders.holdingCount(of: slot) > limits.referencesPerNode {
                self.fail("a node holds more than \(limits.referencesPerNode) references")
            }
            guard let incarnation = self.broker.nodes[slot]?.incarnation else { continue }
            if self.broker.names.count(ownedBy: incarnation) > limits.namesPerNode {
                self.fail("a node has published more than \(limits.namesPerNode) names")
            }
        }
    }

    /// `H`: what the broker says that a node holds is what it was handed and has not given back.
    private mutating func checkHoldings(of incarnation: IncarnationID, _ slot: NodeSlot) {
        let rights = self.books.rights[incarnation] ?? [:]
        let references = self.broker.holders.references(heldBy: slot)
        for reference in Set(references).union(rights.keys).sorted() {
            let counted = self.broker.holders.holding(reference, by: slot)?.count ?? 0
            let expected = rights[reference]?.count ?? 0
            if counted != expected {
                self.fail(
                    "H of \(reference) at \(incarnation) is \(counted), but it was handed "
                        + "\(expected)")
            }
        }
    }

    /// J1, J2 and J4 (docs/protocol/references.md §8) of a node that never lied; nothing is ever
    /// under way here.
    private mutating func checkCounters(of incarnation: IncarnationID) {
        let held = self.books.held[incarnation] ?? [:]
        let rights = self.books.rights[incarnation] ?? [:]
        for reference in Set(held.keys).union(rights.keys).sorted() {
            let (rcv, counted) = (held[reference]?.count ?? 0, rights[reference]?.count ?? 0)
            if rcv != counted {
                self.fail("J2: \(incarnation) has rcv \(rcv) of \(reference), but H is \(counted)")
            }
            guard !self.books.liars.contains(reference.owner),
                self.links.values.contains(where: { $0.incarnation == reference.owner })
            else { continue }
            if !self.broker.holders.isExported(reference) {
                self.fail("J4: \(reference) is held, but E is 0")
            }
        }
        for (object, exp) in (self.books.exported[incarnation] ?? [:]).sorted(by: {
            $0.key < $1.key
        }) {
            let reference = Reference(owner: incarnation, object: object)
            let exported = self.broker.holders[reference]?.exported ?? 0
            if exp != exported {
                self.fail("J1: \(reference) has exp \(exp), but E is \(exported)")
            }
            if exported > 0, self.broker.holders.isUnreferenced(reference),
                self.books.recoveryEnd == nil
            {
                self.fail("J5: nobody holds \(reference), and its owner is not told")
            }
        }
    }
}
