// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import BusValue
import BusWire
import Testing

/// How many calls may be under way to the objects of certain names.
@Suite struct ObjectQuotaTests {
    let world: BrokerWorld
    let owner: ScriptedNode
    let caller: ScriptedNode
    let other: ScriptedNode
    let object: Reference

    init() {
        var (doors, vault) = (ObjectQuotaRule(pattern: "door*"), ObjectQuotaRule(pattern: "vault"))
        doors.calls = 2
        vault.bytes = 100
        self.world = BrokerWorld(objectQuotas: [doors, vault])
        self.owner = ScriptedNode(self.world, "owner")
        self.caller = ScriptedNode(self.world, "caller")
        self.other = ScriptedNode(self.world, "other")
        self.object = self.owner.publish("door", 1, foundBy: self.caller)
        self.other.find("door")
    }

    private func underWay() -> [UInt64] {
        self.owner.take().filter { $0.kind == .call }.map(\.header.call.rawValue)
    }

    @Test func `one call more than the quota is refused, whoever makes it, until one is answered`()
    {
        self.caller.call(self.object, number: 1)
        self.other.call(self.object, number: 2, name: "door")
        #expect(self.underWay() == [1, 2])
        self.caller.call(self.object, number: 3, name: "door")
        self.other.call(self.object, number: 4)
        for refused in [self.caller, self.other] {
            let error = refused.take().last?.error
            #expect(error?.kind == .overloaded && error?.executed == .no)
            #expect(error?.message.hasSuffix("has 2 calls under way, as many as it may") == true)
        }
        #expect(self.world.core.counters.drops[.objectOverQuota] == 2)
        self.owner.reply(to: self.other.incarnation, number: 2)
        self.caller.call(self.object, number: 5)
        #expect(self.underWay() == [5])
        self.caller.call(self.object, number: 6, flags: .oneWay)
        #expect(self.underWay() == [6], "a one-way call is not under way for long")
    }

    @Test func `other objects of the same node are called on`() {
        let free = self.owner.publish("window", 2, foundBy: self.caller)
        let second = self.owner.publish("door/2", 3, foundBy: self.caller)
        for number in UInt64(1)...3 { self.caller.call(self.object, number: number) }
        for number in UInt64(4)...9 { self.caller.call(free, number: number) }
        for number in UInt64(10)...12 { self.caller.call(second, number: number) }
        #expect(self.underWay() == [1, 2, 4, 5, 6, 7, 8, 9, 10, 11])
        #expect(self.world.core.objectQuotas.count == 4)
    }

    @Test func `by bytes a call is let in while those before it are below the quota`() {
        let vault = self.owner.publish("vault", 2, foundBy: self.caller)
        self.other.find("vault")
        self.caller.call(vault, number: 1, method: String(repeating: "s", count: 10))
        self.other.call(vault, number: 2, method: String(repeating: "l", count: 200))
        self.caller.call(vault, number: 3)
        #expect(self.underWay() == [1, 2])
        let error = self.caller.take().last?.error
        #expect(error?.kind == .overloaded && error?.executed == .no)
        #expect(error?.message.contains("has calls of 100 bytes under way, as many as") == true)
        // The large one alone is too much; two small ones are not.
        self.owner.reply(to: self.caller.incarnation, number: 1)
        self.caller.call(vault, number: 4)
        #expect(self.underWay().isEmpty)
        self.owner.reply(to: self.other.incarnation, number: 2)
        for number in UInt64(5)...7 { self.caller.call(vault, number: number) }
        #expect(self.underWay() == [5, 6])
        self.caller.call(self.object, number: 8)
        #expect(self.underWay() == [8], "its name has a quota of calls alone")
    }

    @Test func `a call that is sent again is not refused, and counts once`() {
        for _ in 0..<2 {
            for number in UInt64(1)...3 {
                self.caller.call(self.object, number: number, flags: .resent)
            }
        }
        #expect(self.underWay() == [1, 2, 3, 1, 2, 3])
        #expect(self.world.core.objectQuotas.count == 3)
        for number in UInt64(1)...3 {
            self.owner.reply(to: self.caller.incarnation, number: number)
            self.owner.reply(to: self.caller.incarnation, number: number)
        }
        #expect(self.world.core.objectQuotas.count == 0)
        for number in UInt64(4)...6 { self.caller.call(self.object, number: number) }
        #expect(self.underWay() == [4, 5])
    }

    @Test func `what will never be answered does not count for ever`() {
        for number in UInt64(1)...2 { self.caller.call(self.object, number: number) }
        self.caller.send(.goodbye)
        #expect(self.world.core.objectQuotas.count == 0)
        self.other.call(self.object, number: 3)
        self.world.blocked[self.owner.rx] = .pipeFull
        self.other.call(self.object, number: 4)
        #expect(self.world.core.objectQuotas.count == 1, "the pipe refused one")
        self.owner.send(.goodbye)
        #expect(self.world.core.objectQuotas.count == 0)
    }

    @Test func `an answer for who has no link any more is one, and nobody else's answer is`() {
        for number in UInt64(1)...2 { self.caller.call(self.object, number: number) }
        let stranger = ScriptedNode(self.world, "stranger")
        stranger.publish("door/stranger", 1)
        stranger.reply(to: self.caller.incarnation, number: 1)
        #expect(self.world.core.objectQuotas.count == 2)
        self.caller.die()
        self.owner.reply(to: self.caller.incarnation, number: 1)
        #expect(self.world.core.objectQuotas.count == 1)
    }

    @Test func `a name that is taken back takes its quota along, but not that of another`() {
        self.owner.publish("door/same", 1)
        for number in UInt64(1)...2 { self.caller.call(self.object, number: number) }
        #expect(self.underWay() == [1, 2])
        self.owner.ask("withdraw(_:)", [.string("door")])
        self.caller.call(self.object, number: 3)
        #expect(self.underWay().isEmpty)
        self.owner.ask("withdraw(_:)", [.string("door/same")])
        self.caller.call(self.object, number: 4)
        #expect(self.underWay() == [4])
        #expect(self.world.core.objectQuotas.count == 0)
    }
}
