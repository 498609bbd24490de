// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/names.md. Pure: no I/O, no clock, no randomness.

import BusKernel
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
    /// Which names mean a reference, as they stand in frames: asked for every late-bound call.
    private var headed: FlatMap<Reference, [[UInt8]]>
    private var namesByOwner: [IncarnationID: Set<String>] = [:]

    /// - Parameter seed: Unknown to those who choose object numbers.
    package init(seed: UInt64 = 0) {
        self.headed = FlatMap(
            emptyKey: Reference(owner: .broker, object: .root), emptyValue: [], seed: seed)
    }

    package var count: Int { self.queues.count }

    /// Whether the name that stands at `range` of `frame` means `reference`.
    package func isHead(
        _ reference: Reference, ofNameIn frame: RawSpan, at range: Range<Int>
    ) -> Bool {
        self.headed.read(reference) { names in
            for index in names.indices where names[index].count == range.count {
                if equal(names[index], frame, at: range.lowerBound) { return true }
            }
            return false
        } ?? false
    }

    /// The names that mean `reference`, sorted, at most `count`.
    package func names(of reference: Reference, atMost count: Int) -> [String] {
        let names = self.headed[reference] ?? []
        return names.map { String(decoding: $0, as: UTF8.self) }.sorted().prefix(count).map(\.self)
    }

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
        guard queue.count == 1 else { return .queued }
        self.headed.change(claim.reference) { $0.append(Array(name.utf8)) }
        return .head
    }

    /// Takes back what `owner` published as `name`; nil if it didn't.
    package mutating func withdraw(_ name: String, by owner: IncarnationID) -> Claim? {
        guard var queue = self.queues[name],
            let index = queue.firstIndex(where: { $0.reference.owner == owner })
        else { return nil }
        let claim = queue.remove(at: index)
        self.queues[name] = queue.isEmpty ? nil : queue
        if index == 0 { self.moveHead(of: name, from: claim.reference, to: queue.first?.reference) }
        self.namesByOwner[owner]?.remove(name)
        if self.namesByOwner[owner]?.isEmpty ?? false { self.namesByOwner[owner] = nil }
        return claim
    }

    private mutating func moveHead(of name: String, from former: Reference, to next: Reference?) {
        let bytes = Array(name.utf8)
        let isEmpty = self.headed.change(former) { names in
            names.removeAll { $0 == bytes }
            return names.isEmpty
        }
        if isEmpty { self.headed.remove(former) }
        if let next { self.headed.change(next) { $0.append(bytes) } }
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

/// Whether all of `bytes` stand in `frame` from `start` on, which must have room for them.
private func equal(_ name: [UInt8], _ frame: RawSpan, at start: Int) -> Bool {
    let bytes = name.span.bytes
    var place = 0
    while place + 8 <= bytes.byteCount {
        let one: UInt64 = bytes.number(at: place)
        guard one == frame.number(at: start + place) else { return false }
        place += 8
    }
    while place < bytes.byteCount {
        let one: UInt8 = bytes.number(at: place)
        guard one == frame.number(at: start + place) else { return false }
        place += 1
    }
    return true
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
