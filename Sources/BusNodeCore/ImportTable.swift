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
        self.imports[entry.reference, default: Import()].received += 1
        self.imports[entry.reference]?.pins += 1
        // A third party may pass on an older right than the one that is here already.
        guard let held = self.imports[entry.reference], entry.seal != .none,
            held.seal == .none || entry.generation >= held.generation
        else { return }
        self.imports[entry.reference]?.seal = entry.seal
        self.imports[entry.reference]?.generation = entry.generation
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
        self.imports[reference, default: Import()].pins += 1
    }

    /// Returns how many copies to release: nil unless nothing holds the reference any more.
    package mutating func unpin(_ reference: Reference) -> UInt64? {
        guard let held = self.imports[reference], held.pins > 0 else { return nil }
        self.imports[reference]?.pins -= 1
        return self.takeIfIdle(reference)
    }

    /// Makes a token's generation; the token before it, if any, no longer counts. Nil if the
    /// reference is not held.
    package mutating func makeToken(_ reference: Reference) -> TokenGeneration? {
        guard self.imports[reference] != nil else { return nil }
        self.tokensMade += 1
        let token = TokenGeneration(rawValue: self.tokensMade)
        self.imports[reference]?.token = token
        return token
    }

    /// The token of that generation died; a newer one is not concerned. Returns how many copies
    /// to release: nil unless nothing holds the reference any more.
    package mutating func tokenDied(_ reference: Reference, _ token: TokenGeneration) -> UInt64? {
        guard self.imports[reference]?.token == token else { return nil }
        self.imports[reference]?.token = nil
        return self.takeIfIdle(reference)
    }

    /// The owner ended: its references are worth nothing and need no Release.
    package mutating func dropAll(of owner: IncarnationID) {
        // Order-free: each row goes by itself.
        self.imports = self.imports.filter { $0.key.owner != owner }
    }

    package mutating func dropAll() {
        self.imports = [:]
    }

    private mutating func takeIfIdle(_ reference: Reference) -> UInt64? {
        guard let held = self.imports[reference], held.pins == 0, held.token == nil else {
            return nil
        }
        self.imports[reference] = nil
        return held.received
    }
}
