// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import BusValue
import BusWire
import Testing

/// The broker's own object: docs/protocol/broker.md.
@Suite struct ServicesTests {
    let world = BrokerWorld()
    let owner: ScriptedNode
    let client: ScriptedNode

    init() {
        self.owner = ScriptedNode(self.world, "owner")
        self.client = ScriptedNode(self.world, "client")
    }

    @Test func `a name leads to the object, its interface and the right to hold it`() {
        self.owner.publish("counter", 7, interface: "Counter")
        let found = self.client.find("counter")
        #expect(
            found.value == .array([.reference(ReferenceSlot(0)), .string("Counter"), .integer(1)]))
        #expect(found.references.map(\.reference) == [self.owner.object(7)])
        #expect(
            found.references.map(\.seal) == [TestAuthority().seal(self.owner.object(7), .first)])
        #expect(self.world.notices.last == .published("counter", self.owner.object(7)))
    }

    @Test func `an owner that finds its own object gets no right that would hold it`() {
        self.owner.publish("counter", 7)
        #expect(self.owner.find("counter").references.map(\.seal) == [Seal.none])
        self.owner.ask("withdraw(_:)", [.string("counter")])
        #expect(self.world.core.referenceCount == 0)
    }

    @Test func `an unknown name is an error that names what exists`() {
        #expect(self.client.find("counter").error.message.contains("0 names"))
        for name in ["counter", "bank"] { self.owner.publish(name, 7) }
        let error = self.client.find("countr").error
        #expect(error.kind == .notFound && error.executed == .no)
        #expect(error.message == "no object is published as 'countr'; published is: counter, bank")
        for name in ["desk", "files", "lamp"] { self.owner.publish(name, 7) }
        #expect(
            self.client.find("countr").error.message
                == "no object is published as 'countr'; published is: counter, bank, desk "
                + "and 2 more")
    }

    @Test func `an unknown method is an error that names what exists`() {
        let error = self.client.ask("destroy()").error
        #expect(error.kind == .unimplemented)
        #expect(error.message.contains("destroy()") && error.message.contains("find(_:)"))
    }

    @Test(arguments: [
        "", " ", "a b", "a\n", "\u{7}", "tab\t", String(repeating: "ä", count: 128),
    ])
    func `a name that is none is refused, and its object is not held`(name: String) {
        #expect(self.owner.publish(name).error.kind == .invalid)
        #expect(self.world.core.nameCount == 0)
        #expect(self.world.core.referenceCount == 0)
    }

    @Test func `the longest name is one, in any script`() {
        let name = String(repeating: "ä", count: 127) + "!"
        #expect(self.owner.publish(name).kind == .reply)
        #expect(self.client.find(name).kind == .reply)
    }

    @Test func `only what the owner passes itself can be published`() {
        self.owner.publish("counter", 7)
        self.client.find("counter")
        let stolen = self.client.ask(
            "publish(_:as:interface:)",
            [.reference(ReferenceSlot(0)), .string("mine"), .string("I")],
            references: [ReferenceEntry(reference: self.owner.object(7))])
        #expect(stolen.error.kind == .denied)
        let without = self.owner.ask(
            "publish(_:as:interface:)",
            [.reference(ReferenceSlot(3)), .string("mine"), .string("I")])
        #expect(without.error.kind == .invalid)
        #expect(self.owner.ask("publish(_:as:interface:)", [.null]).error.kind == .invalid)
        #expect(self.owner.publish("counter", 8).error.kind == .invalid)
        #expect(self.owner.publish("counter", 7).kind == .reply, "again is no harm")
        #expect(self.world.core.nameCount == 1)
    }

    @Test func `a node may publish so many names and no more`() {
        let world = BrokerWorld { $0.namesPerNode = 2 }
        let node = ScriptedNode(world, "n")
        #expect(node.publish("a").kind == .reply)
        #expect(node.publish("b").kind == .reply)
        #expect(node.publish("c").error.kind == .overloaded)
        node.names = (0..<5).map {
            HelloBody.Name(name: "n\($0)", object: ObjectNumber(rawValue: 7), interface: "I")
        }
        node.relink()
        #expect(world.core.nameCount == 2)
    }

    @Test func `a node that has as many names as it may keeps and repeats them all`() {
        let world = BrokerWorld { $0.namesPerNode = 2 }
        let node = ScriptedNode(world, "n")
        for name in ["a", "b"] { node.publish(name) }
        #expect(node.publish("a").kind == .reply, "again is no harm")
        node.names = ["a", "b"].map {
            HelloBody.Name(name: $0, object: ObjectNumber(rawValue: 7), interface: "I")
        }
        node.relink()
        #expect(world.core.counters.drops[.namesOverLimit] == 0)
    }

    @Test func `a name holds its object until it is withdrawn`() {
        self.owner.publish("counter", 7)
        self.client.find("counter")
        self.client.release(self.owner.object(7))
        #expect(self.owner.take().isEmpty)
        #expect(self.owner.ask("withdraw(_:)", [.string("nosuch")]).error.kind == .notFound)
        #expect(self.client.ask("withdraw(_:)", [.string("counter")]).error.kind == .notFound)
        var answers: [Message] = []
        self.owner.ask("withdraw(_:)", [.string("counter")]) { answers = $0 }
        #expect(unrefs(answers) == [[7, 1]])
        #expect(self.client.find("counter").error.kind == .notFound)
    }

    @Test func `a name that is withdrawn twice because the answer was lost is withdrawn`() {
        self.owner.publish("counter", 7)
        self.owner.ask("withdraw(_:)", [.string("counter")])
        let again = self.owner.ask("withdraw(_:)", [.string("counter")], flags: .resent)
        #expect(again.kind == .reply)
    }

    @Test func `names are withdrawn all at once, and those who stand by have them`() {
        let standby = ScriptedNode(self.world, "standby")
        for name in ["counter", "bank"] { self.owner.publish(name, 7) }
        standby.publish("counter", 8)
        var answers: [Message] = []
        self.owner.ask("withdrawAll()") { answers = $0 }
        #expect(unrefs(answers) == [[7, 2]])
        #expect(self.client.find("counter").references.map(\.reference) == [standby.object(8)])
        #expect(self.client.find("bank").error.kind == .notFound)
        #expect(self.owner.ask("withdrawAll()").kind == .reply, "again is no harm")
    }

    @Test func `a standby takes over when the first owner ends`() {
        let standby = ScriptedNode(self.world, "standby")
        self.owner.publish("counter", 7)
        standby.publish("counter", 8)
        #expect(self.client.find("counter").references.map(\.reference) == [self.owner.object(7)])
        self.owner.send(.goodbye)
        _ = self.client.take()
        #expect(self.client.find("counter").references.map(\.reference) == [standby.object(8)])
    }

    /// The number under which `name` has its head.
    private func fence(of name: String) -> Int? {
        self.client.find(name).value?.arrayValue?[2].intValue
    }

    @Test func `each head of a name has a larger number than any before`() {
        let standby = ScriptedNode(self.world, "standby")
        self.owner.publish("counter", 7)
        standby.publish("counter", 8)
        self.owner.publish("bank", 7)
        #expect(self.fence(of: "counter") == 1)
        #expect(self.fence(of: "bank") == 2)
        self.owner.publish("counter", 7)
        #expect(self.fence(of: "counter") == 1, "the same head")
        self.owner.ask("withdraw(_:)", [.string("counter")])
        #expect(self.fence(of: "counter") == 3)
        self.owner.publish("counter", 7)
        #expect(self.fence(of: "counter") == 3, "who stands by changes nothing")
        let rows = self.client.ask("names(prefix:)", [.string("counter")]).value?.arrayValue
        #expect(rows?.map { $0["fence"]?.intValue } == [3, nil])
        standby.send(.goodbye)
        #expect(self.fence(of: "counter") == 4)
    }

    @Test func `numbers of heads are larger in a later run, and are reserved before they are used`()
    {
        for number in 0..<3 { self.owner.publish("n\(number)", 7) }
        #expect(self.fence(of: "n2") == 3)
        let reserved = self.world.fence
        #expect(reserved == 4_096 && self.world.core.reservedFence == reserved)
        let later = BrokerWorld(after: self.world, seed: 2)
        let node = ScriptedNode(later, "new")
        node.publish("n", 7)
        #expect(node.find("n").value?.arrayValue?[2].intValue == Int(reserved) + 1)
        #expect(later.fence == 2 * reserved)
    }

    @Test func `names that a new link does not restate stay, those it does are claimed`() {
        self.owner.publish("old", 7)
        self.owner.names = [
            HelloBody.Name(name: "new", object: ObjectNumber(rawValue: 9), interface: "I"),
            HelloBody.Name(name: "not one", object: ObjectNumber(rawValue: 9), interface: "I"),
        ]
        self.owner.relink()
        #expect(self.client.find("new").references.map(\.reference) == [self.owner.object(9)])
        #expect(self.world.core.nameCount == 2)
    }

    @Test func `a tag that somebody keeps alive makes a holder`() {
        self.owner.publish("counter", 7)
        let entry = self.client.find("counter").references[0]
        let third = ScriptedNode(self.world, "third")
        let claimed = third.ask("claim(_:)", [.reference(ReferenceSlot(0))], references: [entry])
        #expect(claimed.references == [entry])
        third.call(entry.reference)
        #expect(self.owner.take().kinds == [.call])
        var forged = entry
        forged.seal = Seal(high: entry.seal.high ^ 1, low: entry.seal.low)
        #expect(
            third.ask("claim(_:)", [.null], references: [forged]).error.kind == .denied)
        #expect(third.ask("claim(_:)", [.null]).error.kind == .invalid)
        for node in [self.client, third] { node.release(entry.reference) }
        self.owner.ask("withdraw(_:)", [.string("counter")])
        #expect(
            third.ask("claim(_:)", [.null], references: [entry]).error.kind == .notFound)
    }

    @Test func `listings show names, nodes and numbers`() {
        let standby = ScriptedNode(self.world, "standby")
        self.owner.publish("counter", 7, interface: "Counter")
        standby.publish("counter", 1)
        standby.publish("bank", 2, interface: "Bank")
        self.client.find("bank")
        let names = self.client.ask("names(prefix:)", [.string("")]).value?.arrayValue ?? []
        #expect(names.map { $0["name"]?.stringValue } == ["bank", "counter", "counter"])
        #expect(names.map { $0["node"]?.stringValue } == ["standby", "owner", "standby"])
        #expect(names.map { $0["standby"]?.intValue } == [0, 0, 1])
        let some = self.client.ask("names(prefix:)", [.string("co")]).value?.arrayValue
        #expect(some?.count == 2)
        standby.die()
        let nodes = self.client.ask("nodes()").value?.arrayValue ?? []
        #expect(nodes.map { $0["node"]?.stringValue } == ["owner", "client", "standby"])
        #expect(nodes.map { $0["state"]?.stringValue } == ["linked", "linked", "waiting"])
        #expect(nodes.map { $0["names"]?.intValue } == [1, 0, 2])
        #expect(nodes.map { $0["holds"]?.intValue } == [0, 1, 0])
        let status = self.client.ask("status()").value
        #expect(status?["nodes"]?.intValue == 3)
        #expect(status?["names"]?.intValue == 2)
        #expect(status?["linksLost"]?.intValue == 1)
        #expect(status?["recovering"]?.boolValue == false)
    }

    @Test func `arguments that can't be read are an error, not the end of the link`() {
        let header = FrameHeader(kind: .call, call: CallNumber(rawValue: 5))
        self.client.send(Message(header, payload: [0xFF]))
        #expect(self.client.take().map(\.error.kind) == [.invalid])
        self.client.send(Message(header))
        #expect(self.client.take().map(\.error.kind) == [.invalid])
        #expect(self.client.ask("find(_:)", [.integer(3)]).error.kind == .invalid)
        #expect(self.client.ask("find(_:)").error.kind == .invalid)
    }
}

