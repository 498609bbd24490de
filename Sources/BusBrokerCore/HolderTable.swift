// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/references.md §2. Pure: no I/O, no clock, no randomness.

package import BusKernel
package import BusWire

/// Index of a node in the broker's `NodeTable`; reused after the node is gone.
package struct NodeSlot: Hashable, Comparable, Sendable {
    package let index: UInt32

    package init(_ index: Int) {
        self.index = UInt32(index)
    }

    package static func < (left: NodeSlot, right: NodeSlot) -> Bool { left.index < right.index }
}

/// Who holds what: `E[r]`, and `H[r][n]` with the generation in which `n` got `r`.
///
/// No control flow: changes return what became true, the broker's door turns that into effects.
package struct HolderTable: Sendable {
    /// One holder of one reference.
    package struct Holding: Hashable, Sendable {
        package let node: NodeSlot
        package var generation: Generation
        package var count: UInt64
        /// How the first of the copies came.
        package var receipt = Receipt.unknown
    }

    /// When and how a node became a holder.
    package struct Receipt: Hashable, Sendable {
        package enum Way: UInt8, Sendable {
            /// Restated in a HELLO: it came in an earlier run of the broker.
            case restated
            case call
            case answer
            case find
            case claim
        }

        package var at: Tick
        package var way: Way
        /// Who passed it on; who answered.
        package var sender: IncarnationID = .broker
        /// Of the call that carried it, or was answered.
        package var call = CallNumber(rawValue: 0)

        package static let unknown = Receipt(at: .zero, way: .restated)
    }

    package struct Row: Hashable, Sendable {
        /// `E[r]`: exports seen since the last Unref.
        package var exported: UInt64 = 0
        /// The seal of `sealedGeneration`, kept because computing one is slow; `none` at first.
        var seal = Seal.none
        var sealedGeneration = Generation.first
        /// The generation that new copies by the owner get.
        package var generation: Generation = .first
        /// Published names that hold the object (rules R12).
        package var names: UInt32 = 0
        package var holdings = Holdings()

        package var isHeld: Bool { !self.holdings.isEmpty || self.names > 0 }
        /// The invariant J4: what is held has been exported.
        package var isUnreferenced: Bool { !self.isHeld && self.exported > 0 }
        package var isEmpty: Bool { !self.isHeld && self.exported == 0 }
    }

    private struct Entry: Sendable {
        var reference: Reference
        /// Empty in entries that are free, and in no others.
        var row = Row()
    }

    /// Larger counts than this are lies of peers, and cut, so that counting on can't overflow.
    package static let countMax: UInt64 = 1 << 62

    private var index = HashIndex()
    private var entries = RowStore(
        blank: Entry(reference: Reference(owner: .broker, object: .root)))
    /// The entries of what each node holds.
    private var columns: [NodeSlot: Set<UInt32>] = [:]
    private let seed: UInt64

    /// - Parameter seed: Unknown to those who choose object numbers.
    package init(seed: UInt64 = 0) {
        self.seed = seed
    }

    package var rowCount: Int { self.index.count }

    package subscript(reference: Reference) -> Row? {
        self.entry(of: reference).map { self.entries.read($0) { $0.row } }
    }

    package func holding(_ reference: Reference, by node: NodeSlot) -> Holding? {
        self.right(to: reference, of: node)?.holding
    }

    /// What `node` holds of `reference`, and the generation that it takes to use it; nil if the
    /// node holds nothing.
    package func right(
        to reference: Reference, of node: NodeSlot
    ) -> (holding: Holding, current: Generation)? {
        guard let entry = self.entry(of: reference) else { return nil }
        return self.entries.read(entry) { entry in
            let current = entry.row.generation
            return entry.row.holdings[node].map { ($0, current) }
        }
    }

    /// Whether nobody holds `reference` although it has been exported.
    package func isUnreferenced(_ reference: Reference) -> Bool {
        guard let entry = self.entry(of: reference) else { return false }
        return self.entries.read(entry) { $0.row.isUnreferenced }
    }

    /// Whether the owner has put `reference` into messages, as far as the broker knows.
    package func isExported(_ reference: Reference) -> Bool {
        guard let entry = self.entry(of: reference) else { return false }
        return self.entries.read(entry) { $0.row.exported > 0 }
    }

    /// The first references in their order, at most `count`; in one pass over all of them.
    package func first(_ count: Int) -> [Reference] {
        var found: [Reference] = []
        for reference in self.unorderedReferences({ _, _ in true }) {
            guard found.count < count || reference < found[count - 1] else { continue }
            if found.count == count { found.removeLast() }
            var (low, high) = (0, found.count)
            while low < high {
                let middle = (low + high) / 2
                if found[middle] < reference { low = middle + 1 } else { high = middle }
            }
            found.insert(reference, at: low)
        }
        return found
    }

    /// How many references `node` holds.
    package func holdingCount(of node: NodeSlot) -> Int { self.columns[node]?.count ?? 0 }

    /// What `node` holds, sorted.
    package func references(heldBy node: NodeSlot) -> [Reference] {
        self.unorderedColumn(of: node).sorted()
    }

    /// Who holds something of `owner`, sorted, each once.
    package func holders(ofObjectsOf owner: IncarnationID, among slots: [NodeSlot]) -> [NodeSlot] {
        slots.filter { slot in
            self.columns[slot]?.contains { self.reference(of: $0).owner == owner } ?? false
        }
    }

    /// Whose objects `node` holds, sorted, each once.
    package func owners(ofReferencesHeldBy node: NodeSlot) -> [IncarnationID] {
        Set(self.unorderedColumn(of: node).map(\.owner)).sorted()
    }

    /// The owner put `reference` into a message, in that generation: `E[r] += 1`. Whether the
    /// message is delivered or not: the row may be new although the object was revoked before.
    package mutating func countExport(_ reference: Reference, generation: Generation) {
        self.entries.change(self.entryForWriting(reference)) { entry in
            entry.row.exported += 1
            entry.row.generation = max(entry.row.generation, generation)
        }
    }

    /// A copy is about to be forwarded: `H[r][n] += 1`. True if `node` becomes a holder by it.
    package mutating func countCopy(
        _ reference: Reference, to node: NodeSlot, generation: Generation,
        _ receipt: Receipt = .unknown
    ) -> Bool {
        let number = self.entryForWriting(reference)
        let isHolder = self.entries.change(number) { entry in
            entry.row.holdings.change(node) { holding in
                holding.count += 1
                holding.generation = max(holding.generation, generation)
            }
        }
        guard !isHolder else { return false }
        self.hold(
            number, Holding(node: node, generation: generation, count: 1, receipt: receipt))
        return true
    }

    /// The seal of `reference`, which must have a row: kept, or computed by `authority`.
    package mutating func seal(
        _ reference: Reference, _ generation: Generation, by authority: any SealAuthority
    ) -> Seal {
        guard let entry = self.entry(of: reference) else {
            return authority.seal(reference, generation)
        }
        return self.entries.change(entry) { entry in
            if entry.row.seal == .none || entry.row.sealedGeneration != generation {
                entry.row.seal = authority.seal(reference, generation)
                entry.row.sealedGeneration = generation
            }
            return entry.row.seal
        }
    }

    /// Copies given back or never delivered: `H[r][n] -= count`. False if there were fewer.
    package mutating func release(
        _ reference: Reference, count: UInt64, by node: NodeSlot
    ) -> Bool {
        guard count > 0, let entry = self.entry(of: reference) else { return false }
        var left: UInt64?
        _ = self.entries.change(entry) { entry in
            entry.row.holdings.change(node) { holding in
                guard holding.count >= count else { return }
                holding.count -= count
                left = holding.count
            }
        }
        if left == 0 { self.drop(entry, by: node) }
        return left != nil
    }

    /// HELLO restates a holding: `H[r][n] := count` (rules R7).
    package mutating func restate(
        _ reference: Reference, count: UInt64, generation: Generation, by node: NodeSlot,
        at now: Tick = .zero
    ) {
        let number = self.entryForWriting(reference)
        let count = min(count, Self.countMax)
        let isHolder = self.entries.change(number) { entry in
            entry.row.holdings.change(node) { holding in
                holding.count = count
                holding.generation = generation
            }
        }
        guard !isHolder else { return }
        self.hold(
            number,
            Holding(
                node: node, generation: generation, count: count,
                receipt: Receipt(at: now, way: .restated)))
    }

    /// `H[r][n] := 0` for all that `node` holds and `keeping` does not. Returns what, sorted.
    package mutating func dropColumn(
        of node: NodeSlot, keeping: Set<Reference> = []
    ) -> [Reference] {
        let dropped = self.unorderedColumn(of: node).filter { !keeping.contains($0) }.sorted()
        for reference in dropped {
            if let entry = self.entry(of: reference) { self.drop(entry, by: node) }
        }
        return dropped
    }

    /// The owner's HELLO restates an export: `E[r] := count`, and its generation wins (rules R25).
    package mutating func restateExport(
        _ reference: Reference, count: UInt64, generation: Generation
    ) {
        let entry = self.entryForWriting(reference)
        self.entries.change(entry) { entry in
            entry.row.exported = min(count, Self.countMax)
            entry.row.generation = generation
        }
        self.removeIfEmpty(entry)
    }

    /// Holdings of what `owner` owns and has not exported give no right. They count on, so that
    /// an owner who leaves out what others hold does no harm to their links.
    package mutating func voidUnexported(of owner: IncarnationID) {
        for reference in self.unorderedReferences({ $0.owner == owner && $1.exported == 0 }) {
            guard let entry = self.entry(of: reference) else { continue }
            self.entries.change(entry) { $0.row.holdings.changeAll { $0.generation = .none } }
        }
    }

    /// The owner revoked: copies of earlier generations are worth nothing from now on.
    package mutating func revoke(_ reference: Reference, generation: Generation) {
        guard let entry = self.entry(of: reference) else { return }
        self.entries.change(entry) { $0.row.generation = max($0.row.generation, generation) }
    }

    package mutating func holdByName(_ reference: Reference) {
        self.entries.change(self.entryForWriting(reference)) { $0.row.names += 1 }
    }

    package mutating func dropName(_ reference: Reference) {
        guard let entry = self.entry(of: reference) else { return }
        self.entries.change(entry) { $0.row.names -= min(1, $0.row.names) }
        self.removeIfEmpty(entry)
    }

    /// Takes `E[r]` for an Unref, if nobody holds `reference`; the row goes. Else nil.
    package mutating func takeUnreferenced(_ reference: Reference) -> UInt64? {
        guard let entry = self.entry(of: reference),
            let exported = self.entries.read(
                entry, { $0.row.isUnreferenced ? $0.row.exported : nil })
        else { return nil }
        self.remove(entry)
        return exported
    }

    /// Every reference that nobody holds, sorted; for the end of the recovery window.
    package func unreferenced() -> [Reference] {
        self.unorderedReferences { $1.isUnreferenced }.sorted()
    }

    /// The owners of all rows, sorted, each once.
    package func owners() -> [IncarnationID] {
        Set(self.unorderedReferences { _, _ in true }.map(\.owner)).sorted()
    }

    /// Forgets everything that `owner` owned. Returns who held something of it, sorted.
    package mutating func dropRows(of owner: IncarnationID) -> [NodeSlot] {
        var holders: Set<NodeSlot> = []
        for reference in self.unorderedReferences({ key, _ in key.owner == owner }) {
            guard let entry = self.entry(of: reference) else { continue }
            for holding in self.entries.read(entry, { $0.row.holdings }) {
                holders.insert(holding.node)
                self.columns[holding.node]?.remove(entry)
            }
            self.remove(entry)
        }
        return holders.sorted()
    }

    // MARK: Entries

    private func hash(of reference: Reference) -> UInt64 {
        mixedBits(reference.flatHash(seed: self.seed))
    }

    private func reference(of entry: UInt32) -> Reference {
        self.entries.read(entry) { $0.reference }
    }

    private func entry(of reference: Reference) -> UInt32? {
        self.index.row(self.hash(of: reference)) { self.reference(of: $0) == reference }
    }

    /// The entry of `reference`; a new one, which the caller fills or removes, if there is none.
    private mutating func entryForWriting(_ reference: Reference) -> UInt32 {
        if let entry = self.entry(of: reference) { return entry }
        let entry = self.entries.insert(Entry(reference: reference))
        self.index.insert(entry, self.hash(of: reference))
        return entry
    }

    private mutating func remove(_ entry: UInt32) {
        self.index.remove(entry, self.hash(of: self.reference(of: entry)))
        self.entries.remove(entry)
    }

    private mutating func removeIfEmpty(_ entry: UInt32) {
        if self.entries.read(entry, { $0.row.isEmpty }) { self.remove(entry) }
    }

    private mutating func hold(_ entry: UInt32, _ holding: Holding) {
        self.entries.change(entry) { $0.row.holdings.insert(holding) }
        self.columns[holding.node, default: []].insert(entry)
    }

    private mutating func drop(_ entry: UInt32, by node: NodeSlot) {
        self.entries.change(entry) { $0.row.holdings.remove(node) }
        self.columns[node]?.remove(entry)
        if self.columns[node]?.isEmpty == true { self.columns[node] = nil }
        self.removeIfEmpty(entry)
    }

    /// What `node` holds, in no order.
    private func unorderedColumn(of node: NodeSlot) -> [Reference] {
        (self.columns[node] ?? []).map { self.reference(of: $0) }
    }

    /// Every reference whose row fulfils `isWanted`, in no order.
    private func unorderedReferences(_ isWanted: (Reference, Row) -> Bool) -> [Reference] {
        self.entries.compactMap { entry in
            !entry.row.isEmpty && isWanted(entry.reference, entry.row) ? entry.reference : nil
        }
    }
}
