// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import BusValue
import BusWire
import Testing

/// What reaches a callee whose link is gone, or new: docs/protocol/calls.md §4.
@Suite struct DeliveryTests {
    let world = BrokerWorld()
    let callee: ScriptedNode
    let caller: ScriptedNode
    let door: Reference

    init() {
        self.callee = ScriptedNode(self.world, "callee")
        self.caller = ScriptedNode(self.world, "caller")
        self.door = self.callee.publish("door", 1, foundBy: self.caller)
        self.callee.names = [
            HelloBody.Name(name: "door", object: self.door.object, interface: "I")
        ]
        self.callee.exports = [
            HelloBody.Export(object: self.door.object, generation: .first, count: 1)
        ]
        self.caller.holdings = [
            HelloBody.Holding(
                entry: ReferenceEntry(reference: self.door), count: 1)
        ]
    }

    @Test func `a call is forwarded with its sender, its epoch and its number`() {
        self.caller.call(self.door, number: 41)
        let call = self.callee.take()
        #expect(call.kinds == [.call])
        #expect(call.first?.header.peer == self.caller.incarnation)
        #expect(call.first?.header.epoch == self.callee.epoch)
        #expect(call.first?.header.call.rawValue == 41)
        #expect(call.first.map { Array($0.payload) } == [0x80])
        self.callee.reply(to: self.caller.incarnation, number: 41)
        let reply = self.caller.take()
        #expect(reply.kinds == [.reply])
        #expect(reply.first?.header.peer == self.callee.incarnation)
        #expect(reply.first?.header.call.rawValue == 41)
    }

    @Test func `cancels and acknowledgements go the way of their call`() {
        for kind in [MessageKind.cancel, .acknowledge] {
            self.caller.send(
                Message(FrameHeader(kind: kind, peer: self.callee.incarnation)))
        }
        #expect(self.callee.take().kinds == [.cancel, .acknowledge])
    }

    @Test func `a call to a node without a link waits for PEER_RELINKED with the new epoch`() {
        self.callee.die()
        self.caller.call(self.door)
        #expect(self.caller.take().isEmpty)
        self.callee.relink()
        let told = self.caller.take()
        #expect(told.kinds == [.peerRelinked])
        #expect(told.first?.header.peer == self.callee.incarnation)
        #expect(told.first?.header.peerEpoch == self.callee.epoch)
        #expect(self.callee.take().isEmpty, "it is sent again by its caller")
    }

    @Test func `a caller that has not heard of the new link is not overtaken by later calls`() {
        self.callee.relink()
        self.caller.call(self.door, number: 2)
        #expect(self.callee.take().isEmpty)
        #expect(self.caller.take().kinds == [.peerRelinked])
        self.caller.call(
            self.door, number: 1, flags: .resent, peerEpoch: self.callee.epoch)
        self.caller.call(
            self.door, number: 2, flags: .resent, peerEpoch: self.callee.epoch)
        #expect(self.callee.take().map(\.header.call.rawValue) == [1, 2])
    }

    @Test func `a caller with a younger link than the callee's needs no word of it`() {
        self.callee.relink()
        self.caller.relink()
        self.caller.call(self.door, number: 1, flags: .resent)
        #expect(self.callee.take().kinds.last == .call)
    }

    @Test func `a caller of after the callee's new link needs no word of it`() {
        self.callee.relink()
        let late = ScriptedNode(self.world, "late")
        late.find("door")
        late.call(self.door)
        #expect(self.callee.take().kinds.last == .call)
    }

    @Test func `a node that calls itself gets what it sends again over its own new link`() {
        self.callee.call(self.door, number: 1)
        #expect(self.callee.take().kinds == [.call])
        self.callee.relink()
        self.callee.call(self.door, number: 1, flags: .resent)
        #expect(self.callee.take().kinds == [.call])
    }

