// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/handshake.md §6, references.md §6. Pure: no I/O, no clock.

package import BusWire

/// What the shell hears of references that are worth nothing any more, and of own objects that
/// nobody else holds.
extension NodeStateMachine {
    /// Tells by `died` when `reference` is worth nothing to this node any more, once.
    ///
    /// - Returns: why, if it is so already; then nothing will be told.
    package mutating func watch(_ reference: Reference) -> DeathReason? {
        if self.imports.isRevoked(reference) { return .revoked }
        guard self.imports[reference] != nil else {
            return self.endedPeers[reference.owner] ?? .released
        }
        self.watched.insert(reference)
        return nil
    }

    /// Tells by `unheld` whenever the last holder of an own object is gone, until told otherwise.
    package mutating func watchHolders(of object: ObjectNumber, _ wants: Bool) {
        if wants {
            self.watchedExports.insert(object)
        } else {
            self.watchedExports.remove(object)
        }
    }

    mutating func died(
        _ reference: Reference, _ reason: DeathReason, _ effects: inout [NodeEffect]
    ) {
        guard !self.watched.isEmpty, self.watched.remove(reference) != nil else { return }
        effects.append(.died(reference, reason))
    }

    /// An incarnation has ended: all that it owned is worth nothing.
    mutating func heldDied(
        of owner: IncarnationID, _ reason: DeathReason, _ effects: inout [NodeEffect]
    ) {
        self.endedPeers.add(owner, reason, max: self.limits.idlePeers)
        for reference in self.watched.filter({ $0.owner == owner }).sorted() {
            self.died(reference, reason, &effects)
        }
    }

    /// This incarnation has ended: it holds nothing.
    mutating func heldDied(_ effects: inout [NodeEffect]) {
        for reference in self.watched.sorted() { self.died(reference, .released, &effects) }
    }

    mutating func unheld(_ object: ObjectNumber, _ effects: inout [NodeEffect]) {
        guard self.watchedExports.contains(object) else { return }
        effects.append(.unheld(object))
    }

    /// This incarnation has ended: nobody holds what it gave out.
    mutating func exportsDied(
        but published: [ObjectNumber] = [], _ effects: inout [NodeEffect]
    ) {
        for object in self.watchedExports.sorted()
        where self.exports[object]?.count ?? 0 > 0 && !published.contains(object) {
            self.unheld(object, &effects)
        }
    }
}

/// Why other incarnations have ended, for those who ask later; the last ones.
struct EndedPeers: Sendable {
    private var reasons: [IncarnationID: DeathReason] = [:]
    private var order: [IncarnationID] = []

    subscript(id: IncarnationID) -> DeathReason? { self.reasons[id] }

    mutating func add(_ id: IncarnationID, _ reason: DeathReason, max count: Int) {
        if self.reasons.updateValue(reason, forKey: id) == nil { self.order.append(id) }
        guard self.order.count > count else { return }
        for old in self.order.prefix(count / 2 + 1) { self.reasons[old] = nil }
        self.order.removeFirst(count / 2 + 1)
    }
}
