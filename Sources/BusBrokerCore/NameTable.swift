// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/names.md. Pure: no I/O, no clock, no randomness.

import BusKernel
package import BusWire

/// Published names: a queue of claims each, whose head is what the name means, or a group of
/// replicas, of which the name means each.
package struct NameTable: Sendable {
    package struct Claim: Hashable, Sendable {
        package var reference: Reference
        /// The name of the object's interface, for listings.
        package var interface: String
        /// How callers choose among the claims if they are a group; nil in a queue. The same in all
        /// claims to a name.
        package var replicas: ReplicaPolicy?
        /// Of the first claim: the number under which it is the head, or under which the group has
        /// these members. 0 in the others.
        package var fence: UInt64 = 0

        package init(reference: Reference, interface: String, replicas: ReplicaPolicy? = nil) {
            self.reference = reference
            self.interface = interface
            self.replicas = replicas
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
        /// The name is a queue, or a group with that policy, and the claim is not to such a one.
        case unlike(ReplicaPolicy?)
        /// The group has as many members as one may have.
        case full
    }

    /// What a name has to do with a reference.
    package enum Meaning: Hashable, Sendable {
        case nothing
        /// The reference is the head of a queue.
        case head
        /// It is one of a group, whose members have this number.
        case member(of: UInt64)
    }

    /// Members of a group: `find` lists them all, and a call looks for its target among them.
    package static let replicasMax = 64

    private struct Entry: Sendable {
        /// Empty in entries that are free; perhaps also in one that is not.
        var name = ""
        /// What the name means; nil in entries that are free, and in no others.
        var head: Claim?
        /// The claims behind it, in their order; in a group the other members.
        var standbys: [Claim] = []

        func meaning(of reference: Reference) -> Meaning {
            let isFirst = self.head?.reference == reference
            guard self.head?.replicas != nil else { return isFirst ? .head : .nothing }
            return isFirst || self.standbys.contains { $0.reference == reference }
                ? .member(of: self.head?.fence ?? 0) : .nothing
        }
    }

    private var index = HashIndex()
    private var entries = RowStore(blank: Entry())
    /// The entries of the names that each owner has published.
    private var entriesByOwner: [IncarnationID: Set<UInt32>] = [:]
    /// The names of interfaces, each once, and how many claims have it.
    private var interfaces: [String: (text: String, count: Int)] = [:]
    private let seed: UInt64

    /// - Parameter seed: Unknown to those who choose names.
    package init(seed: UInt64 = 0) {
        self.seed = seed
    }

    package var count: Int { self.index.count }

    /// Whether the name that stands at `range` of `frame` means `reference`. Asked for every
    /// late-bound call.
    package func meaning(
        of reference: Reference, byNameIn frame: RawSpan, at range: Range<Int>
    ) -> Meaning {
        let hash = nameHash(frame, range, seed: self.seed)
        let entry = self.index.row(hash) { entry in
            self.entries.read(entry) { equal($0.name.utf8, frame, at: range) }
        }
        guard let entry else { return .nothing }
        return self.entries.read(entry) { $0.meaning(of: reference) }
    }

    /// Whether `name` means `reference`.
    package func means(_ name: String, _ reference: Reference) -> Bool {
        guard let entry = self.entry(of: name) else { return false }
        return self.entries.read(entry) { $0.meaning(of: reference) } != .nothing
    }

    /// The names that mean any of `references`, sorted, at most `count` each; in one pass over all.
    package func names(of references: Set<Reference>, atMost count: Int) -> [Reference: [String]] {
        let named = self.entries.compactMap { entry -> [(Reference, String)]? in
            guard let head = entry.head else { return nil }
            let first = references.contains(head.reference) ? [(head.reference, entry.name)] : []
            guard head.replicas != nil else { return first.isEmpty ? nil : first }
            return first
                + entry.standbys.compactMap {
                    references.contains($0.reference) ? ($0.reference, entry.name) : nil
                }
        }
        return Dictionary(grouping: named.joined(), by: \.0)
            .mapValues { $0.map(\.1).sorted().prefix(count).map(\.self) }
    }

    package func head(of name: String) -> Claim? {
        self.entry(of: name).flatMap { self.entries.read($0) { $0.head } }
    }

    package func queue(of name: String) -> [Claim] {
        self.entry(of: name).map { self.queue(in: $0) } ?? []
    }

    package func count(ownedBy owner: IncarnationID) -> Int {
        self.entriesByOwner[owner]?.count ?? 0
    }

    /// Whether `owner` has published `name`.
    package func isPublished(_ name: String, by owner: IncarnationID) -> Bool {
        guard let entry = self.entry(of: name) else { return false }
        return self.entriesByOwner[owner]?.contains(entry) ?? false
    }

    /// All names that begin with `prefix`, sorted.
    package func names(withPrefix prefix: String) -> [String] {
        self.unorderedNames().filter { $0.hasPrefix(prefix) }.sorted()
    }

    package mutating func publish(_ name: String, _ claim: Claim) -> Change {
        let entry = self.entryForWriting(name)
        let queue = self.queue(in: entry)
        if let first = queue.first, first.replicas != claim.replicas {
            return .unlike(first.replicas)
        }
        if let mine = queue.first(where: { $0.reference.owner == claim.reference.owner }) {
            return mine.reference == claim.reference ? .unchanged : .conflict(mine.reference)
        }
        guard claim.replicas == nil || queue.count < Self.replicasMax else { return .full }
        var claim = claim
        claim.interface = self.share(claim.interface)
        self.entriesByOwner[claim.reference.owner, default: []].insert(entry)
        guard queue.isEmpty else {
            self.entries.change(entry) { $0.standbys.append(claim) }
            return .queued
        }
        self.entries.change(entry) { $0.head = claim }
        return .head
    }

    /// The claims to `name` have changed: numbers its head, or the members that it has now. False
    /// if there is none, or the head has a number.
    package mutating func number(_ name: String, _ fence: UInt64) -> Bool {
        guard let entry = self.entry(of: name), let head = self.head(of: name),
            head.fence == 0 || head.replicas != nil
        else { return false }
        self.entries.change(entry) { $0.head?.fence = fence }
        return true
    }

    /// Takes back what `owner` published as `name`; nil if it didn't.
    package mutating func withdraw(_ name: String, by owner: IncarnationID) -> Claim? {
        guard let entry = self.entry(of: name) else { return nil }
        var queue = self.queue(in: entry)
        guard let place = queue.firstIndex(where: { $0.reference.owner == owner }) else {
            return nil
        }
        let claim = queue.remove(at: place)
        self.unshare(claim.interface)
        self.entriesByOwner[owner]?.remove(entry)
        if self.entriesByOwner[owner]?.isEmpty ?? false { self.entriesByOwner[owner] = nil }
        guard let head = queue.first else {
            self.index.remove(entry, self.hash(of: name))
            self.entries.remove(entry)
            return claim
        }
        self.entries.change(entry) {
            $0.head = head
            $0.standbys = Array(queue.dropFirst())
        }
        return claim
    }

    /// What `owner` has published, sorted.
    package func names(ownedBy owner: IncarnationID) -> [String] {
        (self.entriesByOwner[owner] ?? []).map { self.entries.read($0) { $0.name } }.sorted()
    }

    /// With more names than this, looking for similar ones would hold up the broker.
    package static let similarAmong = 256

    /// The published names most like `name`, for an error message: at most three, and none among
    /// too many.
    package func similar(to name: String) -> [String] {
        guard self.count <= Self.similarAmong else { return [] }
        let scored = self.unorderedNames().map { (distance: editDistance($0, name), name: $0) }
        return scored.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }
            .prefix(3).map(\.name)
    }

    // MARK: Entries

    private func hash(of name: String) -> UInt64 {
        var name = name
        return name.withUTF8 { bytes in
            nameHash(bytes.span.bytes, 0..<bytes.count, seed: self.seed)
        }
    }

    private func entry(of name: String) -> UInt32? {
        // By bytes, as in frames: texts that only look the same are other names.
        self.index.row(self.hash(of: name)) {
            self.entries.read($0) { $0.name.utf8.elementsEqual(name.utf8) }
        }
    }

    /// The entry of `name`; a new one, which the caller fills, if there is none.
    private mutating func entryForWriting(_ name: String) -> UInt32 {
        if let entry = self.entry(of: name) { return entry }
        let entry = self.entries.insert(Entry(name: name))
        self.index.insert(entry, self.hash(of: name))
        return entry
    }

    private func queue(in entry: UInt32) -> [Claim] {
        self.entries.read(entry) { entry in entry.head.map { [$0] + entry.standbys } ?? [] }
    }

    private func unorderedNames() -> [String] {
        self.entries.compactMap { $0.head == nil ? nil : $0.name }
    }

    /// One text for all claims of an interface.
    private mutating func share(_ interface: String) -> String {
        let (text, count) = self.interfaces[interface] ?? (interface, 0)
        self.interfaces[interface] = (text, count + 1)
        return text
    }

    private mutating func unshare(_ interface: String) {
        guard let (text, count) = self.interfaces[interface] else { return }
        self.interfaces[interface] = count > 1 ? (text, count - 1) : nil
    }
}

