// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import BusValue
import BusWire
import Testing

/// Who learns what became of whom, so that no call and no kept answer waits for ever.
@Suite struct NoticeTests {
    let world = BrokerWorld()
    let callee: ScriptedNode
    let caller: ScriptedNode
    let door: Reference

    init() {
        self.callee = ScriptedNode(self.world, "callee")
        self.caller = ScriptedNode(self.world, "caller")
        self.door = self.callee.publish("door", 1, foundBy: self.caller)
    }

    private func notice(_ kind: MessageKind, to node: ScriptedNode) -> Message {
        Message(FrameHeader(kind: kind, peer: node.incarnation))
    }

    @Test func `a callee learns of its caller's end, though neither holds anything of the other`() {
        self.caller.call(self.door)
        self.caller.release(self.door)
        _ = self.callee.take()
        self.caller.send(.goodbye)
        let told = self.callee.take()
        #expect(told.kinds == [.peerEnded])
        #expect(told.first?.header.peer == self.caller.incarnation)
    }

    @Test func `a callee learns of its caller's new link, to ask what that has settled`() {
        self.caller.call(self.door)
        self.caller.release(self.door)
        _ = self.callee.take()
        self.caller.relink()
        #expect(self.callee.take().kinds == [.peerRelinked])
    }

    @Test func `whoever was only found or called one-way is not bothered`() {
        self.caller.call(self.door, flags: .oneWay)
        self.caller.release(self.door)
        _ = self.callee.take()
        self.caller.send(.goodbye)
        #expect(self.callee.take().isEmpty)
    }

    @Test func `a HELLO that holds something of the broker is not told that the broker has ended`()
    {
        self.caller.holdings = [
            HelloBody.Holding(
                entry: ReferenceEntry(reference: Reference(owner: .broker, object: .root)), count: 1
            )
        ]
        #expect(self.caller.relink().isEmpty)
    }

    @Test func `both sides of a notice learn of each other's fate`() {
        self.caller.release(self.door)
        self.callee.send(self.notice(.acknowledge, to: self.caller))
        _ = self.caller.take()
        self.callee.relink()
        #expect(self.caller.take().kinds == [.peerRelinked])
        self.caller.relink()
        #expect(self.callee.take().kinds == [.peerRelinked])
    }

    @Test func `a slot that is used again inherits no acquaintances`() {
        self.caller.call(self.door)
        self.caller.release(self.door)
        _ = self.callee.take()
        self.callee.send(.goodbye)
        let next = ScriptedNode(self.world, "next")
        self.caller.relink()
        #expect(next.take().isEmpty)
    }

    @Test(arguments: [MessageKind.cancel, .acknowledge])
    func `a notice to a node that has ended is answered with that end`(kind: MessageKind) {
        self.callee.send(.goodbye)
        _ = self.caller.take()
        self.caller.send(self.notice(kind, to: self.callee))
        let told = self.caller.take()
        #expect(told.kinds == [.peerEnded])
        #expect(told.first?.header.peer == self.callee.incarnation)
    }

    @Test func `a notice to a node without a link makes its sender hear of the next one`() {
        self.caller.release(self.door)
        self.callee.die()
        self.caller.send(self.notice(.cancel, to: self.callee))
        #expect(self.caller.take().isEmpty)
        self.callee.relink()
        #expect(self.caller.take().kinds == [.peerRelinked])
    }

    @Test func `a refusal says of which transmission it speaks`() throws {
        let stranger = Reference(owner: self.callee.incarnation, object: ObjectNumber(rawValue: 9))
        self.caller.call(stranger)
        let first = try #require(self.caller.take().last)
        #expect(first.header.flags.intersection([.byBroker, .resent]) == .byBroker)
        #expect(first.error.executed == .no)
        self.caller.call(stranger, flags: .resent)
        let second = try #require(self.caller.take().last)
        #expect(second.header.flags.isSuperset(of: [.byBroker, .resent]))
        #expect(second.error.executed == .maybe)
    }

    @Test func `a repeated call that meets a full pipe ends the link instead of failing`() {
        self.world.blocked[self.callee.rx] = .pipeFull
        self.caller.call(self.door, flags: .resent)
        #expect(self.caller.take().isEmpty)
        #expect(self.world.notices.contains(.linkLost(self.callee.incarnation, .pipeFull)))
    }

    @Test(arguments: [("callee", true), ("other", false)])
    func `one that comes in the place of another is told apart`(name: String, isSame: Bool) {
        let older = ScriptedNode(self.world, "callee")
        self.callee.die()
        self.world.pass(.milliseconds(1))
        let next = ScriptedNode(self.world, name)
        self.world.pass(.seconds(3)) {
            for node in [self.caller, next, older] { node.send(.heartbeat) }
        }
        let told = self.caller.take().filter { $0.kind == .peerEnded }
        #expect(told.map(\.header.call.rawValue) == [isSame ? 4 : 2])
    }

    @Test func `passing on what belonged to an ended node says that it has ended`() throws {
        let third = ScriptedNode(self.world, "third")
        third.publish("window", 2)
        self.caller.find("window")
        third.send(.goodbye)
        _ = self.caller.take()
        self.caller.call(self.door, [third.object(2)])
        let failure = try #require(self.caller.take().last)
        #expect(failure.error.kind == .disconnected)
    }

    @Test func `a seal does not bring back what was let go`() throws {
        let entry = try #require(self.caller.find("door").references.first)
        self.caller.release(self.door, 2)
        self.caller.holdings = [HelloBody.Holding(entry: entry, count: 1)]
        self.caller.relink()
        self.caller.call(self.door)
        #expect(self.caller.take().last?.error.kind == .denied)
    }

    @Test func `a one-way call to the broker does nothing`() {
        var extensions = Extensions()
        extensions.method = "find(_:)"
        let payload = (try? Value.array([.string("door")]).encoded()) ?? []
        let held = self.world.core.holders[self.door]?.holdings.first?.count
        self.caller.send(
            Message(
                FrameHeader(kind: .call, flags: .oneWay, call: CallNumber(rawValue: 3)),
                payload: payload, extensions: extensions))
        #expect(self.caller.take().isEmpty)
        #expect(self.world.core.holders[self.door]?.holdings.first?.count == held)
    }

    @Test func `whom an earlier run declared dead does not come back`() {
        self.caller.die()
        self.world.pass(.seconds(2)) { self.callee.send(.heartbeat) }
        let restarted = BrokerWorld(after: self.world, seed: 2)
        let dead = ScriptedNode(self.caller, movedTo: restarted)
        #expect(dead.relink().last?.error.kind == .notFound)
        let living = ScriptedNode(self.callee, movedTo: restarted)
        #expect(living.relink().isEmpty)
    }
}
