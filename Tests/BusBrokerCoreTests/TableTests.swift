// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import BusWire
import Testing

private func reference(_ owner: UInt64, _ object: UInt64) -> Reference {
    Reference(
        owner: IncarnationID(rawValue: owner), object: ObjectNumber(rawValue: object))
}

@Suite struct HolderTableTests {
    @Test func `a row ends with its last holder, name and export`() {
        var table = HolderTable()
        let thing = reference(1, 2)
        table.countExport(thing, generation: .first)
        let became = table.countCopy(thing, to: NodeSlot(3), generation: .first)
        let again = table.countCopy(thing, to: NodeSlot(3), generation: .first)
        #expect(became && !again)
        table.holdByName(thing)
        let released = table.release(thing, count: 2, by: NodeSlot(3))
        #expect(released)
        let unused = table.takeUnreferenced(thing)
        #expect(unused == nil, "a name holds it")
        table.dropName(thing)
        let exports = table.takeUnreferenced(thing)
        #expect(exports == 1)
        #expect(table.rowCount == 0)
    }

    @Test func `nobody can release more than it holds`() {
        var table = HolderTable()
        let thing = reference(1, 2)
        _ = table.countCopy(thing, to: NodeSlot(3), generation: .first)
        let tooMany = table.release(thing, count: 2, by: NodeSlot(3))
        let none = table.release(thing, count: 0, by: NodeSlot(3))
        let another = table.release(thing, count: 1, by: NodeSlot(4))
        #expect(!tooMany && !none && !another)
        #expect(table.holding(thing, by: NodeSlot(3))?.count == 1)
    }

    /// What the table should be, kept in the simplest way.
    private struct Model {
        var exported: [Reference: UInt64] = [:]
        var held: [Reference: [NodeSlot: UInt64]] = [:]
        var names: [Reference: Int] = [:]

        func isHeld(_ thing: Reference) -> Bool {
            !(self.held[thing] ?? [:]).isEmpty || self.names[thing, default: 0] > 0
        }
    }

    @Test(arguments: 0..<12) func `it counts as a naive table does`(seed: UInt64) {
        var random = RandomSource(seed: seed)
        var table = HolderTable(seed: random.next())
        var model = Model()
        for _ in 0..<400 {
            let thing = reference(1 + random.below(3), random.below(4))
            let node = NodeSlot(Int(random.below(5)))
            switch random.below(9) {
            case 0, 1:
                table.countExport(thing, generation: .first)
                model.exported[thing, default: 0] += 1
            case 2, 3:
                let became = table.countCopy(thing, to: node, generation: .first)
                #expect(became == (model.held[thing]?[node] == nil))
                model.held[thing, default: [:]][node, default: 0] += 1
            case 4:
                self.release(thing, 1 + random.below(3), node, &table, &model)
            case 5:
                table.holdByName(thing)
                model.names[thing, default: 0] += 1
            case 6:
                table.dropName(thing)
                model.names[thing] = max(0, model.names[thing, default: 0] - 1)
            case 7:
                self.drop(node, &random, &table, &model)
            default:
                let taken = table.takeUnreferenced(thing)
                let expected = model.isHeld(thing) ? nil : model.exported[thing]
                #expect(taken == expected)
                if taken != nil { model.exported[thing] = nil }
            }
            self.compare(table, model)
        }
    }

    private func release(
        _ thing: Reference, _ count: UInt64, _ node: NodeSlot, _ table: inout HolderTable,
        _ model: inout Model
    ) {
        let had = model.held[thing]?[node] ?? 0
        let released = table.release(thing, count: count, by: node)
        #expect(released == (had >= count))
        if released { model.held[thing]?[node] = had == count ? nil : had - count }
    }

    /// The node restates some of what it held, or ends, or an owner ends.
    private func drop(
        _ node: NodeSlot, _ random: inout RandomSource, _ table: inout HolderTable,
        _ model: inout Model
    ) {
        if random.below(4) == 0 {
            let owner = IncarnationID(rawValue: 1 + random.below(3))
            let holders = table.dropRows(of: owner)
            let expected = model.held.filter { $0.key.owner == owner }.flatMap(\.value.keys)
            #expect(holders == Set(expected).sorted())
            model.exported = model.exported.filter { $0.key.owner != owner }
            model.held = model.held.filter { $0.key.owner != owner }
            model.names = model.names.filter { $0.key.owner != owner }
            return
        }
        let held = model.held.filter { $0.value[node] != nil }.map(\.key).sorted()
        let kept = Set(held.filter { _ in random.below(2) == 0 })
        let dropped = table.dropColumn(of: node, keeping: kept)
        #expect(dropped == held.filter { !kept.contains($0) })
        for thing in dropped { model.held[thing]?[node] = nil }
    }