/// The hash of the bytes at `range`; `seed` spreads what peers choose.
private func nameHash(_ bytes: RawSpan, _ range: Range<Int>, seed: UInt64) -> UInt64 {
    var hash = mixedBits(seed ^ UInt64(range.count))
    var place = range.lowerBound
    while place + 8 <= range.upperBound {
        let word: UInt64 = bytes.number(at: place)
        hash = mixedBits(hash ^ word)
        place += 8
    }
    var last: UInt64 = 0
    while place < range.upperBound {
        let byte: UInt8 = bytes.number(at: place)
        last = last << 8 | UInt64(byte)
        place += 1
    }
    return mixedBits(hash ^ last)
}

/// Whether `name` stands at `range` of `frame`.
private func equal(_ name: String.UTF8View, _ frame: RawSpan, at range: Range<Int>) -> Bool {
    let same = name.withContiguousStorageIfAvailable { name -> Bool in
        guard name.count == range.count else { return false }
        let bytes = name.span.bytes
        var place = 0
        while place + 8 <= name.count {
            let one: UInt64 = bytes.number(at: place)
            guard one == frame.number(at: range.lowerBound + place) else { return false }
            place += 8
        }
        while place < name.count {
            let one: UInt8 = bytes.number(at: place)
            guard one == frame.number(at: range.lowerBound + place) else { return false }
            place += 1
        }
        return true
    }
    return same ?? false
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
