// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import BusValue
import BusWire
import Testing

/// Replica groups: docs/protocol/names.md §7.
@Suite struct ReplicaTests {
    let world = BrokerWorld()
    let first: ScriptedNode
    let second: ScriptedNode
    let client: ScriptedNode

    init() {
        self.first = ScriptedNode(self.world, "first")
        self.second = ScriptedNode(self.world, "second")
        self.client = ScriptedNode(self.world, "client")
    }

    private func publishBoth() {
        self.first.publish("resizer", 1, replicas: "roundRobin")
        self.second.publish("resizer", 2, replicas: "roundRobin")
    }

    /// The number that an answer to `find` tells.
    private func number(_ found: Message) -> UInt64 {
        UInt64(found.value?[2]?.intValue ?? 0)
    }

    @Test func `who finds a group gets all members, their policy and their number`() {
        self.publishBoth()
        let found = self.client.find("resizer")
        #expect(
            found.value
                == .array([
                    .reference(ReferenceSlot(0)), .string("I"), .integer(2), .string("roundRobin"),
                    .array([.reference(ReferenceSlot(0)), .reference(ReferenceSlot(1))]),
                ]))
        let members = [self.first.object(1), self.second.object(2)]
        #expect(found.references.map(\.reference) == members)
        #expect(found.references.map(\.seal) == members.map { TestAuthority().seal($0, .first) })
        for member in members {
            #expect(self.world.core.holders[member]?.holdings.count == 1)
            self.client.release(member)
            #expect(self.world.core.holders[member]?.holdings.isEmpty == true)
        }
        #expect(unrefs(self.first.take()).isEmpty, "its name holds it")
    }

    @Test func `a member that finds its own group gets no right to itself`() {
        self.publishBoth()
        let found = self.second.find("resizer")
        #expect(found.references.map { $0.seal == .none } == [false, true])
    }

    @Test func `the first claim says what a name is, and others are told`() {
        self.publishBoth()
        let queue = self.client.publish("resizer", 3).error
        #expect(queue.kind == .invalid)
        #expect(
            queue.message == "resizer is a group of replicas by roundRobin, "
                + "not a queue with one head")
        let other = self.client.publish("resizer", 3, replicas: "leastOutstanding").error
        #expect(other.kind == .invalid && other.message.hasSuffix("replicas by leastOutstanding"))
        self.client.publish("bank", 3)
        #expect(self.first.publish("bank", 1, replicas: "roundRobin").error.kind == .invalid)
        let unknown = self.first.publish("new", 1, replicas: "fairly").error
        #expect(unknown.kind == .invalid && unknown.message.contains("leastOutstanding"))
        #expect(self.world.core.names.queue(of: "resizer").count == 2)
        // What is left by all may become something else.
        self.first.send(.goodbye)
        self.second.ask("withdraw(_:)", [.string("resizer")])
        #expect(self.client.publish("resizer", 3).kind == .reply)
    }

    @Test func `a group has so many members and no more`() {
        for index in 0..<NameTable.replicasMax {
            let node = ScriptedNode(self.world, "n\(index)")
            #expect(node.publish("resizer", 1, replicas: "roundRobin").kind == .reply)
        }
        let error = self.first.publish("resizer", 1, replicas: "roundRobin").error
        #expect(error.kind == .overloaded && error.message.contains("64"))
        #expect(self.client.find("resizer").references.count == NameTable.replicasMax)
    }

    @Test func `who may hold too little for all members is given none`() {
        let world = BrokerWorld { $0.referencesPerNode = 1 }
        let owners = [ScriptedNode(world, "a"), ScriptedNode(world, "b")]
        for owner in owners { owner.publish("resizer", 1, replicas: "roundRobin") }
        let client = ScriptedNode(world, "client")
        #expect(client.find("resizer").error.kind == .overloaded)
        #expect(world.core.holders.holdingCount(of: NodeSlot(2)) == 0)
    }

    @Test func `every member may be called, with the present number or with none`() {
        self.publishBoth()
        let number = self.number(self.client.find("resizer"))
        self.client.call(self.first.object(1), number: 1, name: "resizer", members: number)
        self.client.call(self.second.object(2), number: 2, name: "resizer", members: number)
        self.client.call(self.second.object(2), number: 3, name: "resizer")
        #expect(self.first.take().kinds == [.call])
        #expect(self.second.take().kinds == [.call, .call])
    }

    @Test func `who chose before a member came or went is told once, and asks anew`() {
        self.first.publish("resizer", 1, replicas: "roundRobin")
        let old = self.number(self.client.find("resizer"))
        self.second.publish("resizer", 2, replicas: "roundRobin")
        _ = self.first.take()
        self.client.call(self.first.object(1), number: 1, name: "resizer", members: old)
        let error = self.client.take().first?.error
        #expect(error?.kind == .moved && error?.executed == .no)
        let new = self.number(self.client.find("resizer"))
        #expect(new > old)
        // Whatever changes meanwhile: the call that was told already goes to whom it can.
        ScriptedNode(self.world, "third").publish("resizer", 3, replicas: "roundRobin")
        self.client.call(self.second.object(2), number: 2, name: "resizer")
        #expect(self.second.take().kinds == [.call])
        self.second.ask("withdraw(_:)", [.string("resizer")])
        self.client.call(self.second.object(2), number: 3, name: "resizer")
        #expect(self.client.take().first?.error.kind == .moved)
        self.client.call(self.second.object(2), number: 2, flags: .resent, name: "resizer")
        #expect(self.second.take().kinds == [.call], "a call once sent stays with its member")
    }

    @Test func `a member without a link is left out until it is back, and then called again`() {
        self.publishBoth()
        let number = self.number(self.client.find("resizer"))
        self.second.die()
        self.client.call(self.second.object(2), number: 1, name: "resizer", members: number)
        #expect(self.client.take().map(\.error.kind) == [.moved])
        #expect(self.client.find("resizer").references.map(\.reference) == [self.first.object(1)])
        self.second.names = [
            HelloBody.Name(
                name: "resizer", object: ObjectNumber(rawValue: 2), interface: "I",
                replicas: .roundRobin)
        ]
        self.second.exports = [
            HelloBody.Export(
                object: ObjectNumber(rawValue: 2), generation: .first, count: 1)
        ]
        self.second.relink()
        _ = self.client.take()
        self.client.call(self.first.object(1), number: 2, name: "resizer", members: number)
        #expect(self.client.take().map(\.error.kind) == [.moved])
        #expect(self.client.find("resizer").references.count == 2)
    }

    @Test func `if no member has a link, a call waits for the one that it was made to`() {
        self.first.publish("resizer", 1, replicas: "roundRobin")
        let number = self.number(self.client.find("resizer"))
        self.first.die()
        self.client.call(self.first.object(1), number: 1, name: "resizer", members: number)
        #expect(self.client.take().map(\.error.kind) == [.moved])
        #expect(self.client.find("resizer").references.count == 1)
        self.client.call(self.first.object(1), number: 2, name: "resizer")
        #expect(self.client.take().isEmpty)
    }

    @Test func `the members of a group are listed with their policy, and have no fence`() {
        self.publishBoth()
        let rows = self.client.ask("names(prefix:)", [.string("")]).value?.arrayValue ?? []
        #expect(rows.map { $0["node"]?.stringValue } == ["first", "second"])
        #expect(rows.map { $0["standby"]?.intValue } == [0, 0])
        #expect(rows.map { $0["replicas"]?.stringValue } == ["roundRobin", "roundRobin"])
        #expect(rows.allSatisfy { $0["fence"] == nil })
        let described = self.client.ask(
            "references(of:)", [.string(self.second.object(2).description)])
        #expect(described.value?["names"]?.arrayValue == [.string("resizer")])
    }

    @Test func `who watches is told of all members at each change`() {
        self.publishBoth()
        let run = hexadecimal(self.client.run)
        let answer = self.client.ask(
            later: "watchNames(prefix:run:after:)", [.string(""), .string(run), 0])
        let changes = answer?.value?["changes"]?.arrayValue ?? []
        #expect(changes.map { $0[1]?.arrayValue?.count } == [1, 2])
    }

    @Test func `members tell the next run what their name is`() {
        self.publishBoth()
        let number = self.number(self.client.find("resizer"))
        let names = [1, 2].map { object in
            HelloBody.Name(
                name: "resizer", object: ObjectNumber(rawValue: object), interface: "I",
                replicas: .leastOutstanding)
        }
        (self.first.names, self.second.names) = ([names[0]], [names[1]])
        let world = BrokerWorld(after: self.world, seed: 2)
        let client = ScriptedNode(self.client, movedTo: world)
        client.relink()
        #expect(client.find("resizer").error.kind == .recovering)
        // Others may be back already: no call waits for this one.
        client.call(self.first.object(1), number: 1, name: "resizer", members: number)
        #expect(client.take().map(\.error.kind) == [.moved])
        for former in [self.first, self.second] { ScriptedNode(former, movedTo: world).relink() }
        let found = client.find("resizer")
        #expect(found.references.count == 2)
        #expect(found.value?[3]?.stringValue == "leastOutstanding")
        #expect(self.number(found) > number)
    }

    @Test func `what a HELLO restates is lost if the name is something else now`() {
        self.first.publish("resizer", 1)
        self.second.names = [
            HelloBody.Name(
                name: "resizer", object: ObjectNumber(rawValue: 2), interface: "I",
                replicas: .roundRobin)
        ]
        self.second.relink()
        #expect(self.client.find("resizer").references.map(\.reference) == [self.first.object(1)])
        #expect(self.world.core.counters.drops[.claimUnlike] == 1)
    }

    @Test(arguments: 0..<8) func `a group is what a naive list of members is`(seed: UInt64) {
        var random = RandomSource(seed: seed)
        var table = NameTable(seed: random.next())
        var model: [Reference] = []
        var last: UInt64 = 0
        for _ in 0..<200 {
            let reference = Reference(
                owner: IncarnationID(rawValue: 1 + random.below(6)), object: .root)
            let index = model.firstIndex(of: reference)
            if random.below(2) == 0 {
                let change = table.publish(
                    "g",
                    NameTable.Claim(reference: reference, interface: "I", replicas: .roundRobin))
                #expect(change == (index != nil ? .unchanged : model.isEmpty ? .head : .queued))
                if index == nil { model.append(reference) }
            } else {
                #expect((table.withdraw("g", by: reference.owner) != nil) == (index != nil))
                if let index { model.remove(at: index) }
            }
            let isNumbered = table.number("g", last + 1)
            #expect(isNumbered == !model.isEmpty)
            if isNumbered { last += 1 }
            #expect(table.queue(of: "g").map(\.reference) == model)
            for owner in 1...6 as ClosedRange<UInt64> {
                let asked = Reference(owner: IncarnationID(rawValue: owner), object: .root)
                let meaning = table.meaning(of: asked, byNameIn: [103].span.bytes, at: 0..<1)
                #expect(meaning == (model.contains(asked) ? .member(of: last) : .nothing))
                #expect(table.means("g", asked) == model.contains(asked))
                let names = table.names(of: [asked], atMost: 8)
                #expect(names == (model.contains(asked) ? [asked: ["g"]] : [:]))
            }
        }
    }
}
