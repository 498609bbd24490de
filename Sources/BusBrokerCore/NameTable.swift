// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/names.md. Pure: no I/O, no clock, no randomness.

package import BusWire

/// Published names: a queue of claims each, whose head is what the name means.
package struct NameTable: Sendable {
    package struct Claim: Hashable, Sendable {
        package var reference: Reference
        /// The name of the object's interface, for listings.
        package var interface: String

        package init(reference: Reference, interface: String) {
            self.reference = reference
            self.interface = interface
        }
    }

    /// What a change did.
    package enum Change: Hashable, Sendable {
        /// The claim became the head.
        case head
        /// The claim waits behind another.
        case queued
        /// The same claim was there already.
        case unchanged
        /// The same incarnation has published another object under this name.
        case conflict(Reference)
    }

    private var queues: [String: [Claim]] = [:]
    private var namesByOwner: [IncarnationID: Set<String>] = [:]

    package init() {}

    package var count: Int { self.queues.count }

    package func head(of name: String) -> Claim? { self.queues[name]?.first }

    package func queue(of name: String) -> [Claim] { self.queues[name] ?? [] }

    package func count(ownedBy owner: IncarnationID) -> Int { self.namesByOwner[owner]?.count ?? 0 }

    /// All names that begin with `prefix`, sorted.
    package func names(withPrefix prefix: String) -> [String] {
        self.queues.keys.filter { $0.hasPrefix(prefix) }.sorted()
    }

    package mutating func publish(_ name: String, _ claim: Claim) -> Change {
        var queue = self.queues[name] ?? []
        if let mine = queue.first(where: { $0.reference.owner == claim.reference.owner }) {
            return mine.reference == claim.reference ? .unchanged : .conflict(mine.reference)
        }
        queue.append(claim)
        self.queues[name] = queue
        self.namesByOwner[claim.reference.owner, default: []].insert(name)
        return queue.count == 1 ? .head : .queued
    }

    /// Takes back what `owner` published as `name`; nil if it didn't.
    package mutating func withdraw(_ name: String, by owner: IncarnationID) -> Claim? {
        guard var queue = self.queues[name],
            let index = queue.firstIndex(where: { $0.reference.owner == owner })
        else { return nil }
        let claim = queue.remove(at: index)
        self.queues[name] = queue.isEmpty ? nil : queue
        self.namesByOwner[owner]?.remove(name)
        if self.namesByOwner[owner]?.isEmpty ?? false { self.namesByOwner[owner] = nil }
        return claim
    }

    /// What `owner` has published, sorted.
    package func names(ownedBy owner: IncarnationID) -> [String] {
        (self.namesByOwner[owner] ?? []).sorted()
    }

    /// With more names than this, looking for similar ones would hold up the broker.
    package static let similarAmong = 256

    /// The published names most like `name`, for an error message: at most three, and none among
    /// too many.
    package func similar(to name: String) -> [String] {
        guard self.queues.count <= Self.similarAmong else { return [] }
        let scored = self.queues.keys.map { (distance: editDistance($0, name), name: $0) }
        return scored.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }
            .prefix(3).map(\.name)
    }
}

/// Levenshtein's distance between two short texts, each cut to 64 bytes.
package func editDistance(_ left: String, _ right: String) -> Int {
    let left = Array(left.utf8.prefix(64))
    let right = Array(right.utf8.prefix(64))
    var row = Array(0...right.count)
    for (i, a) in left.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, b) in right.enumerated() {
            let substituted = diagonal + (a == b ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
        }
    }
    return row[right.count]
}
