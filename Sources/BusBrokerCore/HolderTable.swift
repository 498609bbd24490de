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
        /// The generation that new copies by the owner get.
        package var generation: Generation = .first
        /// The seal of `sealedGeneration`, kept because computing one is slow; `none` at first.
        var seal = Seal.none
        var sealedGeneration = Generation.first
        /// Published names that hold the object (rules R12).
        package var names: UInt32 = 0
        /// Sorted by node.
        package var holdings: [Holding] = []

        package var isHeld: Bool { !self.holdings.isEmpty || self.names > 0 }
        /// The invariant J4: what is held has been exported.
        package var isUnreferenced: Bool { !self.isHeld && self.exported > 0 }
        package var isEmpty: Bool { !self.isHeld && self.exported == 0 }

        package func position(of node: NodeSlot) -> (index: Int, found: Bool) {
            var low = 0
            var high = self.holdings.count
            while low < high {
                let middle = (low + high) / 2
                if self.holdings[middle].node < node { low = middle + 1 } else { high = middle }
            }
            return (low, low < self.holdings.count && self.holdings[low].node == node)
        }
    }

    /// Larger counts than this are lies of peers, and cut, so that counting on can't overflow.
    package static let countMax: UInt64 = 1 << 62

    private var rows: FlatMap<Reference, Row>
    private var columns: [NodeSlot: Set<Reference>] = [:]

    /// - Parameter seed: Unknown to those who choose object numbers.
    package init(seed: UInt64 = 0) {
        self.rows = FlatMap(
            emptyKey: Reference(owner: .broker, object: .root), emptyValue: Row(), seed: seed)
    }

    package var rowCount: Int { self.rows.count }

    package subscript(reference: Reference) -> Row? { self.rows[reference] }

    package func holding(_ reference: Reference, by node: NodeSlot) -> Holding? {
        self.right(to: reference, of: node)?.holding
    }

    /// What `node` holds of `reference`, and the generation that it takes to use it; nil if the
    /// node holds nothing.
    package func right(
        to reference: Reference, of node: NodeSlot
    ) -> (holding: Holding, current: Generation)? {
        self.rows.read(reference) { row -> (holding: Holding, current: Generation)? in
            let (index, found) = row.position(of: node)
            return found ? (row.holdings[index], row.generation) : nil
        } ?? nil
    }

    /// Whether nobody holds `reference` although it has been exported.
    package func isUnreferenced(_ reference: Reference) -> Bool {
        self.rows.read(reference) { $0.isUnreferenced } ?? false
    }

    /// Whether the owner has put `reference` into messages, as far as the broker knows.
    package func isExported(_ reference: Reference) -> Bool {
        self.rows.read(reference) { $0.exported > 0 } ?? false
    }

    /// The first references in their order, at most `count`; in one pass over all of them.
    package func first(_ count: Int) -> [Reference] {
        var found: [Reference] = []
        _ = self.rows.unorderedKeys { reference, _ in
            guard found.count < count || reference < found[count - 1] else { return false }
            if found.count == count { found.removeLast() }
            var (low, high) = (0, found.count)
            while low < high {
                let middle = (low + high) / 2
                if found[middle] < reference { low = middle + 1 } else { high = middle }
            }
            found.insert(reference, at: low)
            return false
        }
        return found
    }

    /// How many references `node` holds.
    package func holdingCount(of node: NodeSlot) -> Int { self.columns[node]?.count ?? 0 }

    /// What `node` holds, sorted.
    package func references(heldBy node: NodeSlot) -> [Reference] {
        (self.columns[node] ?? []).sorted()
    }

    /// Who holds something of `owner`, sorted, each once.
    package func holders(ofObjectsOf owner: IncarnationID, among slots: [NodeSlot]) -> [NodeSlot] {
        slots.filter { slot in
            self.columns[slot]?.contains { $0.owner == owner } ?? false
        }
    }

    /// Whose objects `node` holds, sorted, each once.
    package func owners(ofReferencesHeldBy node: NodeSlot) -> [IncarnationID] {
        var owners: Set<IncarnationID> = []
        for reference in self.columns[node] ?? [] { owners.insert(reference.owner) }
        return owners.sorted()
    }

    /// The owner put `reference` into a message, in that generation: `E[r] += 1`. Whether the
    /// message is delivered or not: the row may be new although the object was revoked before.
    package mutating func countExport(_ reference: Reference, generation: Generation) {
        self.rows.change(reference) { row in
            row.exported += 1
            row.generation = max(row.generation, generation)
        }
    }

    /// A copy is about to be forwarded: `H[r][n] += 1`. True if `node` becomes a holder by it.
    package mutating func countCopy(
        _ reference: Reference, to node: NodeSlot, generation: Generation,
        _ receipt: Receipt = .unknown
    ) -> Bool {
        let becameHolder = self.rows.change(reference) { row in
            let (index, found) = row.position(of: node)
            if found {
                row.holdings[index].count += 1
                row.holdings[index].generation = max(row.holdings[index].generation, generation)
            } else {
                row.holdings.insert(
                    Holding(node: node, generation: generation, count: 1, receipt: receipt),
                    at: index)
            }
            return !found
        }
        if becameHolder { self.columns[node, default: []].insert(reference) }
        return becameHolder
    }

    /// The seal of `reference`, which must have a row: kept, or computed by `authority`.
    package mutating func seal(
        _ reference: Reference, _ generation: Generation, by authority: any SealAuthority
    ) -> Seal {
        self.rows.change(reference) { row in
            if row.seal == .none || row.sealedGeneration != generation {
                row.seal = authority.seal(reference, generation)
                row.sealedGeneration = generation
            }
            return row.seal
        }
    }

    /// Copies given back or never delivered: `H[r][n] -= count`. False if there were fewer.
    package mutating func release(
        _ reference: Reference, count: UInt64, by node: NodeSlot
    ) -> Bool {
        guard count > 0, self.rows[reference] != nil else { return false }
        enum Outcome { case tooFew, held, dropped }
        let outcome = self.change(reference) { row -> Outcome in
            let (index, found) = row.position(of: node)
            guard found, row.holdings[index].count >= count else { return .tooFew }
            row.holdings[index].count -= count
            guard row.holdings[index].count == 0 else { return .held }
            row.holdings.remove(at: index)
            return .dropped
        }
        if outcome == .dropped { self.columns[node]?.remove(reference) }
        return outcome != .tooFew
    }

    /// HELLO restates a holding: `H[r][n] := count` (rules R7).
    package mutating func restate(
        _ reference: Reference, count: UInt64, generation: Generation, by node: NodeSlot,
        at now: Tick = .zero
    ) {
        self.change(reference) { row in
            let (index, found) = row.position(of: node)
            let holding = Holding(
                node: node, generation: generation, count: min(count, Self.countMax),
                receipt: found
                    ? row.holdings[index].receipt : Receipt(at: now, way: .restated))
            if found {
                row.holdings[index] = holding
            } else {
                row.holdings.insert(holding, at: index)
            }
        }
        self.columns[node, default: []].insert(reference)
    }

    /// `H[r][n] := 0` for all that `node` holds and `keeping` does not. Returns what, sorted.
    package mutating func dropColumn(
        of node: NodeSlot, keeping: Set<Reference> = []
    ) -> [Reference] {
        let dropped = (self.columns[node] ?? []).subtracting(keeping).sorted()
        for reference in dropped {
            self.change(reference) { row in
                let (index, found) = row.position(of: node)
                if found { row.holdings.remove(at: index) }
            }
        }
        self.columns[node] = keeping.isEmpty ? nil : self.columns[node]?.intersection(keeping)
        return dropped
    }

    /// The owner's HELLO restates an export: `E[r] := count`, and its generation wins (rules R25).
    package mutating func restateExport(
        _ reference: Reference, count: UInt64, generation: Generation
    ) {
        self.change(reference) { row in
            row.exported = min(count, Self.countMax)
            row.generation = generation
        }
    }

    /// Holdings of what `owner` owns and has not exported give no right. They count on, so that
    /// an owner who leaves out what others hold does no harm to their links.
    package mutating func voidUnexported(of owner: IncarnationID) {
        let unexported = self.rows.unorderedKeys { $0.owner == owner && $1.exported == 0 }
        for reference in unexported.sorted() {
            self.change(reference) { row in
                for index in row.holdings.indices { row.holdings[index].generation = .none }
            }
        }
    }

    /// The owner revoked: copies of earlier generations are worth nothing from now on.
    package mutating func revoke(_ reference: Reference, generation: Generation) {
        guard self.rows[reference] != nil else { return }
        self.change(reference) { $0.generation = max($0.generation, generation) }
    }

    package mutating func holdByName(_ reference: Reference) {
        self.change(reference) { $0.names += 1 }
    }

    package mutating func dropName(_ reference: Reference) {
        guard self.rows[reference] != nil else { return }
        self.change(reference) { $0.names -= min(1, $0.names) }
    }

    /// Takes `E[r]` for an Unref, if nobody holds `reference`; the row goes. Else nil.
    package mutating func takeUnreferenced(_ reference: Reference) -> UInt64? {
        guard let row = self.rows[reference], row.isUnreferenced else { return nil }
        self.rows[reference] = nil
        return row.exported
    }

    /// Every reference that nobody holds, sorted; for the end of the recovery window.
    package func unreferenced() -> [Reference] {
        self.rows.unorderedKeys { $1.isUnreferenced }.sorted()
    }

    /// The owners of all rows, sorted, each once.
    package func owners() -> [IncarnationID] {
        Set(self.rows.unorderedKeys().map(\.owner)).sorted()
    }

    /// Forgets everything that `owner` owned. Returns who held something of it, sorted.
    package mutating func dropRows(of owner: IncarnationID) -> [NodeSlot] {
        var holders: Set<NodeSlot> = []
        let owned = self.rows.unorderedKeys { key, _ in key.owner == owner }
        for reference in owned.sorted() {
            for holding in self.rows[reference]?.holdings ?? [] {
                holders.insert(holding.node)
                self.columns[holding.node]?.remove(reference)
            }
            self.rows[reference] = nil
        }
        return holders.sorted()
    }

    @discardableResult
    private mutating func change<Outcome>(
        _ reference: Reference, _ body: (inout Row) -> Outcome
    ) -> Outcome {
        let (outcome, isEmpty) = self.rows.change(reference) { row in
            (body(&row), row.isEmpty)
        }
        if isEmpty { self.rows.remove(reference) }
        return outcome
    }
}
