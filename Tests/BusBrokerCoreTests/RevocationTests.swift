// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import BusValue
import BusWire
import Testing

/// What the model of revocation found (docs/models/README.md): ways back to a right that was
/// revoked, for one who kept its seal.
@Suite struct RevocationTests {
    private let second = Generation(rawValue: 2)
    private let world = BrokerWorld()
    private let owner: ScriptedNode
    private let holder: ScriptedNode
    /// Published, and held.
    private let door: Reference
    /// What the holder had once; nobody holds it any more.
    private let lost: ReferenceEntry

    init() {
        self.owner = ScriptedNode(self.world, "owner")
        self.holder = ScriptedNode(self.world, "holder")
        self.door = self.owner.publish("door", 1, foundBy: self.holder)
        let reference = self.owner.object(5)
        self.lost = ReferenceEntry(
            reference: reference, seal: TestAuthority().seal(reference, .first))
        self.owner.reply(to: self.holder.incarnation, [reference])
        self.holder.release(reference)
        _ = (self.owner.take(), self.holder.take())
    }

    private func publish(_ name: String, _ entry: ReferenceEntry) {
        self.owner.ask(
            "publish(_:as:interface:)",
            [.reference(ReferenceSlot(0)), .string(name), .string("I")], references: [entry])
    }

    private func revoke(_ object: ObjectNumber, _ generation: UInt64) {
        self.owner.send(
            Message(
                FrameHeader(
                    kind: .revoke, object: object, call: CallNumber(rawValue: generation))))
    }

    @Test func `holders are told what was revoked, once, and those without a link later`() {
        let away = ScriptedNode(self.world, "away")
        let seal = TestAuthority().seal(self.door, .first)
        away.find("door")
        away.holdings = [
            HelloBody.Holding(
                entry: ReferenceEntry(reference: self.door, seal: seal), count: 1)
        ]
        away.die()
        self.revoke(self.door.object, 2)
        let told = self.holder.take()
        #expect(told.kinds == [.revoked])
        #expect(told.first?.header.peer == self.door.owner)
        #expect(told.first?.header.object == self.door.object)
        #expect(told.first?.header.call.rawValue == 2)
        self.revoke(self.door.object, 2)
        self.revoke(self.door.object, 3)
        #expect(self.holder.take().isEmpty, "it has known that its right is gone")
        #expect(away.relink().kinds == [.revoked])
        #expect(self.owner.take().isEmpty)
        self.holder.find("door")
        self.revoke(self.door.object, 4)
        #expect(self.holder.take().kinds == [.revoked], "the new right is gone too")
    }

    @Test func `a revocation of which only HELLO tells reaches holders`() {
        let world = BrokerWorld(after: self.world, seed: 2)
        let (owner, holder) = (
            ScriptedNode(self.owner, movedTo: world), ScriptedNode(self.holder, movedTo: world)
        )
        holder.holdings = [
            HelloBody.Holding(
                entry: ReferenceEntry(
                    reference: self.door, seal: TestAuthority().seal(self.door, .first)),
                count: 1)
        ]
        owner.exports = [
            HelloBody.Export(object: self.door.object, generation: self.second, count: 1)
        ]
        holder.relink()
        owner.relink()
        #expect(holder.take().kinds.filter { $0 == .revoked } == [.revoked])
    }

    @Test func `what the broker has forgotten is published in the generation of its owner`() {
        self.publish(
            "desk", ReferenceEntry(reference: self.lost.reference, generation: self.second))
        let claimed = self.holder.ask("claim(_:)", references: [self.lost])
        #expect(claimed.error.kind == .denied)
        let found = self.holder.ask("find(_:)", [.string("desk")]).references
        #expect(found.map(\.generation) == [self.second])
    }

    /// Both nodes at another run of the broker, to which the holder restates what it lost.
    private func returning() -> (owner: ScriptedNode, holder: ScriptedNode) {
        let world = BrokerWorld(after: self.world, seed: 2)
        let (owner, holder) = (
            ScriptedNode(self.owner, movedTo: world), ScriptedNode(self.holder, movedTo: world)
        )
        owner.exports = [
            HelloBody.Export(object: self.door.object, generation: .first, count: 1)
        ]
        holder.holdings = [
            HelloBody.Holding(
                entry: ReferenceEntry(
                    reference: self.door, seal: TestAuthority().seal(self.door, .first)),
                count: 1),
            HelloBody.Holding(entry: self.lost, count: 1),
        ]
        return (owner, holder)
    }

    @Test(arguments: [true, false])
    func `a good seal of what its owner does not list is not believed`(isOwnerFirst: Bool) {
        let (owner, holder) = self.returning()
        for node in isOwnerFirst ? [owner, holder] : [holder, owner] { node.relink() }
        _ = (owner.take(), holder.take())
        holder.call(self.lost.reference)
        #expect(owner.take().isEmpty)
        #expect(holder.take().map(\.error.kind) == [.denied])
        #expect(holder.ask("claim(_:)", references: [self.lost]).error.kind == .notFound)
        holder.call(self.door, number: 2, peerEpoch: owner.epoch)
        #expect(owner.take().kinds == [.call], "what is listed is held as before")
    }

    @Test func `a message that is not delivered tells the generation all the same`() {
        let third = ScriptedNode(self.world, "third")
        third.publish("other", 1)
        self.owner.find("other")
        let (owner, holder) = self.returning()
        owner.holdings = [
            HelloBody.Holding(
                entry: ReferenceEntry(
                    reference: third.object(1),
                    seal: TestAuthority().seal(third.object(1), .first)),
                count: 1)
        ]
        owner.relink()
        let revoked = ReferenceEntry(reference: self.lost.reference, generation: self.second)
        owner.send(
            Message(
                FrameHeader(
                    kind: .call, peer: third.incarnation, object: third.object(1).object,
                    call: CallNumber(rawValue: 1)),
                payload: [0x80], references: [revoked]))
        holder.relink()
        _ = (owner.take(), holder.take())
        holder.call(self.lost.reference)
        #expect(owner.take().isEmpty)
        #expect(holder.take().map(\.error.kind) == [.denied])
    }
}