    @Test func `a call that waits learns that the callee has ended`() {
        self.callee.die()
        self.caller.call(self.door)
        self.world.pass(.seconds(2)) { self.caller.send(.heartbeat) }
        let told = self.caller.take().filter { $0.kind != .heartbeat }
        #expect(told.kinds == [.peerEnded])
        #expect(told.first?.header.peer == self.callee.incarnation)
        self.caller.call(self.door, number: 2)
        #expect(self.caller.take().last?.error.kind == .disconnected)
        self.caller.call(self.door, number: 1, flags: .resent)
        #expect(self.caller.take().last?.error.executed == .maybe)
    }

    @Test func `a one-way call to a node without a link is lost in silence`() {
        self.callee.die()
        self.caller.call(self.door, flags: .oneWay)
        #expect(self.caller.take().isEmpty)
        #expect(self.world.core.counters.undelivered == 1)
    }

    @Test func `a holder that had no link learns of an end when it comes back`() {
        self.caller.die()
        self.callee.send(.goodbye)
        let told = self.caller.relink()
        #expect(told.kinds == [.peerEnded])
        #expect(told.first?.header.peer == self.callee.incarnation)
    }

    @Test func `a reply to a caller without a link is dropped, its sender keeps it`() {
        self.caller.call(self.door)
        _ = self.callee.take()
        self.caller.die()
        self.callee.reply(to: self.caller.incarnation)
        #expect(self.callee.take().isEmpty)
        self.caller.relink()
        #expect(self.callee.take().map(\.header.peer) == [self.caller.incarnation])
    }

    @Test func `a late-bound call is refused as moved once the name means something else`() {
        let standby = ScriptedNode(self.world, "standby")
        standby.publish("door", 5)
        self.caller.call(self.door, number: 1, name: "door")
        #expect(self.callee.take().kinds == [.call])
        #expect(self.callee.ask("withdraw(_:)", [.string("door")]).kind == .reply)
        self.caller.call(self.door, number: 2, name: "door")
        let moved = self.caller.take()
        #expect(moved.map(\.error.kind) == [.moved])
        #expect(moved.first?.error.executed == .no)
        self.caller.call(self.door, number: 3, flags: .resent, name: "door")
        #expect(self.callee.take().kinds == [.call], "a call once sent stays pinned")
        self.caller.call(self.door, number: 4, name: "no such name")
        #expect(self.caller.take().map(\.error.kind) == [.moved])
        self.caller.call(self.door, number: 5)
        #expect(self.callee.take().kinds == [.call], "a pinned reference has no name")
    }

    // MARK: After a restart of the broker

    @Test func `nodes restate names and holdings to a new run, and nothing is freed meanwhile`() {
        let world = BrokerWorld(after: self.world, seed: 2)
        let (owner, holder) = self.returning(to: world)
        owner.relink()
        #expect(owner.run == world.core.run)
        world.pass(.milliseconds(4_900)) { owner.send(.heartbeat) }
        #expect(unrefs(owner.take()).isEmpty)
        holder.relink()
        world.pass(.milliseconds(200)) {
            owner.send(.heartbeat)
            holder.send(.heartbeat)
        }
        #expect(world.notices.last == .recovered)
        #expect(unrefs(owner.take()).isEmpty)
        holder.call(self.door)
        #expect(owner.take().kinds == [.call])
        #expect(ScriptedNode(world, "new").find("door").kind == .reply)
    }

    @Test func `what nobody restates is freed at the end of the window`() {
        let world = BrokerWorld(after: self.world, seed: 2)
        let (owner, _) = self.returning(to: world)
        owner.names = []
        owner.relink()
        world.pass(.milliseconds(4_999)) { owner.send(.heartbeat) }
        #expect(unrefs(owner.take()).isEmpty)
        world.pass(.milliseconds(1))
        #expect(unrefs(owner.take()) == [[1, 1]])
    }

