// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import BusValue
import BusWire
import Testing

/// docs/protocol/broker.md §6: who holds what, since when, and how it came.
@Suite struct ReferenceListTests {
    private let world = BrokerWorld { $0.listed = 2 }
    private let owner: ScriptedNode
    private let holder: ScriptedNode

    init() {
        self.owner = ScriptedNode(self.world, "owner")
        self.holder = ScriptedNode(self.world, "holder")
        self.owner.publish("door", 1)
        self.holder.find("door")
    }

    private func holders(of text: String) -> [Value] {
        self.holder.ask("references(of:)", [.string(text)]).value?["holders"]?.arrayValue ?? []
    }

    @Test func `a holder is listed with its copies, its time and the way it came`() throws {
        self.world.pass(.milliseconds(500))
        self.holder.find("door")
        let listed = try #require(self.holders(of: "door").first)
        #expect(listed["node"] == .string("holder"))
        #expect(listed["copies"] == .integer(2))
        #expect(listed["seconds"] == .double(0.5))
        #expect(listed["through"] == .string("its name"))
        #expect(listed["isRevoked"] == .bool(false))
        #expect(self.holders(of: "\(self.owner.object(1))") == self.holders(of: "door"))
    }

    @Test func `references passed in calls and answers tell which`() throws {
        let third = ScriptedNode(self.world, "third")
        third.publish("window", 9)
        self.holder.find("window")
        self.owner.find("window")
        self.owner.call(third.object(9), [self.owner.object(2)], number: 7)
        #expect(
            self.holders(of: "\(self.owner.object(2))").map { $0["through"] }
                == [.string("call 7 by owner")])
        self.owner.reply(to: self.holder.incarnation, [self.owner.object(3)], number: 4)
        #expect(
            self.holders(of: "\(self.owner.object(3))").map { $0["through"] }
                == [.string("call 4, answered by owner")])
    }

    @Test func `a list has an end, and says what it left out`() throws {
        for object in [5, 3, 4] as [UInt64] {
            self.owner.reply(to: self.holder.incarnation, [self.owner.object(object)])
        }
        let answer = try #require(self.holder.ask("references()").value)
        let listed = answer["references"]?.arrayValue ?? []
        #expect(
            listed.map { $0["reference"]?.stringValue }
                == ([1, 3] as [UInt64]).map { "\(self.owner.object($0))" })
        #expect(listed.first?["names"] == .array([.string("door")]))
        #expect(listed.first?["holders"] == .integer(1))
        #expect(answer["more"] == .integer(2))
        let third = ScriptedNode(self.world, "third")
        let fourth = ScriptedNode(self.world, "fourth")
        third.find("door")
        fourth.find("door")
        let door = try #require(self.holder.ask("references(of:)", [.string("door")]).value)
        #expect(door["holders"]?.arrayValue?.count == 2 && door["more"] == .integer(1))
    }

    @Test func `what nobody holds, and what is no name, is not found`() {
        let unheld = self.holder.ask("references(of:)", [.string("\(self.owner.object(8))")])
        #expect(unheld.error.kind == .notFound)
        let unnamed = self.holder.ask("references(of:)", [.string("dor")])
        #expect(unnamed.error.kind == .notFound)
        #expect(unnamed.error.message.contains("door"))
    }
}
