// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import BusValue
import BusWire
import Testing

/// Bugs that other systems have had, each by its name, as far as the broker can have them.
@Suite struct RegressionTests {
    let world = BrokerWorld()
    let owner: ScriptedNode
    let holder: ScriptedNode
    let object: Reference

    /// `holder` has one copy of an object that nothing else keeps.
    init() {
        self.owner = ScriptedNode(self.world, "owner")
        self.holder = ScriptedNode(self.world, "holder")
        self.object = self.owner.publish("object", 1, foundBy: self.holder)
        self.owner.ask("withdraw(_:)", [.string("object")])
        _ = self.owner.take()
    }

    // RPyC 137, 526: the owner frees what its own reply is just bringing back.
    @Test func `a release that crosses the reply with the same reference frees nothing`() {
        self.holder.call(self.object)
        self.owner.reply(to: self.holder.incarnation, [self.object])
        // Sent before the reply came: of the first copy only.
        self.holder.release(self.object, 1)
        #expect(unrefs(self.owner.take()).isEmpty)
        self.holder.call(self.object, number: 2)
        #expect(self.owner.take().kinds == [.call])
        self.holder.release(self.object, 1)
        #expect(unrefs(self.owner.take()) == [[1, 2]])
    }

    @Test func `a reference that is let go as it is passed on has reached its receiver`() {
        let third = ScriptedNode(self.world, "third")
        third.publish("third", 1)
        self.holder.find("third")
        self.holder.call(third.object(1), [self.object], flags: .oneWay)
        self.holder.release(self.object)
        self.holder.send(.goodbye)
        #expect(third.take().kinds == [.call, .peerEnded])
        #expect(unrefs(self.owner.take()).isEmpty)
        third.call(self.object)
        #expect(self.owner.take().kinds == [.call])
        third.release(self.object)
        #expect(unrefs(self.owner.take()) == [[1, 1]])
    }

    // Ray 7326: a task hands an actor's handle on and ends; the actor ends with it.
    @Test func `what a node that ends has returned outlives it`() {
        let caller = ScriptedNode(self.world, "caller")
        self.holder.publish("task", 5)
        caller.find("task")
        caller.call(self.holder.object(5))
        self.holder.reply(to: caller.incarnation, [self.object])
        self.holder.die()
        self.world.pass(.seconds(2))
        #expect(unrefs(self.owner.take()).isEmpty)
        caller.call(self.object, number: 2)
        #expect(self.owner.take().kinds == [.call])
    }

    // Ray 7815: a handle that is returned, and that nobody but the caller keeps.
    @Test func `an object that is returned is held by its caller alone`() {
        self.holder.call(self.object)
        _ = self.owner.take()
        self.owner.reply(to: self.holder.incarnation, [self.owner.object(9)])
        self.holder.call(self.owner.object(9), number: 2)
        #expect(self.owner.take().kinds == [.call])
        self.holder.release(self.owner.object(9))
        #expect(unrefs(self.owner.take()) == [[9, 1]])
    }

    // Ray 45704: an actor that holds its own handle never ends.
    @Test func `an object that is given itself by another node is not held by itself`() {
        self.holder.call(self.object, [self.object])
        _ = self.owner.take()
        self.holder.release(self.object)
        #expect(unrefs(self.owner.take()) == [[1, 1]])
        #expect(self.world.core.referenceCount == 0)
    }

    @Test func `a reference comes home before the UNREF that lets its object go`() {
        self.holder.call(self.object, [self.object])
        self.holder.release(self.object)
        #expect(self.owner.take().kinds == [.call, .unref])
    }

    // zerorpc 121: what was asked of a process that died is run by the one that takes its place.
    @Test func `what waits for a process that ends is not for the one that takes its place`() {
        self.owner.die()
        self.holder.call(self.object, number: 1)
        self.holder.call(self.object, number: 2, flags: .oneWay)
        let successor = ScriptedNode(self.world, "owner")
        successor.publish("object", 1)
        _ = successor.take()
        #expect(self.holder.take().isEmpty)
        self.world.pass(.seconds(2))
        #expect(self.holder.take().map(\.header.kind).contains(.peerEnded))
        // Sent again by a caller that has not heard of it.
        self.holder.call(self.object, number: 1, flags: .resent)
        let failure = self.holder.take().first
        #expect(failure?.error.kind == .disconnected && failure?.error.executed == .maybe)
        #expect(!successor.take().kinds.contains(.call))
    }

    @Test func `a call that was sent once stays with its node when the name moves`() {
        let standby = ScriptedNode(self.world, "standby")
        self.owner.publish("name", 1)
        standby.publish("name", 1)
        _ = standby.take()
        self.holder.find("name")
        self.holder.call(self.object, number: 1, name: "name")
        #expect(self.owner.take().kinds == [.call])
        self.owner.ask("withdraw(_:)", [.string("name")])
        self.owner.relink()
        _ = self.holder.take()
        // The repetition goes where the first copy went, and only a new call is told.
        self.holder.call(
            self.object, number: 1, flags: .resent, peerEpoch: self.owner.epoch, name: "name")
        #expect(self.owner.take().kinds == [.call])
        self.holder.call(self.object, number: 2, peerEpoch: self.owner.epoch, name: "name")
        #expect(self.holder.take().first?.error.kind == .moved)
        #expect(!standby.take().kinds.contains(.call))
    }

    @Test func `a call that was sent once is not run by a standby after its node has ended`() {
        let standby = ScriptedNode(self.world, "standby")
        self.owner.publish("name", 1)
        standby.publish("name", 1)
        self.holder.call(self.object, number: 1, name: "name")
        self.owner.send(.goodbye)
        _ = standby.take()
        self.holder.call(self.object, number: 1, flags: .resent, name: "name")
        let told = self.holder.take()
        #expect(told.kinds == [.peerEnded, .failure])
        #expect(told.last?.error.kind == .disconnected && told.last?.error.executed == .maybe)
        #expect(!standby.take().kinds.contains(.call))
    }
}