    @Test func `an owner that does not come back has ended, and its holders learn it`() {
        let world = BrokerWorld(after: self.world, seed: 2)
        let (_, holder) = self.returning(to: world)
        holder.relink()
        holder.call(self.door)
        #expect(holder.take().isEmpty, "it may still come back")
        world.pass(.seconds(5)) { holder.send(.heartbeat) }
        let told = holder.take().filter { $0.kind == .peerEnded }
        #expect(told.map(\.header.peer) == [self.callee.incarnation])
        #expect(told.first?.header.call.rawValue == IncarnationEnd.notRestored.rawValue)
        #expect(self.returning(to: world).owner.relink().map(\.error.kind) == [.notFound])
    }

    @Test func `when the last one is back the window closes at once`() {
        let world = BrokerWorld(after: self.world, seed: 2)
        let (owner, holder) = self.returning(to: world)
        owner.names = []
        holder.relink()
        holder.release(self.door)
        #expect(!world.notices.contains(.recovered))
        #expect(unrefs(owner.relink()) == [[1, 1]])
        #expect(world.notices.last == .recovered)
    }

    @Test func `who had ended before the restart is not awaited and does not come back`() {
        self.caller.die()
        self.world.pass(.seconds(2)) { self.callee.send(.heartbeat) }
        let world = BrokerWorld(after: self.world, seed: 2)
        let (owner, holder) = self.returning(to: world)
        #expect(holder.relink().map(\.error.kind) == [.notFound])
        owner.relink()
        #expect(world.notices.last == .recovered)
    }

    @Test func `who did not come back is not taken back by a later run`() {
        let second = BrokerWorld(after: self.world, seed: 2)
        let (owner, _) = self.returning(to: second)
        owner.relink()
        second.pass(.seconds(5)) { owner.send(.heartbeat) }
        #expect(
            second.notices.contains(.incarnationEnded(self.caller.incarnation, .notRestored)))
        let third = BrokerWorld(after: second, seed: 3)
        #expect(self.returning(to: third).holder.relink().map(\.error.kind) == [.notFound])
        #expect(self.returning(to: third).owner.relink().isEmpty)
    }

    @Test func `a call by a name waits for the node that had it`() {
        let world = BrokerWorld(after: self.world, seed: 2)
        let (owner, holder) = self.returning(to: world)
        holder.relink()
        holder.call(self.door, name: "door")
        #expect(holder.take().isEmpty)
        owner.relink()
        #expect(holder.take().kinds == [.peerRelinked])
        holder.call(self.door, number: 2, name: "other")
        #expect(holder.take().map(\.error.kind) == [.moved])
    }

    @Test func `without an earlier run nobody may come back`() {
        let world = BrokerWorld(seed: 2)
        #expect(self.returning(to: world).owner.relink().map(\.error.kind) == [.notFound])
    }

    @Test func `who said goodbye during the window does not come back in it`() {
        let world = BrokerWorld(after: self.world, seed: 2)
        let (owner, _) = self.returning(to: world)
        owner.relink()
        owner.send(.goodbye)
        #expect(owner.relink().map(\.error.kind) == [.notFound])
    }

    @Test func `a forged holding is not believed by a new run`() {
        let world = BrokerWorld(after: self.world, seed: 2)
        let (owner, holder) = self.returning(to: world)
        holder.holdings = [
            HelloBody.Holding(
                entry: ReferenceEntry(reference: self.door, seal: Seal(high: 1, low: 1)), count: 1)
        ]
        owner.relink()
        holder.relink()
        holder.call(self.door)
        #expect(holder.take().last?.error.kind == .denied)
        #expect(owner.take().isEmpty)
    }

    /// Both nodes, ready to make links to another run of the broker.
    private func returning(
        to world: BrokerWorld
    ) -> (owner: ScriptedNode, holder: ScriptedNode) {
        self.caller.holdings = [
            HelloBody.Holding(
                entry: ReferenceEntry(
                    reference: self.door, seal: TestAuthority().seal(self.door, .first)),
                count: 1)
        ]
        return (
            ScriptedNode(self.callee, movedTo: world), ScriptedNode(self.caller, movedTo: world)
        )
    }
}