@Suite struct MessageDumpTests {
    @Test func `a line says all that is set`() throws {
        var extensions = Extensions()
        extensions.method = "move(to:)"
        extensions.name = "x\ny"
        extensions.ranges = [3...4]
        let owner = IncarnationID(rawValue: 0xA1)
        var header = FrameHeader(
            kind: .call, flags: [.oneWay, .resent], peer: owner,
            object: ObjectNumber(rawValue: 7), call: CallNumber(rawValue: 12))
        (header.behind, header.remaining) = (2, 5_000)
        let value = Value.array([.integer(3), .map(["a": .null]), .bytes(Bytes([1, 2]))])
        let entry = ReferenceEntry(
            reference: Reference(owner: owner, object: ObjectNumber(rawValue: 9)),
            seal: Seal(high: 1, low: 2))
        let message = Message(
            header, payload: try value.encoded(), extensions: extensions, references: [entry],
            buffers: [Bytes([UInt8](repeating: 0, count: 300))])
        #expect(
            message.line == "CALL peer=00000000000000a1 object=7 call=12 behind=2 epoch=0 seq=0 "
                + "remaining=5000ns oneWay resent method=move(to:) name=x\\u{a}y settled=3-4 "
                + "references=00000000000000a1/9+seal buffers=300 "
                + "payload=[3, {\"a\": null}, bytes(2)]")
    }

    @Test func `a long payload is cut`() throws {
        let value = Value.array((0..<1_000).map { .integer(Int64($0)) })
        let line = Message(FrameHeader(kind: .reply), payload: try value.encoded()).line
        #expect(line.hasSuffix("…") && line.count < 300)
    }

    @Test(arguments: 0..<50) func `whatever the bytes are there is one line`(seed: UInt64) {
        var random = RandomSource(seed: seed)
        for _ in 0..<50 {
            var bytes = (0..<random.below(200)).map { _ in UInt8(random.below(256)) }
            if random.below(2) == 0 {
                bytes.replaceSubrange(0..<min(4, bytes.count), with: [79, 66, 1, 16])
            }
            let line = MessageDump.line(frame: bytes.span.bytes, bufferByteCounts: [1, 2])
            #expect(!line.isEmpty && !line.contains(where: \.isNewline))
        }
    }
}