    private func compare(_ table: HolderTable, _ model: Model) {
        for owner in 1...3 as ClosedRange<UInt64> {
            for object in 0..<4 as Range<UInt64> {
                let thing = reference(owner, object)
                #expect(table[thing]?.exported ?? 0 == model.exported[thing] ?? 0)
                #expect(table[thing]?.isHeld ?? false == model.isHeld(thing))
                for node in (0..<5).map({ NodeSlot($0) }) {
                    #expect(table.holding(thing, by: node)?.count == model.held[thing]?[node])
                }
            }
        }
        for node in (0..<5).map({ NodeSlot($0) }) {
            let expected = model.held.filter { $0.value[node] != nil }.map(\.key).sorted()
            #expect(table.references(heldBy: node) == expected)
            #expect(table.holdingCount(of: node) == expected.count)
        }
        let unused = model.exported.filter { !model.isHeld($0.key) }.map(\.key).sorted()
        #expect(table.unreferenced() == unused)
    }
}

@Suite struct NameTableTests {
    private func claim(_ owner: UInt64, _ object: UInt64 = 1) -> NameTable.Claim {
        NameTable.Claim(reference: reference(owner, object), interface: "I")
    }

    @Test func `names queue up, and the head moves to the next in line`() {
        var table = NameTable()
        let changes = [
            table.publish("x", self.claim(1)), table.publish("x", self.claim(2)),
            table.publish("x", self.claim(1)), table.publish("x", self.claim(2, 9)),
        ]
        #expect(changes == [.head, .queued, .unchanged, .conflict(reference(2, 1))])
        #expect(table.head(of: "x") == self.claim(1))
        let withdrawn = table.withdraw("x", by: IncarnationID(rawValue: 1))
        #expect(withdrawn == self.claim(1))
        #expect(table.head(of: "x") == self.claim(2))
        let nothing = table.withdraw("x", by: IncarnationID(rawValue: 1))
        #expect(nothing == nil)
    }

    @Test func `similar names come nearest first, and none among too many`() {
        var table = NameTable()
        for name in ["counter", "count", "bank", "greeter"] {
            _ = table.publish(name, self.claim(1))
        }
        #expect(table.similar(to: "countr") == ["count", "counter", "bank"])
        for number in 0..<NameTable.similarAmong { _ = table.publish("n\(number)", self.claim(2)) }
        #expect(table.similar(to: "countr").isEmpty)
    }

    @Test(arguments: 0..<12) func `it is what a naive list of claims is`(seed: UInt64) {
        var random = RandomSource(seed: seed)
        var table = NameTable(seed: random.next())
        var model: [(name: String, claim: NameTable.Claim)] = []
        let names = ["", "a", "ab", "twelve-bytes", "exactly-16-bytes", "seventeen-bytes.."]
        for _ in 0..<200 {
            let name = names[Int(random.below(6))]
            let claim = self.claim(1 + random.below(4), random.below(2))
            let mine = model.firstIndex {
                $0.name == name && $0.claim.reference.owner == claim.reference.owner
            }
            if random.below(3) > 0 {
                let change = table.publish(name, claim)
                if let mine {
                    let other = model[mine].claim.reference
                    #expect(change == (other == claim.reference ? .unchanged : .conflict(other)))
                } else {
                    #expect(change == (model.contains { $0.name == name } ? .queued : .head))
                    model.append((name, claim))
                }
            } else {
                let withdrawn = table.withdraw(name, by: claim.reference.owner)
                #expect(withdrawn == mine.map { model.remove(at: $0).claim })
            }
            for name in names {
                let queue = model.filter { $0.name == name }.map(\.claim)
                #expect(table.queue(of: name) == queue)
                self.checkHeads(of: name, table, queue.first?.reference)
            }
        }
        #expect(
            table.names(withPrefix: "a")
                == Set(model.map(\.name)).filter { $0.hasPrefix("a") }.sorted())
    }

    /// Every reference is asked whether the name, in the middle of a frame, means it.
    private func checkHeads(of name: String, _ table: NameTable, _ head: Reference?) {
        let frame = Array("<\(name)>".utf8)
        let range = 1..<frame.count - 1
        for owner in 1...4 as ClosedRange<UInt64> {
            for object in 0..<2 as Range<UInt64> {
                let asked = reference(owner, object)
                let answer = table.meaning(of: asked, byNameIn: frame.span.bytes, at: range)
                #expect(answer == (asked == head ? .head : .nothing))
            }
        }
    }
}
