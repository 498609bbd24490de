// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/references.md. Pure: no I/O, no clock, no randomness.

import BusKernel
package import BusWire

/// Counting what is held and what is given out (rules R7, R9, R10).
extension NodeStateMachine {
    /// Makes the token of a held reference; nil if it is not held (any more).
    package mutating func makeToken(_ reference: Reference) -> TokenGeneration? {
        self.imports.makeToken(reference)
    }

    /// The last strong reference to a token is gone.
    package mutating func tokenDied(
        _ reference: Reference, _ token: TokenGeneration, into effects: inout [NodeEffect]
    ) {
        if let count = self.imports.tokenDied(reference, token) {
            self.died(reference, .released, &effects)
            self.sendRelease(reference, count, &effects)
        }
    }

    /// Gives back the references of a delivered call or of an outcome, after the payload has been
    /// decoded and tokens have been made, or decoding failed.
    package mutating func unpin(_ references: [Reference], into effects: inout [NodeEffect]) {
        self.unpin(references, &effects)
    }

    /// The broker has the name; from now on each HELLO restates it.
    package mutating func published(
        _ name: String, _ object: ObjectNumber, interface: String, replicas: ReplicaPolicy? = nil
    ) {
        // It was on its way when all names were taken back, and is gone at the broker.
        guard !self.hasWithdrawnAll else { return }
        self.publications[name] = HelloBody.Name(
            name: name, object: object, interface: interface, replicas: replicas)
    }

    /// Names that this node has published, with their objects, sorted by name.
    package var published: [HelloBody.Name] {
        self.publications.sorted { $0.key < $1.key }.map(\.value)
    }

    /// The name is restated no longer. Returns whether it was.
    @discardableResult
    package mutating func withdrawn(_ name: String) -> Bool {
        self.publications.removeValue(forKey: name) != nil
    }

    /// No name is restated any longer, for good: the node is about to end.
    package mutating func allWithdrawn() {
        self.hasWithdrawnAll = true
        self.publications = [:]
    }

    /// What stands in a reference table for `reference`.
    func entry(for reference: Reference) -> ReferenceEntry {
        if reference.owner == self.incarnation {
            return ReferenceEntry(
                reference: reference, generation: self.exports.generation(of: reference.object))
        }
        guard let held = self.imports[reference] else {
            return ReferenceEntry(reference: reference)
        }
        return ReferenceEntry(
            reference: reference, generation: held.generation, seal: held.seal)
    }

    mutating func pin(_ reference: Reference, _ effects: inout [NodeEffect]) {
        if reference.owner == self.incarnation {
            if self.exports.pin(reference.object) { effects.append(.retain(reference.object)) }
        } else {
            self.imports.pin(reference)
        }
    }

    mutating func unpin(_ references: [Reference], _ effects: inout [NodeEffect]) {
        for reference in references { self.unpin(reference, &effects) }
    }

    mutating func unpin(_ reference: Reference, _ effects: inout [NodeEffect]) {
        if reference.owner == self.incarnation {
            if self.exports.unpin(reference.object) { effects.append(.release(reference.object)) }
        } else if let count = self.imports.unpin(reference) {
            self.died(reference, .released, &effects)
            self.sendRelease(reference, count, &effects)
        }
    }

    /// Counts every copy that `message` brings, before anything else is done with it, and pins it.
    mutating func countReceipts(
        of message: Message, _ effects: inout [NodeEffect]
    ) -> [Reference] {
        guard message.header.referenceCount > 0 else { return [] }
        let entries = message.references
        for entry in entries {
            if entry.reference.owner == self.incarnation {
                self.pin(entry.reference, &effects)
            } else {
                self.imports.countReceipt(entry)
            }
        }
        return entries.map(\.reference)
    }

    /// Counts every own object in a message that is about to be transmitted.
    mutating func countExports(of message: Message, _ effects: inout [NodeEffect]) {
        guard message.header.referenceCount > 0 else { return }
        for entry in message.references where entry.reference.owner == self.incarnation {
            if self.exports.countTransmission(entry.reference.object) {
                effects.append(.retain(entry.reference.object))
            }
        }
    }

    mutating func sendRelease(
        _ reference: Reference, _ count: UInt64, _ effects: inout [NodeEffect]
    ) {
        guard count > 0 else { return }
        if case .opening = self.phase {
            self.lateReleases.append((reference, count))
            return
        }
        let header = FrameHeader(
            kind: .release, peer: reference.owner, object: reference.object,
            call: CallNumber(rawValue: count))
        self.transmit(Message(header), &effects)
    }

    mutating func unrefReceived(
        _ header: FrameHeader, at now: Tick, _ effects: inout [NodeEffect]
    ) {
        guard let isIdle = self.exports.giveBack(header.object, count: header.call.rawValue)
        else {
            self.loseLink(
                "the broker gave back more than was exported", .linkFailed, at: now, &effects)
            return
        }
        if self.exports[header.object]?.count ?? 0 == 0 { self.unheld(header.object, &effects) }
        if isIdle { effects.append(.release(header.object)) }
    }
}
