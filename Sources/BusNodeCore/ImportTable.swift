// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/references.md §3. Pure: no I/O, no clock, no randomness.

package import BusWire

/// Tells one token of a reference from the next one made after it died.
package struct TokenGeneration: Hashable, Sendable {
    package let rawValue: UInt64
}

/// What this node holds: `rcv[r]`, whether a token lives, and what pins it besides.
package struct ImportTable: Sendable {
    package struct Import: Hashable, Sendable {
        /// Copies received since the last Release.
        package var received: UInt64 = 0
        /// Messages and calls in this process that carry it.
        package var pins: Int = 0
        /// The living token, if there is one.
        package var token: TokenGeneration?
        package var generation: Generation = .first
        package var seal: Seal = .none
        /// Copies of earlier generations were revoked.
        package var needed: Generation = .none

        package var isRevoked: Bool { self.generation < self.needed }
    }

    private var imports: [Reference: Import] = [:]
    /// Where a reference was found last, while rows neither come nor go: hashing one twice for each
    /// call of the same object takes longer than all that is done to its row.
    private var latest: (reference: Reference, place: Dictionary<Reference, Import>.Index)?
    private var tokensMade: UInt64 = 0
    /// Whether any was revoked: asked for each call that is made.
    private var hasRevoked = false

    package init() {}

    package var count: Int { self.imports.count }

    package subscript(reference: Reference) -> Import? { self.imports[reference] }

    /// Rows for HELLO, by reference. What is pinned by a call but was never received, as the broker
    /// itself, is not held.
    package var restatement: [HelloBody.Holding] {
        self.imports.filter { $0.value.received > 0 }.sorted { $0.key < $1.key }.map {
            reference, held in
            HelloBody.Holding(
                entry: ReferenceEntry(
                    reference: reference, generation: held.generation, seal: held.seal),
                count: held.received)
        }
    }

    /// One copy arrived, in a message that pins it (rules R9).
    package mutating func countReceipt(_ entry: ReferenceEntry) {
        self.change(entry.reference) { held in
            held.received += 1
            held.pins += 1
            // A third party may pass on an older right than the one that is here already.
            guard entry.seal != .none, held.seal == .none || entry.generation >= held.generation
            else { return }
            held.seal = entry.seal
            held.generation = entry.generation
        }
    }

    /// Copies of generations before `generation` are worth nothing. False if there are none here,
    /// or that was known.
    package mutating func revoke(_ reference: Reference, before generation: Generation) -> Bool {
        guard let held = self.imports[reference], held.received > 0, !held.isRevoked,
            held.generation < generation
        else { return false }
        self.imports[reference]?.needed = generation
        self.hasRevoked = true
        return true
    }

    /// Whether `reference` is held by copies only that were revoked.
    package func isRevoked(_ reference: Reference) -> Bool {
        self.hasRevoked && self.imports[reference]?.isRevoked ?? false
    }

    package mutating func pin(_ reference: Reference) {
        self.change(reference) { $0.pins += 1 }
    }

    /// Returns how many copies to release: nil unless nothing holds the reference any more.
    package mutating func unpin(_ reference: Reference) -> UInt64? {
        guard let place = self.place(of: reference), self.imports.values[place].pins > 0
        else { return nil }
        self.imports.values[place].pins -= 1
        return self.takeIfIdle(at: place)
    }

    /// Makes a token's generation; the token before it, if any, no longer counts. Nil if the
    /// reference is not held.
    package mutating func makeToken(_ reference: Reference) -> TokenGeneration? {
        guard let place = self.imports.index(forKey: reference) else { return nil }
        self.tokensMade += 1
        let token = TokenGeneration(rawValue: self.tokensMade)
        self.imports.values[place].token = token
        return token
    }

    /// Whether that token keeps the reference: those of incarnations that have ended do not.
    package func isCurrent(_ token: TokenGeneration, of reference: Reference) -> Bool {
        guard let place = self.imports.index(forKey: reference) else { return false }
        return self.imports.values[place].token == token
    }

    /// The token of that generation died; a newer one is not concerned. Returns how many copies
    /// to release: nil unless nothing holds the reference any more.
    package mutating func tokenDied(_ reference: Reference, _ token: TokenGeneration) -> UInt64? {
        guard let place = self.imports.index(forKey: reference),
            self.imports.values[place].token == token
        else { return nil }
        self.imports.values[place].token = nil
        return self.takeIfIdle(at: place)
    }

    /// The owner ended: its references are worth nothing and need no Release.
    package mutating func dropAll(of owner: IncarnationID) {
        self.latest = nil
        // Order-free: each row goes by itself.
        self.imports = self.imports.filter { $0.key.owner != owner }
    }

    package mutating func dropAll() {
        self.latest = nil
        self.imports = [:]
    }

    /// Changes a row where it lies, a new one if there is none: `subscript` would take coroutine
    /// frames from the heap (docs/performance.md).
    private mutating func change(_ reference: Reference, _ body: (inout Import) -> Void) {
        if let place = self.place(of: reference) {
            body(&self.imports.values[place])
        } else {
            var row = Import()
            body(&row)
            self.latest = nil
            self.imports[reference] = row
        }
    }

    private mutating func place(of reference: Reference) -> Dictionary<Reference, Import>.Index? {
        if let latest, latest.reference == reference { return latest.place }
        guard let place = self.imports.index(forKey: reference) else { return nil }
        self.latest = (reference, place)
        return place
    }

    private mutating func takeIfIdle(at place: Dictionary<Reference, Import>.Index) -> UInt64? {
        let held = self.imports.values[place]
        guard held.pins == 0, held.token == nil else { return nil }
        self.latest = nil
        self.imports.remove(at: place)
        return held.received
    }
}
